/*
 * kernels_b.c - the CUDA kernels of random, loss, optim, index, pool and
 * pairwise against those of the CPU, call by call (twin.h).
 */
#include "twin.h"

static const int64_t sizes[] = { 0, 1, 2, 3, 4, 5, 31, 32, 33, 127, 255, 256,
                                 257, 1023, 1025, 5003 };
enum {
  SIZES_COUNT = sizeof sizes / sizeof *sizes,
  BEYOND = 4096 * 256 + 3,           /* more than the threads of a launch */
  ROWS_BEYOND = BEYOND / 32 + 1      /* and than its warps */
};

/* ---- random ---- */

static void fills (int64_t n, int shift) {
  at_case("n %d, shift %d", (int) n, shift);
  Twin at = address(), u = twin_at(shift, F32, 1, &n),
       z = twin_at(shift, F32, 1, &n), k = twin_at(shift, I32, 1, &n),
       wide = twin_at(shift, I32, 1, &n);
  RUN(rand, V(u), A(at));
  RUN(randn, V(z), A(at));
  RUN(randint, V(k), A(at), -3, 7);
  RUN(randint, V(wide), A(at), INT32_MIN, INT32_MAX);
  alike("rand", u, 0), alike("randn", z, 0);
  alike("randint", k, 0), alike("randint", wide, 0);
}

static void dropouts (int64_t n, int shift, double p) {
  at_case("n %d, shift %d, p %g", (int) n, shift, p);
  Twin at = address(), rate = number(p), x = floats_at(shift, true, 1, &n),
       y = twin_at(0, F32, 1, &n);
  RUN(dropout, V(y), V(x), A(at), S(rate));
  alike("dropout", y, 0);
}

static void permutation (int64_t n) {
  at_case("n %d", (int) n);
  Twin at = address(), y = twin(I32, n);
  RUN(randperm, V(y), A(at));
  alike("randperm", y, 0);
}

static void draws (int64_t n, bool odd) {
  at_case("n %d", (int) n);
  Twin at = address(), mean = floats_at(0, odd, 1, &n),
       logvar = floats_at(0, odd, 1, &n), dz = floats_at(0, odd, 1, &n),
       z = twin(F32, n), eps = twin(F32, n), dmean = twin(F32, n),
       dlogvar = twin(F32, n);
  RUN(reparameterise, V(z), V(eps), V(mean), V(logvar), A(at));
  RUN(reparameterise_back, V(dmean), V(dlogvar), V(dz), V(eps), V(logvar));
  alike("z", z, 0), alike("eps", eps, 0);
  alike("dmean", dmean, 0), alike("dlogvar", dlogvar, 0);
}

static void test_random (void) {
  static const int64_t many[] = { 1000, 4097, 20011, 300007 };
  for (int i = 0; i < SIZES_COUNT; i++) {
    for (int shift = 0; shift < 2; shift++) {
      fills(sizes[i], shift);
      dropouts(sizes[i], shift, 0.3);
    }
    dropouts(sizes[i], 0, 0);
    dropouts(sizes[i], 0, 1);
    permutation(sizes[i]);
    draws(sizes[i], i % 2);
  }
  for (int i = 0; i < 4; i++)
    permutation(many[i]);
  fills(BEYOND * 4 + 1, 0);
}

/* ---- losses ---- */

static void losses (int64_t rows, int64_t n, bool odd) {
  at_case("[%d,%d]%s", (int) rows, (int) n, odd ? " odd" : "");
  Twin a = floats_at(0, odd, SIZES(rows, n)),
       b = floats_at(0, odd, SIZES(rows, n)),
       dy = floats_at(0, odd, SIZES(rows));
  Twin y[3], d[4];
  for (int i = 0; i < 3; i++)
    y[i] = twin(F32, rows);
  for (int i = 0; i < 4; i++)
    d[i] = twin(F32, rows, n);
  RUN(bce_rows, V(y[0]), V(a), V(b));
  RUN(squared_rows, V(y[1]), V(a), V(b));
  RUN(normal_kl_rows, V(y[2]), V(a), V(b));
  RUN(bce_rows_back, V(d[0]), V(dy), V(a), V(b));
  RUN(squared_rows_back, V(d[1]), V(dy), V(a), V(b));
  RUN(normal_kl_rows_back, V(d[2]), V(d[3]), V(dy), V(a), V(b));
  for (int i = 0; i < 3; i++)
    alike("loss", y[i], 1e-6);
  for (int i = 0; i < 4; i++)
    alike("gradient of a loss", d[i], 0);
}

