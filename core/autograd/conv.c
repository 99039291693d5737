/*
 * conv.c - convolutions, pooling and upsampling of pictures [N,H,W,C], and
 * the rule of their sizes (conv.h).
 */
#include "autograd/conv.h"

#include "autograd/act.h"
#include "autograd/op.h"
#include "base/error.h"

#include <inttypes.h>

/* ---- sizes --------------------------------------------------------------- */

static void check_window (const char *name, const ConvShape *s) {
  if (s->stride < 1)
    raise_user("%s: stride must be at least 1, got %" PRId64, name,
               s->stride);
  if (s->kh < 1 || s->kw < 1)
    raise_user("%s: the kernel must be at least 1 x 1, got %" PRId64 " x %"
               PRId64, name, s->kh, s->kw);
  int64_t least = s->kh < s->kw ? s->kh : s->kw;
  if (s->pad_h != PAD_DEFAULT && (s->pad_h < 0 || s->pad_h >= least))
    raise_user("%s: pad must be from 0 to %" PRId64 " for a kernel of %"
               PRId64 " x %" PRId64 ", got %" PRId64, name, least - 1, s->kh,
               s->kw, s->pad_h);
  if (s->groups < 1 || s->c % s->groups != 0 || s->k % s->groups != 0)
    raise_user("%s: groups must divide the channels (%" PRId64 " and %" PRId64
               "), got %" PRId64, name, s->c, s->k, s->groups);
}

static int64_t windows (const char *name, int64_t size, int64_t k,
                        int64_t stride, int64_t pad) {
  if (size + 2 * pad < k)
    raise_user("%s: a kernel of %" PRId64 " with pad %" PRId64 " does not fit "
               "into %" PRId64 "; a pad of %" PRId64 " or a kernel of %" PRId64
               " would", name, k, pad, size, (k - size + 1) / 2,
               size + 2 * pad);
  return (size + 2 * pad - k) / stride + 1;
}

/* Settles both pads; true if none was given, so that each axis keeps its size
 * but for the stride. */
static bool same_size (ConvShape *s) {
  bool same = s->pad_h == PAD_DEFAULT;
  s->pad_w = same ? (s->kw - 1) / 2 : s->pad_h;
  s->pad_h = same ? (s->kh - 1) / 2 : s->pad_h;
  return same;
}

void conv_geometry (const char *name, ConvShape *s) {
  check_window(name, s);
  if (same_size(s)) {
    s->oh = (s->h + s->stride - 1) / s->stride;
    s->ow = (s->w + s->stride - 1) / s->stride;
    return;
  }
  s->oh = windows(name, s->h, s->kh, s->stride, s->pad_h);
  s->ow = windows(name, s->w, s->kw, s->stride, s->pad_w);
}

/* Rows that windows spread over: size windows, less the padding. */
static int64_t spread (const char *name, int64_t size, int64_t k,
                       int64_t stride, int64_t pad) {
  if (size == 0)
    return 0;
  int64_t plain = (size - 1) * stride + k - 2 * pad;
  int64_t missing = size * stride - plain;
  if (missing >= 0 && missing < stride)
    return size * stride;
  if (plain < 1)
    raise_user("%s: a kernel of %" PRId64 " with pad %" PRId64 " leaves "
               "nothing of %" PRId64 "; a pad of %" PRId64 " would fit", name,
               k, pad, size, (k - 1) / 2);
  return plain;
}

void deconv_geometry (const char *name, ConvShape *s) {
  check_window(name, s);
  if (same_size(s)) {
    s->h = s->oh * s->stride;
    s->w = s->ow * s->stride;
    return;
  }
  s->h = spread(name, s->oh, s->kh, s->stride, s->pad_h);
  s->w = spread(name, s->ow, s->kw, s->stride, s->pad_w);
}

int64_t pool_size (const char *name, int64_t size, int64_t k, int64_t stride,
                   int64_t pad) {
  if (k < 1 || stride < 1)
    raise_user("%s: window and stride must be at least 1, got %" PRId64
               " and %" PRId64, name, k, stride);
  if (pad < 0 || pad > k / 2)
    raise_user("%s: pad must be from 0 to half of the window (%" PRId64
               "), got %" PRId64, name, k / 2, pad);
  return windows(name, size, k, stride, pad);
}

