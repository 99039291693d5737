/*
 * pointwise.c - records of the pointwise functions: expansions of
 * pointwise.def, and the few that are not in it.
 *
 * The place of a record in the list is the number of its kernel: first all of
 * one argument, then all of two.  Integers take part as float32, except that
 * sums, differences and products of integers are int32.
 */
#include "autograd/broadcast.h"
#include "autograd/op.h"

#include "base/error.h"

#include <string.h>

/* ---- one argument ------------------------------------------------------- */

static UnaryFn unary_of (const Call *c) {
  return (UnaryFn) (c->op - pointwise_ops);
}

static void unary_shape (const Call *c, Shape *y, DType *dtype) {
  (void) dtype;
  need_float(c, "x");
  *y = arg(c, "x")->shape;
}

static void unary_forward (Call *c, Tensor *y) {
  kern(y)->unary(unary_of(c), view(y), view(take_float(c, "x")));
}

static void unary_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = result_new(c, F32, &y->shape);
  kern(y)->unary_back(unary_of(c), view(dx), view(dy), view(arg(c, "x")),
                      view(y));
  give(c, "x", dx);
}

/* ---- two arguments ------------------------------------------------------ */

static BinaryFn binary_of (const Call *c) {
  return (BinaryFn) (c->op - pointwise_ops - UNARY_COUNT);
}

static bool is_integer (const Tensor *t) {
  return t->dtype == I32 || t->dtype == U8;
}

/* One number a row, [N], has been meant to meet rows. */
static const char *rows_hint (const Shape *a, const Shape *b) {
  const Shape *longer = a->rank > b->rank ? a : b;
  const Shape *other = longer == a ? b : a;
  if (other->rank != 1 || longer->rank < 2
      || longer->size[0] != other->size[0])
    return "";
  switch (longer->rank) {
    case 2: return longer->size[1] == 1
                   ? "; x:squeeze(2) makes [N] of [N, 1]"
                   : "; y:reshape(-1, 1) makes [N, 1] of [N]";
    case 3: return "; y:reshape(-1, 1, 1) makes [N, 1, 1] of [N]";
    case 4: return "; y:reshape(-1, 1, 1, 1) makes [N, 1, 1, 1] of [N]";
    default: return "";
  }
}

static void binary_shape (const Call *c, Shape *y, DType *dtype) {
  Tensor *a = arg(c, "a"), *b = arg(c, "b");
  BinaryFn f = binary_of(c);
  need_float(c, "a");
  need_float(c, "b");
  if (!shape_broadcast(&a->shape, &b->shape, y))
    raise_user("%s: shapes %s and %s do not fit (with the same number of "
               "axes, sizes are equal or 1; else the smaller shape is the "
               "end of the larger)%s", c->op->name, shape_text(&a->shape),
               shape_text(&b->shape), rows_hint(&a->shape, &b->shape));
  if (is_integer(a) && is_integer(b)
      && (f == BINARY_add || f == BINARY_sub || f == BINARY_mul))
    *dtype = I32;
}

static void binary_forward (Call *c, Tensor *y) {
  Tensor *a = arg(c, "a"), *b = arg(c, "b");
  if (y->dtype == I32) {
    a = op("as", a, I32);
    b = op("as", b, I32);
  } else {
    a = take_float(c, "a");
    b = take_float(c, "b");
  }
  kern(y)->binary(binary_of(c), view(y), view(a), view(b));
}

/* Gradient of one side, summed to its shape. */
static void give_side (Call *c, Tensor *y, Tensor *dy, int side) {
  const char *name = side ? "b" : "a";
  Tensor *d = dy;
  if (!wants(c, name))
    return;
  if (binary_of(c) != BINARY_add) {
    d = result_new(c, F32, &y->shape);
    kern(y)->binary_back(binary_of(c), side, view(d), view(dy),
                         view(take_float(c, "a")), view(take_float(c, "b")),
                         view(y));
  }
  give(c, name, sum_to(d, &arg(c, name)->shape));
}

static void binary_backward (Call *c, Tensor *y, Tensor *dy) {
  give_side(c, y, dy, 0);
  give_side(c, y, dy, 1);
}

/* ---- where, clamp ------------------------------------------------------- */

