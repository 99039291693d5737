/*
 * mmd.c - the maximum mean discrepancy of two samples (Gretton et al. 2012),
 * unbiased: within a sample a point is not compared with itself.
 *
 *   mmd = sum_{i != j} k(x_i, x_j) / n (n - 1) + the same of y
 *         - 2 sum_{i, j} k(x_i, y_j) / n m
 *
 * It may be below 0.  A composition of ops, so it has a gradient and serves
 * as a loss (Wasserstein autoencoder, Tolstikhin et al. 2018) as well as
 * as a score (kernel distance, Binkowski et al. 2018).
 */
#include "metrics/metric.h"

#include <string.h>

static Tensor *times (Tensor *a, double b) {
  return op("mul", a, value_new(b));
}

/* sum over seven widths s of C / (C + d), C = 2 D scale s */
static Tensor *imq (Tensor *a, Tensor *b, double d, Tensor *scale) {
  static const double widths[] = { 0.1, 0.2, 0.5, 1, 2, 5, 10 };
  Tensor *far = op("sqdist", a, b), *sum = NULL;
  for (int i = 0; i < 7; i++) {
    Tensor *c = times(scale, 2 * d * widths[i]);
    Tensor *k = op("div", c, op("add", far, c));
    sum = sum == NULL ? k : op("add", sum, k);
  }
  return sum;
}

/* exp(-d / 2 D scale) */
static Tensor *rbf (Tensor *a, Tensor *b, double d, Tensor *scale) {
  return op("exp", op("div", op("sqdist", a, b), times(scale, -2 * d)));
}

/* (a b' / D scale + 1)^3 */
static Tensor *polynomial (Tensor *a, Tensor *b, double d, Tensor *scale) {
  Tensor *product = op("matmul", a, op("transpose", b, 0, 1));
  Tensor *k = op("add", op("div", product, times(scale, d)), value_new(1));
  return op("mul", k, op("mul", k, k));
}

static const struct {
  const char *name;
  Tensor *(*of) (Tensor *a, Tensor *b, double d, Tensor *scale);
} kernels[] = {
  { "imq", imq }, { "rbf", rbf }, { "polynomial", polynomial },
};

static Tensor *sum_of (Tensor *k) {
  return op("sum", k, NULL, 0);
}

/* Mean of k [n, n] off its diagonal. */
static Tensor *mean_off (Tensor *k) {
  double n = (double) k->shape.size[0];
  Tensor *rest = op("sub", sum_of(k), sum_of(op("diag", k)));
  return times(rest, 1 / (n * (n - 1)));
}

static void check (const Call *c) {
  static const char *const names[] = { "x", "y" };
  for (int i = 0; i < 2; i++) {
    need_rank(c, names[i], 2);
    need_dtype(c, names[i], F32);
    if (arg(c, names[i])->shape.size[0] < 2)
      bad_arg(c, names[i], "needs at least 2 rows, got %s",
              shape_text(&arg(c, names[i])->shape));
  }
  if (arg(c, "x")->shape.size[1] != arg(c, "y")->shape.size[1])
    bad_arg(c, "y", "has %s, but x has %s: rows of the same size are needed",
            shape_text(&arg(c, "y")->shape), shape_text(&arg(c, "x")->shape));
}

static Tensor *mmd_make (Call *c) {
  check(c);
  Tensor *x = arg(c, "x"), *y = arg(c, "y");
  Tensor *scale = arg(c, "scale");
  const char *name = arg_text(c, "kernel");
  double d = (double) x->shape.size[1];
  double pairs = (double) (x->shape.size[0] * y->shape.size[0]);
  for (int i = 0; i < 3; i++)
    if (strcmp(kernels[i].name, name) == 0) {
      Tensor *xx = mean_off(kernels[i].of(x, x, d, scale));
      Tensor *yy = mean_off(kernels[i].of(y, y, d, scale));
      Tensor *xy = sum_of(kernels[i].of(x, y, d, scale));
      return op("sub", op("add", xx, yy), times(xy, 2 / pairs));
    }
  bad_arg(c, "kernel", "must be imq, rbf or polynomial, got %s", name);
}

const Op mmd_ops[] = {
  { .name = "mmd",
    .args = "x:tensor y:tensor | kernel:text=imq scale:value=1",
    .doc = "Maximum mean discrepancy of two samples, squared and unbiased (it "
           "may be below 0).  x: [N, D], y: [M, D], at least 2 rows each.  "
           "kernel: imq (sum of C / (C + |x - y|^2) for C = 2 D scale times "
           "0.1, 0.2, 0.5, 1, 2, 5, 10), rbf (exp(-|x - y|^2 / 2 D "
           "scale)) or polynomial ((xy / D scale + 1)^3).  Result: one "
           "number.  Gretton et al. 2012.",
    .example = "mmd(randn(6, 3), randn(5, 3))",
    .cases = { "mmd(randn(2, 1), randn(2, 1), { kernel = \"rbf\" })",
               "mmd(randn(4, 3), randn(7, 3), { kernel = \"polynomial\", "
               "scale = 2 })" },
    .bench = "mmd(randn(128, 20), randn(128, 20))",
    .make = mmd_make, .composes = true },
  { 0 }
};
