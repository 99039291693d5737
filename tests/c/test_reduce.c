/*
 * test_reduce.c - reductions over every subset of axes and every order of
 * strides against plain sums in float64, and the kernels that work on rows.
 */
#include "kernel.h"

#include "backend/math.h"

/* ---- reductions ---- */

static double neutral (ReduceFn f) {
  return f == REDUCE_MAX ? -INFINITY : f == REDUCE_MIN ? INFINITY
       : f == REDUCE_PROD;
}

static double join (ReduceFn f, double a, double v) {
  switch (f) {
    case REDUCE_MAX: return isnan(a) || a > v ? a : v;
    case REDUCE_MIN: return isnan(a) || a < v ? a : v;
    case REDUCE_PROD: return a * v;
    default: return a + v;
  }
}

/* y[i] = f of x, by walking over x element by element. */
static void plain (ReduceFn f, View y, View x, double scale, double *out) {
  for (int64_t i = 0; i < count(y); i++)
    out[i] = neutral(f);
  for (int64_t i = 0; i < count(x); i++) {
    int64_t rest = i, from = 0, to = 0, step = 1;
    for (int k = x.rank - 1; k >= 0; k--) {
      int64_t at = rest % x.size[k];
      rest /= x.size[k];
      from += at * x.stride[k];
      if (y.size[k] != 1)
        to += at * step;
      step *= y.size[k];
    }
    out[to] = join(f, out[to], (double) f32(x)[from]);
  }
  for (int64_t i = 0; i < count(y); i++)
    out[i] *= scale;
}

static void check_reduce (ReduceFn f, View x, unsigned axes) {
  int size[4];
  for (int i = 0; i < 4; i++)
    size[i] = axes >> i & 1 ? 1 : (int) x.size[i];
  View y = array(F32, 4, size[0], size[1], size[2], size[3]);
  double *reference = malloc((size_t) count(y) * sizeof(double) + 8);
  double scale = f == REDUCE_SUM ? 0.25 : 1;
  plain(f, y, x, scale, reference);
  cpu_reduce(f, y, x, scale);
  if (difference(y, reference) > 1e-6)
    fail_msg("function %d over axes %x of [%d, %d, %d, %d]", (int) f, axes,
             (int) x.size[0], (int) x.size[1], (int) x.size[2],
             (int) x.size[3]);
  free(reference);
  drop(y);
}

static View permuted (View x, int a, int b, int c, int d) {
  const int order[4] = { a, b, c, d };
  View p = x;
  for (int i = 0; i < 4; i++) {
    p.size[i] = x.size[order[i]];
    p.stride[i] = x.stride[order[i]];
  }
  return p;
}

static void check_all (View x) {
  for (int f = 0; f < REDUCE_FNS; f++)
    for (unsigned axes = 0; axes < 16; axes++) {
      check_reduce(f, x, axes);
      check_reduce(f, permuted(x, 3, 2, 1, 0), axes);
      check_reduce(f, permuted(x, 0, 2, 3, 1), axes);
      check_reduce(f, permuted(x, 2, 0, 1, 3), axes);
    }
}

static void each_shape (void *unused) {
  static const int shape[][4] = {
    { 3, 5, 7, 9 }, { 1, 1, 1, 1 }, { 2, 1, 40, 17 }, { 4, 3, 1, 300 },
    { 130, 2, 3, 16 }, { 1, 1, 1, 70001 }, { 1, 9000, 1, 12 },
    { 2, 70, 1, 1111 } };
  (void) unused;
  for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
    const int *s = shape[i];
    View x = array(F32, 4, s[0], s[1], s[2], s[3]), wide = x;
    shuffle(x);
    check_all(x);
    wide.stride[1] = 0;                      /* broadcast */
    check_all(wide);
    drop(x);
  }
}

static void reductions (void **state) {
  (void) state;
  in_frame(each_shape, NULL);
}

static void empty_ones (void *unused) {
  View x = array(F32, 2, 3, 0), y = array(F32, 2, 3, 1);
  View none = array(F32, 2, 1, 0);
  (void) unused;
  cpu_reduce(REDUCE_SUM, y, x, 1);
  assert_true(f32(y)[0] == 0 && f32(y)[2] == 0);
  cpu_reduce(REDUCE_PROD, y, x, 1);
  assert_true(f32(y)[1] == 1);
  cpu_reduce(REDUCE_SUM, none, x, 1);
  drop(x), drop(y), drop(none);
}

static void nothing_sums_to_zero (void **state) {
  (void) state;
  in_frame(empty_ones, NULL);
}

