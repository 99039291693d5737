/* test_loss.c - losses with their sums against float64, extreme logits, and
 * the reparameterised draw against kernel randn. */
#include "kernel.h"

typedef struct Case {
  View y, a, b, dy, da, db;
  void (*run) (View y, View a, View b);
} Case;

static const int sizes[][2] = {
  { 1, 1 }, { 5, 1 }, { 0, 7 }, { 3, 15 }, { 4, 16 }, { 7, 257 }, { 128, 20 },
  { 128, 784 }, { 2, 5001 },
};

enum { SIZES = sizeof sizes / sizeof *sizes };

static Case make (int rows, int n) {
  Case c = { .y = array(F32, 1, rows), .a = array(F32, 2, rows, n),
             .b = array(F32, 2, rows, n), .dy = array(F32, 1, rows),
             .da = array(F32, 2, rows, n), .db = array(F32, 2, rows, n) };
  shuffle(c.a);
  shuffle(c.b);
  shuffle(c.dy);
  for (int i = 0; i < rows * n; i++)
    f32(c.a)[i] *= 4;
  return c;
}

static void drop_all (Case c) {
  drop(c.y), drop(c.a), drop(c.b), drop(c.dy), drop(c.da), drop(c.db);
}

static double bce (double a, double b) {
  return fmax(a, 0) - a * b + log1p(exp(-fabs(a)));
}

static double squared (double a, double b) {
  return (a - b) * (a - b);
}

static double kl (double a, double b) {
  return 0.5 * (a * a + exp(b) - 1 - b);
}

static void run (void *state) {
  Case *c = state;
  c->run(c->y, c->a, c->b);
}

/* y against f summed over rows, and da (and db) against dy times slopes, by
 * central differences in float64. */
static void check (Case *c, double (*f) (double a, double b), bool both) {
  int64_t rows = c->a.size[0], n = c->a.size[1];
  double *want = calloc((size_t) rows + 1, sizeof *want);
  double *da = calloc((size_t) (rows * n) + 1, sizeof *da);
  double *db = calloc((size_t) (rows * n) + 1, sizeof *db);
  for (int64_t i = 0; i < rows * n; i++) {
    double a = (double) f32(c->a)[i], b = (double) f32(c->b)[i], h = 1e-5;
    double dy = (double) f32(c->dy)[i / n];
    want[i / n] += f(a, b);
    da[i] = dy * (f(a + h, b) - f(a - h, b)) / (2 * h);
    db[i] = dy * (f(a, b + h) - f(a, b - h)) / (2 * h);
  }
  in_frame(run, c);
  assert_true(difference(c->y, want) < 1e-6);
  assert_true(difference(c->da, da) < 1e-6);
  if (both)
    assert_true(difference(c->db, db) < 1e-6);
  same_bits(c->y, run, c);
  free(want);
  free(da);
  free(db);
}

static void cross_entropy (void **state) {
  (void) state;
  for (int i = 0; i < SIZES; i++) {
    Case c = make(sizes[i][0], sizes[i][1]);
    c.run = cpu_bce_rows;
    cpu_bce_rows_back(c.da, c.dy, c.a, c.b);
    check(&c, bce, false);
    drop_all(c);
  }
}

static void squares (void **state) {
  (void) state;
  for (int i = 0; i < SIZES; i++) {
    Case c = make(sizes[i][0], sizes[i][1]);
    c.run = cpu_squared_rows;
    cpu_squared_rows_back(c.da, c.dy, c.a, c.b);
    check(&c, squared, false);
    drop_all(c);
  }
}

static void divergence (void **state) {
  (void) state;
  for (int i = 0; i < SIZES; i++) {
    Case c = make(sizes[i][0], sizes[i][1]);
    c.run = cpu_normal_kl_rows;
    cpu_normal_kl_rows_back(c.da, c.db, c.dy, c.a, c.b);
    check(&c, kl, true);
    drop_all(c);
  }
}

/* Large logits neither overflow nor lose the target; NaN stays. */
static void extremes (void **state) {
  static const float logit[] = { 1000, -1000, 1000, 0, 88.8f, NAN };
  static const float x[] = { 1, 0, 0, 0.5f, 1, 1 };
  static const float want[] = { 0, 0, 1000, 0.693147181f, 0, NAN };
  Case c = make(6, 1);
  (void) state;
  memcpy(c.a.data, logit, sizeof logit);
  memcpy(c.b.data, x, sizeof x);
  cpu_bce_rows(c.y, c.a, c.b);
  for (int i = 0; i < 5; i++)
    assert_true(fabsf(f32(c.y)[i] - want[i]) <= 1e-7f);
  assert_true(isnan(f32(c.y)[5]));
  drop_all(c);
}

/* ---- draws -------------------------------------------------------------- */

typedef struct Draw { View z, eps, mean, logvar; Address at; } Draw;

static void draw (void *state) {
  Draw *d = state;
  cpu_reparameterise(d->z, d->eps, d->mean, d->logvar, d->at);
}

static void draws (void **state) {
  static const int counts[] = { 1, 3, 4, 5, 255, 256, 257, 5003, 40000 };
  static const uint32_t address[4] = { 11, 22, 33, 44 };
  (void) state;
  for (size_t k = 0; k < sizeof counts / sizeof *counts; k++) {
    int n = counts[k];
    Draw d = { array(F32, 1, n), array(F32, 1, n), array(F32, 1, n),
               array(F32, 1, n), { address } };
    View normal = array(F32, 1, n), dmean = array(F32, 1, n);
    View dlogvar = array(F32, 1, n);
    shuffle(d.mean);
    shuffle(d.logvar);
    in_frame(draw, &d);
    cpu_randn(normal, d.at);
    assert_memory_equal(normal.data, d.eps.data, (size_t) n * 4);
    same_bits(d.z, draw, &d);
    cpu_reparameterise_back(dmean, dlogvar, d.z, d.eps, d.logvar);
    for (int i = 0; i < n; i++) {
      double s = exp((double) f32(d.logvar)[i] / 2);
      double e = (double) f32(normal)[i];
      double z = (double) f32(d.mean)[i] + s * e;
      assert_true(fabs((double) f32(d.z)[i] - z) < 2e-6 * (1 + fabs(z)));
      assert_true(f32(dmean)[i] == f32(d.z)[i]);
      assert_true(fabs((double) f32(dlogvar)[i] - 0.5 * s * e * z)
                  < 1e-5 * (1 + fabs(s * e * z)));
    }
    drop(d.z), drop(d.eps), drop(d.mean), drop(d.logvar);
    drop(normal), drop(dmean), drop(dlogvar);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(cross_entropy), cmocka_unit_test(squares),
    cmocka_unit_test(divergence), cmocka_unit_test(extremes),
    cmocka_unit_test(draws),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
