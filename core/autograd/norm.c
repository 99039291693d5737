/*
 * norm.c - layer, group and batch normalisation over the last axes of
 * [N, ..., C], with an optional gain and bias.
 *
 * For the layer of core/nn/norm.c, which keeps running statistics:
 *   stats = batch_stats(x)                          [3, C]: mean, variance
 *                                                   (n), variance (n - 1)
 *   y = batchnorm_train(x, gain, bias, stats | eps) uses rows 1 and 2
 *   y = batchnorm_eval(x, mean, var, gain, bias | eps)
 * The running variance is that of row 3, as in PyTorch.
 */
#include "autograd/op.h"

#include "autograd/broadcast.h"
#include "base/error.h"

#include <inttypes.h>

/* ---- gain and bias ------------------------------------------------------ */

/* Both have this shape, which is that of x's last axes. */
static void need_affine (const Call *c, const Shape *s) {
  if (arg_given(c, "gain"))
    need_shape(c, "gain", s);
  if (arg_given(c, "bias"))
    need_shape(c, "bias", s);
}

/* y = y gain + bias, in place. */
static void apply_affine (const Call *c, Tensor *y) {
  Tensor *gain = arg(c, "gain"), *bias = arg(c, "bias");
  if (gain != NULL)
    kern(y)->binary(BINARY_mul, view(y), view(y), view(float_of(gain)));
  if (bias != NULL)
    kern(y)->binary(BINARY_add, view(y), view(y), view(float_of(bias)));
}

static Tensor *product (Tensor *a, Tensor *b) {
  Tensor *y = tensor_new(a->storage->device, F32, &a->shape);
  kern(y)->binary(BINARY_mul, view(y), view(a), view(b));
  return y;
}

/* The gradients of gain and bias; n: x normalised. */
static void give_affine (Call *c, Tensor *dy, Tensor *n) {
  if (wants(c, "gain"))
    give(c, "gain", sum_to(product(dy, n), &arg(c, "gain")->shape));
  if (wants(c, "bias"))
    give(c, "bias", sum_to(dy, &arg(c, "bias")->shape));
}

/* The gradient with respect to x normalised. */
static Tensor *before_affine (Call *c, Tensor *dy) {
  Tensor *gain = arg(c, "gain");
  return gain != NULL ? product(dy, float_of(gain)) : dy;
}

/* ---- layer and group norm ----------------------------------------------- */

/* x as [n, s, groups, c]: each (n, group) is normalised over s and c. */
typedef struct Groups { int64_t n, s, groups, c; } Groups;

/* [n, s, groups c] as rows [n groups, s c], contiguous. */
static Tensor *grouped (Tensor *t, Groups g) {
  Shape s = { 4, { g.n, g.groups, g.s, g.c } };
  Shape rows = { 2, { g.n * g.groups, g.s * g.c } };
  const int64_t stride[4] = { g.s * g.groups * g.c, g.c, g.groups * g.c, 1 };
  Tensor *x = dense(t);
  return tensor_reshaped(dense(tensor_view(x, &s, stride, x->offset)), &rows);
}

/* Back again, into y. */
static void ungroup (Tensor *y, Tensor *rows, Groups g) {
  Shape to = { 4, { g.n, g.groups, g.s, g.c } };
  const int64_t stride[4] = { g.s * g.groups * g.c, g.c, g.groups * g.c, 1 };
  kern(y)->copy(view(tensor_view(y, &to, stride, y->offset)),
                view(tensor_reshaped(rows, &to)));
}

/* y: x normalised; mean and rstd of its rows. */
static void normalise (Call *c, Tensor *y, Tensor *mean, Tensor *rstd,
                       Groups g) {
  Tensor *x = grouped(float_of(arg(c, "x")), g);
  bool straight = g.s == 1 || g.groups == 1;
  Tensor *n = straight ? tensor_reshaped(y, &x->shape)
                       : tensor_new(y->storage->device, F32, &x->shape);
  kern(y)->rownorm(view(n), view(mean), view(rstd), view(x),
                   scalar(c, "eps"));
  if (!straight)
    ungroup(y, n, g);
}

static void rows_forward (Call *c, Tensor *y, Groups g) {
  Shape rows = { 1, { g.n * g.groups } };
  Tensor *mean = tensor_new(y->storage->device, F32, &rows);
  Tensor *rstd = tensor_new(y->storage->device, F32, &rows);
  normalise(c, y, mean, rstd, g);
  apply_affine(c, y);
  save(c, 0, mean);
  save(c, 1, rstd);
}

static void rows_backward (Call *c, Tensor *dy, Groups g) {
  Tensor *x = arg(c, "x"), *mean = c->saved[0], *rstd = c->saved[1];
  Tensor *work = tensor_new(dy->storage->device, F32, &x->shape);
  if (wants(c, "gain"))            /* once more: cheaper than to keep it */
    normalise(c, work, mean, rstd, g);
  give_affine(c, dy, work);
  if (!wants(c, "x"))
    return;
  Tensor *d = grouped(before_affine(c, dy), g);
  Tensor *rows = grouped(float_of(x), g);
  Tensor *dx = tensor_new(d->storage->device, F32, &d->shape);
  Tensor *out = tensor_new(d->storage->device, F32, &x->shape);
  kern(dx)->rownorm_back(view(dx), view(d), view(rows), view(mean),
                         view(rstd));
  ungroup(out, dx, g);
  give(c, "x", out);
}

