/*
 * frechet.c - the Fréchet distance between two sets of feature vectors, from
 * the vectors or from their moments.
 *
 * The squared 2-Wasserstein distance of the normals with these moments
 * (Dowson and Landau 1982; Heusel et al. 2017 for its use on features):
 *
 *   d = |m1 - m2|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2)
 *
 * The matrix S1 S2 is not symmetric and its numerical root may be complex or
 * NaN.  With S1 = L L', the root has the trace of the root of the symmetric
 * L' S2 L, whose eigenvalues are real.  L is the Cholesky factor.  A covariance
 * without one (fewer rows than features, or a feature that never changes) is
 * S = F F' with F the eigenvectors times the roots of their values, those of
 * rounding left out; with factors F and G of both, the trace is the sum of the
 * singular values of F' G, where zeros stay as small as rounding makes them.
 */
#include "metrics/metric.h"

#include "backend/linalg.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

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

/* Eigenvalues of a covariance below this part of the largest are rounding. */
static double negligible (int64_t d) {
  return (double) d * 2.2e-16;
}

/* s [d, d] = L L', if its Cholesky factor exists and is no work of rounding:
 * then l is L. */
static bool triangle (double *l, const double *s, int64_t d) {
  double top = 0;
  memcpy(l, s, (size_t) (d * d) * sizeof *l);
  for (int64_t i = 0; i < d; i++)
    top = s[i * d + i] > top ? s[i * d + i] : top;
  if (!linalg_cholesky(d, l))
    return false;
  for (int64_t i = 0; i < d; i++)
    if (!(l[i * d + i] * l[i * d + i] > negligible(d) * top))
      return false;
  return true;
}

/* s becomes its eigenvectors; factor [rank, d] = F' with s = F F'.  Returns
 * the rank. */
static int64_t eigen_factor (double *factor, double *s, int64_t d) {
  double *w = room(d);
  linalg_eigh(d, s, w, true);
  int64_t rank = 0;
  for (int64_t j = d - 1; j >= 0 && w[j] > negligible(d) * w[d - 1]; j--) {
    for (int64_t i = 0; i < d; i++)
      factor[rank * d + i] = s[i * d + j] * sqrt(w[j]);
    rank++;
  }
  return rank;
}

/* Sum of the singular values of F' G, from F' [p, d] and G' [q, d]. */
static double nuclear (const double *f, int64_t p, const double *g, int64_t q,
                       int64_t d) {
  int64_t k = p < q ? p : q;
  double *m = room(p * q), *w = room(k), sum = 0;
  linalg_product(p, q, d, f, false, g, true, m);
  linalg_svd(p, q, m, NULL, w, NULL);
  for (int64_t i = 0; i < k; i++)
    sum += w[i];
  return sum;
}

/* The factor of s as rows: of its triangle l if that exists. */
static int64_t factor_rows (double *rows, double *s, const double *l,
                            bool definite, int64_t d) {
  if (!definite)
    return eigen_factor(rows, s, d);
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j < d; j++)
      rows[j * d + i] = l[i * d + j];
  return d;
}

/* tr (a b)^(1/2); a and b are used up. */
static double trace_root (double *a, double *b, int64_t d) {
  double *l = room(d * d), *m = room(d * d), sum = 0;
  bool a_definite = triangle(l, a, d), b_definite = triangle(m, b, d);
  if (!a_definite || !b_definite) {
    double *f = room(d * d), *g = room(d * d);
    int64_t p = factor_rows(f, a, l, a_definite, d);
    int64_t q = factor_rows(g, b, m, b_definite, d);
    return nuclear(f, p, g, q, d);
  }
  double *w = room(d);
  linalg_congruence(d, l, b, a, m);
  linalg_eigh(d, a, w, false);
  for (int64_t i = 0; i < d; i++)
    sum += sqrt(w[i] > 0 ? w[i] : 0);
  return sum;
}

/* The distance of normals; both covariances are used up. */
static double distance (const double *mx, double *sx, const double *my,
                        double *sy, int64_t d) {
  double sum = 0;
  for (int64_t i = 0; i < d; i++)
    sum += (mx[i] - my[i]) * (mx[i] - my[i]) + sx[i * d + i] + sy[i * d + i];
  sum -= 2 * trace_root(sx, sy, d);
  return sum > 0 ? sum : 0;      /* below 0: rounding */
}

static void frechet_forward (Call *c, Tensor *y) {
  RowSource x = rows_source(c, "x"), z = rows_source(c, "y");
  int64_t d = x.d;
  double *mx = room(d), *my = room(d), *sx = room(d * d), *sy = room(d * d);
  covariance(&x, mx, sx);
  covariance(&z, my, sy);
  put(y, (double[]) { distance(mx, sx, my, sy, d) });
}

static void moments_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  int64_t d = arg(c, "x")->shape.size[1];
  if (arg(c, "x")->shape.size[0] < 2)
    bad_arg(c, "x", "needs at least 2 rows for a covariance, got %s",
            shape_text(&arg(c, "x")->shape));
  if (arg_int(c, "divisor") < 0)
    bad_arg(c, "divisor", "must be above 0, or 0 for n - 1, got %lld",
            (long long) arg_int(c, "divisor"));
  *y = shape_of(2, (int) d + 1, (int) d);
  *dtype = F64;
}

static void moments_forward (Call *c, Tensor *y) {
  RowSource x = rows_source(c, "x");
  double *out = room((x.d + 1) * x.d);
  int64_t divisor = arg_int(c, "divisor");
  covariance(&x, out, out + x.d);
  if (divisor > 0)
    for (int64_t i = x.d; i < (x.d + 1) * x.d; i++)
      out[i] *= (double) (x.n - 1) / (double) divisor;
  put(y, out);
}

