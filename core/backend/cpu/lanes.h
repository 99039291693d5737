/*
 * lanes.h - sums in 16 explicit lanes, so that SSE, AVX2 and AVX-512 add the
 * same numbers in the same order and give the same bits.  Element i of a row
 * goes to lane i % 16; the lanes are added pairwise in float64 at the end.
 *
 * For the bodies of HOT functions (cpu.h): everything here is inlined there.
 */
#ifndef lanes_h
#define lanes_h

#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

typedef float Lanes __attribute__((vector_size(64)));

#define LANES_FN static inline __attribute__((always_inline))

/* Elements 0 .. n - 1 of x, and zeros behind them if n < 16. */
LANES_FN void lanes_load (Lanes *v, const float *x, int64_t n) {
  if (n >= LANES)
    memcpy(v, x, sizeof *v);
  else {
    memset(v, 0, sizeof *v);
    memcpy(v, x, (size_t) n * sizeof *x);
  }
}

LANES_FN double lanes_sum (const Lanes *v) {
  double s[LANES];
  for (int i = 0; i < LANES; i++)
    s[i] = (double) (*v)[i];
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      s[i] += s[i + half];
  return s[0];
}

/* The sum of n numbers. */
LANES_FN double lanes_of (const float *x, int64_t n) {
  Lanes sum = { 0 }, v;
  for (int64_t i = 0; i < n; i += LANES) {
    lanes_load(&v, x + i, n - i);
    sum += v;
  }
  return lanes_sum(&sum);
}

#endif
