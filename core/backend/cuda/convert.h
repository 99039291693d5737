/*
 * convert.h - float32 and bf16 (convert.cu), rounded to nearest, ties to even,
 * by integer arithmetic: equal bits everywhere, NaN stays NaN.
 */
#ifndef convert_h
#define convert_h

#include "backend/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of n numbers, a multiple of 256 so that another array may follow. */
static inline size_t bf16_bytes (int64_t n) {
  return ((size_t) n * 2 + 255) / 256 * 256;
}

cudaError_t cuda_to_bf16 (uint16_t *y, const float *x, int64_t n);
cudaError_t cuda_from_bf16 (float *y, const uint16_t *x, int64_t n);

#ifdef __cplusplus
}
#endif

#endif
