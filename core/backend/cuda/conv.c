/*
 * conv.c - convolutions, transposed convolutions and their gradients, NHWC.
 *
 * There are three passes: forward, data gradient, weight gradient.  A
 * transposed convolution is the data gradient of the convolution that it is
 * named after.  cuDNN computes them by plans (plan.h), which are made once for
 * each operation, shape and precision and kept; where it has none that is
 * allowed, own.c does.  Forward, bias and activation are one plan if there is
 * such a plan; else cuda_finish goes over the output.
 *
 * Plans want all arrays at PLAN_ALIGNMENT and perhaps in bf16: what is not so
 * goes through scratch, and so does the output.
 */
#include "backend/cuda/conv.h"
#include "backend/cuda/convert.h"
#include "backend/cuda/host.h"
#include "backend/cuda/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKSPACE_MOST = 256 << 20, BUCKETS = 256 };

/* ---- the library ---- */

static cudnnHandle_t cudnn;
static cudnnBackendDescriptor_t described;      /* the GPU */

static cudaError_t failed (const char *what, cudnnStatus_t s) {
  char last[300] = "";
  if (s == CUDNN_STATUS_SUCCESS)
    return cudaSuccess;
  cudnnGetLastErrorString(last, sizeof last);
  return cuda_failed("%s: %s%s%s", what, cudnnGetErrorString(s),
                     last[0] ? ", " : "", last);
}

static cudaError_t open_library (void) {
  char why[300];
  if (described != NULL)
    return cudaSuccess;
  cudnnStatus_t s = cudnn ? CUDNN_STATUS_SUCCESS : cudnnCreate(&cudnn);
  if (s == CUDNN_STATUS_SUCCESS)
    s = cudnnSetStream(cudnn, cuda_stream);
  if (s != CUDNN_STATUS_SUCCESS)
    return failed("cuDNN cannot be started", s);
  described = plan_device(cuda_host.index, why, sizeof why);
  if (described == NULL)
    return cuda_failed("cuDNN cannot describe the device: %s", why);
  return cudaSuccess;
}

/* ---- the plans that were made ---- */

typedef struct Entry {
  struct Entry *next;
  PlanKey key;
  bool good;                     /* else cuDNN has no plan */
  Plan plan;
} Entry;

static Entry *bucket[BUCKETS];

static unsigned hash (const PlanKey *key) {
  const unsigned char *byte = (const unsigned char *) key;
  unsigned h = 2166136261u;
  for (size_t i = 0; i < sizeof *key; i++)
    h = (h ^ byte[i]) * 16777619u;
  return h % BUCKETS;
}

/* Said once: it is slower, not wrong. */
static void say_none (const ConvShape *s, const char *why) {
  static bool said;
  char text[600];
  if (said)
    return;
  said = true;
  snprintf(text, sizeof text, "%s: cuDNN has no plan for the convolution "
           "[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "] -> [%" PRId64
           ", %" PRId64 ", %" PRId64 ", %" PRId64 "], window %" PRId64 " x %"
           PRId64 ", stride %" PRId64 ", pad %" PRId64 " x %" PRId64
           " (%s): own kernels compute it", cuda_name, s->n, s->h, s->w, s->c,
           s->n, s->oh, s->ow, s->k, s->kh, s->kw, s->stride, s->pad_h,
           s->pad_w, why);
  cuda_host.say(text);
}

static cudaError_t make (Entry *e) {
  const char *how = getenv("VAELUA_CUDA_CONV");
  char why[300];
  if (how != NULL && strcmp(how, "own") == 0)
    return cudaSuccess;
  cudaError_t error = open_library();
  if (error != cudaSuccess)
    return error;
  e->good = plan_make(&e->plan, &e->key, described, WORKSPACE_MOST, why,
                      sizeof why);
  if (!e->good && !e->key.bias && e->key.act == ACT_NONE)
    say_none(&e->key.s, why);
  return cudaSuccess;
}

