/*
 * test_bf16.c - how operands are rounded: to the nearest bf16, ties to even,
 * by AMX and without it.  The products themselves are checked in test_conv.c
 * and test_matmul.c, with operands that bf16 holds.
 */
#include "kernel.h"

#include <float.h>

/* The same rule by arithmetic: 8 bits of fraction. */
static float rounded (float x) {
  int exponent;
  if (x == 0 || !isfinite(x))
    return x;
  frexp((double) x, &exponent);
  double unit = ldexp(1, exponent - 8);
  double v = nearbyint((double) x / unit) * unit;
  return fabs(v) < (double) FLT_MIN ? 0 : (float) v;
}

/* Numbers of all sizes, with some just between two of bf16's. */
static void mix (View v) {
  shuffle(v);
  for (int64_t i = 0; i < count(v); i++) {
    float low = f32(v)[i];
    if (i % 4 == 0)
      low *= 1 + 0x1p-8f;                 /* mostly a tie */
    else
      low *= 1 + 0.01f * (float) (i % 7);
    f32(v)[i] = low * ldexpf(1, (int) (i * 5 % 20) - 10);
  }
}

static View round_view (View v) {
  View to = v;
  to.data = aligned_alloc(64, ((size_t) count(v) * 4 + 4 + 63)
                              & ~(size_t) 63);
  ((uint32_t *) to.data)[count(v)] = 0x5EED5EED;
  for (int64_t i = 0; i < count(v); i++)
    f32(to)[i] = rounded(f32(v)[i]);
  return to;
}

enum { PASSES = 8 };

/* Pass p of a convolution, or a product, of a and b into y. */
typedef struct Case {
  int pass;
  ConvShape s;
  View y, a, b;
} Case;

static void run (void *state) {
  Case *c = state;
  View none = { 0 };
  switch (c->pass) {
    case 0: cpu_conv(c->y, c->a, c->b, none, c->s, ACT_NONE); break;
    case 1: cpu_conv_back_x(c->y, c->a, c->b, c->s); break;
    case 2: cpu_deconv(c->y, c->a, c->b, none, c->s, ACT_NONE); break;
    case 3: cpu_conv_back_w(c->y, none, c->a, c->b, c->s); break;
    case 4: cpu_matmul(c->y, c->a, false, c->b, false); break;
    case 5: cpu_matmul(c->y, c->a, false, c->b, true); break;
    case 6: cpu_matmul(c->y, c->a, true, c->b, false); break;
    default: cpu_matmul(c->y, c->a, true, c->b, true); break;
  }
}

static Case make (int pass) {
  enum { N = 3, H = 7, W = 6, C = 21, OH = 4, OW = 3, K = 40 };
  enum { ROWS = 37, DEEP = 45, COLUMNS = 70 };
  Case c = { pass, { N, H, W, C, OH, OW, K, 3, 3, 2, 1, 1, 1 },
             { 0 }, { 0 }, { 0 } };
  View x = array(F32, 4, N, H, W, C), w = array(F32, 4, K, 3, 3, C);
  View y = array(F32, 4, N, OH, OW, K);
  View a = pass >= 6 ? array(F32, 3, 1, DEEP, ROWS)
                     : array(F32, 3, 1, ROWS, DEEP);
  View b = pass % 2 ? array(F32, 3, 1, COLUMNS, DEEP)
                    : array(F32, 3, 1, DEEP, COLUMNS);
  View ab = array(F32, 3, 1, ROWS, COLUMNS);
  View all[6] = { x, w, y, a, b, ab };
  static const int of[PASSES][3] = { { 2, 0, 1 }, { 0, 2, 1 }, { 0, 2, 1 },
    { 1, 2, 0 }, { 5, 3, 4 }, { 5, 3, 4 }, { 5, 3, 4 }, { 5, 3, 4 } };
  c.y = all[of[pass][0]], c.a = all[of[pass][1]], c.b = all[of[pass][2]];
  for (int i = 0; i < 6; i++)
    if (i != of[pass][0] && i != of[pass][1] && i != of[pass][2])
      drop(all[i]);
  return c;
}

