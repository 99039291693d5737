/*
 * conv.c - layers on pictures [H, W, C]: convolution, transposed convolution,
 * pooling, upsampling.  The rule of sizes is that of the ops
 * (autograd/conv.h).
 */
#include "nn/layer.h"

#include "autograd/conv.h"

#include <inttypes.h>

/* What conv and deconv have in common; sizes of the input go where the caller
 * says. */
static ConvShape geometry (const LayerCall *l, const Shape *in) {
  const Call *c = &l->call;
  need_picture(in);
  ConvShape s = { .n = 1, .stride = need_positive(l, "stride"),
                  .groups = need_positive(l, "groups"),
                  .pad_h = PAD_DEFAULT };
  s.kh = s.kw = need_positive(l, "kernel");
  if (arg_given(c, "pad"))
    s.pad_h = arg_int(c, "pad");
  if (s.pad_h < PAD_DEFAULT || (arg_given(c, "pad") && s.pad_h < 0))
    layer_bad("pad must be 0 or more, got %" PRId64, s.pad_h);
  return s;
}

static void need_groups (int64_t channels, const char *what, int64_t groups) {
  if (channels % groups != 0)
    layer_bad("%" PRId64 " groups do not divide its %" PRId64 " %s", groups,
              channels, what);
}

/* ---- convolution ----------------------------------------------------------- */

static ConvShape conv_sizes (const LayerCall *l, const Shape *in) {
  ConvShape s = geometry(l, in);
  s.h = in->size[0];
  s.w = in->size[1];
  s.c = in->size[2];
  s.k = need_positive(l, "filters");
  need_groups(s.c, "input channels", s.groups);
  need_groups(s.k, "filters", s.groups);
  conv_geometry("conv", &s);
  return s;
}

static void conv_shape (const LayerCall *l, const Shape *in, Shape *out) {
  ConvShape s = conv_sizes(l, in);
  *out = (Shape) { 3, { s.oh, s.ow, s.k } };
}

/* Weight and bias, uniform within 1/sqrt(fan_in). */
static int filters (const LayerCall *l, Shape weight, int64_t outputs,
                    Param *list) {
  double fan_in, fan_out;
  init_fans(&weight, &fan_in, &fan_out);
  Init init = init_default(fan_in);
  list[0] = (Param) { "weight", weight, init, false };
  list[1] = (Param) { "bias", { 1, { outputs } }, init, false };
  return arg_bool(&l->call, "bias") ? 2 : 1;
}

static int conv_build (const LayerCall *l, const Shape *in, Param *list) {
  ConvShape s = conv_sizes(l, in);
  return filters(l, (Shape) { 4, { s.k, s.kh, s.kw, s.c / s.groups } }, s.k,
                 list);
}

/* The op's call is filled in by hand: a pad that is not given stays away. */
static Tensor *convolve (const LayerRun *r, const char *name) {
  const Call *l = &r->call->call;
  const Op *o = op_find(name);
  Tensor *bias = r->params > 1 ? r->param[1] : NULL;
  Call c = { .op = o, .spec = spec_of(o->name, o->args), .arg = {
    { .kind = ARG_TENSOR, .given = true, .tensor = r->x },
    { .kind = ARG_TENSOR, .given = true, .tensor = r->param[0] },
    { .kind = ARG_TENSOR, .given = bias != NULL, .tensor = bias },
    { .kind = ARG_INT, .given = true, .integer = arg_int(l, "stride") },
    { .kind = ARG_INT, .given = arg_given(l, "pad"),
      .integer = arg_int(l, "pad") },
    { .kind = ARG_INT, .given = true, .integer = arg_int(l, "groups") },
    { .kind = ARG_TEXT, .given = true, .text = r->act } } };
  return op_call(o, &c);
}

static Tensor *conv_forward (const LayerRun *r) {
  return convolve(r, "conv");
}

/* ---- transposed convolution -------------------------------------------------- */

/* The convolution whose gradient it is goes from h, w, c to oh, ow, k. */
static ConvShape deconv_sizes (const LayerCall *l, const Shape *in) {
  ConvShape s = geometry(l, in);
  s.oh = in->size[0];
  s.ow = in->size[1];
  s.k = in->size[2];
  s.c = need_positive(l, "filters");
  need_groups(s.k, "input channels", s.groups);
  need_groups(s.c, "filters", s.groups);
  deconv_geometry("deconv", &s);
  return s;
}

static void deconv_shape (const LayerCall *l, const Shape *in, Shape *out) {
  ConvShape s = deconv_sizes(l, in);
  *out = (Shape) { 3, { s.h, s.w, s.c } };
}

static int deconv_build (const LayerCall *l, const Shape *in, Param *list) {
  ConvShape s = deconv_sizes(l, in);
  return filters(l, (Shape) { 4, { s.k, s.kh, s.kw, s.c / s.groups } }, s.c,
                 list);
}

