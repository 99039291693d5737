/*
 * reduce.c - sums, means, extremes over axes; the softmax family, running
 * sums, and orders along one axis.
 *
 * The kernels of the second kind work on the rows of a matrix: the axes in
 * question are moved to the end first, where they are not there already.
 */
#include "autograd/broadcast.h"
#include "autograd/op.h"
#include "autograd/view.h"

#include <float.h>
#include <math.h>

/* ---- which axes --------------------------------------------------------- */

/* x as the kernels take it: float64 stays, all else becomes float32. */
static Tensor *input (const Call *c) {
  Tensor *x = arg(c, "x");
  return x->dtype == F32 || x->dtype == F64 ? x : float_of(x);
}

/* True for each axis that is summed away; all if none is named. */
static void chosen (const Call *c, bool *is) {
  int rank = arg(c, "x")->shape.rank;
  Shape axes = arg_shape(c, "axis");
  for (int i = 0; i < rank; i++)
    is[i] = !arg_given(c, "axis");
  for (int i = 0; i < axes.rank; i++)
    is[axes.size[i]] = true;
}

/* The result's shape with the chosen axes of size 1. */
static Shape kept_shape (const Call *c) {
  bool is[MAX_RANK];
  Shape s = arg(c, "x")->shape;
  chosen(c, is);
  for (int i = 0; i < s.rank; i++)
    if (is[i])
      s.size[i] = 1;
  return s;
}

static int64_t reduced_count (const Call *c) {
  Shape kept = kept_shape(c);
  int64_t n = shape_count(&kept);
  return n ? tensor_count(arg(c, "x")) / n : 0;
}

static void reduce_shape (const Call *c, Shape *y, DType *dtype) {
  bool is[MAX_RANK];
  Shape kept = kept_shape(c);
  *dtype = arg(c, "x")->dtype == F64 ? F64 : F32;
  if (arg_bool(c, "keep")) {
    *y = kept;
    return;
  }
  chosen(c, is);
  y->rank = 0;
  for (int i = 0; i < kept.rank; i++)
    if (!is[i])
      y->size[y->rank++] = kept.size[i];
}

/* max, min: of nothing there is none. */
static void extreme_shape (const Call *c, Shape *y, DType *dtype) {
  reduce_shape(c, y, dtype);
  if (reduced_count(c) == 0 && shape_count(y) > 0)
    bad_arg(c, "x", "has no elements to choose from: %s",
            shape_text(&arg(c, "x")->shape));
}

/* ---- sum, mean, max, min, prod ------------------------------------------ */

static void reduce_by (Call *c, Tensor *y, ReduceFn f, double scale) {
  Shape kept = kept_shape(c);
  kern(y)->reduce(f, view(tensor_reshaped(y, &kept)), view(input(c)), scale);
}

/* dy (or y) with the reduced axes of size 1, so that it meets x. */
static Tensor *with_axes (const Call *c, Tensor *t) {
  Shape kept = kept_shape(c);
  return tensor_reshaped(dense(t), &kept);
}

static void sum_forward (Call *c, Tensor *y) {
  reduce_by(c, y, REDUCE_SUM, 1);
}

static void sum_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", stretch_to(with_axes(c, dy), &arg(c, "x")->shape));
}

static void mean_forward (Call *c, Tensor *y) {
  reduce_by(c, y, REDUCE_SUM, 1 / (double) reduced_count(c));
}

static void mean_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  Tensor *share = value_new(1 / (double) reduced_count(c));
  Tensor *d = op("mul", with_axes(c, dy), share);
  give(c, "x", stretch_to(d, &arg(c, "x")->shape));
}

static void max_forward (Call *c, Tensor *y) {
  reduce_by(c, y, REDUCE_MAX, 1);
}

static void min_forward (Call *c, Tensor *y) {
  reduce_by(c, y, REDUCE_MIN, 1);
}

/* Equal shares to all that are the extreme. */
static void extreme_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *hit = op("eq", arg(c, "x"), with_axes(c, y));
  Shape kept = kept_shape(c);
  Tensor *share = op("div", with_axes(c, dy), sum_to(hit, &kept));
  give(c, "x", op("mul", hit, share));
}

static void prod_forward (Call *c, Tensor *y) {
  reduce_by(c, y, REDUCE_PROD, 1);
}

/* The product of the others: y / x without a zero among them; with one, it
 * alone has a gradient. */
