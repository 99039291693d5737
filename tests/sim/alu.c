/*
 * alu.c - the arithmetic of PTX, on the 32 lanes of a warp at once.
 *
 * alu.def is read twice: into functions, loops over lanes that gcc turns into
 * vector code, and into the table by which ptx.c finds them.  Lanes that are
 * not active keep their registers.  The approximate operations (ex2, lg2, sin,
 * rcp.approx ...) are missing on purpose: no manual says which bits they give.
 */
#include "machine.h"

#include <math.h>
#include <string.h>

typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef float f32;
typedef double f64;

/* ---- parts ---- */

static inline f32 nan_f32 (void) {
  u32 bits = 0x7FFFFFFF;
  f32 x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline f32 F32 (f32 x) {
  return x != x ? nan_f32() : x;
}

/* The other one where one is NaN; -0 is below +0. */
static inline f32 least (f32 x, f32 y) {
  f32 low = x < y || (x == y && signbit(x)) ? x : y;
  return x != x ? y : y != y ? x : low;
}

static inline f32 most (f32 x, f32 y) {
  f32 high = x > y || (x == y && !signbit(x)) ? x : y;
  return x != x ? y : y != y ? x : high;
}

static inline f64 least_f64 (f64 x, f64 y) {
  f64 low = x < y || (x == y && signbit(x)) ? x : y;
  return x != x ? y : y != y ? x : low;
}

static inline f64 most_f64 (f64 x, f64 y) {
  f64 high = x > y || (x == y && !signbit(x)) ? x : y;
  return x != x ? y : y != y ? x : high;
}

/* Beyond the range: its ends.  NaN: 0, and the highest bit where one of the
 * two types has 64 bits (PTX manual, cvt). */
#define TO_INT(name, T, low, high, low_value, high_value) \
  static inline T name##_of (f64 x, T nan) { \
    return x != x ? nan : x <= (low) ? (low_value) \
           : x >= (high) ? (high_value) : (T) x; \
  }
TO_INT(to_s32, s32, -2147483648.0, 2147483647.0, INT32_MIN, INT32_MAX)
TO_INT(to_u32, u32, 0.0, 4294967295.0, 0, UINT32_MAX)
TO_INT(to_s64, s64, -0x1p63, 0x1p63, INT64_MIN, INT64_MAX)
TO_INT(to_u64, u64, 0.0, 0x1p64, 0, UINT64_MAX)
#define NAN_OF(x, bit) (sizeof (x) == 8 ? (bit) : 0)
#define to_s32(x) to_s32_of(x, NAN_OF(x, INT32_MIN))
#define to_u32(x) to_u32_of(x, NAN_OF(x, (u32) 1 << 31))
#define to_s64(x) to_s64_of(x, INT64_MIN)
#define to_u64(x) to_u64_of(x, (u64) 1 << 63)

static inline u32 funnel_left (u32 low, u32 high, u32 n) {
  return (u32) ((((u64) high << 32 | low) << n) >> 32);
}

static inline u32 funnel_right (u32 low, u32 high, u32 n) {
  return (u32) (((u64) high << 32 | low) >> n);
}

static inline u32 reverse (u32 x) {
  x = (x >> 1 & 0x55555555) | (x & 0x55555555) << 1;
  x = (x >> 2 & 0x33333333) | (x & 0x33333333) << 2;
  x = (x >> 4 & 0x0F0F0F0F) | (x & 0x0F0F0F0F) << 4;
  return __builtin_bswap32(x);
}

/* bfe: n bits of x from place at on; signed ones take the field's top bit. */
static inline u64 field (u64 x, u32 at, u32 n, u32 bits, bool is_signed) {
  at &= 0xFF;
  n &= 0xFF;
  u64 all = n >= 64 ? ~(u64) 0 : ((u64) 1 << n) - 1;
  u64 y = at >= bits ? 0 : (x >> at) & all;
  u32 top = at + n - 1 < bits - 1 ? at + n - 1 : bits - 1;
  if (is_signed && n && x >> top & 1)
    y |= at + n > bits ? ~(u64) 0 << (at < bits ? bits - at : 0) : ~all;
  return y;
}

static inline u64 insert (u64 x, u64 into, u32 at, u32 n, u32 bits) {
  at &= 0xFF;
  n &= 0xFF;
  if (at >= bits)
    return into;
  u64 all = (n >= 64 ? ~(u64) 0 : ((u64) 1 << n) - 1) << at;
  return (into & ~all) | (x << at & all);
}

