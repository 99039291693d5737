/*
 * conv.c - convolutions, transposed convolutions and their gradients, NHWC.
 *
 * There are three passes: forward, data gradient and weight gradient.  A
 * transposed convolution is the data gradient of the convolution that it is
 * named after, and its data gradient is that convolution's forward.
 *
 * The work is cut into chunks of images.  Forward and data gradient do not
 * add over images, so their chunks are chosen for the cache; bias and
 * activation are applied while a chunk is in it.  The weight gradient adds
 * over images: in groups that follow from the batch alone, each computed by
 * one thread, and added in order.
 *
 * Few channels have kernels of their own (few.h), and so has everything else
 * that direct.h computes.  What is left, convolutions in groups and machines
 * without AVX2, is oneDNN's.  It is given plain arrays of images and is free
 * to order the weights as it likes (deal and collect); it never gets a bias,
 * with which its transposed convolution falls into slow code, nor an
 * activation, since its relu turns NaN into 0.
 */
#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/direct.h"
#include "backend/cpu/few.h"
#include "backend/cpu/onednn.h"
#include "base/mem.h"

#include <string.h>

enum {
  CHUNK_BYTES = 512 << 10,      /* of images in a chunk: half of an L2 */
  PART_BYTES = 16 << 20         /* of weight gradients waiting to be added */
};

/* ---- sizes ---- */

static int64_t x_image (const ConvShape *s) {
  return s->h * s->w * s->c;
}

static int64_t y_image (const ConvShape *s) {
  return s->oh * s->ow * s->k;
}

static int64_t weight_count (const ConvShape *s) {
  return s->groups == 0 ? 0 : s->k * s->kh * s->kw * (s->c / s->groups);
}

/* Images of a chunk that adds nothing over images: a sixteenth of the batch,
 * so that sixteen threads have work, but no more than the cache holds. */
static int64_t chunk_images (const ConvShape *s) {
  int64_t bytes = (x_image(s) + y_image(s)) * (int64_t) sizeof(float);
  int64_t most = CHUNK_BYTES / (bytes + 1) + 1, size = s->n / 16;
  size = size > most ? most : size;
  return size < 1 ? 1 : size;
}

/* Images of a group of a weight gradient, of least images unless there are
 * sixteen groups. */
static int64_t group_images (const ConvShape *s, int64_t least) {
  int64_t groups = s->n / least;
  groups = groups < 1 ? 1 : groups > 16 ? 16 : groups;
  return chunk_count(s->n, groups);
}

/* ---- primitives ---- */

static void image_md (dnnl_memory_desc_t *md, int64_t n, int64_t c, int64_t h,
                      int64_t w) {
  dnnl_dims_t size = { n, c, h, w };
  dnnl_memory_desc_init_by_tag(md, 4, size, dnnl_f32, dnnl_nhwc);
}

/* [K,KH,KW,C/groups] as it lies, or in any order that oneDNN likes. */
static void weight_md (dnnl_memory_desc_t *md, const ConvShape *s,
                       bool plain) {
  int64_t g = s->groups, k = s->k / g, c = s->c / g, kh = s->kh, kw = s->kw;
  dnnl_dims_t size = { g, k, c, kh, kw };
  dnnl_dims_t stride = { k * kh * kw * c, kh * kw * c, 1, kw * c, c };
  int from = g == 1 ? 1 : 0;            /* without groups: one axis less */
  if (plain)
    dnnl_memory_desc_init_by_strides(md, 5 - from, size + from, dnnl_f32,
                                     stride + from);
  else
    dnnl_memory_desc_init_by_tag(md, 5 - from, size + from, dnnl_f32,
                                 dnnl_format_tag_any);
}

