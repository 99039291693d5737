/*
 * convert.cu - see convert.h.
 *
 * A float32 is a bf16 with 16 more bits behind it.  Adding half of the last
 * place kept, less one where that place is even, and cutting rounds to nearest
 * even, into infinity where it must; a NaN is cut with its quiet bit set, so
 * that it cannot turn into infinity.
 */
#include "backend/cuda/convert.h"
#include "backend/cuda/kernel.cuh"

static __device__ uint16_t to_bf16 (float x) {
  uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
    return (uint16_t) (bits >> 16 | 0x0040u);
  return (uint16_t) ((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

KERNEL_FN narrow (uint16_t *y, const float *x, int64_t n) {
  EACH_INDEX(i, n)
    y[i] = to_bf16(x[i]);
}

KERNEL_FN widen (float *y, const uint16_t *x, int64_t n) {
  EACH_INDEX(i, n)
    y[i] = __uint_as_float((uint32_t) x[i] << 16);
}

cudaError_t cuda_to_bf16 (uint16_t *y, const float *x, int64_t n) {
  return LAUNCH(narrow, n, y, x, n);
}

cudaError_t cuda_from_bf16 (float *y, const uint16_t *x, int64_t n) {
  return LAUNCH(widen, n, y, x, n);
}