static inline u32 permute (u32 x, u32 y, u32 how) {
  u64 both = (u64) y << 32 | x;
  u32 result = 0;
  for (int i = 0; i < 4; i++) {
    u32 pick = how >> 4 * i & 15, byte = (u32) (both >> 8 * (pick & 7)) & 255;
    result |= (pick & 8 ? (byte & 128 ? 255 : 0) : byte) << 8 * i;
  }
  return result;
}

static inline _Float16 half (u16 bits) {
  _Float16 h;
  memcpy(&h, &bits, sizeof h);
  return h;
}

static inline u16 half_bits (f32 x) {
  _Float16 h = (_Float16) x;
  u16 bits;
  memcpy(&bits, &h, sizeof h);
  return x != x ? 0x7FFF : bits;
}

/* ---- the loops ---- */

#define LANE _Pragma("GCC ivdep") for (int i = 0; i < LANES; i++)

#define A1(name, D, X, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const X *a = REG(X, w, o->a); \
    LANE { \
      X x = a[i]; \
      D r = (value); \
      d[i] = ON(m, i) ? r : d[i]; \
    } \
  }
#define A2(name, D, X, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const X *a = REG(X, w, o->a), *b = REG(X, w, o->b); \
    LANE { \
      X x = a[i], y = b[i]; \
      D r = (value); \
      d[i] = ON(m, i) ? r : d[i]; \
    } \
  }
#define A3(name, D, X, Z, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const X *a = REG(X, w, o->a), *b = REG(X, w, o->b); \
    const Z *c = REG(Z, w, o->c); \
    LANE { \
      X x = a[i], y = b[i]; \
      Z z = c[i]; \
      D r = (value); \
      d[i] = ON(m, i) ? r : d[i]; \
    } \
  }
#define SH(name, D, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const D *a = REG(D, w, o->a); \
    const u32 *b = REG(u32, w, o->b); \
    LANE { \
      D x = a[i]; \
      u32 y = b[i]; \
      D r = (value); \
      d[i] = ON(m, i) ? r : d[i]; \
    } \
  }
#define SEL(name, D, names) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const D *a = REG(D, w, o->a), *b = REG(D, w, o->b); \
    u32 p = *REG(u32, w, o->c); \
    LANE { \
      D r = ON(p, i) ? a[i] : b[i]; \
      d[i] = ON(m, i) ? r : d[i]; \
    } \
  }

/* setp d|e, x, y: the comparison t; with .and, .or, .xor and a predicate c,
 * d = t op c and e = not t op c. */
static void set_predicates (Warp *w, const Op *o, u32 m, u32 t) {
  u32 *d = REG(u32, w, o->d), n = ~t;
  if (o->combine) {
    u32 c = *REG(u32, w, o->c) ^ (o->negate_c ? ~0u : 0);
    t = o->combine == 1 ? t & c : o->combine == 2 ? t | c : t ^ c;
    n = o->combine == 1 ? n & c : o->combine == 2 ? n | c : n ^ c;
  }
  *d = (*d & ~m) | (t & m);
  if (o->e) {
    d = REG(u32, w, o->e);
    *d = (*d & ~m) | (n & m);
  }
}

#define TEST(name, X, names, value) \
  static void test_##name (Warp *w, const Op *o, uint32_t m) { \
    const X *a = REG(X, w, o->a), *b = REG(X, w, o->b); \
    u32 t = 0; \
    for (int i = 0; i < LANES; i++) { \
      X x = a[i], y = b[i]; \
      t |= (u32) (value) << i; \
    } \
    set_predicates(w, o, m, t); \
  }
#define P1(name, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    u32 *d = REG(u32, w, o->d), x = *REG(u32, w, o->a); \
    *d = (*d & ~m) | ((value) & m); \
  }
#define P2(name, names, value) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    u32 *d = REG(u32, w, o->d); \
    u32 x = *REG(u32, w, o->a), y = *REG(u32, w, o->b); \
    *d = (*d & ~m) | ((value) & m); \
  }
#include "alu.def"

/* ---- four operands ---- */

static void bfe_64 (Warp *w, const Op *o, uint32_t m) {
  u64 *d = REG(u64, w, o->d), *a = REG(u64, w, o->a);
  u32 *b = REG(u32, w, o->b), *c = REG(u32, w, o->c);
  LANE
    d[i] = ON(m, i) ? field(a[i], b[i], c[i], 64, false) : d[i];
}

static void bfi_32 (Warp *w, const Op *o, uint32_t m) {
  u32 *d = REG(u32, w, o->d), *a = REG(u32, w, o->a), *b = REG(u32, w, o->b);
  u32 *c = REG(u32, w, o->c), *e = REG(u32, w, o->e);
  LANE
    d[i] = ON(m, i) ? (u32) insert(a[i], b[i], c[i], e[i], 32) : d[i];
}

