/*
 * instruction.c - makes operations of the instructions of PTX.
 *
 * Plain arithmetic is looked up in the table of alu.c by its whole mnemonic,
 * which says the sizes of its operands; what has a form of its own (memory,
 * branches, barriers, shuffles, conversions) is read here.  An instruction
 * that is not known is a mistake, reported by name.
 */
#include "ptx.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE = 2048 };

/* ---- the table by names ---- */

static struct { const char *name; size_t n; const Alu *alu; } slots[TABLE];

static uint32_t hash_of (const char *name, size_t n) {
  uint32_t h = 2166136261u;
  for (size_t i = 0; i < n; i++)
    h = (h ^ (unsigned char) name[i]) * 16777619u;
  return h;
}

static void fill_table (void) {
  for (int i = 0; i < alu_count; i++)
    for (const char *p = alu_table[i].names; *p; ) {
      size_t n = strcspn(p, " ");
      uint32_t at = hash_of(p, n) % TABLE;
      while (slots[at].alu)
        at = (at + 1) % TABLE;
      slots[at].name = p;
      slots[at].n = n;
      slots[at].alu = &alu_table[i];
      p += n + (p[n] == ' ');
    }
}

static const Alu *alu_find (const char *name, size_t n) {
  static bool filled;
  if (!filled)
    fill_table();
  filled = true;
  for (uint32_t at = hash_of(name, n) % TABLE; slots[at].alu;
       at = (at + 1) % TABLE)
    if (slots[at].n == n && memcmp(slots[at].name, name, n) == 0)
      return slots[at].alu;
  return NULL;
}

/* ---- operations ---- */

Op *op_new (Decoder *d, Run *run) {
  Kernel *k = d->k;
  if (k->count == d->op_room) {
    d->op_room = d->op_room ? 2 * d->op_room : 256;
    k->ops = realloc(k->ops, d->op_room * sizeof *k->ops);
  }
  Op *o = &k->ops[k->count++];
  memset(o, 0, sizeof *o);
  o->run = run;
  o->line = d->line;
  o->guard = d->guard;
  o->negated = d->guard && d->negated;
  o->name = d->start;
  return o;
}

static void comma (Decoder *d) {
  expect(d, ",");
}

/* ---- parts of mnemonics ---- */

typedef struct Words { const char *at[12]; size_t n[12]; int count; } Words;

static Words split_word (const char *p, size_t n) {
  Words w = { .count = 0 };
  const char *end = p + n;
  while (p < end && w.count < 12) {
    const char *q = p;
    while (q < end && *q != '.')
      q++;
    w.at[w.count] = p;
    w.n[w.count++] = (size_t) (q - p);
    p = q + 1;
  }
  return w;
}

static bool part_is (const Words *w, int i, const char *text) {
  return i < w->count && w->n[i] == strlen(text)
         && memcmp(w->at[i], text, w->n[i]) == 0;
}

static bool has_part (const Words *w, const char *text) {
  for (int i = 1; i < w->count; i++)
    if (part_is(w, i, text))
      return true;
  return false;
}

static int part_size (const Words *w, int i) {
  return i < w->count ? type_size(w->at[i], w->n[i]) : 0;
}

static bool part_signed (const Words *w, int i) {
  return w->at[i][0] == 's';
}

/* ---- memory ---- */

static Space space_of (const Words *w) {
  return has_part(w, "global") ? SPACE_GLOBAL
         : has_part(w, "shared") ? SPACE_SHARED
         : has_part(w, "local") ? SPACE_LOCAL
         : has_part(w, "param") ? SPACE_PARAM
         : has_part(w, "const") ? SPACE_CONST : SPACE_GENERIC;
}

/* [register + offset] or [variable + offset] */
static void address (Decoder *d, Op *o) {
  expect(d, "[");
  Name *s = name_find(d, d->x.word, d->x.n);
  int got = 8;
  uint64_t number = 0;
  if (s && s->kind == NAME_REG) {
    o->a = operand(d, 8, &got);
    o->width |= got == 4 ? 16 : 0;
  } else {
    if (s && s->kind == NAME_LOCAL && o->space == SPACE_PARAM)
      o->space = SPACE_LOCAL;   /* arguments of a call */
    uint32_t at = operand(d, 8, &got);
    for (int i = 0; i < d->k->constant_count; i++)
      if (d->k->constants[i].at == at)
        o->offset = (int64_t) d->k->constants[i].bits;
  }
  if (lex_take(&d->x, "+"))
    lex_number(&d->x, 8, &number);
  o->offset += (int64_t) number;
  expect(d, "]");
}