static void prod_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *x = arg(c, "x"), *zero = value_new(0), *one = value_new(1);
  Shape kept = kept_shape(c);
  Tensor *is_zero = op("eq", x, zero);
  Tensor *filled = op("where", is_zero, one, x);
  Tensor *rest = tensor_new(y->storage->device, F32, &kept);
  kern(y)->reduce(REDUCE_PROD, view(rest), view(filled), 1);
  Tensor *zeros = sum_to(is_zero, &kept);
  Tensor *plain = op("mul", op("eq", zeros, zero), op("div", rest, filled));
  Tensor *alone = op("mul", op("mul", op("eq", zeros, one), rest), is_zero);
  give(c, "x", op("mul", op("add", plain, alone), with_axes(c, dy)));
}

/* ---- compositions ------------------------------------------------------- */

/* Squared distances to the mean, summed, over n - 1. */
static Tensor *var_make (Call *c) {
  need_float(c, "x");
  Tensor *x = take_float(c, "x");
  bool given = arg_given(c, "axis");
  Shape axes = arg_shape(c, "axis");
  double n = (double) reduced_count(c);
  Tensor *mean = op("mean", x, given ? &axes : NULL, true);
  Tensor *square = op("square", op("sub", x, mean));
  Tensor *sum = op("sum", square, given ? &axes : NULL,
                   (int) arg_bool(c, "keep"));
  return op("div", sum, value_new(n > 1 ? n - 1 : NAN));
}

static Tensor *std_make (Call *c) {
  return op("sqrt", var_make(c));
}

static Tensor *rowsum_make (Call *c) {
  Tensor *x = arg(c, "x");
  need_axes(c, "x", 1);
  if (x->shape.rank == 1)
    return op("as", x, F32);
  Shape axes = { .rank = x->shape.rank - 1 };
  for (int i = 0; i < axes.rank; i++)
    axes.size[i] = i + 1;
  return op("sum", x, &axes, false);
}

/* ---- rows of a matrix --------------------------------------------------- */

/* The order of axes that moves the chosen ones to the end. */
static void order_of (int rank, const bool *is, int *order) {
  int n = 0;
  for (int i = 0; i < rank; i++)
    if (!is[i])
      order[n++] = i;
  for (int i = 0; i < rank; i++)
    if (is[i])
      order[n++] = i;
}

/* t as a dense matrix [R, C] whose rows run over the chosen axes. */
static Tensor *rows_of (Tensor *t, const bool *is) {
  int order[MAX_RANK];
  Shape flat = { .rank = 2, .size = { 1, 1 } };
  order_of(t->shape.rank, is, order);
  for (int i = 0; i < t->shape.rank; i++)
    flat.size[is[i] ? 1 : 0] *= t->shape.size[i];
  return tensor_reshaped(dense(view_permuted(t, order)), &flat);
}

static void one_axis (const Call *c, bool *is) {
  for (int i = 0; i < MAX_RANK; i++)
    is[i] = i == arg_int(c, "axis");
}

/* x as rows along the axis of the call, float32. */
static Tensor *axis_rows (const Call *c, Tensor *t) {
  bool is[MAX_RANK];
  one_axis(c, is);
  return rows_of(float_of(t), is);
}

/* Writes the matrix of rows back into t, whose axis they run along. */
static void put_rows (const Call *c, Tensor *t, Tensor *rows) {
  bool is[MAX_RANK];
  int order[MAX_RANK];
  one_axis(c, is);
  order_of(t->shape.rank, is, order);
  Tensor *place = view_permuted(t, order);
  kern(t)->copy(view(place), view(tensor_reshaped(rows, &place->shape)));
}

static bool last_axis (const Call *c) {
  return arg_int(c, "axis") == arg(c, "x")->shape.rank - 1;
}

/* Room for the rows of t: t itself where its last axis is the one. */
static Tensor *row_room (const Call *c, Tensor *t) {
  Tensor *x = axis_rows(c, arg(c, "x"));
  if (last_axis(c))
    return tensor_reshaped(t, &x->shape);
  return result_new(c, t->dtype, &x->shape);
}

static void finish_rows (const Call *c, Tensor *t, Tensor *room) {
  if (!last_axis(c))
    put_rows(c, t, room);
}

static void same_shape (const Call *c, Shape *y, DType *dtype) {
  (void) dtype;
  need_float(c, "x");
  *y = arg(c, "x")->shape;
}

static void same_int_shape (const Call *c, Shape *y, DType *dtype) {
  *y = arg(c, "x")->shape;
  *dtype = I32;
}

/* Without the axis. */
static void one_less_shape (const Call *c, Shape *y, DType *dtype) {
  Shape s = arg(c, "x")->shape;
  int64_t axis = arg_int(c, "axis");
  *dtype = I32;
  y->rank = 0;
  for (int i = 0; i < s.rank; i++)
    if (i != axis)
      y->size[y->rank++] = s.size[i];
  if (s.size[axis] == 0 && shape_count(y) > 0)
    bad_arg(c, "x", "has no elements along its axis: %s", shape_text(&s));
}

