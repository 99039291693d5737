/*
 * loss.c - reconstruction errors, log-densities, Kullback-Leibler divergences
 * and the draws of a variational model, in nats and summed over all axes but
 * the first: one number a row, [N].
 *
 * What every step of a VAE computes has a kernel of its own (cross-entropy,
 * squared error, divergence from the unit normal, reparameterised draw); the
 * rest is composed of ops.  Operands broadcast against each other: a log
 * variance may be a number.  logvar is the logarithm of the variance,
 * logscale that of Laplace's scale.
 */
#include "autograd/op.h"

#include "autograd/broadcast.h"
#include "base/error.h"

#include <math.h>

/* ---- shapes ------------------------------------------------------------- */

/* The common shape of two or three operands, which has a batch axis. */
static Shape joint (const Call *c, const char *a, const char *b,
                    const char *d) {
  const char *const name[] = { a, b, d };
  Shape s = { 0 };
  for (int i = 0; i < 3 && name[i] != NULL; i++) {
    Shape before = s, *next = &arg(c, name[i])->shape;
    need_float(c, name[i]);
    if (!shape_broadcast(&before, next, &s))
      bad_arg(c, name[i], "%s does not fit %s, the shape of %s%s%s%s",
              shape_text(next), shape_text(&before), name[0],
              i > 1 ? " and " : "", i > 1 ? name[1] : "",
              next->rank > 1 && next->rank == before.rank
              && next->size[0] == before.size[0]
              ? " (a decoder must end in the shape of the data)" : "");
  }
  if (s.rank == 0)
    bad_arg(c, a, "is one number, and so are the others: one of them must "
            "have a batch axis");
  return s;
}

/* t in that shape, float32 and contiguous. */
static Tensor *filled (Tensor *t, const Shape *s) {
  return float_of(stretch_to(t, s));
}

/* A contiguous tensor's matrix of rows. */
static View rows_of (Tensor *t) {
  return view_rows(t, t->shape.size[0]);
}

/* dy [N] with the rank of x, so that it stretches over its rows. */
static Tensor *column (Tensor *dy, const Tensor *x) {
  Shape s = { .rank = x->shape.rank, .size = { dy->shape.size[0] } };
  for (int i = 1; i < s.rank; i++)
    s.size[i] = 1;
  return tensor_reshaped(dy, &s);
}

static Tensor *like (Tensor *t) {
  return tensor_new(t->storage->device, F32, &t->shape);
}

/* Hands over a gradient of the common shape. */
static void give_sum (Call *c, const char *name, Tensor *d) {
  if (wants(c, name))
    give(c, name, sum_to(d, &arg(c, name)->shape));
}

static void first_axis (Shape *y, DType *dtype, Shape all) {
  *y = (Shape) { 1, { all.size[0] } };
  *dtype = F32;
}

/* Arithmetic with a number. */
static Tensor *plus (Tensor *t, double number) {
  return op("add", t, value_new(number));
}

static Tensor *times (Tensor *t, double number) {
  return op("mul", t, value_new(number));
}

/* ---- reconstruction ----------------------------------------------------- */

static void bce_shape (const Call *c, Shape *y, DType *dtype) {
  first_axis(y, dtype, joint(c, "logit", "x", NULL));
}

static void bce_forward (Call *c, Tensor *y) {
  Shape s = joint(c, "logit", "x", NULL);
  Tensor *logit = filled(arg(c, "logit"), &s), *x = filled(arg(c, "x"), &s);
  kern(y)->bce_rows(view(y), rows_of(logit), rows_of(x));
}

static void bce_backward (Call *c, Tensor *y, Tensor *dy) {
  Shape s = joint(c, "logit", "x", NULL);
  Tensor *logit = filled(arg(c, "logit"), &s), *x = filled(arg(c, "x"), &s);
  if (wants(c, "logit")) {
    Tensor *d = like(logit);
    kern(y)->bce_rows_back(rows_of(d), view(dy), rows_of(logit), rows_of(x));
    give_sum(c, "logit", d);
  }
  if (wants(c, "x"))
    give_sum(c, "x", op("mul", op("neg", logit), column(dy, logit)));
}

