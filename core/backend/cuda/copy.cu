/*
 * copy.cu - copies between strided views on CUDA: casts, broadcasts, fill and
 * copy_add.
 *
 * Axes are walked in the order in which they lie in y, so that neighbouring
 * threads write neighbouring elements.  Where x runs across y (a transposed
 * copy of four-byte elements), tiles of 32 x 32 pass through shared memory, so
 * that both sides are read and written in whole lines.
 */
#include "backend/cuda/index.cuh"

enum { TILE = 32, TILE_ROWS = THREADS / TILE, WORTH_TILES = 8 };

/* ---- casts ---- */

/* Fractions are cut off; numbers out of range become the nearest that fits,
 * NaN becomes 0. */
static __device__ __forceinline__ double fit (double x, double low,
                                              double high) {
  return x < low ? low : x > high ? high : x == x ? x : 0;
}

template <typename X>
static __device__ __forceinline__ void cast (float *y, X x) {
  *y = (float) x;
}

template <typename X>
static __device__ __forceinline__ void cast (double *y, X x) {
  *y = (double) x;
}

template <typename X>
static __device__ __forceinline__ void cast (int32_t *y, X x) {
  *y = (int32_t) fit((double) x, INT32_MIN, INT32_MAX);
}

template <typename X>
static __device__ __forceinline__ void cast (uint8_t *y, X x) {
  *y = (uint8_t) fit((double) x, 0, 255);
}

/* The same type: bits as they are. */
template <typename T> struct Bits { T bits; };

template <typename T>
static __device__ __forceinline__ void cast (Bits<T> *y, Bits<T> x) {
  *y = x;
}

/* ---- kernels: place 0 is y's, place 1 x's ---- */

typedef void Copy (Layout<2> l, void *y, const void *x);

template <typename Y, typename X>
KERNEL_FN copy (GIVEN Layout<2> l, void *y, const void *x) {
  EACH_INDEX(i, l.count) {
    int64_t at[2];
    places(l, i, at);
    cast((Y *) y + at[0], ((const X *) x)[at[1]]);
  }
}

template <typename T>
KERNEL_FN add (GIVEN Layout<2> l, void *y, const void *x) {
  EACH_INDEX(i, l.count) {
    int64_t at[2];
    places(l, i, at);
    ((T *) y)[at[0]] += ((const T *) x)[at[1]];
  }
}

typedef Bits<uint32_t> Bits4;
typedef Bits<uint8_t> Bits1;
typedef Bits<uint64_t> Bits8;

static Copy *const copies[DTYPES][DTYPES] = {     /* to, from */
  { copy<Bits4, Bits4>, copy<float, int32_t>, copy<float, uint8_t>,
    copy<float, double> },
  { copy<int32_t, float>, copy<Bits4, Bits4>, copy<int32_t, uint8_t>,
    copy<int32_t, double> },
  { copy<uint8_t, float>, copy<uint8_t, int32_t>, copy<Bits1, Bits1>,
    copy<uint8_t, double> },
  { copy<double, float>, copy<double, int32_t>, copy<double, uint8_t>,
    copy<Bits8, Bits8> },
};

/* y's neighbours lie along `across`, x's along `down`. */
KERNEL_FN transposed (GIVEN Layout<2> outer, Axis<2> down, Axis<2> across,
                      uint32_t *y, const uint32_t *x) {
  __shared__ uint32_t room[TILE][TILE + 1];
  int64_t high = (down.size + TILE - 1) / TILE;
  int64_t wide = (across.size + TILE - 1) / TILE;
  unsigned i = threadIdx.x % TILE, j = threadIdx.x / TILE;
  for (int64_t t = blockIdx.x; t < outer.count * high * wide; t += gridDim.x) {
    int64_t plane = t / (high * wide), rest = t - plane * high * wide, at[2];
    int64_t d = rest / wide * TILE, a = rest % wide * TILE;
    places(outer, plane, at);
    __syncthreads();               /* the last tile has been written */
    for (unsigned k = j; k < TILE; k += TILE_ROWS)
      if (d + i < down.size && a + k < across.size)
        room[k][i] = x[at[1] + (d + i) * down.stride[1]
                       + (a + k) * across.stride[1]];
    __syncthreads();
    for (unsigned k = j; k < TILE; k += TILE_ROWS)
      if (d + k < down.size && a + i < across.size)
        y[at[0] + (d + k) * down.stride[0] + (a + i) * across.stride[0]]
          = room[i][k];
  }
}

/* ---- launchers ---- */

/* In the order of y. */
static int axes_of (Axis<2> *axis, const View &y, const View &x) {
  int n = 0;
  for (int i = 0; i < y.rank; i++)
    if (y.size[i] != 1)
      axis[n++] = { y.size[i], { y.stride[i], stride_along(y, x, i) } };
  sort_axes(axis, n);
  return join_axes(axis, n);
}

/* The axis along which x runs while y runs along the last one; -1: x does not
 * run across. */
static int down_axis (const Axis<2> *axis, int n) {
  if (n < 2 || axis[n - 1].stride[0] != 1 || axis[n - 1].stride[1] < 2
      || axis[n - 1].size < WORTH_TILES)
    return -1;
  for (int i = 0; i < n - 1; i++)
    if (axis[i].stride[1] == 1 && axis[i].size >= WORTH_TILES)
      return i;
  return -1;
}

static cudaError_t transpose (const View &y, const View &x, Axis<2> *axis,
                              int n, int at) {
  Axis<2> down = axis[at], across = axis[n - 1];
  int rest = 0;
  for (int i = 0; i < n - 1; i++)
    if (i != at)
      axis[rest++] = axis[i];
  Layout<2> outer = layout_of(axis, join_axes(axis, rest));
  int64_t blocks = outer.count * ((down.size + TILE - 1) / TILE)
                   * ((across.size + TILE - 1) / TILE);
  return LAUNCH(transposed, blocks * THREADS, outer, down, across,
                (uint32_t *) y.data, (const uint32_t *) x.data);
}

cudaError_t cuda_copy (View y, View x) {
  Axis<2> axis[MAX_RANK];
  int n = axes_of(axis, y, x), down = down_axis(axis, n);
  Layout<2> l = layout_of(axis, n);
  if (down >= 0 && l.count > 0 && y.dtype == x.dtype
      && (y.dtype == F32 || y.dtype == I32))
    return transpose(y, x, axis, n, down);
  return LAUNCH(copies[y.dtype][x.dtype], l.count, l, y.data, x.data);
}

cudaError_t cuda_copy_add (View y, View x) {
  Axis<2> axis[MAX_RANK];
  Layout<2> l = layout_of(axis, axes_of(axis, y, x));
  Copy *kernel = y.dtype == F64 ? add<double> : add<float>;
  return LAUNCH(kernel, l.count, l, y.data, x.data);
}

/* A number broadcast to y. */
cudaError_t cuda_fill (View y, Scalar v) {
  View x = {};
  x.data = (void *) (uintptr_t) v.at;
  x.dtype = F32;
  return cuda_copy(y, x);
}
