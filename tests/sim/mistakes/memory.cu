/*
 * memory.cu - reads and writes of kernels that reach what they must not, next
 * to those that just do not.
 */
#include "case.h"

#define KERNEL static __global__ void
#define INDEX ((int) (blockIdx.x * blockDim.x + threadIdx.x))

/* ---- bounds ---- */

KERNEL copy (float *y, const float *x, int n) {
  int i = INDEX;
  if (i < n)
    y[i] = x[i];  // read_behind
}

MISTAKE(read_behind, "out-of-bounds") {
  copy<<<2, 64, 0, stream>>>(floats(101), floats(100), 101);
}

SILENT(read_all) {
  copy<<<2, 64, 0, stream>>>(floats(100), floats(100), 100);
}

KERNEL shift (float *y, int n, int by) {
  int i = INDEX;
  if (i < n)
    y[i + by] = 1;  // write_before
}

MISTAKE(write_before, "out-of-bounds") {
  shift<<<1, 64, 0, stream>>>(floats(50), 50, -1);
}

SILENT(write_inside) {
  shift<<<1, 64, 0, stream>>>(floats(51), 50, 1);
}

KERNEL fill (uint8_t *y, size_t n, size_t step) {
  size_t i = (size_t) INDEX * step;
  if (i < n)
    y[i] = 1;  // write_far
}

MISTAKE(write_far, "out-of-bounds") {
  fill<<<1, 32, 0, stream>>>((uint8_t *) raw(100), 1 << 20, 1000);
}

MISTAKE(null_pointer, "out-of-bounds") {
  copy<<<1, 32, 0, stream>>>(floats(10), NULL, 10);
}

SILENT(null_untouched) {
  copy<<<1, 32, 0, stream>>>(NULL, NULL, 0);
}

/* ---- lifetime ---- */

MISTAKE(freed, "use-after-free") {
  float *x = floats(10);
  cudaFree(x);
  kept[kept_count - 1] = NULL;
  copy<<<1, 32, 0, stream>>>(floats(10), x, 10);
}

SILENT(freed_after) {
  float *x = floats(10);
  copy<<<1, 32, 0, stream>>>(floats(10), x, 10);
  cudaFree(x);                  /* waits for the kernel */
  kept[0] = NULL;
}

/* ---- whose memory ---- */

MISTAKE(host_array, "host-pointer") {
  static float x[10];
  copy<<<1, 32, 0, stream>>>(floats(10), x, 10);
}

MISTAKE(pinned_array, "host-pointer") {
  float *x;
  cudaMallocHost((void **) &x, 40);
  copy<<<1, 32, 0, stream>>>(floats(10), x, 10);
  cudaStreamSynchronize(stream);
  cudaFreeHost(x);
}

/* ---- alignment ---- */

MISTAKE(odd_float, "misaligned") {
  copy<<<1, 32, 0, stream>>>(floats(10),
                             (float *) ((char *) floats(10) + 2), 9);
}

KERNEL copy4 (float4 *y, const float4 *x, int n) {
  int i = INDEX;
  if (i < n)
    y[i] = x[i];  // odd_vector
}

MISTAKE(odd_vector, "misaligned") {
  copy4<<<1, 32, 0, stream>>>((float4 *) floats(32),
                              (float4 *) (floats(32) + 1), 4);
}

SILENT(even_vector) {
  copy4<<<1, 32, 0, stream>>>((float4 *) floats(32),
                              (float4 *) (floats(32) + 4), 7);
}

/* ---- values that nobody wrote ---- */

MISTAKE(never_written, "uninitialised") {
  copy<<<1, 32, 0, stream>>>(floats(10), (float *) raw(40), 10);
}

MISTAKE(written_but_one, "uninitialised") {
  float *x = (float *) raw(400);
  cudaMemsetAsync(x, 0, 399, stream);
  copy<<<1, 128, 0, stream>>>(floats(100), x, 100);
}

SILENT(written_by_kernel) {
  float *x = (float *) raw(400);
  shift<<<1, 128, 0, stream>>>(x, 100, 0);
  copy<<<1, 128, 0, stream>>>((float *) raw(400), x, 100);
}

/* ---- shared memory ---- */

KERNEL through_shared (float *y, const float *x, int n) {
  extern __shared__ float s[];
  int i = threadIdx.x;
  s[i] = x[i];  // shared_behind
  __syncthreads();
  y[i] = s[n - 1 - i];
}

MISTAKE(shared_behind, "out-of-bounds") {
  through_shared<<<1, 33, 32 * 4, stream>>>(floats(33), floats(33), 32);
}

SILENT(shared_inside) {
  float y[33];
  float *device = floats(33);
  through_shared<<<1, 33, 33 * 4, stream>>>(device, floats(33), 33);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 32 && y[32] == 0);
}

KERNEL half_shared (float *y, int limit) {
  __shared__ float s[64];
  int i = threadIdx.x;
  if (i < limit)
    s[i] = 1;
  __syncthreads();
  y[i] = s[63 - i];  // shared_unwritten
}

MISTAKE(shared_unwritten, "uninitialised") {
  half_shared<<<1, 64, 0, stream>>>(floats(64), 63);
}

SILENT(shared_written) {
  half_shared<<<1, 64, 0, stream>>>(floats(64), 64);
}

/* What one block wrote is gone for the next. */
KERNEL leftover (float *y) {
  __shared__ float s[32];
  if (blockIdx.x == 0)
    s[threadIdx.x] = 1;
  __syncthreads();
  y[blockIdx.x * 32 + threadIdx.x] = s[threadIdx.x];  // shared_leftover
}

MISTAKE(shared_leftover, "uninitialised") {
  leftover<<<2, 32, 0, stream>>>(floats(64));
}

/* ---- local memory ---- */

KERNEL local_array (float *y, const float *x, int n, int at) {
  float a[8];
#pragma unroll 1
  for (int i = 0; i < n; i++)
    a[i] = x[i];
  y[threadIdx.x] = a[at];  // local_unwritten
}

MISTAKE(local_unwritten, "uninitialised") {
  local_array<<<1, 32, 0, stream>>>(floats(32), floats(8), 7, 7);
}

SILENT(local_written) {
  float y[32];
  float *device = floats(32);
  local_array<<<1, 32, 0, stream>>>(device, floats(8), 8, 7);
  fetch(y, device, sizeof y);
  CHECK(y[31] == 7);
}

MISTAKE(local_behind, "out-of-bounds") {
  local_array<<<1, 32, 0, stream>>>(floats(32), floats(9), 8, 8);
}

/* ---- constants ---- */

KERNEL halve (float *__restrict__ y, const float *__restrict__ x, int n) {
  int i = INDEX;
  if (i < n)
    y[i] = 0.5f * x[i];  // constant_aliased
}

MISTAKE(constant_aliased, "constant-written") {
  float *x = floats(100);
  halve<<<1, 128, 0, stream>>>(x, x, 100);
}

SILENT(constant_apart) {
  halve<<<1, 128, 0, stream>>>(floats(100), floats(100), 100);
}

KERNEL halve_in_place (float *y, const float *x, int n) {
  int i = INDEX;
  if (i < n)
    y[i] = 0.5f * x[i];
}

SILENT(plain_aliased) {
  float *x = floats(100);
  halve_in_place<<<1, 128, 0, stream>>>(x, x, 100);
  halve<<<1, 128, 0, stream>>>(x, floats(100), 100);
}
