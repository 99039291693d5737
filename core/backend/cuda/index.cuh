/*
 * index.cuh - from a linear index to the places of an element in N strided
 * arrays.
 *
 * The host lists axes, outermost first, each with its size and N strides; axes
 * that lie behind one another in all arrays become one, so that contiguous
 * arrays and numbers have one axis and cost no division.  A kernel takes its
 * Layout as GIVEN, so that it is read where the launch has put it: a copy that
 * is indexed by a variable would lie in local memory.
 */
#ifndef index_cuh
#define index_cuh

#include "backend/cuda/kernel.cuh"

#define GIVEN const __grid_constant__

template <int N> struct Axis {
  int64_t size, stride[N];          /* strides in elements */
};

template <int N> struct Layout {
  int64_t count;
  int inner;                        /* axes but for the outermost one */
  int64_t size[MAX_RANK - 1];       /* innermost first */
  int64_t stride[N][MAX_RANK - 1];
  int64_t outer[N];                 /* strides of the outermost axis */
};

/* Outermost first by the strides of the first array. */
template <int N>
static void sort_axes (Axis<N> *axis, int n) {
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && axis[j - 1].stride[0] < axis[j].stride[0]; j--) {
      Axis<N> spare = axis[j];
      axis[j] = axis[j - 1];
      axis[j - 1] = spare;
    }
}

/* True if b runs on where a has stepped once, in all arrays. */
template <int N>
static bool joins (const Axis<N> &a, const Axis<N> &b) {
  for (int k = 0; k < N; k++)
    if (a.stride[k] != b.stride[k] * b.size)
      return false;
  return true;
}

/* Joins the axes, outermost first; axes of size 1 go.  Gives their number. */
template <int N>
static int join_axes (Axis<N> *axis, int n) {
  int joined = 0;
  for (int i = 0; i < n; i++) {
    Axis<N> next = axis[i];
    if (next.size == 1)
      continue;
    if (joined > 0 && joins(axis[joined - 1], next)) {
      next.size *= axis[joined - 1].size;
      joined--;
    }
    axis[joined++] = next;
  }
  return joined;
}

/* Of joined axes, outermost first. */
template <int N>
static Layout<N> layout_of (const Axis<N> *axis, int n) {
  Layout<N> l = {};
  l.count = 1;
  l.inner = n > 0 ? n - 1 : 0;
  for (int i = 0; i < n; i++) {
    l.count *= axis[i].size;
    for (int k = 0; k < N; k++)
      if (i == 0)
        l.outer[k] = axis[i].stride[k];
      else
        l.stride[k][n - 1 - i] = axis[i].stride[k];
    if (i > 0)
      l.size[n - 1 - i] = axis[i].size;
  }
  return l;
}

/* The stride of x along axis i of a result y that x broadcasts to. */
static inline int64_t stride_along (const View &y, const View &x, int i) {
  int j = i - (y.rank - x.rank);
  return j < 0 || x.size[j] == 1 ? 0 : x.stride[j];
}

static __device__ __forceinline__ int64_t divide (int64_t a, int64_t b) {
  return (uint64_t) (a | b) >> 32 ? (int64_t) ((uint64_t) a / (uint64_t) b)
                                  : (uint32_t) a / (uint32_t) b;
}

/* Places of element i in the N arrays. */
template <int N>
static __device__ __forceinline__ void places (const Layout<N> &l, int64_t i,
                                               int64_t (&at)[N]) {
#pragma unroll
  for (int k = 0; k < N; k++)
    at[k] = 0;
#pragma unroll 1
  for (int axis = 0; axis < l.inner; axis++) {
    int64_t rest = divide(i, l.size[axis]);
    int64_t here = i - rest * l.size[axis];
#pragma unroll
    for (int k = 0; k < N; k++)
      at[k] += here * l.stride[k][axis];
    i = rest;
  }
#pragma unroll
  for (int k = 0; k < N; k++)
    at[k] += i * l.outer[k];
}

static __device__ __forceinline__ int64_t place (const Layout<1> &l,
                                                 int64_t i) {
  int64_t at[1];
  places(l, i, at);
  return at[0];
}

#endif