static void test_loss (void) {
  static const int64_t shape[][2] = {
    { 0, 3 }, { 3, 0 }, { 1, 1 }, { 1, 5000 }, { 5, 31 }, { 7, 32 },
    { 5, 33 }, { 9, 257 }, { 300, 2 }, { 2, 1025 }, { 513, 300 },
    { ROWS_BEYOND, 2 }, { 4099, 1025 },
  };
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int odd = 0; odd < 2; odd++)
      losses(shape[i][0], shape[i][1], odd);
}

/* ---- optimisers ---- */

enum { PARTS_MOST = 200 };

typedef struct Model {
  int count;
  Twin p[PARTS_MOST], g[PARTS_MOST], m[PARTS_MOST], v[PARTS_MOST];
  Twin lr[2], decay, state, sum, clip, beta1, beta2, eps, momentum, loss;
} Model;

static Twin zeros (DType dtype, int64_t n) {
  Twin t = twin(dtype, n);
  memset(t.cpu.data, 0, t.bytes);
  return sent(t);
}

static void model_new (Model *o, int parts, const int64_t *size, double clip,
                       DType sum) {
  o->count = parts;
  for (int i = 0; i < parts; i++) {
    int64_t n = size[i % SIZES_COUNT];
    o->p[i] = floats(n), o->m[i] = zeros(F32, n), o->v[i] = zeros(F32, n);
  }
  o->lr[0] = number(1e-3), o->lr[1] = number(0.1);
  o->decay = number(0.02), o->clip = number(clip);
  o->beta1 = number(0.9), o->beta2 = number(0.999), o->eps = number(1e-8);
  o->momentum = number(0.9), o->state = zeros(F64, 4);
  o->sum = twin_at(0, sum, 0, NULL);
}

static Parts P (Model *o) {
  static OptimPart part[PARTS_MOST];
  for (int i = 0; i < o->count; i++)
    part[i] = (OptimPart) {
      V(o->p[i]), V(o->g[i]), V(o->m[i]), V(o->v[i]), S(o->lr[i % 2]),
      i % 3 ? S(o->decay) : (Scalar) { NULL } };
  return (Parts) { part, o->count };
}

static void gradients (Model *o, float bad) {
  for (int i = 0; i < o->count; i++) {
    o->g[i] = floats(o->p[i].cpu.size[0]);
    if (i == o->count - 1 && bad != 0 && count(o->g[i]) > 0) {
      ((float *) o->g[i].cpu.data)[count(o->g[i]) - 1] = bad;
      sent(o->g[i]);
    }
  }
}

static void compare_model (Model *o, double tolerance) {
  for (int i = 0; i < o->count; i++) {
    alike("p", o->p[i], tolerance);
    alike("m", o->m[i], tolerance);
    alike("v", o->v[i], tolerance);
  }
  alike("state", o->state, 0);
}

/* A step and a draw captured once and launched again with other numbers in
 * the same places; scratch memory stays where it was. */
