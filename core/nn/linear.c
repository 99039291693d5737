/*
 * linear.c - layers that act on whole rows or single elements: linear,
 * flatten, embedding, dropout.
 */
#include "nn/layer.h"

#include <inttypes.h>

/* ---- linear -------------------------------------------------------------- */

/* The row, flattened in (h, w, c) order, times weight [outputs, inputs]. */
static void linear_shape (const LayerCall *l, const Shape *in, Shape *out) {
  (void) in;
  *out = arg_shape(&l->call, "shape");
  if (out->rank == 0)
    layer_bad("needs the size of its output");
  for (int i = 0; i < out->rank; i++)
    if (out->size[i] < 1)
      layer_bad("sizes must be at least 1, got %s", shape_text(out));
}

static int linear_build (const LayerCall *l, const Shape *in, Param *list) {
  Shape out = arg_shape(&l->call, "shape");
  int64_t inputs = shape_count(in), outputs = shape_count(&out);
  Init init = init_default((double) inputs);
  list[0] = (Param) { "weight", { 2, { outputs, inputs } }, init, false };
  list[1] = (Param) { "bias", { 1, { outputs } }, init, false };
  return arg_bool(&l->call, "bias") ? 2 : 1;
}

static Tensor *linear_forward (const LayerRun *r) {
  Tensor *weight = r->param[0], *x = r->x;
  Shape out = arg_shape(&r->call->call, "shape");
  if (x->shape.rank != 2) {
    Shape row = { 1, { weight->shape.size[1] } };
    Shape flat = batch_shape(x, &row);
    x = op("reshape", x, &flat);
  }
  Tensor *y = op("linear", x, weight, r->params > 1 ? r->param[1] : NULL,
                 r->act);
  if (out.rank == 1)
    return y;
  Shape shape = batch_shape(x, &out);
  return op("reshape", y, &shape);
}

/* ---- flatten --------------------------------------------------------------- */

static void flatten_shape (const LayerCall *l, const Shape *in, Shape *out) {
  (void) l;
  *out = (Shape) { 1, { shape_count(in) } };
}

static Tensor *flatten_forward (const LayerRun *r) {
  return op("flatten", r->x);
}

/* ---- embedding ------------------------------------------------------------- */

/* One code a row, given as [N] or [N, 1], or a list of them. */
static bool one_code (const Shape *in) {
  return in->rank == 0 || (in->rank == 1 && in->size[0] == 1);
}

static void embedding_shape (const LayerCall *l, const Shape *in,
                             Shape *out) {
  Shape row = arg_shape(&l->call, "shape");
  need_positive(l, "codes");
  *out = one_code(in) ? (Shape) { 0 } : *in;
  if (out->rank + row.rank >= MAX_RANK)
    layer_bad("has too many axes for codes %s", shape_text(in));
  for (int i = 0; i < row.rank; i++)
    out->size[out->rank++] = row.size[i];
}

/* Normal with deviation 1, as in PyTorch. */
static int embedding_build (const LayerCall *l, const Shape *in,
                            Param *list) {
  (void) in;
  Shape row = arg_shape(&l->call, "shape");
  Shape table = { .rank = row.rank + 1, .size = {
    arg_int(&l->call, "codes") } };
  for (int i = 0; i < row.rank; i++)
    table.size[i + 1] = row.size[i];
  list[0] = (Param) { "weight", table, { INIT_NORMAL, 1 }, false };
  return 1;
}

static Tensor *embedding_forward (const LayerRun *r) {
  Tensor *x = r->x;
  if (x->shape.rank == 2 && x->shape.size[1] == 1) {
    Shape rows = { 1, { x->shape.size[0] } };
    x = op("reshape", x, &rows);
  }
  return op("embedding", r->param[0], x);
}

/* ---- dropout --------------------------------------------------------------- */

static void dropout_shape (const LayerCall *l, const Shape *in, Shape *out) {
  double p = layer_number(l, "p");
  if (!(p >= 0 && p < 1))
    layer_bad("p must be from 0 to below 1, got %g", p);
  *out = *in;
}

static Tensor *dropout_forward (const LayerRun *r) {
  double p = layer_number(r->call, "p");
  return r->training && p > 0 ? op("dropout", r->x, p) : r->x;
}

const Layer linear_layers[] = {
  { .name = "linear", .args = "shape:shape | bias:bool=true", .fuses = true,
    .doc = "y = W x + b of the whole row, flattened in height, width, "
           "channel order, as a row of the given shape.  Weights [outputs, "
           "inputs], uniform within 1/sqrt(inputs).",
    .example = "nn.chain({ 4, 4, 2 }, { nn.linear(5) })(randn(3, 4, 4, 2))",
    .cases = { "nn.chain(3, { nn.linear { 2, 2, 4 } })(randn(2, 3))",
               "nn.chain(1, { nn.linear(1, { bias = false }) })(randn(1, 1))",
               "nn.chain(6, { nn.linear(4), nn.relu })(randn(5, 6))" },
    .shape = linear_shape, .build = linear_build, .forward = linear_forward },
  { .name = "flatten", .args = "",
    .doc = "The row as one axis, in height, width, channel order.",
    .example = "nn.chain({ 2, 3, 4 }, { nn.flatten })(randn(5, 2, 3, 4))",
    .shape = flatten_shape, .forward = flatten_forward },
  { .name = "embedding", .args = "codes:int shape:shape",
    .doc = "Rows of a table by codes 1 .. codes (int32): input [N] gives "
           "[N, shape], [N, L] gives [N, L, shape].  The table is normal "
           "with deviation 1.",
    .example = "nn.chain({}, { nn.embedding(10, 4) })(labels(5, 10))",
    .cases = { "nn.chain(1, { nn.embedding(3, { 2, 2 }) })(labels(4, 3))" },
    .shape = embedding_shape, .build = embedding_build,
    .forward = embedding_forward },
  { .name = "dropout", .args = "p:value=0.5",
    .doc = "In training each element is 0 with probability p, else divided "
           "by 1 - p; elsewhere unchanged (Srivastava et al. 2014).",
    .example = "nn.chain(4, { nn.dropout(0.2) })(randn(3, 4))",
    .shape = dropout_shape, .forward = dropout_forward },
  { 0 }
};
