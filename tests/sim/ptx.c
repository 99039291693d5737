/*
 * ptx.c - decodes a kernel: declarations, labels, operands, and where the
 * lanes of a warp meet again after a branch.
 *
 * Registers get places in one file of bytes: 32 lanes of 2, 4 or 8 bytes, a
 * mask for a predicate.  Constants and special registers are places of the
 * file too, filled in beforehand, so that every operand is read in one way.
 * Functions that are called are put in place of the call; their parameters
 * are local memory of the caller, which is what the PTX of a call says.
 */
#include "ptx.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE = 64, DEEPEST = 12 };

void decode_error (Decoder *d, const char *format, ...) {
  char what[300];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  if (!d->failed) {
    int n = (int) strcspn(d->start, ";\n");
    mistake("unknown-ptx", "%s: \"%.*s\" in kernel %s at %s", what,
            n < 100 ? n : 100, d->start, d->k->name,
            line_text(d->k, d->line));
  }
  d->failed = true;
  d->x.n = 0;                   /* nothing is left */
}

void expect (Decoder *d, const char *text) {
  if (!lex_take(&d->x, text) && !d->failed)
    decode_error(d, "no %s where one must be", text);
}

/* ---- registers and constants ---- */

static uint32_t file_take (Decoder *d, size_t bytes) {
  uint32_t at = d->k->file_bytes;
  d->k->file_bytes += (uint32_t) ((bytes + PLACE - 1) / PLACE * PLACE);
  return at;
}

static size_t lanes_size (int size) {
  return size == 1 ? 4 : (size_t) size * LANES;
}

uint32_t register_new (Decoder *d, int size) {
  return file_take(d, lanes_size(size));
}

uint32_t constant_of (Decoder *d, uint64_t bits, int size) {
  Kernel *k = d->k;
  for (int i = 0; i < k->constant_count; i++)
    if (k->constants[i].bits == bits
        && k->constants[i].size == (uint32_t) size)
      return k->constants[i].at;
  k->constants = realloc(k->constants, (size_t) (k->constant_count + 1)
                         * sizeof *k->constants);
  uint32_t at = register_new(d, size);
  k->constants[k->constant_count++]
    = (Constant) { at, (uint32_t) size, bits };
  return at;
}

static const char *const specials[] = {
  "%tid.x", "%tid.y", "%tid.z", "%ntid.x", "%ntid.y", "%ntid.z",
  "%ctaid.x", "%ctaid.y", "%ctaid.z", "%nctaid.x", "%nctaid.y", "%nctaid.z",
  "%laneid", "%warpid" };

static uint32_t special (Decoder *d) {
  Kernel *k = d->k;
  for (int i = 0; i < (int) (sizeof specials / sizeof *specials); i++)
    if (lex_is(&d->x, specials[i])) {
      for (int j = 0; j < k->special_count; j++)
        if (k->specials[j].which == i)
          return k->specials[j].at;
      uint32_t at = register_new(d, 4);
      k->specials[k->special_count++] = (Special) { at, i };
      return at;
    }
  return 0;
}

/* ---- names ---- */

Name *name_add (Decoder *d, const char *text, size_t n, NameKind kind) {
  if (d->name_count == d->name_room) {
    d->name_room = d->name_room ? 2 * d->name_room : 64;
    d->names = realloc(d->names, (size_t) d->name_room * sizeof *d->names);
  }
  d->names[d->name_count] = (Name) { text, n, kind, 0, 0, 0 };
  return &d->names[d->name_count++];
}

/* Inner scopes first.  A member of a family is given as a copy. */
Name *name_find (Decoder *d, const char *text, size_t n) {
  static Name member;
  for (int i = d->name_count - 1; i >= 0; i--) {
    Name *s = &d->names[i];
    if (s->kind != NAME_FAMILY) {
      if (s->n == n && memcmp(s->text, text, n) == 0)
        return s;
      continue;
    }
    if (n <= s->n || memcmp(s->text, text, s->n) != 0)
      continue;
    uint32_t index = 0;
    size_t j = s->n;
    for (; j < n && text[j] >= '0' && text[j] <= '9'; j++)
      index = 10 * index + (uint32_t) (text[j] - '0');
    if (j < n || index >= s->count)
      continue;
    member = *s;
    member.kind = NAME_REG;
    size_t place = (lanes_size(s->size) + PLACE - 1) / PLACE * PLACE;
    member.at = s->at + index * (uint32_t) place;
    return &member;
  }
  return NULL;
}

