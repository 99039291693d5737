/*
 * cudnn_graph.c - reads the graph that a caller declared (cudnn_sim.h) from
 * its descriptors, once, when it is finalized, and checks what cuDNN's manual
 * demands: shapes that fit each other, packed strides, one unique id a tensor,
 * every virtual tensor made before it is used, one output.
 *
 * Modelled are convolutions of pictures (both gradients too), an addition
 * and a ReLU.  Anything else is reported.
 */
#include "cudnn_sim.h"

#include <stdlib.h>
#include <string.h>

Graph *graph_keep (Graph *g) {
  if (g != NULL)
    g->users++;
  return g;
}

void graph_drop (Graph *g) {
  if (g != NULL && --g->users == 0)
    free(g);
}

int64_t type_size (cudnnDataType_t type) {
  return type == CUDNN_DATA_FLOAT ? 4 : 2;
}

#define WRONG(...) (sim_mistake("cuDNN graph: " __VA_ARGS__), false)

/* ---- tensors ---- */

static bool read_axes (const Desc *d, int name, int64_t count, int64_t *to) {
  const Attr *a = attr_of(d, name);
  if (a == NULL || a->type != CUDNN_TYPE_INT64 || a->count != count)
    return WRONG("attribute %d must be %lld INT64", name, (long long) count);
  memcpy(to, a->data, (size_t) count * sizeof *to);
  return true;
}

/* Strides of arrays that lie as n h w c without gaps. */
static bool packed (const Tensor *t) {
  const int64_t *n = t->size, *s = t->stride;
  return s[1] == 1 && s[3] == n[1] && s[2] == n[1] * n[3] &&
         s[0] == n[1] * n[3] * n[2];
}

static bool check_tensor (const Tensor *t) {
  for (int i = 0; i < 4; i++)
    if (t->size[i] < 1)
      return WRONG("tensor %lld: size %lld", (long long) t->uid,
                   (long long) t->size[i]);
  if (!packed(t))
    return WRONG("tensor %lld: its strides are not those of n h w c",
                 (long long) t->uid);
  if (t->type != CUDNN_DATA_FLOAT && t->type != CUDNN_DATA_BFLOAT16)
    return WRONG("tensor %lld: type %d is not modelled", (long long) t->uid,
                 (int) t->type);
  if (t->alignment < type_size(t->type) ||
      (t->alignment & (t->alignment - 1)) != 0)
    return WRONG("tensor %lld: alignment %lld", (long long) t->uid,
                 (long long) t->alignment);
  return true;
}

static bool read_tensor (const Desc *d, Tensor *t) {
  if (attr_of(d, CUDNN_ATTR_TENSOR_UNIQUE_ID) == NULL ||
      attr_of(d, CUDNN_ATTR_TENSOR_DATA_TYPE) == NULL ||
      attr_of(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT) == NULL)
    return WRONG("a tensor without unique id, type or alignment");
  memset(t, 0, sizeof *t);
  t->uid = attr_int(d, CUDNN_ATTR_TENSOR_UNIQUE_ID, 0);
  t->type = (cudnnDataType_t) attr_int(d, CUDNN_ATTR_TENSOR_DATA_TYPE, 0);
  t->alignment = attr_int(d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 0);
  t->inner = attr_int(d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, 0) != 0;
  return read_axes(d, CUDNN_ATTR_TENSOR_DIMENSIONS, 4, t->size) &&
         read_axes(d, CUDNN_ATTR_TENSOR_STRIDES, 4, t->stride) &&
         check_tensor(t);
}

/* The place of an operation's tensor in the graph; -1 after a report. */
static int tensor_at (Graph *g, const Desc *oper, int name) {
  const Desc *d = attr_desc(oper, name);
  Tensor t;
  if (d == NULL || d->type != CUDNN_BACKEND_TENSOR_DESCRIPTOR) {
    sim_mistake("cuDNN graph: attribute %d must be a tensor", name);
    return -1;
  }
  if (!read_tensor(d, &t))
    return -1;
  for (int i = 0; i < g->tensors; i++)
    if (g->tensor[i].uid == t.uid) {
      if (memcmp(&g->tensor[i], &t, sizeof t) == 0)
        return i;
      sim_mistake("cuDNN graph: two tensors have the unique id %lld",
                  (long long) t.uid);
      return -1;
    }
  if (g->tensors == TENSORS) {
    sim_mistake("cuDNN graph: more than %d tensors", TENSORS);
    return -1;
  }
  g->tensor[g->tensors] = t;
  return g->tensors++;
}

