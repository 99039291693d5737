/* isa_v3.h - vectors of AVX2: 16 registers
 * of 8 floats. */
#ifndef isa_v3_h
#define isa_v3_h

#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v3")
#pragma GCC optimize("fp-contract=fast")
#endif

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 8 };

/* Lanes of two vectors, for shuffles: every second one, or those of their
 * lower or upper halves in turn. */
#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4),
                                    may_alias));

/* n < LANES floats; the other lanes are 0, or left alone. */
INLINE __m256i first_lanes (int64_t n) {
  static const int32_t lanes[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };
  return _mm256_loadu_si256((const __m256i *) (lanes + 8 - (n > 0 ? n : 0)));
}

INLINE Vector load_part (const float *x, int64_t n) {
  return _mm256_maskload_ps(x, first_lanes(n));
}

INLINE void store_part (float *y, Vector v, int64_t n) {
  _mm256_maskstore_ps(y, first_lanes(n), v);
}

#include "backend/cpu/isa.h"

#endif
