/*
 * test_random.c - Philox against the known answers of its paper, and what is
 * made of its words: ranges, moments, addresses, permutations, dropout.
 */
#include "kernel.h"

#include "backend/math.h"

static const uint32_t address[4] = { 0x12345678, 0x9ABCDEF0, 7, 3 };
static const Address a = { address };

/* ---- Philox ---- */

/* Random123 1.09, examples/kat_vectors: philox4x32 10 */
static void known_answers (void **state) {
  static const struct { uint32_t counter[4], key[2], word[4]; } row[] = {
    { { 0, 0, 0, 0 }, { 0, 0 },
      { 0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8 } },
    { { 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF },
      { 0xFFFFFFFF, 0xFFFFFFFF },
      { 0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD } },
    { { 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344 },
      { 0xA4093822, 0x299F31D0 },
      { 0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1 } },
  };
  (void) state;
  for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
    Philox c;
    memcpy(c.word, row[i].counter, sizeof c.word);
    c = philox(c, row[i].key[0], row[i].key[1]);
    assert_memory_equal(c.word, row[i].word, sizeof c.word);
  }
}

/* ---- fills ---- */

static const int sizes[] = { 0, 1, 3, 4, 255, 256, 257, 16384, 16387, 50001 };

static void each_size (void *unused) {
  (void) unused;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    View u = array(F32, 1, sizes[s]), z = array(F32, 1, sizes[s]);
    View k = array(I32, 1, sizes[s]);
    cpu_rand(u, a);
    cpu_randn(z, a);
    cpu_randint(k, a, -2, 7);
    for (int i = 0; i < sizes[s]; i++) {
      Philox p = philox_at(address, (uint64_t) i / 4);
      float four[4];
      normals_of(p, four);
      assert_true(f32(u)[i] == uniform_of(p.word[i % 4]));
      assert_true(f32(z)[i] == four[i % 4]);
      assert_int_equal(((int32_t *) k.data)[i],
                       -2 + (int) ((uint64_t) p.word[i % 4] * 10 >> 32));
    }
    drop(u), drop(z), drop(k);
  }
}

static void elements_have_addresses (void **state) {
  (void) state;
  in_frame(each_size, NULL);
}

static void moments_of (const float *x, int n, double *m) {
  m[0] = m[1] = m[2] = m[3] = 0;
  for (int i = 0; i < n; i++) {
    double p = 1;
    for (int k = 0; k < 4; k++)
      m[k] += (p *= (double) x[i]) / n;
  }
}

static void moments (void *unused) {
  enum { N = 1000000 };
  View x = array(F32, 1, N);
  double m[4];
  (void) unused;
  cpu_rand(x, a);
  moments_of(f32(x), N, m);
  assert_true(fabs(m[0] - 0.5) < 2e-3 && fabs(m[1] - 1.0 / 3) < 2e-3);
  for (int i = 0; i < N; i++)
    assert_true(f32(x)[i] >= 0 && f32(x)[i] < 1);
  cpu_randn(x, a);
  moments_of(f32(x), N, m);
  assert_true(fabs(m[0]) < 4e-3 && fabs(m[1] - 1) < 6e-3);
  assert_true(fabs(m[2]) < 1.6e-2 && fabs(m[3] - 3) < 4e-2);
  drop(x);
}

static void moments_are_right (void **state) {
  (void) state;
  in_frame(moments, NULL);
}

static void integers (void *unused) {
  enum { N = 600000 };
  View x = array(I32, 1, N);
  int32_t *p = x.data;
  int seen[6] = { 0 };
  (void) unused;
  cpu_randint(x, a, 1, 6);
  for (int i = 0; i < N; i++) {
    assert_in_range(p[i], 1, 6);
    seen[p[i] - 1]++;
  }
  for (int i = 0; i < 6; i++)
    assert_in_range(seen[i], N / 6 - 1500, N / 6 + 1500);
  cpu_randint(x, a, INT32_MIN, INT32_MAX);      /* the widest range */
  int negative = 0;
  for (int i = 0; i < N; i++)
    negative += p[i] < 0;
  assert_in_range(negative, N / 2 - 2000, N / 2 + 2000);
  drop(x);
}

