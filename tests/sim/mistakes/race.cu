/*
 * race.cu - accesses of one place by two threads with nothing that orders
 * them, next to those that are ordered.
 */
#include "case.h"

#define KERNEL static __global__ void

/* ---- shared memory ---- */

template <bool waits>
KERNEL reverse (float *y) {
  __shared__ float s[64];
  int i = threadIdx.x;
  s[i] = (float) i;
  if (waits)
    __syncthreads();
  y[i] = s[63 - i];
}

MISTAKE(no_barrier, "race-shared,uninitialised") {
  reverse<false><<<1, 64, 0, stream>>>(floats(64));
}

SILENT(barrier) {
  reverse<true><<<1, 64, 0, stream>>>(floats(64));
}

/* A sum by halves: without the last barrier a thread overwrites what another
 * one still reads. */
template <bool waits>
KERNEL sum (float *y, const float *x) {
  __shared__ float s[128];
  int i = threadIdx.x;
  s[i] = x[i];
  for (int half = 64; half > 0; half /= 2) {
    if (waits)
      __syncthreads();
    if (i < half)
      s[i] += s[i + half];
  }
  if (i == 0)
    y[blockIdx.x] = s[0];
}

MISTAKE(sum_no_barrier, "race-shared,uninitialised") {
  sum<false><<<1, 128, 0, stream>>>(floats(1), floats(128));
}

SILENT(sum_barrier) {
  float y[3], *device = floats(3);
  sum<true><<<3, 128, 0, stream>>>(device, floats(128));
  fetch(y, device, sizeof y);
  CHECK(y[0] == 8128 && y[2] == 8128);
}

/* Tiles: the barrier after the use is as needed as the one before. */
template <bool waits>
KERNEL tiles (float *y, const float *x) {
  __shared__ float s[64];
  float sum = 0;
  int i = threadIdx.x;
  for (int t = 0; t < 4; t++) {
    s[i] = x[t * 64 + i];
    __syncthreads();
    sum += s[(i + 1) % 64];
    if (waits)
      __syncthreads();
  }
  y[blockIdx.x * 64 + i] = sum;
}

MISTAKE(tile_overwritten, "race-shared") {
  tiles<false><<<1, 64, 0, stream>>>(floats(64), floats(256));
}

SILENT(tile_kept) {
  tiles<true><<<2, 64, 0, stream>>>(floats(256), floats(256));
}

KERNEL same_value (float *y, int at) {
  __shared__ float s[2];
  s[at] = 1;  // same_value_written
  __syncthreads();
  y[threadIdx.x] = s[0];
}

MISTAKE(same_value_written, "race-shared") {
  same_value<<<1, 64, 0, stream>>>(floats(64), 0);
}

/* ---- bytes ---- */

KERNEL bytes (uint8_t *y, int n, int d) {
  int i = (int) (blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n)
    y[i / d] = (uint8_t) i;  // bytes_shared
}

SILENT(bytes_apart) {
  bytes<<<3, 32, 0, stream>>>((uint8_t *) ints(30), 93, 1);
}

MISTAKE(bytes_shared, "race-global") {
  bytes<<<1, 32, 0, stream>>>((uint8_t *) ints(30), 32, 2);
}

/* Words read over bytes that others write. */
KERNEL words_of_bytes (int *y, uint8_t *x, int own) {
  int i = threadIdx.x;
  if (own) {
    for (int k = 0; k < 4; k++)
      x[4 * i + k] = 1;
  } else
    x[i] = 1;
  y[i] = ((int *) x)[own ? i : i / 4];  // words_over_bytes
}

MISTAKE(words_over_bytes, "race-global") {
  words_of_bytes<<<1, 32, 0, stream>>>(ints(32), (uint8_t *) ints(32), 0);
}

SILENT(words_over_own_bytes) {
  words_of_bytes<<<1, 32, 0, stream>>>(ints(32), (uint8_t *) ints(32), 1);
}

