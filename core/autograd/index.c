/*
 * index.c - ops that pick elements by int32 indices, which count from 1.
 *
 * Kernels trust their indices, so they are checked here, on the host, before
 * anything is made; a message names the value, where it stands and the range.
 * Labels, orders and whatever was taken from them need not be read for it:
 * their storages know their bounds.
 */
#include "autograd/op.h"

#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

/* ---- checking ----------------------------------------------------------- */

/* Host memory, owned by the scope. */
static void *host_room (size_t bytes) {
  own_reserve();
  void *host = mem_new(bytes + 1);
  own(host, mem_free);
  return host;
}

/* A contiguous tensor's elements in host memory, owned by the scope. */
static void *host_of (Tensor *t) {
  size_t bytes = (size_t) tensor_count(t) * dtype_size(t->dtype);
  void *host = host_room(bytes);
  t->storage->device->download(host, tensor_data(t), bytes);
  return host;
}

/* Where element i of an index stands: "row 3", or "[2, 5]". */
static const char *place (const Tensor *index, int64_t i) {
  Shape at = { .rank = index->shape.rank };
  for (int a = at.rank - 1; a >= 0; a--) {
    at.size[a] = i % index->shape.size[a] + 1;
    i /= index->shape.size[a];
  }
  return shape_text(&at);
}

/* Argument name as contiguous int32 in 1 .. n; what: "rows", "classes".
 * Where from_end is set, -1 .. -n count from the end and are replaced. */
static Tensor *indices (const Call *c, const char *name, int64_t n,
                        const char *what, bool from_end) {
  need_dtype(c, name, I32);
  Tensor *index = dense(arg(c, name));
  int64_t count = tensor_count(index);
  if (tensor_bounded(arg(c, name), 1, n))
    return index;
  int32_t *at = host_of(index);
  bool replaced = false;
  for (int64_t i = 0; i < count; i++) {
    if (from_end && at[i] < 0 && at[i] >= -n) {
      at[i] += (int32_t) n + 1;
      replaced = true;
    } else if (at[i] < 1 || at[i] > n)
      bad_arg(c, name, "holds %" PRId32 " at %s, but there are %" PRId64
              " %s, which count from 1%s", at[i], place(index, i), n, what,
              at[i] == 0 && strcmp(what, "classes") == 0
              ? ": y + 1, where a file counts from 0" : "");
  }
  if (!replaced)
    return index;
  Tensor *fixed = tensor_new(index->storage->device, I32, &index->shape);
  fixed->storage->device->upload(tensor_data(fixed), at,
                                 (size_t) count * sizeof *at);
  return fixed;
}

/* ---- rows: pick, embedding, take_scaled --------------------------------- */

/* The indices where a mask [N] of zeros and ones is 1. */
static Tensor *marked (const Call *c, Tensor *mask) {
  Tensor *x = arg(c, "x");
  int64_t n = tensor_count(mask), found = 0;
  if (mask->shape.rank != 1 || n != x->shape.size[0])
    bad_arg(c, "which", "must be int32 indices or a mask with one number for "
            "each of the %" PRId64 " rows, got %s %s (convert indices with "
            ":as(\"int32\"))", x->shape.size[0], dtype_name(mask->dtype),
            shape_text(&mask->shape));
  const float *m = host_of(float_of(mask));
  int32_t *at = host_room((size_t) n * sizeof *at);
  for (int64_t i = 0; i < n; i++) {
    if (m[i] != 0 && m[i] != 1)
      bad_arg(c, "which", "as a mask holds 0 and 1, got %g at row %" PRId64
              " (convert indices with :as(\"int32\"))", (double) m[i], i + 1);
    if (m[i] == 1)
      at[found++] = (int32_t) (i + 1);
  }
  Shape s = { .rank = 1, .size = { found } };
  Tensor *index = tensor_new(mask->storage->device, I32, &s);
  index->storage->device->upload(tensor_data(index), at,
                                 (size_t) found * sizeof *at);
  return index;
}

/* [shape of index, shape of a row of x] */
static Tensor *taken (const Call *c, Tensor *x, Tensor *index) {
  Shape s = index->shape;
  int rest = x->shape.rank - 1;
  if (s.rank + rest > MAX_RANK)
    raise_user("%s: a result of %d axes is too many (%d can be)",
               c->spec->name, s.rank + rest, MAX_RANK);
  memcpy(s.size + s.rank, x->shape.size + 1, sizeof *s.size * (size_t) rest);
  s.rank += rest;
  Tensor *y = result_new(c, x->dtype, &s);
  kern(x)->take_rows(view_rows(y, tensor_count(index)),
                     view_rows(dense(x), x->shape.size[0]), view(index));
  tensor_bound_like(y, x);
  return y;
}

static Tensor *pick_make (Call *c) {
  Tensor *x = arg(c, "x"), *which = arg(c, "which");
  need_axes(c, "x", 1);
  Tensor *index = which->dtype == I32
                  ? indices(c, "which", x->shape.size[0], "rows", true)
                  : marked(c, which);
  save(c, 0, index);
  return taken(c, x, index);
}

