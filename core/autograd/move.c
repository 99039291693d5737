/*
 * move.c - ops that copy elements without changing them: joins, casts, other
 * devices.
 */
#include "autograd/broadcast.h"
#include "autograd/view.h"
#include "backend/backend.h"
#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>

static void copy_to (Tensor *to, Tensor *from) {
  kern(to)->copy(view(to), view(from));
}

/* ---- tile --------------------------------------------------------------- */

/* y [k N, ...] seen as [k, N rest]: copies of x lie one behind the other. */
static Tensor *copies (Tensor *y, const Tensor *x, int64_t k) {
  Shape s = { .rank = 2, .size = { k, tensor_count(x) } };
  return tensor_reshaped(y, &s);
}

static void tile_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t k = arg_int(c, "k");
  need_axes(c, "x", 1);
  *y = arg(c, "x")->shape;
  if (k < 0 || __builtin_mul_overflow(k, y->size[0], &y->size[0]))
    bad_arg(c, "k", "must be a number of copies, got %" PRId64, k);
  *dtype = arg(c, "x")->dtype;
}

static void tile_forward (Call *c, Tensor *y) {
  Tensor *x = dense(arg(c, "x")), *to = copies(y, x, arg_int(c, "k"));
  Shape row = { .rank = 1, .size = { tensor_count(x) } };
  copy_to(to, stretch_to(tensor_reshaped(x, &row), &to->shape));
}

static void tile_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *x = arg(c, "x"), *all = copies(dense(dy), x, arg_int(c, "k"));
  Shape row = { .rank = 1, .size = { tensor_count(x) } };
  (void) y;
  give(c, "x", tensor_reshaped(sum_to(all, &row), &x->shape));
}

/* ---- cat, stack --------------------------------------------------------- */

/* All tensors of the list have the dtype of the first and its shape, but for
 * the axis (-1: no exception). */
static void need_alike (const Call *c, int axis) {
  int n;
  Tensor *const *x = arg_list(c, "x", &n);
  for (int i = 0; i < n; i++) {
    Shape s = x[i]->shape;
    if (axis >= 0 && s.rank == x[0]->shape.rank)
      s.size[axis] = x[0]->shape.size[axis];
    if (x[i]->dtype != x[0]->dtype || !shape_equal(&s, &x[0]->shape))
      raise_user("%s: entry %d is %s %s, which does not fit entry 1, %s %s%s",
                 c->spec->name, i + 1, dtype_name(x[i]->dtype),
                 shape_text(&x[i]->shape), dtype_name(x[0]->dtype),
                 shape_text(&x[0]->shape),
                 axis >= 0 ? " (only the joined axis may differ)" : "");
  }
}

/* The list, which must not be empty. */
static Tensor *const *listed (const Call *c, int *n) {
  Tensor *const *x = arg_list(c, "x", n);
  if (*n == 0)
    bad_arg(c, "x", "is an empty list");
  return x;
}

static void cat_shape (const Call *c, Shape *y, DType *dtype) {
  int n, axis = (int) arg_int(c, "axis");
  Tensor *const *x = listed(c, &n);
  need_alike(c, axis);
  *y = x[0]->shape;
  *dtype = x[0]->dtype;
  for (int i = 1; i < n; i++)
    y->size[axis] += x[i]->shape.size[axis];
}

static void cat_forward (Call *c, Tensor *y) {
  int n, axis = (int) arg_int(c, "axis");
  Tensor *const *x = arg_list(c, "x", &n);
  for (int64_t i = 0, from = 0; i < n; from += x[i++]->shape.size[axis])
    copy_to(view_part(y, axis, from, x[i]->shape.size[axis]), x[i]);
}

static void cat_backward (Call *c, Tensor *y, Tensor *dy) {
  int n, axis = (int) arg_int(c, "axis");
  Tensor *const *x = arg_list(c, "x", &n);
  int64_t from = 0;
  (void) y;
  for (int i = 0; i < n; from += x[i++]->shape.size[axis])
    if (wants_item(c, "x", i))
      give_item(c, "x", i, view_part(dy, axis, from, x[i]->shape.size[axis]));
}

static void stack_shape (const Call *c, Shape *y, DType *dtype) {
  int n;
  Tensor *const *x = listed(c, &n);
  need_alike(c, -1);
  int axis = new_axis(c, x[0]);
  *y = view_with(x[0], axis)->shape;
  y->size[axis] = n;
  *dtype = x[0]->dtype;
}

static void stack_forward (Call *c, Tensor *y) {
  int n;
  Tensor *const *x = arg_list(c, "x", &n);
  int axis = new_axis(c, x[0]);
  for (int i = 0; i < n; i++)
    copy_to(view_without(y, axis, i), x[i]);
}