/* ---- conv and deconv ----------------------------------------------------- */

/* What both take, in the words of the convolution: its weight. */
static ConvShape weights (const Call *c) {
  const Shape *w = &arg(c, "w")->shape;
  need_rank(c, "x", 4);
  need_rank(c, "w", 4);
  ConvShape s = { .n = arg(c, "x")->shape.size[0], .k = w->size[0],
                  .kh = w->size[1], .kw = w->size[2],
                  .stride = arg_int(c, "stride"),
                  .pad_h = arg_given(c, "pad") ? arg_int(c, "pad")
                                               : PAD_DEFAULT,
                  .groups = arg_int(c, "groups") };
  if (arg_given(c, "pad") && s.pad_h < 0)
    bad_arg(c, "pad", "must be at least 0, got %" PRId64, s.pad_h);
  s.c = w->size[3] * s.groups;
  act_of(c);
  return s;
}

static void need_bias (const Call *c, int64_t channels) {
  if (arg(c, "b") != NULL)
    need_shape(c, "b", &(Shape) { 1, { channels } });
}

static ConvShape conv_of (const Call *c) {
  ConvShape s = weights(c);
  const Shape *x = &arg(c, "x")->shape;
  s.h = x->size[1];
  s.w = x->size[2];
  if (s.c != x->size[3])
    bad_arg(c, "w", "must be [filters, height, width, %" PRId64 " / groups] "
            "for x %s, got %s", x->size[3], shape_text(x),
            shape_text(&arg(c, "w")->shape));
  conv_geometry(c->spec->name, &s);
  return s;
}

static ConvShape deconv_of (const Call *c) {
  ConvShape s = weights(c);
  const Shape *x = &arg(c, "x")->shape;
  s.oh = x->size[1];
  s.ow = x->size[2];
  if (s.k != x->size[3])
    bad_arg(c, "w", "must be [%" PRId64 ", height, width, filters / groups] "
            "for x %s, got %s", x->size[3], shape_text(x),
            shape_text(&arg(c, "w")->shape));
  deconv_geometry(c->spec->name, &s);
  return s;
}

static void conv_shape (const Call *c, Shape *y, DType *dtype) {
  ConvShape s = conv_of(c);
  need_bias(c, s.k);
  *y = (Shape) { 4, { s.n, s.oh, s.ow, s.k } };
  *dtype = F32;
}

static void deconv_shape (const Call *c, Shape *y, DType *dtype) {
  ConvShape s = deconv_of(c);
  need_bias(c, s.c);
  *y = (Shape) { 4, { s.n, s.h, s.w, s.c } };
  *dtype = F32;
}

/* The bias, or a view without data. */
static View bias_view (const Call *c) {
  return arg(c, "b") != NULL ? view(act_input(c, "b")) : (View) { 0 };
}

static void conv_forward (Call *c, Tensor *y) {
  kern(y)->conv(view(y), view(act_input(c, "x")), view(act_input(c, "w")),
                bias_view(c), conv_of(c), act_of(c));
}

static void deconv_forward (Call *c, Tensor *y) {
  kern(y)->deconv(view(y), view(act_input(c, "x")), view(act_input(c, "w")),
                  bias_view(c), deconv_of(c), act_of(c));
}

static Tensor *like (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  return tensor_new(t->storage->device, F32, &t->shape);
}

/* Both gradients; they differ in the kernels alone. */
static void both_back (Call *c, Tensor *y, Tensor *dy, ConvShape s,
                       void (*back_x) (View, View, View, ConvShape),
                       void (*back_w) (View, View, View, View, ConvShape)) {
  bool biased;
  Tensor *d = act_before(c, y, dy, &biased);
  bool bias = !biased && arg(c, "b") != NULL && wants(c, "b");
  if (wants(c, "x")) {
    Tensor *dx = like(c, "x");
    back_x(view(dx), view(d), view(act_input(c, "w")), s);
    give(c, "x", dx);
  }
  if (wants(c, "w")) {
    Tensor *dw = like(c, "w"), *db = bias ? like(c, "b") : NULL;
    back_w(view(dw), bias ? view(db) : (View) { 0 }, view(d),
           view(act_input(c, "x")), s);
    give(c, "w", dw);
    if (bias)
      give(c, "b", db);
  } else if (bias) {
    Tensor *db = like(c, "b");
    int64_t n = db->shape.size[0];
    Shape rows = { 2, { n ? tensor_count(d) / n : 0, n } };
    kern(d)->bias_back(view(db), view(tensor_reshaped(d, &rows)));
    give(c, "b", db);
  }
}

