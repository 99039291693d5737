/*
 * kid.c - the kernel distance of two sets of features (Binkowski et al. 2018):
 * the unbiased squared maximum mean discrepancy with the kernel
 * (x y / D + 1)^3, averaged over subsets.
 *
 * The subsets are those of torch-fidelity (metric_kid.py): NumPy's
 * RandomState(seed) permutes the rows of one set, then of the other, for each
 * subset, and the first `size` of a permutation are taken.  Products and sums
 * are float64; a row's kernel values are added from left to right, the rows
 * from top to bottom.
 */
#include "metrics/metric.h"

#include "backend/linalg.h"

#include <math.h>
#include <string.h>

static void kid_shape (const Call *c, Shape *y, DType *dtype) {
  static const char *const names[] = { "x", "y" };
  int64_t size = arg_int(c, "size");
  if (arg_int(c, "subsets") < 1)
    bad_arg(c, "subsets", "must be at least 1, got %lld",
            (long long) arg_int(c, "subsets"));
  if (size < 2)
    bad_arg(c, "size", "must be at least 2, got %lld", (long long) size);
  for (int i = 0; i < 2; i++) {
    need_rank(c, names[i], 2);
    if (arg(c, names[i])->shape.size[0] < size)
      bad_arg(c, names[i], "needs at least the %lld rows of a subset, got %s",
              (long long) size, shape_text(&arg(c, names[i])->shape));
  }
  if (arg(c, "x")->shape.size[1] != arg(c, "y")->shape.size[1])
    bad_arg(c, "y", "has %s, but x has %s: the same number of features is "
            "needed", shape_text(&arg(c, "y")->shape),
            shape_text(&arg(c, "x")->shape));
  *y = shape_of(1, 2);
  *dtype = F64;
}

/* Products become kernel values; returns the sum of those in row i of k
 * [n, n], from the first to column `to`, without it. */
static double row_sum (const double *k, int64_t n, int64_t i, int64_t to,
                       double d) {
  double sum = 0;
  for (int64_t j = 0; j < to; j++) {
    double u = k[i * n + j] / d + 1;
    sum += u * u * u;
  }
  return sum;
}

/* lower: the pairs below the diagonal, twice. */
static double kernel_sum (const double *k, int64_t n, int64_t d, bool lower,
                          double *rows) {
  #pragma omp parallel for schedule(static, 8)
  for (int64_t i = 0; i < n; i++)
    rows[i] = row_sum(k, n, i, lower ? i : n, (double) d);
  double sum = 0;
  for (int64_t i = 0; i < n; i++)
    sum += rows[i];
  return lower ? 2 * sum : sum;
}

static void take (double *to, Rows x, const int32_t *order, int64_t size) {
  for (int64_t i = 0; i < size; i++)
    memcpy(to + i * x.d, x.at + order[i] * x.d, (size_t) x.d * sizeof *to);
}

/* a, b [n, d]; k [n, n] and rows [n] are work space. */
static double discrepancy (const double *a, const double *b, int64_t n,
                           int64_t d, double *k, double *rows) {
  double m = (double) n, within = 0;
  linalg_outer(n, d, a, k);
  within += kernel_sum(k, n, d, true, rows);
  linalg_outer(n, d, b, k);
  within += kernel_sum(k, n, d, true, rows);
  linalg_product(n, n, d, a, false, b, true, k);
  return within / (m * (m - 1)) - 2 * kernel_sum(k, n, d, false, rows)
                                  / (m * m);
}

static void kid_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x"), z = rows_finite(c, "y");
  int64_t subsets = arg_int(c, "subsets"), size = arg_int(c, "size");
  double *each = room(subsets), *a = room(size * x.d), *b = room(size * x.d);
  double *k = room(size * size), *rows = room(size), mean = 0, var = 0;
  int32_t *order = (int32_t *) room((x.n > z.n ? x.n : z.n) / 2 + 1);
  Twister t;
  twister_seed(&t, (uint32_t) arg_int(c, "seed"));
  for (int64_t s = 0; s < subsets; s++) {
    twister_permutation(&t, order, x.n);
    take(a, x, order, size);
    twister_permutation(&t, order, z.n);
    take(b, z, order, size);
    each[s] = discrepancy(a, b, size, x.d, k, rows);
    mean += each[s] / (double) subsets;
  }
  for (int64_t s = 0; s < subsets; s++)
    var += (each[s] - mean) * (each[s] - mean) / (double) subsets;
  put(y, (double[]) { mean, sqrt(var) });
}

static void permutation_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t n = arg_int(c, "n");
  if (n < 1 || n > INT32_MAX)
    bad_arg(c, "n", "must be at least 1, got %lld", (long long) n);
  *y = shape_of(1, (int) n);
  *dtype = I32;
}

static void permutation_forward (Call *c, Tensor *y) {
  int64_t n = arg_int(c, "n");
  int32_t *order = (int32_t *) room(n / 2 + 1);
  double *out = room(n);
  Twister t;
  twister_seed(&t, (uint32_t) arg_int(c, "seed"));
  twister_permutation(&t, order, n);
  for (int64_t i = 0; i < n; i++)
    out[i] = order[i] + 1;
  put(y, out);
}

const Op kid_ops[] = {
  { .name = "kid",
    .args = "x:tensor y:tensor | subsets:int=100 size:int=1000 seed:int=2020",
    .doc = "Kernel distance of two sets of features: mean over subsets of the "
           "unbiased squared maximum mean discrepancy with the kernel "
           "(x y / D + 1)^3, and the population standard deviation over "
           "subsets, which is not a standard error: subsets overlap.  x: "
           "[N, D], y: [M, D], at least size rows each.  Subsets are drawn "
           "without replacement by NumPy's RandomState(seed), as in "
           "torch-fidelity.  Result: [2], float64; the mean may be below 0.  "
           "Binkowski et al. 2018.",
    .example = "kid(randn(20, 4), randn(30, 4), { subsets = 3, size = 10 })",
    .cases = { "kid(randn(2, 1), randn(2, 1), { subsets = 1, size = 2 })" },
    .bench = "kid(randn(10000, 64), randn(10000, 64))",
    .shape = kid_shape, .forward = kid_forward,
    .no_gradient = "a metric" },
  { .name = "legacy_permutation", .args = "n:int | seed:int=2020",
    .doc = "The permutation that NumPy's RandomState(seed).permutation(n) "
           "makes, plus 1: int32 [N], for scores that are defined by it.",
    .example = "legacy_permutation(10)",
    .cases = { "legacy_permutation(1, { seed = 1 })" },
    .shape = permutation_shape, .forward = permutation_forward,
    .no_gradient = "random numbers" },
  { 0 }
};
