/*
 * pickle.c - see pickle.h.
 *
 * Values lie on a stack; marks remember its height.  Only containers and texts
 * are allocated, each owned by the scope, and their number, the stack and the
 * memo have limits, so that a forged pickle cannot ask for more memory than a
 * few times its size.  Nothing here is recursive.
 */
#include "tensor/pickle.h"

#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

enum { MOST = 1 << 20, LONGEST_NAME = 200 };   /* of objects, values, memos */

typedef struct Machine {
  Source *source;
  int64_t at, op_at;         /* bytes taken; where the opcode stands */
  PickleValue *stack, *memo;
  int64_t *mark;
  int64_t height, room, memos, marks, marks_room, objects;
} Machine;

#define BAD(m, format, ...) \
  source_bad((m)->source, "at byte %" PRId64 ": " format, (m)->op_at, \
             __VA_ARGS__)

/* ---- names that are allowed ---- */

#define STORAGE(name, wire) { "torch", name, CALL_NEVER, wire }

static const PickleGlobal globals[] = {
  { "collections", "OrderedDict", CALL_DICT, WIRES },
  { "torch", "Size", CALL_FIRST, WIRES },
  { "torch._utils", "_rebuild_tensor_v2", CALL_TENSOR, WIRES },
  { "torch._utils", "_rebuild_tensor", CALL_TENSOR, WIRES },
  { "torch._utils", "_rebuild_parameter", CALL_FIRST, WIRES },
  STORAGE("FloatStorage", WIRE_F32), STORAGE("DoubleStorage", WIRE_F64),
  STORAGE("HalfStorage", WIRE_F16), STORAGE("BFloat16Storage", WIRE_BF16),
  STORAGE("LongStorage", WIRE_I64), STORAGE("IntStorage", WIRE_I32),
  STORAGE("ShortStorage", WIRE_I16), STORAGE("CharStorage", WIRE_I8),
  STORAGE("ByteStorage", WIRE_U8), STORAGE("BoolStorage", WIRE_BOOL),
};

/* Storages of a GPU have the same names in another module. */
static const PickleGlobal *find_global (const char *module,
                                        const char *name) {
  bool cuda = strcmp(module, "torch.cuda") == 0;
  for (size_t i = 0; i < sizeof globals / sizeof *globals; i++) {
    const PickleGlobal *g = &globals[i];
    bool here = cuda ? g->wire != WIRES : strcmp(module, g->module) == 0;
    if (here && strcmp(name, g->name) == 0)
      return g;
  }
  return NULL;
}

/* ---- memory ---- */

static void drop_object (void *thing) {
  PickleObject *o = thing;
  mem_free(o->item);
  mem_free(o->text);
  mem_free(o);
}

static PickleObject *object_new (Machine *m) {
  if (++m->objects > MOST)
    BAD(m, "more than %d objects", MOST);
  own_reserve();
  PickleObject *o = mem_new(sizeof *o);
  own(o, drop_object);
  return o;
}

static void drop_machine (void *thing) {
  Machine *m = thing;
  mem_free(m->stack);
  mem_free(m->memo);
  mem_free(m->mark);
  mem_free(m);
}

/* Room for one more; the limit keeps forged pickles small. */
static void *one_more (Machine *m, void *list, int64_t count, int64_t *room,
                       size_t size) {
  if (count < *room)
    return list;
  if (count >= 2 * (int64_t) MOST)
    BAD(m, "more than %d values", 2 * MOST);
  int64_t more = 2 * *room + 16;
  list = mem_grow(list, (size_t) more * size);
  *room = more;
  return list;
}

static void append (Machine *m, PickleObject *o, PickleValue v) {
  o->item = one_more(m, o->item, o->count, &o->room, sizeof v);
  o->item[o->count++] = v;
}

/* ---- the stack ---- */

static void push (Machine *m, PickleValue v) {
  m->stack = one_more(m, m->stack, m->height, &m->room, sizeof v);
  m->stack[m->height++] = v;
}

