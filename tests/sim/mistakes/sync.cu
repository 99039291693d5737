/*
 * sync.cu - barriers and shuffles that not all threads reach, next to those
 * that all reach; branches of every shape.
 */
#include "case.h"

#define KERNEL static __global__ void
#define ALL 0xFFFFFFFFu

/* ---- barriers ---- */

KERNEL barrier_below (float *y, int limit) {
  __shared__ float s[64];
  s[threadIdx.x] = 1;
  if ((int) threadIdx.x < limit)
    __syncthreads();  // half_a_warp
  y[threadIdx.x] = s[threadIdx.x];
}

MISTAKE(half_a_warp, "divergent-barrier") {
  barrier_below<<<1, 32, 0, stream>>>(floats(32), 16);
}

MISTAKE(half_the_warps, "divergent-barrier") {
  barrier_below<<<1, 64, 0, stream>>>(floats(64), 32);
}

SILENT(all_warps) {
  barrier_below<<<1, 64, 0, stream>>>(floats(64), 64);
}

SILENT(no_warp) {
  barrier_below<<<1, 64, 0, stream>>>(floats(64), 0);
}

KERNEL return_before (float *y, int n) {
  int i = threadIdx.x;
  if (i >= n)
    return;
  y[i] = 1;
  __syncthreads();  // early_return
  y[i] += 1;
}

MISTAKE(early_return, "divergent-barrier") {
  return_before<<<1, 64, 0, stream>>>(floats(64), 50);
}

MISTAKE(early_return_of_warps, "divergent-barrier") {
  return_before<<<1, 64, 0, stream>>>(floats(64), 32);
}

SILENT(no_early_return) {
  return_before<<<1, 64, 0, stream>>>(floats(64), 64);
}

/* Here the lanes are gone for good, not waiting behind the branch. */
KERNEL exit_before (float *y, int n, int waits) {
  int i = threadIdx.x;
  if (i >= n)
    asm volatile ("exit;");
  y[i] = 5;
  if (waits)
    __syncthreads();  // exit_before_barrier
}

MISTAKE(exit_before_barrier, "divergent-barrier") {
  exit_before<<<1, 64, 0, stream>>>(floats(64), 50, 1);
}

SILENT(exit_early) {
  float y[64], *device = floats(64);
  exit_before<<<1, 64, 0, stream>>>(device, 50, 0);
  fetch(y, device, sizeof y);
  CHECK(y[49] == 5 && y[50] == 50 && y[63] == 63);
}

/* A return that nobody takes parts no lanes. */
KERNEL return_inside (float *y, int stops) {
  __shared__ float s[32];
  int i = threadIdx.x;
  s[i] = 1;
  if (i % 4 == 1) {
    if (stops == i)
      return;
    s[i] = 2;
  }
  __syncthreads();  // return_inside_taken
  y[i] = s[31 - i] + __shfl_xor_sync(ALL, s[i], 1);
}

SILENT(return_inside_not_taken) {
  float y[32], *device = floats(32);
  return_inside<<<1, 32, 0, stream>>>(device, 2);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 3 && y[1] == 2 && y[2] == 3 && y[3] == 2);
}

MISTAKE(return_inside_taken, "divergent-barrier") {
  return_inside<<<1, 32, 0, stream>>>(floats(32), 5);
}

KERNEL two_barriers (float *y, int first) {
  int i = threadIdx.x;
  if (i < first) {
    y[i] = 1;
    __syncthreads();
    y[i] += 1;
  } else {
    y[i] = 3;
    __syncthreads();
    y[i] += 2;
  }
}

MISTAKE(different_barriers, "mismatched-barrier") {
  two_barriers<<<1, 64, 0, stream>>>(floats(64), 32);
}

SILENT(one_of_two_barriers) {
  two_barriers<<<1, 64, 0, stream>>>(floats(64), 64);
}

KERNEL count_below (int *y, int limit) {
  int i = threadIdx.x;
  y[i] = __syncthreads_count(i < limit) * 100 + __syncthreads_or(i == 40) * 10
         + __syncthreads_and(i < 64);
}

