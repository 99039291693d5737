/* direct_v4.c - direct_isa.h and thin_isa.h for AVX-512: 32 registers of 16
 * floats. */
#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast")
#endif

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

#define LANES 16
#define PIXELS 12
#define ROWS 8
#define ISA direct_v4
#define THIN thin_v4

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4),
                                    may_alias));

INLINE __mmask16 first_lanes (int64_t n) {
  return (__mmask16) (n > 0 ? (1u << n) - 1 : 0);
}

INLINE Vector load_part (const float *x, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), x);
}

INLINE void store_part (float *y, Vector v, int64_t n) {
  _mm512_mask_storeu_ps(y, first_lanes(n), v);
}

#include "backend/cpu/direct_isa.h"
#include "backend/cpu/thin_isa.h"
