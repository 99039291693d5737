/*
 * view.c - ops whose result is another view of the same storage where that
 * can be.
 *
 * A gradient flows back through the matching view of the input's gradient.
 * Rows and axes are 1-based in the argument lines and negative from the end;
 * the word "from" below is 0-based.
 */
#include "autograd/view.h"

#include "autograd/broadcast.h"
#include "backend/backend.h"
#include "base/error.h"

#include <inttypes.h>

/* ---- views -------------------------------------------------------------- */

Tensor *view_whole (Tensor *t) {
  return tensor_view(t, &t->shape, t->stride, t->offset);
}

Tensor *view_part (Tensor *t, int axis, int64_t from, int64_t count) {
  Shape s = t->shape;
  s.size[axis] = count;
  return tensor_view(t, &s, t->stride, t->offset + from * t->stride[axis]);
}

Tensor *view_without (Tensor *t, int axis, int64_t from) {
  Shape s = { .rank = t->shape.rank - 1 };
  int64_t stride[MAX_RANK];
  for (int i = 0, k = 0; i < t->shape.rank; i++)
    if (i != axis) {
      s.size[k] = t->shape.size[i];
      stride[k++] = t->stride[i];
    }
  return tensor_view(t, &s, stride, t->offset + from * t->stride[axis]);
}

Tensor *view_with (Tensor *t, int axis) {
  Shape s = { .rank = t->shape.rank + 1 };
  int64_t stride[MAX_RANK];
  for (int i = 0; i < s.rank; i++) {
    int k = i < axis ? i : i - 1;
    s.size[i] = i == axis ? 1 : t->shape.size[k];
    stride[i] = i == axis ? 1 : t->stride[k];
  }
  return tensor_view(t, &s, stride, t->offset);
}

Tensor *view_permuted (Tensor *t, const int *order) {
  Shape s = { .rank = t->shape.rank };
  int64_t stride[MAX_RANK];
  for (int i = 0; i < s.rank; i++) {
    s.size[i] = t->shape.size[order[i]];
    stride[i] = t->stride[order[i]];
  }
  return tensor_view(t, &s, stride, t->offset);
}

/* The gradient dy belongs to this view of x's gradient. */
static void add_part (Tensor *to, Tensor *dy) {
  kern(dy)->copy_add(view(to), view(dy));
}

/* ---- reshape, flatten --------------------------------------------------- */

_Noreturn static void misfit (Tensor *x, const Shape *s) {
  raise_user("reshape: %s has %" PRId64 " elements, which do not fit %s",
             shape_text(&x->shape), tensor_count(x), shape_text(s));
}

/* Fills in the size that is -1. */
static Shape filled (const Call *c, Tensor *x, Shape s) {
  int64_t known = 1, count = tensor_count(x);
  int open = -1;
  for (int i = 0; i < s.rank; i++) {
    if (s.size[i] < -1)
      bad_arg(c, "shape", "%s has a negative size", shape_text(&s));
    if (s.size[i] == -1 && open >= 0)
      bad_arg(c, "shape", "%s has more than one -1", shape_text(&s));
    if (s.size[i] == -1)
      open = i;
    else if (__builtin_mul_overflow(known, s.size[i], &known))
      misfit(x, &s);
  }
  if (open < 0 ? known != count : known == 0 || count % known != 0)
    misfit(x, &s);
  if (open >= 0)
    s.size[open] = count / known;
  return s;
}

static Tensor *reshape_make (Call *c) {
  Tensor *x = arg(c, "x");
  Shape s = filled(c, x, arg_shape(c, "shape"));
  return tensor_reshaped(dense(x), &s);
}

static Tensor *flatten_make (Call *c) {
  Tensor *x = arg(c, "x");
  need_axes(c, "x", 1);
  int64_t rest = 1;
  for (int i = 1; i < x->shape.rank; i++)
    rest *= x->shape.size[i];
  Shape s = { .rank = 2, .size = { x->shape.size[0], rest } };
  return tensor_reshaped(dense(x), &s);
}

static void reshape_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", tensor_reshaped(dense(dy), &arg(c, "x")->shape));
}

