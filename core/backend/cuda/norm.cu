/*
 * norm.cu - statistics and normalisation of rows (layer and group norm) and of
 * columns (batch norm) of a matrix x [R,C] on CUDA.
 *
 * A row is summed by a team of threads, its variance about the mean, as on the
 * CPU.  Columns are taken in tiles: neighbouring threads have neighbouring
 * columns, and several threads (lanes) share a column, each with its rows.
 * Two float64 sums of a column are made in one pass over x.  Where rows are
 * many they are cut into parts, by the shape alone, whose sums the same kernel
 * adds afterwards.
 */
#include "backend/cuda/kernel.cuh"

static __device__ __forceinline__ float rstd_of (float var, float eps) {
  return 1.0f / sqrtf(var + eps);
}

/* ---- rows ---- */

/* share: 1 / n */
KERNEL_FN rownorm (int team, float *y, float *mean, float *rstd,
                   const float *x, const float *eps, double share,
                   int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    const float *from = x + r * n;
    double sum = 0;
    EACH_OF_ROW(i, n, team)
      sum += (double) from[i];
    float m = (float) (team_sum(sum, team) * share);
    sum = 0;
    EACH_OF_ROW(i, n, team) {
      float v = from[i] - m;
      sum += (double) (v * v);
    }
    float var = (float) (team_sum(sum, team) * share);
    float s = rstd_of(var, *eps);
    EACH_OF_ROW(i, n, team)
      y[r * n + i] = (from[i] - m) * s;
    if (threadIdx.x % (unsigned) team == 0) {
      mean[r] = m;
      rstd[r] = s;
    }
  }
}

cudaError_t cuda_rownorm (View y, View mean, View rstd, View x, Scalar eps) {
  Rows r = { x.size[0], x.size[1] };
  return LAUNCH_TEAMS(rownorm, r, FLOATS(y), FLOATS(mean), FLOATS(rstd),
                      FLOATS(x), eps.at, 1 / (double) r.columns);
}

/* With n = (x - mean) rstd:  dx = rstd (dy - mean(dy) - n mean(dy n)). */
KERNEL_FN rownorm_back (int team, float *dx, const float *dy, const float *x,
                        const float *mean, const float *rstd, double share,
                        int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    const float *d = dy + r * n, *from = x + r * n;
    float m = mean[r], s = rstd[r];
    double sum = 0, dot = 0;
    EACH_OF_ROW(i, n, team) {
      sum += (double) d[i];
      dot += (double) (d[i] * ((from[i] - m) * s));
    }
    float a = (float) (team_sum(sum, team) * share);
    float b = (float) (team_sum(dot, team) * share);
    EACH_OF_ROW(i, n, team)
      dx[r * n + i] = s * (d[i] - a - (from[i] - m) * s * b);
  }
}

cudaError_t cuda_rownorm_back (View dx, View dy, View x, View mean,
                               View rstd) {
  Rows r = { x.size[0], x.size[1] };
  return LAUNCH_TEAMS(rownorm_back, r, FLOATS(dx), FLOATS(dy), FLOATS(x),
                      FLOATS(mean), FLOATS(rstd), 1 / (double) r.columns);
}

/* ---- tiles of columns ---- */

enum { WIDE = 32 };            /* columns of a tile: a line of memory */

typedef struct Tiles {
  int64_t rows, columns;       /* R and C */
  int lanes;
  int64_t across;              /* tiles beside each other */
  Shares share;                /* of the rows */
} Tiles;

/* For kernels that add (most: MOST_PARTS) or write (any number). */
static Tiles tiles_of (int64_t rows, int64_t columns, int64_t most) {
  int width = power_above(columns, WIDE);
  Tiles t = { rows, columns, THREADS / width, ceiling(columns, width), {} };
  t.share = shares_of(rows, t.lanes, t.across, most);
  return t;
}

/* For each block's tiles w: column c of this thread, whose rows are begin,
 * begin + t.lanes .. up to end; c may lie outside. */
