/*
 * ptx.h - what the two halves of the decoder share: ptx.c reads declarations,
 * labels and operands, instruction.c makes operations of instructions.
 */
#ifndef ptx_h
#define ptx_h

#include "lex.h"
#include "machine.h"

typedef enum NameKind {
  NAME_REG, NAME_FAMILY, NAME_LOCAL, NAME_SHARED, NAME_PARAM
} NameKind;

typedef struct Name {
  const char *text;
  size_t n;
  NameKind kind;
  uint32_t at, count;           /* place; members of a family */
  int size;                     /* bytes of a register; 1: predicate */
} Name;

typedef struct Label {
  const char *text;
  size_t n;
  int call;                     /* number of the inlined call that it is in */
  size_t op;
} Label;

/* A branch whose label may come later. */
typedef struct Jump {
  size_t op;
  int slot;                     /* -1: target, else place in the table */
  const char *text;
  size_t n;
  int call;
} Jump;

typedef struct Table { const char *text; size_t n; Lex at; int call; } Table;

typedef struct Decoder {
  Kernel *k;
  Lex x;
  Name *names;
  int name_count, name_room;
  Label *labels;
  int label_count;
  Jump *jumps;
  int jump_count;
  Table *tables;
  int table_count;
  size_t op_room;
  uint32_t line;                /* of lines, of the last .loc */
  int call, calls, depth;       /* inlined call at hand, all, how deep */
  const char *leave;            /* label behind the inlined call; NULL: none */
  const char *start;            /* of the instruction at hand */
  uint32_t guard;
  bool negated, failed;
} Decoder;

/* ptx.c */
void decode_error (Decoder *d, const char *format, ...)
  __attribute__((format(printf, 2, 3)));
uint32_t register_new (Decoder *d, int size);
uint32_t constant_of (Decoder *d, uint64_t bits, int size);
Name *name_find (Decoder *d, const char *text, size_t n);
Name *name_add (Decoder *d, const char *text, size_t n, NameKind kind);
/* Place in the register file of the operand at hand; size: wanted bytes of a
 * constant.  *got: bytes of the register. */
uint32_t operand (Decoder *d, int size, int *got);
uint32_t operand_of (Decoder *d, int size);     /* of just that size */
void jump_add (Decoder *d, size_t op, int slot, const char *text, size_t n);
void expect (Decoder *d, const char *text);
uint32_t local_new (Decoder *d, uint32_t bytes, uint32_t align);
void decode_body (Decoder *d);
void call_inline (Decoder *d, Kernel *callee, const Lex *arguments,
                  const Lex *results);

/* instruction.c */
Op *op_new (Decoder *d, Run *run);
void decode_instruction (Decoder *d);

#endif