uint32_t local_new (Decoder *d, uint32_t bytes, uint32_t align) {
  Kernel *k = d->k;
  align = align < 16 ? align : 16;
  k->local_bytes = (k->local_bytes + align - 1) / align * align;
  uint32_t at = k->local_bytes;
  k->local_bytes += bytes;
  return at;
}

static uint32_t shared_new (Decoder *d, uint32_t bytes, uint32_t align) {
  Kernel *k = d->k;
  k->shared_bytes = (k->shared_bytes + align - 1) / align * align;
  uint32_t at = k->shared_bytes;
  k->shared_bytes += bytes;
  return at;
}

/* Shared variables of the module take room only in kernels that name them;
 * the one whose size the launch gives comes behind all others. */
static void shared_of_module (Decoder *d, Variable *v) {
  Name *s = name_add(d, v->name, strlen(v->name), NAME_SHARED);
  if (v->dynamic) {
    d->k->dynamic = true;
    d->k->shared_bytes = (d->k->shared_bytes + 15) / 16 * 16;
    s->at = d->k->shared_bytes;
  } else
    s->at = shared_new(d, (uint32_t) v->bytes, v->align);
}

/* The address of a variable in its own space, plus a following offset. */
static bool variable_address (Decoder *d, uint64_t *address) {
  Name *s = name_find(d, d->x.word, d->x.n);
  if (!s) {
    Variable *v = module_variable(d->k->module, d->x.word, d->x.n);
    if (!v)
      return false;
    if (v->space != SPACE_SHARED) {
      *address = (uint64_t) v->at;
      lex_next(&d->x);
      return true;
    }
    shared_of_module(d, v);
    s = name_find(d, d->x.word, d->x.n);
  }
  if (s->kind == NAME_REG || s->kind == NAME_FAMILY)
    return false;
  *address = s->at + (uint64_t) (s->kind == NAME_SHARED ? SHARED_BASE
                                 : s->kind == NAME_LOCAL ? LOCAL_BASE : 0);
  lex_next(&d->x);
  return true;
}

uint32_t operand (Decoder *d, int size, int *got) {
  uint64_t bits;
  *got = size;
  if (lex_take(&d->x, "_"))
    return 0;
  if (lex_number(&d->x, size, &bits))
    return constant_of(d, size == 1 && bits ? ~0u : bits, size);
  if (lex_take(&d->x, "WARP_SZ"))
    return constant_of(d, LANES, size);
  Name *s = name_find(d, d->x.word, d->x.n);
  if (s && s->kind == NAME_REG) {
    *got = s->size;
    lex_next(&d->x);
    return s->at;
  }
  uint32_t at = special(d);
  if (at) {
    *got = 4;
    lex_next(&d->x);
    return at;
  }
  if (variable_address(d, &bits)) {
    uint64_t more = 0;
    if (lex_take(&d->x, "+"))
      lex_number(&d->x, 8, &more);
    return constant_of(d, bits + more, size);
  }
  if (!d->failed)
    decode_error(d, "operand %.*s is not known", (int) d->x.n, d->x.word);
  return 0;
}

uint32_t operand_of (Decoder *d, int size) {
  int got;
  uint32_t at = operand(d, size, &got);
  if (got != size && !d->failed)
    decode_error(d, "a register of %d bytes where %d are meant", got, size);
  return at;
}

/* ---- declarations ---- */

/* .reg .b32 %r<40>; or .reg .b16 low, high; */
static void declare_registers (Decoder *d) {
  int size = type_size(d->x.word + 1, d->x.n - 1);
  size = size == 1 && !lex_is(&d->x, ".pred") ? 2 : size;
  lex_next(&d->x);
  while (d->x.n && !lex_take(&d->x, ";")) {
    Name *s = name_add(d, d->x.word, d->x.n, NAME_REG);
    s->size = size;
    lex_next(&d->x);
    uint64_t count = 1;
    if (lex_take(&d->x, "<")) {
      lex_number(&d->x, 8, &count);
      s->kind = NAME_FAMILY;
      s->count = (uint32_t) count;
      expect(d, ">");
    }
    s->at = d->k->file_bytes;
    for (uint64_t i = 0; i < count; i++)
      register_new(d, size);
    lex_take(&d->x, ",");
  }
}

typedef struct Shape { const char *name; size_t n; uint32_t bytes, align; }
  Shape;

