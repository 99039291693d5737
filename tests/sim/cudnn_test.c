/*
 * cudnn_test.c - the backend's plans (core/backend/cuda/plan.c) on the
 * stand-in for cuDNN: each pass of convolutions with groups, strides and every
 * kind of padding against a naive loop; and wrong use, which must be reported.
 */
#include "backend/cuda/plan.h"
#include "libs_float.h"
#include "libs_test.h"

static cudnnHandle_t handle;
static cudnnBackendDescriptor_t device;
static char why[512];

static void start (void) {
  MUST(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  MUST(cudnnCreate(&handle));
  MUST(cudnnSetStream(handle, stream));
  device = plan_device(0, why, sizeof why);
  if (device == NULL) {
    fprintf(stderr, "no device: %s\n", why);
    exit(1);
  }
}

static void stop (void) {
  MUST(cudaStreamSynchronize(stream));
  MUST(cudnnBackendDestroyDescriptor(device));
  MUST(cudnnDestroy(handle));
  MUST(cudaStreamDestroy(stream));
}

/* ---- right ones ---- */

/* n h w c, oh ow, k kh kw, stride pad_h pad_w groups */
static const ConvShape shapes[] = {
  { 2, 7, 6, 3, 4, 3, 4, 3, 3, 2, 1, 1, 1 },
  { 1, 5, 5, 1, 5, 5, 16, 3, 3, 1, 1, 1, 1 },
  { 2, 8, 8, 4, 4, 4, 6, 4, 4, 2, 1, 1, 2 },
  { 3, 6, 5, 17, 2, 2, 5, 1, 1, 3, 0, 0, 1 },
  { 2, 5, 7, 3, 3, 3, 2, 3, 5, 1, 0, 0, 1 },
  { 2, 5, 9, 3, 5, 9, 4, 1, 7, 1, 0, 3, 1 },
  { 2, 9, 5, 4, 9, 5, 6, 7, 1, 1, 3, 0, 2 },
  { 2, 6, 6, 4, 6, 6, 5, 4, 4, 1, 1, 1, 1 },       /* padding 1 and 2 */
  { 1, 4, 4, 3, 1, 1, 6, 4, 4, 1, 0, 0, 1 },
  { 2, 9, 9, 2, 3, 3, 2, 1, 1, 3, 0, 0, 1 },
  { 2, 9, 9, 8, 9, 9, 8, 5, 5, 1, 2, 2, 8 },
  { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1 },
};

typedef struct Arrays {
  int64_t nx, nw, ny;
  float *x, *w, *y, *b;
  double *want;                 /* of what the pass writes */
} Arrays;

static float seen (float v, const Plan *p, Precision precision) {
  if (p->input == CUDNN_DATA_BFLOAT16)
    return from_bf16(to_bf16(v));
  return precision == PRECISION_FLOAT32 ? v : to_tf32(v);
}

/* Every triple of x, w and y that meets, whichever way the pass goes. */
static void naive (Arrays *a, const PlanKey *key, const Plan *p) {
  const ConvShape *s = &key->s;
  int64_t cg = s->c / s->groups, kg = s->k / s->groups;
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t i = 0; i < s->oh * s->ow * s->k; i++)
      for (int64_t j = 0; j < s->kh * s->kw * cg; j++) {
        int64_t k = i % s->k, ow = i / s->k % s->ow, oh = i / s->k / s->ow;
        int64_t kw = j / cg % s->kw, kh = j / cg / s->kw;
        int64_t h = oh * s->stride - s->pad_h + kh;
        int64_t w = ow * s->stride - s->pad_w + kw;
        if (h < 0 || h >= s->h || w < 0 || w >= s->w)
          continue;
        int64_t at = ((n * s->h + h) * s->w + w) * s->c + k / kg * cg + j % cg;
        int64_t from = k * s->kh * s->kw * cg + j;
        int64_t to = n * s->oh * s->ow * s->k + i;
        double x = seen(a->x[at], p, key->precision);
        double f = seen(a->w[from], p, key->precision);
        double y = seen(a->y[to], p, key->precision);
        if (key->kind == PLAN_CONV)
          a->want[to] += x * f;
        else if (key->kind == PLAN_BACK_X)
          a->want[at] += y * f;
        else
          a->want[from] += x * y;
      }
  for (int64_t i = 0; key->kind == PLAN_CONV && i < a->ny; i++) {
    if (key->bias)
      a->want[i] += a->b[i % s->k];
    if (key->act == ACT_RELU && a->want[i] <= 0)
      a->want[i] = 0;
  }
}

