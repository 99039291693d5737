/*
 * test_optim.c - the optimisers' kernels against PyTorch's formulas written
 * out in float64, over several steps and parameters.
 */
#include "kernel.h"

enum { PARTS = 3, STEPS = 7 };

static const int sizes[PARTS] = { 1, 40001, 130 };
static const float rates[PARTS] = { 1e-2f, 3e-3f, 0.1f };
static const float decays[PARTS] = { 0, 0.2f, 0.05f };

/* One optimiser with its parameters, and the same in float64. */
typedef struct Bench {
  OptimPart part[PARTS];
  double *p[PARTS], *m[PARTS], *v[PARTS];
  double state[4], sum;
  View state_view, sum_view;
} Bench;

static double *doubles (View from) {
  double *d = calloc((size_t) count(from), sizeof *d);
  for (int64_t i = 0; i < count(from); i++)
    d[i] = (double) f32(from)[i];
  return d;
}

static View zeros (int n) {
  View v = array(F32, 1, n);
  memset(v.data, 0, (size_t) n * sizeof(float));
  return v;
}

static Bench bench_new (void) {
  Bench b = { .sum = 0 };
  for (int i = 0; i < PARTS; i++) {
    b.part[i] = (OptimPart) { array(F32, 1, sizes[i]), array(F32, 1, sizes[i]),
                              zeros(sizes[i]), zeros(sizes[i]),
                              { &rates[i] }, { &decays[i] } };
    shuffle(b.part[i].p);
    shuffle(b.part[i].g);
    b.p[i] = doubles(b.part[i].p);
    b.m[i] = doubles(b.part[i].m);
    b.v[i] = doubles(b.part[i].v);
  }
  return b;
}

/* Views of the struct's own numbers, once it lies where it stays. */
static void connect (Bench *b) {
  b->state_view = (View) { .data = b->state, .dtype = F64, .rank = 1,
                           .size = { 4 }, .stride = { 1 } };
  b->sum_view = (View) { .data = &b->sum, .dtype = F64 };
}

static void bench_drop (Bench *b) {
  for (int i = 0; i < PARTS; i++) {
    drop(b->part[i].p), drop(b->part[i].g);
    drop(b->part[i].m), drop(b->part[i].v);
    free(b->p[i]), free(b->m[i]), free(b->v[i]);
  }
}

static void compare (const Bench *b) {
  for (int i = 0; i < PARTS; i++) {
    assert_true(difference(b->part[i].p, b->p[i]) < 2e-6);
    assert_true(difference(b->part[i].m, b->m[i]) < 2e-6);
  }
}

static double squares (const Bench *b) {
  double sum = 0;
  for (int i = 0; i < PARTS; i++)
    for (int k = 0; k < sizes[i]; k++)
      sum += pow((double) f32(b->part[i].g)[k], 2);
  return sum;
}

static double clip_factor (double sum, double clip) {
  double norm = sqrt(sum);
  return clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1;
}

/* ---- Adam and AdamW ---- */

static const float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f;

static void adam_reference (Bench *b, int t, double clip, bool decoupled) {
  double factor = clip_factor(squares(b), clip);
  double b1 = (double) beta1, b2 = (double) beta2;
  for (int i = 0; i < PARTS; i++)
    for (int k = 0; k < sizes[i]; k++) {
      double lr = (double) rates[i], decay = (double) decays[i];
      double *p = &b->p[i][k], *m = &b->m[i][k], *v = &b->v[i][k];
      double g = factor * (double) f32(b->part[i].g)[k];
      if (decoupled)
        *p -= lr * decay * *p;
      else
        g += decay * *p;
      *m = b1 * *m + (1 - b1) * g;
      *v = b2 * *v + (1 - b2) * g * g;
      *p -= lr / (1 - pow(b1, t)) * *m
            / (sqrt(*v) / sqrt(1 - pow(b2, t)) + (double) eps);
    }
}

