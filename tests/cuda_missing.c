/* While kernels are being written: weak ones in the place of those that are
 * missing (make LOOSE=1). */
#include "backend/cuda/cuda.h"
#define KERNEL(name, ...) __attribute__((weak)) \
  cudaError_t cuda_##name (PARAMS(__VA_ARGS__)) { \
    return cuda_failed("kernel " #name " is missing"); }
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "backend/kernels.def"
__attribute__((weak)) cudaError_t cuda_finish (float *y, int64_t rows,
  int64_t columns, const float *bias, Activation act) {
  return cuda_failed("cuda_finish is missing"); }