static void replay (void) {
  static Model o;
  static const int64_t some[SIZES_COUNT] = { 5, 300, 5003 };
  at_case("captured");
  model_new(&o, 3, some, 1, F64);
  gradients(&o, 0);
  Twin at = address(), y = twin(I32, 1000);
  cudaGraph_t graph;
  cudaGraphExec_t ready;
  kept_scratch = device_new(KEPT);
  side = GPU;
  need(cudaStreamBeginCapture(cuda_stream, cudaStreamCaptureModeThreadLocal),
       "capture");
  need(cuda_grad_check(V(o.sum), P(&o), (View) { 0 }), "grad_check");
  need(cuda_adam(P(&o), V(o.state), V(o.sum), S(o.clip), S(o.beta1),
                 S(o.beta2), S(o.eps), true), "adam");
  need(cuda_randperm(V(y), A(at)), "randperm");
  need(cudaStreamEndCapture(cuda_stream, &graph), "capture");
  need(cudaGraphInstantiate(&ready, graph, 0), "instantiate");
  for (int t = 0; t < 3; t++) {
    *(float *) o.lr[0].cpu.data *= 0.5f;
    ((uint32_t *) at.cpu.data)[ADDRESS_STEP]++;
    *(float *) o.clip.cpu.data = (float) t;
    sent(o.lr[0]), sent(at), sent(o.clip);
    side = CPU;
    cpu_grad_check(V(o.sum), P(&o), (View) { 0 });
    cpu_adam(P(&o), V(o.state), V(o.sum), S(o.clip), S(o.beta1), S(o.beta2),
             S(o.eps), true);
    cpu_randperm(V(y), A(at));
    need(cudaGraphLaunch(ready, cuda_stream), "launch");
    compare_model(&o, 1e-6);
    alike("captured randperm", y, 0);
  }
  need(cudaGraphExecDestroy(ready), "graph");
  need(cudaGraphDestroy(graph), "graph");
  kept_scratch = NULL;
}

/* kind 0: Adam, 1: AdamW, 2: SGD */
static void steps (int kind, int parts, double clip, float bad, float loss,
                   DType sum) {
  static Model o;
  at_case("optimiser %d, %d parts, clip %g, bad %g, loss %g, sum %s", kind,
          parts, clip, (double) bad, (double) loss, dtype_name(sum));
  model_new(&o, parts, sizes, clip, sum);
  o.loss = number((double) loss);
  for (int t = 0; t < 3; t++) {
    gradients(&o, t == 1 ? bad : 0);
    RUN(grad_check, V(o.sum), P(&o), loss == 0 ? (View) { 0 } : V(o.loss));
    alike("sum", o.sum, 1e-12 + (sum == F32 ? 1e-6 : 0));
    if (kind == 2)
      RUN(sgd, P(&o), V(o.state), V(o.sum), S(o.clip), S(o.momentum));
    else
      RUN(adam, P(&o), V(o.state), V(o.sum), S(o.clip), S(o.beta1),
          S(o.beta2), S(o.eps), kind == 1);
    compare_model(&o, clip > 0 ? 1e-6 : 0);
  }
}

static void lerps (int64_t n) {
  at_case("n %d", (int) n);
  Twin p = floats_at(0, true, 1, &n), v = floats_at(0, true, 1, &n),
       weight = number(0.1);
  RUN(lerp, V(p), V(v), S(weight));
  alike("lerp", p, 0);
}

static void test_optim (void) {
  for (int kind = 0; kind < 3; kind++) {
    steps(kind, 0, 0, 0, 0, F64);
    steps(kind, 1, 0, 0, 0, F64);
    steps(kind, SIZES_COUNT, 0, 0, 1, F64);
    steps(kind, SIZES_COUNT, 3, 0, 1, F32);
    steps(kind, SIZES_COUNT, 1e6, 0, 1, F64);
    steps(kind, SIZES_COUNT, 0, NAN, 1, F64);
    steps(kind, SIZES_COUNT, 2, -INFINITY, 1, F32);
    steps(kind, SIZES_COUNT, 0, 3e38f, 1, F64);
    steps(kind, SIZES_COUNT, 0, 0, INFINITY, F64);
    steps(kind, 63, 0, 0, 1, F64);
    steps(kind, 140, 0, 0, 1, F64);
  }
  for (int i = 0; i < SIZES_COUNT; i++)
    lerps(sizes[i]);
  lerps(BEYOND);
  replay();
}

/* ---- gather and scatter ---- */

static Twin data (DType dtype, int64_t rows, int64_t n) {
  Twin t = twin(dtype, rows, n);
  for (size_t i = 0; i < t.bytes; i++)
    ((uint8_t *) t.cpu.data)[i] = (uint8_t) next();
  return sent(t);
}

