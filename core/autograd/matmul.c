/*
 * matmul.c - matrix products, linear layers, and the activation that layers
 * fuse (act.h).
 *
 * A batch of matrices times one matrix is one large product: its rows are
 * those of all matrices.
 */
#include "autograd/op.h"

#include "autograd/act.h"
#include "autograd/broadcast.h"
#include "backend/backend.h"
#include "backend/linalg.h"
#include "backend/turn.h"
#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

/* ---- act.h -------------------------------------------------------------- */

Activation act_of (const Call *c) {
  const char *text = arg_text(c, "act");
  if (strcmp(text, "none") == 0)
    return ACT_NONE;
  if (strcmp(text, "relu") == 0)
    return ACT_RELU;
  bad_arg(c, "act", "must be \"none\" or \"relu\", got \"%s\"", text);
}

Tensor *act_before (Call *c, Tensor *y, Tensor *dy, bool *biased) {
  Tensor *from = float_of(dy), *b = arg(c, "b"), *db = NULL;
  *biased = false;
  if (act_of(c) == ACT_NONE)
    return from;
  const Device *d = dy->storage->device;
  Tensor *to = spare(c, from) ? from : tensor_new(d, F32, &dy->shape);
  if (b != NULL && wants(c, "b"))
    db = tensor_new(d, F32, &b->shape);
  kern(dy)->act_back(view(to), db ? view(db) : (View) { 0 }, view(from),
                     view(dense(y)), act_of(c));
  if (db != NULL)
    give(c, "b", db);
  *biased = db != NULL;
  return to;
}

Tensor *act_input (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  if (t->dtype == F64)
    need_dtype(c, name, F32);
  return float_of(t);
}

/* ---- matmul ------------------------------------------------------------- */

/* One matrix or a batch of them, as the kernel takes it. */
typedef struct Side {
  Tensor *t;                    /* contiguous */
  bool turned;                  /* its matrices lie transposed */
  int64_t batch, rows, columns; /* of the matrices that are meant */
} Side;

/* The last two axes swapped. */
static Tensor *turned (Tensor *t) {
  Shape s = t->shape;
  int64_t stride[MAX_RANK];
  int a = s.rank - 2, b = s.rank - 1;
  memcpy(stride, t->stride, sizeof stride);
  s.size[a] = t->shape.size[b];
  s.size[b] = t->shape.size[a];
  stride[a] = t->stride[b];
  stride[b] = t->stride[a];
  return tensor_view(t, &s, stride, t->offset);
}

/* A transposed view is taken as it lies. */
static Side side (Tensor *t, DType dtype) {
  int r = t->shape.rank;
  Side s = { .t = t, .batch = 1, .rows = t->shape.size[r - 2],
             .columns = t->shape.size[r - 1] };
  for (int i = 0; i < r - 2; i++)
    s.batch *= t->shape.size[i];
  if (t->dtype == dtype && !tensor_contiguous(t)) {
    Tensor *other = turned(t);
    s.turned = tensor_contiguous(other);
    s.t = s.turned ? other : t;
  }
  if (s.t->dtype != dtype) {
    s.t = tensor_new(t->storage->device, dtype, &t->shape);
    kern(t)->copy(view(s.t), view(t));
  }
  s.t = dense(s.t);
  return s;
}

static Side transposed (Side s) {
  return (Side) { s.t, !s.turned, s.batch, s.columns, s.rows };
}

/* As one matrix: the rows of all.  Only if they lie so. */
static Side stacked (Side s) {
  return (Side) { s.t, false, 1, s.batch * s.rows, s.columns };
}

static View batch_view (const Side *s) {
  int64_t r = s->turned ? s->columns : s->rows;
  int64_t c = s->turned ? s->rows : s->columns;
  View v = { .data = tensor_data(s->t), .dtype = s->t->dtype, .rank = 3,
             .size = { s->batch, r, c }, .stride = { r * c, c, 1 } };
  return v;
}

/* The elements of a float64 tensor on the host: its own, where it lies there
 * and its turn (backend/turn.h) has been left, else a copy. */
static double *host_numbers (const Tensor *t, bool filled) {
  const Device *d = t->storage->device;
  size_t bytes = (size_t) tensor_count(t) * sizeof(double);
  if (d == device_find("cpu"))
    return tensor_data(t);
  own_reserve();
  double *host = mem_new(bytes + 1);
  own(host, mem_free);
  if (filled)
    d->download(host, tensor_data(t), bytes);
  return host;
}