SILENT(counted_barrier) {
  int y[70], *device = ints(70);
  count_below<<<1, 70, 0, stream>>>(device, 45);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 4510 && y[69] == 4510);
}

/* ---- shuffles ---- */

static __device__ float warp_sum (float x) {
  for (int d = 16; d > 0; d /= 2)
    x += __shfl_xor_sync(ALL, x, d);
  return x;
}

KERNEL sum_rows (float *y, const float *x, int n) {
  float sum = 0;
  for (int i = threadIdx.x; i < n; i += 32)   /* lanes leave at different i */
    sum += x[i];
  sum = warp_sum(sum);
  if (threadIdx.x == 0)
    y[0] = sum;
}

SILENT(shuffle_after_loop) {
  float y, *device = floats(1);
  sum_rows<<<1, 32, 0, stream>>>(device, floats(77), 77);
  fetch(&y, device, 4);
  CHECK(y == 77 * 76 / 2);
}

MISTAKE(shuffle_short_block, "absent-lane") {
  sum_rows<<<1, 31, 0, stream>>>(floats(1), floats(77), 77);
}

KERNEL sum_some (float *y, int n) {
  int i = threadIdx.x;
  if (i < n)
    y[i] = __shfl_down_sync(ALL, (float) i, 1);  // shuffle_in_branch
}

MISTAKE(shuffle_in_branch, "absent-lane") {
  sum_some<<<1, 32, 0, stream>>>(floats(32), 20);
}

SILENT(shuffle_in_uniform_branch) {
  sum_some<<<1, 64, 0, stream>>>(floats(64), 32);
}

KERNEL shuffle_returned (float *y, int n) {
  int i = threadIdx.x;
  if (i >= n)
    return;
  y[i] = __shfl_sync(ALL, (float) i, 0);  // shuffle_after_return
}

MISTAKE(shuffle_after_return, "absent-lane") {
  shuffle_returned<<<1, 32, 0, stream>>>(floats(32), 31);
}

KERNEL shuffle_in_loop (float *y, int n) {
  float v = threadIdx.x;
  for (int i = threadIdx.x; i < n; i += 32)
    v += __shfl_xor_sync(ALL, v, 1);  // shuffle_uneven_loop
  y[threadIdx.x] = v;
}

MISTAKE(shuffle_uneven_loop, "absent-lane") {
  shuffle_in_loop<<<1, 32, 0, stream>>>(floats(32), 70);
}

SILENT(shuffle_even_loop) {
  shuffle_in_loop<<<1, 32, 0, stream>>>(floats(32), 96);
}

KERNEL half_mask (float *y, unsigned mask) {
  int i = threadIdx.x;
  if (i < 16)
    y[i] = __shfl_xor_sync(mask, (float) i, 1);
}

SILENT(mask_of_branch) {
  float y[16], *device = floats(16);
  half_mask<<<1, 32, 0, stream>>>(device, 0xFFFF);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 1 && y[15] == 14);
}

MISTAKE(mask_too_small, "absent-lane") {
  half_mask<<<1, 32, 0, stream>>>(floats(16), 0xFF);
}

KERNEL masks_of_lanes (int *y, int shift) {
  int i = threadIdx.x;
  unsigned mask = 0xFFu << ((i + shift) / 8 * 8);
  y[i] = __shfl_xor_sync(mask, i, 1) + 100 * __any_sync(mask, i == 9);
}

SILENT(masks_of_groups) {
  int y[32], *device = ints(32);
  masks_of_lanes<<<1, 32, 0, stream>>>(device, 0);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 1 && y[8] == 109 && y[15] == 114 && y[31] == 30);
}

MISTAKE(masks_that_differ, "absent-lane") {
  masks_of_lanes<<<1, 32, 0, stream>>>(ints(32), 4);
}

KERNEL votes (int *y, int n) {
  int i = threadIdx.x;
  if (i < n)
    y[i] = (int) __ballot_sync(ALL, i & 1)
           + __any_sync(ALL, i == 3) + __all_sync(ALL, i < 40);
}