KERNEL vectors (float *x) {
  int i = threadIdx.x;
  ((float4 *) x)[i] = make_float4(1, 1, 1, 1);
  x[4 * i + 7] = 2;  // vectors_overlap
}

MISTAKE(vectors_overlap, "race-global") {
  vectors<<<1, 32, 0, stream>>>(floats(4 * 32 + 4));
}

/* ---- global memory, within a block ---- */

template <bool waits>
KERNEL neighbour (float *x) {
  int i = threadIdx.x;
  float v = x[(i + 1) % 64];
  if (waits)
    __syncthreads();
  x[i] = v;
}

MISTAKE(rotate_no_barrier, "race-global") {
  neighbour<false><<<1, 64, 0, stream>>>(floats(64));
}

SILENT(rotate_barrier) {
  float y[64], *x = floats(64);
  neighbour<true><<<1, 64, 0, stream>>>(x);
  fetch(y, x, sizeof y);
  CHECK(y[0] == 1 && y[63] == 0);
}

/* ---- between blocks: no barrier helps ---- */

MISTAKE(rotate_two_blocks, "race-global") {
  neighbour<true><<<2, 64, 0, stream>>>(floats(64));
}

KERNEL edges (float *y, const float *x, int n) {
  int i = (int) (blockIdx.x * blockDim.x + threadIdx.x);
  if (i > 0 && i < n)
    y[i] = x[i - 1];  // edge_in_place
}

SILENT(edge_apart) {
  edges<<<4, 32, 0, stream>>>(floats(128), floats(128), 128);
}

/* One warp a block, so that only blocks can meet. */
MISTAKE(edge_in_place, "race-global") {
  float *x = floats(128);
  edges<<<128, 1, 0, stream>>>(x, x, 128);
}

KERNEL all_to_one (float *y) {
  y[0] = 1;  // one_place
}

MISTAKE(one_place, "race-global") {
  all_to_one<<<2, 1, 0, stream>>>(floats(1));
}

SILENT(one_thread_twice) {
  float *y = floats(1);
  all_to_one<<<1, 1, 0, stream>>>(y);
  all_to_one<<<1, 1, 0, stream>>>(y);
}

/* Read by one block, written after a barrier by another that read it too. */
KERNEL read_then_write (float *y, float *x) {
  float v = x[0];
  __syncthreads();
  y[blockIdx.x * 32 + threadIdx.x] = v;
  if (blockIdx.x == 0 && threadIdx.x == 0)
    x[0] = 2;
}

MISTAKE(read_elsewhere, "race-global") {
  read_then_write<<<9, 32, 0, stream>>>(floats(9 * 32), floats(1));
}

SILENT(read_here) {
  read_then_write<<<1, 32, 0, stream>>>(floats(32), floats(1));
}

/* ---- atomic operations ---- */

KERNEL histogram (int *count, int n, bool looks) {
  __shared__ int s[4];
  int i = (int) (blockIdx.x * blockDim.x + threadIdx.x);
  if (threadIdx.x < 4)
    s[threadIdx.x] = 0;
  __syncthreads();
  atomicAdd(&s[i % 4], 1);
  if (looks)
    s[3] = 0;  // atomic_and_plain
  __syncthreads();
  if (threadIdx.x < 4)
    atomicAdd(&count[threadIdx.x], s[threadIdx.x]);
}

SILENT(atomics) {
  int y[4], *count = ints(4);
  histogram<<<5, 64, 0, stream>>>(count, 0, false);
  fetch(y, count, sizeof y);
  CHECK(y[0] == 80 && y[3] == 80);
}

MISTAKE(atomic_and_plain, "race-shared") {
  histogram<<<1, 64, 0, stream>>>(ints(4), 0, true);
}

KERNEL set_and_count (int *y) {
  __shared__ int s;
  int i = threadIdx.x;
  if (i == 0) {
    s = 0;
    atomicAdd(&s, 1);
  }
  if (i == 1)
    atomicAdd(&s, 1);  // set_then_counted
  __syncthreads();
  y[i] = s;
}