static void softmax_forward (Call *c, Tensor *y) {
  Tensor *room = row_room(c, y);
  kern(y)->softmax(view(room), view(axis_rows(c, arg(c, "x"))));
  finish_rows(c, y, room);
}

static void logsoftmax_forward (Call *c, Tensor *y) {
  Tensor *room = row_room(c, y);
  kern(y)->logsoftmax(view(room), view(axis_rows(c, arg(c, "x"))));
  finish_rows(c, y, room);
}

typedef void RowsBack (View dx, View dy, View y);

static void rows_backward (Call *c, Tensor *y, Tensor *dy, RowsBack *back) {
  Tensor *dx = result_new(c, F32, &y->shape), *room = row_room(c, dx);
  back(view(room), view(axis_rows(c, dy)), view(axis_rows(c, y)));
  finish_rows(c, dx, room);
  give(c, "x", dx);
}

static void softmax_backward (Call *c, Tensor *y, Tensor *dy) {
  rows_backward(c, y, dy, kern(y)->softmax_back);
}

static void logsoftmax_backward (Call *c, Tensor *y, Tensor *dy) {
  rows_backward(c, y, dy, kern(y)->logsoftmax_back);
}

static void cumsum_forward (Call *c, Tensor *y) {
  Tensor *room = row_room(c, y);
  kern(y)->cumsum(view(room), view(axis_rows(c, arg(c, "x"))), false);
  finish_rows(c, y, room);
}

/* Each element is in all sums behind it. */
static void cumsum_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = result_new(c, F32, &y->shape), *room = row_room(c, dx);
  kern(y)->cumsum(view(room), view(axis_rows(c, dy)), true);
  finish_rows(c, dx, room);
  give(c, "x", dx);
}

static void logsumexp_shape (const Call *c, Shape *y, DType *dtype) {
  need_float(c, "x");
  reduce_shape(c, y, dtype);
}

static void logsumexp_forward (Call *c, Tensor *y) {
  bool is[MAX_RANK];
  chosen(c, is);
  Tensor *x = rows_of(take_float(c, "x"), is);
  Shape flat = { .rank = 1, .size = { x->shape.size[0] } };
  kern(y)->logsumexp(view(tensor_reshaped(y, &flat)), view(x));
}

/* The softmax of x; 0, not NaN, where all of x is -inf. */
static void logsumexp_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *finite = op("maximum", with_axes(c, y), value_new(-FLT_MAX));
  Tensor *share = op("exp", op("sub", arg(c, "x"), finite));
  give(c, "x", op("mul", share, with_axes(c, dy)));
}

static void flat_argmax (Call *c, Tensor *y, bool least) {
  Shape flat = { .rank = 1, .size = { tensor_count(y) } };
  kern(y)->argmax(view(tensor_reshaped(y, &flat)),
                  view(axis_rows(c, arg(c, "x"))), least);
  tensor_bound(y, 1, arg(c, "x")->shape.size[arg_int(c, "axis")]);
}

static void argmax_forward (Call *c, Tensor *y) {
  flat_argmax(c, y, false);
}

static void argmin_forward (Call *c, Tensor *y) {
  flat_argmax(c, y, true);
}

static void argsort_forward (Call *c, Tensor *y) {
  Tensor *room = row_room(c, y);
  kern(y)->argsort(view(room), view(axis_rows(c, arg(c, "x"))),
                   arg_bool(c, "descending"));
  finish_rows(c, y, room);
}

#define OVER_AXES "x:tensor axis:axes? | keep:bool=false"
#define CASES(name) { #name "(randn(4, 7), 1)", \
  #name "(randn(3, 1, 5), { 1, 3 }, { keep = true })", #name "(randn(1))", \
  #name "(randn(2, 33, 3), -2)" }

