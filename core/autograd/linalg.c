/*
 * linalg.c - matrix functions, computed in float64 on the host whatever the
 * device (backend/linalg.h).  float32 or float64 in, the same out; gradients
 * exist for float32.
 *
 * In the gradients G is that of the result y, X' a transpose.  Sources: Giles,
 * "An extended collection of matrix derivative results for forward and
 * reverse mode algorithmic differentiation" (2008); Murray, "Differentiation
 * of the Cholesky decomposition" (2016).
 */
#include "autograd/op.h"

#include "backend/linalg.h"
#include "base/error.h"
#include "base/mem.h"

#include <string.h>

/* ---- to the host and back ----------------------------------------------- */

static void *room (int64_t bytes) {
  own_reserve();
  void *p = mem_new((size_t) bytes + 1);
  own(p, mem_free);
  return p;
}

static double *numbers (int64_t count) {
  return room(count * (int64_t) sizeof(double));
}

/* A float tensor's elements in float64, owned by the scope. */
static double *fetch (Tensor *t) {
  int64_t count = tensor_count(t);
  const Device *device = t->storage->device;
  double *x = numbers(count);
  if (t->dtype == F64) {
    device->download(x, tensor_data(dense(t)), (size_t) count * sizeof *x);
    return x;
  }
  float *single = room(count * (int64_t) sizeof *single);
  device->download(single, tensor_data(float_of(t)),
                   (size_t) count * sizeof *single);
  for (int64_t i = 0; i < count; i++)
    x[i] = (double) single[i];
  return x;
}

static void put (Tensor *t, const double *x) {
  int64_t count = tensor_count(t);
  const Device *device = t->storage->device;
  if (t->dtype == F64) {
    device->upload(tensor_data(t), x, (size_t) count * sizeof *x);
    return;
  }
  float *single = room(count * (int64_t) sizeof *single);
  for (int64_t i = 0; i < count; i++)
    single[i] = (float) x[i];
  device->upload(tensor_data(t), single, (size_t) count * sizeof *single);
}

/* The gradient of an argument, from float64. */
static void give_numbers (Call *c, const char *name, const double *x) {
  Tensor *d = tensor_new(arg(c, name)->storage->device, F32,
                         &arg(c, name)->shape);
  put(d, x);
  give(c, name, d);
}

/* An argument's elements, which must be finite. */
static double *fetch_finite (const Call *c, const char *name) {
  double *x = fetch(arg(c, name));
  if (!linalg_finite(tensor_count(arg(c, name)), x))
    bad_arg(c, name, "holds NaN or infinity");
  return x;
}

static double *copy_of (const double *x, int64_t count) {
  double *y = numbers(count);
  memcpy(y, x, (size_t) count * sizeof *y);
  return y;
}

/* ---- shapes ------------------------------------------------------------- */

/* The result has the dtype of the first argument: float32 or float64. */
static DType float_dtype (const Call *c, const char *name) {
  DType d = arg(c, name)->dtype;
  return d == F64 ? F64 : F32;
}

static int64_t side (const Call *c) {
  return arg(c, "x")->shape.size[0];
}

static void need_square (const Call *c) {
  need_rank(c, "x", 2);
  const Shape *s = &arg(c, "x")->shape;
  if (s->size[0] != s->size[1])
    bad_arg(c, "x", "must be a square matrix, got %s", shape_text(s));
}

static void square_shape (const Call *c, Shape *y, DType *dtype) {
  need_square(c);
  *y = arg(c, "x")->shape;
  *dtype = float_dtype(c, "x");
}

static void vector_shape (const Call *c, Shape *y, DType *dtype) {
  need_square(c);
  *y = (Shape) { 1, { side(c) } };
  *dtype = float_dtype(c, "x");
}

static void number_shape (const Call *c, Shape *y, DType *dtype) {
  need_square(c);
  y->rank = 0;
  *dtype = float_dtype(c, "x");
}

/* Argument x as (x + x') / 2: symmetric functions see only that part, and
 * their gradients are symmetric. */
static double *symmetric (const Call *c) {
  int64_t n = side(c);
  double *a = fetch_finite(c, "x");
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++)
      a[i * n + j] = a[j * n + i] = (a[i * n + j] + a[j * n + i]) / 2;
  return a;
}

static void product (int64_t n, const double *a, bool ta, const double *b,
                     bool tb, double *y) {
  linalg_product(n, n, n, a, ta, b, tb, y);
}

/* ---- eigenvalues and singular values ------------------------------------ */

static void eigvalsh_forward (Call *c, Tensor *y) {
  double *w = numbers(side(c));
  linalg_eigh(side(c), symmetric(c), w, false);
  put(y, w);
}