static void push_plain (Machine *m, PickleKind kind, int64_t integer) {
  push(m, (PickleValue) { .kind = kind, .integer = integer });
}

static PickleObject *push_new (Machine *m, PickleKind kind) {
  PickleObject *o = object_new(m);
  push(m, (PickleValue) { .kind = kind, .object = o });
  return o;
}

static int64_t bottom (const Machine *m) {
  return m->marks > 0 ? m->mark[m->marks - 1] : 0;
}

/* The values above the last mark are not taken by anything below it. */
static PickleValue pop (Machine *m) {
  if (m->height <= bottom(m))
    BAD(m, "%s", "takes a value where there is none");
  return m->stack[--m->height];
}

static PickleValue *top (Machine *m) {
  if (m->height <= bottom(m))
    BAD(m, "%s", "takes a value where there is none");
  return &m->stack[m->height - 1];
}

static void push_mark (Machine *m) {
  m->mark = one_more(m, m->mark, m->marks, &m->marks_room, sizeof *m->mark);
  m->mark[m->marks++] = m->height;
}

/* Where the values above the last mark begin; the mark is gone. */
static int64_t pop_mark (Machine *m) {
  if (m->marks == 0)
    BAD(m, "%s", "takes a mark where there is none");
  return m->mark[--m->marks];
}

/* ---- bytes ---- */

static void take (Machine *m, void *to, size_t count) {
  source_read(m->source, to, count);
  m->at += (int64_t) count;
}

static uint64_t take_number (Machine *m, int bytes) {
  unsigned char b[8];
  take(m, b, (size_t) bytes);
  return little_endian(b, bytes);
}

static void push_text (Machine *m, PickleKind kind, uint64_t length) {
  if ((int64_t) length < 0 || (int64_t) length > source_left(m->source))
    BAD(m, "a text of %" PRIu64 " bytes is longer than the file", length);
  PickleObject *o = push_new(m, kind);
  o->text = mem_new(length + 1);
  o->count = (int64_t) length;
  take(m, o->text, length);
}

static void push_long (Machine *m, uint64_t bytes) {
  if (bytes > 8) {
    push_text(m, P_BIG, bytes);
    return;
  }
  int shift = 64 - 8 * (int) bytes;
  uint64_t n = take_number(m, (int) bytes);
  push_plain(m, P_INT, bytes ? (int64_t) (n << shift) >> shift : 0);
}

static void push_float (Machine *m) {
  unsigned char b[8];
  uint64_t bits = 0;
  take(m, b, sizeof b);
  for (int i = 0; i < 8; i++)
    bits = bits << 8 | b[i];
  PickleValue v = { .kind = P_FLOAT };
  memcpy(&v.real, &bits, sizeof bits);
  push(m, v);
}

/* ---- names and calls ---- */

static void take_line (Machine *m, char *to) {
  for (int i = 0; i < LONGEST_NAME; i++) {
    take(m, to + i, 1);
    if (to[i] == '\n' || to[i] == 0) {
      to[i] = 0;
      return;
    }
  }
  BAD(m, "a name of more than %d bytes", LONGEST_NAME);
}

static void push_global (Machine *m, const char *module, const char *name) {
  const PickleGlobal *g = find_global(module, name);
  if (g == NULL)
    BAD(m, "needs the Python name %s.%s, but only tensors in dictionaries and "
        "lists are read, and nothing is run (torch.save(model.state_dict(), ...)"
        " saves a model's)", module, name);
  push_new(m, P_GLOBAL)->global = g;
}

static void take_global (Machine *m) {
  char module[LONGEST_NAME], name[LONGEST_NAME];
  take_line(m, module);
  take_line(m, name);
  push_global(m, module, name);
}

static void stack_global (Machine *m) {
  const char *name = pickle_text(pop(m)), *module = pickle_text(pop(m));
  if (name == NULL || module == NULL)
    BAD(m, "%s", "a name that is not a text");
  push_global(m, module, name);
}