static void adam_steps (float clip, bool decoupled) {
  Bench b = bench_new();
  connect(&b);
  for (int t = 1; t <= STEPS; t++) {
    for (int i = 0; i < PARTS; i++)
      shuffle(b.part[i].g);
    cpu_grad_check(b.sum_view, (Parts) { b.part, PARTS }, (View) { 0 });
    assert_true(fabs(b.sum - squares(&b)) < 1e-9 * b.sum);
    cpu_adam((Parts) { b.part, PARTS }, b.state_view, b.sum_view, (Scalar) { &clip },
             (Scalar) { &beta1 }, (Scalar) { &beta2 }, (Scalar) { &eps },
             decoupled);
    adam_reference(&b, t, (double) clip, decoupled);
    compare(&b);
  }
  assert_true(b.state[0] == STEPS && b.state[3] == 0);
  assert_true(fabs(b.state[1] - pow((double) beta1, STEPS)) < 1e-12);
  bench_drop(&b);
}

static void all_adams (void *unused) {
  (void) unused;
  adam_steps(0, false);
  adam_steps(0, true);
  adam_steps(3, false);
  adam_steps(1e6f, true);
}

static void adam_is_pytorchs (void **state) {
  (void) state;
  in_frame(all_adams, NULL);
}

/* ---- SGD ---- */

static void sgd_steps (float clip, float momentum) {
  Bench b = bench_new();
  connect(&b);
  for (int t = 1; t <= STEPS; t++) {
    cpu_grad_check(b.sum_view, (Parts) { b.part, PARTS }, (View) { 0 });
    cpu_sgd((Parts) { b.part, PARTS }, b.state_view, b.sum_view, (Scalar) { &clip },
            (Scalar) { &momentum });
    double factor = clip_factor(squares(&b), (double) clip);
    for (int i = 0; i < PARTS; i++)
      for (int k = 0; k < sizes[i]; k++) {
        double g = factor * (double) f32(b.part[i].g)[k]
                 + (double) decays[i] * b.p[i][k];
        b.m[i][k] = (double) momentum * b.m[i][k] + g;
        b.p[i][k] -= (double) rates[i] * b.m[i][k];
      }
    compare(&b);
  }
  assert_true(b.state[0] == STEPS);
  bench_drop(&b);
}

static void all_sgds (void *unused) {
  (void) unused;
  sgd_steps(0, 0);
  sgd_steps(0, 0.9f);
  sgd_steps(2, 0.9f);
}

static void sgd_is_pytorchs (void **state) {
  (void) state;
  in_frame(all_sgds, NULL);
}

/* ---- moments that fade ---- */

/* Without gradients they reach 0, and do not stay at denormal numbers. */
static void fade (void *unused) {
  Bench b = bench_new();
  Parts parts = { b.part, PARTS };
  float none = 0;
  (void) unused;
  connect(&b);
  for (int i = 0; i < PARTS; i++)
    memset(b.part[i].g.data, 0, (size_t) sizes[i] * sizeof(float));
  for (int turn = 0; turn < 2; turn++) {
    for (int i = 0; i < PARTS; i++) {
      b.part[i].decay.at = NULL;
      shuffle(b.part[i].m);
    }
    for (int t = 0; t < 1000; t++) {
      cpu_grad_check(b.sum_view, parts, (View) { 0 });
      if (turn == 0)
        cpu_adam(parts, b.state_view, b.sum_view, (Scalar) { &none },
                 (Scalar) { &beta1 }, (Scalar) { &beta2 }, (Scalar) { &eps },
                 false);
      else
        cpu_sgd(parts, b.state_view, b.sum_view, (Scalar) { &none },
                (Scalar) { &beta1 });
    }
    for (int i = 0; i < PARTS; i++)
      for (int k = 0; k < sizes[i]; k++)
        assert_true(f32(b.part[i].m)[k] == 0);
  }
  bench_drop(&b);
}

static void moments_fade_to_zero (void **state) {
  (void) state;
  in_frame(fade, NULL);
}

/* ---- steps that are not taken ---- */