static void *upload (const float *x, int64_t n, cudnnDataType_t type) {
  uint16_t *h = malloc((size_t) n * sizeof *h);
  for (int64_t i = 0; i < n; i++)
    h[i] = to_bf16(x[i]);
  bool half = type == CUDNN_DATA_BFLOAT16;
  void *p = half ? device_of(h, (size_t) n * 2) : device_of(x, (size_t) n * 4);
  free(h);
  return p;
}

static void compare (const Arrays *a, const PlanKey *key, const Plan *p,
                     const void *at, int64_t n, int shape) {
  bool half = p->output == CUDNN_DATA_BFLOAT16;
  float *got = malloc((size_t) n * sizeof *got);
  host_of(got, at, (size_t) n * (half ? 2 : 4));
  /* A different engine may or may not round to TF32. */
  double scale = half ? 0.01 : key->precision == PRECISION_FLOAT32 ? 1e-5
                                                                   : 0.02;
  for (int64_t i = 0; i < n; i++) {
    float v = half ? from_bf16(((uint16_t *) got)[i]) : got[i];
    CHECK(near(v, a->want[i], scale), "shape %d kind %d bias %d act %d "
          "precision %d at %lld: %g, not %g", shape, (int) key->kind,
          (int) key->bias, (int) key->act, (int) key->precision,
          (long long) i, (double) v, a->want[i]);
  }
  free(got);
}

static void try (const PlanKey *key, int shape) {
  const ConvShape *s = &key->s;
  Plan p;
  Arrays a = { .nx = s->n * s->h * s->w * s->c,
               .nw = s->k * s->kh * s->kw * s->c / s->groups,
               .ny = s->n * s->oh * s->ow * s->k };
  if (!plan_make(&p, key, device, 64 << 20, why, sizeof why)) {
    /* Only what the caller can do without may be missing. */
    CHECK(key->bias || key->act != ACT_NONE ||
          key->precision == PRECISION_BF16, "shape %d kind %d precision %d "
          "has no plan: %s", shape, (int) key->kind, (int) key->precision,
          why);
    return;
  }
  int64_t n = key->kind == PLAN_CONV ? a.ny : key->kind == PLAN_BACK_X ? a.nx
                                                                     : a.nw;
  a.x = numbers(a.nx);
  if (key->act == ACT_RELU)
    a.x[0] = NAN;
  a.w = numbers(a.nw);
  a.y = numbers(a.ny);
  a.b = numbers(s->k);
  a.want = calloc((size_t) n, sizeof *a.want);
  naive(&a, key, &p);
  void *at[] = { upload(a.x, a.nx, p.input), upload(a.w, a.nw, p.input),
                 upload(a.y, a.ny, p.input), upload(a.b, s->k,
                                                    CUDNN_DATA_FLOAT) };
  void *to = device_new((size_t) n * 4), *space = device_new(p.workspace);
  int out = key->kind == PLAN_CONV ? 2 : key->kind == PLAN_BACK_X ? 0 : 1;
  void *in = at[out];
  at[out] = to;
  MUST(plan_run(&p, handle, at[0], at[1], at[2], key->bias ? at[3] : NULL,
                p.workspace > 0 ? space : NULL));
  compare(&a, key, &p, to, n, shape);
  at[out] = in;
  for (int i = 0; i < 4; i++)
    MUST(cudaFree(at[i]));
  MUST(cudaFree(to));
  MUST(cudaFree(space));
  plan_drop(&p);
  free(a.x);
  free(a.w);
  free(a.y);
  free(a.b);
  free(a.want);
}

static PlanKey key_of (PlanKind kind, Precision precision, int bias,
                       Activation act, int shape) {
  PlanKey key;
  memset(&key, 0, sizeof key);
  key.kind = kind;
  key.precision = precision;
  key.bias = bias;
  key.act = act;
  key.s = shapes[shape];
  return key;
}

static void all (void) {
  for (int i = 0; i < (int) (sizeof shapes / sizeof *shapes); i++)
    for (int precision = 0; precision < PRECISIONS; precision++) {
      for (int kind = 0; kind < PLAN_KINDS; kind++) {
        PlanKey key = key_of(kind, precision, 0, ACT_NONE, i);
        try(&key, i);
      }
      PlanKey bias = key_of(PLAN_CONV, precision, 1, ACT_NONE, i);
      PlanKey relu = key_of(PLAN_CONV, precision, 1, ACT_RELU, i);
      try(&bias, i);
      try(&relu, i);
    }
}

/* The workspace stays under the cap, or there is no plan. */
static void capped (void) {
  PlanKey key = key_of(PLAN_BACK_X, PRECISION_FLOAT32, 0, ACT_NONE, 1);
  Plan p;
  bool made = plan_make(&p, &key, device, 0, why, sizeof why);
  CHECK(!made || p.workspace == 0, "a cap of 0 gave %zu bytes", p.workspace);
  if (made)
    plan_drop(&p);
  key.s.n = 0;
  made = plan_make(&p, &key, device, 1 << 20, why, sizeof why);
  CHECK(!made, "a plan for an empty tensor");
}