/* V diag(G) V' */
static void eigvalsh_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t n = side(c);
  double *v = symmetric(c), *w = numbers(n), *g = fetch(dy);
  double *scaled = numbers(n * n), *out = numbers(n * n);
  (void) y;
  linalg_eigh(n, v, w, true);
  for (int64_t i = 0; i < n * n; i++)
    scaled[i] = v[i] * g[i % n];
  product(n, scaled, false, v, true, out);
  give_numbers(c, "x", out);
}

/* A vector's sign is arbitrary: its largest element is made positive. */
static void eigvecs_forward (Call *c, Tensor *y) {
  int64_t n = side(c);
  double *v = symmetric(c), *w = numbers(n);
  linalg_eigh(n, v, w, true);
  for (int64_t j = 0; j < n; j++) {
    double most = 0;
    for (int64_t i = 0; i < n; i++)
      if (v[i * n + j] * v[i * n + j] > most * most)
        most = v[i * n + j];
    for (int64_t i = 0; i < n && most < 0; i++)
      v[i * n + j] = -v[i * n + j];
  }
  put(y, v);
}

static void svdvals_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  const Shape *s = &arg(c, "x")->shape;
  *y = (Shape) { 1, { s->size[0] < s->size[1] ? s->size[0] : s->size[1] } };
  *dtype = float_dtype(c, "x");
}

static void svdvals_forward (Call *c, Tensor *y) {
  const Shape *s = &arg(c, "x")->shape;
  double *values = numbers(tensor_count(y));
  linalg_svd(s->size[0], s->size[1], fetch_finite(c, "x"), NULL, values,
             NULL);
  put(y, values);
}

/* U diag(G) V' */
static void svdvals_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t m = arg(c, "x")->shape.size[0], n = arg(c, "x")->shape.size[1];
  int64_t k = tensor_count(y);
  double *u = numbers(m * k), *s = numbers(k), *vt = numbers(k * n);
  double *g = fetch(dy), *out = numbers(m * n);
  linalg_svd(m, n, fetch_finite(c, "x"), u, s, vt);
  for (int64_t i = 0; i < m * k; i++)
    u[i] *= g[i % k];
  linalg_product(m, n, k, u, false, vt, false, out);
  give_numbers(c, "x", out);
}

/* ---- Cholesky ----------------------------------------------------------- */

static void cholesky_forward (Call *c, Tensor *y) {
  double *a = symmetric(c);
  if (!linalg_cholesky(side(c), a))
    bad_arg(c, "x", "%s is not positive definite",
            shape_text(&arg(c, "x")->shape));
  put(y, a);
}

/* With P = the lower half of L' G, its diagonal halved: the symmetric part of
 * L^-T P L^-1. */
static void cholesky_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t n = side(c);
  double *l = symmetric(c), *p = numbers(n * n), *out = numbers(n * n);
  (void) y;
  linalg_cholesky(n, l);
  product(n, l, true, fetch(dy), false, p);
  for (int64_t i = 0; i < n; i++) {
    p[i * n + i] /= 2;
    for (int64_t j = i + 1; j < n; j++)
      p[i * n + j] = 0;
  }
  linalg_solve(n, n, copy_of(l, n * n), true, p);       /* L^-T P */
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      out[j * n + i] = p[i * n + j];
  linalg_solve(n, n, l, true, out);                     /* (L^-T P L^-1)' */
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j <= i; j++)
      out[i * n + j] = out[j * n + i] = (out[i * n + j] + out[j * n + i]) / 2;
  give_numbers(c, "x", out);
}

/* ---- solve, inverse, logdet --------------------------------------------- */

static void solve_or_raise (const Call *c, int64_t n, int64_t k, double *a,
                            bool transposed, double *b) {
  if (!linalg_solve(n, k, a, transposed, b))
    bad_arg(c, "x", "%s is singular", shape_text(&arg(c, "x")->shape));
}

/* b: [n] or [n, k]. */
static void solve_shape (const Call *c, Shape *y, DType *dtype) {
  need_square(c);
  *y = arg(c, "b")->shape;
  if (y->rank < 1 || y->rank > 2 || y->size[0] != side(c))
    bad_arg(c, "b", "must be [%lld] or [%lld, k], got %s",
            (long long) side(c), (long long) side(c), shape_text(y));
  *dtype = float_dtype(c, "x");
}

static int64_t width (const Tensor *b) {
  return b->shape.rank == 2 ? b->shape.size[1] : 1;
}

static void solve_forward (Call *c, Tensor *y) {
  double *b = fetch_finite(c, "b");
  solve_or_raise(c, side(c), width(y), fetch_finite(c, "x"), false, b);
  put(y, b);
}

/* db = X^-T G, dx = -db y' */
static void solve_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t n = side(c), k = width(y);
  double *db = fetch(dy), *dx = numbers(n * n);
  solve_or_raise(c, n, k, fetch_finite(c, "x"), true, db);
  if (wants(c, "x")) {
    linalg_product(n, n, k, db, false, fetch(y), true, dx);
    for (int64_t i = 0; i < n * n; i++)
      dx[i] = -dx[i];
    give_numbers(c, "x", dx);
  }
  if (wants(c, "b"))
    give_numbers(c, "b", db);
}

