/*
 * test_pointwise.c - pointwise kernels against the formulas of pointwise.def
 * evaluated one by one, on arrays of all sizes, strides and broadcasts; casts,
 * copies, fills.
 */
#include "kernel.h"

#include "backend/math.h"

#define ZERO 0.0f

/* ---- one number at a time ---- */

static float unary_of (UnaryFn f, float x) {
  switch (f) {
#define UNARY(name, doc, formula, ...) case UNARY_##name: return formula;
#include "backend/pointwise.def"
    default: return NAN;
  }
}

static float unary_slope (UnaryFn f, float x, float y) {
  switch (f) {
#define UNARY(name, doc, formula, slope, ...) case UNARY_##name: return slope;
#include "backend/pointwise.def"
    default: return x + y;
  }
}

static float binary_of (BinaryFn f, float a, float b) {
  switch (f) {
#define BINARY(name, doc, formula, ...) case BINARY_##name: return formula;
#include "backend/pointwise.def"
    default: return NAN;
  }
}

static float binary_slope (BinaryFn f, int side, float a, float b, float y) {
  switch (f) {
#define BINARY(name, doc, formula, da, db, ...) \
    case BINARY_##name: return side ? db : da;
#include "backend/pointwise.def"
    default: return a + b + y;
  }
}

static bool equal (float a, float b) {
  return bits_(a) == bits_(b) || (isnan(a) && isnan(b));
}

/* ---- views ---- */

/* Element i of a contiguous shape, seen through a view that broadcasts. */
static float at (View v, const View *shape, int64_t i) {
  int64_t offset = 0;
  for (int k = shape->rank - 1; k >= 0; k--) {
    int j = k - (shape->rank - v.rank);
    if (j >= 0 && v.size[j] != 1)
      offset += i % shape->size[k] * v.stride[j];
    i /= shape->size[k];
  }
  return f32(v)[offset];
}

static View turned (View v) {
  View t = v;
  for (int i = 0; i < v.rank; i++) {
    t.size[i] = v.size[v.rank - 1 - i];
    t.stride[i] = v.stride[v.rank - 1 - i];
  }
  return t;
}

/* Every second element of the last axis. */
static View every_second (View v) {
  v.size[v.rank - 1] /= 2;
  v.stride[v.rank - 1] *= 2;
  return v;
}

/* ---- all functions ---- */

static const int sizes[] = { 0, 1, 5, 1023, 1024, 1025, 40000 };

static void each_unary (void *unused) {
  (void) unused;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    View x = array(F32, 1, sizes[s]), y = array(F32, 1, sizes[s]),
         dy = array(F32, 1, sizes[s]), dx = array(F32, 1, sizes[s]);
    shuffle(x);
    shuffle(dy);
    for (int i = 0; i < sizes[s]; i++)
      f32(x)[i] *= 4;
    for (int f = 0; f < UNARY_COUNT; f++) {
      cpu_unary(f, y, x);
      cpu_unary_back(f, dx, dy, x, y);
      for (int i = 0; i < sizes[s]; i++) {
        float a = f32(x)[i], b = f32(y)[i];
        assert_true(equal(b, unary_of(f, a)));
        assert_true(equal(f32(dx)[i], f32(dy)[i] * unary_slope(f, a, b)));
      }
    }
    drop(x), drop(y), drop(dy), drop(dx);
  }
}

static void unary_functions (void **state) {
  (void) state;
  in_frame(each_unary, NULL);
}

static void check_binary (BinaryFn f, View y, View a, View b) {
  View dy = array(F32, 1, (int) count(y)), d = dy;
  d.data = malloc((size_t) count(y) * 4 + 4);
  shuffle(dy);
  View shaped = y;
  shaped.data = d.data;
  View grad = y;
  grad.data = dy.data;
  cpu_binary(f, y, a, b);
  for (int side = 0; side < 2; side++) {
    cpu_binary_back(f, side, shaped, grad, a, b, y);
    for (int64_t i = 0; i < count(y); i++) {
      float p = at(a, &y, i), q = at(b, &y, i), r = f32(y)[i];
      assert_true(equal(r, binary_of(f, p, q)));
      assert_true(equal(f32(shaped)[i],
                        f32(dy)[i] * binary_slope(f, side, p, q, r)));
    }
  }
  free(d.data);
  drop(dy);
}

static void each_binary (void *unused) {
  View y = array(F32, 3, 6, 50, 70), full = array(F32, 3, 6, 50, 70);
  View row = array(F32, 1, 70), number = array(F32, 0);
  View middle = array(F32, 3, 1, 50, 1), back = array(F32, 3, 70, 50, 6);
  View wide = array(F32, 3, 6, 50, 140), last = array(F32, 2, 50, 70);
  View all[] = { full, row, number, middle, turned(back), every_second(wide),
                 last };
  enum { N = sizeof all / sizeof *all };
  (void) unused;
  shuffle(full), shuffle(row), shuffle(number), shuffle(middle);
  shuffle(back), shuffle(wide), shuffle(last);
  for (int f = 0; f < BINARY_COUNT; f++)
    for (int i = 0; i < N; i++) {
      check_binary(f, y, all[i], all[(i + f) % N]);
      check_binary(f, y, all[i], all[(i + f + 1) % N]);
    }
  drop(y), drop(full), drop(row), drop(number), drop(middle), drop(back);
  drop(wide), drop(last);
}