static void stack_backward (Call *c, Tensor *y, Tensor *dy) {
  int n;
  Tensor *const *x = arg_list(c, "x", &n);
  int axis = new_axis(c, x[0]);
  (void) y;
  for (int i = 0; i < n; i++)
    if (wants_item(c, "x", i))
      give_item(c, "x", i, view_without(dy, axis, i));
}

/* ---- as, to, contiguous ------------------------------------------------- */

static Tensor *as_make (Call *c) {
  Tensor *x = arg(c, "x");
  DType dtype = arg_dtype(c, "dtype");
  if (x->dtype == dtype)
    return view_whole(x);
  Tensor *y = result_new(c, dtype, &x->shape);
  copy_to(y, x);
  return y;
}

/* Also of to and contiguous: the gradient as it is.  A cast never has one
 * that differs, since only float32 is tracked. */
static void pass_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", dy);
}

/* Between two devices through host memory. */
static Tensor *moved (Tensor *t, const Device *to) {
  const Device *from = t->storage->device;
  if (from == to)
    return view_whole(t);
  Tensor *x = dense(t), *y = tensor_new(to, t->dtype, &t->shape);
  size_t bytes = (size_t) tensor_count(t) * dtype_size(t->dtype);
  void *block = mem_block(bytes);
  from->download(block, tensor_data(x), bytes);
  to->upload(tensor_data(y), block, bytes);
  mem_block_free(block, bytes);
  return y;
}

static Tensor *to_make (Call *c) {
  return moved(arg(c, "x"), device_find(arg_text(c, "device")));
}

static void to_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  give(c, "x", moved(dy, arg(c, "x")->storage->device));
}

static Tensor *contiguous_make (Call *c) {
  return view_whole(dense(arg(c, "x")));
}

/* ---- records ------------------------------------------------------------ */

const Op move_ops[] = {
  { .name = "tile", .args = "x:tensor k:int", .linear = true,
    .doc = "k copies of the batch one behind the other: [N, ...] -> [k N, "
           "...].  Undo with reshape(k, -1).",
    .example = "tile(randn(2, 3), 3)",
    .cases = { "tile(randn(3), 1)", "tile(randn(2, 3):transpose(), 2)",
               "tile(randn(0, 3), 2)", "tile(randn(2, 3), 0)" },
    .bench = "tile(randn(128, 20), 50)",
    .shape = tile_shape, .forward = tile_forward,
    .backward = tile_backward },
  { .name = "cat", .args = "x:tensors axis:axis=-1", .linear = true,
    .doc = "The tensors of a list joined along an axis; their other sizes "
           "and dtypes agree.  Features join at the end (axis -1), batches "
           "along axis 1.",
    .example = "cat({ randn(2, 3), randn(2, 4) })",
    .cases = { "cat({ randn(2, 3), randn(1, 3), randn(0, 3) }, 1)",
               "cat({ randn(3) })",
               "cat({ randn(2, 3, 4), randn(2, 5, 4) }, 2)",
               "cat({ randn(3, 2):transpose(), randn(2, 1) })",
               "cat({ arange(1, 2), arange(5, 6) })" },
    .bench = "cat({ randn(128, 20), randn(128, 10) })",
    .shape = cat_shape, .forward = cat_forward, .backward = cat_backward },
  { .name = "stack", .args = "x:tensors axis:int=1", .linear = true,
    .doc = "The tensors of a list, all of one shape and dtype, along a new "
           "axis; axis is its place in the result.",
    .example = "stack({ randn(3), randn(3) })",
    .cases = { "stack({ randn(2, 3), randn(2, 3) }, 2)",
               "stack({ randn(2, 3), randn(2, 3) }, -1)",
               "stack({ randn(), randn() })" },
    .shape = stack_shape, .forward = stack_forward,
    .backward = stack_backward },
  { .name = "as", .args = "x:tensor dtype:dtype",
    .doc = "x as \"float32\", \"int32\", \"uint8\" or \"float64\" (on the "
           "host only).  From float to integer: towards zero.  Gradients "
           "flow through float32 alone.",
    .example = "as(arange(1, 5), \"float32\")",
    .cases = { "as(randn(3, 4), \"float32\")", "as(randn(3), \"int32\")",
               "as(randn(3, 2):transpose(), \"float64\")" },
    .make = as_make, .backward = pass_backward },
  { .name = "to", .args = "x:tensor device:text", .linear = true,
    .doc = "x on a device: \"cpu\", \"cuda\", \"cuda:1\".  A view if it lies "
           "there already.",
    .example = "to(randn(3, 4), \"cpu\")",
    .make = to_make, .backward = to_backward },
  { .name = "contiguous", .args = "x:tensor", .linear = true,
    .doc = "x with its elements in order in memory: a view, or a copy where "
           "they are not.  Changes no value.",
    .example = "contiguous(randn(3, 4):transpose())",
    .cases = { "contiguous(randn(3))" },
    .make = contiguous_make, .backward = pass_backward },
  { 0 }
};
