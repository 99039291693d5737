/*
 * reduce.cu - reductions over any axes of any strides on CUDA, and what is one
 * of them: sums of columns, running sums of a loss.
 *
 * Results are the kept axes, each reduced over the others; both are ordered
 * and joined by the strides of x.  A block makes a tile of results, several
 * threads (lanes) for each.  Where the innermost axis in memory is reduced,
 * neighbouring threads are lanes ("along"); where it is kept, they are
 * neighbouring results ("across").  Lanes are joined pairwise.  Long
 * reductions are cut into parts, by their shape alone, whose float64 results
 * are reduced by the same kernel afterwards.  Accumulators are float64.
 */
#include "backend/cuda/index.cuh"
#include "backend/cuda/small.h"

enum {
  NEIGHBOURS = 32,            /* results side by side: a line of memory */
  SMALL_PARTS = 16384         /* of the first pass in all: small work follows */
};

/* ---- the kernel ---- */

struct Sum {
  static __device__ double neutral () { return 0; }
  static __device__ double join (double a, double v) { return a + v; }
};

struct Prod {
  static __device__ double neutral () { return 1; }
  static __device__ double join (double a, double v) { return a * v; }
};

/* Both keep NaN: a comparison with it is false, and v is taken. */
struct Max {
  static __device__ double neutral () { return -INFINITY; }
  static __device__ double join (double a, double v) {
    return a > v || a != a ? a : v;
  }
};

struct Min {
  static __device__ double neutral () { return INFINITY; }
  static __device__ double join (double a, double v) {
    return a < v || a != a ? a : v;
  }
};

/* How the threads share the work. */
typedef struct Plan {
  Layout<2> keep;               /* of a result: places in x and in y */
  Layout<1> over;               /* what is reduced */
  bool across;
  int lanes;                    /* of a result; a power of two */
  int64_t tiles;                /* of THREADS / lanes results */
  Shares share;                 /* of over */
} Plan;

/* Lane `lane` of elements from .. to - 1 of what is reduced. */
template <typename F, typename X>
static __device__ __forceinline__ double lane_of (const Plan &p, const X *x,
                                                  int64_t from, int64_t to,
                                                  int lane) {
  double acc = F::neutral();
  if (p.over.inner == 0)
#pragma unroll 4
    for (int64_t i = from + lane; i < to; i += p.lanes)
      acc = F::join(acc, (double) x[i * p.over.outer[0]]);
  else
    for (int64_t i = from + lane; i < to; i += p.lanes)
      acc = F::join(acc, (double) x[place(p.over, i)]);
  return acc;
}

/* Joins the lanes of each result; lane 0 has it then. */
template <typename F>
static __device__ __forceinline__ double join_lanes (double acc, int lanes,
                                                     int lane, int step) {
  __shared__ double room[THREADS];
  unsigned t = threadIdx.x;
  __syncthreads();                 /* the last results have been read */
  room[t] = acc;
  __syncthreads();
  for (int half = lanes / 2; half > 0; half /= 2) {
    if (lane < half)
      room[t] = F::join(room[t], room[t + (unsigned) (half * step)]);
    __syncthreads();
  }
  return room[t];
}

/* y [parts, results] = scale * f(x); float64 if wide. */
template <typename F, typename X>
KERNEL_FN reduce (GIVEN Plan p, const X *x, void *y, bool wide, double scale) {
  int width = THREADS / p.lanes, t = (int) threadIdx.x;
  int lane = p.across ? t / width : t % p.lanes;
  int mine = p.across ? t % width : t / p.lanes;
  for (int64_t w = blockIdx.x; w < p.tiles * p.share.parts; w += gridDim.x) {
    int64_t part = divide(w, p.tiles);
    int64_t result = (w - part * p.tiles) * width + mine, at[2];
    int64_t from = part * p.share.size, to = from + p.share.size;
    double acc = F::neutral();
    places(p.keep, result, at);
    if (result < p.keep.count)
      acc = lane_of<F>(p, x + at[0], from,
                       to < p.over.count ? to : p.over.count, lane);
    acc = scale * join_lanes<F>(acc, p.lanes, lane, p.across ? width : 1);
    int64_t to_y = part * p.keep.count + at[1];
    if (lane == 0 && result < p.keep.count) {
      if (wide)
        ((double *) y)[to_y] = acc;
      else
        ((float *) y)[to_y] = (float) acc;
    }
  }
}

static cudaError_t run (ReduceFn f, const Plan &p, const View &x, void *y,
                        bool wide, double scale) {
  int64_t threads = p.tiles * p.share.parts * THREADS;
#define CASE(name, F) \
    case name: \
      return x.dtype == F64 \
        ? LAUNCH((reduce<F, double>), threads, p, (const double *) x.data, \
                 y, wide, scale) \
        : LAUNCH((reduce<F, float>), threads, p, (const float *) x.data, \
                 y, wide, scale)
  switch (f) {
    CASE(REDUCE_MAX, Max);
    CASE(REDUCE_MIN, Min);
    CASE(REDUCE_PROD, Prod);
    default: CASE(REDUCE_SUM, Sum);
  }
#undef CASE
}