static void check_skipped (Bench *b, View loss) {
  float none = 0;
  float *before = malloc(40001 * sizeof(float));
  memcpy(before, b->part[1].p.data, 40001 * sizeof(float));
  cpu_grad_check(b->sum_view, (Parts) { b->part, PARTS }, loss);
  assert_false(isfinite(b->sum));
  cpu_adam((Parts) { b->part, PARTS }, b->state_view, b->sum_view, (Scalar) { &none },
           (Scalar) { &beta1 }, (Scalar) { &beta2 }, (Scalar) { &eps }, false);
  assert_memory_equal(before, b->part[1].p.data, 40001 * sizeof(float));
  cpu_sgd((Parts) { b->part, PARTS }, b->state_view, b->sum_view, (Scalar) { &none },
          (Scalar) { &beta1 });
  assert_memory_equal(before, b->part[1].p.data, 40001 * sizeof(float));
  assert_true(b->state[0] == 0 && b->state[3] == 1);
  b->state[3] = 0;
  free(before);
}

static void skips (void *unused) {
  Bench b = bench_new();
  float loss = 2;
  View number = { .data = &loss, .dtype = F32 };
  (void) unused;
  connect(&b);
  cpu_grad_check(b.sum_view, (Parts) { b.part, PARTS }, number);
  assert_true(isfinite(b.sum));
  loss = NAN;
  check_skipped(&b, number);
  loss = INFINITY;
  check_skipped(&b, number);
  loss = 2;
  f32(b.part[1].g)[39999] = NAN;
  check_skipped(&b, number);
  f32(b.part[1].g)[39999] = -INFINITY;
  check_skipped(&b, (View) { 0 });
  f32(b.part[1].g)[39999] = 3e38f;              /* large, but finite */
  cpu_grad_check(b.sum_view, (Parts) { b.part, PARTS }, number);
  assert_true(isfinite(b.sum));
  bench_drop(&b);
}

static void divergence_leaves_all_alone (void **state) {
  (void) state;
  in_frame(skips, NULL);
}

static void averages (void *unused) {
  View p = array(F32, 1, 40001), v = array(F32, 1, 40001);
  float weight = 0.25f;
  (void) unused;
  shuffle(p), shuffle(v);
  double *reference = doubles(p);
  for (int i = 0; i < 40001; i++)
    reference[i] += 0.25 * ((double) f32(v)[i] - reference[i]);
  cpu_lerp(p, v, (Scalar) { &weight });
  assert_true(difference(p, reference) < 2e-7);
  free(reference);
  drop(p), drop(v);
}

static void lerp_moves_a_share (void **state) {
  (void) state;
  in_frame(averages, NULL);
}

/* ---- threads ---- */

static Bench shared;
static View start, result;

static void step_again (void *unused) {
  float clip = 1;
  (void) unused;
  memcpy(shared.part[1].p.data, start.data, 40001 * sizeof(float));
  memset(shared.part[1].m.data, 0, 40001 * sizeof(float));
  memset(shared.part[1].v.data, 0, 40001 * sizeof(float));
  memset(shared.state, 0, sizeof shared.state);
  cpu_grad_check(shared.sum_view, (Parts) { shared.part, PARTS }, (View) { 0 });
  cpu_adam((Parts) { shared.part, PARTS }, shared.state_view, shared.sum_view,
           (Scalar) { &clip }, (Scalar) { &beta1 }, (Scalar) { &beta2 },
           (Scalar) { &eps }, false);
  memcpy(result.data, shared.part[1].p.data, 40001 * sizeof(float));
}

static void bits (void *unused) {
  shared = bench_new();
  connect(&shared);
  start = array(F32, 1, 40001);
  result = array(F32, 1, 40001);
  shuffle(start);
  step_again(unused);
  same_bits(result, step_again, NULL);
  bench_drop(&shared);
  drop(start), drop(result);
}

static void threads_change_nothing (void **state) {
  (void) state;
  in_frame(bits, NULL);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(adam_is_pytorchs),
    cmocka_unit_test(sgd_is_pytorchs),
    cmocka_unit_test(moments_fade_to_zero),
    cmocka_unit_test(divergence_leaves_all_alone),
    cmocka_unit_test(lerp_moves_a_share),
    cmocka_unit_test(threads_change_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
