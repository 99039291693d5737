/*
 * op.h - records of ops, calls of them, and the nodes that calls leave.
 *
 * Everything that a user can call on tensors is an Op record in one C file of
 * autograd/, nn/ or metrics/.  The record's argument line is read by the
 * binding, by help and by the tests:
 *
 *   "x:tensor axis:axis=-1 | keep:bool=false"
 *
 * What stands before the bar is given by position, what stands behind it in
 * one trailing table.  name:kind, then ? (may be nil) or =default.  Kinds:
 *
 *   tensor    a tensor                       -> arg(c, "x")
 *   operand   a tensor or a number           -> arg: a number is a tensor of
 *                                               rank 0 in the value block
 *   value     a number that may change between steps (never structure): a
 *             tensor of rank 0 in the value block -> arg, or scalar(c, "p")
 *   tensors   a list of tensors              -> arg_list(c, "x", &n)
 *   int       an integer                     -> arg_int
 *   axis      1-based, negative from the end -> arg_int, 0-based; the first
 *             tensor argument is the one that has the axis
 *   axes      an axis or a list of them      -> arg_shape: size[] holds the
 *                                               0-based axes, ascending
 *   shape     sizes: numbers or a list       -> arg_shape
 *   ints      a list of integers             -> arg_shape
 *   bool, text, dtype                        -> arg_bool, arg_text, arg_dtype
 *   address   hidden: where this call's random numbers lie -> arg_address
 *
 * A tensor of another dtype than float32 is handed over as it is; ops say
 * what they take with need_dtype or need_float.
 */
#ifndef op_h
#define op_h

#include "backend/kernels.h"
#include "tensor/tensor.h"

enum { MAX_ARGS = 12, MAX_CASES = 8, MAX_SAVED = 3 };

typedef enum ArgKind {
  ARG_TENSOR, ARG_OPERAND, ARG_VALUE, ARG_TENSORS, ARG_INT, ARG_AXIS,
  ARG_AXES, ARG_SHAPE, ARG_INTS, ARG_BOOL, ARG_TEXT, ARG_DTYPE, ARG_ADDRESS,
  ARG_KINDS
} ArgKind;

typedef struct Arg {
  ArgKind kind;
  bool given;                 /* false: optional and absent */
  uint64_t version;           /* in a node: of its storages, at the call */
  union {
    Tensor *tensor;           /* TENSOR, OPERAND, VALUE, ADDRESS */
    int64_t integer;          /* INT, AXIS, BOOL, DTYPE */
    const char *text;         /* TEXT: interned, lives as long as the program */
    struct { Tensor **item; int count; } list;       /* TENSORS */
    Shape shape;              /* AXES, SHAPE, INTS */
  };
} Arg;

struct Spec;

typedef struct Call {
  const struct Op *op;
  const struct Spec *spec;    /* the parsed argument line */
  Tensor *saved[MAX_SAVED];   /* kept by the forward for the backward */
  struct Node *node;          /* in a backward */
  Arg arg[MAX_ARGS];          /* set are those that the line has */
} Call;

typedef struct Op {
  const char *name;
  const char *args;
  const char *doc;            /* what; shapes, units, errors, source */
  const char *example;        /* a call in Lua, without va. */
  const char *cases[MAX_CASES];   /* more calls for the tests */
  const char *bench;          /* a call at the size of a real step */

  /* Either .shape and .forward: the rule checks the arguments (raise_user),
   * sets shape and dtype of the result; forward fills it.  Or .make alone,
   * which returns a view of an argument or a composition of other ops. */
  void (*shape) (const Call *c, Shape *y, DType *dtype);
  void (*forward) (Call *c, Tensor *y);
  Tensor *(*make) (Call *c);

  /* Gives gradients to the inputs that want one: see give and grad. */
  void (*backward) (Call *c, Tensor *y, Tensor *dy);
  const char *no_gradient;    /* the reason, told to the user */
  bool constant;              /* result is never tracked (eq, round, argmax) */
  bool linear;                /* the tests also run the adjoint test */
  bool composes;              /* .make is made of ops that record themselves */
  bool custom;                /* backward is a Lua function (va.op) */
} Op;

/* The lists of records, each ends with a record without a name. */
extern const Op pointwise_ops[];
extern const Op *const op_families[];
const Op *op_find (const char *name);       /* NULL if there is none */

