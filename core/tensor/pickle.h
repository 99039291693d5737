/*
 * pickle.h - the plain data of a Python pickle, without running anything.
 *
 * A pickle is a program for a small stack machine whose GLOBAL and REDUCE can
 * call any Python function.  Here the machine makes numbers, texts, tuples,
 * lists and dictionaries alone; the few names that torch.save uses for tensors
 * are known by a list, and a call of one becomes a value that says so.  Every
 * other name and every other opcode is refused by name and place.
 */
#ifndef pickle_h
#define pickle_h

#include "tensor/source.h"

typedef enum PickleKind {
  P_NONE, P_BOOL, P_INT, P_FLOAT,
  P_TEXT,                 /* also bytes */
  P_BIG,                  /* an integer of more than 8 bytes, as these */
  P_TUPLE, P_LIST,
  P_DICT,                 /* key, value, key, value ... in their order */
  P_GLOBAL,               /* an allowed name */
  P_STORAGE,              /* a persistent id: the items of its tuple */
  P_TENSOR                /* the arguments of a call that makes a tensor */
} PickleKind;

struct PickleObject;

typedef struct PickleValue {
  PickleKind kind;
  union {
    int64_t integer;      /* P_BOOL and P_INT */
    double real;
    struct PickleObject *object;
  };
} PickleValue;

typedef struct PickleObject {
  PickleValue *item;
  int64_t count, room;
  char *text;             /* count bytes and a 0 */
  const struct PickleGlobal *global;
  bool seen;              /* for those who walk over values */
} PickleObject;

typedef struct PickleGlobal {
  const char *module, *name;
  enum { CALL_NEVER, CALL_DICT, CALL_TENSOR, CALL_FIRST } call;
  Wire wire;              /* of a type of storage: CALL_NEVER */
} PickleGlobal;

/* Reads one pickle up to its STOP; the scope owns the value. */
PickleValue pickle_read (Source *s);

/* The text of a value without a zero byte in it, or NULL. */
const char *pickle_text (PickleValue v);

#endif
