/*
 * lex.h - PTX as tokens: words, numbers and single signs.  A mnemonic with its
 * points, a register and a label are one word each.
 */
#ifndef lex_h
#define lex_h

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Lex {
  const char *p, *end;          /* what is left */
  const char *word;             /* the token at hand */
  size_t n;                     /* its length; 0: the end */
} Lex;

void lex_next (Lex *x);
bool lex_is (const Lex *x, const char *text);
bool lex_take (Lex *x, const char *text);       /* and goes on if it is so */
bool lex_starts (const Lex *x, const char *text);
/* The number at hand, as the bits of a value of size bytes: 0f and 0d forms
 * and a sign before it too.  False if there is none. */
bool lex_number (Lex *x, int size, uint64_t *bits);
/* Goes behind the brace that closes the one at hand. */
void lex_skip_braces (Lex *x);
void lex_skip_line (Lex *x);

/* Bytes of a type such as u32; 1 for pred too; 0 if it is none. */
int type_size (const char *type, size_t n);
/* The last part of a mnemonic: "u32" of "ld.param.u32". */
const char *last_part (const char *word, size_t *n);

#endif
