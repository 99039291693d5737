/*
 * launch.cu - launches that a device refuses, instructions that have no
 * defined result, and a device that is lost.
 */
#include "case.h"

#define KERNEL static __global__ void

KERNEL __launch_bounds__(128) mark (float *y) {
  extern __shared__ float s[];
  s[threadIdx.x] = 1;
  y[blockIdx.x * blockDim.x + threadIdx.x] = s[threadIdx.x];
}

MISTAKE(above_launch_bounds, "launch") {
  mark<<<1, 129, 1024, stream>>>(floats(129));
  CHECK(cudaGetLastError() == cudaErrorLaunchOutOfResources);
}

MISTAKE(above_1024, "launch") {
  mark<<<1, 1025, 8192, stream>>>(floats(1025));
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
  CHECK(cudaGetLastError() == cudaSuccess);
}

MISTAKE(no_blocks, "launch") {
  mark<<<0, 32, 128, stream>>>(floats(32));
  CHECK(cudaGetLastError() == cudaErrorInvalidConfiguration);
}

MISTAKE(too_many_blocks, "launch") {
  mark<<<dim3(1, 65536), 32, 128, stream>>>(floats(32));
}

MISTAKE(too_much_shared, "launch") {
  mark<<<1, 32, 49 * 1024, stream>>>(floats(32));
}

SILENT(within_limits) {
  mark<<<3, 128, 48 * 1024, stream>>>(floats(3 * 128));
  CHECK(cudaGetLastError() == cudaSuccess);
}

MISTAKE(default_stream, "default-stream") {
  mark<<<1, 32, 128>>>(floats(32));
}

KERNEL add_floats (float *y) {
  atomicAdd(y, 1.0f);  // float_atomic
}

MISTAKE(float_atomic, "unknown-ptx") {
  add_floats<<<1, 32, 0, stream>>>(floats(1));
}

KERNEL approximate (float *y, float x) {
  y[0] = __expf(x);  // approximate_maths
}

MISTAKE(approximate_maths, "unknown-ptx") {
  approximate<<<1, 1, 0, stream>>>(floats(1), 1);
}

KERNEL stops (float *y) {
  if (y[0] == 0)
    __trap();
}

MISTAKE(trap, "trap") {
  stops<<<1, 1, 0, stream>>>(floats(1));
}

KERNEL grid (int *y) {
  int i = (int) (threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y
                 * threadIdx.z));
  int b = (int) (blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y
                 * blockIdx.z));
  int threads = (int) (blockDim.x * blockDim.y * blockDim.z);
  y[b * threads + i] = b * 1000 + i;
}

SILENT(three_dimensions) {
  static int y[24 * 105];
  int *device = ints(24 * 105);
  grid<<<dim3(2, 3, 4), dim3(7, 5, 3), 0, stream>>>(device);
  fetch(y, device, sizeof y);
  for (int i = 0; i < 24 * 105; i++)
    CHECK(y[i] == i / 105 * 1000 + i % 105);
}

SILENT(no_approximation) {
  float x = 3, y[2];
  float *device = floats(2);
  mark<<<1, 2, 8, stream>>>(device);
  fetch(y, device, sizeof y);
  CHECK(y[1] == x / 3);
}

__constant__ float table[4] = { 1, 2, 3, 5 };
__device__ int variable = 7;
__device__ float zeros[3];

KERNEL variables (float *y) {
  int i = threadIdx.x;
  y[i] = table[i] + variable + zeros[i % 3];
}

SILENT(module_variables) {
  float y[4], *device = floats(4);
  variables<<<1, 4, 0, stream>>>(device);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 8 && y[3] == 12);
}

typedef struct Big { double a; int8_t b; int64_t c[5]; float d; } Big;

KERNEL by_value (double *y, Big big, int8_t k, const Big other) {
  y[threadIdx.x] = big.a + big.b + big.c[threadIdx.x] + big.d + k + other.c[k];
}

SILENT(big_arguments) {
  double y[5], *device = (double *) raw(sizeof y);
  Big big = { 0.5, -3, { 10, 20, 30, 40, 50 }, 0.25f };
  by_value<<<1, 5, 0, stream>>>(device, big, 2, big);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 0.5 - 3 + 10 + 0.25 + 2 + 30);
  CHECK(y[4] == 0.5 - 3 + 50 + 0.25 + 2 + 30);
}

/* The second kernel breaks the device; nothing works afterwards. */
SILENT_IN(lost_device, "SIM_LOST=2") {
  float *y = floats(32);
  mark<<<1, 32, 128, stream>>>(y);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  mark<<<1, 32, 128, stream>>>(y);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream) == cudaErrorLaunchFailure);
  CHECK(cudaMemsetAsync(y, 0, 4, stream) == cudaErrorLaunchFailure);
  CHECK(cudaFree(y) == cudaErrorLaunchFailure);
  no_clean_up = 1;
}