static Groups layer_groups (const Call *c) {
  const Shape *s = &arg(c, "x")->shape;
  Groups g = { 1, 1, 1, 1 };
  int64_t axes = arg_int(c, "axes");
  for (int i = 0; i < s->rank; i++)
    *(i < s->rank - axes ? &g.n : &g.c) *= s->size[i];
  return g;
}

static void layer_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t axes = arg_int(c, "axes");
  need_float(c, "x");
  *y = arg(c, "x")->shape;
  *dtype = F32;
  if (axes < 1 || axes > y->rank)
    bad_arg(c, "axes", "must be a number of the last axes of %s, got %" PRId64,
            shape_text(y), axes);
  Shape last = { .rank = (int) axes };
  for (int i = 0; i < last.rank; i++)
    last.size[i] = y->size[y->rank - last.rank + i];
  need_affine(c, &last);
}

static void layer_forward (Call *c, Tensor *y) {
  rows_forward(c, y, layer_groups(c));
}

static void layer_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  rows_backward(c, dy, layer_groups(c));
}

static Groups group_groups (const Call *c) {
  const Shape *s = &arg(c, "x")->shape;
  Groups g = { s->size[0], 1, arg_int(c, "groups"), s->size[s->rank - 1] };
  for (int i = 1; i < s->rank - 1; i++)
    g.s *= s->size[i];
  g.c /= g.groups;
  return g;
}

/* The last axis: channels. */
static Shape channels (const Call *c) {
  const Shape *s = &arg(c, "x")->shape;
  need_axes(c, "x", 2);
  need_float(c, "x");
  return (Shape) { 1, { s->size[s->rank - 1] } };
}

static void group_shape (const Call *c, Shape *y, DType *dtype) {
  Shape last = channels(c);
  int64_t groups = arg_int(c, "groups");
  if (groups < 1 || last.size[0] % groups != 0)
    bad_arg(c, "groups", "must divide the %" PRId64 " channels, got %" PRId64,
            last.size[0], groups);
  need_affine(c, &last);
  *y = arg(c, "x")->shape;
  *dtype = F32;
}

static void group_forward (Call *c, Tensor *y) {
  rows_forward(c, y, group_groups(c));
}

static void group_backward (Call *c, Tensor *y, Tensor *dy) {
  (void) y;
  rows_backward(c, dy, group_groups(c));
}

/* ---- batch norm --------------------------------------------------------- */

/* [R, C] with the channels as columns. */
static View columns (Tensor *t) {
  int64_t n = t->shape.size[t->shape.rank - 1];
  return view_rows(t, n ? tensor_count(t) / n : 0);
}

static void stats_shape (const Call *c, Shape *y, DType *dtype) {
  Shape last = channels(c);
  *y = (Shape) { 2, { 3, last.size[0] } };
  *dtype = F32;
}

/* Row i (0-based) of stats. */
static Tensor *stat (Tensor *stats, int64_t i) {
  Shape s = { 1, { stats->shape.size[1] } };
  return tensor_view(stats, &s, &stats->stride[1],
                     stats->offset + i * stats->stride[0]);
}

static void stats_forward (Call *c, Tensor *y) {
  View x = columns(float_of(arg(c, "x")));
  double n = (double) x.size[0];
  Tensor *more = value_new(n > 1 ? n / (n - 1) : 1);
  kern(y)->colstats(view(stat(y, 0)), view(stat(y, 1)), x);
  kern(y)->binary(BINARY_mul, view(stat(y, 2)), view(stat(y, 1)), view(more));
}

static void batch_shape (const Call *c, Shape *y, DType *dtype) {
  Shape last = channels(c), stats = { 2, { 3, last.size[0] } };
  need_affine(c, &last);
  if (arg_given(c, "stats"))
    need_shape(c, "stats", &stats);
  *y = arg(c, "x")->shape;
  *dtype = F32;
}

static void batch_forward (Call *c, Tensor *y) {
  Tensor *x = float_of(arg(c, "x")), *stats = arg(c, "stats");
  if (stats == NULL)
    stats = op("batch_stats", x);
  stats = float_of(stats);
  save(c, 0, stats);
  kern(y)->colnorm(columns(y), columns(x), view(stat(stats, 0)),
                   view(stat(stats, 1)), scalar(c, "eps"));
  apply_affine(c, y);
}

static void batch_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *x = float_of(arg(c, "x"));
  Tensor *mean = stat(c->saved[0], 0), *var = stat(c->saved[0], 1);
  Tensor *work = tensor_new(y->storage->device, F32, &x->shape);
  if (wants(c, "gain"))
    kern(y)->colnorm(columns(work), columns(x), view(mean), view(var),
                     scalar(c, "eps"));
  give_affine(c, dy, work);
  if (!wants(c, "x"))
    return;
  Tensor *d = dense(before_affine(c, dy));
  Tensor *dx = tensor_new(y->storage->device, F32, &x->shape);
  kern(y)->colnorm_back(columns(dx), columns(d), columns(x), view(mean),
                        view(var), scalar(c, "eps"));
  give(c, "x", dx);
}

