/*
 * peak.c - what this machine can do at most: float32 products with their sums
 * in registers, and bytes copied through memory, on all threads of the pool.
 */
#include "backend/cpu/cpu.h"

#include "base/mem.h"

#include <omp.h>
#include <string.h>

#ifndef __clang__
#pragma GCC optimize("fp-contract=fast")
#endif

/* Sums that do not wait for each other, as many as all processors need. */
enum { SUMS = 12, TURNS = 1 << 19, BYTES = 64 << 20 };

/* A loop over vectors of so many bytes for one instruction set. */
#define PEAK(name, bytes, isa) \
  typedef float name##_vector __attribute__((vector_size(bytes))); \
  __attribute__((target(isa))) static float name (float a, float b) { \
    name##_vector sum[SUMS], all = { 0 }; \
    for (int i = 0; i < SUMS; i++) \
      sum[i] = all + (float) i; \
    for (int k = 0; k < TURNS; k++) \
      for (int i = 0; i < SUMS; i++) \
        sum[i] = sum[i] * a + b; \
    for (int i = 0; i < SUMS; i++) \
      all += sum[i]; \
    return all[0]; \
  }

PEAK(sums_v4, 64, "arch=x86-64-v4")
PEAK(sums_v3, 32, "arch=x86-64-v3")
PEAK(sums_v2, 16, "arch=x86-64-v2")

static double product_rate (void) {
  int level = cpu_level();
  float (*sums) (float, float) = level == 4 ? sums_v4 :
                                 level == 3 ? sums_v3 : sums_v2;
  double vector = level == 4 ? 16 : level == 3 ? 8 : 4, best = 0;
  volatile float keep = 0;
  int threads = cpu_threads();
  for (int i = 0; i < 4; i++) {
    double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
    keep = sums(0.999f, 1e-3f);
    double rate = threads * vector * 2 * SUMS * TURNS
                / (omp_get_wtime() - start);
    best = rate > best ? rate : best;
  }
  (void) keep;
  return best;
}

static double copy_rate (void) {
  char *from = mem_block(BYTES), *to = mem_block(BYTES);
  int64_t piece = 1 << 20;
  double best = 0;
  memset(from, 1, BYTES);
  for (int i = 0; i < 4; i++) {
    double start = omp_get_wtime();
#pragma omp parallel for schedule(static)
    for (int64_t at = 0; at < BYTES; at += piece)
      memcpy(to + at, from + at, (size_t) piece);
    double rate = 2.0 * BYTES / (omp_get_wtime() - start);
    best = rate > best ? rate : best;
  }
  mem_block_free(from, BYTES);
  mem_block_free(to, BYTES);
  return best;
}

Peak cpu_peak (void) {
  return (Peak) { product_rate(), copy_rate() };
}