static void rows (int64_t k, int64_t n, int64_t m) {
  static const DType types[] = { F32, I32, U8, F64 };
  at_case("[%d,%d], %d indices", (int) k, (int) n, (int) m);
  Twin index = ints(k, m), dx = floats(k, n), dy = floats(m, n);
  for (int i = 0; i < 4; i++) {
    Twin x = data(types[i], k, n), y = twin(types[i], m, n);
    RUN(take_rows, V(y), V(x), V(index));
    alike("take_rows", y, 0);
  }
  RUN(take_rows_add, V(dx), V(dy), V(index));
  alike("take_rows_add", dx, 0);
  Twin scale = number(1 / 255.0), bytes = data(U8, k, n), x = floats(k, n);
  Twin y = twin(F32, m, n), z = twin(F32, m, n);
  RUN(take_scaled, V(y), V(bytes), V(index), S(scale));
  RUN(take_scaled, V(z), V(x), V(index), S(scale));
  alike("take_scaled of bytes", y, 0), alike("take_scaled", z, 0);
}

static void elements (int64_t r, int64_t n, int64_t k) {
  at_case("[%d,%d], %d indices a row", (int) r, (int) n, (int) k);
  Twin x = floats(r, n), one = twin(F32, r), label = ints(n, r);
  Twin hot = twin(F32, r, n), many = twin(F32, r, k), at = ints(n, r, k);
  Twin dx = floats(r, n), dy = floats(r, k), done = floats(r);
  RUN(choose, V(one), V(x), V(label));
  RUN(one_hot, V(hot), V(label));
  RUN(along, V(many), V(x), V(at));
  RUN(along_add, V(dx), V(dy), V(at));
  alike("choose", one, 0), alike("one_hot", hot, 0), alike("along", many, 0);
  alike("along_add", dx, 0);
  RUN(choose_add, V(dx), V(done), V(label));
  alike("choose_add", dx, 0);
}

static Whole W (Twin t) {
  return (Whole) { V(t).data };
}

static void windows (int64_t n, int64_t size) {
  at_case("window of %d in %d", (int) size, (int) n);
  Twin x = ints(1000000, n), first = ints(n - size + 1, 1);
  Twin y = twin(I32, size);
  RUN(window, V(y), V(x), W(first));
  alike("window", y, 0);
}

static void test_index (void) {
  static const int64_t shape[][3] = {
    { 1, 1, 1 }, { 5, 3, 0 }, { 3, 1, 500 }, { 40, 33, 300 }, { 5, 0, 4 },
    { 500, 64, 128 }, { 7, 129, 90 }, { 300, 31, 257 }, { 1, 65, 33 },
    { 2, 32, 65 },
  };
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
    const int64_t *s = shape[i];
    rows(s[0], s[1], s[2]);
    if (s[1] > 0)
      elements(s[0], s[1], s[2]);
  }
  elements(ROWS_BEYOND, 3, 1);
  elements(0, 3, 4), elements(9, 1025, 1), elements(2, 1025, 300);
  windows(1, 1), windows(1000, 257), windows(33, 0), windows(64, 64);
}

/* ---- pools ---- */

typedef struct Geometry { int64_t n, h, w, c, k, stride, pad; } Geometry;

static void pools (const Geometry *g, bool odd) {
  int64_t oh = (g->h + 2 * g->pad - g->k) / g->stride + 1;
  int64_t ow = (g->w + 2 * g->pad - g->k) / g->stride + 1;
  at_case("[%d,%d,%d,%d] k %d stride %d pad %d", (int) g->n, (int) g->h,
          (int) g->w, (int) g->c, (int) g->k, (int) g->stride, (int) g->pad);
  Twin x = floats_at(0, odd, SIZES(g->n, g->h, g->w, g->c));
  Twin dy = floats_at(0, odd, SIZES(g->n, oh, ow, g->c));
  Twin y = twin(F32, g->n, oh, ow, g->c), z = twin(F32, g->n, oh, ow, g->c);
  Twin index = twin(I32, g->n, oh, ow, g->c);
  Twin dx = twin(F32, g->n, g->h, g->w, g->c);
  Twin dz = twin(F32, g->n, g->h, g->w, g->c);
  RUN(maxpool, V(y), V(index), V(x), g->k, g->stride, g->pad);
  alike("maxpool", y, 0), alike("place", index, 0);
  RUN(maxpool_back, V(dx), V(dy), V(index));
  RUN(avgpool, V(z), V(x), g->k, g->stride, g->pad);
  RUN(avgpool_back, V(dz), V(dy), g->k, g->stride, g->pad);
  alike("maxpool_back", dx, 0);
  alike("avgpool", z, 0), alike("avgpool_back", dz, 0);
}