static void binary_functions (void **state) {
  (void) state;
  in_frame(each_binary, NULL);
}

static void nan_in_nan_out (void **state) {
  (void) state;
  for (int f = 0; f < UNARY_COUNT; f++)
    if (f != UNARY_isnan && f != UNARY_isfinite)
      assert_true(isnan(unary_of(f, NAN)));
  for (int f = 0; f < BINARY_eq; f++) {
    assert_true(isnan(binary_of(f, NAN, 1)));
    if (f != BINARY_lrelu)                /* its slope counts below 0 only */
      assert_true(isnan(binary_of(f, 1, NAN)));
  }
  assert_true(unary_of(UNARY_isnan, NAN) == 1);
  assert_true(unary_of(UNARY_isfinite, NAN) == 0);
  assert_true(unary_of(UNARY_isfinite, -INFINITY) == 0);
  assert_true(binary_of(BINARY_eq, NAN, NAN) == 0);
  assert_true(binary_of(BINARY_ne, NAN, NAN) == 1);
}

/* Slopes stay finite where a function is flat or straight. */
static void slopes_at_the_ends (void **state) {
  static const UnaryFn flat[] = { UNARY_sigmoid, UNARY_tanh, UNARY_softplus,
    UNARY_logsigmoid, UNARY_relu, UNARY_elu, UNARY_silu, UNARY_gelu,
    UNARY_atan, UNARY_erf };
  (void) state;
  for (size_t i = 0; i < sizeof flat / sizeof *flat; i++)
    for (int side = -1; side <= 1; side += 2) {
      float x = (float) side * INFINITY, y = unary_of(flat[i], x);
      float slope = unary_slope(flat[i], x, y);
      assert_true(slope == 0 || slope == 1);
      x = (float) side * 200;
      slope = unary_slope(flat[i], x, unary_of(flat[i], x));
      assert_true(slope >= 0 && slope <= 1);
    }
}

/* ---- where, whole numbers ---- */

static void choices (void *unused) {
  View y = array(F32, 2, 30, 40), mask = array(F32, 2, 30, 1);
  View a = array(F32, 2, 30, 40), b = array(F32, 0);
  (void) unused;
  shuffle(a), shuffle(b);
  for (int i = 0; i < 30; i++)
    f32(mask)[i] = i % 3 == 0;
  cpu_where(y, mask, a, b);
  for (int i = 0; i < 30 * 40; i++)
    assert_true(f32(y)[i] == (i / 40 % 3 == 0 ? f32(a)[i] : *f32(b)));
  drop(y), drop(mask), drop(a), drop(b);
}

static void where_chooses (void **state) {
  (void) state;
  in_frame(choices, NULL);
}

static void whole (void *unused) {
  View y = array(I32, 1, 3), a = array(I32, 1, 3), b = array(I32, 0);
  int32_t *p = a.data, *q = y.data;
  (void) unused;
  p[0] = 16777217, p[1] = -5, p[2] = INT32_MAX;
  *(int32_t *) b.data = 1;
  cpu_binary(BINARY_add, y, a, b);
  assert_true(q[0] == 16777218 && q[1] == -4 && q[2] == INT32_MIN);
  cpu_binary(BINARY_sub, y, a, b);
  assert_true(q[0] == 16777216 && q[1] == -6);
  *(int32_t *) b.data = -3;
  cpu_binary(BINARY_mul, y, a, b);
  assert_true(q[0] == -50331651 && q[1] == 15);
  drop(y), drop(a), drop(b);
}

static void integers_are_exact (void **state) {
  (void) state;
  in_frame(whole, NULL);
}

/* ---- copies ---- */

static void check_copy (View y, View x) {
  View shape = y;
  int64_t stride = 1;
  for (int i = y.rank - 1; i >= 0; i--) {
    shape.stride[i] = stride;
    stride *= y.size[i];
  }
  cpu_copy(y, x);
  for (int64_t i = 0; i < count(y); i++)
    assert_true(equal(at(y, &shape, i), at(x, &shape, i)));
  cpu_copy_add(y, x);
  for (int64_t i = 0; i < count(y); i++)
    assert_true(equal(at(y, &shape, i), 2 * at(x, &shape, i)));
}