const Op reduce_ops[] = {
  { .name = "sum", .args = OVER_AXES,
    .doc = "Sum of x over an axis, a list of axes, or all.  keep: axes of"
           " size 1 stay.  Accumulated in float64.  Result: float32, or"
           " float64 where x is.",
    .example = "sum(randn(4, 7))", .cases = CASES(sum),
    .bench = "sum(randn(128, 28, 28, 1), { 2, 3, 4 })",
    .shape = reduce_shape, .forward = sum_forward,
    .backward = sum_backward, .linear = true },
  { .name = "mean", .args = OVER_AXES,
    .doc = "Mean of x over an axis, a list of axes, or all.",
    .example = "mean(randn(4, 7))", .cases = CASES(mean),
    .shape = reduce_shape, .forward = mean_forward,
    .backward = mean_backward, .linear = true },
  { .name = "var", .args = OVER_AXES,
    .doc = "Variance of x over axes, with n - 1 in the denominator (NaN for"
           " one element).",
    .example = "var(randn(4, 7))",
    .cases = { "var(randn(4, 7), 1)", "var(randn(3, 2, 5), { 1, 3 })" },
    .make = var_make, .composes = true },
  { .name = "std", .args = OVER_AXES,
    .doc = "Standard deviation of x over axes: the root of var.",
    .example = "std(randn(4, 7))",
    .cases = { "std(randn(4, 7), 1, { keep = true })" },
    .make = std_make, .composes = true },
  { .name = "max", .args = OVER_AXES,
    .doc = "Largest element of x over axes; NaN if there is one.  Ties share"
           " the gradient.",
    .example = "max(randn(4, 7))", .cases = CASES(max),
    .shape = extreme_shape, .forward = max_forward,
    .backward = extreme_backward },
  { .name = "min", .args = OVER_AXES,
    .doc = "Smallest element of x over axes; NaN if there is one.  Ties"
           " share the gradient.",
    .example = "min(randn(4, 7))", .cases = CASES(min),
    .shape = extreme_shape, .forward = min_forward,
    .backward = extreme_backward },
  { .name = "prod", .args = OVER_AXES,
    .doc = "Product of x over axes.",
    .example = "prod(rand_in(0.5, 1.5, 4, 5))",
    .cases = { "prod(rand_in(0.5, 1.5, 3, 4), 1)",
               "prod(t{ { 1, 0, 3 }, { 2, 2, 2 } }, 2)" },
    .shape = reduce_shape, .forward = prod_forward,
    .backward = prod_backward },
  { .name = "logsumexp", .args = OVER_AXES,
    .doc = "log of the sum of exp(x) over axes, without overflow.",
    .example = "logsumexp(randn(4, 7), 2)", .cases = CASES(logsumexp),
    .shape = logsumexp_shape, .forward = logsumexp_forward,
    .backward = logsumexp_backward },
  { .name = "rowsum", .args = "x:tensor",
    .doc = "Sum over all axes but the first: [N, ...] -> [N].",
    .example = "rowsum(randn(4, 3, 2))",
    .cases = { "rowsum(randn(5))", "rowsum(randn(0, 3))" },
    .make = rowsum_make, .composes = true },
  { .name = "softmax", .args = "x:tensor axis:axis=-1",
    .doc = "exp(x) over its sum along one axis.  Result: the shape of x.",
    .example = "softmax(randn(4, 7))",
    .cases = { "softmax(randn(1, 1))", "softmax(randn(3, 33), 1)" },
    .shape = same_shape, .forward = softmax_forward,
    .backward = softmax_backward },
  { .name = "logsoftmax", .args = "x:tensor axis:axis=-1",
    .doc = "Log of the softmax of x over one axis.  Result: the shape of x.",
    .example = "logsoftmax(randn(4, 7))",
    .cases = { "logsoftmax(randn(1, 1))", "logsoftmax(randn(3, 33), 1)",
               "logsoftmax(randn(2, 5, 3), 2)" },
    .shape = same_shape, .forward = logsoftmax_forward,
    .backward = logsoftmax_backward },
  { .name = "cumsum", .args = "x:tensor axis:axis=-1",
    .doc = "Running sum of x along one axis.  Result: the shape of x.",
    .example = "cumsum(randn(4, 7))",
    .cases = { "cumsum(randn(1))", "cumsum(randn(5, 3), 1)" },
    .shape = same_shape, .forward = cumsum_forward,
    .backward = cumsum_backward, .linear = true },
  { .name = "argmax", .args = "x:tensor axis:axis=-1",
    .doc = "Where the largest element along an axis stands, from 1: int32"
           " without that axis.  The first of equals.",
    .example = "argmax(randn(4, 7))",
    .cases = { "argmax(randn(5))", "argmax(randn(2, 3, 4), 2)" },
    .shape = one_less_shape, .forward = argmax_forward, .constant = true },
  { .name = "argmin", .args = "x:tensor axis:axis=-1",
    .doc = "Where the smallest element along an axis stands, from 1: int32"
           " without that axis.  The first of equals.",
    .example = "argmin(randn(4, 7))", .cases = { "argmin(randn(5, 2), 1)" },
    .shape = one_less_shape, .forward = argmin_forward, .constant = true },
  { .name = "argsort",
    .args = "x:tensor axis:axis=-1 | descending:bool=false",
    .doc = "The order that sorts x along an axis: int32 places from 1, in"
           " the shape of x.  Stable; NaN comes last.  Compared as float32.",
    .example = "argsort(randn(4, 7))",
    .cases = { "argsort(randn(5, 3), 1, { descending = true })",
               "argsort(randn(1))" },
    .shape = same_int_shape, .forward = argsort_forward, .constant = true },
  { 0 }
};