/* ---- transpose, permute, unsqueeze, squeeze ----------------------------- */

static Tensor *swapped (Tensor *t, const Call *c) {
  int order[MAX_RANK];
  int a = (int) arg_int(c, "a"), b = (int) arg_int(c, "b");
  for (int i = 0; i < t->shape.rank; i++)
    order[i] = i == a ? b : i == b ? a : i;
  return view_permuted(t, order);
}

static Tensor *transpose_make (Call *c) {
  return swapped(arg(c, "x"), c);
}

static void transpose_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", swapped(dy, c));
}

/* A place among n that counts from 1 or from the end; -1 if there is none. */
static int64_t place_of (int64_t i, int64_t n) {
  int64_t from = i > 0 ? i - 1 : n + i;
  return i == 0 || from < 0 || from >= n ? -1 : from;
}

static void read_order (const Call *c, int *order) {
  int rank = arg(c, "x")->shape.rank;
  Shape axes = arg_shape(c, "axes");
  unsigned seen = 0;
  for (int i = 0; i < axes.rank; i++) {
    order[i] = (int) place_of(axes.size[i], rank);
    seen |= order[i] < 0 ? 0 : 1u << order[i];
  }
  if (axes.rank != rank || seen != (1u << rank) - 1)
    bad_arg(c, "axes", "must name each of the %d axes of %s once (they count "
            "from 1), got %s", rank, shape_text(&arg(c, "x")->shape),
            shape_text(&axes));
}

static Tensor *permute_make (Call *c) {
  int order[MAX_RANK];
  read_order(c, order);
  return view_permuted(arg(c, "x"), order);
}

static void permute_backward (Call *c, Tensor *y, Tensor *dy) {
  int order[MAX_RANK], inverse[MAX_RANK];
  read_order(c, order);
  for (int i = 0; i < y->shape.rank; i++)
    inverse[order[i]] = i;
  give(c, "x", view_permuted(dy, inverse));
}

int new_axis (const Call *c, const Tensor *x) {
  int64_t i = arg_int(c, "axis");
  int64_t axis = place_of(i, x->shape.rank + 1);
  if (x->shape.rank == MAX_RANK)
    raise_user("%s: %s has %d axes already, the most there can be",
               c->spec->name, shape_text(&x->shape), MAX_RANK);
  if (axis < 0)
    bad_arg(c, "axis", "must be 1 to %d, the place of the new axis (or "
            "negative, from the end), got %" PRId64, x->shape.rank + 1, i);
  return (int) axis;
}

static Tensor *unsqueeze_make (Call *c) {
  Tensor *x = arg(c, "x");
  return view_with(x, new_axis(c, x));
}

static void unsqueeze_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", view_without(dy, new_axis(c, arg(c, "x")), 0));
}

static Tensor *squeeze_make (Call *c) {
  Tensor *x = arg(c, "x");
  int axis = (int) arg_int(c, "axis");
  if (x->shape.size[axis] != 1)
    raise_user("squeeze: axis %d of %s has size %" PRId64 ", not 1", axis + 1,
               shape_text(&x->shape), x->shape.size[axis]);
  return view_without(x, axis, 0);
}

static void squeeze_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", view_with(dy, (int) arg_int(c, "axis")));
}

/* ---- expand ------------------------------------------------------------- */

static void need_sizes (const Call *c, const Shape *s) {
  int64_t count = 1;
  for (int i = 0; i < s->rank; i++)
    if (s->size[i] < 0
        || __builtin_mul_overflow(count, s->size[i], &count))
      bad_arg(c, "shape", "cannot be %s", shape_text(s));
}

static Tensor *expand_make (Call *c) {
  Tensor *x = arg(c, "x");
  Shape s = arg_shape(c, "shape"), both;
  need_sizes(c, &s);
  if (!shape_broadcast(&x->shape, &s, &both) || !shape_equal(&both, &s))
    raise_user("expand: %s does not stretch to %s (axes of size 1 do; fewer "
               "axes must equal the last ones)", shape_text(&x->shape),
               shape_text(&s));
  return stretch_to(x, &s);
}

static void expand_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", sum_to(dy, &arg(c, "x")->shape));
}