static void enlarged (const Geometry *g, bool odd) {
  at_case("[%d,%d,%d,%d] times %d", (int) g->n, (int) g->h, (int) g->w,
          (int) g->c, (int) g->k);
  Twin x = floats_at(0, odd, SIZES(g->n, g->h, g->w, g->c));
  Twin dy = floats_at(0, odd,
                      SIZES(g->n, g->h * g->k, g->w * g->k, g->c));
  Twin y = twin(F32, g->n, g->h * g->k, g->w * g->k, g->c);
  Twin dx = twin(F32, g->n, g->h, g->w, g->c);
  RUN(upsample, V(y), V(x), g->k);
  RUN(upsample_back, V(dx), V(dy), g->k);
  alike("upsample", y, 0), alike("upsample_back", dx, 0);
}

static void test_pool (void) {
  static const Geometry g[] = {
    { 1, 1, 1, 1, 1, 1, 0 }, { 0, 4, 4, 2, 2, 2, 0 }, { 2, 6, 4, 3, 2, 2, 0 },
    { 2, 7, 5, 3, 3, 2, 1 }, { 3, 5, 9, 1, 3, 1, 1 }, { 1, 9, 9, 33, 2, 3, 0 },
    { 2, 8, 8, 32, 2, 2, 0 }, { 1, 11, 13, 2, 5, 3, 2 },
    { 2, 3, 3, 7, 3, 3, 0 }, { 1, 5, 1, 5, 1, 2, 0 }, { 1, 4, 4, 0, 2, 2, 0 },
  };
  for (size_t i = 0; i < sizeof g / sizeof *g; i++)
    for (int odd = 0; odd < 2; odd++) {
      pools(&g[i], odd);
      enlarged(&g[i], odd);
    }
}

/* ---- distances ---- */

static void pairs (int64_t n, int64_t m, int64_t d, bool odd) {
  at_case("[%d,%d] and [%d,%d]%s", (int) n, (int) d, (int) m, (int) d,
          odd ? " odd" : "");
  Twin a = floats_at(0, odd, SIZES(n, d)), b = floats_at(0, odd, SIZES(m, d));
  Twin y = twin(F32, n, m), near = twin(I32, n);
  if (m > 2)                       /* equal rows: the first wins */
    memcpy((float *) b.cpu.data + (m - 1) * d, b.cpu.data, (size_t) d * 4);
  sent(b);
  RUN(sqdist, V(y), V(a), V(b));
  RUN(nearest, V(near), V(a), V(b));
  alike("sqdist", y, 1e-6), alike("nearest", near, 0);
}

static void test_pairwise (void) {
  static const int64_t shape[][3] = {
    { 1, 1, 1 }, { 3, 5, 16 }, { 33, 65, 17 }, { 100, 129, 3 },
    { 64, 64, 20 }, { 0, 4, 2 }, { 3, 4, 0 }, { 65, 63, 33 }, { 1, 700, 5 },
    { 2, 2, 200 },
  };
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
    for (int odd = 0; odd < 2; odd++)
      pairs(shape[i][0], shape[i][1], shape[i][2], odd);
}

/* ---- all ---- */

static const Test tests[] = {
  { "random", test_random }, { "loss", test_loss }, { "optim", test_optim },
  { "index", test_index }, { "pool", test_pool },
  { "pairwise", test_pairwise },
};

int main (int words, char **names) {
  return run_tests(tests, sizeof tests / sizeof *tests, words, names);
}