/* One register or { a, b }; their bytes in width. */
static void vector (Decoder *d, Op *o) {
  int got = 0, size = o->size < 2 ? 2 : o->size, n = 0;
  bool many = lex_take(&d->x, "{");
  do {
    o->v[n++] = operand(d, size, &got);
    o->width = (uint8_t) ((o->width & 16) | got);
  } while (many && n < 4 && lex_take(&d->x, ","));
  if (many)
    expect(d, "}");
  if (n != o->count && !d->failed)
    decode_error(d, "%d registers where %d are meant", n, o->count);
}

static Op *memory_op (Decoder *d, const Words *w, Run *run) {
  Op *o = op_new(d, run);
  int type = w->count - 1;
  o->size = (uint8_t) part_size(w, type);
  o->count = has_part(w, "v4") ? 4 : has_part(w, "v2") ? 2 : 1;
  o->space = (uint8_t) space_of(w);
  o->flags = (part_signed(w, type) ? FLAG_SIGNED : 0)
             | (has_part(w, "nc") ? FLAG_NC : 0);
  if (!o->size || o->size * o->count > 16)
    decode_error(d, "type");
  return o;
}

static void decode_load (Decoder *d, const Words *w) {
  Op *o = memory_op(d, w, run_load);
  vector(d, o);
  comma(d);
  address(d, o);
  if (o->space != SPACE_PARAM || o->a)
    return;
  o->run = run_load_param;
  if ((uint64_t) o->offset + o->size * o->count > d->k->param_bytes)
    decode_error(d, "behind the last parameter");
}

static void decode_store (Decoder *d, const Words *w) {
  Op *o = memory_op(d, w, run_store);
  address(d, o);
  comma(d);
  vector(d, o);
}

static void decode_atomic (Decoder *d, const Words *w, bool result) {
  extern const char *const atomic_names[];
  int how = 0;
  while (atomic_names[how] && !has_part(w, atomic_names[how]))
    how++;
  Op *o = memory_op(d, w, run_atomic);
  o->count = (uint8_t) how;
  if (w->at[w->count - 1][0] == 'f' || !atomic_names[how] || o->size < 4) {
    decode_error(d, "an atomic operation on floats");
    return;
  }
  if (result) {
    o->d = operand_of(d, o->size);
    comma(d);
  }
  address(d, o);
  comma(d);
  o->b = operand_of(d, o->size);
  if (how == 7) {
    comma(d);
    o->c = operand_of(d, o->size);
  }
}

/* ---- control ---- */

static void decode_branch (Decoder *d) {
  Op *o = op_new(d, run_nothing);
  o->kind = OP_BRANCH;
  jump_add(d, d->k->count - 1, -1, d->x.word, d->x.n);
  lex_next(&d->x);
}

/* brx.idx r, table; */
static void decode_table (Decoder *d) {
  Op *o = op_new(d, run_nothing);
  size_t place = d->k->count - 1;
  o->kind = OP_TABLE;
  o->a = operand_of(d, 4);
  comma(d);
  for (int i = 0; i < d->table_count; i++) {
    Table *t = &d->tables[i];
    if (t->call != d->call || t->n != d->x.n
        || memcmp(t->text, d->x.word, t->n) != 0)
      continue;
    Lex x = t->at;
    int n = 0;
    for (; x.n && !lex_is(&x, ";"); n++) {
      jump_add(d, place, n, x.word, x.n);
      lex_next(&x);
      lex_take(&x, ",");
    }
    o->count = (uint8_t) n;
    o->table = calloc((size_t) n, sizeof *o->table);
    lex_next(&d->x);
    return;
  }
  decode_error(d, "a table of branches that is not there");
}

