/*
 * kernel.h - what the tests of CPU kernels share: views of plain arrays,
 * repeatable numbers, comparison with a reference, and the check that any
 * number of threads gives the same bits.
 */
#ifndef test_kernel_h
#define test_kernel_h

#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "base/error.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A contiguous array with a canary behind it. */
static inline View array (DType dtype, int rank, ...) {
  View v = { .dtype = dtype, .rank = rank };
  size_t n = 1;
  va_list sizes;
  va_start(sizes, rank);
  for (int i = 0; i < rank; i++)
    n *= (size_t) (v.size[i] = va_arg(sizes, int));
  va_end(sizes);
  int64_t stride = 1;
  for (int i = rank - 1; i >= 0; i--) {
    v.stride[i] = stride;
    stride *= v.size[i];
  }
  v.data = aligned_alloc(64, (n * 4 + 4 + 63) & ~(size_t) 63);
  ((uint32_t *) v.data)[n] = 0x5EED5EED;
  return v;
}

static inline int64_t count (View v) {
  int64_t n = 1;
  for (int i = 0; i < v.rank; i++)
    n *= v.size[i];
  return n;
}

static inline void drop (View v) {
  assert_int_equal(((uint32_t *) v.data)[count(v)], 0x5EED5EED);
  free(v.data);
}

static inline float *f32 (View v) {
  return v.data;
}

/* Numbers between -1 and 1 from a small generator; in bf16 such as bf16 holds,
 * so that all precisions have one reference. */
static inline void shuffle (View v) {
  static uint32_t state = 1;
  for (int64_t i = 0; i < count(v); i++) {
    state = state * 1664525u + 1013904223u;
    f32(v)[i] = bf16_asked() ? (float) ((int32_t) state >> 24) / 128
                             : (float) (int32_t) state / 2147483648.0f;
  }
}

/* Largest difference, in units of the largest element of the reference (or
 * of 1). */
static inline double difference (View v, const double *reference) {
  double most = 0, scale = 1;
  for (int64_t i = 0; i < count(v); i++) {
    double d = fabs((double) f32(v)[i] - reference[i]);
    most = d > most || isnan(d) ? d : most;
    scale = fmax(scale, fabs(reference[i]));
  }
  return most / scale;
}

/* Runs once more with 1 to 4 threads and compares the bits of y. */
static inline void same_bits (View y, void (*run) (void *), void *state) {
  size_t bytes = (size_t) count(y) * sizeof(float);
  void *first = malloc(bytes + 1);
  memcpy(first, y.data, bytes);
  for (int threads = 1; threads <= 4; threads++) {
    cpu_set_threads(threads);
    memset(y.data, 0xFF, bytes);
    run(state);
    assert_memory_equal(first, y.data, bytes);
  }
  cpu_set_threads(0);
  free(first);
}

/* Tests of products, in each precision and in both ways to bf16. */
#define run_in_each_precision(tests) __extension__ ({ \
  int failed = cmocka_run_group_tests_name("float32", tests, NULL, NULL); \
  cpu_precision = PRECISION_BF16; \
  failed += cmocka_run_group_tests_name("bf16", tests, NULL, NULL); \
  cpu_without_amx(true); \
  failed += cmocka_run_group_tests_name("bf16 without AMX", tests, NULL, \
                                        NULL); \
  failed; })

/* Kernels may raise: whatever a test does with them runs in a frame. */
static inline void in_frame (void (*work) (void *), void *state) {
  Frame frame;
  FRAME (&frame)
    work(state);
  frame_close(&frame);
  if (frame.fail)
    fail_msg("%s", failure_text());
}

#endif