#define EACH_TILE(t) \
  int width_ = THREADS / (t).lanes; \
  [[maybe_unused]] int lane = (int) threadIdx.x / width_; \
  for (int64_t w = blockIdx.x; w < (t).across * (t).share.parts; \
       w += gridDim.x)

#define COLUMN(t) (w % (t).across * width_ + (int) threadIdx.x % width_)
#define PART(t) (w / (t).across)

static __device__ __forceinline__ int64_t part_end (const Tiles &t,
                                                    int64_t part) {
  int64_t end = (part + 1) * t.share.size;
  return end < t.rows ? end : t.rows;
}

#define LAUNCH_TILES(kernel, t, ...) \
  LAUNCH(kernel, (t).across * (t).share.parts * THREADS, __VA_ARGS__)

/* ---- two sums of a column ---- */

/* Sums over lanes, which lie `width` threads apart; lane 0 has them then. */
static __device__ __forceinline__ void join_lanes (double (&s)[2], int lanes,
                                                   int lane) {
  __shared__ double room[2][THREADS];
  unsigned t = threadIdx.x, width = (unsigned) (THREADS / lanes);
  __syncthreads();                 /* the last sums have been read */
  room[0][t] = s[0];
  room[1][t] = s[1];
  __syncthreads();
  for (int half = lanes / 2; half > 0; half /= 2) {
    if (lane < half) {
      room[0][t] += room[0][t + (unsigned) half * width];
      room[1][t] += room[1][t + (unsigned) half * width];
    }
    __syncthreads();
  }
  s[0] = room[0][t];
  s[1] = room[1][t];
}

/* F has add(sums, row, column) and done(sums, column).  With partial, the
 * sums of each part go there: [parts, 2, C]. */
template <typename F>
KERNEL_FN sum_columns (Tiles t, F f, double *partial) {
  EACH_TILE(t) {
    int64_t c = COLUMN(t), part = PART(t), end = part_end(t, part);
    double s[2] = { 0, 0 };
    if (c < t.columns)
#pragma unroll 4
      for (int64_t r = part * t.share.size + lane; r < end; r += t.lanes)
        f.add(s, r, c);
    join_lanes(s, t.lanes, lane);
    if (lane > 0 || c >= t.columns)
      continue;
    if (partial == NULL)
      f.done(s, c);
    else
      for (int k = 0; k < 2; k++)
        partial[(part * 2 + k) * t.columns + c] = s[k];
  }
}

/* The rows are the sums of parts. */
template <typename F> struct Parted {
  F f;
  const double *partial;
  int64_t columns;
  __device__ void add (double (&s)[2], int64_t part, int64_t c) const {
    s[0] += partial[part * 2 * columns + c];
    s[1] += partial[(part * 2 + 1) * columns + c];
  }
  __device__ void done (const double (&s)[2], int64_t c) const {
    f.done(s, c);
  }
};

/* Room for the sums of parts, and `more` float64 behind them. */
static double *room_for (const Tiles &t, int64_t more) {
  int64_t count = t.share.parts * 2 * t.columns + more;
  return (double *) cuda_scratch((size_t) count * sizeof(double));
}

template <typename F>
static cudaError_t sums (const Tiles &t, const F &f, double *partial) {
  if (t.share.parts == 1)
    return LAUNCH_TILES(sum_columns<F>, t, t, f, NULL);
  cudaError_t error = LAUNCH_TILES(sum_columns<F>, t, t, f, partial);
  if (error != cudaSuccess)
    return error;
  Parted<F> parted = { f, partial, t.columns };
  Tiles few = tiles_of(t.share.parts, t.columns, 1);
  return LAUNCH_TILES(sum_columns<Parted<F>>, few, few, parted, NULL);
}

/* ---- statistics ---- */

/* About the column's first element (if finite), so that a large mean costs no
 * digits: mean = first + sum / R, var = (square - sum^2 / R) / R. */