static void conv_backward (Call *c, Tensor *y, Tensor *dy) {
  const Kernels *k = kern(y);
  both_back(c, y, dy, conv_of(c), k->conv_back_x,
            k->conv_back_w);
}

static void deconv_backward (Call *c, Tensor *y, Tensor *dy) {
  const Kernels *k = kern(y);
  both_back(c, y, dy, deconv_of(c), k->deconv_back_x,
            k->deconv_back_w);
}

/* ---- pools --------------------------------------------------------------- */

/* The stride of a pool is its window if it is not given. */
static int64_t pool_stride (const Call *c) {
  return arg_given(c, "stride") ? arg_int(c, "stride") : arg_int(c, "k");
}

static void pool_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 4);
  int64_t k = arg_int(c, "k"), pad = arg_int(c, "pad");
  *y = arg(c, "x")->shape;
  for (int axis = 1; axis <= 2; axis++)
    y->size[axis] = pool_size(c->spec->name, y->size[axis], k, pool_stride(c),
                              pad);
  *dtype = F32;
}

/* Keeps the place of each maximum in its picture. */
static void maxpool_forward (Call *c, Tensor *y) {
  Tensor *place = tensor_new(y->storage->device, I32, &y->shape);
  kern(y)->maxpool(view(y), view(place), view(act_input(c, "x")),
                   arg_int(c, "k"), pool_stride(c), arg_int(c, "pad"));
  save(c, 0, place);
}

static void maxpool_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = like(c, "x");
  (void) y;
  kern(dx)->maxpool_back(view(dx), view(dense(dy)), view(c->saved[0]));
  give(c, "x", dx);
}

static void avgpool_forward (Call *c, Tensor *y) {
  kern(y)->avgpool(view(y), view(act_input(c, "x")), arg_int(c, "k"),
                   pool_stride(c), arg_int(c, "pad"));
}

static void avgpool_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = like(c, "x");
  (void) y;
  kern(dx)->avgpool_back(view(dx), view(dense(dy)), arg_int(c, "k"),
                         pool_stride(c), arg_int(c, "pad"));
  give(c, "x", dx);
}

static void upsample_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t k = arg_int(c, "k");
  need_rank(c, "x", 4);
  if (k < 1)
    bad_arg(c, "k", "must be at least 1, got %" PRId64, k);
  *y = arg(c, "x")->shape;
  y->size[1] *= k;
  y->size[2] *= k;
  *dtype = F32;
}

static void upsample_forward (Call *c, Tensor *y) {
  kern(y)->upsample(view(y), view(act_input(c, "x")), arg_int(c, "k"));
}

static void upsample_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = like(c, "x");
  (void) y;
  kern(dx)->upsample_back(view(dx), view(dense(dy)), arg_int(c, "k"));
  give(c, "x", dx);
}

#define CONV_ARGS "x:tensor w:tensor b:tensor? " \
  "| stride:int=1 pad:int? groups:int=1 act:text=none"

