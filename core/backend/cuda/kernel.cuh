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
  _Pragma("unroll 1") \
  for (int64_t i = (int64_t) blockIdx.x * blockDim.x + threadIdx.x; i < (n); \
       i += (int64_t) gridDim.x * blockDim.x)

static inline unsigned blocks_for (int64_t n) {
  int64_t blocks = (n + THREADS - 1) / THREADS;
  return blocks < BLOCKS_MOST ? (unsigned) blocks : (unsigned) BLOCKS_MOST;
}

/* One thread for each of n elements; nothing is launched for none. */
#define LAUNCH(kernel, n, ...) \
  ((n) == 0 ? cudaSuccess \
   : ((kernel)<<<blocks_for(n), THREADS, 0, cuda_stream>>>(__VA_ARGS__), \
      cudaGetLastError()))

/* blocks of THREADS threads, each with its own row, tile or chunk. */
#define LAUNCH_BLOCKS(kernel, blocks, ...) \
  ((blocks) == 0 ? cudaSuccess \
   : ((kernel)<<<(unsigned) (blocks), THREADS, 0, cuda_stream>>> \
        (__VA_ARGS__), cudaGetLastError()))

#define FLOATS(view) ((float *) (view).data)

/* ---- teams: the threads that share a row ----
 *
 * A row [n] is worked on by a warp, or by a whole block where it is long.  All
 * threads of a team run the same rows, so that each calls the joins below
 * equally often; every one of them gets the result.
 *
 *   EACH_ROW(r, rows, team) {
 *     double sum = 0;
 *     EACH_OF_ROW(i, n, team)
 *       sum += x[r * n + i];
 *     sum = team_sum(sum, team);
 *   }
 *   LAUNCH_ROWS(name, rows, team_for(rows, n), ...)      team is passed on too
 */

#define EACH_ROW(r, rows, team) \
  for (int64_t r = (int64_t) blockIdx.x * (THREADS / (team)) \
                   + threadIdx.x / (unsigned) (team); \
       r < (rows); r += (int64_t) gridDim.x * (THREADS / (team)))

#define EACH_OF_ROW(i, n, team) \
  for (int64_t i = threadIdx.x % (unsigned) (team); i < (n); i += (team))

static inline int team_for (int64_t rows, int64_t columns) {
  return columns > 1024 || (columns > 256 && rows < 512) ? THREADS : WARP;
}

#define LAUNCH_ROWS(kernel, rows, team, ...) \
  LAUNCH(kernel, (rows) * (team), __VA_ARGS__)

/* A contiguous view whose last axis are the columns. */
struct Rows { int64_t rows, columns; };

static inline Rows rows_of (const View &x) {
  Rows r = { 1, x.rank > 0 ? x.size[x.rank - 1] : 1 };
  for (int i = 0; i < x.rank - 1; i++)
    r.rows *= x.size[i];
  return r;
}

/* kernel(team, ..., rows, columns), with a team for each row. */
#define LAUNCH_TEAMS(kernel, r, ...) \
  LAUNCH_ROWS(kernel, (r).rows, team_for((r).rows, (r).columns), \
              team_for((r).rows, (r).columns), __VA_ARGS__, (r).rows, \
              (r).columns)

struct JoinSum {
  template <typename T> __device__ T operator() (T a, T b) const {
    return a + b;
  }
};

/* NaN stays. */
struct JoinMax {
  template <typename T> __device__ T operator() (T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

/* Neighbours first, then the warps in order. */
template <typename Join, typename T>
static __device__ __forceinline__ T team_join (Join join, T v, int team) {
  __shared__ T of_warp[THREADS / WARP];
  for (int half = WARP / 2; half > 0; half /= 2)
    v = join(v, __shfl_xor_sync(0xFFFFFFFFu, v, half));
  if (team == WARP)
    return v;
  __syncthreads();                 /* an earlier join has been read */
  if (threadIdx.x % WARP == 0)
    of_warp[threadIdx.x / WARP] = v;
  __syncthreads();
  v = of_warp[0];
  for (int i = 1; i < THREADS / WARP; i++)
    v = join(v, of_warp[i]);
  return v;
}

static __device__ __forceinline__ double team_sum (double v, int team) {
  return team_join(JoinSum(), v, team);
}

static __device__ __forceinline__ float team_max (float v, int team) {
  return team_join(JoinMax(), v, team);
}

/* ---- parts: how the blocks share long columns ---- */

/* n elements, cut into parts of size elements. */
struct Shares { int64_t parts, size; };

/* Elements of a lane: the most without parts, the least with them.  So many
 * blocks fill a large device.  A sum has at most MOST_PARTS = LONG times the
 * fewest lanes, so that its parts have no parts. */
enum { LONG = 64, SHORT = 32, ENOUGH_BLOCKS = 1024, MOST_PARTS = 512 };

static inline int64_t ceiling (int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

/* The least power of two that is not below n, at most `most`. */
static inline int power_above (int64_t n, int most) {
  int p = 1;
  while (p < n && p < most)
    p *= 2;
  return p;
}

/* Of n elements, taken by so many lanes in each of some tiles. */
static inline Shares shares_of (int64_t n, int lanes, int64_t tiles,
                                int64_t most) {
  Shares s = { 1, n };
  if (tiles == 0 || n <= LONG * lanes)
    return s;
  int64_t wanted = ceiling(ENOUGH_BLOCKS, tiles), parts = n / (SHORT * lanes);
  parts = parts > wanted ? wanted : parts;
  parts = parts > most ? most : parts;
  s.size = ceiling(ceiling(n, parts), lanes) * lanes;
  s.parts = ceiling(n, s.size);
  return s;
}

#endif