static void add_rows (Tensor *dx, Tensor *dy, Tensor *index) {
  kern(dy)->take_rows_add(view_rows(dx, dx->shape.size[0]),
                          view_rows(dy, tensor_count(index)), view(index));
}

static void pick_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_rows(grad(c, "x"), dense(dy), c->saved[0]);
}

static Tensor *embedding_make (Call *c) {
  Tensor *w = arg(c, "w");
  need_axes(c, "w", 1);
  save(c, 0, indices(c, "index", w->shape.size[0], "codes", false));
  return taken(c, w, c->saved[0]);
}

static void embedding_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  add_rows(grad(c, "w"), dense(dy), c->saved[0]);
}

static void scaled_shape (const Call *c, Shape *y, DType *dtype) {
  Tensor *x = arg(c, "x");
  need_axes(c, "x", 1);
  need_rank(c, "index", 1);
  if (x->dtype != U8 && x->dtype != F32)
    bad_arg(c, "x", "must be uint8 or float32, got %s", dtype_name(x->dtype));
  indices(c, "index", x->shape.size[0], "rows", false);
  *y = x->shape;
  y->size[0] = arg(c, "index")->shape.size[0];
  *dtype = F32;
}

static void scaled_forward (Call *c, Tensor *y) {
  Tensor *x = dense(arg(c, "x"));
  kern(x)->take_scaled(view_rows(y, y->shape.size[0]),
                       view_rows(x, x->shape.size[0]),
                       view(dense(arg(c, "index"))), scalar(c, "scale"));
}

/* ---- elements of rows: choose, take_along, one_hot ---------------------- */

/* y has the shape of x without its last axis. */
static void choose_shape (const Call *c, Shape *y, DType *dtype) {
  Tensor *x = arg(c, "x");
  need_axes(c, "x", 1);
  Shape s = x->shape;
  s.rank--;
  need_float(c, "x");
  need_dtype(c, "y", I32);
  need_shape(c, "y", &s);
  *y = s;
  *dtype = F32;
}

static void choose_forward (Call *c, Tensor *y) {
  Tensor *x = float_of(arg(c, "x"));
  int64_t rows = tensor_count(y), n = x->shape.size[x->shape.rank - 1];
  save(c, 0, indices(c, "y", n, "classes", false));
  kern(y)->choose(view(y), view_rows(x, rows), view(c->saved[0]));
}

static void choose_backward (Call *c, Tensor *y, Tensor *dy) {
  kern(y)->choose_add(view_rows(grad(c, "x"), tensor_count(y)),
                      view(dense(dy)), view(c->saved[0]));
}

/* t with its given axis last; the same swap undoes it. */
static Tensor *to_last (Tensor *t, int axis) {
  int last = t->shape.rank - 1;
  Shape s = t->shape;
  int64_t stride[MAX_RANK];
  memcpy(stride, t->stride, sizeof stride);
  s.size[axis] = t->shape.size[last];
  s.size[last] = t->shape.size[axis];
  stride[axis] = t->stride[last];
  stride[last] = t->stride[axis];
  return tensor_view(t, &s, stride, t->offset);
}

static int64_t rows_of (const Tensor *t) {
  int64_t n = 1;
  for (int i = 0; i < t->shape.rank - 1; i++)
    n *= t->shape.size[i];
  return n;
}

static View as_rows (Tensor *t) {
  return view_rows(t, rows_of(t));
}

static void along_shape (const Call *c, Shape *y, DType *dtype) {
  Tensor *x = arg(c, "x"), *index = arg(c, "index");
  int axis = (int) arg_int(c, "axis");
  need_float(c, "x");
  need_dtype(c, "index", I32);
  Shape s = x->shape;
  if (index->shape.rank == s.rank)
    s.size[axis] = index->shape.size[axis];
  need_shape(c, "index", &s);
  *y = s;
  *dtype = F32;
}

static void along_forward (Call *c, Tensor *y) {
  int axis = (int) arg_int(c, "axis");
  Tensor *x = arg(c, "x");
  Tensor *index = indices(c, "index", x->shape.size[axis], "places on that "
                          "axis", false);
  Tensor *from = dense(to_last(float_of(x), axis));
  Tensor *at = dense(to_last(index, axis));
  save(c, 0, at);
  Tensor *out = tensor_new(y->storage->device, F32, &at->shape);
  kern(y)->along(as_rows(out), as_rows(from), as_rows(at));
  kern(y)->copy(view(y), view(to_last(out, axis)));
}

static void along_backward (Call *c, Tensor *y, Tensor *dy) {
  int axis = (int) arg_int(c, "axis");
  Tensor *dx = grad(c, "x"), *at = c->saved[0];
  Tensor *part = dense(to_last(dx, axis));    /* a copy, or dx itself */
  bool copied = part->storage != dx->storage;
  kern(y)->along_add(as_rows(part), as_rows(dense(to_last(dy, axis))),
                     as_rows(at));
  if (copied)
    kern(y)->copy(view(dx), view(to_last(part, axis)));
}

