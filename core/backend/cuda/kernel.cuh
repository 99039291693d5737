/*
 * kernel.cuh - the form that all kernels have.
 *
 *   KERNEL_FN name (float *y, const float *x, int64_t n) {
 *     EACH_INDEX(i, n)
 *       y[i] = x[i];
 *   }
 *   cudaError_t cuda_name (View y, View x) {
 *     int64_t n = view_count(&y);
 *     return LAUNCH(name, n, (float *) y.data, (const float *) x.data, n);
 *   }
 *
 * Rules, each of which the simulated device of tests/sim proves: loops over a
 * grid's stride, 64-bit indices, blocks of at most 256 threads and a multiple
 * of 32, shared memory of fixed size, shuffles of full warps, no return before
 * a barrier, sums in two passes and a fixed order (no atomics on floats),
 * __restrict__ only where the caller rules overlap out.
 */
#ifndef kernel_cuh
#define kernel_cuh

#include "backend/cuda/cuda.h"
#include "backend/math.h"

enum { THREADS = 256, BLOCKS_MOST = 4096, WARP = 32 };

#define KERNEL_FN static __global__ void __launch_bounds__(THREADS)

#define EACH_INDEX(i, n) \
  for (int64_t i = (int64_t) blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
       i += (int64_t) gridDim.x * blockDim.x)

static inline unsigned blocks_for (int64_t n) {
  int64_t blocks = (n + THREADS - 1) / THREADS;
  return (unsigned) (blocks < BLOCKS_MOST ? blocks : BLOCKS_MOST);
}

/* One thread for each of n elements; nothing is launched for none. */
#define LAUNCH(kernel, n, ...) \
  ((n) == 0 ? cudaSuccess \
   : (kernel<<<blocks_for(n), THREADS, 0, cuda_stream>>>(__VA_ARGS__), \
      cudaGetLastError()))

/* blocks of THREADS threads, each with its own row, tile or chunk. */
#define LAUNCH_BLOCKS(kernel, blocks, ...) \
  ((blocks) == 0 ? cudaSuccess \
   : (kernel<<<(unsigned) (blocks), THREADS, 0, cuda_stream>>>(__VA_ARGS__), \
      cudaGetLastError()))

#endif