/* ---- slice, rows, row, diag --------------------------------------------- */

/* Reads places i to j of an axis; both ends count. */
static void read_range (const Call *c, int axis, int64_t i, int64_t j,
                        int64_t *from, int64_t *count) {
  Tensor *x = arg(c, "x");
  int64_t n = x->shape.size[axis];
  int64_t a = place_of(i, n), b = place_of(j, n);
  if (a < 0 || b < a)
    raise_user("%s: %" PRId64 " to %" PRId64 " is not a part of axis %d of "
               "%s (1 to %" PRId64 ", or negative from the end)",
               c->spec->name, i, j, axis + 1, shape_text(&x->shape), n);
  *from = a;
  *count = b - a + 1;
}

static Tensor *slice_of (Tensor *t, const Call *c) {
  int axis = (int) arg_int(c, "axis");
  int64_t from, count;
  read_range(c, axis, arg_int(c, "i"), arg_int(c, "j"), &from, &count);
  return view_part(t, axis, from, count);
}

static Tensor *slice_make (Call *c) {
  return slice_of(arg(c, "x"), c);
}

static void slice_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_part(slice_of(grad(c, "x"), c), dy);
}

static Tensor *rows_of (Tensor *t, const Call *c) {
  int64_t i = arg_int(c, "i"), from, count;
  int64_t j = arg_given(c, "j") ? arg_int(c, "j") : i;
  need_axes(c, "x", 1);
  read_range(c, 0, i, j, &from, &count);
  return view_part(t, 0, from, count);
}

static Tensor *rows_make (Call *c) {
  return rows_of(arg(c, "x"), c);
}

static void rows_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_part(rows_of(grad(c, "x"), c), dy);
}

static Tensor *row_of (Tensor *t, const Call *c) {
  int64_t i = arg_int(c, "i");
  need_axes(c, "x", 1);
  int64_t from = place_of(i, t->shape.size[0]);
  if (from < 0)
    raise_user("row %" PRId64 " is out of range: %s has %" PRId64 " rows, "
               "which count from 1 (or from the end, with -1)", i,
               shape_text(&t->shape), t->shape.size[0]);
  return view_without(t, 0, from);
}

static Tensor *row_make (Call *c) {
  return row_of(arg(c, "x"), c);
}

static void row_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_part(row_of(grad(c, "x"), c), dy);
}

static Tensor *diagonal (Tensor *t) {
  int64_t n = t->shape.size[0], m = t->shape.size[1];
  Shape s = { .rank = 1, .size = { n < m ? n : m } };
  const int64_t stride[1] = { t->stride[0] + t->stride[1] };
  return tensor_view(t, &s, stride, t->offset);
}

static Tensor *diag_make (Call *c) {
  need_rank(c, "x", 2);
  return diagonal(arg(c, "x"));
}

static void diag_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_part(diagonal(grad(c, "x")), dy);
}

/* ---- detach ------------------------------------------------------------- */

static Tensor *detach_make (Call *c) {
  return view_whole(arg(c, "x"));
}

/* ---- records ------------------------------------------------------------ */

