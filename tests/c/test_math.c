/*
 * test_math.c - the scalar functions of backend/math.h against float64 libm:
 * errors in ulp over all binades, the edges, and equal bits of the versions
 * for SSE, AVX2 and AVX-512.
 */
#include "backend/math.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

static double sigmoid_ref (double x) { return 1 / (1 + exp(-x)); }
static double softplus_ref (double x) {
  return fmax(x, 0) + log1p(exp(-fabs(x)));
}
static double logit_ref (double x) { return log(x) - log1p(-x); }
static double silu_ref (double x) { return x * sigmoid_ref(x); }
static double gelu_ref (double x) { return 0.5 * x * erfc(-x * M_SQRT1_2); }
static double cdf_ref (double x) { return 0.5 * erfc(-x * M_SQRT1_2); }
static double silu_slope_ref (double x) {
  double s = sigmoid_ref(x);
  return s * (1 + x * (1 - s));
}
static double gelu_slope_ref (double x) {
  return cdf_ref(x) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI);
}

/* name, low, high, largest error in ulp of the result, and an absolute error
 * that is forgiven (functions with a zero inside, or a tail of tiny values) */
#define FUNCTIONS(F) \
  F(exp_, exp, -INFINITY, INFINITY, 1.0, 0) \
  F(expm1_, expm1, -INFINITY, INFINITY, 1.5, 0) \
  F(log_, log, 0, INFINITY, 1.0, 0) \
  F(log1p_, log1p, -1, INFINITY, 1.5, 0) \
  F(tanh_, tanh, -INFINITY, INFINITY, 2.6, 0) \
  F(atanh_, atanh, -1, 1, 2.0, 0) \
  F(sigmoid_, sigmoid_ref, -INFINITY, INFINITY, 2.6, 0) \
  F(softplus_, softplus_ref, -INFINITY, INFINITY, 2.0, 0) \
  F(logit_, logit_ref, 0, 1, 3.2, 0) \
  F(silu_, silu_ref, -85, INFINITY, 3.5, 0) \
  F(silu_slope_, silu_slope_ref, -100, 100, 1.0, 5e-7) \
  F(erf_, erf, -INFINITY, INFINITY, 1.5, 0) \
  F(normal_cdf_, cdf_ref, -INFINITY, INFINITY, 1.0, 6e-8) \
  F(gelu_, gelu_ref, -100, INFINITY, 1.0, 2e-7) \
  F(gelu_slope_, gelu_slope_ref, -100, 100, 1.0, 4e-7) \
  F(sin_, sin, -0x1p48, 0x1p48, 1.6, 0) \
  F(cos_, cos, -0x1p48, 0x1p48, 1.6, 0) \
  F(atan_, atan, -INFINITY, INFINITY, 2.0, 0)

/* One array loop for each function and instruction set. */
#define LOOP(name, version, set) \
  __attribute__((target(set), noinline)) static void \
  name##version (float *y, const float *x, int n) { \
    for (int i = 0; i < n; i++) \
      y[i] = name(x[i]); \
  }
#define LOOPS(name, ...) \
  LOOP(name, v2, "arch=x86-64-v2") LOOP(name, v3, "arch=x86-64-v3") \
  LOOP(name, v4, "arch=x86-64-v4")
FUNCTIONS(LOOPS)

typedef void (*Loop) (float *y, const float *x, int n);

