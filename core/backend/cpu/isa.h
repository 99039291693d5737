/*
 * isa.h - what isa_v3.h and isa_v4.h, which include it, have in common.  They
 * give LANES, the floats of a Vector, and loads and stores of fewer.  A file
 * that includes one of them is compiled for its instructions and may fuse a
 * product and its sum; it includes nothing whose functions others share.
 */
#ifndef isa_h
#define isa_h

typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

#define VECTOR(p) (*(Vector *) (p))
#define CONST_VECTOR(p) (*(const Vector *) (p))

/* The first n lanes of what lies there; the others are 0, or left alone. */
INLINE Vector load (const float *x, int64_t n) {
  return n >= LANES ? CONST_VECTOR(x) : load_part(x, n);
}

INLINE void store (float *y, Vector v, int64_t n) {
  if (n >= LANES)
    VECTOR(y) = v;
  else
    store_part(y, v, n);
}

/* Lane j of vector i and lane i of vector j change places. */
INLINE void transpose (Vector v[LANES]) {
  enum { HALF = LANES / 2 };
  Vector u[LANES];
#pragma GCC unroll 4
  for (int n = 1; n < LANES; n *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < HALF; i++) {
      u[2 * i] = __builtin_shufflevector(v[i], v[i + HALF], LOW);
      u[2 * i + 1] = __builtin_shufflevector(v[i], v[i + HALF], HIGH);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i++)
      v[i] = u[i];
  }
}

/* NaN stays. */
INLINE Vector relu_of (Vector v) {
  return (Vector) ((Mask) v & ~(v < 0));
}

#endif
