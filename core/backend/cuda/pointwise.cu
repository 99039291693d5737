/*
 * pointwise.cu - the pointwise functions on CUDA, and the passes beside them:
 * where, integer sums, bias and activation.
 *
 * Each line of pointwise.def becomes one kernel over a contiguous result, one
 * thread for each element; inputs of any strides are found through a Layout.
 * The formulas are those of the CPU, and so are the bits, if products and sums
 * are not fused.
 */
#include "backend/cuda/index.cuh"
#include "backend/cuda/small.h"

#define ZERO 0.0f
#define UNUSED [[maybe_unused]]

typedef void Unary (Layout<1> l, float *out, const float *xs);
typedef void UnaryBack (Layout<3> l, float *dx, const float *dy,
                        const float *xs, const float *ys);
typedef void Binary (Layout<2> l, float *out, const float *as,
                     const float *bs);
typedef void BinaryBack (Layout<4> l, float *d, const float *dy,
                         const float *as, const float *bs, const float *ys);

/* ---- the kernels ---- */

#define UNARY(name, doc, formula, slope, ...) \
  KERNEL_FN unary_##name (GIVEN Layout<1> l, float *out, const float *xs) { \
    EACH_INDEX(i, l.count) { \
      float x = xs[place(l, i)]; \
      out[i] = formula; \
    } \
  } \
  KERNEL_FN unary_back_##name (GIVEN Layout<3> l, float *dx, const float *dy, \
                               const float *xs, const float *ys) { \
    EACH_INDEX(i, l.count) { \
      int64_t at[3]; \
      places(l, i, at); \
      UNUSED float x = xs[at[1]], y = ys[at[2]]; \
      dx[i] = dy[at[0]] * (slope); \
    } \
  }

#define BACK(name, side, slope) \
  KERNEL_FN binary_back##side##_##name (GIVEN Layout<4> l, float *d, \
                                        const float *dy, const float *as, \
                                        const float *bs, const float *ys) { \
    EACH_INDEX(i, l.count) { \
      int64_t at[4]; \
      places(l, i, at); \
      UNUSED float a = as[at[1]], b = bs[at[2]], y = ys[at[3]]; \
      d[i] = dy[at[0]] * (slope); \
    } \
  }

#define BINARY(name, doc, formula, da, db, ...) \
  KERNEL_FN binary_##name (GIVEN Layout<2> l, float *out, const float *as, \
                           const float *bs) { \
    EACH_INDEX(i, l.count) { \
      int64_t at[2]; \
      places(l, i, at); \
      float a = as[at[0]], b = bs[at[1]]; \
      out[i] = formula; \
    } \
  } \
  BACK(name, 0, da) \
  BACK(name, 1, db)

#include "backend/pointwise.def"

static Unary *const unaries[] = {
#define UNARY(name, ...) unary_##name,
#include "backend/pointwise.def"
};

static UnaryBack *const unary_backs[] = {
#define UNARY(name, ...) unary_back_##name,
#include "backend/pointwise.def"
};

static Binary *const binaries[] = {
#define BINARY(name, ...) binary_##name,
#include "backend/pointwise.def"
};

static BinaryBack *const binary_backs[][2] = {
#define BINARY(name, ...) { binary_back0_##name, binary_back1_##name },
#include "backend/pointwise.def"
};

/* int32, wrapping around */
KERNEL_FN integers (BinaryFn f, GIVEN Layout<2> l, uint32_t *y,
                    const uint32_t *as, const uint32_t *bs) {
  EACH_INDEX(i, l.count) {
    int64_t at[2];
    places(l, i, at);
    uint32_t a = as[at[0]], b = bs[at[1]];
    y[i] = f == BINARY_add ? a + b : f == BINARY_sub ? a - b : a * b;
  }
}

KERNEL_FN choose_where (GIVEN Layout<3> l, float *y, const float *mask,
                        const float *a, const float *b) {
  EACH_INDEX(i, l.count) {
    int64_t at[3];
    places(l, i, at);
    float yes = a[at[1]], no = b[at[2]];
    y[i] = mask[at[0]] != 0 ? yes : no;
  }
}

/* ---- launchers ---- */

/* N inputs seen from the linear index of a contiguous result. */
template <int N>
static Layout<N> inputs (const View &y, const View *const (&in)[N]) {
  Axis<N> axis[MAX_RANK];
  for (int i = 0; i < y.rank; i++) {
    axis[i].size = y.size[i];
    for (int k = 0; k < N; k++)
      axis[i].stride[k] = stride_along(y, *in[k], i);
  }
  return layout_of(axis, join_axes(axis, y.rank));
}

cudaError_t cuda_unary (UnaryFn f, View y, View x) {
  Layout<1> l = inputs(y, { &x });
  return LAUNCH(unaries[f], l.count, l, FLOATS(y), FLOATS(x));
}

cudaError_t cuda_unary_back (UnaryFn f, View dx, View dy, View x, View y) {
  Layout<3> l = inputs(dx, { &dy, &x, &y });
  return LAUNCH(unary_backs[f], l.count, l, FLOATS(dx), FLOATS(dy), FLOATS(x),
                FLOATS(y));
}

