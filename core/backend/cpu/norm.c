/*
 * norm.c - statistics and normalisation of rows (layer and group norm) and of
 * columns (batch norm) of a matrix x [R,C].
 *
 * Variances are taken about the mean, in two passes, so that a large mean
 * costs no digits.  A row is summed in 16 lanes by one thread.  Columns are
 * summed in float64 over at most 16 groups of rows, whose sums are added in
 * order; the groups depend on R alone.
 */
#include "backend/cpu/cpu.h"

#include "backend/cpu/lanes.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- rows --------------------------------------------------------------- */

/* (x - mean)^2; the lanes behind the row are zero. */
LANES_FN Lanes squares (const float *x, int64_t n, float mean) {
  float behind[LANES];
  if (n < LANES) {
    for (int64_t i = 0; i < LANES; i++)
      behind[i] = i < n ? x[i] : mean;
    x = behind;
  }
  Lanes v = lanes_load(x, LANES);
  for (int h = 0; h < LANES_HALVES; h++) {
    v.half[h] -= mean;
    v.half[h] *= v.half[h];
  }
  return v;
}

HOT static void norm_row (float *y, float *mean, float *rstd, const float *x,
                          int64_t n, float eps) {
  float m = (float) (lanes_of(x, n) / (double) n);
  Lanes sum = { 0 };
  for (int64_t i = 0; i < n; i += LANES)
    lanes_add(&sum, squares(x + i, n - i, m));
  float r = (float) (1 / sqrt(lanes_sum(&sum) / (double) n + (double) eps));
  for (int64_t i = 0; i < n; i++)
    y[i] = (x[i] - m) * r;
  *mean = m;
  *rstd = r;
}

void cpu_rownorm (View y, View mean, View rstd, View x, Scalar eps) {
  int64_t rows = x.size[0], n = x.size[1];
  float *to = y.data, *m = mean.data, *r = rstd.data;
  const float *from = x.data;
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t i = 0; i < rows; i++)
    norm_row(to + i * n, m + i, r + i, from + i * n, n, *eps.at);
}

/* With n = (x - mean) rstd:  dx = rstd (dy - mean(dy) - n mean(dy n)). */
HOT static void norm_row_back (float *dx, const float *dy, const float *x,
                               float mean, float rstd, int64_t n) {
  Lanes sum = { 0 }, dot = { 0 };
  for (int64_t i = 0; i < n; i += LANES) {
    Lanes d = lanes_load(dy + i, n - i);    /* zeros behind the row */
    Lanes v = lanes_load(x + i, n - i);
    lanes_add(&sum, d);
    for (int h = 0; h < LANES_HALVES; h++)
      dot.half[h] += d.half[h] * ((v.half[h] - mean) * rstd);
  }
  float a = (float) (lanes_sum(&sum) / (double) n);
  float b = (float) (lanes_sum(&dot) / (double) n);
  for (int64_t i = 0; i < n; i++)
    dx[i] = rstd * (dy[i] - a - (x[i] - mean) * rstd * b);
}

void cpu_rownorm_back (View dx, View dy, View x, View mean, View rstd) {
  int64_t rows = x.size[0], n = x.size[1];
  float *to = dx.data;
  const float *d = dy.data, *from = x.data, *m = mean.data, *r = rstd.data;
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t i = 0; i < rows; i++)
    norm_row_back(to + i * n, d + i * n, from + i * n, m[i], r[i], n);
}

/* ---- sums of columns ---------------------------------------------------- */

enum { GROUPS = 16, ROWS = 64, WIDTH = 256 };

/* What is summed: x, (x - mean)^2, or dy and dy (x - mean) rstd. */
typedef struct Columns {
  const float *x, *dy, *mean, *rstd;
  int64_t rows, count;           /* R and C */
  double *part;                  /* [GROUPS, 2, C], room for the groups */
  double *sum, *dot;             /* [C] */
} Columns;

/* One block for the sums, and two rows of float32 behind them. */
static size_t room (int64_t count) {
  return (size_t) count * ((GROUPS + 1) * 2 + 1) * sizeof(double);
}

static Columns columns (View x, void *block) {
  Columns a = { .x = x.data, .rows = x.size[0], .count = x.size[1],
                .part = block };
  a.sum = a.part + GROUPS * 2 * a.count;
  a.dot = a.sum + a.count;
  return a;
}

/* Adds columns c .. c + width - 1 of the rows to sum (and dot). */
typedef void Add (const Columns *a, int64_t from, int64_t to, int64_t c,
                  int64_t width, double *sum, double *dot);

HOT static void add_x (const Columns *a, int64_t from, int64_t to, int64_t c,
                       int64_t width, double *sum, double *dot) {
  (void) dot;
  for (int64_t r = from; r < to; r++) {
    const float *x = a->x + r * a->count + c;
    for (int64_t k = 0; k < width; k++)
      sum[k] += (double) x[k];
  }
}

HOT static void add_square (const Columns *a, int64_t from, int64_t to,
                            int64_t c, int64_t width, double *sum,
                            double *dot) {
  const float *mean = a->mean + c;
  (void) dot;
  for (int64_t r = from; r < to; r++) {
    const float *x = a->x + r * a->count + c;
    for (int64_t k = 0; k < width; k++) {
      double d = (double) (x[k] - mean[k]);
      sum[k] += d * d;
    }
  }
}