static Tensor *deconv_forward (const LayerRun *r) {
  return convolve(r, "deconv");
}

/* ---- pooling ----------------------------------------------------------------- */

typedef struct Pool { int64_t k, stride, pad; } Pool;

static Pool pool_of (const LayerCall *l) {
  const Call *c = &l->call;
  Pool p = { need_positive(l, "k"), 0, arg_int(c, "pad") };
  p.stride = arg_given(c, "stride") ? need_positive(l, "stride") : p.k;
  return p;
}

static void pool_shape (const LayerCall *l, const Shape *in, Shape *out) {
  Pool p = pool_of(l);
  const char *name = l->layer->name;
  need_picture(in);
  *out = (Shape) { 3, {
    pool_size(name, in->size[0], p.k, p.stride, p.pad),
    pool_size(name, in->size[1], p.k, p.stride, p.pad), in->size[2] } };
}

static Tensor *pool_forward (const LayerRun *r) {
  Pool p = pool_of(r->call);
  return op(r->call->layer->name, r->x, (int) p.k, (int) p.stride,
            (int) p.pad);
}

static void upsample_shape (const LayerCall *l, const Shape *in, Shape *out) {
  int64_t k = need_positive(l, "k");
  need_picture(in);
  *out = (Shape) { 3, { in->size[0] * k, in->size[1] * k, in->size[2] } };
}

static Tensor *upsample_forward (const LayerRun *r) {
  return op("upsample", r->x, (int) arg_int(&r->call->call, "k"));
}

#define FILTERS "filters:int kernel:int " \
  "| stride:int=1 pad:int? bias:bool=true groups:int=1"
#define POOL "k:int | stride:int? pad:int=0"

const Layer conv_layers[] = {
  { .name = "conv", .args = FILTERS, .fuses = true,
    .doc = "Convolution with square kernels; without pad a stride s divides "
           "the size by s.  Weights [filters, kernel, kernel, channels], "
           "uniform within 1/sqrt(fan_in) as in PyTorch.",
    .example = "nn.chain({ 6, 6, 2 }, { nn.conv(3, 3, { stride = 2 }) })"
               "(randn(2, 6, 6, 2))",
    .cases = { "nn.chain({ 5, 7, 1 }, { nn.conv(2, 3), nn.relu })"
               "(randn(1, 5, 7, 1))",
               "nn.chain({ 4, 4, 4 }, { nn.conv(2, 1, { groups = 2, "
               "bias = false }) })(randn(2, 4, 4, 4))",
               "nn.chain({ 6, 6, 1 }, { nn.conv(2, 4, { pad = 0 }) })"
               "(randn(2, 6, 6, 1))" },
    .shape = conv_shape, .build = conv_build, .forward = conv_forward },
  { .name = "deconv", .args = FILTERS, .fuses = true,
    .doc = "Transposed convolution: the data gradient of a convolution.  "
           "Without pad a stride s multiplies the size by s.  Weights "
           "[channels, kernel, kernel, filters]; fan_in counts filters, as "
           "PyTorch does.",
    .example = "nn.chain({ 3, 3, 4 }, { nn.deconv(2, 3, { stride = 2 }) })"
               "(randn(2, 3, 3, 4))",
    .cases = { "nn.chain({ 3, 3, 2 }, { nn.deconv(1, 4, { stride = 2 }), "
               "nn.relu })(randn(2, 3, 3, 2))",
               "nn.chain({ 2, 3, 2 }, { nn.deconv(2, 3, { bias = false }) })"
               "(randn(1, 2, 3, 2))" },
    .shape = deconv_shape, .build = deconv_build, .forward = deconv_forward },
  { .name = "maxpool", .args = POOL,
    .doc = "Largest element of each k x k window.",
    .example = "nn.chain({ 4, 4, 2 }, { nn.maxpool(2) })(randn(2, 4, 4, 2))",
    .cases = { "nn.chain({ 5, 5, 1 }, { nn.maxpool(3, { stride = 2, "
               "pad = 1 }) })(randn(1, 5, 5, 1))" },
    .shape = pool_shape, .forward = pool_forward },
  { .name = "avgpool", .args = POOL,
    .doc = "Mean of each k x k window; padding is not counted.",
    .example = "nn.chain({ 4, 4, 2 }, { nn.avgpool(2) })(randn(2, 4, 4, 2))",
    .cases = { "nn.chain({ 5, 5, 1 }, { nn.avgpool(3, { stride = 1, "
               "pad = 1 }) })(randn(1, 5, 5, 1))" },
    .shape = pool_shape, .forward = pool_forward },
  { .name = "upsample", .args = "k:int",
    .doc = "Each pixel k x k times (nearest neighbour).",
    .example = "nn.chain({ 2, 3, 2 }, { nn.upsample(2) })"
               "(randn(2, 2, 3, 2))",
    .shape = upsample_shape, .forward = upsample_forward },
  { 0 }
};
