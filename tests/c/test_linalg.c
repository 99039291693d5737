/* test_linalg.c - factorisations by putting their factors together again;
 * the same bits for any number of threads. */
#include "kernel.h"

#include "backend/linalg.h"

static double next (void) {
  static uint64_t state = 5;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double) (int64_t) state / 9.3e18;
}

static double *random_matrix (int64_t m, int64_t n) {
  double *a = malloc((size_t) (m * n) * sizeof *a + 1);
  for (int64_t i = 0; i < m * n; i++)
    a[i] = next();
  return a;
}

static double *copy (const double *a, int64_t count) {
  double *b = malloc((size_t) count * sizeof *b + 1);
  memcpy(b, a, (size_t) count * sizeof *b);
  return b;
}

/* a b of plain loops; ta, tb: read as transposed. */
static double *times (int64_t m, int64_t n, int64_t k, const double *a,
                      bool ta, const double *b, bool tb) {
  double *y = calloc((size_t) (m * n) + 1, sizeof *y);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      for (int64_t l = 0; l < k; l++)
        y[i * n + j] += a[ta ? l * m + i : i * k + l]
                      * b[tb ? j * k + l : l * n + j];
  return y;
}

static void assert_near (const double *a, const double *b, int64_t count) {
  double scale = 1;
  for (int64_t i = 0; i < count; i++)
    scale = fmax(scale, fabs(b[i]));
  for (int64_t i = 0; i < count; i++)
    if (!(fabs(a[i] - b[i]) < 1e-10 * scale))
      fail_msg("element %d: %g, not %g", (int) i, a[i], b[i]);
}

/* A symmetric positive definite matrix. */
static double *definite (int64_t n) {
  double *a = random_matrix(n, n), *s = times(n, n, n, a, false, a, true);
  for (int64_t i = 0; i < n; i++)
    s[i * n + i] += 1;
  free(a);
  return s;
}

static const int sides[] = { 0, 1, 2, 5, 33, 130 };

enum { SIDES = sizeof sides / sizeof *sides };

static void eigen_of (int64_t n) {
  double *a = definite(n), *v = copy(a, n * n), *w = random_matrix(n, 1);
  double *alone = copy(a, n * n), *values = random_matrix(n, 1);
  linalg_eigh(n, v, w, true);
  linalg_eigh(n, alone, values, false);
  assert_near(w, values, n);
  for (int64_t i = 1; i < n; i++)
    assert_true(w[i - 1] <= w[i]);
  double *scaled = copy(v, n * n);
  for (int64_t i = 0; i < n * n; i++)
    scaled[i] *= w[i % n];
  double *again = times(n, n, n, scaled, false, v, true);
  assert_near(again, a, n * n);
  free(a), free(v), free(w), free(alone), free(values), free(scaled);
  free(again);
}

static void cholesky_of (int64_t n) {
  double *a = definite(n), *l = copy(a, n * n);
  assert_true(linalg_cholesky(n, l));
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      assert_true(l[i * n + j] == 0);
  double *again = times(n, n, n, l, false, l, true);
  assert_near(again, a, n * n);
  if (n > 0) {
    a[n * n - 1] = -1;
    assert_false(linalg_cholesky(n, a));
  }
  free(a), free(l), free(again);
}

static void svd_of (int64_t m, int64_t n) {
  int64_t k = m < n ? m : n;
  double *a = random_matrix(m, n), *used = copy(a, m * n);
  double *u = random_matrix(m, k), *s = random_matrix(k, 1);
  double *vt = random_matrix(k, n), *values = random_matrix(k, 1);
  linalg_svd(m, n, used, u, s, vt);
  memcpy(used, a, (size_t) (m * n) * sizeof *a);
  linalg_svd(m, n, used, NULL, values, NULL);
  assert_near(s, values, k);
  for (int64_t i = 0; i < m * k; i++)
    u[i] *= s[i % k];
  double *again = times(m, n, k, u, false, vt, false);
  assert_near(again, a, m * n);
  free(a), free(used), free(u), free(s), free(vt), free(values), free(again);
}

static void solve_of (int64_t n, int64_t k) {
  double *a = definite(n), *x = random_matrix(n, k);
  if (n > 1)
    a[1] += 3;                               /* no longer symmetric */
  for (int transposed = 0; transposed < 2; transposed++) {
    double *b = times(n, k, n, a, transposed, x, false);
    double *used = copy(a, n * n);
    assert_true(linalg_solve(n, k, used, transposed, b));
    assert_near(b, x, n * k);
    free(b), free(used);
  }
  free(a), free(x);
}

static void factors (void *unused) {
  (void) unused;
  for (int i = 0; i < SIDES; i++) {
    eigen_of(sides[i]);
    cholesky_of(sides[i]);
    solve_of(sides[i], 3);
    for (int j = 0; j < SIDES; j++)
      svd_of(sides[i], sides[j]);
  }
}

static void all_factors (void **state) {
  (void) state;
  in_frame(factors, NULL);
}

static void determinants (void *unused) {
  double a[] = { 0, 2, 3, 1 }, singular[] = { 1, 2, 2, 4 }, sign;
  double b[] = { 1, 1 };
  (void) unused;
  assert_true(fabs(linalg_logdet(2, a, &sign) - log(6)) < 1e-14);
  assert_true(sign == -1);
  assert_true(linalg_logdet(2, singular, &sign) == -INFINITY);
  assert_true(sign == 0);
  double again[] = { 1, 2, 2, 4 };
  assert_false(linalg_solve(2, 1, again, false, b));
}

static void all_determinants (void **state) {
  (void) state;
  in_frame(determinants, NULL);
}

static void finite_numbers (void **state) {
  double a[] = { 1, 2, NAN }, b[] = { 1, INFINITY };
  (void) state;
  assert_true(linalg_finite(2, a));
  assert_false(linalg_finite(3, a));
  assert_false(linalg_finite(2, b));
}

/* ---- products, and the bits --------------------------------------------- */

static void products (void **state) {
  static const int sizes[][3] = {
    { 1, 1, 1 }, { 3, 4, 5 }, { 200, 33, 70 }, { 5, 0, 3 }, { 65, 130, 0 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int t = 0; t < 4; t++) {
      int64_t m = sizes[i][0], n = sizes[i][1], k = sizes[i][2];
      double *a = random_matrix(m, k), *b = random_matrix(k, n);
      double *want = times(m, n, k, a, t & 1, b, t & 2);
      double *y = random_matrix(m, n);
      linalg_product(m, n, k, a, t & 1, b, t & 2, y);
      assert_near(y, want, m * n);
      free(a), free(b), free(want), free(y);
    }
}

static void bits (void *unused) {
  enum { N = 300 };
  double *a = definite(N), *first = NULL, *w = random_matrix(N, 1);
  (void) unused;
  for (int threads = 1; threads <= 4; threads++) {
    double *v = copy(a, N * N), *y = random_matrix(N, N);
    cpu_set_threads(threads);
    linalg_eigh(N, v, w, true);
    linalg_product(N, N, N, v, false, a, true, y);
    if (first == NULL)
      first = copy(y, N * N);
    assert_memory_equal(first, y, N * N * sizeof *y);
    free(v), free(y);
  }
  cpu_set_threads(0);
  free(a), free(first), free(w);
}

static void same_for_all_threads (void **state) {
  (void) state;
  in_frame(bits, NULL);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(all_factors), cmocka_unit_test(all_determinants),
    cmocka_unit_test(finite_numbers), cmocka_unit_test(products),
    cmocka_unit_test(same_for_all_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