static void squared_shape (const Call *c, Shape *y, DType *dtype) {
  first_axis(y, dtype, joint(c, "y", "x", NULL));
}

static void squared_forward (Call *c, Tensor *y) {
  Shape s = joint(c, "y", "x", NULL);
  Tensor *a = filled(arg(c, "y"), &s), *b = filled(arg(c, "x"), &s);
  kern(y)->squared_rows(view(y), rows_of(a), rows_of(b));
}

static void squared_backward (Call *c, Tensor *y, Tensor *dy) {
  Shape s = joint(c, "y", "x", NULL);
  Tensor *a = filled(arg(c, "y"), &s), *b = filled(arg(c, "x"), &s);
  Tensor *d = like(a);
  kern(y)->squared_rows_back(rows_of(d), view(dy), rows_of(a), rows_of(b));
  give_sum(c, "y", d);
  if (wants(c, "x"))
    give_sum(c, "x", op("neg", d));
}

static Tensor *absolute_make (Call *c) {
  joint(c, "y", "x", NULL);
  return op("rowsum", op("abs", op("sub", arg(c, "y"), arg(c, "x"))));
}

/* ---- log-densities ------------------------------------------------------ */

static Tensor *bernoulli_make (Call *c) {
  joint(c, "x", "logit", NULL);
  return op("neg", op("bce_logits", arg(c, "logit"), arg(c, "x")));
}

static Tensor *continuous_make (Call *c) {
  Shape s = joint(c, "x", "logit", NULL);
  Tensor *logit = op("expand", arg(c, "logit"), &s);
  return op("sub", op("rowsum", op("continuous", logit)),
            op("bce_logits", logit, arg(c, "x")));
}

/* -1/2 (log 2 pi + logvar + (x - mean)^2 e^-logvar) */
static Tensor *normal_make (Call *c) {
  joint(c, "x", "mean", "logvar");
  Tensor *logvar = arg(c, "logvar");
  Tensor *d = op("square", op("sub", arg(c, "x"), arg(c, "mean")));
  Tensor *e = op("mul", d, op("exp", op("neg", logvar)));
  Tensor *all = op("add", e, plus(logvar, log(2 * M_PI)));
  return times(op("rowsum", all), -0.5);
}

/* -(log 2 + logscale + |x - mean| e^-logscale) */
static Tensor *laplace_make (Call *c) {
  joint(c, "x", "mean", "logscale");
  Tensor *logscale = arg(c, "logscale");
  Tensor *d = op("abs", op("sub", arg(c, "x"), arg(c, "mean")));
  Tensor *e = op("mul", d, op("exp", op("neg", logscale)));
  return op("neg", op("rowsum", op("add", e, plus(logscale, log(2)))));
}

static Tensor *categorical_make (Call *c) {
  need_axes(c, "logits", 2);
  need_dtype(c, "y", I32);
  return op("rowsum", op("choose", op("logsoftmax", arg(c, "logits"),
                                      arg(c, "logits")->shape.rank - 1),
                         arg(c, "y")));
}

/* ---- divergences of normals --------------------------------------------- */

/* Kingma and Welling 2014, appendix B. */
static void unit_shape (const Call *c, Shape *y, DType *dtype) {
  first_axis(y, dtype, joint(c, "mean", "logvar", NULL));
}

static void unit_forward (Call *c, Tensor *y) {
  Shape s = joint(c, "mean", "logvar", NULL);
  Tensor *mean = filled(arg(c, "mean"), &s);
  Tensor *logvar = filled(arg(c, "logvar"), &s);
  kern(y)->normal_kl_rows(view(y), rows_of(mean), rows_of(logvar));
}