/* ---- the plan ---- */

static void share_out (Plan *p, int64_t inner, bool across) {
  int64_t n = p->over.count, results = p->keep.count;
  int most = across ? THREADS / power_above(inner, NEIGHBOURS)
                    : team_for(results, n);
  p->across = across;
  p->lanes = power_above(n, most);
  p->tiles = ceiling(results, THREADS / p->lanes);
  p->share = shares_of(n, p->lanes, p->tiles, MOST_PARTS);
}

/* y contiguous, with size 1 where x is reduced. */
static Plan plan_of (const View &y, const View &x) {
  Plan p = {};
  Axis<2> keep[MAX_RANK];
  Axis<1> over[MAX_RANK];
  int kept = 0, reduced = 0;
  int64_t stride = 1;
  for (int i = x.rank - 1; i >= 0; i--) {
    if (y.size[i] != 1)
      keep[kept++] = { x.size[i], { x.stride[i], stride } };
    else
      over[reduced++] = { x.size[i], { x.stride[i] } };
    stride *= y.size[i];
  }
  sort_axes(keep, kept);
  sort_axes(over, reduced);
  kept = join_axes(keep, kept);
  reduced = join_axes(over, reduced);
  p.keep = layout_of(keep, kept);
  p.over = layout_of(over, reduced);
  bool across = kept > 0
    && (reduced == 0
        || keep[kept - 1].stride[0] < over[reduced - 1].stride[0]);
  share_out(&p, across ? keep[kept - 1].size : 1, across);
  return p;
}

/* A contiguous matrix. */
static View matrix (void *data, DType dtype, int64_t rows, int64_t columns) {
  View v = {};
  v.data = data;
  v.dtype = dtype;
  v.rank = 2;
  v.size[0] = rows;
  v.size[1] = columns;
  v.stride[0] = columns;
  v.stride[1] = 1;
  return v;
}

/* The float64 results of the parts of a plan; NULL: out of memory. */
static double *room_for (const Plan &p) {
  return (double *) cuda_scratch((size_t) (p.share.parts * p.keep.count)
                                 * sizeof(double));
}

cudaError_t cuda_reduce (ReduceFn f, View y, View x, double scale) {
  Plan p = plan_of(y, x);
  int64_t n = p.keep.count;
  if (p.share.parts <= 1)
    return run(f, p, x, y.data, y.dtype == F64, scale);
  int64_t parts = p.share.parts;
  bool step = f == REDUCE_SUM && y.dtype == F32 && parts * n <= SMALL_PARTS;
  double *partial = step ? small_room((size_t) (parts * n)) : room_for(p);
  if (partial == NULL)
    return cudaErrorMemoryAllocation;
  cudaError_t error = run(f, p, x, partial, true, 1);
  if (error != cudaSuccess)
    return error;
  if (step)
    return small_columns((float *) y.data, partial, parts, n, scale);
  View all = matrix(partial, F64, parts, n);
  return run(f, plan_of(matrix(y.data, y.dtype, 1, n), all), all, y.data,
             y.dtype == F64, scale);
}

cudaError_t cuda_sum_rows (View y, View x) {
  int64_t n = view_count(&x), columns = view_count(&y);
  View rows = matrix(x.data, F32, columns > 0 ? n / columns : 0, columns);
  return cuda_bias_back(y, rows);
}

cudaError_t cuda_bias_back (View db, View dy) {
  return cuda_reduce(REDUCE_SUM, matrix(db.data, F32, 1, dy.size[1]), dy, 1);
}

/* ---- running sums ---- */

/* One block. */
template <typename X>
KERNEL_FN accumulate (float *sum, const X *x, int64_t n, const float *scale,
                      const float *keep) {
  double acc = 0;
  EACH_OF_ROW(i, n, THREADS)
    acc += (double) x[i];
  acc = team_sum(acc, THREADS);
  if (threadIdx.x == 0) {
    float more = *scale * (float) acc;
    *sum = *keep != 0 ? *sum + more : more;
  }
}

cudaError_t cuda_accumulate (View sum, View x, Scalar scale, Scalar keep) {
  int64_t n = view_count(&x);
  View row = matrix(x.data, F32, 1, n);
  Plan p = plan_of(matrix(NULL, F32, 1, 1), row);
  if (p.share.parts == 1)
    return LAUNCH_BLOCKS(accumulate<float>, 1, (float *) sum.data,
                         (const float *) x.data, n, scale.at, keep.at);
  double *partial = room_for(p);
  if (partial == NULL)
    return cudaErrorMemoryAllocation;
  cudaError_t error = run(REDUCE_SUM, p, row, partial, true, 1);
  if (error != cudaSuccess)
    return error;
  return LAUNCH_BLOCKS(accumulate<double>, 1, (float *) sum.data, partial,
                       p.share.parts, scale.at, keep.at);
}