struct Moments {
  const float *x;
  float *mean, *var;
  int64_t rows, columns;
  __device__ double first (int64_t c) const {
    float v = rows > 0 ? x[c] : 0.0f;
    return abs_(v) < INFINITY ? (double) v : 0;
  }
  __device__ void add (double (&s)[2], int64_t r, int64_t c) const {
    double d = (double) x[r * columns + c] - first(c);
    s[0] += d;
    s[1] = fma(d, d, s[1]);
  }
  __device__ void done (const double (&s)[2], int64_t c) const {
    double n = (double) rows, square = (s[1] - s[0] * (s[0] / n)) / n;
    mean[c] = (float) (first(c) + s[0] / n);
    var[c] = (float) (square < 0 ? 0 : square);
  }
};

cudaError_t cuda_colstats (View mean, View var, View x) {
  Tiles t = tiles_of(x.size[0], x.size[1], MOST_PARTS);
  Moments f = { FLOATS(x), FLOATS(mean), FLOATS(var), t.rows, t.columns };
  double *partial = t.share.parts > 1 ? room_for(t, 0) : NULL;
  if (t.share.parts > 1 && partial == NULL)
    return cudaErrorMemoryAllocation;
  return sums(t, f, partial);
}

/* ---- normalisation ---- */

KERNEL_FN colnorm (Tiles t, float *y, const float *x, const float *mean,
                   const float *var, const float *eps) {
  EACH_TILE(t) {
    int64_t c = COLUMN(t), part = PART(t), end = part_end(t, part);
    if (c >= t.columns)
      continue;
    float m = mean[c], s = rstd_of(var[c], *eps);
    for (int64_t r = part * t.share.size + lane; r < end; r += t.lanes)
      y[r * t.columns + c] = (x[r * t.columns + c] - m) * s;
  }
}

cudaError_t cuda_colnorm (View y, View x, View mean, View var, Scalar eps) {
  Tiles t = tiles_of(x.size[0], x.size[1], INT64_MAX);
  return LAUNCH_TILES(colnorm, t, t, FLOATS(y), FLOATS(x), FLOATS(mean),
                      FLOATS(var), eps.at);
}

/* The means of dy and of dy n over a column, n = (x - mean) rstd. */
struct Slopes {
  const float *dy, *x, *mean, *var, *eps;
  float *a, *b;
  int64_t rows, columns;
  __device__ void add (double (&s)[2], int64_t r, int64_t c) const {
    float d = dy[r * columns + c], v = x[r * columns + c] - mean[c];
    s[0] += (double) d;
    s[1] += (double) (d * (v * rstd_of(var[c], *eps)));
  }
  __device__ void done (const double (&s)[2], int64_t c) const {
    a[c] = (float) (s[0] / (double) rows);
    b[c] = (float) (s[1] / (double) rows);
  }
};

KERNEL_FN colnorm_back (Tiles t, float *dx, Slopes f) {
  EACH_TILE(t) {
    int64_t c = COLUMN(t), part = PART(t), end = part_end(t, part);
    if (c >= t.columns)
      continue;
    float m = f.mean[c], s = rstd_of(f.var[c], *f.eps), a = f.a[c], b = f.b[c];
    for (int64_t r = part * t.share.size + lane; r < end; r += t.lanes) {
      int64_t i = r * t.columns + c;
      dx[i] = s * (f.dy[i] - a - (f.x[i] - m) * s * b);
    }
  }
}

/* As rows. */
cudaError_t cuda_colnorm_back (View dx, View dy, View x, View mean, View var,
                               Scalar eps) {
  int64_t rows = x.size[0], n = x.size[1];
  Tiles t = tiles_of(rows, n, MOST_PARTS);
  if (rows * n == 0)
    return cudaSuccess;
  double *partial = room_for(t, n);
  if (partial == NULL)
    return cudaErrorMemoryAllocation;
  float *a = (float *) (partial + t.share.parts * 2 * n);
  Slopes f = { FLOATS(dy), FLOATS(x), FLOATS(mean), FLOATS(var), eps.at, a,
               a + n, rows, n };
  cudaError_t error = sums(t, f, partial);
  if (error != cudaSuccess)
    return error;
  t = tiles_of(rows, n, INT64_MAX);
  return LAUNCH_TILES(colnorm_back, t, t, FLOATS(dx), f);
}