static void one_hot_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t k = arg_int(c, "k");
  *y = arg(c, "y")->shape;
  if (k < 1 || k > INT32_MAX)
    bad_arg(c, "k", "must be a number of classes, got %" PRId64, k);
  if (y->rank == MAX_RANK)
    bad_arg(c, "y", "has %d axes already, the most there can be", MAX_RANK);
  indices(c, "y", k, "classes", false);
  y->size[y->rank++] = k;
  *dtype = F32;
}

static void one_hot_forward (Call *c, Tensor *y) {
  Tensor *index = dense(arg(c, "y"));
  kern(y)->one_hot(view_rows(y, tensor_count(index)), view(index));
}

/* ---- records ------------------------------------------------------------ */

const Op index_ops[] = {
  { .name = "pick", .args = "x:tensor which:tensor",
    .doc = "Rows of x.  which: int32 indices from 1, negative ones from the "
           "end, rows may repeat, result [shape of which, shape of a row]; "
           "or a mask of 0 and 1, one a row (this waits for the device).",
    .example = "pick(randn(6, 3), as(t{ 2, 2, 5 }, \"int32\"))",
    .cases = { "pick(randn(4, 2, 3), t{ 1, 0, 0, 1 })",
               "pick(randn(5), labels(7, 5))",
               "pick(randn(3, 2), as(t{ -1, 1 }, \"int32\"))",
               "pick(randn(3, 2), t{ 0, 0, 0 })",
               "pick(arange(1, 5), labels(2, 5))" },
    .bench = "pick(randn(60000, 20), labels(128, 60000))",
    .make = pick_make, .backward = pick_backward },
  { .name = "embedding", .args = "w:tensor index:tensor",
    .doc = "Rows of a table w [K, ...] by int32 codes 1..K of any shape: "
           "[shape of index, shape of a row].  An error names a code out of "
           "range.",
    .example = "embedding(randn(10, 4), labels(5, 10))",
    .cases = { "embedding(randn(3, 2, 2), reshape(labels(4, 3), 2, 2))",
               "embedding(randn(1, 1), labels(3, 1))" },
    .bench = "embedding(randn(512, 64), labels(6272, 512))",
    .make = embedding_make, .backward = embedding_backward },
  { .name = "take_scaled", .args = "x:tensor index:tensor scale:value=1",
    .doc = "A batch: rows of x [N, ...] (uint8 or float32) by int32 indices "
           "[M] from 1, times scale, as float32 [M, ...].",
    .example = "take_scaled(as(rand_in(0, 255, 6, 4), \"uint8\"), "
               "labels(3, 6), 1 / 255)",
    .cases = { "take_scaled(randn(5, 2, 2), labels(7, 5), 0.5)",
               "take_scaled(randn(1, 1), labels(1, 1))" },
    .bench = "take_scaled(as(rand_in(0, 255, 6000, 784), \"uint8\"), "
             "labels(128, 6000), 1 / 255)",
    .shape = scaled_shape, .forward = scaled_forward,
    .no_gradient = "it reads data (use pick, which has one)" },
  { .name = "choose", .args = "x:tensor y:tensor",
    .doc = "Element y[i] of each row i: x [N, K], y int32 [N] in 1..K, result "
           "[N]; with more axes the last one is chosen from.  (torch: "
           "gather.)",
    .example = "choose(randn(5, 3), labels(5, 3))",
    .cases = { "choose(randn(2, 3, 4), reshape(labels(6, 4), 2, 3))",
               "choose(randn(1, 1), labels(1, 1))" },
    .bench = "choose(randn(128, 10), labels(128, 10))", .linear = true,
    .shape = choose_shape, .forward = choose_forward,
    .backward = choose_backward },
  { .name = "take_along", .args = "x:tensor index:tensor axis:axis=-1",
    .doc = "Elements of x along an axis, at the int32 places of index, which "
           "has the sizes of x but for that axis, and so has the result: "
           "what argsort returns sorts x.",
    .example = "take_along(randn(2, 5), reshape(labels(6, 5), 2, 3))",
    .cases = { "take_along(randn(4, 3), reshape(labels(6, 4), 2, 3), 1)",
               "take_along(randn(2, 3, 2), reshape(labels(8, 3), 2, 2, 2), 2)",
               "take_along(randn(4), labels(9, 4))" },
    .linear = true,
    .shape = along_shape, .forward = along_forward,
    .backward = along_backward },
  { .name = "one_hot", .args = "y:tensor k:int", .constant = true,
    .doc = "Classes 1..k (int32) as rows of zeros with a 1: the shape of y "
           "and an axis of size k.",
    .example = "one_hot(labels(5, 3), 3)",
    .cases = { "one_hot(reshape(labels(4, 2), 2, 2), 2)",
               "one_hot(labels(1, 1), 1)" },
    .shape = one_hot_shape, .forward = one_hot_forward },
  { 0 }
};