static void nan_ones (void *unused) {
  View x = array(F32, 2, 40, 40), y = array(F32, 2, 40, 1);
  View z = array(F32, 2, 1, 40);
  (void) unused;
  shuffle(x);
  f32(x)[7 * 40 + 23] = NAN;
  for (int f = 0; f < REDUCE_FNS; f++) {
    cpu_reduce(f, y, x, 1);
    cpu_reduce(f, z, x, 1);
    for (int i = 0; i < 40; i++) {
      assert_int_equal(isnan(f32(y)[i]), i == 7);
      assert_int_equal(isnan(f32(z)[i]), i == 23);
    }
  }
  drop(x), drop(y), drop(z);
}

static void nan_stays (void **state) {
  (void) state;
  in_frame(nan_ones, NULL);
}

/* float64 in, float64 out. */
static void wide_sums (void *unused) {
  double x[1000], y = 0, truth = 0;
  View from = { .data = x, .dtype = F64, .rank = 1, .size = { 1000 },
                .stride = { 1 } };
  View to = { .data = &y, .dtype = F64, .rank = 1, .size = { 1 },
              .stride = { 1 } };
  (void) unused;
  for (int i = 0; i < 1000; i++)
    truth += x[i] = 1.0 / (i + 1);
  cpu_reduce(REDUCE_SUM, to, from, 1);
  assert_true(fabs(y - truth) < 1e-14);
  cpu_reduce(REDUCE_MAX, to, from, 3);
  assert_true(y == 3);
}

static void float64_sums (void **state) {
  (void) state;
  in_frame(wide_sums, NULL);
}

/* ---- orders ---- */

static void order (void *unused) {
  const float x[] = { 3, NAN, -1, 3, -INFINITY, 0, -0.0f, INFINITY, 1 };
  const int32_t up[] = { 5, 3, 6, 7, 9, 1, 4, 8, 2 };
  const int32_t down[] = { 8, 1, 4, 9, 6, 7, 3, 5, 2 };
  View v = array(F32, 2, 1, 9), y = array(I32, 2, 1, 9);
  (void) unused;
  memcpy(v.data, x, sizeof x);
  cpu_argsort(y, v, false);
  assert_memory_equal(y.data, up, sizeof up);
  cpu_argsort(y, v, true);
  assert_memory_equal(y.data, down, sizeof down);
  drop(v), drop(y);
}

static void sorting_has_nan_last (void **state) {
  (void) state;
  in_frame(order, NULL);
}

/* Few different values: equal ones must keep their order. */
static void stable (void *unused) {
  enum { N = 3001 };
  View x = array(F32, 2, 2, N), y = array(I32, 2, 2, N);
  (void) unused;
  shuffle(x);
  for (int i = 0; i < 2 * N; i++)
    f32(x)[i] = floorf(f32(x)[i] * 20);
  for (int down = 0; down < 2; down++) {
    cpu_argsort(y, x, down);
    for (int r = 0; r < 2; r++)
      for (int i = 1; i < N; i++) {
        int32_t a = ((int32_t *) y.data)[r * N + i - 1];
        int32_t b = ((int32_t *) y.data)[r * N + i];
        float p = f32(x)[r * N + a - 1], q = f32(x)[r * N + b - 1];
        assert_true((down ? p > q : p < q) || (p == q && a < b));
      }
  }
  drop(x), drop(y);
}

static void sorting_is_stable (void **state) {
  (void) state;
  in_frame(stable, NULL);
}

static void best (void *unused) {
  const float x[] = { 1, 5, 5, -2, -2, NAN, 9, NAN, -INFINITY, -INFINITY,
                      -INFINITY, -INFINITY };
  View v = array(F32, 2, 3, 4), y = array(I32, 1, 3);
  int32_t *p = y.data;
  (void) unused;
  memcpy(v.data, x, sizeof x);
  cpu_argmax(y, v, false);
  assert_true(p[0] == 2 && p[1] == 2 && p[2] == 1);
  cpu_argmax(y, v, true);
  assert_true(p[0] == 4 && p[1] == 2 && p[2] == 1);
  drop(v), drop(y);
}

static void first_of_the_best (void **state) {
  (void) state;
  in_frame(best, NULL);
}

static void running (void *unused) {
  View x = array(F32, 2, 3, 50), y = array(F32, 2, 3, 50);
  double reference[150];
  (void) unused;
  shuffle(x);
  for (int reverse = 0; reverse < 2; reverse++) {
    for (int r = 0; r < 3; r++)
      for (int i = 0; i < 50; i++) {
        double sum = 0;
        for (int k = reverse ? i : 0; k <= (reverse ? 49 : i); k++)
          sum += (double) f32(x)[r * 50 + k];
        reference[r * 50 + i] = sum;
      }
    cpu_cumsum(y, x, reverse);
    assert_true(difference(y, reference) < 1e-6);
  }
  drop(x), drop(y);
}

static void running_sums (void **state) {
  (void) state;
  in_frame(running, NULL);
}

/* ---- the softmax family ---- */

