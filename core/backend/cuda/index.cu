/*
 * index.cu - gather and scatter by int32 indices that count from 1.
 *
 * Indices are valid here: ops check them (autograd/index.c).  A place that is
 * named several times receives its addends in the order of the indices, as on
 * the CPU: each entry of a list of indices has a warp; the warp of the first
 * entry that names a place adds up all that name it, the others find an
 * earlier one and stop.  Both searches compare 32 entries at a time.
 */
#include "backend/cuda/kernel.cuh"

static int64_t row_size (const View &x) {
  int64_t n = 1;
  for (int i = 1; i < x.rank; i++)
    n *= x.size[i];
  return n;
}

static const int32_t *places (const View &index) {
  return (const int32_t *) index.data;
}

/* ---- gather ---- */

/* y [count / n, n]: rows of x. */
template <typename T>
KERNEL_FN take (T *y, const T *x, const int32_t *at, int64_t count,
                int64_t n) {
  EACH_INDEX(i, count) {
    int64_t r = i / n;
    y[i] = x[(at[r] - 1) * n + i - r * n];
  }
}

template <typename T>
KERNEL_FN take_times (float *y, const T *x, const int32_t *at,
                      const float *scale, int64_t count, int64_t n) {
  float s = *scale;
  EACH_INDEX(i, count) {
    int64_t r = i / n;
    y[i] = (float) x[(at[r] - 1) * n + i - r * n] * s;
  }
}

/* y [count / k, k] of x [count / k, n] */
KERNEL_FN take_along (float *y, const float *x, const int32_t *at,
                      int64_t count, int64_t n, int64_t k) {
  EACH_INDEX(i, count)
    y[i] = x[i / k * n + at[i] - 1];
}

KERNEL_FN slide (int32_t *y, const int32_t *x, const int32_t *first,
                 int64_t n) {
  int64_t from = *first - 1;
  EACH_INDEX(i, n)
    y[i] = x[from + i];
}

KERNEL_FN mark (float *y, const int32_t *at, int64_t count, int64_t n) {
  EACH_INDEX(i, count)
    y[i] = i % n == at[i / n] - 1;
}

template <typename T>
static cudaError_t take_typed (const View &y, const View &x,
                               const View &index) {
  int64_t n = row_size(x), count = y.size[0] * n;
  return LAUNCH(take<T>, count, (T *) y.data, (const T *) x.data,
                places(index), count, n);
}

cudaError_t cuda_take_rows (View y, View x, View index) {
  return x.dtype == U8 ? take_typed<uint8_t>(y, x, index)
         : x.dtype == F64 ? take_typed<uint64_t>(y, x, index)
         : take_typed<uint32_t>(y, x, index);
}

cudaError_t cuda_take_scaled (View y, View x, View index, Scalar scale) {
  int64_t n = row_size(x), count = y.size[0] * n;
  return x.dtype == U8
         ? LAUNCH(take_times<uint8_t>, count, (float *) y.data,
                  (const uint8_t *) x.data, places(index), scale.at, count, n)
         : LAUNCH(take_times<float>, count, (float *) y.data,
                  (const float *) x.data, places(index), scale.at, count, n);
}

cudaError_t cuda_choose (View y, View x, View index) {
  int64_t rows = x.size[0];
  return LAUNCH(take_along, rows, (float *) y.data, (const float *) x.data,
                places(index), rows, x.size[1], (int64_t) 1);
}

cudaError_t cuda_along (View y, View x, View index) {
  int64_t count = view_count(&y);
  return LAUNCH(take_along, count, (float *) y.data, (const float *) x.data,
                places(index), count, x.size[1], y.size[1]);
}

cudaError_t cuda_window (View y, View x, Whole first) {
  int64_t n = y.size[0];
  return LAUNCH(slide, n, (int32_t *) y.data, places(x), first.at, n);
}

cudaError_t cuda_one_hot (View y, View index) {
  int64_t count = view_count(&y);
  return LAUNCH(mark, count, (float *) y.data, places(index), count,
                y.size[1]);
}

/* ---- scatter ---- */

enum {
  ALL = 0xFFFFFFFF,
  COLUMNS = 2,                /* of a row that a lane adds up */
  AHEAD = 4                   /* addends that are loaded before the first of
                                 them is added */
};

static __device__ __forceinline__ int64_t lane (void) {
  return threadIdx.x % WARP;
}

/* Which of the entries from .. from + 31, below to, name that place: bit k
 * stands for entry from + k. */