/* .align 4 .b8 name[1024], from behind the space on */
static Shape declared (Decoder *d) {
  Shape s = { NULL, 0, 0, 0 };
  uint64_t number = 0;
  while (lex_starts(&d->x, ".")) {
    if (lex_take(&d->x, ".align")) {
      lex_number(&d->x, 8, &number);
      s.align = (uint32_t) number;
    } else {
      int size = type_size(d->x.word + 1, d->x.n - 1);
      if (size)                 /* not .ptr, .noalias ... */
        s.bytes = (uint32_t) size;
      lex_next(&d->x);
      if (s.align < (uint32_t) size)
        s.align = (uint32_t) size;
    }
  }
  s.name = d->x.word;
  s.n = d->x.n;
  lex_next(&d->x);
  while (lex_take(&d->x, "[")) {
    if (lex_number(&d->x, 8, &number))
      s.bytes *= (uint32_t) number;
    expect(d, "]");
  }
  return s;
}

static void declare_memory (Decoder *d, bool shared) {
  Shape s = declared(d);
  Name *name = name_add(d, s.name, s.n, shared ? NAME_SHARED : NAME_LOCAL);
  name->at = shared ? shared_new(d, s.bytes, s.align)
             : local_new(d, s.bytes, s.align);
  expect(d, ";");
}

static void entry_params (Decoder *d) {
  Kernel *k = d->k;
  if (!lex_take(&d->x, "("))
    return;
  while (d->x.n && !lex_take(&d->x, ")")) {
    expect(d, ".param");
    Shape s = declared(d);
    k->param_bytes = (k->param_bytes + s.align - 1) / s.align * s.align;
    Name *name = name_add(d, s.name, s.n, NAME_PARAM);
    name->at = k->param_bytes;
    k->params = realloc(k->params, (size_t) (k->param_count + 1)
                        * sizeof *k->params);
    k->params[k->param_count++]
      = (Param) { k->param_bytes, s.bytes, s.align };
    k->param_bytes += s.bytes;
    lex_take(&d->x, ",");
  }
}

static void entry_limits (Decoder *d) {
  d->k->threads_most = THREADS_MOST;
  while (d->x.n && !lex_is(&d->x, "{")) {
    bool limit = lex_is(&d->x, ".maxntid") || lex_is(&d->x, ".reqntid");
    lex_next(&d->x);
    uint64_t number, threads = 1;
    while (lex_number(&d->x, 8, &number)) {
      threads *= number;
      lex_take(&d->x, ",");
    }
    if (limit)
      d->k->threads_most = (uint32_t) threads;
  }
}

/* .loc file line column [, function_name x, inlined_at file line column] */
static void declare_line (Decoder *d) {
  const char *end = d->x.word;
  while (end < d->x.end && *end != '\n')
    end++;
  uint64_t v[6] = { 0 };
  int n = 0;
  while (d->x.n && d->x.word < end && n < 6) {
    if (lex_is(&d->x, "inlined_at"))
      n = 3;
    if (!lex_number(&d->x, 8, &v[n]))
      lex_next(&d->x);
    else
      n++;
  }
  while (d->x.n && d->x.word < end)
    lex_next(&d->x);
  if (v[1])                     /* line 0: made by the compiler */
    d->line = line_add((Line) { (int) v[0], (int) v[1], (int) v[3],
                                (int) v[4] });
}

static void declare_label (Decoder *d, const char *text, size_t n) {
  if (lex_take(&d->x, ".branchtargets")) {
    d->tables = realloc(d->tables,
                        (size_t) (d->table_count + 1) * sizeof *d->tables);
    d->tables[d->table_count++] = (Table) { text, n, d->x, d->call };
    while (d->x.n && !lex_take(&d->x, ";"))
      lex_next(&d->x);
    return;
  }
  d->labels = realloc(d->labels,
                      (size_t) (d->label_count + 1) * sizeof *d->labels);
  d->labels[d->label_count++] = (Label) { text, n, d->call, d->k->count };
}

void jump_add (Decoder *d, size_t op, int slot, const char *text, size_t n) {
  d->jumps = realloc(d->jumps,
                     (size_t) (d->jump_count + 1) * sizeof *d->jumps);
  d->jumps[d->jump_count++] = (Jump) { op, slot, text, n, d->call };
}

/* ---- bodies ---- */

static void guard_of (Decoder *d) {
  d->guard = 0;
  if (!lex_take(&d->x, "@"))
    return;
  d->negated = lex_take(&d->x, "!");
  d->guard = operand_of(d, 1);
}