static void where_shape (const Call *c, Shape *y, DType *dtype) {
  Shape both;
  (void) dtype;
  need_float(c, "mask");
  need_float(c, "a");
  need_float(c, "b");
  if (!shape_broadcast(&arg(c, "a")->shape, &arg(c, "b")->shape, &both)
      || !shape_broadcast(&arg(c, "mask")->shape, &both, y))
    raise_user("where: shapes %s, %s and %s do not fit",
               shape_text(&arg(c, "mask")->shape),
               shape_text(&arg(c, "a")->shape),
               shape_text(&arg(c, "b")->shape));
}

static void where_forward (Call *c, Tensor *y) {
  kern(y)->where(view(y), view(take_float(c, "mask")), view(take_float(c, "a")),
                 view(take_float(c, "b")));
}

static void where_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *mask = take_float(c, "mask"), *zero = value_new(0);
  (void) y;
  if (wants(c, "a"))
    give(c, "a", sum_to(op("where", mask, dy, zero), &arg(c, "a")->shape));
  if (wants(c, "b"))
    give(c, "b", sum_to(op("where", mask, zero, dy), &arg(c, "b")->shape));
}

static Tensor *clamp_make (Call *c) {
  Tensor *y = op("maximum", arg(c, "x"), arg(c, "low"));
  return arg_given(c, "high") ? op("minimum", y, arg(c, "high")) : y;
}

/* ---- the records -------------------------------------------------------- */

/* How the tests make x: uniform in a range, or off a point. */
#define DRAW_NOWHERE(low, high, sizes) "rand_in(" #low ", " #high sizes
#define DRAW_0(low, high, sizes) "away(0" sizes
#define CONSTANT(dx) (__builtin_strcmp(dx, "ZERO") == 0)

const Op pointwise_ops[] = {
#define UNARY(name_, doc_, formula, dx, low, high, away) \
  { .name = #name_, .args = "x:tensor", \
    .doc = doc_ ".  Result: the shape of x, float32.", \
    .example = #name_ "(" DRAW_##away(low, high, ", 4, 7))"), \
    .cases = { #name_ "(" DRAW_##away(low, high, "))"), \
               #name_ "(" DRAW_##away(low, high, ", 0, 3))"), \
               #name_ "(" DRAW_##away(low, high, ", 3, 1, 37))") }, \
    .bench = #name_ "(" DRAW_##away(low, high, ", 128, 3136))"), \
    .shape = unary_shape, .forward = unary_forward, \
    .backward = unary_backward, .constant = CONSTANT(#dx) },
#define BINARY(name_, doc_, formula, da, db, alow, ahigh, blow, bhigh) \
  { .name = #name_, .args = "a:operand b:operand", \
    .doc = doc_ ".  Tensors or numbers; shapes by broadcasting.", \
    .example = #name_ "(rand_in(" #alow ", " #ahigh ", 4, 7), " \
               "rand_in(" #blow ", " #bhigh ", 4, 7))", \
    .cases = { #name_ "(rand_in(" #alow ", " #ahigh ", 4, 1), " \
                 "rand_in(" #blow ", " #bhigh ", 1, 5))", \
               #name_ "(rand_in(" #alow ", " #ahigh ", 2, 3, 17), " \
                 "rand_in(" #blow ", " #bhigh ", 17))", \
               #name_ "(rand_in(" #alow ", " #ahigh ", 5), " #bhigh ")", \
               #name_ "(" #ahigh ", rand_in(" #blow ", " #bhigh ", 5))", \
               #name_ "(rand_in(" #alow ", " #ahigh ", 0, 3), " #bhigh ")" }, \
    .bench = #name_ "(rand_in(" #alow ", " #ahigh ", 128, 3136), " \
             "rand_in(" #blow ", " #bhigh ", 128, 3136))", \
    .shape = binary_shape, .forward = binary_forward, \
    .backward = binary_backward, .constant = CONSTANT(#da) },
#include "backend/pointwise.def"
  { .name = "where", .args = "mask:tensor a:operand b:operand",
    .doc = "a where mask is not 0, else b.  Shapes by broadcasting.",
    .example = "where(randn(4, 7):gt(0), randn(4, 7), randn(4, 7))",
    .cases = { "where(randn(4):gt(0), randn(4), 0)",
               "where(randn(3, 5):gt(0), 1, randn(5))" },
    .shape = where_shape, .forward = where_forward,
    .backward = where_backward },
  { .name = "clamp", .args = "x:tensor low:value high:value?",
    .doc = "x, but not below low and not above high.",
    .example = "clamp(away(0, 4, 7), -0.05, 5)",
    .cases = { "clamp(away(0, 5), 0)" },
    .make = clamp_make, .composes = true },
  { 0 }
};