static void decode_exit (Decoder *d, bool returns) {
  Op *o = op_new(d, run_nothing);
  o->kind = OP_EXIT;
  if (returns && d->leave) {
    o->kind = OP_BRANCH;
    jump_add(d, d->k->count - 1, -1, d->leave, strlen(d->leave));
  }
}

/* bar.sync 0; bar.red.popc.u32 d, 0, p; */
static void decode_barrier (Decoder *d, const Words *w) {
  Op *o = op_new(d, run_nothing);
  int got;
  uint64_t number;
  if (has_part(w, "warp")) {
    o->run = run_warp_sync;
    o->kind = OP_SYNC;
    o->v[0] = operand_of(d, 4);
    return;
  }
  o->kind = OP_BARRIER;
  if (has_part(w, "red")) {
    o->count = has_part(w, "popc") ? 1 : has_part(w, "and") ? 2 : 3;
    o->d = operand(d, o->count == 1 ? 4 : 1, &got);
    comma(d);
  } else if (!has_part(w, "sync"))
    decode_error(d, "a barrier of this kind");
  if (!lex_number(&d->x, 8, &number) || number != 0)
    decode_error(d, "a barrier other than 0");
  if (o->count) {
    comma(d);
    o->negate_c = lex_take(&d->x, "!");
    o->a = operand_of(d, 1);
  }
  if (lex_is(&d->x, ","))
    decode_error(d, "a barrier for some threads");
}

static void decode_call (Decoder *d) {
  Lex none = { NULL, NULL, NULL, 0 }, results = none, arguments = none;
  if (d->guard) {
    decode_error(d, "a call under a predicate");
    return;
  }
  if (lex_is(&d->x, "(")) {
    results = d->x;
    while (d->x.n && !lex_take(&d->x, ")"))
      lex_next(&d->x);
    comma(d);
  }
  Kernel *callee = module_kernel(d->k->module, d->x.word, d->x.n);
  if (!callee) {
    decode_error(d, "a call of %.*s", (int) d->x.n, d->x.word);
    return;
  }
  lex_next(&d->x);
  if (lex_take(&d->x, ",")) {
    arguments = d->x;
    while (d->x.n && !lex_take(&d->x, ")"))
      lex_next(&d->x);
  }
  call_inline(d, callee, &arguments, &results);
}

/* ---- between lanes ---- */

/* shfl.sync.bfly.b32 d|p, a, b, c, mask; */
static void decode_shuffle (Decoder *d, const Words *w) {
  Op *o = op_new(d, run_shuffle);
  o->kind = OP_SYNC;
  o->offset = part_is(w, 2, "up") ? 0 : part_is(w, 2, "down") ? 1
              : part_is(w, 2, "bfly") ? 2 : 3;
  o->d = operand_of(d, 4);
  if (lex_take(&d->x, "|"))
    o->e = operand_of(d, 1);
  comma(d);
  o->a = operand_of(d, 4);
  comma(d);
  o->b = operand_of(d, 4);
  comma(d);
  o->c = operand_of(d, 4);
  comma(d);
  o->v[0] = operand_of(d, 4);
}

static void decode_vote (Decoder *d, const Words *w) {
  Op *o = op_new(d, run_vote);
  o->kind = OP_SYNC;
  o->offset = part_is(w, 2, "all") ? 0 : part_is(w, 2, "any") ? 1
              : part_is(w, 2, "uni") ? 2 : 3;
  o->d = operand_of(d, o->offset == 3 ? 4 : 1);
  comma(d);
  o->negate_c = lex_take(&d->x, "!");
  o->a = operand_of(d, 1);
  comma(d);
  o->v[0] = operand_of(d, 4);
}

/* ---- arithmetic ---- */

static Op *plain (Decoder *d, const Alu *alu) {
  Op *o = op_new(d, alu->run);
  o->d = operand_of(d, alu->d);
  if (lex_take(&d->x, "|"))
    o->e = operand_of(d, 1);
  if (alu->a) {
    comma(d);
    o->a = operand_of(d, alu->a);
  }
  if (alu->b) {
    comma(d);
    o->b = operand_of(d, alu->b);
  }
  if (alu->c) {
    comma(d);
    o->c = operand_of(d, alu->c);
  }
  return o;
}