static const struct Row {
  const char *name;
  Loop v2, v3, v4;
  double (*ref) (double x);
  double low, high, ulp, slack;
} rows[] = {
#define ROW(name, ref, ...) \
  { #name, name##v2, name##v3, name##v4, ref, __VA_ARGS__ },
  FUNCTIONS(ROW)
};

enum { BLOCK = 4096, ROWS = sizeof rows / sizeof *rows };

static double ulp_of (double y) {
  int e;
  frexp(y, &e);
  return ldexp(1, (e < -125 ? -125 : e) - 24);
}

/* Error of y where the truth is t, in ulp. */
static double error_of (float y, double t, double slack) {
  if ((float) t == y || (isnan(t) && isnan(y)))
    return 0;
  if (isinf((float) t) || isinf(y))     /* near the largest number */
    return fabs(t) > 3.40282e38 && fabsf(y) > 3.40282e38f ? 0 : INFINITY;
  double off = fabs(y - t) - slack;
  return isnan(y) ? INFINITY : off <= 0 ? 0 : off / ulp_of(t);
}

/* Every 5,003rd float of all, so every binade of both signs. */
static int draw (float *x, uint64_t *at) {
  int n = 0;
  for (; n < BLOCK && *at < 1ull << 32; n++, *at += 5003)
    x[n] = float_((uint32_t) *at);
  return n;
}

static void errors_are_small (void **state) {
  static float x[BLOCK], y[BLOCK];
  (void) state;
  for (int r = 0; r < ROWS; r++) {
    double worst = 0;
    float where = 0;
    int n;
    for (uint64_t at = 0; (n = draw(x, &at)) > 0;) {
      rows[r].v2(y, x, n);
      for (int i = 0; i < n; i++) {
        if (!(x[i] >= rows[r].low && x[i] <= rows[r].high))
          continue;
        double e = error_of(y[i], rows[r].ref(x[i]), rows[r].slack);
        if (e > worst)
          worst = e, where = x[i];
      }
    }
    if (worst > rows[r].ulp)
      fail_msg("%s(%.9g): %.2f ulp, allowed are %.2f", rows[r].name, where,
               worst, rows[r].ulp);
  }
}

static bool same_bits (const float *a, const float *b, int n) {
  for (int i = 0; i < n; i++)
    if (bits_(a[i]) != bits_(b[i]) && !(isnan(a[i]) && isnan(b[i])))
      return false;
  return true;
}

static void instruction_sets_agree (void **state) {
  static float x[BLOCK], a[BLOCK], b[BLOCK];
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool v4 = __builtin_cpu_supports("avx512f")
         && __builtin_cpu_supports("avx512dq")
         && __builtin_cpu_supports("avx512vl");
  int n;
  (void) state;
  for (int r = 0; r < ROWS; r++)
    for (uint64_t at = 0; (n = draw(x, &at)) > 0;) {
      rows[r].v2(a, x, n);
      if (v3) {
        rows[r].v3(b, x, n);
        assert_true(same_bits(a, b, n));
      }
      if (v4) {
        rows[r].v4(b, x, n);
        assert_true(same_bits(a, b, n));
      }
    }
}

static void nan_stays (void **state) {
  float nan = NAN, y;
  (void) state;
  for (int r = 0; r < ROWS; r++) {
    rows[r].v2(&y, &nan, 1);
    if (!isnan(y))
      fail_msg("%s(NaN) is %g", rows[r].name, y);
  }
  assert_true(isnan(max_(NAN, 0)) && isnan(max_(0, NAN)));
  assert_true(isnan(min_(NAN, 0)) && isnan(min_(0, NAN)));
  assert_true(isnan(clamp_(NAN, 0, 1)) && isnan(sign_(NAN)));
  assert_true(isnan(pow_(NAN, 0)) && isnan(pow_(1, NAN)));
  assert_true(isnan(mod_(NAN, 2)) && isnan(mod_(2, NAN)));
  assert_true(isnan(atan2_(NAN, 1)) && isnan(atan2_(1, NAN)));
}

static void infinities_have_limits (void **state) {
  (void) state;
  assert_true(exp_(-INFINITY) == 0 && exp_(INFINITY) == INFINITY);
  assert_true(expm1_(-INFINITY) == -1 && expm1_(INFINITY) == INFINITY);
  assert_true(log_(0) == -INFINITY && log_(INFINITY) == INFINITY);
  assert_true(isnan(log_(-1)) && isnan(log_(-INFINITY)));
  assert_true(log1p_(-1) == -INFINITY && isnan(log1p_(-2)));
  assert_true(tanh_(INFINITY) == 1 && tanh_(-INFINITY) == -1);
  assert_true(sigmoid_(INFINITY) == 1 && sigmoid_(-INFINITY) == 0);
  assert_true(softplus_(INFINITY) == INFINITY && softplus_(-INFINITY) == 0);
  assert_true(silu_(-INFINITY) == 0 && gelu_(-INFINITY) == 0);
  assert_true(silu_slope_(-INFINITY) == 0 && silu_slope_(INFINITY) == 1);
  assert_true(gelu_slope_(-INFINITY) == 0 && gelu_slope_(INFINITY) == 1);
  assert_true(logit_(0) == -INFINITY && logit_(1) == INFINITY);
  assert_true(isnan(logit_(2)) && isnan(logit_(-1)));
  assert_true(atanh_(1) == INFINITY && isnan(atanh_(2)));
  assert_true(isnan(sin_(INFINITY)) && isnan(cos_(0x1p60f)));
}

/* Exponents near the ends and in between, both signs of the base. */
static void powers_are_right (void **state) {
  double worst = 0;
  (void) state;
  for (int i = 0; i < 400; i++)
    for (int j = -300; j <= 300; j++) {
      float a = float_(0x00000123u + (uint32_t) i * 5345679u);
      float b = (float) j * 0.173f;
      double e = error_of(pow_(a, b), pow(a, b), 0);
      worst = e > worst ? e : worst;
      b = (float) (j / 10);
      e = error_of(pow_(-a, b), pow(-a, b), 0);
      worst = e > worst ? e : worst;
    }
  assert_true(worst < 0.51);
}

static void powers_have_edges (void **state) {
  static const float edge[] = { 0, -0.0f, 1, -1, 2, -2, 3, 0.5f, -0.5f, -3,
                                INFINITY, -INFINITY, 1e-40f, 3e38f };
  enum { N = sizeof edge / sizeof *edge };
  (void) state;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      float y = pow_(edge[i], edge[j]), t = (float) pow(edge[i], edge[j]);
      if (bits_(y) != bits_(t) && !(isnan(y) && isnan(t)))
        fail_msg("%g^%g is %g, not %g", edge[i], edge[j], y, t);
    }
}