/* OrderedDict() or OrderedDict([[key, value], ...]), as Python 2 wrote it. */
static void call_dict (Machine *m, const PickleObject *args) {
  PickleObject *d = push_new(m, P_DICT);
  if (args->count == 0)
    return;
  if (args->count != 1 || args->item[0].kind != P_LIST)
    BAD(m, "%s", "a dictionary made from something else than pairs");
  const PickleObject *list = args->item[0].object;
  for (int64_t i = 0; i < list->count; i++) {
    PickleValue pair = list->item[i];
    if ((pair.kind != P_LIST && pair.kind != P_TUPLE)
        || pair.object->count != 2)
      BAD(m, "%s", "a dictionary made from something else than pairs");
    append(m, d, pair.object->item[0]);
    append(m, d, pair.object->item[1]);
  }
}

static void reduce (Machine *m) {
  PickleValue args = pop(m), f = pop(m);
  if (f.kind != P_GLOBAL || args.kind != P_TUPLE)
    BAD(m, "%s", "a call of something that is not a function");
  const PickleGlobal *g = f.object->global;
  switch (g->call) {
    case CALL_DICT: call_dict(m, args.object); return;
    case CALL_TENSOR:
      push(m, (PickleValue) { .kind = P_TENSOR, .object = args.object });
      return;
    case CALL_FIRST:
      if (args.object->count == 0)
        BAD(m, "%s.%s without arguments", g->module, g->name);
      push(m, args.object->item[0]);
      return;
    case CALL_NEVER: break;
  }
  BAD(m, "a call of %s.%s, which is not read", g->module, g->name);
}

/* State of an ordered dictionary: the versions of a model's modules. */
static void build (Machine *m) {
  pop(m);
  if (top(m)->kind != P_DICT)
    BAD(m, "%s", "BUILD of something that is not a dictionary");
}

static void persistent (Machine *m) {
  PickleValue id = pop(m);
  if (id.kind != P_TUPLE)
    BAD(m, "%s", "a persistent id that is not a tuple");
  push(m, (PickleValue) { .kind = P_STORAGE, .object = id.object });
}

/* ---- containers ---- */

static void push_sequence (Machine *m, PickleKind kind, int64_t from) {
  int64_t count = m->height - from;
  PickleObject *o = object_new(m);
  for (int64_t i = 0; i < count; i++)
    append(m, o, m->stack[from + i]);
  m->height = from;
  push(m, (PickleValue) { .kind = kind, .object = o });
}

static void push_tuple (Machine *m, int count) {
  if (m->height - bottom(m) < count)
    BAD(m, "%s", "takes a value where there is none");
  push_sequence(m, P_TUPLE, m->height - count);
}

/* Moves the values from a place of the stack into the container below. */
static void add_items (Machine *m, PickleKind kind, int64_t from) {
  int64_t count = m->height - from;
  m->height = from;
  PickleValue into = *top(m);
  if (into.kind != kind || (kind == P_DICT && count % 2 != 0))
    BAD(m, "adds entries to something that is not a %s",
        kind == P_DICT ? "dictionary" : "list");
  for (int64_t i = 0; i < count; i++)
    append(m, into.object, m->stack[from + i]);
}

static void add_last (Machine *m, PickleKind kind, int count) {
  if (m->height - bottom(m) < count)
    BAD(m, "%s", "takes a value where there is none");
  add_items(m, kind, m->height - count);
}

static void push_dict (Machine *m) {
  push_sequence(m, P_DICT, pop_mark(m));
  if (top(m)->object->count % 2 != 0)
    BAD(m, "%s", "a dictionary with a key and no value");
}

/* ---- memo ---- */

static void remember (Machine *m, uint64_t i) {
  if (i >= MOST)
    BAD(m, "a memo of more than %d places", MOST);
  if ((int64_t) i >= m->memos) {
    int64_t room = 2 * (int64_t) i + 64;
    m->memo = mem_grow(m->memo, (size_t) room * sizeof *m->memo);
    memset(m->memo + m->memos, 0xFF,
           (size_t) (room - m->memos) * sizeof *m->memo);
    m->memos = room;
  }
  m->memo[i] = *top(m);
}