static void bfi_64 (Warp *w, const Op *o, uint32_t m) {
  u64 *d = REG(u64, w, o->d), *a = REG(u64, w, o->a), *b = REG(u64, w, o->b);
  u32 *c = REG(u32, w, o->c), *e = REG(u32, w, o->e);
  LANE
    d[i] = ON(m, i) ? insert(a[i], b[i], c[i], e[i], 64) : d[i];
}

/* e holds the truth table of x, y and z. */
static void lop3_32 (Warp *w, const Op *o, uint32_t m) {
  u32 *d = REG(u32, w, o->d), *a = REG(u32, w, o->a), *b = REG(u32, w, o->b);
  u32 *c = REG(u32, w, o->c), table = *REG(u32, w, o->e);
  for (int i = 0; i < LANES; i++) {
    u32 r = 0;
    for (u32 k = 0; k < 8; k++)
      if (table >> k & 1)
        r |= (k & 4 ? a[i] : ~a[i]) & (k & 2 ? b[i] : ~b[i])
             & (k & 1 ? c[i] : ~c[i]);
    d[i] = ON(m, i) ? r : d[i];
  }
}

/* ---- conversions of integers ---- */

/* size: 64 - bits of the source type; width: 64 - bits of the result's type.
 * A register may be wider than the type. */
#define CONVERT(name, D, X) \
  static void name (Warp *w, const Op *o, uint32_t m) { \
    D *d = REG(D, w, o->d); \
    const X *a = REG(X, w, o->a); \
    int in = o->size, out = o->width; \
    bool in_signed = o->flags & FLAG_SIGNED, out_signed = o->count; \
    LANE { \
      u64 x = (u64) a[i] << in; \
      x = in_signed ? (u64) ((s64) x >> in) : x >> in; \
      x <<= out; \
      x = out_signed ? (u64) ((s64) x >> out) : x >> out; \
      d[i] = ON(m, i) ? (D) x : d[i]; \
    } \
  }
CONVERT(convert_2_2, u16, u16)
CONVERT(convert_2_4, u16, u32)
CONVERT(convert_2_8, u16, u64)
CONVERT(convert_4_2, u32, u16)
CONVERT(convert_4_4, u32, u32)
CONVERT(convert_4_8, u32, u64)
CONVERT(convert_8_2, u64, u16)
CONVERT(convert_8_4, u64, u32)
CONVERT(convert_8_8, u64, u64)

Run *alu_convert (int to, int from) {
  static Run *const table[3][3] = {
    { convert_2_2, convert_2_4, convert_2_8 },
    { convert_4_2, convert_4_4, convert_4_8 },
    { convert_8_2, convert_8_4, convert_8_8 } };
  return table[to == 8 ? 2 : to / 4][from == 8 ? 2 : from / 4];
}

/* ---- packing ---- */

/* mov.b64 d, {v0, v1 ...}: count parts of size bytes. */
void run_pack (Warp *w, const Op *o, uint32_t m) {
  for (int k = 0; k < o->count; k++) {
    const unsigned char *from = w->file + o->v[k];
    unsigned char *to = w->file + o->d + k * o->size;
    int step = o->size * o->count;
    for (int i = 0; i < LANES; i++)
      if (ON(m, i))
        memcpy(to + i * step, from + i * o->size, o->size);
  }
}

void run_unpack (Warp *w, const Op *o, uint32_t m) {
  int step = o->size * o->count;
  for (int k = 0; k < o->count; k++)
    if (o->v[k])
      for (int i = 0; i < LANES; i++)
        if (ON(m, i))
          memcpy(w->file + o->v[k] + i * o->size,
                 w->file + o->a + i * step + k * o->size, o->size);
}

/* ---- between lanes ---- */

/* The lanes that this one names: itself and others, all here and with the
 * same mask. */
static void group_holds (Warp *w, uint32_t m, const u32 *mask, int lane,
                         const char *what) {
  u32 named = mask[lane], absent = named & ~m;
  if (absent) {
    int other = __builtin_ctz(absent);
    kernel_mistake("absent-lane", w, lane, "%s with mask %#x, but lane %d %s",
                   what, named, other,
                   ON(w->exited, other) || !ON(w->members, other)
                   ? "has returned" : "is elsewhere");
  } else if (!ON(named, lane))
    kernel_mistake("absent-lane", w, lane, "%s with mask %#x, which does not "
                   "name lane %d that calls it", what, named, lane);
  else
    for (int j = 0; j < LANES; j++)
      if (ON(named, j) && mask[j] != named) {
        kernel_mistake("absent-lane", w, lane, "%s with mask %#x, but lane %d "
                       "calls it with %#x", what, named, j, mask[j]);
        return;
      }
}