static void merge_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "a", 2);
  need_shape(c, "b", &arg(c, "a")->shape);
  const Shape *s = &arg(c, "a")->shape;
  if (s->size[0] != s->size[1] + 1)
    bad_arg(c, "a", "must be what moments returns, [D + 1, D], got %s",
            shape_text(s));
  if (arg_int(c, "n") < 2 || arg_int(c, "m") < 2)
    bad_arg(c, "n", "and m must be at least 2, got %lld and %lld",
            (long long) arg_int(c, "n"), (long long) arg_int(c, "m"));
  *y = *s;
  *dtype = F64;
}

/* Chan, Golub and LeVeque 1979. */
static void merge_forward (Call *c, Tensor *y) {
  Rows a = rows_finite(c, "a"), b = rows_finite(c, "b");
  double n = (double) arg_int(c, "n"), m = (double) arg_int(c, "m");
  double *out = room(a.n * a.d), *gap = room(a.d);
  for (int64_t i = 0; i < a.d; i++) {
    gap[i] = b.at[i] - a.at[i];
    out[i] = a.at[i] + gap[i] * m / (n + m);
  }
  for (int64_t i = 0; i < a.d; i++)
    for (int64_t j = 0; j < a.d; j++) {
      int64_t at = (i + 1) * a.d + j;
      out[at] = (a.at[at] * (n - 1) + b.at[at] * (m - 1)
                 + gap[i] * gap[j] * n * m / (n + m)) / (n + m - 1);
    }
  put(y, out);
}

static void need_covariance (const Call *c, const char *name, int d) {
  Shape wanted = shape_of(2, d, d);
  need_shape(c, name, &wanted);
}

static void frechet_moments_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "m1", 1);
  need_shape(c, "m2", &arg(c, "m1")->shape);
  need_covariance(c, "s1", arg(c, "m1")->shape.size[0]);
  need_covariance(c, "s2", arg(c, "m1")->shape.size[0]);
  *y = shape_of(0);
  *dtype = F64;
}

static void frechet_moments_forward (Call *c, Tensor *y) {
  Rows m1 = rows_finite(c, "m1"), m2 = rows_finite(c, "m2");
  Rows s1 = rows_finite(c, "s1"), s2 = rows_finite(c, "s2");
  put(y, (double[]) { distance(m1.at, s1.at, m2.at, s2.at, m1.n) });
}

static void rank_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "s", 2);
  need_covariance(c, "s", arg(c, "s")->shape.size[1]);
  *y = shape_of(0);
  *dtype = I32;
}

static void rank_forward (Call *c, Tensor *y) {
  Rows s = rows_finite(c, "s");
  double *w = room(s.d), rank = 0;
  linalg_eigh(s.d, s.at, w, false);
  for (int64_t i = 0; i < s.d; i++)
    rank += w[i] > negligible(s.d) * w[s.d - 1];
  put(y, &rank);
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
  RowSource x = rows_source(c, "x");
  double *mean = room(x.d), *cov = room(x.d * x.d);
  covariance(&x, mean, cov);
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
    .bench = "frechet(randn(10000, 2048), randn(10000, 2048))",
    .shape = frechet_shape, .forward = frechet_forward,
    .no_gradient = "a metric" },
  { .name = "frechet_moments",
    .args = "m1:tensor s1:tensor m2:tensor s2:tensor",
    .doc = "Fréchet distance as frechet has it, from means m1, m2: [D] and "
           "covariances s1, s2: [D, D], symmetric.  "
           "Result: one float64 number.  Always real and finite: eigenvalues "
           "of a covariance below D 2.2e-16 times its largest count as 0.",
    .example = "frechet_moments(randn(3), covariance(randn(9, 3)), "
               "randn(3), covariance(randn(9, 3)))",
    .cases = { "frechet_moments(randn(5), covariance(randn(3, 5)), "
               "randn(5), covariance(randn(9, 5)))" },
    .shape = frechet_moments_shape, .forward = frechet_moments_forward,
    .no_gradient = "a metric" },
  { .name = "moments", .args = "x:tensor | divisor:int=0",
    .doc = "Mean (row 1) and covariance (n - 1; the other rows) of the rows of "
           "x, for frechet_moments and moments_merge.  x: [N, D], N at least "
           "2.  divisor: what the covariance is divided by in place of n - 1.  "
           "Result: [D + 1, D], float64.",
    .example = "moments(randn(10, 3))",
    .cases = { "moments(randn(2, 1), { divisor = 7 })", "moments(randn(600, 70))" },
    .shape = moments_shape, .forward = moments_forward,
    .no_gradient = "a metric" },
  { .name = "moments_merge", .args = "a:tensor n:int b:tensor m:int",
    .doc = "The moments of two sets together: a of n rows, b of m.  a, b: "
           "[D + 1, D] as moments returns them.  Chan, Golub and LeVeque "
           "1979.",
    .example = "moments_merge(moments(randn(9, 3)), 9, moments(randn(5, 3)), "
               "5)",
    .shape = merge_shape, .forward = merge_forward,
    .no_gradient = "a metric" },
  { .name = "covariance_rank", .args = "s:tensor",
    .doc = "Rank of a covariance: how many of its eigenvalues are above D "
           "2.2e-16 times the largest.  s: [D, D], symmetric.  Result: one "
           "int32 number.",
    .example = "covariance_rank(covariance(randn(4, 6)))",
    .shape = rank_shape, .forward = rank_forward,
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
