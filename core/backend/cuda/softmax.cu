/*
 * softmax.cu - the softmax family on the rows of [R,C] on CUDA, and running
 * sums along rows.
 *
 * A team of threads (kernel.cuh) has a row: its largest element, which is NaN
 * if any is, then a float64 sum, then the results.  Formulas and limits are
 * those of the CPU.
 */
#include "backend/cuda/kernel.cuh"

static __device__ __forceinline__ float row_max (const float *x, int64_t n,
                                                 int team) {
  float top = -INFINITY;
  EACH_OF_ROW(i, n, team)
    top = max_(top, x[i]);
  return team_max(top, team);
}

static __device__ __forceinline__ double sum_of_exp (const float *x, float top,
                                                     int64_t n, int team) {
  double sum = 0;
  EACH_OF_ROW(i, n, team)
    sum += (double) exp_(x[i] - top);
  return team_sum(sum, team);
}

/* A row that is -inf throughout has no softmax: NaN. */
KERNEL_FN softmax (int team, float *y, const float *x, int64_t rows,
                   int64_t n) {
  EACH_ROW(r, rows, team) {
    const float *from = x + r * n;
    float top = row_max(from, n, team);
    float scale = 1.0f / (float) sum_of_exp(from, top, n, team);
    EACH_OF_ROW(i, n, team)
      y[r * n + i] = exp_(x[r * n + i] - top) * scale;
  }
}

/* dx = y (dy - sum of y dy) */
KERNEL_FN softmax_back (int team, float *dx, const float *dy, const float *y,
                        int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    double sum = 0;
    EACH_OF_ROW(i, n, team)
      sum += (double) (y[r * n + i] * dy[r * n + i]);
    float mean = (float) team_sum(sum, team);
    EACH_OF_ROW(i, n, team)
      dx[r * n + i] = y[r * n + i] * (dy[r * n + i] - mean);
  }
}

KERNEL_FN logsoftmax (int team, float *y, const float *x, int64_t rows,
                      int64_t n) {
  EACH_ROW(r, rows, team) {
    const float *from = x + r * n;
    float top = row_max(from, n, team);
    float shift = log_((float) sum_of_exp(from, top, n, team));
    EACH_OF_ROW(i, n, team)
      y[r * n + i] = (from[i] - top) - shift;
  }
}

/* dx = dy - exp(y) sum of dy */
KERNEL_FN logsoftmax_back (int team, float *dx, const float *dy,
                           const float *y, int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    double sum = 0;
    EACH_OF_ROW(i, n, team)
      sum += (double) dy[r * n + i];
    float total = (float) team_sum(sum, team);
    EACH_OF_ROW(i, n, team)
      dx[r * n + i] = dy[r * n + i] - exp_(y[r * n + i]) * total;
  }
}

/* The largest element where it is finite, and 0 else, so that x - top makes
 * sense for rows of infinities: -inf for a row of -inf, inf if any element
 * is. */
KERNEL_FN logsumexp (int team, float *y, const float *x, int64_t rows,
                     int64_t n) {
  EACH_ROW(r, rows, team) {
    const float *from = x + r * n;
    float top = row_max(from, n, team);
    top = abs_(top) == INFINITY ? 0.0f : top;
    double sum = sum_of_exp(from, top, n, team);
    if (threadIdx.x % (unsigned) team == 0)
      y[r] = top + log_((float) sum);
  }
}

cudaError_t cuda_softmax (View y, View x) {
  Rows r = rows_of(x);
  return LAUNCH_TEAMS(softmax, r, FLOATS(y), FLOATS(x));
}

cudaError_t cuda_softmax_back (View dx, View dy, View y) {
  Rows r = rows_of(dx);
  return LAUNCH_TEAMS(softmax_back, r, FLOATS(dx), FLOATS(dy), FLOATS(y));
}

cudaError_t cuda_logsoftmax (View y, View x) {
  Rows r = rows_of(x);
  return LAUNCH_TEAMS(logsoftmax, r, FLOATS(y), FLOATS(x));
}

cudaError_t cuda_logsoftmax_back (View dx, View dy, View y) {
  Rows r = rows_of(dx);
  return LAUNCH_TEAMS(logsoftmax_back, r, FLOATS(dx), FLOATS(dy), FLOATS(y));
}

cudaError_t cuda_logsumexp (View y, View x) {
  Rows r = rows_of(x);
  return LAUNCH_TEAMS(logsumexp, r, FLOATS(y), FLOATS(x));
}

/* ---- running sums ---- */

/* The sum of v over this thread and those before it in the team; total: over
 * all of it. */
static __device__ __forceinline__ double team_scan (double v, int team,
                                                    double *total) {
  __shared__ double of_warp[THREADS / WARP];
  int lane = (int) threadIdx.x % WARP, warp = (int) threadIdx.x / WARP;
  for (int step = 1; step < WARP; step *= 2) {
    double before = __shfl_up_sync(0xFFFFFFFFu, v, (unsigned) step);
    v = lane >= step ? before + v : v;
  }
  *total = __shfl_sync(0xFFFFFFFFu, v, WARP - 1);
  if (team == WARP)
    return v;
  __syncthreads();                 /* an earlier scan has been read */
  if (lane == 0)
    of_warp[warp] = *total;
  __syncthreads();
  double before = 0;
  *total = 0;
  for (int i = 0; i < THREADS / WARP; i++) {
    before = i == warp ? *total : before;
    *total += of_warp[i];
  }
  return warp == 0 ? v : before + v;
}

KERNEL_FN cumsum (int team, float *y, const float *x, bool reverse,
                  int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    double carry = 0, total;
    for (int64_t from = 0; from < n; from += team) {
      int64_t i = from + threadIdx.x % (unsigned) team;
      int64_t at = r * n + (reverse ? n - 1 - i : i);
      double sum = team_scan(i < n ? (double) x[at] : 0.0, team, &total);
      if (i < n)
        y[at] = (float) (carry + sum);
      carry += total;
    }
  }
}

cudaError_t cuda_cumsum (View y, View x, bool reverse) {
  Rows r = rows_of(x);
  return LAUNCH_TEAMS(cumsum, r, FLOATS(y), FLOATS(x), reverse);
}