/* of: NULL, or the order of weights to be used. */
static dnnl_status_t conv_make (const PrimKey *key, const void *of, Prim *p,
                                dnnl_primitive_desc_t *pd) {
  const int64_t *n = key->n;
  ConvShape s = { n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8],
                  n[9], n[10], n[11], n[12] };
  dnnl_memory_desc_t x, y, w;
  dnnl_convolution_desc_t desc;
  dnnl_status_t status;
  int64_t down = (s.oh - 1) * s.stride + s.kh - s.h - s.pad_h;
  int64_t right = (s.ow - 1) * s.stride + s.kw - s.w - s.pad_w;
  dnnl_dims_t stride = { s.stride, s.stride }, before = { s.pad_h, s.pad_w };
  /* Rows that no window reaches would be negative padding. */
  dnnl_dims_t after = { down < 0 ? 0 : down, right < 0 ? 0 : right };
  image_md(&x, s.n, s.c, s.h, s.w);
  image_md(&y, s.n, s.k, s.oh, s.ow);
  weight_md(&w, &s, false);
  if (of != NULL)
    w = *(const dnnl_memory_desc_t *) of;
  if (key->kind == PRIM_CONV) {
    memcpy(p->arg, (int[]) { DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST },
           sizeof p->arg);
    status = dnnl_convolution_forward_desc_init(
      &desc, dnnl_forward_training, dnnl_convolution_direct, &x, &w, NULL,
      &y, stride, before, after);
  } else if (key->kind == PRIM_CONV_BACK_X) {
    memcpy(p->arg, (int[]) { DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS,
           DNNL_ARG_DIFF_SRC }, sizeof p->arg);
    status = dnnl_convolution_backward_data_desc_init(
      &desc, dnnl_convolution_direct, &x, &w, &y, stride, before, after);
  } else {
    memcpy(p->arg, (int[]) { DNNL_ARG_SRC, DNNL_ARG_DIFF_DST,
           DNNL_ARG_DIFF_WEIGHTS }, sizeof p->arg);
    status = dnnl_convolution_backward_weights_desc_init(
      &desc, dnnl_convolution_direct, &x, &w, NULL, &y, stride, before,
      after);
  }
  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create(pd, &desc, prim_attr(), prim_engine(),
                                    NULL);
}

static PrimKey conv_key (PrimKind kind, const ConvShape *s, int64_t images) {
  PrimKey key = { kind, { images, s->h, s->w, s->c, s->oh, s->ow, s->k,
                          s->kh, s->kw, s->stride, s->pad_h, s->pad_w,
                          s->groups } };
  return key;
}

/* A primitive for whole chunks and one for the last, which has the weights in
 * the same order. */
typedef struct Pair {
  const Prim *whole, *last;
  const dnnl_memory_desc_t *weights;
  PrimKey key;
  size_t scratch;
} Pair;

static Pair pair_of (PrimKind kind, const ConvShape *s, int64_t size) {
  Pair p = { .key = conv_key(kind, s, size) };
  int64_t rest = s->n - (chunk_count(s->n, size) - 1) * size;
  p.whole = p.last = prim_find(&p.key, conv_make, NULL);
  p.weights = &p.whole->md[kind == PRIM_CONV_BACK_W ? 2 : 1];
  if (rest != size) {
    PrimKey key = conv_key(kind, s, rest);
    key.n[13] = size;
    p.last = prim_find(&key, conv_make, p.weights);
  }
  p.scratch = p.whole->scratch > p.last->scratch ? p.whole->scratch :
              p.last->scratch;
  return p;
}

/* ---- the order of weights ---- */

static dnnl_status_t deal_make (const PrimKey *key, const void *of, Prim *p,
                                dnnl_primitive_desc_t *pd) {
  const dnnl_memory_desc_t *md = of;       /* from, to */
  (void) key;
  p->arg[0] = DNNL_ARG_FROM;
  p->arg[2] = DNNL_ARG_TO;
  return dnnl_reorder_primitive_desc_create(pd, &md[0], prim_engine(), &md[1],
                                            prim_engine(), prim_attr());
}