/* x scale + shift, both made of what does not depend on the batch. */
static Tensor *eval_make (Call *c) {
  Shape last = channels(c);
  Tensor *x = arg(c, "x"), *mean = arg(c, "mean"), *bias = arg(c, "bias");
  need_affine(c, &last);
  need_shape(c, "mean", &last);
  need_shape(c, "var", &last);
  Tensor *gain = arg_given(c, "gain") ? arg(c, "gain") : value_new(1);
  Tensor *spread = op("sqrt", op("add", arg(c, "var"), arg(c, "eps")));
  Tensor *scale = op("div", gain, spread), *shift = op("mul", mean, scale);
  if (bias == NULL)
    return op("sub", op("mul", x, scale), shift);
  return op("add", op("mul", x, scale), op("sub", bias, shift));
}

/* ---- records ------------------------------------------------------------ */

const Op norm_ops[] = {
  { .name = "layernorm",
    .args = "x:tensor gain:tensor? bias:tensor? | axes:int=1 eps:value=1e-5",
    .doc = "Layer normalisation (Ba, Kiros and Hinton 2016): x to mean 0 and "
           "variance 1 over its last axes (how many: axes), each place of the "
           "others apart; then times gain plus bias, of the shape of those "
           "axes.",
    .example = "layernorm(randn(4, 7), randn(7), randn(7))",
    .cases = { "layernorm(randn(3, 33))",
               "layernorm(randn(2, 3, 4), randn(3, 4), nil, { axes = 2 })",
               "layernorm(randn(2, 3, 4), nil, randn(4), { eps = 0.1 })",
               "layernorm(randn(2, 1))" },
    .bench = "layernorm(randn(128, 3136), randn(3136), randn(3136))",
    .shape = layer_shape, .forward = layer_forward,
    .backward = layer_backward },
  { .name = "groupnorm",
    .args = "x:tensor groups:int gain:tensor? bias:tensor? | eps:value=1e-5",
    .doc = "Group normalisation (Wu and He 2018): x [N, ..., C] to mean 0 and "
           "variance 1 over each of the groups of neighbouring channels of "
           "each row; then times gain [C] plus bias [C].",
    .example = "groupnorm(randn(2, 3, 3, 4), 2, randn(4), randn(4))",
    .cases = { "groupnorm(randn(3, 6), 3)", "groupnorm(randn(2, 5, 3), 1)",
               "groupnorm(randn(2, 7, 2), 2, nil, randn(2))" },
    .bench = "groupnorm(randn(128, 14, 14, 32), 8, randn(32), randn(32))",
    .shape = group_shape, .forward = group_forward,
    .backward = group_backward },
  { .name = "batch_stats", .args = "x:tensor", .constant = true,
    .doc = "Statistics of each channel of x [N, ..., C] over all the rest, "
           "[3, C]: mean, variance (divided by n), variance (by n - 1; 0 for "
           "a single number).  Without gradient, for running statistics.",
    .example = "batch_stats(randn(4, 3, 3, 5))",
    .cases = { "batch_stats(randn(70, 1))", "batch_stats(randn(1, 3))" },
    .shape = stats_shape, .forward = stats_forward },
  { .name = "batchnorm_train",
    .args = "x:tensor gain:tensor? bias:tensor? stats:tensor? "
            "| eps:value=1e-5",
    .doc = "Batch normalisation (Ioffe and Szegedy 2015) by the statistics of "
           "the batch itself, through which gradients flow: each channel of x "
           "[N, ..., C] to mean 0 and variance 1, then times gain [C] plus "
           "bias [C].  stats: batch_stats(x), where the caller has it "
           "already.",
    .example = "batchnorm_train(randn(8, 3), randn(3), randn(3))",
    .cases = { "batchnorm_train(randn(3, 4, 5, 2))",
               "batchnorm_train(randn(70, 5), nil, randn(5), nil, "
               "{ eps = 0.1 })" },
    .bench = "batchnorm_train(randn(128, 14, 14, 32), randn(32), randn(32))",
    .shape = batch_shape, .forward = batch_forward,
    .backward = batch_backward },
  { .name = "batchnorm_eval",
    .args = "x:tensor mean:tensor var:tensor gain:tensor? bias:tensor? "
            "| eps:value=1e-5",
    .doc = "Batch normalisation by given statistics: (x - mean) / sqrt(var + "
           "eps) gain + bias, all [C] but x [N, ..., C].",
    .example = "batchnorm_eval(randn(4, 3), randn(3), rand_in(0.5, 2, 3), "
               "randn(3), randn(3))",
    .cases = { "batchnorm_eval(randn(2, 3, 3, 2), randn(2), "
               "rand_in(0.5, 2, 2))" },
    .make = eval_make, .composes = true },
  { 0 }
};