/* ---- operations ---- */

static bool scalar (const Desc *d, int name, double wanted) {
  const Attr *a = attr_of(d, name);
  if (a == NULL)
    return true;
  double v = a->type == CUDNN_TYPE_DOUBLE ? *(double *) a->data
                                          : *(float *) a->data;
  if (v != wanted)
    return WRONG("attribute %d is %g, modelled is %g", name, v, wanted);
  return true;
}

static bool read_window (const Desc *d, Oper *o) {
  int64_t dilation[2];
  if (d == NULL || d->type != CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR)
    return WRONG("an operation without its convolution");
  if (attr_int(d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 0) != 2 ||
      attr_int(d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, 0)
        != CUDNN_CROSS_CORRELATION ||
      attr_int(d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, -1) != CUDNN_DATA_FLOAT)
    return WRONG("modelled is a cross-correlation over 2 axes in float32");
  if (!read_axes(d, CUDNN_ATTR_CONVOLUTION_DILATIONS, 2, dilation) ||
      !read_axes(d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, 2, o->stride) ||
      !read_axes(d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, 2, o->before) ||
      !read_axes(d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, 2, o->after))
    return false;
  if (dilation[0] != 1 || dilation[1] != 1)
    return WRONG("a dilation is not modelled");
  for (int i = 0; i < 2; i++)
    if (o->stride[i] < 1 || o->before[i] < 0 || o->after[i] < 0)
      return WRONG("stride %lld, padding %lld and %lld",
                   (long long) o->stride[i], (long long) o->before[i],
                   (long long) o->after[i]);
  return true;
}

/* x n c h w; w k c/groups r s; y n k p q. */
static bool check_shapes (const Graph *g, const Oper *o) {
  const int64_t *x = g->tensor[o->x].size, *w = g->tensor[o->w].size;
  const int64_t *y = g->tensor[o->y].size;
  if (x[0] != y[0] || w[0] != y[1] || x[1] % w[1] != 0 ||
      w[0] % (x[1] / w[1]) != 0)
    return WRONG("batch or channels do not fit: x %lld %lld, w %lld %lld, y "
                 "%lld %lld", (long long) x[0], (long long) x[1],
                 (long long) w[0], (long long) w[1], (long long) y[0],
                 (long long) y[1]);
  for (int i = 0; i < 2; i++) {
    int64_t room = x[2 + i] + o->before[i] + o->after[i] - w[2 + i];
    if (room < 0 || room / o->stride[i] + 1 != y[2 + i])
      return WRONG("axis %d: %lld windows of %lld over %lld with padding %lld "
                   "and %lld and stride %lld", 2 + i, (long long) y[2 + i],
                   (long long) w[2 + i], (long long) x[2 + i],
                   (long long) o->before[i], (long long) o->after[i],
                   (long long) o->stride[i]);
  }
  return true;
}