/* Between plain weights and those of a pair; a NULL one is plain already. */
static const Prim *dealer (const Pair *pair, const ConvShape *s,
                           bool collect) {
  dnnl_memory_desc_t md[2];
  PrimKey key = pair->key;
  key.n[13] = key.kind;
  key.kind = collect ? PRIM_COLLECT : PRIM_DEAL;
  weight_md(&md[collect], s, true);
  md[!collect] = *pair->weights;
  if (dnnl_memory_desc_equal(&md[0], &md[1]))
    return NULL;
  return prim_find(&key, deal_make, md);
}

static void run_alone (const Prim *p, const void *from, void *to) {
  prim_begin(1);
  prim_run(p, from, NULL, to, cpu_scratch());
  prim_end();
}

static size_t larger (size_t a, size_t b) {
  return a > b ? a : b;
}

/* ---- forward and data gradient by oneDNN ---- */

/* What both have in common: images go in, other images come out. */
typedef struct Pass {
  float *out;
  const float *in, *w, *bias;
  const ConvShape *s;
  Activation act;
  bool back;                       /* data gradient: out is x, in is y */
} Pass;

static void pass_onednn (const Pass *p) {
  const ConvShape *s = p->s;
  int64_t size = chunk_images(s), chunks = chunk_count(s->n, size);
  int64_t from = p->back ? y_image(s) : x_image(s);
  int64_t to = p->back ? x_image(s) : y_image(s);
  int64_t channels = p->back ? s->c : s->k;
  Pair pair = pair_of(p->back ? PRIM_CONV_BACK_X : PRIM_CONV, s, size);
  const Prim *deal = dealer(&pair, s, false);
  size_t bytes = dnnl_memory_desc_get_size(pair.weights);
  cpu_reserve(larger(pair.scratch, deal ? deal->scratch : 0));
  float *dealt = deal ? mem_block(bytes) : NULL;
  if (deal)
    run_alone(deal, p->w, dealt);
  const float *w = deal ? dealt : p->w;
#pragma omp parallel for schedule(static) num_threads(prim_begin(chunks))
  for (int64_t i = 0; i < chunks; i++) {
    int64_t first = i * size, images = chunk_end(i, size, s->n) - first;
    float *out = p->out + first * to;
    prim_run(images == size ? pair.whole : pair.last, p->in + first * from, w,
             out, cpu_scratch());
    cpu_finish(out, images * to / channels, channels, channels, p->bias,
               p->act);
  }
  prim_end();
  mem_block_free(dealt, bytes);
}

/* ---- the same without it ---- */

/* A chunk of few or large images is cut into pieces of at least so many
 * pixels. */
static int64_t piece_count (const ConvShape *s, bool back, int64_t size,
                            int64_t chunks) {
  enum { PIXELS = 96 };
  int64_t pixels = size * (back ? s->h * s->w : s->oh * s->ow);
  int64_t bytes = size * (x_image(s) + y_image(s)) * (int64_t) sizeof(float);
  int64_t pieces = chunk_count(16, chunks), most = pixels / PIXELS;
  pieces = pieces < most ? pieces : most;
  most = bytes / CHUNK_BYTES;
  return pieces > most ? pieces : most > 1 ? most : 1;
}

static void pass_direct (const Pass *p) {
  const ConvShape *s = p->s;
  Direct d = direct_of(s, p->back, p->act == ACT_RELU);
  int64_t size = chunk_images(s), chunks = chunk_count(s->n, size);
  int64_t pieces = piece_count(s, p->back, size, chunks);
  size_t bytes = direct_panel_bytes(&d);
  float *panels = mem_block(bytes);
  direct_deal(&d, panels, p->w, direct_order(s, p->back), p->bias);
  d.panels = panels;
#pragma omp parallel for schedule(static) if (chunks * pieces > 1)
  for (int64_t i = 0; i < chunks * pieces; i++) {
    int64_t first = i / pieces * size;
    direct_pass(&d, p->out + first * d.out_image, p->in + first * d.in_image,
                chunk_end(i / pieces, size, s->n) - first, i % pieces, pieces);
  }
  mem_block_free(panels, bytes);
}