/* A captured plan runs at every launch, on what lies there then. */
static void replayed (void) {
  PlanKey one = key_of(PLAN_CONV, PRECISION_FLOAT32, 0, ACT_NONE, 0);
  one.s = (ConvShape) { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1 };
  float v = 3, y = 0;
  Plan p;
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  if (!plan_make(&p, &one, device, 64 << 20, why, sizeof why))
    exit(1);
  void *dx = device_of(&v, 4), *dw = device_of(&v, 4), *dy = device_new(4);
  void *room = device_new(p.workspace);
  MUST(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  MUST(plan_run(&p, handle, dx, dw, dy, NULL, room));
  MUST(cudaStreamEndCapture(stream, &graph));
  MUST(cudaGraphInstantiate(&exec, graph, 0));
  MUST(cudaGraphLaunch(exec, stream));
  MUST(cudaMemcpyAsync(dw, dy, 4, cudaMemcpyDeviceToDevice, stream));
  MUST(cudaGraphLaunch(exec, stream));
  host_of(&y, dy, 4);
  CHECK(y == 27, "the second launch: %g", (double) y);
  MUST(cudaGraphExecDestroy(exec));
  MUST(cudaGraphDestroy(graph));
  void *all[] = { dx, dw, dy, room };
  for (int i = 0; i < 4; i++)
    MUST(cudaFree(all[i]));
  plan_drop(&p);
}

/* ---- wrong ones ---- */

static PlanKey key;
static Plan plan;
static char *x, *w, *y, *space;

static void begin (void) {
  start();
  key = key_of(PLAN_CONV, PRECISION_FLOAT32, 0, ACT_NONE, 0);
  if (!plan_make(&plan, &key, device, 64 << 20, why, sizeof why))
    exit(1);
  float *some = numbers(4096);
  x = device_of(some, 4096);
  w = device_of(some, 4096);
  y = device_new(4096);
  space = device_new(plan.workspace);
  free(some);
}

static void go (void *at_x, void *at_w, void *at_y, void *bias) {
  plan_run(&plan, handle, at_x, at_w, at_y, bias, space);
  MUST(cudaStreamSynchronize(stream));
}

static void misaligned (void) {
  begin();
  go(x + 16, w, y, NULL);
}

static void on_the_host (void) {
  begin();
  go(x, malloc(4096), y, NULL);
}

static void missing (void) {
  begin();
  go(x, w, NULL, NULL);
}

static void one_too_many (void) {
  begin();
  go(x, w, y, w);
}

static void overlapping (void) {
  begin();
  go(x, w, x + 256, NULL);
}

static void too_small (void) {
  begin();
  go(x, w, device_new(64), NULL);
}

static void uninitialised (void) {
  begin();
  go(device_new(4096), w, y, NULL);
}

static void freed (void) {
  begin();
  MUST(cudaFree(x));
  go(x, w, y, NULL);
}

static void dropped (void) {
  Plan was;
  begin();
  was = plan;
  plan_drop(&plan);
  plan = was;
  go(x, w, y, NULL);
}

static void handles (void) {
  cudnnBackendDescriptor_t d = NULL;
  begin();
  cudnnBackendCreateDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &d);
  cudnnBackendSetAttribute(d, CUDNN_ATTR_OPERATIONGRAPH_HANDLE,
                           CUDNN_TYPE_HANDLE, 1, &handle);
}

static void no_such_device (void) {
  plan_device(77, why, sizeof why);
}

static void wrong_shape (void) {
  begin();
  key.s.oh = 1;
  plan_make(&plan, &key, device, 1 << 20, why, sizeof why);
}

static void left_over (void) {
  begin();
}

int main (void) {
  reported(misaligned, "not aligned");
  reported(on_the_host, "no device memory");
  reported(missing, "no device memory");
  reported(one_too_many, "has no tensor 4");
  reported(overlapping, "the output overlaps");
  reported(too_small, "cudnnBackendExecute");
  reported(uninitialised, "cudnnBackendExecute");
  reported(freed, "cudnnBackendExecute");
  reported(dropped, "not a finalized execution plan");
  reported(handles, "a handle is deprecated");
  reported(no_such_device, "there is no device 77");
  /* The real library sees it first, in its own words. */
  reported(wrong_shape, getenv("SIM_CUDNN") != NULL ? "windows of"
                                                    : "descriptor of type 10");
  reported(left_over, "not destroyed");
  start();
  all();
  capped();
  replayed();
  stop();
  printf("cudnn %zu: %d checks, %d wrong\n", cudnnGetVersion(), cases, wrong);
  return wrong > 0;
}
