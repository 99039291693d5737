/*
 * lex.c - see lex.h.
 */
#include "lex.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space (const char *p, const char *end) {
  for (;;) {
    while (p < end && isspace((unsigned char) *p))
      p++;
    if (p + 1 < end && p[0] == '/' && p[1] == '/')
      while (p < end && *p != '\n')
        p++;
    else if (p + 1 < end && p[0] == '/' && p[1] == '*') {
      p += 2;
      while (p + 1 < end && !(p[0] == '*' && p[1] == '/'))
        p++;
      p += 2;
    } else
      return p;
  }
}

static bool in_word (const char *p) {
  return isalnum((unsigned char) *p) || (*p && strchr("_$%.", *p));
}

void lex_next (Lex *x) {
  const char *p = skip_space(x->p, x->end), *start = p;
  if (p >= x->end) {
    x->p = x->word = x->end;
    x->n = 0;
    return;
  }
  if (*p == '"') {
    for (p++; p < x->end && *p != '"'; p++)
      ;
    p++;
  } else if (in_word(p))
    while (p < x->end
           && (in_word(p) || (p[0] == ':' && p[1] == ':')
               || (p[0] == ':' && p[-1] == ':')))
      p++;
  else
    p++;
  x->word = start;
  x->n = (size_t) (p - start);
  x->p = p;
}

bool lex_is (const Lex *x, const char *text) {
  return x->n == strlen(text) && memcmp(x->word, text, x->n) == 0;
}

bool lex_take (Lex *x, const char *text) {
  if (!lex_is(x, text))
    return false;
  lex_next(x);
  return true;
}

bool lex_starts (const Lex *x, const char *text) {
  size_t n = strlen(text);
  return x->n >= n && memcmp(x->word, text, n) == 0;
}

/* A float64 literal where float32 is wanted and the other way round does not
 * occur in PTX; integers are cut to size by the caller. */
bool lex_number (Lex *x, int size, uint64_t *bits) {
  bool minus = false;
  Lex before = *x;
  if (lex_is(x, "-")) {
    minus = true;
    lex_next(x);
  }
  char text[40];
  if (x->n == 0 || x->n >= sizeof text || !isdigit((unsigned char) *x->word)) {
    *x = before;
    return false;
  }
  memcpy(text, x->word, x->n);
  text[x->n] = '\0';
  if (text[0] == '0' && strchr("fFdD", text[1]) && text[1])
    *bits = strtoull(text + 2, NULL, 16);
  else
    *bits = strtoull(text, NULL, 0);
  if (minus)
    *bits = -*bits;
  if (size < 8)
    *bits &= ((uint64_t) 1 << 8 * size) - 1;
  lex_next(x);
  return true;
}

void lex_skip_braces (Lex *x) {
  int depth = 0;
  do {
    if (lex_is(x, "{"))
      depth++;
    else if (lex_is(x, "}"))
      depth--;
    lex_next(x);
  } while (depth > 0 && x->n);
}

void lex_skip_line (Lex *x) {
  const char *p = x->word;
  while (p < x->end && *p != '\n')
    p++;
  x->p = p;
  lex_next(x);
}

int type_size (const char *type, size_t n) {
  static const struct { const char *name; int size; } types[] = {
    { "u8", 1 }, { "s8", 1 }, { "b8", 1 }, { "u16", 2 }, { "s16", 2 },
    { "b16", 2 }, { "f16", 2 }, { "bf16", 2 }, { "u32", 4 }, { "s32", 4 },
    { "b32", 4 }, { "f32", 4 }, { "u64", 8 }, { "s64", 8 }, { "b64", 8 },
    { "f64", 8 }, { "pred", 1 } };
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strlen(types[i].name) == n && memcmp(types[i].name, type, n) == 0)
      return types[i].size;
  return 0;
}

const char *last_part (const char *word, size_t *n) {
  const char *p = word + *n;
  while (p > word && p[-1] != '.')
    p--;
  *n -= (size_t) (p - word);
  return p;
}