static void check_softmax (int rows, int n, float scale) {
  View x = array(F32, 2, rows, n), y = array(F32, 2, rows, n);
  View l = array(F32, 1, rows), dy = array(F32, 2, rows, n);
  View dx = array(F32, 2, rows, n);
  double *soft = malloc((size_t) (rows * n) * 3 * sizeof *soft);
  double *log_soft = soft + rows * n, *back = log_soft + rows * n;
  double *total = malloc((size_t) rows * sizeof *total);
  shuffle(x);
  shuffle(dy);
  for (int r = 0; r < rows; r++) {
    double sum = 0, mean = 0;
    for (int i = 0; i < n; i++)
      sum += exp((double) (f32(x)[r * n + i] *= scale));
    total[r] = log(sum);
    for (int i = 0; i < n; i++) {
      log_soft[r * n + i] = (double) f32(x)[r * n + i] - total[r];
      soft[r * n + i] = exp(log_soft[r * n + i]);
      mean += soft[r * n + i] * (double) f32(dy)[r * n + i];
    }
    for (int i = 0; i < n; i++)
      back[r * n + i] = soft[r * n + i] * ((double) f32(dy)[r * n + i] - mean);
  }
  cpu_logsumexp(l, x);
  assert_true(difference(l, total) < 1e-6);
  cpu_softmax(y, x);
  assert_true(difference(y, soft) < 1e-6);
  cpu_softmax_back(dx, dy, y);
  assert_true(difference(dx, back) < 1e-6);
  cpu_logsoftmax(y, x);
  assert_true(difference(y, log_soft) < 1e-6);
  for (int r = 0; r < rows; r++) {
    double sum = 0;
    for (int i = 0; i < n; i++)
      sum += (double) f32(dy)[r * n + i];
    for (int i = 0; i < n; i++)
      back[r * n + i] = (double) f32(dy)[r * n + i] - soft[r * n + i] * sum;
  }
  cpu_logsoftmax_back(dx, dy, y);
  assert_true(difference(dx, back) < 1e-6);
  free(soft), free(total);
  drop(x), drop(y), drop(l), drop(dy), drop(dx);
}

static void softmaxes (void *unused) {
  (void) unused;
  check_softmax(1, 1, 1);
  check_softmax(7, 10, 30);
  check_softmax(3, 1000, 5);
  check_softmax(5000, 17, 2);
}

static void softmax_family (void **state) {
  (void) state;
  in_frame(softmaxes, NULL);
}

static void far (void *unused) {
  const float x[] = { 1000, 999, -1000,  -INFINITY, -INFINITY, -INFINITY,
                      -INFINITY, 0, 0,  1, NAN, 1,  INFINITY, 0, 0 };
  View v = array(F32, 2, 5, 3), y = array(F32, 2, 5, 3), l = array(F32, 1, 5);
  (void) unused;
  memcpy(v.data, x, sizeof x);
  cpu_logsumexp(l, v);
  assert_true(fabsf(f32(l)[0] - 1000.31326f) < 1e-3f);
  assert_true(f32(l)[1] == -INFINITY && isnan(f32(l)[3]));
  assert_true(fabsf(f32(l)[2] - 0.693147f) < 1e-6f && f32(l)[4] == INFINITY);
  cpu_softmax(y, v);
  assert_true(fabsf(f32(y)[0] - 0.731059f) < 1e-6f && f32(y)[2] == 0);
  assert_true(isnan(f32(y)[3]) && isnan(f32(y)[9]) && f32(y)[7] == 0.5f);
  drop(v), drop(y), drop(l);
}

static void softmax_of_extremes (void **state) {
  (void) state;
  in_frame(far, NULL);
}

/* ---- threads ---- */

static View y, x;

static void sum_again (void *unused) {
  (void) unused;
  cpu_reduce(REDUCE_SUM, y, x, 1);
}

static void bits (void *unused) {
  x = array(F32, 4, 40, 30, 20, 25);
  shuffle(x);
  for (unsigned axes = 0; axes < 16; axes++) {
    y = array(F32, 4, axes & 1 ? 1 : 40, axes & 2 ? 1 : 30, axes & 4 ? 1 : 20,
              axes & 8 ? 1 : 25);
    sum_again(unused);
    same_bits(y, sum_again, NULL);
    drop(y);
  }
  drop(x);
}

static void threads_change_nothing (void **state) {
  (void) state;
  in_frame(bits, NULL);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(reductions),
    cmocka_unit_test(nothing_sums_to_zero),
    cmocka_unit_test(nan_stays),
    cmocka_unit_test(float64_sums),
    cmocka_unit_test(sorting_has_nan_last),
    cmocka_unit_test(sorting_is_stable),
    cmocka_unit_test(first_of_the_best),
    cmocka_unit_test(running_sums),
    cmocka_unit_test(softmax_family),
    cmocka_unit_test(softmax_of_extremes),
    cmocka_unit_test(threads_change_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