/* *plan NULL: there is none. */
static cudaError_t find (const PlanKey *key, const Plan **plan) {
  Entry **at = &bucket[hash(key)], *e;
  for (e = *at; e != NULL; e = e->next)
    if (memcmp(&e->key, key, sizeof *key) == 0) {
      *plan = e->good ? &e->plan : NULL;
      return cudaSuccess;
    }
  if (cuda_capturing())
    return cuda_failed("a convolution that was not run before cannot be "
                       "captured");
  if ((e = calloc(1, sizeof *e)) == NULL)
    return cuda_failed("out of host memory");
  e->key = *key;
  cudaError_t error = make(e);
  if (error != cudaSuccess) {
    free(e);
    return error;
  }
  e->next = *at;
  *at = e;
  *plan = e->good ? &e->plan : NULL;
  return cudaSuccess;
}

void cuda_conv_close (void) {
  for (int i = 0; i < BUCKETS; i++)
    for (Entry *e = bucket[i], *next; e != NULL; e = next) {
      next = e->next;
      if (e->good)
        plan_drop(&e->plan);
      free(e);
    }
  if (described != NULL)
    cudnnBackendDestroyDescriptor(described);
  if (cudnn != NULL)
    (void) !cudnnDestroy(cudnn);
}

/* ---- running a plan ---- */

enum { X, W, Y, BIAS, ROLES };

typedef struct Pass {
  PlanKind kind;
  int out;                       /* the role that is written */
  float *at[ROLES];              /* BIAS may be NULL */
  int64_t count[ROLES];
  Activation act;
  ConvShape s;
} Pass;

static size_t whole (size_t bytes) {
  return (bytes + PLAN_ALIGNMENT - 1) / PLAN_ALIGNMENT * PLAN_ALIGNMENT;
}

static bool narrow (const Pass *p, const Plan *plan, int role) {
  cudnnDataType_t type = role == p->out ? plan->output : plan->input;
  return role != BIAS && type == CUDNN_DATA_BFLOAT16;
}

/* Bytes of scratch for an array that cannot be given as it is. */
static size_t staged (const Pass *p, const Plan *plan, int role) {
  if (p->at[role] == NULL)
    return 0;
  if (narrow(p, plan, role))
    return whole((size_t) p->count[role] * 2);
  bool aligned = (uintptr_t) p->at[role] % PLAN_ALIGNMENT == 0;
  return aligned ? 0 : whole((size_t) p->count[role] * sizeof(float));
}

static cudaError_t move (float *to, const float *from, int64_t n) {
  return cudaMemcpyAsync(to, from, (size_t) n * sizeof *to,
                         cudaMemcpyDeviceToDevice, cuda_stream);
}

static cudaError_t run_plan (const Pass *p, const Plan *plan) {
  void *give[ROLES];
  size_t bytes[ROLES], total = whole(plan->workspace);
  cudaError_t e = cudaSuccess;
  for (int i = 0; i < ROLES; i++)
    total += bytes[i] = staged(p, plan, i);
  char *room = total > 0 ? cuda_scratch(total) : NULL, *next = room;
  if (total > 0 && room == NULL)
    return cudaErrorMemoryAllocation;
  next += whole(plan->workspace);
  for (int i = 0; i < ROLES && e == cudaSuccess; next += bytes[i], i++) {
    give[i] = bytes[i] ? (void *) next : p->at[i];
    if (bytes[i] == 0 || i == p->out)
      continue;
    e = narrow(p, plan, i) ? cuda_to_bf16(give[i], p->at[i], p->count[i])
                           : move(give[i], p->at[i], p->count[i]);
  }
  if (e == cudaSuccess)
    e = failed("cuDNN", plan_run(plan, cudnn, give[X], give[W], give[Y],
                                 give[BIAS], room));
  if (e != cudaSuccess || bytes[p->out] == 0)
    return e;
  float *out = p->at[p->out];
  return narrow(p, plan, p->out)
         ? cuda_from_bf16(out, give[p->out], p->count[p->out])
         : move(out, give[p->out], p->count[p->out]);
}

/* ---- a pass ---- */

static cudaError_t run_own (const Pass *p) {
  switch (p->kind) {
    case PLAN_CONV:
      return own_conv(p->at[Y], p->at[X], p->at[W], p->s, cuda_precision);
    case PLAN_BACK_X:
      return own_back_x(p->at[X], p->at[Y], p->at[W], p->s, cuda_precision);
    default:
      return own_back_w(p->at[W], p->at[Y], p->at[X], p->s, cuda_precision);
  }
}

