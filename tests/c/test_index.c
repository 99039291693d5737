/* test_index.c - gather, scatter and pairwise distances against plain loops;
 * the same bits for repeated indices whatever the threads. */
#include "kernel.h"

static void ints (View v, int k) {
  static uint32_t state = 7;
  int32_t *at = v.data;
  for (int64_t i = 0; i < count(v); i++) {
    state = state * 1664525u + 1013904223u;
    at[i] = (int32_t) ((state >> 8) % (uint32_t) k) + 1;
  }
}

static int32_t *i32 (View v) {
  return v.data;
}

/* ---- rows --------------------------------------------------------------- */

typedef struct Rows { View x, y, index, dx; } Rows;

static void add_rows (void *state) {
  Rows *r = state;
  memset(r->dx.data, 0, (size_t) count(r->dx) * 4);
  cpu_take_rows_add(r->dx, r->y, r->index);
}

static void check_rows (void *state) {
  Rows *r = state;
  int64_t n = r->x.size[1], m = r->index.size[0];
  cpu_take_rows(r->y, r->x, r->index);
  for (int64_t i = 0; i < m * n; i++)
    assert_true(f32(r->y)[i]
                == f32(r->x)[(i32(r->index)[i / n] - 1) * n + i % n]);
  shuffle(r->y);
  double *want = calloc((size_t) count(r->dx) + 1, sizeof *want);
  for (int64_t i = 0; i < m * n; i++)
    want[(i32(r->index)[i / n] - 1) * n + i % n] += (double) f32(r->y)[i];
  add_rows(r);
  assert_true(difference(r->dx, want) < 1e-5);
  same_bits(r->dx, add_rows, r);
  free(want);
}

static void rows (void **state) {
  static const int sizes[][3] = {      /* rows, columns, indices */
    { 1, 1, 1 }, { 5, 3, 0 }, { 3, 1, 5000 }, { 40, 33, 3000 },
    { 500, 64, 128 }, { 7, 700, 90 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int *s = sizes[i];
    Rows r = { array(F32, 2, s[0], s[1]), array(F32, 2, s[2], s[1]),
               array(I32, 1, s[2]), array(F32, 2, s[0], s[1]) };
    shuffle(r.x);
    ints(r.index, s[0]);
    in_frame(check_rows, &r);
    drop(r.x), drop(r.y), drop(r.index), drop(r.dx);
  }
}

static void scaled (void **state) {
  View x = array(U8, 2, 9, 101), y = array(F32, 2, 300, 101);
  View index = array(I32, 1, 300);
  uint8_t *bytes = x.data;
  (void) state;
  for (int i = 0; i < 9 * 101; i++)
    bytes[i] = (uint8_t) (i * 37);
  ints(index, 9);
  const float scale = 1 / 255.0f;
  cpu_take_scaled(y, x, index, (Scalar) { &scale });
  for (int i = 0; i < 300 * 101; i++)
    assert_true(f32(y)[i] == (float) bytes[(i32(index)[i / 101] - 1) * 101
                                           + i % 101] * (float) (1 / 255.0));
  drop(x), drop(y), drop(index);
}

/* ---- elements ----------------------------------------------------------- */

static void elements (void **state) {
  enum { R = 60, N = 11, K = 1500 };
  View x = array(F32, 2, R, N), one = array(F32, 1, R);
  View label = array(I32, 1, R), hot = array(F32, 2, R, N);
  View many = array(F32, 2, R, K), places = array(I32, 2, R, K);
  double want[R * N] = { 0 };
  (void) state;
  shuffle(x);
  ints(label, N);
  ints(places, N);
  cpu_choose(one, x, label);
  cpu_one_hot(hot, label);
  cpu_along(many, x, places);
  for (int r = 0; r < R; r++) {
    assert_true(f32(one)[r] == f32(x)[r * N + i32(label)[r] - 1]);
    for (int j = 0; j < N; j++)
      assert_true(f32(hot)[r * N + j] == (j == i32(label)[r] - 1));
    for (int j = 0; j < K; j++) {
      int to = r * N + i32(places)[r * K + j] - 1;
      assert_true(f32(many)[r * K + j] == f32(x)[to]);
      want[to] += (double) f32(many)[r * K + j];
    }
  }
  memset(x.data, 0, R * N * 4);
  cpu_along_add(x, many, places);
  assert_true(difference(x, want) < 1e-5);
  memset(x.data, 0, R * N * 4);
  cpu_choose_add(x, one, label);
  for (int i = 0; i < R * N; i++)
    assert_true(f32(x)[i] == f32(hot)[i] * f32(one)[i / N]);
  drop(x), drop(one), drop(label), drop(hot), drop(many), drop(places);
}

/* ---- distances ---------------------------------------------------------- */

typedef struct Pairs { View y, a, b, near; } Pairs;

static void run_pairs (void *state) {
  Pairs *p = state;
  cpu_sqdist(p->y, p->a, p->b);
}

static void run_nearest (void *state) {
  Pairs *p = state;
  cpu_nearest(p->near, p->a, p->b);
}

static void check_pairs (void *state) {
  Pairs *p = state;
  int64_t n = p->a.size[0], m = p->b.size[0], d = p->a.size[1];
  double *want = calloc((size_t) (n * m) + 1, sizeof *want);
  for (int64_t i = 0; i < n * m; i++)
    for (int64_t k = 0; k < d; k++)
      want[i] += pow((double) f32(p->a)[i / m * d + k]
                     - (double) f32(p->b)[i % m * d + k], 2);
  run_pairs(p);
  run_nearest(p);
  assert_true(difference(p->y, want) < 1e-6);
  for (int64_t i = 0; i < n; i++)          /* of the distances as they are */
    for (int64_t j = 0, at = i32(p->near)[i] - 1; j < m; j++)
      assert_true(f32(p->y)[i * m + j] > f32(p->y)[i * m + at]
                  || (j >= at && f32(p->y)[i * m + j]
                                 == f32(p->y)[i * m + at]));
  same_bits(p->y, run_pairs, p);
  same_bits(p->near, run_nearest, p);
  free(want);
}

static void pairs (void **state) {
  static const int sizes[][3] = {
    { 1, 1, 1 }, { 3, 5, 16 }, { 33, 65, 17 }, { 100, 129, 3 },
    { 64, 64, 200 }, { 0, 4, 2 },
  };
  (void) state;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    const int *s = sizes[i];
    Pairs p = { array(F32, 2, s[0], s[1]), array(F32, 2, s[0], s[2]),
                array(F32, 2, s[1], s[2]), array(I32, 1, s[0]) };
    shuffle(p.a);
    shuffle(p.b);
    if (s[1] > 2)                          /* equal rows: the first wins */
      memcpy(f32(p.b) + s[2], f32(p.b), (size_t) s[2] * 4);
    in_frame(check_pairs, &p);
    drop(p.y), drop(p.a), drop(p.b), drop(p.near);
  }
}

/* Near rows far from zero keep their distance. */
static void no_cancelling (void **state) {
  View a = array(F32, 2, 1, 20), b = array(F32, 2, 1, 20);
  View y = array(F32, 2, 1, 1);
  (void) state;
  for (int i = 0; i < 20; i++) {
    f32(a)[i] = 1000;
    f32(b)[i] = 1000.0625f;
  }
  cpu_sqdist(y, a, b);
  assert_true(f32(y)[0] == 20 * 0.00390625f);
  drop(a), drop(b), drop(y);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows), cmocka_unit_test(scaled),
    cmocka_unit_test(elements), cmocka_unit_test(pairs),
    cmocka_unit_test(no_cancelling),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