const Op conv_ops[] = {
  { .name = "conv", .args = CONV_ARGS,
    .doc = "Convolution of pictures (cross-correlation).  x: [N, H, W, C]; w: "
           "[K, KH, KW, C / groups]; b: [K].  Result: [N, H / stride, "
           "W / stride, K], rounded up: (KH - 1) / 2 rows and (KW - 1) / 2 "
           "columns of 0 lie before it, what is missing behind; with a pad "
           "as in PyTorch: (H + 2 pad - KH) / stride + 1, rounded down.  "
           "act: \"none\" or \"relu\".",
    .example = "conv(randn(2, 7, 6, 3), randn(4, 3, 3, 3), randn(4), "
               "{ stride = 2 })",
    .cases = { "conv(randn(1, 5, 5, 1), randn(16, 3, 3, 1), randn(16))",
               "conv(randn(2, 8, 8, 4), randn(6, 4, 4, 2), "
               "{ stride = 2, pad = 1, groups = 2 })",
               "conv(randn(9, 6, 5, 17), randn(5, 1, 1, 17), randn(5), "
               "{ stride = 3 })",
               "conv(randn(0, 5, 5, 2), randn(3, 3, 3, 2), randn(3))",
               "conv(randn(2, 5, 7, 3), randn(2, 3, 5, 3), { pad = 0 })",
               "conv(randn(2, 3, 8, 2), randn(4, 1, 7, 2), randn(4))" },
    .bench = "conv(randn(128, 14, 14, 32), randn(64, 3, 3, 32), randn(64), "
             "{ stride = 2 })",
    .shape = conv_shape, .forward = conv_forward, .backward = conv_backward,
    .linear = true },
  { .name = "deconv", .args = CONV_ARGS,
    .doc = "Transposed convolution: the data gradient of conv, whose weight "
           "it takes.  x: [N, H, W, C]; w: [C, KH, KW, K / groups]; b: [K].  "
           "Result: [N, H stride, W stride, K]; with a pad, where less than "
           "stride rows are missing for that, else [N, (H - 1) stride + KH - "
           "2 pad, ..., K].  act: \"none\" or \"relu\".",
    .example = "deconv(randn(2, 4, 3, 5), randn(5, 3, 3, 2), randn(2), "
               "{ stride = 2 })",
    .cases = { "deconv(randn(2, 5, 5, 16), randn(16, 3, 3, 1), randn(1), "
               "{ stride = 2 })",
               "deconv(randn(1, 1, 1, 6), randn(6, 4, 4, 3), { pad = 0 })",
               "deconv(randn(9, 3, 4, 4), randn(4, 4, 4, 3), randn(6), "
               "{ stride = 2, pad = 1, groups = 2 })",
               "deconv(randn(2, 3, 3, 2), randn(2, 1, 1, 2), { stride = 3 })",
               "deconv(randn(2, 4, 3, 2), randn(2, 3, 1, 2), { stride = 2 })",
               "deconv(randn(0, 2, 2, 2), randn(2, 3, 3, 1), randn(1))" },
    .bench = "deconv(randn(128, 7, 7, 64), randn(64, 3, 3, 32), randn(32), "
             "{ stride = 2 })",
    .shape = deconv_shape, .forward = deconv_forward,
    .backward = deconv_backward, .linear = true },
  { .name = "maxpool", .args = "x:tensor k:int | stride:int? pad:int=0",
    .doc = "Largest value of each k x k window.  x: [N, H, W, C].  stride: k "
           "if it is not given.  A NaN in the window is the result.",
    .example = "maxpool(randn(2, 6, 4, 3), 2)",
    .cases = { "maxpool(randn(2, 7, 5, 1), 3, { stride = 2, pad = 1 })",
               "maxpool(randn(1, 1, 1, 1), 1)" },
    .bench = "maxpool(randn(128, 14, 14, 32), 2)",
    .shape = pool_shape, .forward = maxpool_forward,
    .backward = maxpool_backward },
  { .name = "avgpool", .args = "x:tensor k:int | stride:int? pad:int=0",
    .doc = "Mean of each k x k window; padding is not counted.  x: "
           "[N, H, W, C].  stride: k if it is not given.",
    .example = "avgpool(randn(2, 6, 4, 3), 2)",
    .cases = { "avgpool(randn(2, 7, 5, 1), 3, { stride = 2, pad = 1 })",
               "avgpool(randn(0, 4, 4, 2), 4)" },
    .bench = "avgpool(randn(128, 14, 14, 32), 2)",
    .shape = pool_shape, .forward = avgpool_forward,
    .backward = avgpool_backward, .linear = true },
  { .name = "upsample", .args = "x:tensor k:int",
    .doc = "Each pixel repeated k times in both directions (nearest "
           "neighbour).  x: [N, H, W, C].  Result: [N, k H, k W, C].",
    .example = "upsample(randn(2, 3, 2, 4), 2)",
    .cases = { "upsample(randn(1, 1, 1, 1), 5)",
               "upsample(randn(3, 2, 5, 3), 1)" },
    .bench = "upsample(randn(128, 7, 7, 64), 2)",
    .shape = upsample_shape, .forward = upsample_forward,
    .backward = upsample_backward, .linear = true },
  { 0 }
};
