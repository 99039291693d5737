/*
 * norm.c - batch, layer and group normalisation, each with a gain and a bias
 * for every channel (the last axis).
 */
#include "nn/layer.h"

#include <inttypes.h>

static int64_t channels (const Shape *in) {
  if (in->rank == 0)
    layer_bad("needs rows with at least one axis");
  return in->size[in->rank - 1];
}

static void norm_shape (const LayerCall *l, const Shape *in, Shape *out) {
  channels(in);
  if (!(layer_number(l, "eps") > 0))
    layer_bad("eps must be above 0, got %g", layer_number(l, "eps"));
  *out = *in;
}

static int affine (const Shape *in, Param *list) {
  Shape c = { 1, { channels(in) } };
  list[0] = (Param) { "weight", c, { INIT_CONSTANT, 1 }, false };
  list[1] = (Param) { "bias", c, { INIT_CONSTANT, 0 }, false };
  return 2;
}

static int norm_build (const LayerCall *l, const Shape *in, Param *list) {
  (void) l;
  return affine(in, list);
}

/* ---- batch ----------------------------------------------------------------- */

enum { WEIGHT, BIAS, MEAN, VAR };
enum { STATS_MEAN, STATS_BIASED, STATS_UNBIASED };    /* rows of batch_stats */

static int batch_build (const LayerCall *l, const Shape *in, Param *list) {
  Shape c = { 1, { channels(in) } };
  (void) l;
  affine(in, list);
  list[MEAN] = (Param) { "mean", c, { INIT_CONSTANT, 0 }, true };
  list[VAR] = (Param) { "var", c, { INIT_CONSTANT, 1 }, true };
  return 4;
}

/* running += momentum * (row of stats - running), by a kernel of the step. */
static void follow (Tensor *running, Tensor *stats, int row,
                    double momentum) {
  const int64_t stride[1] = { 1 };
  Tensor *now = tensor_view(stats, &running->shape, stride,
                            stats->offset + row * running->shape.size[0]);
  Tensor *weight = value_new(momentum);
  kern(running)->lerp(view(running), view(now),
                      (Scalar) { tensor_data(weight) });
  running->storage->version++;
}

/* As PyTorch: the batch is normalised by its biased variance, the running one
 * follows the unbiased. */
static Tensor *batch_forward (const LayerRun *r) {
  double eps = layer_number(r->call, "eps");
  Tensor **p = r->param;
  if (!r->training)
    return op("batchnorm_eval", r->x, p[MEAN], p[VAR], p[WEIGHT], p[BIAS],
              eps);
  double momentum = layer_number(r->call, "momentum");
  Tensor *stats = op("batch_stats", r->x);
  Tensor *y = op("batchnorm_train", r->x, p[WEIGHT], p[BIAS], stats, eps);
  follow(p[MEAN], stats, STATS_MEAN, momentum);
  follow(p[VAR], stats, STATS_UNBIASED, momentum);
  return y;
}

/* ---- layer, group ------------------------------------------------------------ */

static Tensor *layer_forward (const LayerRun *r) {
  return op("layernorm", r->x, r->param[WEIGHT], r->param[BIAS], 1,
            layer_number(r->call, "eps"));
}

static void group_shape (const LayerCall *l, const Shape *in, Shape *out) {
  int64_t groups = need_positive(l, "groups"), c = channels(in);
  norm_shape(l, in, out);
  if (c % groups != 0)
    layer_bad("needs channels that %" PRId64 " groups divide, got %" PRId64,
              groups, c);
}

static Tensor *group_forward (const LayerRun *r) {
  return op("groupnorm", r->x, (int) arg_int(&r->call->call, "groups"),
            r->param[WEIGHT], r->param[BIAS], layer_number(r->call, "eps"));
}

const Layer norm_layers[] = {
  { .name = "batchnorm", .args = "| eps:value=1e-5 momentum:value=0.1",
    .doc = "Batch normalisation (Ioffe and Szegedy 2015): in training by the "
           "statistics of the batch, which running ones follow with weight "
           "momentum; elsewhere by these.  The running ones are buffers.",
    .example = "nn.chain({ 3, 3, 2 }, { nn.batchnorm })(randn(4, 3, 3, 2))",
    .cases = { "nn.chain(5, { nn.batchnorm { eps = 0.1 } })(randn(4, 5))" },
    .shape = norm_shape, .build = batch_build, .forward = batch_forward },
  { .name = "layernorm", .args = "| eps:value=1e-5",
    .doc = "Layer normalisation (Ba, Kiros and Hinton 2016) over the last "
           "axis: the channels of each place.",
    .example = "nn.chain({ 2, 2, 5 }, { nn.layernorm })(randn(3, 2, 2, 5))",
    .cases = { "nn.chain(7, { nn.layernorm { eps = 0.1 } })(randn(3, 7))" },
    .shape = norm_shape, .build = norm_build, .forward = layer_forward },
  { .name = "groupnorm", .args = "groups:int | eps:value=1e-5",
    .doc = "Group normalisation (Wu and He 2018): each row over groups of "
           "neighbouring channels; 1 group normalises the whole row.",
    .example = "nn.chain({ 3, 3, 4 }, { nn.groupnorm(2) })"
               "(randn(2, 3, 3, 4))",
    .cases = { "nn.chain(6, { nn.groupnorm(3) })(randn(2, 6))" },
    .shape = group_shape, .build = norm_build, .forward = group_forward },
  { 0 }
};
