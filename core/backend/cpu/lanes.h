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

enum { LANES = 16, LANES_HALVES = 2 };

/* In vectors of AVX2, at any address: GCC cuts longer ones into single
 * numbers where they do not exist. */
typedef float LanesHalf __attribute__((vector_size(32), aligned(4),
                                       may_alias));

typedef struct Lanes {
  LanesHalf half[LANES_HALVES];
} Lanes;

#define LANES_FN static inline __attribute__((always_inline))

/* Elements 0 .. n - 1 of x, and zeros behind them if n < 16. */
LANES_FN Lanes lanes_load (const float *x, int64_t n) {
  const LanesHalf *v = (const LanesHalf *) x;
  float padded[LANES] = { 0 };
  if (n < LANES) {
    memcpy(padded, x, (size_t) n * sizeof *x);
    v = (const LanesHalf *) padded;
  }
  return (Lanes) { { v[0], v[1] } };
}

LANES_FN void lanes_add (Lanes *sum, Lanes v) {
  for (int h = 0; h < LANES_HALVES; h++)
    sum->half[h] += v.half[h];
}

LANES_FN double lanes_sum (const Lanes *v) {
  typedef float Quarter __attribute__((vector_size(16)));
  typedef double Wide __attribute__((vector_size(32)));
  Quarter q[4];
  Wide s[4];
  memcpy(q, v, sizeof q);
  for (int i = 0; i < 4; i++)
    s[i] = __builtin_convertvector(q[i], Wide);
  s[0] = (s[0] + s[2]) + (s[1] + s[3]);
  return (s[0][0] + s[0][2]) + (s[0][1] + s[0][3]);
}

/* The sum of n numbers. */
LANES_FN double lanes_of (const float *x, int64_t n) {
  Lanes sum = { 0 };
  for (int64_t i = 0; i < n; i += LANES)
    lanes_add(&sum, lanes_load(x + i, n - i));
  return lanes_sum(&sum);
}

#endif