static void unit_backward (Call *c, Tensor *y, Tensor *dy) {
  Shape s = joint(c, "mean", "logvar", NULL);
  Tensor *mean = filled(arg(c, "mean"), &s);
  Tensor *logvar = filled(arg(c, "logvar"), &s);
  Tensor *dmean = like(mean), *dlogvar = like(mean);
  kern(y)->normal_kl_rows_back(rows_of(dmean), rows_of(dlogvar), view(dy),
                               rows_of(mean), rows_of(logvar));
  give_sum(c, "mean", dmean);
  give_sum(c, "logvar", dlogvar);
}

/* 1/2 (e^r - 1 - r + (mean - pmean)^2 e^-plogvar) with r = logvar - plogvar;
 * without a prior against the unit normal. */
static Tensor *kl_terms (Call *c) {
  Tensor *mean = arg(c, "mean"), *r = arg(c, "logvar");
  Tensor *pmean = arg(c, "pmean"), *plogvar = arg(c, "plogvar");
  joint(c, "mean", "logvar", pmean ? "pmean" : NULL);
  if (pmean != NULL)
    mean = op("sub", mean, pmean);
  Tensor *d = op("square", mean);
  if (plogvar != NULL) {
    joint(c, "mean", "logvar", "plogvar");
    r = op("sub", r, plogvar);
    d = op("mul", d, op("exp", op("neg", plogvar)));
  }
  return times(op("add", op("sub", op("expm1", r), r), d), 0.5);
}

static Tensor *kl_make (Call *c) {
  joint(c, "mean", "logvar", NULL);
  if (!arg_given(c, "pmean") && !arg_given(c, "plogvar"))
    return op("normal_kl_unit", arg(c, "mean"), arg(c, "logvar"));
  return op("rowsum", kl_terms(c));
}

/* ---- draws -------------------------------------------------------------- */

static void reparameterise_shape (const Call *c, Shape *y, DType *dtype) {
  *y = joint(c, "mean", "logvar", NULL);
  *dtype = F32;
}

static void reparameterise_forward (Call *c, Tensor *y) {
  Tensor *eps = like(y);
  kern(y)->reparameterise(view(y), view(eps),
                          view(filled(arg(c, "mean"), &y->shape)),
                          view(filled(arg(c, "logvar"), &y->shape)),
                          arg_address(c, "at"));
  save(c, 0, eps);
}

static void reparameterise_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dmean = like(y), *dlogvar = like(y);
  kern(y)->reparameterise_back(view(dmean), view(dlogvar), view(dy),
                               view(c->saved[0]),
                               view(filled(arg(c, "logvar"), &y->shape)));
  give_sum(c, "mean", dmean);
  give_sum(c, "logvar", dlogvar);
}

static void bernoulli_draw_shape (const Call *c, Shape *y, DType *dtype) {
  need_float(c, "logits");
  *y = arg(c, "logits")->shape;
  *dtype = F32;
}

static void bernoulli_draw (Call *c, Tensor *y) {
  Tensor *p = like(y);
  kern(y)->unary(UNARY_sigmoid, view(p), view(float_of(arg(c, "logits"))));
  kern(y)->rand(view(y), arg_address(c, "at"));
  kern(y)->binary(BINARY_lt, view(y), view(y), view(p));
}

static void categorical_draw_shape (const Call *c, Shape *y, DType *dtype) {
  need_axes(c, "logits", 1);
  need_float(c, "logits");
  *y = arg(c, "logits")->shape;
  if (y->size[--y->rank] < 1)
    bad_arg(c, "logits", "%s has no classes",
            shape_text(&arg(c, "logits")->shape));
  *dtype = I32;
}

/* The largest of logit - log(-log(u)) lies at class k with probability
 * softmax(logits)[k] (Gumbel 1954). */
static void categorical_draw (Call *c, Tensor *y) {
  Tensor *logits = float_of(arg(c, "logits")), *g = like(logits);
  const Kernels *k = kern(y);
  k->rand(view(g), arg_address(c, "at"));
  for (int i = 0; i < 2; i++) {
    k->unary(UNARY_log, view(g), view(g));
    k->unary(UNARY_neg, view(g), view(g));
  }
  k->binary(BINARY_add, view(g), view(g), view(logits));
  Shape flat = { 1, { tensor_count(y) } };
  k->argmax(view(tensor_reshaped(y, &flat)), view_rows(g, flat.size[0]),
            false);
}