/* MEMOIZE takes the next number. */
static void remember_next (Machine *m, int64_t *next) {
  remember(m, (uint64_t) (*next)++);
}

static void recall (Machine *m, uint64_t i) {
  if (i >= (uint64_t) m->memos || (int) m->memo[i].kind == -1)
    BAD(m, "takes memo %" PRIu64 ", which is not there", i);
  push(m, m->memo[i]);
}

/* ---- the machine ---- */

static void need_protocol (Machine *m) {
  int n = (int) take_number(m, 1);
  if (n < 2 || n > 5)
    BAD(m, "pickle protocol %d; read are 2 to 5", n);
}

/* One opcode, by the letters of Python's pickletools; false at STOP. */
static bool step (Machine *m, int op, int64_t *next) {
  switch (op) {
    case 0x80: need_protocol(m); break;
    case 0x95: take_number(m, 8); break;                        /* FRAME */
    case 'N': push_plain(m, P_NONE, 0); break;
    case 0x88: push_plain(m, P_BOOL, 1); break;
    case 0x89: push_plain(m, P_BOOL, 0); break;
    case 'J': push_plain(m, P_INT, (int32_t) take_number(m, 4)); break;
    case 'K': push_plain(m, P_INT, (int64_t) take_number(m, 1)); break;
    case 'M': push_plain(m, P_INT, (int64_t) take_number(m, 2)); break;
    case 0x8a: push_long(m, take_number(m, 1)); break;          /* LONG1 */
    case 'G': push_float(m); break;
    case 'X': case 'T': case 'B':
      push_text(m, P_TEXT, take_number(m, 4)); break;
    case 0x8c: case 'U': case 'C':
      push_text(m, P_TEXT, take_number(m, 1)); break;
    case 0x8d: case 0x8e: push_text(m, P_TEXT, take_number(m, 8)); break;
    case '(': push_mark(m); break;
    case ')': push_new(m, P_TUPLE); break;
    case ']': push_new(m, P_LIST); break;
    case '}': push_new(m, P_DICT); break;
    case 0x85: push_tuple(m, 1); break;
    case 0x86: push_tuple(m, 2); break;
    case 0x87: push_tuple(m, 3); break;
    case 't': push_sequence(m, P_TUPLE, pop_mark(m)); break;
    case 'l': push_sequence(m, P_LIST, pop_mark(m)); break;
    case 'd': push_dict(m); break;
    case 'a': add_last(m, P_LIST, 1); break;
    case 'e': add_items(m, P_LIST, pop_mark(m)); break;
    case 's': add_last(m, P_DICT, 2); break;
    case 'u': add_items(m, P_DICT, pop_mark(m)); break;
    case 'q': remember(m, take_number(m, 1)); break;
    case 'r': remember(m, take_number(m, 4)); break;
    case 0x94: remember_next(m, next); break;
    case 'h': recall(m, take_number(m, 1)); break;
    case 'j': recall(m, take_number(m, 4)); break;
    case 'c': take_global(m); break;
    case 0x93: stack_global(m); break;
    case 'R': reduce(m); break;
    case 'b': build(m); break;
    case 'Q': persistent(m); break;
    case '0': pop(m); break;
    case '1': m->height = pop_mark(m); break;
    case '.': return false;
    default:
      BAD(m, "the pickle opcode 0x%02x is not one of those that save tensors",
          (unsigned) op);
  }
  return true;
}

PickleValue pickle_read (Source *s) {
  own_reserve();
  Machine *m = mem_new(sizeof *m);
  own(m, drop_machine);
  m->source = s;
  unsigned char op;
  int64_t next = 0;
  do {
    m->op_at = m->at + 1;
    take(m, &op, 1);
  } while (step(m, op, &next));
  if (m->height != 1 || m->marks != 0)
    BAD(m, "the pickle ends with %" PRId64 " values; one is right", m->height);
  return m->stack[0];
}

const char *pickle_text (PickleValue v) {
  if (v.kind != P_TEXT || strlen(v.object->text) != (size_t) v.object->count)
    return NULL;
  return v.object->text;
}
