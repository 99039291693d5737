/* test_matmul.c - matrix products, linear layers and column sums against
 * plain loops in float64, for all transposes, edges and sizes 0 and 1. */
#include "kernel.h"

typedef struct Case {
  View y, a, b, bias;
  bool ta, tb, linear;
  Activation act;
} Case;

static void run (void *state) {
  Case *c = state;
  if (c->linear)
    cpu_linear(c->y, c->a, c->b, c->bias, c->act);
  else
    cpu_matmul(c->y, c->a, c->ta, c->b, c->tb);
}

static double *expected (const Case *c) {
  View y = c->y;
  int64_t batch = c->linear ? 1 : y.size[0];
  int64_t m = y.size[y.rank - 2], n = y.size[y.rank - 1];
  int64_t k = c->a.size[c->a.rank - (c->ta ? 2 : 1)];
  bool one_a = c->linear || c->a.size[0] == 1;
  bool one_b = c->linear || c->b.size[0] == 1;
  double *out = malloc((size_t) (batch * m * n) * sizeof *out + 1);
  for (int64_t i = 0; i < batch * m * n; i++) {
    int64_t item = i / (m * n), r = i / n % m, col = i % n;
    const float *a = f32(c->a) + (one_a ? 0 : item * m * k);
    const float *b = f32(c->b) + (one_b ? 0 : item * k * n);
    double sum = c->bias.data ? (double) f32(c->bias)[col] : 0;
    for (int64_t l = 0; l < k; l++)
      sum += (double) a[c->ta ? l * m + r : r * k + l] *
             (double) b[c->tb ? col * k + l : l * n + col];
    out[i] = c->act == ACT_RELU && sum < 0 ? 0 : sum;
  }
  return out;
}

static void check (void *state) {
  Case *c = state;
  shuffle(c->a);
  shuffle(c->b);
  if (c->bias.data)
    shuffle(c->bias);
  memset(c->y.data, 0xFF, (size_t) count(c->y) * sizeof(float));
  run(c);
  double *want = expected(c);
  assert_true(difference(c->y, want) < 1e-5);
  free(want);
  same_bits(c->y, run, c);
  drop(c->y);
  drop(c->a);
  drop(c->b);
  if (c->bias.data)
    drop(c->bias);
}

/* batch, m, n, k in each of so many sizes */
static void check_products (const int (*sizes)[4], size_t count) {
  for (size_t i = 0; i < count; i++)
    for (int t = 0; t < 8; t++) {
      const int *s = sizes[i];
      int one = t < 4 ? s[0] : 1;     /* a batch of 1 serves all */
      Case c = { .ta = t & 1, .tb = t & 2,
                 .y = array(F32, 3, s[0], s[1], s[2]) };
      c.a = c.ta ? array(F32, 3, s[0], s[3], s[1]) :
            array(F32, 3, s[0], s[1], s[3]);
      c.b = c.tb ? array(F32, 3, one, s[2], s[3]) :
            array(F32, 3, one, s[3], s[2]);
      in_frame(check, &c);
    }
}

static void products (void **state) {
  static const int sizes[][4] = {
    { 1, 1, 1, 1 }, { 1, 3, 5, 7 }, { 4, 1, 9, 1 }, { 3, 33, 1, 65 },
    { 2, 1, 1000, 50 }, { 1, 1000, 1, 50 }, { 1, 128, 40, 3136 },
    { 1, 128, 3136, 40 }, { 5, 65, 67, 63 }, { 1, 257, 129, 100 },
    { 2, 3, 4, 0 }, { 0, 3, 4, 5 }, { 2, 0, 4, 5 }, { 2, 3, 0, 5 },
    { 1, 1, 17, 20000 }, { 1, 40, 785, 130 }, { 1, 2000, 33, 1 },
  };
  (void) state;
  check_products(sizes, sizeof sizes / sizeof *sizes);
}

/* Of one short side, at the edges of the blocks of thin.h. */
static void thin_products (void **state) {
  static const int sizes[][4] = {
    { 1, 1, 40, 3136 }, { 1, 2, 51, 300 }, { 3, 3, 7, 257 },
    { 1, 16, 37, 700 }, { 1, 31, 50, 129 }, { 1, 32, 500, 128 },
    { 1, 13, 3136, 20 }, { 1, 3136, 20, 3 }, { 2, 100, 9, 8 },
    { 1, 11, 47, 33 }, { 1, 5, 300, 16 }, { 1, 4, 16, 2048 },
  };
  (void) state;
  check_products(sizes, sizeof sizes / sizeof *sizes);
}

/* Sums of the same numbers, whatever other rows there are. */
static void run_rows (void *state) {
  Case *c = state;
  View y = c->y, x = c->a;
  cpu_linear(c->y, c->a, c->b, c->bias, c->act);
  for (int64_t i = 2; i < y.size[0]; i++) {
    View one = x, to = y, row;
    one.size[0] = to.size[0] = 3;
    one.data = f32(x) + (i - 2) * x.size[1];
    to.data = row.data = malloc((size_t) (3 * y.size[1]) * sizeof(float));
    cpu_linear(to, one, c->b, c->bias, c->act);
    assert_memory_equal(f32(y) + i * y.size[1], f32(row) + 2 * y.size[1],
                        (size_t) y.size[1] * sizeof(float));
    free(row.data);
  }
}