/* From behind the opening brace to behind the closing one. */
void decode_body (Decoder *d) {
  int scopes[64], depth = 0;
  scopes[depth++] = d->name_count;
  while (d->x.n && depth > 0) {
    d->start = d->x.word;
    if (lex_take(&d->x, "{")) {
      if (depth < 64)
        scopes[depth++] = d->name_count;
    } else if (lex_take(&d->x, "}"))
      d->name_count = scopes[--depth];
    else if (lex_take(&d->x, ".reg"))
      declare_registers(d);
    else if (lex_take(&d->x, ".loc"))
      declare_line(d);
    else if (lex_take(&d->x, ".shared"))
      declare_memory(d, true);
    else if (lex_take(&d->x, ".local") || lex_take(&d->x, ".param"))
      declare_memory(d, false);
    else if (lex_take(&d->x, ".pragma"))
      while (d->x.n && !lex_take(&d->x, ";"))
        lex_next(&d->x);
    else {
      Lex word = d->x;
      lex_next(&d->x);
      if (lex_take(&d->x, ":"))
        declare_label(d, word.word, word.n);
      else {
        d->x = word;
        guard_of(d);
        decode_instruction(d);
        expect(d, ";");
      }
    }
  }
}

/* ---- calls ---- */

/* Names the parameters of the callee as the local variables of the caller. */
static void bind (Decoder *d, Lex *formal, const Lex *actual) {
  Lex a = *actual;
  if (!lex_take(formal, "("))
    return;
  lex_take(&a, "(");
  while (formal->n && !lex_take(formal, ")")) {
    Lex keep = d->x;
    d->x = *formal;
    lex_take(&d->x, ".param");
    Shape s = declared(d);
    *formal = d->x;
    d->x = keep;
    Name *from = name_find(d, a.word, a.n);
    uint32_t at = from && from->kind == NAME_LOCAL ? from->at : 0;
    if (!from || from->kind != NAME_LOCAL)
      decode_error(d, "argument %.*s of a call", (int) a.n, a.word);
    Name *name = name_add(d, s.name, s.n, NAME_LOCAL);
    name->at = at;
    lex_next(&a);
    lex_take(&a, ",");
    lex_take(formal, ",");
  }
}

void call_inline (Decoder *d, Kernel *callee, const Lex *arguments,
                  const Lex *results) {
  static const char leave[] = "(leave)";
  if (d->depth == DEEPEST) {
    decode_error(d, "calls that go too deep");
    return;
  }
  Lex back = d->x, x = { callee->text, callee->end, NULL, 0 };
  int call = d->call, names = d->name_count;
  const char *outer = d->leave;
  lex_next(&x);
  if (lex_is(&x, "("))
    bind(d, &x, results);
  lex_next(&x);                 /* its name */
  bind(d, &x, arguments);
  while (x.n && !lex_is(&x, "{"))
    lex_next(&x);
  lex_take(&x, "{");
  if (d->failed)
    return;
  d->x = x;
  d->call = ++d->calls;
  d->depth++;
  d->leave = leave;
  decode_body(d);
  declare_label(d, leave, sizeof leave - 1);
  op_new(d, run_nothing)->name = "end of call";
  d->depth--;
  d->leave = outer;
  d->call = call;
  d->name_count = names;
  if (!d->failed)
    d->x = back;
}

/* ---- branches ---- */

static const Label *label_find (Decoder *d, const Jump *j) {
  for (int i = 0; i < d->label_count; i++) {
    const Label *l = &d->labels[i];
    if (l->call == j->call && l->n == j->n
        && memcmp(l->text, j->text, j->n) == 0)
      return l;
  }
  decode_error(d, "label %.*s is not there", (int) j->n, j->text);
  return NULL;
}

static void resolve (Decoder *d) {
  Op *ops = d->k->ops;
  for (int i = 0; i < d->jump_count; i++) {
    const Jump *j = &d->jumps[i];
    const Label *l = label_find(d, j);
    if (!l)
      return;
    if (j->slot < 0)
      ops[j->op].target = ops + l->op;
    else
      ops[j->op].table[j->slot] = ops + l->op;
  }
}

/* Where paths meet: the immediate postdominator (Cooper, Harvey and Kennedy,
 * "A simple, fast dominance algorithm", 2001) of each operation; node count
 * is the exit.  Edges are kept backwards, by the node that they lead to. */
typedef struct Meet {
  int n, *first, *from;         /* node i is reached from[first[i] ...] */
  int *meet, *order, *place, count;
} Meet;