static void all_copies (void *unused) {
  View x = array(F32, 3, 33, 65, 70), y = array(F32, 3, 70, 65, 33);
  View row = array(F32, 1, 33), flat = array(F32, 1, 33 * 65 * 70);
  View long_x = array(F32, 1, 100003), long_y = array(F32, 1, 100003);
  View none = array(F32, 2, 0, 5), swapped = y;
  (void) unused;
  shuffle(x), shuffle(row), shuffle(long_x);
  check_copy(y, turned(x));
  check_copy(turned(y), x);
  check_copy(y, row);
  check_copy(every_second(y), every_second(turned(x)));
  swapped.size[1] = 70, swapped.stride[1] = swapped.stride[0];
  swapped.size[0] = 65, swapped.stride[0] = 33;
  View part = turned(x);
  part.size[0] = 65, part.stride[0] = x.stride[1];
  part.size[1] = 70, part.stride[1] = x.stride[2];
  check_copy(swapped, part);
  check_copy(long_y, long_x);
  check_copy(every_second(long_y), every_second(long_x));
  cpu_copy(none, none);
  drop(x), drop(y), drop(row), drop(flat), drop(long_x), drop(long_y);
  drop(none);
}

static void copies_follow_strides (void **state) {
  (void) state;
  in_frame(all_copies, NULL);
}

static const double numbers[] = { 0, 1, -1, 2.7, -2.7, 200.9, 300, 1e6, 1e12,
                                  -1e12, 255, 2147483647.0, INFINITY, NAN };
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static double read (DType d, const void *p, int i) {
  switch (d) {
    case F32: return (double) ((const float *) p)[i];
    case F64: return ((const double *) p)[i];
    case I32: return ((const int32_t *) p)[i];
    default: return ((const uint8_t *) p)[i];
  }
}

/* What a number becomes in a dtype. */
static double cast (DType d, double x) {
  double low = d == I32 ? INT32_MIN : 0, high = d == I32 ? INT32_MAX : 255;
  if (d == F64)
    return x;
  if (d == F32)
    return (double) (float) x;
  return isnan(x) ? 0 : trunc(x < low ? low : x > high ? high : x);
}

static void all_casts (void *unused) {
  double wide[NUMBERS], from[NUMBERS], to[NUMBERS];
  View x = { .dtype = F64, .rank = 1, .size = { NUMBERS }, .stride = { 1 } };
  (void) unused;
  memcpy(wide, numbers, sizeof wide);
  for (int a = 0; a < DTYPES; a++)
    for (int b = 0; b < DTYPES; b++) {
      View y = x, z = x;
      x.data = wide;
      y.data = from, y.dtype = (DType) a;
      z.data = to, z.dtype = (DType) b;
      cpu_copy(y, x);
      cpu_copy(z, y);
      for (int i = 0; i < NUMBERS; i++) {
        double first = cast((DType) a, numbers[i]);
        double second = cast((DType) b, first);
        assert_true(read((DType) a, from, i) == first || isnan(first));
        assert_true(read((DType) b, to, i) == second
                    || (isnan(second) && isnan(read((DType) b, to, i))));
      }
    }
}

static void casts_cut_and_clamp (void **state) {
  (void) state;
  in_frame(all_casts, NULL);
}

static void all_fills (void *unused) {
  View y = array(F32, 2, 50, 2000), i = array(I32, 1, 7);
  float value = 3.5f;
  (void) unused;
  memset(y.data, 0, (size_t) count(y) * 4);
  cpu_fill(every_second(y), (Scalar) { &value });
  for (int k = 0; k < count(y); k++)
    assert_true(f32(y)[k] == (k % 2 == 0 ? 3.5f : 0));
  cpu_fill(i, (Scalar) { &value });
  assert_int_equal(((int32_t *) i.data)[6], 3);
  drop(y), drop(i);
}

static void fills_follow_strides (void **state) {
  (void) state;
  in_frame(all_fills, NULL);
}

/* ---- threads ---- */

static View threads_y, threads_x;

static void add_turned (void *unused) {
  (void) unused;
  cpu_binary(BINARY_mul, threads_y, threads_x, turned(threads_x));
}

static void copy_turned (void *unused) {
  (void) unused;
  cpu_copy(threads_y, turned(threads_x));
}

static void with_threads (void *unused) {
  threads_y = array(F32, 2, 301, 301);
  threads_x = array(F32, 2, 301, 301);
  shuffle(threads_x);
  add_turned(unused);
  same_bits(threads_y, add_turned, NULL);
  copy_turned(unused);
  same_bits(threads_y, copy_turned, NULL);
  drop(threads_y), drop(threads_x);
}

static void threads_change_nothing (void **state) {
  (void) state;
  in_frame(with_threads, NULL);
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(unary_functions),
    cmocka_unit_test(binary_functions),
    cmocka_unit_test(nan_in_nan_out),
    cmocka_unit_test(slopes_at_the_ends),
    cmocka_unit_test(where_chooses),
    cmocka_unit_test(integers_are_exact),
    cmocka_unit_test(copies_follow_strides),
    cmocka_unit_test(casts_cut_and_clamp),
    cmocka_unit_test(fills_follow_strides),
    cmocka_unit_test(threads_change_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