const Op view_ops[] = {
  { .name = "reshape", .args = "x:tensor shape:shape", .linear = true,
    .doc = "The elements of x, in their order, in another shape.  One size "
           "may be -1: it is found from the others.  A view where x is "
           "contiguous, else a copy.",
    .example = "reshape(randn(4, 6), 3, -1)",
    .cases = { "reshape(randn(4, 6):transpose(), {2, 12})",
               "reshape(randn(1))", "reshape(randn(0, 3), 3, 0)",
               "reshape(arange(1, 6), 2, 3)" },
    .make = reshape_make, .backward = reshape_backward },
  { .name = "flatten", .args = "x:tensor", .linear = true,
    .doc = "[N, ...] as [N, rest]: each row one vector, in the order of its "
           "axes (height, width, channels).",
    .example = "flatten(randn(2, 3, 4))",
    .cases = { "flatten(randn(5))", "flatten(randn(0, 3, 3))",
               "flatten(randn(3, 2, 4):transpose(2, 3))" },
    .make = flatten_make, .backward = reshape_backward },
  { .name = "transpose", .args = "x:tensor a:axis=1 b:axis=2", .linear = true,
    .doc = "x with two axes swapped.  A view.",
    .example = "transpose(randn(3, 5))",
    .cases = { "transpose(randn(2, 3, 4), 1, -1)", "transpose(randn(1, 1))",
               "transpose(randn(2, 3), 2, 2)" },
    .make = transpose_make, .backward = transpose_backward },
  { .name = "permute", .args = "x:tensor axes:ints", .linear = true,
    .doc = "x with its axes in another order: axis i of the result is axis "
           "axes[i] of x.  Every axis is named once.  A view.",
    .example = "permute(randn(2, 3, 4), 3, 1, 2)",
    .cases = { "permute(randn(2, 3, 4, 5), {1, 4, -2, 2})",
               "permute(randn(3), 1)" },
    .make = permute_make, .backward = permute_backward },
  { .name = "unsqueeze", .args = "x:tensor axis:int", .linear = true,
    .doc = "x with a new axis of size 1; axis is its place in the result "
           "(-1: the last).  A view.",
    .example = "unsqueeze(randn(3, 4), 2)",
    .cases = { "unsqueeze(randn(3), 1)", "unsqueeze(randn(3, 4), -1)",
               "unsqueeze(randn(), 1)" },
    .make = unsqueeze_make, .backward = unsqueeze_backward },
  { .name = "squeeze", .args = "x:tensor axis:axis=-1", .linear = true,
    .doc = "x without an axis of size 1.  A view.",
    .example = "squeeze(randn(3, 1))",
    .cases = { "squeeze(randn(1, 4, 1), 1)", "squeeze(randn(1))" },
    .make = squeeze_make, .backward = squeeze_backward },
  { .name = "expand", .args = "x:tensor shape:shape", .linear = true,
    .doc = "x stretched to a shape by the rule of broadcasting: axes of size "
           "1 stretch; a smaller shape must equal the last axes.  A view: "
           "nothing is copied.",
    .example = "expand(randn(3, 1), 3, 5)",
    .cases = { "expand(randn(4), 2, 3, 4)", "expand(randn(), 3)",
               "expand(randn(2, 3), 2, 3)", "expand(randn(1, 3), 0, 3)" },
    .make = expand_make, .backward = expand_backward },
  { .name = "slice", .args = "x:tensor axis:axis i:int j:int", .linear = true,
    .doc = "Places i to j of an axis, both included; negative ones count "
           "from the end.  A view.",
    .example = "slice(randn(3, 6), 2, 2, 4)",
    .cases = { "slice(randn(5), 1, 5, 5)", "slice(randn(2, 6, 3), -2, -3, -1)",
               "slice(randn(4, 3):transpose(), 2, 1, 2)" },
    .make = slice_make, .backward = slice_backward },
  { .name = "rows", .args = "x:tensor i:int j:int?", .linear = true,
    .doc = "Rows i to j of x, both included (without j row i alone); axis 1 "
           "stays.  Negative numbers count from the end.  A view.",
    .example = "rows(randn(6, 3), 2, 4)",
    .cases = { "rows(randn(6, 3), 6)", "rows(randn(6), -2, -1)" },
    .make = rows_make, .backward = rows_backward },
  { .name = "row", .args = "x:tensor i:int", .linear = true,
    .doc = "Row i of x without axis 1, as x[i].  A view.",
    .example = "row(randn(6, 3), 2)",
    .cases = { "row(randn(4), -1)", "row(randn(2, 3, 4), 1)" },
    .make = row_make, .backward = row_backward },
  { .name = "diag", .args = "x:tensor", .linear = true,
    .doc = "The diagonal of a matrix.  A view.",
    .example = "diag(randn(4, 4))",
    .cases = { "diag(randn(2, 5))", "diag(randn(1, 1))", "diag(randn(0, 0))" },
    .make = diag_make, .backward = diag_backward },
  { .name = "detach", .args = "x:tensor", .constant = true,
    .doc = "The value of x without its history: no gradient flows through "
           "it.  A view.",
    .example = "detach(randn(3, 4))",
    .make = detach_make },
  { 0 }
};