/* i-th operation that may follow op; -1: no more. */
static int follows (const Kernel *k, int op, int i) {
  const Op *o = &k->ops[op];
  int n = (int) k->count, after = op + 1 < n ? op + 1 : n;
  bool goes_on = o->guard != 0;
  switch (o->kind) {
    case OP_BRANCH:
      return i == 0 ? (int) (o->target - k->ops)
             : i == 1 && goes_on ? after : -1;
    case OP_TABLE: return i < o->count ? (int) (o->table[i] - k->ops) : -1;
    case OP_EXIT: case OP_TRAP:
      return i == 0 ? n : i == 1 && goes_on ? after : -1;
    default: return i == 0 ? after : -1;
  }
}

static void find_edges (const Kernel *k, Meet *m) {
  m->first = calloc((size_t) m->n + 2, sizeof (int));
  for (int op = 0; op < m->n; op++)
    for (int i = 0, to; (to = follows(k, op, i)) >= 0; i++)
      m->first[to + 1]++;
  for (int i = 0; i <= m->n; i++)
    m->first[i + 1] += m->first[i];
  m->from = malloc(((size_t) m->first[m->n + 1] + 1) * sizeof (int));
  int *at = calloc((size_t) m->n + 1, sizeof (int));
  for (int op = 0; op < m->n; op++)
    for (int i = 0, to; (to = follows(k, op, i)) >= 0; i++)
      m->from[m->first[to] + at[to]++] = op;
  free(at);
}

/* Nodes in postorder, walking backwards from the exit. */
static void order_nodes (Meet *m) {
  size_t n = (size_t) m->n + 1;
  int depth = 0, *stack = malloc(n * sizeof *stack);
  int *step = calloc(n, sizeof *step);
  stack[depth++] = m->n;
  m->place[m->n] = -2;          /* seen */
  while (depth > 0) {
    int at = stack[depth - 1], edge = m->first[at] + step[at]++;
    if (edge == m->first[at + 1]) {
      m->place[at] = m->count;
      m->order[m->count++] = at;
      depth--;
    } else if (m->place[m->from[edge]] == -1) {
      m->place[m->from[edge]] = -2;
      stack[depth++] = m->from[edge];
    }
  }
  free(stack);
  free(step);
}

static int meet_of (const Meet *m, int a, int b) {
  while (a != b) {
    while (m->place[a] < m->place[b])
      a = m->meet[a];
    while (m->place[b] < m->place[a])
      b = m->meet[b];
  }
  return a;
}

static void find_meets (const Kernel *k, Meet *m) {
  m->meet[m->n] = m->n;
  for (bool changed = true; changed; ) {
    changed = false;
    for (int i = m->count - 2; i >= 0; i--) {
      int at = m->order[i], to, best = -1;
      for (int j = 0; (to = follows(k, at, j)) >= 0; j++)
        if (m->meet[to] >= 0)
          best = best < 0 ? to : meet_of(m, best, to);
      changed |= best != m->meet[at];
      m->meet[at] = best;
    }
  }
}

static void find_joins (Kernel *k) {
  size_t n = k->count + 1;
  Meet m = { .n = (int) k->count, .meet = malloc(n * sizeof (int)),
             .order = malloc(n * sizeof (int)),
             .place = malloc(n * sizeof (int)) };
  for (size_t i = 0; i < n; i++)
    m.meet[i] = m.place[i] = -1;
  find_edges(k, &m);
  order_nodes(&m);
  find_meets(k, &m);
  for (int i = 0; i < m.n; i++)
    if (m.meet[i] >= 0 && m.meet[i] < m.n)
      k->ops[i].join = k->ops + m.meet[i];
  free(m.first);
  free(m.from);
  free(m.meet);
  free(m.order);
  free(m.place);
}

/* ---- kernels ---- */

static void decoder_free (Decoder *d) {
  free(d->names);
  free(d->labels);
  free(d->jumps);
  free(d->tables);
}

bool kernel_decode (Kernel *k) {
  if (k->decoded)
    return !k->broken;
  Decoder d = { .k = k, .x = { k->text, k->end, NULL, 0 },
                .start = k->text };
  k->decoded = true;
  k->file_bytes = PLACE;        /* place 0 is none */
  lex_next(&d.x);
  lex_next(&d.x);               /* its name */
  entry_params(&d);
  entry_limits(&d);
  expect(&d, "{");
  decode_body(&d);
  if (!d.failed) {
    Op *end = op_new(&d, run_nothing);
    end->kind = OP_EXIT;
    end->name = "end";
    resolve(&d);
  }
  if (!d.failed)
    find_joins(k);
  k->shared_bytes = (k->shared_bytes + 15) / 16 * 16;
  k->local_bytes = (k->local_bytes + 15) / 16 * 16;
  k->broken = d.failed;
  decoder_free(&d);
  return !k->broken;
}
