/*
 * cuda.h - what the files of the CUDA backend share.
 *
 * Every line of kernels.def is a function cuda_NAME here: it checks nothing
 * of the user's, puts its work on the one stream and returns a cudaError_t,
 * so that no error has to jump through a frame made by nvcc.  device.c wraps
 * each in the function of the table: it notes the call for error reports and
 * raises.
 *
 * .cu files hold kernels and their launchers and are compiled by nvcc; all
 * else is C and compiled by gcc.
 */
#ifndef cuda_h
#define cuda_h

#include "backend/kernels.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

extern cudaStream_t cuda_stream;   /* of all work; non-blocking */

#define KERNEL(name, ...) cudaError_t cuda_##name (PARAMS(__VA_ARGS__));
#include "backend/kernels.def"

/* Device memory for the work that is launched next, 256-byte aligned, not
 * zeroed; the next call may hand out the same bytes.  NULL: out of memory. */
void *cuda_scratch (size_t bytes);

/* Memory for as long as the device is open. */
void *cuda_keep (size_t bytes);

/* Keeps the text for the error report and returns cudaErrorUnknown: for
 * failures of cuBLAS and cuDNN. */
cudaError_t cuda_failed (const char *format, ...)
  __attribute__((format(printf, 1, 2)));

/* Parts of kernels that more than one file needs (pointwise.cu): y [rows,
 * columns] = act(y + bias); bias may be NULL.  NaN stays NaN. */
cudaError_t cuda_finish (float *y, int64_t rows, int64_t columns,
                         const float *bias, Activation act);

/* y [C] = sums of x over all axes but the last (reduce.cu). */
cudaError_t cuda_sum_rows (View y, View x);

#ifdef __cplusplus
}
#endif

#endif
