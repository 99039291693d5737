/*
 * frechet.c - the Fréchet distance between two sets of feature vectors.
 *
 * The squared 2-Wasserstein distance of the normals with their moments
 * (Dowson and Landau 1982; Heusel et al. 2017 for its use on features):
 *
 *   d = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
 *
 * The matrix S1 S2 is not symmetric and its numerical root may be complex or
 * NaN.  With S1 = L L', the root has the trace of the root of the symmetric
 * L' S2 L, whose eigenvalues are real, so no rescue by added constants is
 * needed and sets with fewer rows than features have their distance too (it is
 * then biased upwards; the protocol says so).
 */
#include "metrics/metric.h"

#include "backend/linalg.h"
#include "base/error.h"

#include <math.h>

static void frechet_shape (const Call *c, Shape *y, DType *dtype) {
  static const char *const names[] = { "x", "y" };
  for (int i = 0; i < 2; i++) {
    need_rank(c, names[i], 2);
    if (arg(c, names[i])->shape.size[0] < 2)
      bad_arg(c, names[i], "needs at least 2 rows for a covariance, got %s",
              shape_text(&arg(c, names[i])->shape));
  }
  if (arg(c, "x")->shape.size[1] != arg(c, "y")->shape.size[1])
    bad_arg(c, "y", "has %s, but x has %s: the same number of features is "
            "needed", shape_text(&arg(c, "y")->shape),
            shape_text(&arg(c, "x")->shape));
  *y = shape_of(0);
  *dtype = F64;
}

/* s becomes L with s = L L': eigenvectors as columns times the roots of their
 * values; values below 0 are rounding and count as 0. */
static void root_factor (double *s, int64_t d) {
  double *w = room(d);
  linalg_eigh(d, s, w, true);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++)
      s[i * d + j] *= sqrt(w[j] > 0 ? w[j] : 0);
}

/* tr (a b)^(1/2); a and b are used up. */
static double trace_root (double *a, double *b, int64_t d) {
  double *half = room(d * d), *m = room(d * d), *w = room(d), sum = 0;
  root_factor(a, d);
  linalg_product(d, d, d, b, false, a, false, half);
  linalg_product(d, d, d, a, true, half, false, m);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < i; j++)
      m[i * d + j] = m[j * d + i] = (m[i * d + j] + m[j * d + i]) / 2;
  linalg_eigh(d, m, w, false);
  for (int64_t i = 0; i < d; i++)
    sum += sqrt(w[i] > 0 ? w[i] : 0);
  return sum;
}

static void frechet_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x"), z = rows_finite(c, "y");
  int64_t d = x.d;
  double *mx = room(d), *my = room(d), *sx = room(d * d), *sy = room(d * d);
  covariance(x, mx, sx);
  covariance(z, my, sy);
  double sum = 0;
  for (int64_t i = 0; i < d; i++)
    sum += (mx[i] - my[i]) * (mx[i] - my[i]) + sx[i * d + i] + sy[i * d + i];
  sum -= 2 * trace_root(sx, sy, d);
  put(y, (double[]) { sum > 0 ? sum : 0 });    /* below 0: rounding */
}

static void covariance_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  int64_t d = arg(c, "x")->shape.size[1];
  if (arg(c, "x")->shape.size[0] < 2)
    bad_arg(c, "x", "needs at least 2 rows, got %s",
            shape_text(&arg(c, "x")->shape));
  *y = shape_of(2, (int) d, (int) d);
  *dtype = F64;
}

static void covariance_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x");
  double *mean = room(x.d), *cov = room(x.d * x.d);
  covariance(x, mean, cov);
  put(y, cov);
}

const Op frechet_ops[] = {
  { .name = "frechet", .args = "x:tensor y:tensor",
    .doc = "Fréchet distance between the normals with the means and "
           "covariances (n - 1) of two sets of features, squared: "
           "|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)).  x: [N, D], "
           "y: [M, D], at least 2 rows each.  Result: one float64 number.  "
           "With no more rows than features it is biased upwards.  "
           "Dowson and Landau 1982.",
    .example = "frechet(randn(50, 4), randn(60, 4))",
    .cases = { "frechet(randn(2, 1), randn(2, 1))",
               "frechet(randn(5, 9), randn(33, 9))" },
    .bench = "frechet(randn(10000, 128), randn(10000, 128))",
    .shape = frechet_shape, .forward = frechet_forward,
    .no_gradient = "a metric" },
  { .name = "covariance", .args = "x:tensor",
    .doc = "Covariance matrix of the rows of x, divided by n - 1.  x: [N, D]. "
           " Result: [D, D], float64.",
    .example = "covariance(randn(10, 3))",
    .cases = { "covariance(randn(2, 1))", "covariance(randn(70, 5))" },
    .shape = covariance_shape, .forward = covariance_forward,
    .no_gradient = "a metric" },
  { 0 }
};