/* Lua's definition: m = fmod(a, b), plus b if the signs differ. */
static void mod_is_floored (void **state) {
  static const float edge[] = { 0, 1, -1, 5.5f, -5.5f, 3, -3, 0.1f, 1e6f,
                                -1e6f, INFINITY, -INFINITY, 7, 2.3f };
  enum { N = sizeof edge / sizeof *edge };
  (void) state;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double a = edge[i], b = edge[j], m = fmod(a, b);
      if (m * b < 0)
        m += b;
      float y = mod_(edge[i], edge[j]);
      if (y != (float) m && !(isnan(y) && isnan(m)))
        fail_msg("%g %% %g is %g, not %g", a, b, y, m);
    }
}

static void atan2_knows_all_quadrants (void **state) {
  (void) state;
  for (int i = -40; i <= 40; i++)
    for (int j = -40; j <= 40; j++) {
      float y = (float) i * 0.37f, x = (float) j * 0.11f;
      double e = error_of(atan2_(y, x), atan2(y, x), 0);
      assert_true(e < 2.5);
    }
  assert_true(error_of(atan2_(INFINITY, INFINITY), M_PI_4, 0) < 1);
  assert_true(error_of(atan2_(1, -INFINITY), M_PI, 0) < 1);
  assert_true(atan2_(0, 1) == 0 && error_of(atan2_(0, -1), M_PI, 0) < 1);
}

static void turns_are_exact (void **state) {
  double worst = 0;
  (void) state;
  for (int i = 0; i < 1 << 16; i++) {
    float u = (float) i * 0x1p-16f, s, c;
    sincos_turn_(u, &s, &c);
    worst = fmax(worst, fabs(s - sin(2 * M_PI * u)));
    worst = fmax(worst, fabs(c - cos(2 * M_PI * u)));
  }
  assert_true(worst < 1e-7);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(errors_are_small),
    cmocka_unit_test(instruction_sets_agree),
    cmocka_unit_test(nan_stays),
    cmocka_unit_test(infinities_have_limits),
    cmocka_unit_test(powers_are_right),
    cmocka_unit_test(powers_have_edges),
    cmocka_unit_test(mod_is_floored),
    cmocka_unit_test(atan2_knows_all_quadrants),
    cmocka_unit_test(turns_are_exact),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