HOT static void add_back (const Columns *a, int64_t from, int64_t to,
                          int64_t c, int64_t width, double *restrict sum,
                          double *restrict dot) {
  const float *mean = a->mean + c, *rstd = a->rstd + c;
  for (int64_t r = from; r < to; r++) {
    const float *x = a->x + r * a->count + c;
    const float *dy = a->dy + r * a->count + c;
    for (int64_t k = 0; k < width; k++) {
      sum[k] += (double) dy[k];
      dot[k] += (double) (dy[k] * ((x[k] - mean[k]) * rstd[k]));
    }
  }
}

/* One group of rows and one block of columns is a piece of work. */
static void sum_columns (Columns *a, Add *add) {
  int64_t n = a->count, size = (a->rows + GROUPS - 1) / GROUPS;
  size = size < ROWS ? ROWS : size;
  int64_t groups = chunk_count(a->rows, size);
  int64_t blocks = chunk_count(n, WIDTH);
  memset(a->part, 0, (size_t) (groups * 2 * n) * sizeof(double));
#pragma omp parallel for schedule(static) if (worth_threads(a->rows * n))
  for (int64_t i = 0; i < groups * blocks; i++) {
    int64_t g = i / blocks, b = i % blocks;
    double *sum = a->part + g * 2 * n + b * WIDTH;
    add(a, g * size, chunk_end(g, size, a->rows), b * WIDTH,
        chunk_end(b, WIDTH, n) - b * WIDTH, sum, sum + n);
  }
  memset(a->sum, 0, (size_t) (2 * n) * sizeof(double));
  for (int64_t g = 0; g < groups; g++)
    for (int64_t c = 0; c < 2 * n; c++)
      a->sum[c] += a->part[g * 2 * n + c];
}

/* ---- columns ------------------------------------------------------------ */

static void means (float *mean, const double *sum, int64_t n, int64_t rows) {
  for (int64_t c = 0; c < n; c++)
    mean[c] = (float) (sum[c] / (double) rows);
}

void cpu_colstats (View mean, View var, View x) {
  size_t bytes = room(x.size[1]);
  void *block = mem_block(bytes);
  Columns a = columns(x, block);
  sum_columns(&a, add_x);
  means(mean.data, a.sum, a.count, a.rows);
  a.mean = mean.data;
  sum_columns(&a, add_square);
  means(var.data, a.sum, a.count, a.rows);
  mem_block_free(block, bytes);
}

static void rstd_of (float *rstd, const float *var, int64_t n, float eps) {
  for (int64_t c = 0; c < n; c++)
    rstd[c] = (float) (1 / sqrt((double) var[c] + (double) eps));
}

HOT static void norm_columns (float *y, const float *x, const float *mean,
                              const float *rstd, int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < n; c++)
      y[r * n + c] = (x[r * n + c] - mean[c]) * rstd[c];
}

void cpu_colnorm (View y, View x, View mean, View var, Scalar eps) {
  int64_t rows = x.size[0], n = x.size[1];
  int64_t size = n < CHUNK ? CHUNK / (n + 1) + 1 : 1;
  size_t bytes = (size_t) n * sizeof(float);
  float *rstd = mem_block(bytes);
  rstd_of(rstd, var.data, n, *eps.at);
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t i = 0; i < chunk_count(rows, size); i++)
    norm_columns((float *) y.data + i * size * n,
                 (const float *) x.data + i * size * n, mean.data, rstd,
                 chunk_end(i, size, rows) - i * size, n);
  mem_block_free(rstd, bytes);
}

HOT static void norm_columns_back (float *dx, const float *dy, const float *x,
                                   const float *mean, const float *rstd,
                                   const float *a, const float *b,
                                   int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t c = 0; c < n; c++) {
      int64_t i = r * n + c;
      dx[i] = rstd[c] * (dy[i] - a[c] - (x[i] - mean[c]) * rstd[c] * b[c]);
    }
}

/* As rows, with the means of dy and of dy n over a column. */
void cpu_colnorm_back (View dx, View dy, View x, View mean, View var,
                       Scalar eps) {
  int64_t rows = x.size[0], n = x.size[1];
  int64_t size = n < CHUNK ? CHUNK / (n + 1) + 1 : 1;
  size_t bytes = room(n) + (size_t) n * sizeof(float);
  void *block = mem_block(bytes);
  Columns all = columns(x, block);
  float *rstd = (float *) (all.dot + n), *a = rstd + n, *b = a + n;
  rstd_of(rstd, var.data, n, *eps.at);
  all.dy = dy.data;
  all.mean = mean.data;
  all.rstd = rstd;
  sum_columns(&all, add_back);
  means(a, all.sum, n, rows);
  means(b, all.dot, n, rows);
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t i = 0; i < chunk_count(rows, size); i++) {
    int64_t at = i * size * n;
    norm_columns_back((float *) dx.data + at, (const float *) dy.data + at,
                      (const float *) x.data + at, mean.data, rstd, a, b,
                      chunk_end(i, size, rows) - i * size, n);
  }
  mem_block_free(block, bytes);
}