static void pass_few (const Pass *p) {
  const ConvShape *s = p->s;
  int64_t offset[FEW_TAPS];
  Few f = few_of(s, offset);
  int64_t size = chunk_images(s), chunks = chunk_count(s->n, size);
  int64_t padded = (f.ph * f.pw * s->c + 15) & ~(int64_t) 15;
  size_t bytes = (size_t) (s->k * f.lanes) * sizeof(float);
  cpu_reserve((size_t) (padded + (p->back ? s->oh * s->ow * f.lanes : 0)) *
              sizeof(float));
  float *w = mem_block(bytes);
  if (p->back)
    few_deal_lanes(&f, w, p->w);
  else
    few_deal(&f, w, p->w);
#pragma omp parallel for schedule(static) if (chunks > 1)
  for (int64_t c = 0; c < chunks; c++) {
    float *image = cpu_scratch();
    for (int64_t i = c * size; i < chunk_end(c, size, s->n); i++)
      if (p->back) {
        few_back_x(&f, image, p->in + i * y_image(s), w, image + padded);
        few_crop(&f, p->out + i * x_image(s), image, p->bias, p->act);
      } else {
        few_pad(&f, image, p->in + i * x_image(s));
        few_conv(&f, p->out + i * y_image(s), image, w, p->bias, p->act);
      }
  }
  mem_block_free(w, bytes);
}

/* Of bf16 products that the kernels do not round themselves. */
static bool round_first (const ConvShape *s) {
  return bf16_asked() && !few_fits(s) && !(direct_fits(s) && bf16_tiles());
}

static void pass (Pass *p) {
  const ConvShape *s = p->s;
  int64_t channels = p->back ? s->c : s->k;
  int64_t out = s->n * (p->back ? x_image(s) : y_image(s));
  if (out == 0)
    return;
  if (x_image(s) * y_image(s) * weight_count(s) == 0) {   /* nothing to add */
    memset(p->out, 0, (size_t) out * sizeof *p->out);
    cpu_finish(p->out, out / channels, channels, channels, p->bias, p->act);
    return;
  }
  if (round_first(s))
    bf16_round(&p->in, s->n * (p->back ? y_image(s) : x_image(s)), &p->w,
               weight_count(s));
  if (few_fits(s))
    pass_few(p);
  else if (direct_fits(s))
    pass_direct(p);
  else
    pass_onednn(p);
}

void cpu_conv (View y, View x, View w, View bias, ConvShape s,
               Activation act) {
  pass(&(Pass) { y.data, x.data, w.data, bias.data, &s, act, false });
}

void cpu_conv_back_x (View dx, View dy, View w, ConvShape s) {
  pass(&(Pass) { dx.data, dy.data, w.data, NULL, &s, ACT_NONE, true });
}

void cpu_deconv (View y, View x, View w, View bias, ConvShape s,
                 Activation act) {
  pass(&(Pass) { y.data, x.data, w.data, bias.data, &s, act, true });
}

void cpu_deconv_back_x (View dx, View dy, View w, ConvShape s) {
  pass(&(Pass) { dx.data, dy.data, w.data, NULL, &s, ACT_NONE, false });
}

/* ---- weight gradient ---- */

typedef struct Gradient {
  const float *x, *y;              /* y is the gradient of a convolution, the
                                      input of a transposed one */
  const ConvShape *s;
  int64_t size, groups;            /* images of a group, number of groups */
  const float *biased;             /* what the bias was added to, or NULL */
  int64_t biased_image, channels;
  double *bias;                    /* [groups][channels] */
  const Few *few;                  /* or */
  const Route *route;              /* or */
  Pair pair;
  int64_t parts;                   /* of the strips of a group */
  int64_t count, step;             /* floats of a gradient; to the next */
} Gradient;