/* setp.lt.s32 and setp.lt.and.s32 */
static bool decode_setp (Decoder *d, const Words *w) {
  char name[40];
  bool combined = w->count == 4;
  snprintf(name, sizeof name, "%.*s.%.*s", (int) w->n[1], w->at[1],
           (int) w->n[w->count - 1], w->at[w->count - 1]);
  const Alu *alu = alu_find(name, strlen(name));
  if (!alu || w->count > 4)
    return false;
  size_t place = d->k->count;
  plain(d, alu);
  if (combined && !d->failed) {
    comma(d);
    Op *o = &d->k->ops[place];
    o->combine = part_is(w, 2, "and") ? 1 : part_is(w, 2, "or") ? 2 : 3;
    o->negate_c = lex_take(&d->x, "!");
    o->c = operand_of(d, 1);
  }
  return true;
}

/* d of `to` bytes from a of `from` bytes as a type; see CONVERT in alu.c. */
static Op *convert (Decoder *d, uint32_t dst, int dst_size, int to,
                    bool to_signed, uint32_t src, int src_size, int from,
                    bool from_signed) {
  Op *o = op_new(d, alu_convert(dst_size, src_size));
  o->d = dst;
  o->a = src;
  o->size = (uint8_t) (64 - 8 * from);
  o->width = (uint8_t) (64 - 8 * to);
  o->flags = from_signed ? FLAG_SIGNED : 0;
  o->count = to_signed;
  return o;
}

static bool is_int (const Words *w, int i) {
  return i < w->count && (w->at[i][0] == 'u' || w->at[i][0] == 's')
         && part_size(w, i);
}

/* cvt.rn.f32.u8 and the like: by way of 32 bits. */
static bool convert_small (Decoder *d, const Words *w) {
  char name[40];
  int to = w->count - 2, from = w->count - 1, got;
  if (!is_int(w, from) || part_size(w, from) > 2 || is_int(w, to))
    return false;
  snprintf(name, sizeof name, "cvt.rn.%.*s.s32", (int) w->n[to], w->at[to]);
  const Alu *alu = alu_find(name, strlen(name));
  if (!alu || !part_is(w, 1, "rn"))
    return false;
  uint32_t wide = register_new(d, 4), dst = operand_of(d, alu->d);
  comma(d);
  uint32_t src = operand(d, 2, &got);
  convert(d, wide, 4, 4, true, src, got, part_size(w, from),
          part_signed(w, from));
  Op *o = op_new(d, alu->run);
  o->d = dst;
  o->a = wide;
  return true;
}

/* cvt.rzi.u8.f32 and the like: to s32, within the range, then narrower. */
static bool convert_to_small (Decoder *d, const Words *w) {
  char name[40];
  int to = w->count - 2, from = w->count - 1, got, bits = 8 * part_size(w, to);
  if (w->count != 4 || !is_int(w, to) || bits > 16 || is_int(w, from))
    return false;
  snprintf(name, sizeof name, "cvt.%.*s.s32.%.*s", (int) w->n[1], w->at[1],
           (int) w->n[from], w->at[from]);
  const Alu *alu = alu_find(name, strlen(name));
  if (!alu)
    return false;
  bool is_signed = part_signed(w, to);
  int32_t most = (1 << (bits - is_signed)) - 1;
  int32_t least = is_signed ? -most - 1 : 0;
  uint32_t wide = register_new(d, 4), dst = operand(d, 2, &got);
  comma(d);
  uint32_t src = operand_of(d, alu->a);
  Op *o = op_new(d, alu->run);
  o->d = wide;
  o->a = src;
  o = op_new(d, alu_find("max.s32", 7)->run);
  o->d = o->a = wide;
  o->b = constant_of(d, (uint32_t) least, 4);
  o = op_new(d, alu_find("min.s32", 7)->run);
  o->d = o->a = wide;
  o->b = constant_of(d, (uint32_t) most, 4);
  convert(d, dst, got, bits / 8, is_signed, wide, 4, 4, true);
  return true;
}

