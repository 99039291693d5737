/* test_norm.c - statistics and normalisation of rows and columns against
 * float64, and their gradients against differences of it. */
#include "kernel.h"

static const float eps = 1e-3f;
static const Scalar eps_slot = { &eps };

static const int sizes[][2] = {
  { 1, 1 }, { 1, 7 }, { 5, 1 }, { 4, 16 }, { 3, 17 }, { 130, 33 },
  { 3, 5000 }, { 5000, 3 }, { 70, 600 }, { 2000, 300 },
};

enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct Case {
  View x, y, dy, dx;
  View mean, spread;             /* rstd of rows, variance of columns */
  bool columns;
} Case;

static Case make (int rows, int n, bool columns) {
  int groups = columns ? n : rows;
  Case c = { array(F32, 2, rows, n), array(F32, 2, rows, n),
             array(F32, 2, rows, n), array(F32, 2, rows, n),
             array(F32, 1, groups), array(F32, 1, groups), columns };
  shuffle(c.x);
  shuffle(c.dy);
  for (int i = 0; i < rows * n; i++)
    f32(c.x)[i] = f32(c.x)[i] + 4;      /* a mean that costs digits */
  return c;
}

static void drop_all (Case c) {
  drop(c.x), drop(c.y), drop(c.dy), drop(c.dx), drop(c.mean), drop(c.spread);
}

static void forward (void *state) {
  Case *c = state;
  if (!c->columns) {
    cpu_rownorm(c->y, c->mean, c->spread, c->x, eps_slot);
    return;
  }
  cpu_colstats(c->mean, c->spread, c->x);
  cpu_colnorm(c->y, c->x, c->mean, c->spread, eps_slot);
}

static void backward (void *state) {
  Case *c = state;
  forward(c);
  if (c->columns)
    cpu_colnorm_back(c->dx, c->dy, c->x, c->mean, c->spread, eps_slot);
  else
    cpu_rownorm_back(c->dx, c->dy, c->x, c->mean, c->spread);
}

/* Place of element k of group g: a row, or a column. */
static int64_t place (const Case *c, int64_t g, int64_t k) {
  int64_t n = c->x.size[1];
  return c->columns ? k * n + g : g * n + k;
}

/* y and dx in float64. */
static void expected (const Case *c, double *y, double *dx) {
  int64_t groups = c->x.size[c->columns ? 1 : 0];
  int64_t n = c->x.size[c->columns ? 0 : 1];
  for (int64_t g = 0; g < groups; g++) {
    double mean = 0, var = 0, sum = 0, dot = 0;
    for (int64_t k = 0; k < n; k++)
      mean += (double) f32(c->x)[place(c, g, k)] / (double) n;
    for (int64_t k = 0; k < n; k++)
      var += pow((double) f32(c->x)[place(c, g, k)] - mean, 2) / (double) n;
    double rstd = 1 / sqrt(var + (double) eps);
    for (int64_t k = 0; k < n; k++) {
      int64_t i = place(c, g, k);
      y[i] = ((double) f32(c->x)[i] - mean) * rstd;
      sum += (double) f32(c->dy)[i] / (double) n;
      dot += (double) f32(c->dy)[i] * y[i] / (double) n;
    }
    for (int64_t k = 0; k < n; k++) {
      int64_t i = place(c, g, k);
      dx[i] = rstd * ((double) f32(c->dy)[i] - sum - y[i] * dot);
    }
  }
}

static void check (void *state) {
  Case *c = state;
  int64_t n = count(c->x);
  double *y = malloc((size_t) n * sizeof *y);
  double *dx = malloc((size_t) n * sizeof *dx);
  expected(c, y, dx);
  backward(c);
  assert_true(difference(c->y, y) < 2e-5);
  assert_true(difference(c->dx, dx) < 1e-4);
  same_bits(c->y, forward, c);
  same_bits(c->dx, backward, c);
  free(y);
  free(dx);
}

static void all_sizes (bool columns) {
  for (int i = 0; i < SIZES; i++) {
    Case c = make(sizes[i][0], sizes[i][1], columns);
    in_frame(check, &c);
    drop_all(c);
  }
}

static void rows (void **state) {
  (void) state;
  all_sizes(false);
}

static void columns (void **state) {
  (void) state;
  all_sizes(true);
}

/* A NaN stays in its own row or column. */
static void nan_stays (void **state) {
  (void) state;
  for (int by = 0; by < 2; by++) {
    Case c = make(5, 20, by == 1);
    f32(c.x)[2 * 20 + 3] = NAN;
    in_frame(forward, &c);
    for (int i = 0; i < 100; i++)
      assert_int_equal(isnan(f32(c.y)[i]) != 0,
                       by == 1 ? i % 20 == 3 : i / 20 == 2);
    drop_all(c);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows), cmocka_unit_test(columns),
    cmocka_unit_test(nan_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