/* ---- records ------------------------------------------------------------ */

#define PRIOR "mean:operand logvar:operand pmean:operand? plogvar:operand?"

const Op loss_ops[] = {
  { .name = "bce_logits", .args = "logit:operand x:operand",
    .doc = "Cross-entropy of x (0 to 1) against the Bernoulli distribution "
           "with these logits, in nats, summed over all axes but the first: "
           "[N].  For greys it is the usual loss, but not a likelihood.",
    .example = "bce_logits(randn(4, 7), rand(4, 7))",
    .cases = { "bce_logits(randn(3, 5, 5, 1), rand(3, 5, 5, 1))",
               "bce_logits(randn(4, 300), 1)",
               "bce_logits(randn(6) * 30, rand(6))",
               "bce_logits(randn(3, 1), rand(3, 7))",
               "bce_logits(randn(0, 7), rand(0, 7))" },
    .bench = "bce_logits(randn(128, 28, 28, 1), rand(128, 28, 28, 1))",
    .shape = bce_shape, .forward = bce_forward, .backward = bce_backward },
  { .name = "squared", .args = "y:operand x:operand",
    .doc = "Squared error, summed over all axes but the first: [N].",
    .example = "squared(randn(4, 7), randn(4, 7))",
    .cases = { "squared(randn(3, 300), randn(300))", "squared(randn(5), 1)",
               "squared(randn(2, 3, 3, 1), rand(2, 3, 3, 1))" },
    .bench = "squared(randn(128, 784), randn(128, 784))",
    .shape = squared_shape, .forward = squared_forward,
    .backward = squared_backward },
  { .name = "absolute", .args = "y:operand x:operand",
    .doc = "Absolute error, summed over all axes but the first: [N].",
    .example = "absolute(away(0, 4, 7), 0)",
    .cases = { "absolute(rand_in(2, 3, 3, 5), rand_in(0, 1, 5))" },
    .make = absolute_make, .composes = true },
  { .name = "bernoulli_logp", .args = "x:operand logit:operand",
    .doc = "Log-probability of x under Bernoulli distributions with these "
           "logits, in nats, summed over all axes but the first: [N].",
    .example = "bernoulli_logp(rand(4, 7), randn(4, 7))",
    .cases = { "bernoulli_logp(1, randn(5, 1))" },
    .make = bernoulli_make, .composes = true },
  { .name = "continuous_bernoulli_logp", .args = "x:operand logit:operand",
    .doc = "Log-density of x in [0, 1] under continuous Bernoulli "
           "distributions (Loaiza-Ganem and Cunningham 2019) with these "
           "logits, summed over all axes but the first: [N].",
    .example = "continuous_bernoulli_logp(rand(4, 7), randn(4, 7))",
    .cases = { "continuous_bernoulli_logp(0.5, randn(5, 3))",
               "continuous_bernoulli_logp(rand(3, 5), rand_in(-0.02, 0.02, "
               "5))" },
    .make = continuous_make, .composes = true },
  { .name = "normal_logp", .args = "x:operand mean:operand logvar:operand",
    .doc = "Log-density of x under normal distributions, summed over all "
           "axes but the first: [N].",
    .example = "normal_logp(randn(4, 7), randn(4, 7), randn(4, 7))",
    .cases = { "normal_logp(randn(4, 7), 0, 0)",
               "normal_logp(0.5, randn(3, 5), randn(5))",
               "normal_logp(randn(5), 0, randn(1))" },
    .bench = "normal_logp(randn(128, 784), randn(128, 784), 0)",
    .make = normal_make, .composes = true },
  { .name = "laplace_logp", .args = "x:operand mean:operand logscale:operand",
    .doc = "Log-density of x under Laplace distributions, summed over all "
           "axes but the first: [N].",
    .example = "laplace_logp(rand_in(2, 3, 4, 7), rand_in(0, 1, 4, 7), "
               "randn(4, 7))",
    .cases = { "laplace_logp(away(0, 3, 5), 0, 0)" },
    .make = laplace_make, .composes = true },
  { .name = "categorical_logp", .args = "logits:tensor y:tensor",
    .doc = "Log-probability of the classes y (int32, 1..K) under the softmax "
           "of logits [N, ..., K], summed over all axes but the first: [N].",
    .example = "categorical_logp(randn(5, 3), labels(5, 3))",
    .cases = { "categorical_logp(randn(2, 3, 4), reshape(labels(6, 4), 2, "
               "3))" },
    .bench = "categorical_logp(randn(128, 10), labels(128, 10))",
    .make = categorical_make, .composes = true },
  { .name = "normal_kl_unit", .args = "mean:operand logvar:operand",
    .doc = "Kullback-Leibler divergence of normal distributions from the unit "
           "normal, in nats, summed over all axes but the first: [N].",
    .example = "normal_kl_unit(randn(4, 7), randn(4, 7))",
    .cases = { "normal_kl_unit(randn(4, 300), 0.5)",
               "normal_kl_unit(randn(3, 5), randn(5))",
               "normal_kl_unit(0, randn(6, 1))" },
    .bench = "normal_kl_unit(randn(128, 20), randn(128, 20))",
    .shape = unit_shape, .forward = unit_forward, .backward = unit_backward },
  { .name = "normal_kl", .args = PRIOR,
    .doc = "Kullback-Leibler divergence of the normal distributions (mean, "
           "logvar) from (pmean, plogvar), by default the unit normal, in "
           "nats, summed over all axes but the first: [N].",
    .example = "normal_kl(randn(4, 7), randn(4, 7))",
    .cases = { "normal_kl(randn(4, 7), randn(4, 7), randn(4, 7), randn(4, "
               "7))",
               "normal_kl(randn(3, 5), 0, randn(5), randn(5))",
               "normal_kl(randn(3, 5), randn(3, 5), nil, 1)" },
    .make = kl_make, .composes = true },
  { .name = "normal_kl_each", .args = PRIOR,
    .doc = "As normal_kl, but for each unit apart: the shape of mean.",
    .example = "normal_kl_each(randn(4, 7), randn(4, 7))",
    .cases = { "normal_kl_each(randn(4, 7), 0, 1, randn(7))" },
    .make = kl_terms, .composes = true },
  { .name = "reparameterise", .args = "mean:operand logvar:operand at:address",
    .doc = "A draw from normal distributions through which gradients flow: "
           "mean + exp(logvar / 2) e with e from the unit normal (Kingma and "
           "Welling 2014).  The numbers are addressed by stream, step and "
           "call.",
    .example = "reparameterise(randn(4, 7), randn(4, 7))",
    .cases = { "reparameterise(randn(3, 300), 0)",
               "reparameterise(0, randn(5))",
               "reparameterise(randn(2, 3), randn(3))" },
    .bench = "reparameterise(randn(128, 20), randn(128, 20))",
    .shape = reparameterise_shape, .forward = reparameterise_forward,
    .backward = reparameterise_backward },
  { .name = "bernoulli_sample", .args = "logits:tensor at:address",
    .doc = "Draws of 0 and 1 with probability sigmoid(logits) of a 1, as "
           "float32.  A constant: no gradient flows through it.",
    .example = "bernoulli_sample(randn(4, 7))", .constant = true,
    .cases = { "bernoulli_sample(randn(3, 300) * 100)" },
    .shape = bernoulli_draw_shape, .forward = bernoulli_draw },
  { .name = "categorical_sample", .args = "logits:tensor at:address",
    .doc = "Draws of classes 1..K from the softmax of logits [..., K]: int32 "
           "[...].  A constant: no gradient flows through it.",
    .example = "categorical_sample(randn(5, 3))", .constant = true,
    .cases = { "categorical_sample(randn(2, 3, 1))" },
    .shape = categorical_draw_shape, .forward = categorical_draw },
  { 0 }
};