/* Float64 is for the host: each matrix in turn. */
static void product64 (const Side *y, const Side *a, const Side *b) {
  turn_leave();
  double *to = host_numbers(y->t, false);
  const double *p = host_numbers(a->t, true), *q = host_numbers(b->t, true);
  int64_t of_a = a->batch == 1 ? 0 : a->rows * a->columns;
  int64_t of_b = b->batch == 1 ? 0 : b->rows * b->columns;
  int64_t of_y = y->rows * y->columns;
  for (int64_t i = 0; i < y->batch; i++)
    linalg_product(y->rows, y->columns, a->columns, p + i * of_a, a->turned,
                   q + i * of_b, b->turned, to + i * of_y);
  if (to != tensor_data(y->t))
    y->t->storage->device->upload(tensor_data(y->t), to, (size_t)
                                  (y->batch * of_y) * sizeof *to);
}

/* Matrices in the product: one serves any number. */
static int64_t batch_of (Side a, Side b) {
  return a.batch == 1 ? b.batch : a.batch;
}

/* y = a b; y: contiguous, of batch_of(a, b) matrices */
static void multiply (Tensor *y, Side a, Side b) {
  if (b.batch == 1 && !a.turned)
    a = stacked(a);
  Side to = { y, false, batch_of(a, b), a.rows, b.columns };
  if (y->dtype == F64)
    product64(&to, &a, &b);
  else
    kern(y)->matmul(batch_view(&to), batch_view(&a), a.turned,
                    batch_view(&b), b.turned);
}

/* A vector on the right is a matrix of one column. */
static Tensor *right (const Call *c) {
  Tensor *y = arg(c, "y");
  if (y->shape.rank > 1)
    return y;
  Shape s = { 2, { y->shape.size[0], 1 } };
  return tensor_view(y, &s, (int64_t[]) { y->stride[0], 1 }, y->offset);
}

static bool batches_meet (const Shape *a, const Shape *b) {
  if (a->rank == 2 || b->rank == 2)
    return true;
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank - 2; i++)
    if (a->size[i] != b->size[i])
      return false;
  return true;
}

static void matmul_shape (const Call *c, Shape *y, DType *dtype) {
  need_axes(c, "x", 2);
  need_axes(c, "y", 1);
  const Shape *a = &arg(c, "x")->shape, *b = &arg(c, "y")->shape;
  bool vector = b->rank == 1;
  int64_t inner = a->size[a->rank - 1];
  int64_t other = b->size[vector ? 0 : b->rank - 2];
  if (inner != other)
    bad_arg(c, "y", "must have %" PRId64 " rows, as many as x %s has columns, "
            "got %s", inner, shape_text(a), shape_text(b));
  if (!vector && !batches_meet(a, b))
    bad_arg(c, "y", "must be one matrix or a batch with the leading axes of "
            "x %s, got %s", shape_text(a), shape_text(b));
  *y = !vector && b->rank > a->rank ? *b : *a;
  y->size[y->rank - 2] = a->size[a->rank - 2];
  if (vector)
    y->rank--;
  else
    y->size[y->rank - 1] = b->size[b->rank - 1];
  *dtype = arg(c, "x")->dtype == F64 || arg(c, "y")->dtype == F64 ? F64 : F32;
}

static void matmul_forward (Call *c, Tensor *y) {
  multiply(y, side(arg(c, "x"), y->dtype), side(right(c), y->dtype));
}

/* The gradient of a side, summed over the batch that it does not have. */
static Tensor *side_gradient (Tensor *t, Side p, Side q) {
  Shape own = t->shape, s = t->shape;
  int64_t batch = batch_of(p, q);
  if (own.rank == 2 && batch != 1) {
    s.rank = 3;
    s.size[0] = batch;
    s.size[1] = own.size[0];
    s.size[2] = own.size[1];
  }
  Tensor *d = tensor_new(t->storage->device, F32, &s);
  multiply(d, p, q);
  return s.rank == own.rank ? d : sum_to(d, &own);
}

/* dx = dy b', db = x' dy; all matrices of x as one where b is one. */
static void matmul_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *xt = arg(c, "x"), *bt = right(c);
  bool vector = arg(c, "y")->shape.rank == 1;
  Side x = side(xt, F32), b = side(bt, F32), d;
  Shape s = dy->shape;
  (void) y;
  if (vector)                     /* one column */
    s.size[s.rank++] = 1;
  d = side(tensor_reshaped(dense(dy), &s), F32);
  if (wants(c, "x"))
    give(c, "x", side_gradient(xt, d, transposed(b)));
  if (!wants(c, "y"))
    return;
  if (bt->shape.rank == 2 && !x.turned) {
    x = stacked(x);
    d = stacked(d);
  }
  Tensor *db = side_gradient(bt, transposed(x), d);
  give(c, "y", vector ? tensor_reshaped(db, &arg(c, "y")->shape) : db);
}