/* A call without arguments as yet. */
void call_begin (Call *c, const Op *o, const struct Spec *spec);
/* Reading a call. */
int arg_place (const Call *c, const char *name);      /* in its line */
Tensor *arg (const Call *c, const char *name);   /* NULL if absent */
Tensor *const *arg_list (const Call *c, const char *name, int *count);
int64_t arg_int (const Call *c, const char *name);
bool arg_bool (const Call *c, const char *name);
const char *arg_text (const Call *c, const char *name);
DType arg_dtype (const Call *c, const char *name);
Shape arg_shape (const Call *c, const char *name);    /* rank 0 if absent */
bool arg_given (const Call *c, const char *name);
Scalar scalar (const Call *c, const char *name);
Address arg_address (const Call *c, const char *name);

/* Checks for shape rules: raise_user with op and argument named. */
_Noreturn void bad_arg (const Call *c, const char *name, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));
void need_rank (const Call *c, const char *name, int rank);
void need_axes (const Call *c, const char *name, int at_least);
void need_dtype (const Call *c, const char *name, DType dtype);
void need_float (const Call *c, const char *name);   /* not float64 */
void need_shape (const Call *c, const char *name, const Shape *wanted);
void need_count (const Call *c, const char *name, int64_t at_least);

/* For forwards and backwards. */
const Kernels *kern (const Tensor *t);
Tensor *result_new (const Call *c, DType dtype, const Shape *shape);
                                   /* a tensor on the device of the call */
Tensor *dense (Tensor *t);         /* t itself, or a contiguous copy */
Tensor *float_of (Tensor *t);      /* t itself, or a float32 copy, contiguous */
/* A tensor argument as float32, any strides: what need_float lets through. */
Tensor *take_float (const Call *c, const char *name);
void save (Call *c, int slot, Tensor *t);     /* keeps t in c->saved[slot] */

bool wants (const Call *c, const char *name);
bool wants_item (const Call *c, const char *name, int i);     /* of a list */
/* Hands a gradient over, of the shape of the input: added to what is there.
 * The tensor is not written afterwards by the giver. */
void give (Call *c, const char *name, Tensor *dx);
void give_item (Call *c, const char *name, int i, Tensor *dx);
/* The gradient of an input as a dense tensor to be added to by a kernel;
 * zeros at first.  For ops that touch a part of it (slice, gather). */
Tensor *grad (Call *c, const char *name);
/* Whether the gradient of the result is nobody else's: it may be written. */
bool spare (const Call *c, const Tensor *dy);

/*
 * Calling ops from C.  The arguments follow the argument line in order, the
 * named ones included: Tensor * for tensor and operand, double for value, int
 * for int, axis (0-based), bool and dtype, const char * for text, const Shape *
 * for shape, axes and ints, Tensor *const * and int for tensors; nothing for
 * address.
 */
Tensor *op (const char *name, ...);
Tensor *op_call (const Op *o, Call *c);   /* a filled call; used by bind */
void op_record (const Call *c, Tensor *y);   /* leaves a node where due */

/* The argument line, parsed. */
typedef struct ArgSpec {
  char name[16];
  ArgKind kind;
  bool optional, named;
  bool has_default;
  double number;              /* default of value, int, axis, bool, dtype */
  const char *text;           /* default of text */
} ArgSpec;

typedef struct Spec {
  const char *name;           /* of the op or layer, for messages */
  const char *line;
  int count, positional;
  ArgSpec arg[MAX_ARGS];
} Spec;

/* Parsed once per line (by address) and kept. */
const Spec *spec_of (const char *name, const char *line);

/*
 * The value block: numbers that may change between steps.  A slot is written
 * once; a full block is left to those who hold it and a new one is begun.
 */
Tensor *value_new (double number);            /* rank 0, float32 */
Tensor *address_new (uint64_t key, uint32_t step, uint32_t call);
Tensor *whole_new (int32_t number);           /* rank 0, int32 */
void value_fresh (void);     /* a turn begins or ends: so does a block */

/* The stream that the next address comes from (step.c). */
Tensor *address_next (void);

/*
 * Nodes.  A tensor is tracked if it has a node.  A leaf (parameter, va.var)
 * has a node without an op; a result owns the node of the call that made it.
 */
typedef struct Node {
  uint64_t seq;               /* order of making */
  bool leaf, released, stale;
  struct Node *before, *after;    /* nodes made in the same loop body */
  /* during a walk: */
  bool wanted, needed, own_grad;
  uint64_t walk;
  Tensor *grad;
  Call call;                  /* arguments and saved tensors, kept; there is
                                 room for as many as it has */
} Node;

bool tracked (const Tensor *t);
void track_leaf (Tensor *t);               /* parameter or va.var */

#endif