static void thin_rows_are_alone (void **state) {
  static const int sizes[][2] = { { 300, 41 }, { 20, 50 } };   /* in, out */
  (void) state;
  for (int i = 0; i < 2; i++) {
    int in = sizes[i][0], out = sizes[i][1];
    Case c = { .y = array(F32, 2, 32, out), .a = array(F32, 2, 32, in),
               .b = array(F32, 2, out, in), .bias = array(F32, 1, out),
               .act = ACT_RELU };
    shuffle(c.a), shuffle(c.b), shuffle(c.bias);
    in_frame(run_rows, &c);
    drop(c.y), drop(c.a), drop(c.b), drop(c.bias);
  }
}

static void linears (void **state) {
  static const int sizes[][3] = {       /* rows, in, out */
    { 128, 3136, 40 }, { 128, 20, 3136 }, { 1, 20, 10 }, { 7, 300, 11 },
    { 0, 3, 4 }, { 3, 0, 4 }, { 513, 64, 65 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int t = 0; t < 4; t++) {
      const int *s = sizes[i];
      Case c = { .linear = true, .tb = true, .y = array(F32, 2, s[0], s[2]),
                 .a = array(F32, 2, s[0], s[1]),
                 .b = array(F32, 2, s[2], s[1]),
                 .act = t & 1 ? ACT_RELU : ACT_NONE };
      if (t & 2)
        c.bias = array(F32, 1, s[2]);
      in_frame(check, &c);
    }
}

static void nan_stays (void **state) {
  (void) state;
  View x = array(F32, 2, 70, 90), w = array(F32, 2, 50, 90);
  View y = array(F32, 2, 70, 50), dy = array(F32, 2, 70, 50);
  View dx = array(F32, 2, 70, 50);
  shuffle(x);
  shuffle(w);
  shuffle(dy);
  f32(x)[3 * 90 + 5] = NAN;
  Case c = { .linear = true, .y = y, .a = x, .b = w, .act = ACT_RELU };
  in_frame(run, &c);
  for (int i = 0; i < 70 * 50; i++)
    assert_int_equal(isnan(f32(y)[i]) != 0, i / 50 == 3);
  cpu_act_back(dx, (View) { 0 }, dy, y, ACT_RELU);
  for (int i = 0; i < 70 * 50; i++)
    if (i / 50 == 3)
      assert_true(isnan(f32(dx)[i]));
    else
      assert_true(f32(dx)[i] == (f32(y)[i] > 0 ? f32(dy)[i] : 0));
  drop(x), drop(w), drop(y), drop(dy), drop(dx);
}

/* One number of a or b touches its row or column of y alone, whatever the
 * sizes of blocks. */
static void thin_nan_stays (void **state) {
  static const int sizes[][3] = {       /* m, n, k */
    { 1, 19, 500 }, { 2, 23, 150 }, { 7, 21, 300 }, { 9, 50, 21 },
    { 40, 35, 5 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int t = 0; t < 8; t++) {
      int m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
      bool of_a = t & 4;
      Case c = { .ta = t & 1, .tb = t & 2, .y = array(F32, 3, 1, m, n) };
      c.a = c.ta ? array(F32, 3, 1, k, m) : array(F32, 3, 1, m, k);
      c.b = c.tb ? array(F32, 3, 1, n, k) : array(F32, 3, 1, k, n);
      shuffle(c.a), shuffle(c.b);
      if (of_a)
        f32(c.a)[c.ta ? (k - 1) * m + m / 2 : m / 2 * k + k - 1] = NAN;
      else
        f32(c.b)[c.tb ? (n - 1) * k + k / 2 : k / 2 * n + n - 1] = INFINITY;
      in_frame(run, &c);
      for (int j = 0; j < m * n; j++)
        assert_int_equal(isfinite(f32(c.y)[j]) == 0,
                         of_a ? j / n == m / 2 : j % n == n - 1);
      drop(c.y), drop(c.a), drop(c.b);
    }
}

static void run_bias (void *state) {
  View *v = state;
  cpu_bias_back(v[0], v[1]);
}

static void check_bias (void *state) {
  View *v = state;
  run_bias(v);
  same_bits(v[0], run_bias, v);
}

static void column_sums (void **state) {
  static const int sizes[][2] = {
    { 1, 1 }, { 100000, 1 }, { 25088, 32 }, { 129, 3136 }, { 0, 5 },
    { 7, 3 }, { 1000, 7 }, { 65, 65 }, { 33, 1000 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    int rows = sizes[i][0], columns = sizes[i][1];
    View v[2] = { array(F32, 1, columns), array(F32, 2, rows, columns) };
    double want[4000] = { 0 };
    shuffle(v[1]);
    for (int j = 0; j < rows * columns; j++)
      want[j % columns] += (double) f32(v[1])[j];
    in_frame(check_bias, v);
    assert_true(difference(v[0], want) < 1e-5);
    drop(v[0]), drop(v[1]);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(products), cmocka_unit_test(linears),
    cmocka_unit_test(nan_stays), cmocka_unit_test(column_sums),
    cmocka_unit_test(thin_products), cmocka_unit_test(thin_rows_are_alone),
    cmocka_unit_test(thin_nan_stays),
  };
  return run_in_each_precision(tests);
}
