/*
 * host.c - the host's side of the test of numbers.
 */
#include "numbers.h"

/* ---- what some instructions do, told independently ---- */

static inline f32 min_ieee (f32 x, f32 y) {
  if (x != x || y != y)
    return x != x ? y : x;
  return x == y ? float_(bits_(x) | bits_(y)) : x < y ? x : y;
}

static inline f64 min_ieee64 (f64 x, f64 y) {
  if (x != x || y != y)
    return x != x ? y : x;
  return x == y ? double_(bits64_(x) | bits64_(y)) : x < y ? x : y;
}

static inline i64 to_int (f64 x, f64 low, f64 high, i64 nan) {
  return x != x ? nan : x <= low ? (i64) low
         : x < high ? (i64) x : high == 0x1p63 ? INT64_MAX : (i64) high;
}

static inline u64 to_u64 (f64 x, u64 nan) {
  return x != x ? nan : x <= 0 ? 0 : x < 0x1p64 ? (u64) x : UINT64_MAX;
}

static inline u32 half_of (f32 x) {
  _Float16 h = (_Float16) x;
  uint16_t bits;
  memcpy(&bits, &h, 2);
  return x != x ? 0x7FFF : bits;
}

static inline u32 reverse (u32 x) {
  u32 y = 0;
  for (int i = 0; i < 32; i++)
    y |= (x >> i & 1) << (31 - i);
  return y;
}

static inline u32 permute (u32 x, u32 y, u32 how) {
  unsigned char from[8], to[4];
  memcpy(from, &x, 4);
  memcpy(from + 4, &y, 4);
  for (int i = 0; i < 4; i++) {
    u32 pick = how >> 4 * i & 15;
    to[i] = from[pick & 7];
    if (pick & 8)
      to[i] = to[i] >> 7 ? 255 : 0;
  }
  memcpy(&x, to, 4);
  return x;
}

/* Bit by bit, as the manual of PTX gives bfe and bfi. */
static inline u32 field (u32 x, u32 at, u32 n) {
  u32 y = 0;
  at &= 255;
  n &= 255;
  for (u32 i = 0; i < 32; i++)
    if (i < n && at + i <= 31)
      y |= (x >> (at + i) & 1) << i;
  return y;
}

static inline u32 field_sign (u32 x, u32 at, u32 n) {
  u32 y = 0, sign;
  at &= 255;
  n &= 255;
  sign = n == 0 ? 0 : x >> (at + n - 1 < 31 ? at + n - 1 : 31) & 1;
  for (u32 i = 0; i < 32; i++)
    y |= (i < n && at + i <= 31 ? x >> (at + i) & 1 : sign) << i;
  return y;
}

static inline u32 insert (u32 x, u32 y, u32 at, u32 n) {
  at &= 255;
  n &= 255;
  for (u32 i = 0; i < n && at + i <= 31; i++)
    y = (y & ~((u32) 1 << (at + i))) | (x >> i & 1) << (at + i);
  return y;
}

/* ---- all operations ---- */

#define OP(name, IN, OUT, device, host) \
  static void name (u64 *result, const void *xs, const void *ys, \
                    const void *zs, int n) { \
    for (int i = 0; i < n; i++) { \
      IN x = ((const IN *) xs)[i], y = ((const IN *) ys)[i]; \
      IN z = ((const IN *) zs)[i]; \
      OUT r = (OUT) (host); \
      (void) y, (void) z; \
      result[i] = 0; \
      memcpy(&result[i], &r, sizeof r); \
    } \
  }
#define SAME(name, IN, OUT, both) OP(name, IN, OUT, both, both)
#include "numbers.def"

HostOp *const host_ops[] = {
#define OP(name, ...) name,
#define SAME(name, ...) name,
#include "numbers.def"
};

/* ---- the functions of pointwise.def ---- */

#define EDGE(...)
#define NOWHERE 0
#ifndef ZERO
#define ZERO 0.0f
#endif

void host_unary (int f, float *out, const float *in, int n) {
  for (int i = 0; i < n; i++) {
    float x = in[i];
    int k = 0;
#define UNARY(name, about, value, ...) if (k++ == f) out[i] = (value);
#define BINARY(...)
#include "backend/pointwise.def"
  }
}

void host_unary_slope (int f, float *out, const float *in, const float *of,
                       int n) {
  for (int i = 0; i < n; i++) {
    float x = in[i], y = of[i];
    int k = 0;
    (void) x, (void) y;
#define UNARY(name, about, value, slope, ...) if (k++ == f) out[i] = (slope);
#define BINARY(...)
#include "backend/pointwise.def"
  }
}

void host_binary (int f, float *out, const float *as, const float *bs, int n) {
  for (int i = 0; i < n; i++) {
    float a = as[i], b = bs[i];
    int k = 0;
#define UNARY(...)
#define BINARY(name, about, value, ...) if (k++ == f) out[i] = (value);
#include "backend/pointwise.def"
  }
}

void host_normals (float *z, const u32 *address, int n) {
  for (int i = 0; i < n; i++)
    normals_of(philox_at(address, (u64) i), z + 4 * i);
}