static bool decode_convert (Decoder *d, const Words *w) {
  if (w->count != 3 || !is_int(w, 1) || !is_int(w, 2))
    return convert_small(d, w) || convert_to_small(d, w);
  int dst_size, src_size;
  uint32_t dst = operand(d, part_size(w, 1), &dst_size);
  comma(d);
  uint32_t src = operand(d, part_size(w, 2), &src_size);
  convert(d, dst, dst_size, part_size(w, 1), part_signed(w, 1), src, src_size,
          part_size(w, 2), part_signed(w, 2));
  return true;
}

/* mov.b64 {a, b}, c; and mov.b64 c, {a, b}; */
static bool decode_mov_vector (Decoder *d, const Words *w) {
  int whole = part_size(w, w->count - 1), got;
  bool unpacks = lex_is(&d->x, "{");
  Op *o = op_new(d, unpacks ? run_unpack : run_pack);
  o->size = (uint8_t) whole;    /* at first; constants do not occur */
  uint32_t single = 0;
  if (!unpacks) {
    single = operand_of(d, whole);
    comma(d);
  }
  expect(d, "{");
  int n = 0;
  do
    o->v[n++] = operand(d, 2, &got);
  while (n < 4 && lex_take(&d->x, ","));
  expect(d, "}");
  if (unpacks) {
    comma(d);
    single = operand_of(d, whole);
  }
  o->count = (uint8_t) n;
  o->size = (uint8_t) (whole / n);
  o->a = unpacks ? single : 0;
  o->d = unpacks ? 0 : single;
  return true;
}

static bool decode_mov (Decoder *d, const Words *w) {
  Lex ahead = d->x;
  bool vectors = lex_is(&ahead, "{");
  if (!vectors) {
    lex_next(&ahead);
    lex_take(&ahead, ",");
    vectors = lex_is(&ahead, "{");
  }
  return vectors && decode_mov_vector(d, w);
}

/* bfi and lop3 have a fifth operand of 32 bits. */
static void decode_alu (Decoder *d, const Alu *alu, const Words *w) {
  size_t place = d->k->count;
  plain(d, alu);
  if ((part_is(w, 0, "bfi") || part_is(w, 0, "lop3")) && !d->failed) {
    comma(d);
    uint32_t e = operand_of(d, 4);
    d->k->ops[place].e = e;
  }
}

/* True if it was one of those with a form of their own. */
static bool decode_special (Decoder *d, const Words *w) {
  if (part_is(w, 0, "ld"))
    decode_load(d, w);
  else if (part_is(w, 0, "st"))
    decode_store(d, w);
  else if (part_is(w, 0, "atom") || part_is(w, 0, "red"))
    decode_atomic(d, w, part_is(w, 0, "atom"));
  else if (part_is(w, 0, "bra"))
    decode_branch(d);
  else if (part_is(w, 0, "brx"))
    decode_table(d);
  else if (part_is(w, 0, "ret") || part_is(w, 0, "exit"))
    decode_exit(d, part_is(w, 0, "ret"));
  else if (part_is(w, 0, "trap"))
    op_new(d, run_nothing)->kind = OP_TRAP;
  else if (part_is(w, 0, "bar") || part_is(w, 0, "barrier"))
    decode_barrier(d, w);
  else if (part_is(w, 0, "call"))
    decode_call(d);
  else if (part_is(w, 0, "shfl"))
    decode_shuffle(d, w);
  else if (part_is(w, 0, "vote"))
    decode_vote(d, w);
  else if (part_is(w, 0, "activemask"))
    op_new(d, run_active)->d = operand_of(d, 4);
  else if (part_is(w, 0, "membar") || part_is(w, 0, "fence"))
    op_new(d, run_nothing);     /* orders nothing that is checked here */
  else
    return (part_is(w, 0, "setp") && decode_setp(d, w))
           || (part_is(w, 0, "cvt") && decode_convert(d, w))
           || (part_is(w, 0, "mov") && decode_mov(d, w));
  return true;
}

void decode_instruction (Decoder *d) {
  const char *word = d->x.word;
  size_t n = d->x.n;
  Words w = split_word(word, n);
  lex_next(&d->x);
  const Alu *alu = alu_find(word, n);
  if (alu && !decode_mov(d, &w))
    decode_alu(d, alu, &w);
  else if (!alu && !decode_special(d, &w))
    decode_error(d, "instruction %.*s is not known", (int) n, word);
  d->guard = 0;
}
