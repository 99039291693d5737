/* isa_v4.h - vectors of AVX-512: 32 registers
 * of 16 floats. */
#ifndef isa_v4_h
#define isa_v4_h

#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast")
#endif

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };

/* Lanes of two vectors, for shuffles: every second one, or those of their
 * lower or upper halves in turn. */
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4),
                                    may_alias));

/* n < LANES floats; the other lanes are 0, or left alone. */
INLINE __mmask16 first_lanes (int64_t n) {
  return (__mmask16) (n > 0 ? (1u << n) - 1 : 0);
}

INLINE Vector load_part (const float *x, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), x);
}

INLINE void store_part (float *y, Vector v, int64_t n) {
  _mm512_mask_storeu_ps(y, first_lanes(n), v);
}

#include "backend/cpu/isa.h"

#endif
