/*
 * plan.c - cuDNN execution plans of convolutions (plan.h).
 *
 * cuDNN is asked through its graph API: tensors, a convolution, operations, a
 * graph of them; its heuristics answer with engine configurations, best
 * first, and the first that is allowed and fits becomes the plan.
 *
 * Allowed is what gives the same bits in every run and adds in float32, so
 * neither atomics nor Winograd or Fourier transforms, and what needs no
 * compiler at run time.  In strict float32 no tensor core takes part; in TF32
 * and bf16 it may.  ReLU follows a convolution only in an engine that promises
 * to keep NaN, and only if it is the first that is allowed otherwise: a slow
 * engine costs more than a pass of its own.
 *
 * Every descriptor that a plan is made of lives as long as the plan.
 */
#include "backend/cuda/plan.h"

#include <stdio.h>
#include <string.h>

typedef cudnnBackendDescriptor_t Desc;

/* What is being made, and where the reason for a failure goes. */
typedef struct Maker {
  Plan *p;
  const PlanKey *key;
  Desc device;
  char *why;
  size_t n;
  bool ok;
  cudnnStatus_t status;         /* of what failed */
} Maker;

/* ---- descriptors: after a failure nothing more is done ---- */

static void fail (Maker *m, const char *what, cudnnStatus_t status) {
  char detail[256] = "";
  if (!m->ok)
    return;
  m->ok = false;
  m->status = status;
  cudnnGetLastErrorString(detail, sizeof detail);
  snprintf(m->why, m->n, "%s: %s%s%s", what, cudnnGetErrorString(status),
           detail[0] != '\0' ? ": " : "", detail);
}

static Desc make (Maker *m, cudnnBackendDescriptorType_t type) {
  Desc d = NULL;
  if (!m->ok)
    return NULL;
  cudnnStatus_t status = cudnnBackendCreateDescriptor(type, &d);
  if (status != CUDNN_STATUS_SUCCESS) {
    fail(m, "cudnnBackendCreateDescriptor", status);
    return NULL;
  }
  m->p->part[m->p->parts++] = d;
  return d;
}

/* Ends the descriptors made last until no more than parts are left. */
static void unmake (Plan *p, int parts) {
  while (p->parts > parts)
    cudnnBackendDestroyDescriptor(p->part[--p->parts]);
}

static void set (Maker *m, Desc d, cudnnBackendAttributeName_t name,
                 cudnnBackendAttributeType_t type, int64_t count,
                 const void *value) {
  char what[64];
  if (!m->ok)
    return;
  cudnnStatus_t status = cudnnBackendSetAttribute(d, name, type, count, value);
  snprintf(what, sizeof what, "cudnnBackendSetAttribute %d", (int) name);
  if (status != CUDNN_STATUS_SUCCESS)
    fail(m, what, status);
}

static void set_desc (Maker *m, Desc d, cudnnBackendAttributeName_t name,
                      Desc value) {
  set(m, d, name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value);
}

static bool get (Desc d, cudnnBackendAttributeName_t name,
                 cudnnBackendAttributeType_t type, int64_t most, int64_t *n,
                 void *to) {
  return cudnnBackendGetAttribute(d, name, type, most, n, to)
         == CUDNN_STATUS_SUCCESS;
}

static void finalize (Maker *m, Desc d, const char *what) {
  if (!m->ok)
    return;
  cudnnStatus_t status = cudnnBackendFinalize(d);
  if (status != CUDNN_STATUS_SUCCESS)
    fail(m, what, status);
}

/* ---- the graph ---- */