/* ---- linear ------------------------------------------------------------- */

static void linear_shape (const Call *c, Shape *y, DType *dtype) {
  Tensor *b = arg(c, "b");
  const Shape *x = &arg(c, "x")->shape, *w = &arg(c, "w")->shape;
  need_axes(c, "x", 2);
  need_rank(c, "w", 2);
  int64_t inner = 1;
  for (int i = 1; i < x->rank; i++)
    inner *= x->size[i];
  if (w->size[1] != inner)
    bad_arg(c, "w", "must be [outputs, %" PRId64 "] for rows of x %s, got %s",
            inner, shape_text(x), shape_text(w));
  if (b != NULL)
    need_shape(c, "b", &(Shape) { 1, { w->size[0] } });
  act_of(c);
  *y = (Shape) { 2, { x->size[0], w->size[0] } };
  *dtype = F32;
}

/* x with its rows flattened. */
static Tensor *flat_rows (Call *c) {
  Tensor *x = act_input(c, "x");
  Shape s = { 2, { x->shape.size[0], arg(c, "w")->shape.size[1] } };
  return tensor_reshaped(x, &s);
}

static void linear_forward (Call *c, Tensor *y) {
  View bias = { 0 };
  if (arg(c, "b") != NULL)
    bias = view(act_input(c, "b"));
  kern(y)->linear(view(y), view(flat_rows(c)), view(act_input(c, "w")), bias,
                  act_of(c));
}

static void linear_backward (Call *c, Tensor *y, Tensor *dy) {
  bool biased;
  Tensor *d = act_before(c, y, dy, &biased);
  Tensor *x = arg(c, "x"), *w = arg(c, "w");
  if (wants(c, "x")) {
    Shape rows = { 2, { x->shape.size[0], w->shape.size[1] } };
    Tensor *dx = tensor_new(d->storage->device, F32, &rows);
    multiply(dx, side(d, F32), side(w, F32));
    give(c, "x", tensor_reshaped(dx, &x->shape));
  }
  if (wants(c, "w")) {
    Tensor *dw = tensor_new(d->storage->device, F32, &w->shape);
    multiply(dw, transposed(side(d, F32)), side(flat_rows(c), F32));
    give(c, "w", dw);
  }
  if (!biased && arg(c, "b") != NULL && wants(c, "b")) {
    Tensor *db = tensor_new(d->storage->device, F32, &arg(c, "b")->shape);
    kern(d)->bias_back(view(db), view(d));
    give(c, "b", db);
  }
}

const Op matmul_ops[] = {
  { .name = "matmul", .args = "x:tensor y:tensor",
    .doc = "Matrix product x y.  x: [..., M, K]; y: [..., K, N], or one "
           "vector [K], for which the result is [..., M].  The leading axes "
           "are equal, or one side has none.  Float64 if either is (no "
           "gradient).",
    .example = "matmul(randn(3, 4), randn(4, 5))",
    .cases = { "matmul(randn(2, 3, 4), randn(2, 4, 5))",
               "matmul(randn(2, 3, 4), randn(4, 5))",
               "matmul(randn(3, 4), randn(2, 4, 5))",
               "matmul(randn(6, 4), randn(4))",
               "matmul(randn(4, 3):transpose(), randn(4, 2))",
               "matmul(randn(2, 1, 33, 17), randn(2, 1, 17, 1))",
               "matmul(randn(3, 0), randn(0, 2))" },
    .bench = "matmul(randn(512, 512), randn(512, 512))",
    .shape = matmul_shape, .forward = matmul_forward,
    .backward = matmul_backward, .linear = true },
  { .name = "linear",
    .args = "x:tensor w:tensor b:tensor? | act:text=none",
    .doc = "x w' + b for each row of x, flattened.  x: [N, ...] with K "
           "numbers a row; w: [M, K]; b: [M].  Result: [N, M].  act: "
           "\"none\" or \"relu\", applied to the result.",
    .example = "linear(randn(3, 4), randn(5, 4), randn(5))",
    .cases = { "linear(randn(2, 3, 2), randn(1, 6))",
               "linear(randn(1, 1), randn(1, 1), randn(1))",
               "linear(randn(0, 3), randn(2, 3), randn(2))",
               "linear(randn(33, 65), randn(17, 65), randn(17))" },
    .bench = "linear(randn(128, 3136), randn(40, 3136), randn(40))",
    .shape = linear_shape, .forward = linear_forward,
    .backward = linear_backward, .linear = true },
  { 0 }
};
