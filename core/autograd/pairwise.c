/* pairwise.c - ops on all pairs of rows of two matrices. */
#include "autograd/op.h"

/* Both are matrices with rows of one length. */
static void need_rows (const Call *c, const char *a, const char *b) {
  need_rank(c, a, 2);
  need_rank(c, b, 2);
  need_float(c, a);
  need_float(c, b);
  Shape s = arg(c, b)->shape;
  s.size[1] = arg(c, a)->shape.size[1];
  need_shape(c, b, &s);
}

static void sqdist_shape (const Call *c, Shape *y, DType *dtype) {
  need_rows(c, "a", "b");
  *y = (Shape) { 2, { arg(c, "a")->shape.size[0],
                      arg(c, "b")->shape.size[0] } };
  *dtype = F32;
}

static void sqdist_forward (Call *c, Tensor *y) {
  kern(y)->sqdist(view(y), view(float_of(arg(c, "a"))),
                  view(float_of(arg(c, "b"))));
}

/* 2 (sum_j dy_ij a_i - sum_j dy_ij b_j) for all rows i of a. */
static Tensor *pull (Tensor *dy, Tensor *a, Tensor *b) {
  Shape last = { 1, { 1 } };
  Tensor *own = op("mul", op("sum", dy, &last, true), a);
  return op("mul", op("sub", own, op("matmul", dy, b)), value_new(2));
}

static void sqdist_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *a = float_of(arg(c, "a")), *b = float_of(arg(c, "b"));
  (void) y;
  if (wants(c, "a"))
    give(c, "a", pull(dy, a, b));
  if (wants(c, "b"))
    give(c, "b", pull(op("transpose", dy, 0, 1), b, a));
}

static void nearest_shape (const Call *c, Shape *y, DType *dtype) {
  need_rows(c, "x", "rows");
  if (arg(c, "rows")->shape.size[0] < 1)
    bad_arg(c, "rows", "must have at least one row, got %s",
            shape_text(&arg(c, "rows")->shape));
  *y = (Shape) { 1, { arg(c, "x")->shape.size[0] } };
  *dtype = I32;
}

static void nearest_forward (Call *c, Tensor *y) {
  kern(y)->nearest(view(y), view(float_of(arg(c, "x"))),
                   view(float_of(arg(c, "rows"))));
}

const Op pairwise_ops[] = {
  { .name = "sqdist", .args = "a:tensor b:tensor",
    .doc = "Squared Euclidean distances between the rows of a [N, D] and b "
           "[M, D]: [N, M].  Exact for near rows: differences are squared, "
           "not products subtracted.",
    .example = "sqdist(randn(4, 7), randn(3, 7))",
    .cases = { "sqdist(randn(33, 17), randn(67, 17))",
               "sqdist(randn(1, 1), randn(1, 1))",
               "sqdist(randn(0, 3), randn(2, 3))" },
    .bench = "sqdist(randn(1000, 64), randn(1000, 64))",
    .shape = sqdist_shape, .forward = sqdist_forward,
    .backward = sqdist_backward },
  { .name = "nearest", .args = "x:tensor rows:tensor", .constant = true,
    .doc = "The row of rows [M, D] that lies nearest to each row of x [N, D]: "
           "int32 [N], from 1; the first of equally near ones.",
    .example = "nearest(randn(4, 7), randn(3, 7))",
    .cases = { "nearest(randn(40, 17), randn(70, 17))",
               "nearest(randn(1, 1), randn(1, 1))" },
    .bench = "nearest(randn(1000, 64), randn(512, 64))",
    .shape = nearest_shape, .forward = nearest_forward },
  { 0 }
};