static void integers_are_even (void **state) {
  (void) state;
  in_frame(integers, NULL);
}

/* ---- permutations ---- */

static void permutations (void *unused) {
  (void) unused;
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    int n = sizes[s], fixed = 0;
    View x = array(I32, 1, n);
    int32_t *p = x.data;
    char *seen = calloc((size_t) n + 1, 1);
    cpu_randperm(x, a);
    for (int i = 0; i < n; i++) {
      assert_in_range(p[i], 1, n);
      assert_int_equal(seen[p[i]]++, 0);
      fixed += p[i] == i + 1;
    }
    assert_true(n < 200 || fixed < 10);       /* one is expected */
    free(seen);
    drop(x);
  }
}

static void permutations_are_whole (void **state) {
  (void) state;
  in_frame(permutations, NULL);
}

/* Of three, all six orders come equally often. */
static void orders (void *unused) {
  View x = array(I32, 1, 3);
  int32_t *p = x.data;
  int seen[27] = { 0 };
  (void) unused;
  for (uint32_t i = 0; i < 60000; i++) {
    const uint32_t here[4] = { 1, 2, i, 0 };
    cpu_randperm(x, (Address) { here });
    seen[(p[0] - 1) * 9 + (p[1] - 1) * 3 + p[2] - 1]++;
  }
  for (int i = 0; i < 27; i++)
    assert_true(seen[i] == 0 || (seen[i] > 9600 && seen[i] < 10400));
  drop(x);
}

static void all_orders_are_equal (void **state) {
  (void) state;
  in_frame(orders, NULL);
}

/* ---- dropout ---- */

static void dropouts (void *unused) {
  enum { N = 100003 };
  View x = array(F32, 1, N), y = array(F32, 1, N);
  float p = 0.3f;
  int left = 0;
  (void) unused;
  shuffle(x);
  cpu_dropout(y, x, a, (Scalar) { &p });
  for (int i = 0; i < N; i++) {
    float scaled = f32(x)[i] * (1 / (1 - p));
    assert_true(f32(y)[i] == 0 || f32(y)[i] == scaled);
    left += f32(y)[i] != 0;
  }
  assert_in_range(left, 69000, 71000);
  p = 0;
  cpu_dropout(y, x, a, (Scalar) { &p });
  assert_memory_equal(x.data, y.data, N * sizeof(float));
  p = 1;
  cpu_dropout(y, x, a, (Scalar) { &p });
  for (int i = 0; i < N; i++)
    assert_true(f32(y)[i] == 0);
  drop(x), drop(y);
}

static void dropout_scales (void **state) {
  (void) state;
  in_frame(dropouts, NULL);
}

/* ---- threads ---- */

static View y;

static void normals_again (void *unused) {
  (void) unused;
  cpu_randn(y, a);
}

static void order_again (void *unused) {
  (void) unused;
  cpu_randperm(y, a);
}

static void bits (void *unused) {
  y = array(F32, 1, 123457);
  normals_again(unused);
  same_bits(y, normals_again, NULL);
  drop(y);
  y = array(I32, 1, 60000);
  order_again(unused);
  same_bits(y, order_again, NULL);
  drop(y);
}

static void threads_change_nothing (void **state) {
  (void) state;
  in_frame(bits, NULL);
}

/* Streams of other names, purposes and seeds are other keys. */
static void keys_differ (void **state) {
  uint64_t key = rng_key(1, "noise", "vae");
  (void) state;
  assert_true(key != rng_key(2, "noise", "vae"));
  assert_true(key != rng_key(1, "order", "vae"));
  assert_true(key != rng_key(1, "noise", "ae"));
  assert_true(rng_key(1, "ab", "c") != rng_key(1, "a", "bc"));
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(known_answers),
    cmocka_unit_test(elements_have_addresses),
    cmocka_unit_test(moments_are_right),
    cmocka_unit_test(integers_are_even),
    cmocka_unit_test(permutations_are_whole),
    cmocka_unit_test(all_orders_are_equal),
    cmocka_unit_test(dropout_scales),
    cmocka_unit_test(threads_change_nothing),
    cmocka_unit_test(keys_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
