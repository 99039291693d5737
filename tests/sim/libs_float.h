/*
 * libs_float.h - roundings of tensor cores, for the stand-ins of cuBLAS and
 * cuDNN.  Written apart from the program's own conversions, which they test.
 */
#ifndef libs_float_h
#define libs_float_h

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits (float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline float bits_float (uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

static inline float from_bf16 (uint16_t h) {
  return bits_float((uint32_t) h << 16);
}

/* To nearest, ties to even. */
static inline uint16_t to_bf16 (float x) {
  uint32_t u = float_bits(x);
  if (isnan(x))
    return (uint16_t) (u >> 16 | 0x40);
  return (uint16_t) ((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

/* Ten bits of mantissa: to nearest, ties away from zero. */
static inline float to_tf32 (float x) {
  if (!isfinite(x))
    return x;
  return bits_float((float_bits(x) + 0x1000) & ~0x1fffu);
}

#endif