static void group_weights (const Gradient *g, int64_t i, int64_t part,
                           float *dw) {
  int64_t first = i * g->size, end = chunk_end(i, g->size, g->s->n);
  const float *x = g->x + first * x_image(g->s);
  const float *y = g->y + first * y_image(g->s);
  if (g->route != NULL) {
    int64_t strips = direct_strips(g->s);
    direct_back_w(&(DirectGradient) {
      g->s, g->route, dw, y, x, end - first, strips * part / g->parts,
      strips * (part + 1) / g->parts, 0, g->s->c });
    return;
  }
  if (g->few == NULL) {
    prim_run(end - first == g->size ? g->pair.whole : g->pair.last, x, y, dw,
             cpu_scratch());
    return;
  }
  memset(dw, 0, (size_t) g->count * sizeof *dw);
  for (; first < end; first++, x += x_image(g->s), y += y_image(g->s)) {
    few_pad(g->few, cpu_scratch(), x);
    few_back_w(g->few, dw, y, cpu_scratch());
  }
}

static void group_bias (const Gradient *g, int64_t i) {
  int64_t first = i * g->size, end = chunk_end(i, g->size, g->s->n);
  double *sum = g->bias + i * g->channels;
  memset(sum, 0, (size_t) g->channels * sizeof *sum);
  cpu_column_sums(sum, g->biased + first * g->biased_image,
                  (end - first) * g->biased_image / g->channels, g->channels);
}

/* total (+)= part[0] + part[1] + ... in this order; parts lie step apart */
HOT static void add_parts (float *restrict total, const float *restrict part,
                           int64_t parts, int64_t step, int64_t n,
                           bool first) {
  if (first)
    memcpy(total, part, (size_t) n * sizeof *total);
  for (int64_t p = first; p < parts; p++)
    for (int64_t i = 0; i < n; i++)
      total[i] += part[p * step + i];
}

/* Groups are done in rounds of as many as may wait to be added: the order of
 * addition stays that of the groups.  A single one is the total. */
static void add_groups (const Gradient *g, float *total, float *parts,
                        int64_t round) {
  enum { PIECE = 2048 };
  int64_t pieces = g->groups > 1 ? chunk_count(g->count, PIECE) : 0;
  parts = g->groups > 1 ? parts : total;
  for (int64_t first = 0; first < g->groups; first += round) {
    int64_t n = g->groups - first < round ? g->groups - first : round;
#pragma omp parallel for schedule(static) num_threads(prim_begin(n * g->parts))
    for (int64_t i = 0; i < n * g->parts; i++) {
      int64_t group = i / g->parts, part = i % g->parts;
      group_weights(g, first + group, part, parts + group * g->step);
      if (g->biased != NULL && part == 0)
        group_bias(g, first + group);
    }
    prim_end();
#pragma omp parallel for schedule(static) if (worth_threads(n * g->count))
    for (int64_t i = 0; i < pieces; i++)
      add_parts(total + i * PIECE, parts + i * PIECE, n, g->step,
                chunk_end(i, PIECE, g->count) - i * PIECE, first == 0);
  }
}

static void add_biases (const Gradient *g, float *db) {
  for (int64_t c = 0; c < g->channels; c++) {
    double sum = 0;
    for (int64_t i = 0; i < g->groups; i++)
      sum += g->bias[i * g->channels + c];
    db[c] = (float) sum;
  }
}

/* A group's parts keep sixteen threads busy, and fit half an L2. */
static int64_t part_count (const Gradient *g) {
  int64_t least = chunk_count(16, g->groups), strips = direct_strips(g->s);
  int64_t parts = g->count * (int64_t) sizeof(float) / CHUNK_BYTES;
  parts = parts < least ? least : parts;
  return parts < strips ? parts : strips;
}

