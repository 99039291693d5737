/*
 * latent.c - what codes tell: the number of units that are used, how well
 * classes lie apart (silhouette) and how well two labellings agree.
 */
#include "metrics/metric.h"

#include <math.h>
#include <string.h>

/* ---- distances ----------------------------------------------------------- */

void columns_of (Rows x, double *columns) {
  for (int64_t i = 0; i < x.n; i++)
    for (int64_t j = 0; j < x.d; j++)
      columns[j * x.n + i] = x.at[i * x.d + j];
}

enum { FAR_BLOCK = 512 };      /* numbers that stay in the first cache */

CLONES
void far_from (const double *row, const double *columns, int64_t n, int64_t d,
               double *far) {
  for (int64_t from = 0; from < n; from += FAR_BLOCK) {
    int64_t count = n - from < FAR_BLOCK ? n - from : FAR_BLOCK;
    double *out = far + from;
    memset(out, 0, (size_t) count * sizeof *out);
    for (int64_t j = 0; j < d; j++) {
      const double *x = columns + j * n + from;
      for (int64_t i = 0; i < count; i++)
        out[i] += (x[i] - row[j]) * (x[i] - row[j]);
    }
  }
}

/* ---- active units -------------------------------------------------------- */

static void units_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "means", 2);
  if (arg(c, "means")->shape.size[0] < 2)
    bad_arg(c, "means", "needs at least 2 rows for a variance, got %s",
            shape_text(&arg(c, "means")->shape));
  *y = shape_of(0);
  *dtype = I32;
}

static void units_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "means");
  double delta = number_of(c, "delta"), active = 0;
  for (int64_t j = 0; j < x.d; j++) {
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < x.n; i++)
      mean += x.at[i * x.d + j] / (double) x.n;
    for (int64_t i = 0; i < x.n; i++) {
      double u = x.at[i * x.d + j] - mean;
      sum += u * u;
    }
    active += sum / (double) (x.n - 1) >= delta;
  }
  put(y, &active);
}

const Op latent_ops[] = {
  { .name = "active_units", .args = "means:tensor | delta:value=0.01",
    .doc = "Number of active units: those whose posterior mean has a variance "
           "(n - 1) of at least delta over the data.  means: [N, Z], N at "
           "least 2.  Result: one int32 number.  Burda, Grosse and "
           "Salakhutdinov 2016.",
    .example = "active_units(randn(50, 4))",
    .cases = { "active_units(randn(2, 1), { delta = 0 })" },
    .shape = units_shape, .forward = units_forward,
    .no_gradient = "a metric" },
  { 0 }
};