cudaError_t cuda_binary (BinaryFn f, View y, View a, View b) {
  Layout<2> l = inputs(y, { &a, &b });
  if (y.dtype == I32)
    return LAUNCH(integers, l.count, f, l, (uint32_t *) y.data,
                  (const uint32_t *) a.data, (const uint32_t *) b.data);
  return LAUNCH(binaries[f], l.count, l, FLOATS(y), FLOATS(a), FLOATS(b));
}

cudaError_t cuda_binary_back (BinaryFn f, int side, View d, View dy, View a,
                              View b, View y) {
  Layout<4> l = inputs(d, { &dy, &a, &b, &y });
  return LAUNCH(binary_backs[f][side], l.count, l, FLOATS(d), FLOATS(dy),
                FLOATS(a), FLOATS(b), FLOATS(y));
}

cudaError_t cuda_where (View y, View mask, View a, View b) {
  Layout<3> l = inputs(y, { &mask, &a, &b });
  return LAUNCH(choose_where, l.count, l, FLOATS(y), FLOATS(mask), FLOATS(a),
                FLOATS(b));
}

/* ---- bias and activation ---- */

/* v < 0 is false for NaN, which so stays. */
KERNEL_FN finish (float *y, int64_t count, int64_t columns, const float *bias,
                  Activation act) {
  EACH_INDEX(i, count) {
    float v = y[i];
    if (bias != NULL)
      v += bias[i - divide(i, columns) * columns];
    y[i] = act == ACT_RELU && v < 0 ? 0.0f : v;
  }
}

cudaError_t cuda_finish (float *y, int64_t rows, int64_t columns,
                         const float *bias, Activation act) {
  if (small_finish(y, rows, columns, bias, act))
    return small_added();
  int64_t count = bias == NULL && act == ACT_NONE ? 0 : rows * columns;
  return LAUNCH(finish, count, y, count, columns, bias, act);
}

/* The mask multiplies, so that a NaN in dy stays; one in y becomes the
 * mask. */
KERNEL_FN relu_back (float *dx, const float *dy, const float *y, int64_t n) {
  EACH_INDEX(i, n) {
    float v = y[i];
    dx[i] = dy[i] * (v > 0 ? 1.0f : v != v ? v : 0.0f);
  }
}

/* Blocks of rows; a thread has one column in every 256, or one of several
 * rows of it (lanes).  parts [blocks, columns] are the sums of dx. */
KERNEL_FN relu_bias_back (float *dx, const float *dy, const float *y,
                          double *parts, int64_t rows, int64_t columns,
                          int64_t size, int lanes) {
  __shared__ double room[THREADS];
  int64_t from = blockIdx.x * size;
  int64_t to = from + size < rows ? from + size : rows;
  int width = (int) (columns < THREADS ? columns : THREADS);
  int t = (int) threadIdx.x, lane = t / width;
  for (int64_t first = 0; first < columns; first += width) {
    int64_t c = first + t % width;
    double sum = 0;
    if (lane < lanes && c < columns)
      for (int64_t r = from + lane; r < to; r += lanes) {
        int64_t i = r * columns + c;
        float v = y[i], d = dy[i] * (v > 0 ? 1.0f : v != v ? v : 0.0f);
        dx[i] = d;
        sum += (double) d;
      }
    room[t] = sum;
    __syncthreads();
    if (lane == 0 && c < columns) {
      for (int k = 1; k < lanes; k++)
        sum += room[t + k * width];
      parts[blockIdx.x * columns + c] = sum;
    }
    __syncthreads();
  }
}

static cudaError_t back_with_bias (const View &dx, const View &db,
                                   const View &dy, const View &y) {
  int64_t columns = y.size[y.rank - 1], rows = view_count(&y) / columns;
  int lanes = columns < THREADS ? (int) (THREADS / columns) : 1;
  int64_t size = 32 * (int64_t) lanes, blocks = (rows + size - 1) / size;
  int64_t most = 16384 / columns > 256 ? 256 : 16384 / columns + 1;
  if (blocks > most) {
    size = (rows + most - 1) / most;
    blocks = (rows + size - 1) / size;
  }
  double *parts = small_room((size_t) (blocks * columns));
  if (parts == NULL)
    return cudaErrorMemoryAllocation;
  cudaError_t e = LAUNCH_BLOCKS(relu_bias_back, blocks, FLOATS(dx),
                                FLOATS(dy), FLOATS(y), parts, rows, columns,
                                size, lanes);
  return e == cudaSuccess
         ? small_columns(FLOATS(db), parts, blocks, columns, 1) : e;
}

cudaError_t cuda_act_back (View dx, View db, View dy, View y,
                           Activation act) {
  int64_t n = view_count(&y);
  if (db.data != NULL && n > 0 && act == ACT_RELU
      && y.size[y.rank - 1] <= 16384)
    return back_with_bias(dx, db, dy, y);
  cudaError_t e = act == ACT_NONE
    ? cuda_copy(dx, dy)
    : LAUNCH(relu_back, n, FLOATS(dx), FLOATS(dy), FLOATS(y), n);
  return e == cudaSuccess && db.data != NULL ? cuda_sum_rows(db, dx) : e;
}