static __device__ __forceinline__ uint32_t named (const int32_t *at,
                                                  int32_t place, int64_t from,
                                                  int64_t to) {
  int64_t i = from + lane();
  return __ballot_sync(ALL, i < to && at[i] == place);
}

/* Whether no entry before i names its place. */
static __device__ __forceinline__ bool is_first (const int32_t *at,
                                                 int64_t i) {
  uint32_t found = 0;
  for (int64_t from = 0; from < i && found == 0; from += WARP)
    found = named(at, at[i], from, i);
  return found == 0;
}

/* sum += the rows of dy that the bits of all name, in their order; column k of
 * a lane exists if k * 32 < left. */
static __device__ __forceinline__ void add_all (float sum[COLUMNS],
                                                const float *dy, uint32_t all,
                                                int64_t stride, int64_t left) {
  while (all != 0) {
    float next[AHEAD][COLUMNS];
    bool some[AHEAD];
    for (int j = 0; j < AHEAD; j++, all &= all - 1) {
      int64_t row = __ffs((int) all) - 1;
      some[j] = all != 0;
      for (int k = 0; k < COLUMNS; k++)
        next[j][k] = some[j] && k * WARP < left ? dy[row * stride + k * WARP]
                                                : 0;
    }
    for (int j = 0; j < AHEAD; j++)
      for (int k = 0; k < COLUMNS; k++)
        sum[k] = some[j] ? sum[k] + next[j][k] : sum[k];
  }
}

/* Lane l adds up columns l and l + 32 of dx [n], where they exist, for all
 * entries from the first one that names its place. */
static __device__ __forceinline__ void add_named (float *dx, const float *dy,
                                                  const int32_t *at,
                                                  int64_t first,
                                                  int64_t count, int64_t n,
                                                  int64_t stride) {
  float sum[COLUMNS];
  int64_t left = n - lane();
  dx += lane(), dy += lane();
  for (int k = 0; k < COLUMNS; k++)
    sum[k] = k * WARP < left ? dx[k * WARP] : 0;
  for (int64_t from = first; from < count; from += WARP)
    add_all(sum, dy + from * stride, named(at, at[first], from, count),
            stride, left);
  for (int k = 0; k < COLUMNS; k++)
    if (k * WARP < left)
      dx[k * WARP] = sum[k];
}

/* A warp an entry and a strip of COLUMNS * 32 columns. */
KERNEL_FN add_rows (float *dx, const float *dy, const int32_t *at,
                    int64_t count, int64_t n, int64_t strips) {
  EACH_ROW(w, count * strips, WARP) {
    int64_t i = w / strips, column = w % strips * COLUMNS * WARP;
    if (is_first(at, i))
      add_named(dx + (at[i] - 1) * n + column, dy + column, at, i, count,
                n - column, n);
  }
}

/* Rows of dy [rows, k] to rows of dx [rows, n]: a warp an entry. */
KERNEL_FN add_along (float *dx, const float *dy, const int32_t *index,
                     int64_t rows, int64_t n, int64_t k) {
  EACH_ROW(w, rows * k, WARP) {
    int64_t r = w / k, i = w % k;
    const int32_t *at = index + r * k;
    if (is_first(at, i))
      add_named(dx + r * n + at[i] - 1, dy + r * k, at, i, k, 1, 1);
  }
}

/* Rows are distinct: no place is named twice. */
KERNEL_FN add_chosen (float *dx, const float *dy, const int32_t *at,
                      int64_t rows, int64_t n) {
  EACH_INDEX(r, rows)
    dx[r * n + at[r] - 1] += dy[r];
}

cudaError_t cuda_take_rows_add (View dx, View dy, View index) {
  int64_t count = dy.size[0], n = row_size(dx);
  int64_t strips = (n + COLUMNS * WARP - 1) / (COLUMNS * WARP);
  return LAUNCH_ROWS(add_rows, count * strips, WARP, (float *) dx.data,
                     (const float *) dy.data, places(index), count, n,
                     strips);
}

cudaError_t cuda_along_add (View dx, View dy, View index) {
  int64_t rows = dy.size[0], k = dy.size[1];
  return LAUNCH_ROWS(add_along, rows * k, WARP, (float *) dx.data,
                     (const float *) dy.data, places(index), rows,
                     dx.size[1], k);
}

cudaError_t cuda_choose_add (View dx, View dy, View index) {
  int64_t rows = dx.size[0];
  return LAUNCH(add_chosen, rows, (float *) dx.data, (const float *) dy.data,
                places(index), rows, dx.size[1]);
}