static void drop_case (Case *c) {
  drop(c->y), drop(c->a), drop(c->b);
}

/* Rounding before the call changes nothing, and float32 has other bits. */
static void check_rounding (void *state) {
  Case *c = state, before = *c;
  size_t bytes = (size_t) count(c->y) * sizeof(float);
  cpu_precision = PRECISION_FLOAT32;
  mix(c->a), mix(c->b);
  run(c);
  before.y = round_view(c->y);
  before.a = round_view(c->a), before.b = round_view(c->b);
  assert_memory_not_equal(before.a.data, c->a.data,
                          (size_t) count(c->a) * sizeof(float));
  cpu_precision = PRECISION_BF16;
  run(&before);
  assert_memory_not_equal(before.y.data, c->y.data, bytes);
  run(c);
  assert_memory_equal(before.y.data, c->y.data, bytes);
  same_bits(c->y, run, c);
  drop_case(&before);
}

static void operands_are_rounded (void **state) {
  (void) state;
  for (int pass = 0; pass < PASSES; pass++) {
    Case c = make(pass);
    in_frame(check_rounding, &c);
    drop_case(&c);
  }
}

/* One number against 1: what comes out is what it was rounded to. */
static void check_numbers (void *state) {
  static const struct { float x, want; } number[] = {
    { 1 + 0x1p-8f, 1 }, { 1 + 3 * 0x1p-8f, 1 + 0x1p-6f },
    { 1 + 0x1p-8f + 0x1p-23f, 1 + 0x1p-7f }, { -1 - 0x1p-8f, -1 },
    { 0, 0 }, { INFINITY, INFINITY }, { -INFINITY, -INFINITY },
    { FLT_MAX, INFINITY }, { 0x1.FEp127f, 0x1.FEp127f },
    { FLT_MIN, FLT_MIN }, { FLT_MIN / 2, 0 }, { NAN, NAN },
  };
  enum { N = sizeof number / sizeof *number, DEEP = 32, COLUMNS = 40 };
  Case *c = state;
  cpu_precision = PRECISION_BF16;
  for (int i = 0; i < count(c->a); i++)
    f32(c->a)[i] = 0;
  for (int i = 0; i < count(c->b); i++)
    f32(c->b)[i] = 1;
  for (int i = 0; i < N; i++)
    f32(c->a)[i * DEEP] = number[i].x;
  run(c);
  for (int i = 0; i < N * COLUMNS; i++) {
    float got = f32(c->y)[i], want = number[i / COLUMNS].want;
    if (!(isnan(want) ? isnan(got) : got == want))
      fail_msg("%a became %a, not %a", (double) number[i / COLUMNS].x,
               (double) got, (double) want);
  }
}

static void numbers (void **state) {
  (void) state;
  Case c = { 4, { 0 }, array(F32, 3, 1, 12, 40), array(F32, 3, 1, 12, 32),
             array(F32, 3, 1, 32, 40) };
  in_frame(check_numbers, &c);
  drop_case(&c);
}

/* A NaN reaches what it is part of and nothing else. */
static void check_nan (void *state) {
  Case *c = state;
  int64_t n = 0;
  cpu_precision = PRECISION_BF16;
  shuffle(c->a), shuffle(c->b);
  f32(c->a)[5] = NAN;
  run(c);
  for (int64_t i = 0; i < count(c->y); i++)
    n += isnan(f32(c->y)[i]);
  assert_true(n > 0 && n < count(c->y));
}

static void nan_stays (void **state) {
  (void) state;
  for (int pass = 0; pass < PASSES; pass++) {
    Case c = make(pass);
    in_frame(check_nan, &c);
    drop_case(&c);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(operands_are_rounded), cmocka_unit_test(numbers),
    cmocka_unit_test(nan_stays),
  };
  int failed = cmocka_run_group_tests_name("bf16", tests, NULL, NULL);
  cpu_without_amx(true);
  return failed + cmocka_run_group_tests_name("bf16 without AMX", tests, NULL,
                                              NULL);
}