SILENT(vote) {
  int y[32], *device = ints(32);
  votes<<<1, 32, 0, stream>>>(device, 32);
  fetch(y, device, sizeof y);
  CHECK(y[7] == (int) 0xAAAAAAAAu + 2);
}

MISTAKE(vote_in_branch, "absent-lane") {
  votes<<<1, 32, 0, stream>>>(ints(32), 5);
}

KERNEL warp_barrier (int *y, int n) {
  if ((int) threadIdx.x < n)
    __syncwarp();  // warp_barrier_in_branch
  y[threadIdx.x] = 1;
}

MISTAKE(warp_barrier_in_branch, "absent-lane") {
  warp_barrier<<<1, 32, 0, stream>>>(ints(32), 5);
}

/* Every kind of shuffle, with segments. */
KERNEL shuffles (int *y) {
  int i = threadIdx.x;
  y[i] = __shfl_up_sync(ALL, i, 3);
  y[32 + i] = __shfl_down_sync(ALL, i, 3);
  y[64 + i] = __shfl_sync(ALL, i, 9, 8);
  y[96 + i] = __shfl_xor_sync(ALL, i, 7, 16);
  y[128 + i] = __shfl_up_sync(ALL, i, 2, 8);
  y[160 + i] = __shfl_down_sync(ALL, i, 2, 4);
}

SILENT(shuffle_values) {
  int y[192], *device = ints(192);
  shuffles<<<1, 32, 0, stream>>>(device);
  fetch(y, device, sizeof y);
  for (int i = 0; i < 32; i++) {
    CHECK(y[i] == (i < 3 ? i : i - 3));
    CHECK(y[32 + i] == (i > 28 ? i : i + 3));
    CHECK(y[64 + i] == i / 8 * 8 + 1);
    CHECK(y[96 + i] == (i ^ 7));
    CHECK(y[128 + i] == (i % 8 < 2 ? i : i - 2));
    CHECK(y[160 + i] == (i % 4 > 1 ? i : i + 2));
  }
}

/* ---- branches ---- */

/* Nested loops with break, continue and switch, then a shuffle of all. */
static __host__ __device__ int wander (int i) {
  int v = i;
  for (int k = 0; k < 20; k++) {
    if (v % 7 == k % 7)
      continue;
    for (int j = 0; j < k; j++) {
      if (v % 5 == 4) {
        v += 3;
        break;
      }
      v += j;
    }
    switch (v % 9) {
      case 0: v += 1; break;
      case 1: v *= 2; break;
      case 2: v -= 5; break;
      case 3: v ^= 9; break;
      case 4: v += 77; break;
      case 5: return v;
      case 6: v /= 2; break;
      default: v += 2;
    }
    v &= 1023;
    if (v == 77)
      break;
  }
  return v;
}

KERNEL wander_all (int *y, int n) {
  int i = threadIdx.x, v = 0;
  if (i < n)
    v = wander(i);
  y[i] = v + __shfl_xor_sync(ALL, v, 1) * 10000;
}

SILENT(branches) {
  int y[256], *device = ints(256);
  wander_all<<<1, 256, 0, stream>>>(device, 256);
  fetch(y, device, sizeof y);
  for (int i = 0; i < 256; i++)
    CHECK(y[i] == wander(i) + wander(i ^ 1) * 10000);
}

static __device__ __noinline__ int called (int i) {
  if (i % 3 == 0)
    return -i;
  return i * 2;
}

KERNEL calls (int *y) {
  int i = threadIdx.x;
  y[i] = called(i) + called(i + 1);
}

SILENT(function_calls) {
  int y[64], *device = ints(64);
  calls<<<1, 64, 0, stream>>>(device);
  fetch(y, device, sizeof y);
  CHECK(y[3] == -3 + 8 && y[4] == 8 + 10 && y[5] == 10 - 6);
}

KERNEL forever (int *y) {
  volatile int *p = y;
  while (*p == 0)  // endless_loop
    ;
  y[1] = 1;
}

MISTAKE_IN(endless_loop, "endless", "SIM_STEPS=100000") {
  forever<<<1, 1, 0, stream>>>(ints(2));
}