/* Names of the attributes of each pass: x, w, y, convolution, alpha, beta. */
static const int passes[3][6] = {
  [CONV] = { CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
             CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
             CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
             CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
             CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
             CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
  [BACK_X] = { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
  [BACK_W] = { CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA },
};

static bool read_pass (Graph *g, const Desc *d, Oper *o) {
  const int *name = passes[o->kind];
  o->x = tensor_at(g, d, name[0]);
  o->w = o->x < 0 ? -1 : tensor_at(g, d, name[1]);
  o->y = o->w < 0 ? -1 : tensor_at(g, d, name[2]);
  return o->y >= 0 && read_window(attr_desc(d, name[3]), o) &&
         scalar(d, name[4], 1) && scalar(d, name[5], 0) &&
         check_shapes(g, o);
}

static bool same_size (const Tensor *a, const Tensor *b) {
  return memcmp(a->size, b->size, sizeof a->size) == 0;
}

static bool read_pointwise (Graph *g, const Desc *d, Oper *o) {
  int name = CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR;
  const Desc *what = attr_desc(d, name);
  int64_t none = -1, mode = what == NULL ? none
    : attr_int(what, CUDNN_ATTR_POINTWISE_MODE, none);
  if (mode != CUDNN_POINTWISE_ADD && mode != CUDNN_POINTWISE_RELU_FWD)
    return WRONG("pointwise mode %d is not modelled", (int) mode);
  if (attr_int(what, CUDNN_ATTR_POINTWISE_MATH_PREC, -1) != CUDNN_DATA_FLOAT)
    return WRONG("modelled is pointwise work in float32");
  o->kind = mode == CUDNN_POINTWISE_ADD ? ADD : RELU;
  o->nan = attr_int(what, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, 0) != 0;
  o->x = tensor_at(g, d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
  o->w = o->x;
  if (o->kind == ADD && o->x >= 0)
    o->w = tensor_at(g, d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
  o->y = o->w < 0 ? -1 : tensor_at(g, d,
                                   CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  if (o->y < 0)
    return false;
  const Tensor *b = &g->tensor[o->w], *y = &g->tensor[o->y];
  if (!same_size(&g->tensor[o->x], y))
    return WRONG("pointwise: x and y differ in size");
  for (int i = 0; i < 4; i++)
    if (b->size[i] != 1 && b->size[i] != y->size[i])
      return WRONG("pointwise: the sizes of b and y do not fit");
  return scalar(d, CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, 1) &&
         scalar(d, CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, 1);
}

static bool read_oper (Graph *g, const Desc *d, Oper *o) {
  switch ((int) d->type) {
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    o->kind = CONV;
    return read_pass(g, d, o);
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
    o->kind = BACK_X;
    return read_pass(g, d, o);
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
    o->kind = BACK_W;
    return read_pass(g, d, o);
  case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
    return read_pointwise(g, d, o);
  default:
    return WRONG("an operation of type %d is not modelled", (int) d->type);
  }
}

/* ---- the whole ---- */

int written (const Oper *o) {
  return o->kind == BACK_X ? o->x : o->kind == BACK_W ? o->w : o->y;
}

/* Operations stand in the order in which they are computed. */
static bool check_order (Graph *g) {
  bool made[TENSORS] = { 0 };
  g->output = -1;
  for (int i = 0; i < g->opers; i++) {
    const Oper *o = &g->oper[i];
    int to = written(o), in[3] = { o->x, o->w, o->y };
    for (int j = 0; j < 3; j++)
      if (in[j] != to && g->tensor[in[j]].inner && !made[in[j]])
        return WRONG("virtual tensor %lld is used before it is made",
                     (long long) g->tensor[in[j]].uid);
    if (made[to])
      return WRONG("tensor %lld is made twice",
                   (long long) g->tensor[to].uid);
    made[to] = true;
    if (!g->tensor[to].inner && g->output >= 0)
      return WRONG("two outputs");
    if (!g->tensor[to].inner)
      g->output = to;
  }
  return g->output >= 0 ? true : WRONG("no output");
}

Graph *graph_read (const Desc *d) {
  const Attr *a = attr_of(d, CUDNN_ATTR_OPERATIONGRAPH_OPS);
  Graph *g = calloc(1, sizeof *g);
  g->users = 1;
  bool ok = a != NULL && a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR &&
            a->count >= 1 && a->count <= OPERS;
  if (!ok)
    sim_mistake("cuDNN graph: 1 to %d operations are needed", OPERS);
  for (int64_t i = 0; ok && i < a->count; i++)
    ok = read_oper(g, ((Desc **) a->data)[i], &g->oper[g->opers++]);
  if (ok && check_order(g))
    return g;
  free(g);
  return NULL;
}