static void masks_hold (Warp *w, uint32_t m, const u32 *mask,
                        const char *what) {
  u32 differ = 0;
  LANE
    differ |= ON(m, i) ? mask[i] ^ m : 0;
  for (int i = 0; differ && i < LANES; i++)
    if (ON(m, i))
      group_holds(w, m, mask, i, what);
}

/* PTX manual, shfl.sync: c holds the clamp and the mask of segments; offset
 * is the kind: 0 up, 1 down, 2 bfly, 3 idx. */
void run_shuffle (Warp *w, const Op *o, uint32_t m) {
  u32 *d = REG(u32, w, o->d), *a = REG(u32, w, o->a), *b = REG(u32, w, o->b);
  u32 *c = REG(u32, w, o->c), old[LANES], valid = 0;
  const u32 *mask = REG(u32, w, o->v[0]);
  masks_hold(w, m, mask, "shuffle");
  memcpy(old, a, sizeof old);
  for (int i = 0; i < LANES; i++) {
    if (!ON(m, i))
      continue;
    int by = b[i] & 31, clamp = c[i] & 31, segment = c[i] >> 8 & 31;
    int most_lane = (i & segment) | (clamp & ~segment), j = 0;
    int least_lane = i & segment;
    bool in = false;
    switch (o->offset) {
      case 0: j = i - by; in = j >= most_lane; break;
      case 1: j = i + by; in = j <= most_lane; break;
      case 2: j = i ^ by; in = j <= most_lane; break;
      default: j = least_lane | (by & ~segment); in = j <= most_lane;
    }
    j = in ? j : i;
    if (!ON(m & mask[i], j))
      kernel_mistake("absent-lane", w, i, "shuffle reads lane %d, which does "
                     "not take part", j);
    d[i] = old[j];
    valid |= (u32) in << i;
  }
  if (o->e) {
    u32 *p = REG(u32, w, o->e);
    *p = (*p & ~m) | (valid & m);
  }
}

/* offset: 0 all, 1 any, 2 uni, 3 ballot */
void run_vote (Warp *w, const Op *o, uint32_t m) {
  u32 p = *REG(u32, w, o->a) ^ (o->negate_c ? ~0u : 0), answers = 0;
  u32 *d = REG(u32, w, o->d);
  const u32 *mask = REG(u32, w, o->v[0]);
  masks_hold(w, m, mask, "vote");
  for (int i = 0; i < LANES; i++) {
    u32 all = m & mask[i], yes = p & all;
    bool answer = o->offset == 0 ? yes == all : o->offset == 1 ? yes != 0
                  : yes == 0 || yes == all;
    answers |= (u32) answer << i;
    if (o->offset == 3)
      d[i] = ON(m, i) ? yes : d[i];
  }
  if (o->offset < 3)
    *d = (*d & ~m) | (answers & m);
}

void run_active (Warp *w, const Op *o, uint32_t m) {
  u32 *d = REG(u32, w, o->d);
  LANE
    d[i] = ON(m, i) ? m : d[i];
}

/* Orders the memory accesses of the lanes of one warp. */
void run_warp_sync (Warp *w, const Op *o, uint32_t m) {
  masks_hold(w, m, REG(u32, w, o->v[0]), "__syncwarp");
  if (w->age < 255)
    w->age++;
}

void run_nothing (Warp *w, const Op *o, uint32_t m) {
  (void) w, (void) o, (void) m;
}

/* ---- the table ---- */

#define A1(name, D, X, names, value) \
  { names, name, sizeof (D), sizeof (X), 0, 0 },
#define A2(name, D, X, names, value) \
  { names, name, sizeof (D), sizeof (X), sizeof (X), 0 },
#define A3(name, D, X, Z, names, value) \
  { names, name, sizeof (D), sizeof (X), sizeof (X), sizeof (Z) },
#define SH(name, D, names, value) \
  { names, name, sizeof (D), sizeof (D), 4, 0 },
#define SEL(name, D, names) \
  { names, name, sizeof (D), sizeof (D), sizeof (D), 1 },
#define TEST(name, X, names, value) \
  { names, test_##name, 1, sizeof (X), sizeof (X), 0 },
#define P1(name, names, value) { names, name, 1, 1, 0, 0 },
#define P2(name, names, value) { names, name, 1, 1, 1, 0 },

const Alu alu_table[] = {
#include "alu.def"
  { "bfe.u64", bfe_64, 8, 8, 4, 4 },
  { "bfi.b32", bfi_32, 4, 4, 4, 4 },      /* and e: 4 bytes */
  { "bfi.b64", bfi_64, 8, 8, 8, 4 },
  { "lop3.b32", lop3_32, 4, 4, 4, 4 },
};
const int alu_count = sizeof alu_table / sizeof *alu_table;