static double *inverse_of (const Call *c) {
  int64_t n = side(c);
  double *y = numbers(n * n);
  for (int64_t i = 0; i < n; i++)
    y[i * n + i] = 1;
  solve_or_raise(c, n, n, fetch_finite(c, "x"), false, y);
  return y;
}

static void inverse_forward (Call *c, Tensor *y) {
  put(y, inverse_of(c));
}

/* -y' G y' */
static void inverse_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t n = side(c);
  double *inverse = fetch(y), *t = numbers(n * n), *out = numbers(n * n);
  product(n, inverse, true, fetch(dy), false, t);
  product(n, t, false, inverse, true, out);
  for (int64_t i = 0; i < n * n; i++)
    out[i] = -out[i];
  give_numbers(c, "x", out);
}

static void logdet_forward (Call *c, Tensor *y) {
  double sign, value = linalg_logdet(side(c), fetch_finite(c, "x"), &sign);
  put(y, &value);
}

/* G X^-T */
static void logdet_backward (Call *c, Tensor *y, Tensor *dy) {
  int64_t n = side(c);
  double *inverse = inverse_of(c), *out = numbers(n * n), *g = fetch(dy);
  (void) y;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      out[i * n + j] = g[0] * inverse[j * n + i];
  give_numbers(c, "x", out);
}

static Tensor *trace_make (Call *c) {
  need_square(c);
  return op("sum", op("diag", arg(c, "x")), NULL, false);
}

/* ---- records ------------------------------------------------------------ */

const Op linalg_ops[] = {
  { .name = "eigvalsh", .args = "x:tensor",
    .doc = "Eigenvalues of a symmetric matrix [n, n], ascending: [n].  Of "
           "another matrix, those of (x + x') / 2.",
    .example = "eigvalsh(spd(4))",
    .cases = { "eigvalsh(randn(5, 5))", "eigvalsh(randn(1, 1))",
               "eigvalsh(randn(0, 0))" },
    .shape = vector_shape, .forward = eigvalsh_forward,
    .backward = eigvalsh_backward },
  { .name = "eigvecs", .args = "x:tensor",
    .doc = "Eigenvectors of a symmetric matrix [n, n] as columns, in the order "
           "of eigvalsh; the largest element of each is positive.",
    .example = "eigvecs(spd(4))", .cases = { "eigvecs(randn(1, 1))" },
    .shape = square_shape, .forward = eigvecs_forward,
    .no_gradient = "it is not defined where eigenvalues are equal (eigvalsh "
                   "has one)" },
  { .name = "svdvals", .args = "x:tensor",
    .doc = "Singular values of a matrix [n, m], descending: [min(n, m)].",
    .example = "svdvals(randn(4, 3))",
    .cases = { "svdvals(randn(2, 5))", "svdvals(randn(1, 1))" },
    .shape = svdvals_shape, .forward = svdvals_forward,
    .backward = svdvals_backward },
  { .name = "cholesky", .args = "x:tensor",
    .doc = "The lower triangular L with x = L L' for a symmetric positive "
           "definite matrix [n, n]; of another matrix, for (x + x') / 2.",
    .example = "cholesky(spd(4))", .cases = { "cholesky(spd(1))" },
    .shape = square_shape, .forward = cholesky_forward,
    .backward = cholesky_backward },
  { .name = "solve", .args = "x:tensor b:tensor",
    .doc = "The y with x y = b for a regular matrix x [n, n] and b [n] or "
           "[n, k].",
    .example = "solve(spd(4), randn(4, 2))",
    .cases = { "solve(spd(3), randn(3))", "solve(spd(1), randn(1, 1))" },
    .shape = solve_shape, .forward = solve_forward,
    .backward = solve_backward },
  { .name = "inverse", .args = "x:tensor",
    .doc = "Inverse of a regular matrix [n, n].",
    .example = "inverse(spd(4))", .cases = { "inverse(spd(1))" },
    .shape = square_shape, .forward = inverse_forward,
    .backward = inverse_backward },
  { .name = "logdet", .args = "x:tensor",
    .doc = "Logarithm of the absolute determinant of a matrix [n, n]; -inf "
           "where it is singular.",
    .example = "logdet(spd(4))", .cases = { "logdet(spd(1))" },
    .shape = number_shape, .forward = logdet_forward,
    .backward = logdet_backward },
  { .name = "trace", .args = "x:tensor", .linear = true,
    .doc = "Sum of the diagonal of a matrix [n, n].",
    .example = "trace(randn(4, 4))", .cases = { "trace(randn(1, 1))" },
    .make = trace_make, .composes = true },
  { 0 }
};