MISTAKE(set_then_counted, "race-shared") {
  set_and_count<<<1, 32, 0, stream>>>(ints(32));
}

KERNEL one_resets (int *count) {
  if (blockIdx.x == 0)
    *count = 0;
  __syncthreads();
  atomicAdd(count, 1);
}

MISTAKE(one_block_resets, "race-global") {
  one_resets<<<2, 1, 0, stream>>>(ints(1));
}

KERNEL count_and_read (int *count, int *y) {
  atomicAdd(count, 1);
  y[blockIdx.x] = *count;  // atomic_then_read
}

MISTAKE(atomic_then_read, "race-global") {
  count_and_read<<<4, 1, 0, stream>>>(ints(1), ints(4));
}

/* The block that comes last finishes what the others began: no barrier orders
 * it after them. */
KERNEL last_writes (int *ticket, int *x, int *y) {
  bool last = atomicAdd(ticket, 1) == (int) gridDim.x - 1;
  y[blockIdx.x] = x[0];
  __syncthreads();
  if (last)
    x[0] = 5;  // last_block_writes
}

MISTAKE(last_block_writes, "race-global") {
  last_writes<<<4, 1, 0, stream>>>(ints(1), ints(1), ints(4));
}

KERNEL last_reads (int *ticket, int *count, int *y) {
  bool last = atomicAdd(ticket, 1) == (int) gridDim.x - 1;
  atomicAdd(count, 2);
  __syncthreads();
  if (last)
    y[0] = *count;  // last_block_reads
}

MISTAKE(last_block_reads, "race-global") {
  last_reads<<<4, 1, 0, stream>>>(ints(1), ints(1), ints(1));
}

/* All read, then the one that read last writes. */
KERNEL read_by_warp (float *y, const float *x) {
  __shared__ float s[1];
  int i = threadIdx.x;
  if (i == 0)
    s[0] = x[0];
  __syncthreads();
  y[i] = s[0];
  if (i == 31)
    s[0] = 7;  // read_by_all_lanes
}

MISTAKE(read_by_all_lanes, "race-shared") {
  read_by_warp<<<1, 32, 0, stream>>>(floats(32), floats(1));
}

KERNEL read_by_warps (float *y, const float *x) {
  __shared__ float s[1];
  __shared__ int ticket;
  int warp = threadIdx.x / 32, order = 0;
  if (threadIdx.x == 0) {
    s[0] = x[0];
    ticket = 0;
  }
  __syncthreads();
  if (threadIdx.x % 32 == 0) {
    order = atomicAdd(&ticket, 1);
    y[warp] = s[0];
    if (order == 1)
      s[0] = 7;  // read_by_all_warps
  }
}

MISTAKE(read_by_all_warps, "race-shared") {
  read_by_warps<<<1, 64, 0, stream>>>(floats(2), floats(1));
}

KERNEL bytes_over_words (int *x) {
  int i = threadIdx.x;
  x[i] = 1;
  ((char *) x)[4 * i + 5] = 2;  // words_then_bytes
}

MISTAKE(words_then_bytes, "race-global") {
  bytes_over_words<<<1, 32, 0, stream>>>(ints(34));
}

/* ---- within a warp ---- */

template <bool waits>
KERNEL warp_sum (float *y, const float *x) {
  __shared__ float s[32];
  int i = threadIdx.x;
  s[i] = x[i];
  for (int half = 16; half > 0; half /= 2) {
    if (waits)
      __syncwarp();
    float other = i < half ? s[i + half] : 0.0f;
    if (waits)
      __syncwarp();
    s[i] += other;
  }
  y[i] = s[i];
}

MISTAKE(warp_no_sync, "race-shared") {
  warp_sum<false><<<1, 32, 0, stream>>>(floats(32), floats(32));
}

SILENT(warp_sync) {
  float y[32], *device = floats(32);
  warp_sum<true><<<1, 32, 0, stream>>>(device, floats(32));
  fetch(y, device, sizeof y);
  CHECK(y[0] == 496);
}