/* Sizes in cuDNN's order, n c h w, of an array that lies as n h w c. */
static Desc tensor (Maker *m, int64_t uid, cudnnDataType_t type, bool inner,
                    int64_t n, int64_t c, int64_t h, int64_t w) {
  int64_t size[] = { n, c, h, w }, stride[] = { c * h * w, 1, c * w, c };
  int64_t alignment = PLAN_ALIGNMENT;
  Desc d = make(m, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  set(m, d, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  set(m, d, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, size);
  set(m, d, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, stride);
  set(m, d, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &uid);
  set(m, d, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment);
  set(m, d, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, 1, &inner);
  finalize(m, d, "tensor");
  return d;
}

/* Padding after the last row.  Where the same windows fit, as much as before
 * the first: engines for equal padding are many. */
static int64_t padding_after (int64_t size, int64_t windows, int64_t k,
                              int64_t stride, int64_t pad) {
  int64_t room = size + 2 * pad - k;
  if (room >= 0 && room / stride + 1 == windows)
    return pad;
  int64_t after = (windows - 1) * stride + k - size - pad;
  return after < 0 ? 0 : after;
}

static Desc convolution (Maker *m) {
  const ConvShape *s = &m->key->s;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  int64_t axes = 2, one[] = { 1, 1 }, stride[] = { s->stride, s->stride };
  int64_t before[] = { s->pad_h, s->pad_w }, after[] = {
    padding_after(s->h, s->oh, s->kh, s->stride, s->pad_h),
    padding_after(s->w, s->ow, s->kw, s->stride, s->pad_w) };
  Desc d = make(m, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  set(m, d, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type);
  set(m, d, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1,
      &mode);
  set(m, d, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &axes);
  set(m, d, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, one);
  set(m, d, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2,
      stride);
  set(m, d, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, before);
  set(m, d, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, after);
  finalize(m, d, "convolution");
  return d;
}

/* Names of the attributes of the three operations. */
static const struct Pass {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, conv, alpha, beta;
} passes[PLAN_KINDS] = {
  [PLAN_CONV] = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA },
  [PLAN_BACK_X] = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA },
  [PLAN_BACK_W] = {
    CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
    CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA },
};

static Desc pass (Maker *m, Desc x, Desc w, Desc y) {
  const struct Pass *pass = &passes[m->key->kind];
  float one = 1, zero = 0;
  Desc conv = convolution(m), d = make(m, pass->type);
  set_desc(m, d, pass->x, x);
  set_desc(m, d, pass->w, w);
  set_desc(m, d, pass->y, y);
  set_desc(m, d, pass->conv, conv);
  set(m, d, pass->alpha, CUDNN_TYPE_FLOAT, 1, &one);
  set(m, d, pass->beta, CUDNN_TYPE_FLOAT, 1, &zero);
  finalize(m, d, "convolution's operation");
  return d;
}

/* y = x + b, or the ReLU of x where b is NULL. */
static Desc pointwise (Maker *m, Desc x, Desc b, Desc y) {
  cudnnPointwiseMode_t mode = b != NULL ? CUDNN_POINTWISE_ADD
                                        : CUDNN_POINTWISE_RELU_FWD;
  cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN;
  cudnnDataType_t type = CUDNN_DATA_FLOAT;
  Desc what = make(m, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  set(m, what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
  set(m, what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, 1, &type);
  if (b == NULL)
    set(m, what, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION,
        CUDNN_TYPE_NAN_PROPOGATION, 1, &nan);
  finalize(m, what, "pointwise");
  Desc d = make(m, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  set_desc(m, d, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  set_desc(m, d, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b != NULL)
    set_desc(m, d, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
  set_desc(m, d, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  finalize(m, d, "pointwise's operation");
  return d;
}

/* The tensor between two operations, kept in float32. */
static Desc between (Maker *m, int64_t uid) {
  const ConvShape *s = &m->key->s;
  return tensor(m, uid, CUDNN_DATA_FLOAT, true, s->n, s->k, s->oh, s->ow);
}

static Desc graph (Maker *m) {
  enum { SUM = 101, PLUS_BIAS };        /* uids of virtual tensors */
  const PlanKey *key = m->key;
  const ConvShape *s = &key->s;
  cudnnDataType_t in = m->p->input, out = m->p->output;
  Desc op[3], y, from;
  int ops = 0;
  Desc x = tensor(m, PLAN_X, key->kind == PLAN_BACK_X ? out : in, false, s->n,
                  s->c, s->h, s->w);
  Desc w = tensor(m, PLAN_W, key->kind == PLAN_BACK_W ? out : in, false, s->k,
                  s->c / s->groups, s->kh, s->kw);
  y = tensor(m, PLAN_Y, key->kind == PLAN_CONV ? out : in, false, s->n, s->k,
             s->oh, s->ow);
  bool relu = key->act == ACT_RELU;
  from = key->bias || relu ? between(m, SUM) : y;
  op[ops++] = pass(m, x, w, from);
  if (key->bias) {
    Desc b = tensor(m, PLAN_BIAS, CUDNN_DATA_FLOAT, false, 1, s->k, 1, 1);
    Desc to = relu ? between(m, PLUS_BIAS) : y;
    op[ops++] = pointwise(m, from, b, to);
    from = to;
  }
  if (relu)
    op[ops++] = pointwise(m, from, NULL, y);
  Desc d = make(m, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  set(m, d, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, ops,
      op);
  finalize(m, d, "operation graph");
  return d;
}

/* ---- engines ---- */

static const char may_lose_nan[] = "may lose NaN";

/* The notes of an engine: whether each number below count is among them.
 * False if they cannot be had. */
static bool notes (Desc engine, cudnnBackendAttributeName_t name,
                   cudnnBackendAttributeType_t type, int count, bool *has) {
  int32_t note[64];
  int64_t n = 0;
  memset(has, 0, (size_t) count * sizeof *has);
  if (!get(engine, name, type, 64, &n, note))
    return false;
  for (int64_t i = 0; i < n && i < 64; i++)
    if (note[i] >= 0 && note[i] < count)
      has[note[i]] = true;
  return true;
}

/* NULL, or why an engine is not taken. */
static const char *refused (const PlanKey *key, Desc engine) {
  bool number[CUDNN_NUMERICAL_NOTE_TYPE_COUNT];
  bool behaviour[CUDNN_BEHAVIOR_NOTE_TYPE_COUNT];
  if (!notes(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
             CUDNN_TYPE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT,
             number) ||
      !notes(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE,
             CUDNN_TYPE_BEHAVIOR_NOTE, CUDNN_BEHAVIOR_NOTE_TYPE_COUNT,
             behaviour))
    return "has no notes";
  if (behaviour[CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION])
    return "compiles at run time";
  if (number[CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC])
    return "is not deterministic";
  if (number[CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION])
    return "does not add in float32";
  if (number[CUDNN_NUMERICAL_NOTE_FFT] ||
      number[CUDNN_NUMERICAL_NOTE_WINOGRAD])
    return "transforms its input";
  if (key->precision == PRECISION_FLOAT32 &&
      (number[CUDNN_NUMERICAL_NOTE_TENSOR_CORE] ||
       number[CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS]))
    return "does not multiply in float32";
  if (key->act == ACT_RELU && !number[CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP])
    return may_lose_nan;
  return NULL;
}

/* The plan of a configuration; false if cuDNN cannot make it. */
static bool plan_of (Maker *m, Desc config) {
  int64_t workspace = 0, n;
  Desc d = make(m, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  set_desc(m, d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  set_desc(m, d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, m->device);
  finalize(m, d, "execution plan");
  if (!m->ok || !get(d, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                     CUDNN_TYPE_INT64, 1, &n, &workspace))
    return false;
  m->p->plan = d;
  m->p->workspace = (size_t) workspace;
  return true;
}

/* Whether the configuration became the plan.  end: nothing after it is to be
 * tried.  Its engine and the plan are the last descriptors then. */
static bool take (Maker *m, Desc config, size_t cap, bool *end) {
  int before = m->p->parts;
  int64_t number = -1, n = 0;
  const char *no = NULL;
  Desc engine = make(m, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  if (m->ok && get(config, CUDNN_ATTR_ENGINECFG_ENGINE,
                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &n, &engine) &&
      get(engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &n,
          &number)) {
    no = refused(m->key, engine);
    if (no == NULL && plan_of(m, config)) {
      m->p->engine = number;
      if (m->p->workspace <= cap)
        return true;
      no = "needs too much workspace";
    }
  }
  if (no != NULL)
    snprintf(m->why, m->n, "engine %lld %s", (long long) number, no);
  *end = no == may_lose_nan;
  m->ok = true;
  unmake(m->p, before);
  return false;
}

/* Tries what the heuristics of one mode offer. */
static bool search (Maker *m, Desc graph, cudnnBackendHeurMode_t mode,
                    size_t cap, bool *end) {
  enum { MOST = 64 };
  Desc config[MOST];
  int before = m->p->parts, made = 0;
  int64_t n = 0;
  bool found = false;
  Desc d = make(m, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  set_desc(m, d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  set_desc(m, d, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, m->device);
  set(m, d, CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, 1, &mode);
  finalize(m, d, "heuristics");
  while (m->ok && made < MOST &&
         cudnnBackendCreateDescriptor(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                                      &config[made]) == CUDNN_STATUS_SUCCESS)
    made++;
  if (m->ok && !get(d, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                    CUDNN_TYPE_BACKEND_DESCRIPTOR, made, &n, config))
    n = 0;
  m->ok = true;
  for (int64_t i = 0; i < n && !found && !*end; i++) {
    found = take(m, config[i], cap, end);
    if (found) {                /* the plan goes before its configuration */
      m->p->part[m->p->parts - 1] = config[i];
      m->p->part[m->p->parts++] = m->p->plan;
      config[i] = NULL;
    }
  }
  for (int i = 0; i < made; i++)
    if (config[i] != NULL)
      cudnnBackendDestroyDescriptor(config[i]);
  if (!found)
    unmake(m->p, before);
  return found;
}

/* ---- what others call ---- */

static bool empty (const ConvShape *s) {
  return s->n * s->h * s->w * s->c * s->oh * s->ow * s->k * s->kh * s->kw == 0;
}

/* cuDNN has no engine that reads bf16 and writes float32.  Weights stay
 * float32, so their gradient is not rounded to bf16 but made in TF32. */
static bool half (const PlanKey *key) {
  return key->precision == PRECISION_BF16 && key->kind != PLAN_BACK_W;
}

bool plan_make (Plan *p, const PlanKey *key, cudnnBackendDescriptor_t device,
                size_t cap, char *why, size_t n) {
  Maker m = { .p = p, .key = key, .device = device, .why = why, .n = n,
              .ok = true };
  bool end = false;
  memset(p, 0, sizeof *p);
  snprintf(why, n, "cuDNN offers no engine");
  if (empty(&key->s)) {
    snprintf(why, n, "an empty tensor has no plan");
    return false;
  }
  p->input = p->output = half(key) ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
  Desc g = graph(&m);
  if (m.ok && (search(&m, g, CUDNN_HEUR_MODE_A, cap, &end) ||
               (!end && search(&m, g, CUDNN_HEUR_MODE_FALLBACK, cap, &end))))
    return true;
  plan_drop(p);
  return false;
}

void plan_drop (Plan *p) {
  unmake(p, 0);
  p->plan = NULL;
}

cudnnBackendDescriptor_t plan_device (int32_t index, char *why, size_t n) {
  Plan p = { 0 };
  Maker m = { .p = &p, .why = why, .n = n, .ok = true };
  Desc d = make(&m, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  set(&m, d, CUDNN_ATTR_DEVICEPROP_DEVICE_ID, CUDNN_TYPE_INT32, 1, &index);
  finalize(&m, d, "device properties");
  if (!m.ok)
    unmake(&p, 0);
  return m.ok ? d : NULL;
}

cudnnStatus_t plan_run (const Plan *p, cudnnHandle_t handle, void *x, void *w,
                        void *y, void *bias, void *workspace) {
  int64_t uid[] = { PLAN_X, PLAN_W, PLAN_Y, PLAN_BIAS };
  void *at[] = { x, w, y, bias };
  int64_t count = bias != NULL ? 4 : 3;
  Plan own = { 0 };
  char why[256] = "";
  Maker m = { .p = &own, .why = why, .n = sizeof why, .ok = true };
  Desc d = make(&m, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  set(&m, d, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, count, uid);
  set(&m, d, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, count,
      at);
  set(&m, d, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1,
      &workspace);
  finalize(&m, d, "variant pack");
  cudnnStatus_t status = m.ok ? cudnnBackendExecute(handle, p->plan, d)
                              : m.status;
  unmake(&own, 0);
  return status;
}