/* [taps][K] to [K][taps] */
static void collect_few (const Few *f, float *dw, const float *total) {
  for (int64_t k = 0; k < f->s.k; k++)
    for (int64_t t = 0; t < f->taps; t++)
      dw[k * f->taps + t] = total[t * f->s.k + k];
}

static void gradient (Gradient *g, float *dw, float *db) {
  const ConvShape *s = g->s;
  int64_t offset[FEW_TAPS];
  Few few = { 0 };
  const Prim *collect = NULL;
  size_t scratch;
  bool direct = !few_fits(s) && direct_fits(s);
  g->size = group_images(s, direct ? 32 : 8);
  g->groups = chunk_count(s->n, g->size);
  g->parts = 1;
  if (few_fits(s)) {
    few = few_of(s, offset);
    g->few = &few;
    g->count = few.taps * s->k;
    scratch = (size_t) (few.ph * few.pw * s->c) * sizeof(float);
  } else if (direct) {
    g->route = direct_route(s, ROUTE_BACK_W);
    g->count = weight_count(s);
    g->parts = part_count(g);
    scratch = direct_scratch(s);
  } else {
    g->pair = pair_of(PRIM_CONV_BACK_W, s, g->size);
    collect = dealer(&g->pair, s, true);
    g->count = (int64_t) (dnnl_memory_desc_get_size(g->pair.weights) /
                          sizeof(float));
    scratch = larger(g->pair.scratch, collect ? collect->scratch : 0);
  }
  cpu_reserve(scratch);
  g->step = (g->count + 15) & ~(int64_t) 15;
  int64_t round = PART_BYTES / (g->step * (int64_t) sizeof(float)) + 1;
  round = round < cpu_threads() ? cpu_threads() : round;
  round = round < g->groups ? round : g->groups;
  size_t floats = (size_t) ((round + 1) * g->step) * sizeof(float);
  size_t sums = (size_t) (g->groups * g->channels) * sizeof(double);
  float *total = mem_block(floats + sums);
  g->bias = (double *) (total + (round + 1) * g->step);
  g->biased = db ? g->biased : NULL;
  bool plain = g->few == NULL && collect == NULL;
  add_groups(g, plain ? dw : total, total + g->step, round);
  if (g->few != NULL)
    collect_few(&few, dw, total);
  else if (collect != NULL)
    run_alone(collect, total, dw);
  if (db != NULL)
    add_biases(g, db);
  mem_block_free(total, floats + sums);
}

/* Without images, or pixels, the gradients are 0; the bias's may still be
 * a sum of pixels that no window reached. */
static void weight_gradient (Gradient *g, View dw, View db) {
  const ConvShape *s = g->s;
  int64_t images = s->n * g->biased_image;
  if (s->n * x_image(s) * y_image(s) * weight_count(s) != 0) {
    if (round_first(s))
      bf16_round(&g->x, s->n * x_image(s), &g->y, s->n * y_image(s));
    gradient(g, dw.data, db.data);
    return;
  }
  memset(dw.data, 0, (size_t) weight_count(s) * sizeof(float));
  if (db.data == NULL || g->channels == 0)
    return;
  View rows = { .data = (void *) (uintptr_t) g->biased, .rank = 2,
                .size = { images / g->channels, g->channels } };
  cpu_bias_back(db, rows);
}

void cpu_conv_back_w (View dw, View db, View dy, View x, ConvShape s) {
  Gradient g = { .x = x.data, .y = dy.data, .s = &s, .biased = dy.data,
                 .biased_image = y_image(&s), .channels = s.k };
  weight_gradient(&g, dw, db);
}

void cpu_deconv_back_w (View dw, View db, View dy, View x, ConvShape s) {
  Gradient g = { .x = dy.data, .y = x.data, .s = &s, .biased = dy.data,
                 .biased_image = x_image(&s), .channels = s.c };
  weight_gradient(&g, dw, db);
}