/* Bias and activation over an output that a plan has left bare. */
static cudaError_t finish (const Pass *p) {
  int64_t columns = p->out == Y ? p->s.k : p->s.c;
  if (p->at[BIAS] == NULL && p->act == ACT_NONE)
    return cudaSuccess;
  return cuda_finish(p->at[p->out], p->count[p->out] / columns, columns,
                     p->at[BIAS], p->act);
}

static PlanKey key_of (const Pass *p, bool fused) {
  PlanKey key;
  memset(&key, 0, sizeof key);       /* its bytes are compared */
  key.kind = p->kind;
  key.act = fused ? p->act : ACT_NONE;
  key.bias = fused && p->at[BIAS] != NULL;
  key.precision = cuda_precision;
  key.s = p->s;
  return key;
}

static cudaError_t run (Pass *p) {
  const Plan *plan = NULL;
  bool more = p->at[BIAS] != NULL || p->act != ACT_NONE, fused = false;
  cudaError_t e = cudaSuccess;
  if (p->count[p->out] == 0)
    return cudaSuccess;
  if (p->count[X] * p->count[W] * p->count[Y] == 0) {    /* nothing to add */
    e = cudaMemsetAsync(p->at[p->out], 0, sizeof(float) *
                        (size_t) p->count[p->out], cuda_stream);
    return e == cudaSuccess ? finish(p) : e;
  }
  if (more && p->kind == PLAN_CONV) {
    PlanKey key = key_of(p, true);
    e = find(&key, &plan);
    fused = plan != NULL;
  }
  if (plan == NULL && e == cudaSuccess) {
    PlanKey key = key_of(p, false);
    e = find(&key, &plan);
  }
  if (e != cudaSuccess)
    return e;
  float *bias = p->at[BIAS];
  if (!fused)
    p->at[BIAS] = NULL;
  e = plan ? run_plan(p, plan) : run_own(p);
  p->at[BIAS] = bias;
  return e == cudaSuccess && !fused ? finish(p) : e;
}

static Pass pass (PlanKind kind, View x, View w, View y, View bias,
                  ConvShape s, Activation act) {
  return (Pass) {
    .kind = kind, .out = kind == PLAN_CONV ? Y : kind == PLAN_BACK_X ? X : W,
    .at = { x.data, w.data, y.data, bias.data },
    .count = { view_count(&x), view_count(&w), view_count(&y),
               bias.data ? view_count(&bias) : 0 },
    .act = act, .s = s };
}

/* ---- kernels ---- */

static const View none;

cudaError_t cuda_conv (View y, View x, View w, View bias, ConvShape s,
                       Activation act) {
  Pass p = pass(PLAN_CONV, x, w, y, bias, s, act);
  return run(&p);
}

cudaError_t cuda_conv_back_x (View dx, View dy, View w, ConvShape s) {
  Pass p = pass(PLAN_BACK_X, dx, w, dy, none, s, ACT_NONE);
  return run(&p);
}

cudaError_t cuda_deconv (View y, View x, View w, View bias, ConvShape s,
                         Activation act) {
  Pass p = pass(PLAN_BACK_X, y, w, x, bias, s, act);
  return run(&p);
}

cudaError_t cuda_deconv_back_x (View dx, View dy, View w, ConvShape s) {
  Pass p = pass(PLAN_CONV, dy, w, dx, none, s, ACT_NONE);
  return run(&p);
}

/* The gradient of a bias: sums over all but the channels of dy. */
static cudaError_t bias_gradient (View db, View dy, int64_t channels) {
  int64_t n = view_count(&dy);
  View rows = { .data = dy.data, .dtype = F32, .rank = 2,
                .size = { channels ? n / channels : 0, channels },
                .stride = { channels, 1 } };
  return db.data == NULL ? cudaSuccess : cuda_bias_back(db, rows);
}

cudaError_t cuda_conv_back_w (View dw, View db, View dy, View x,
                              ConvShape s) {
  Pass p = pass(PLAN_BACK_W, x, dw, dy, none, s, ACT_NONE);
  cudaError_t e = run(&p);
  return e == cudaSuccess ? bias_gradient(db, dy, s.k) : e;
}

cudaError_t cuda_deconv_back_w (View dw, View db, View dy, View x,
                                ConvShape s) {
  Pass p = pass(PLAN_BACK_W, dy, dw, x, none, s, ACT_NONE);
  cudaError_t e = run(&p);
  return e == cudaSuccess ? bias_gradient(db, dy, s.c) : e;
}
