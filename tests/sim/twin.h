/*
 * twin.h - what the tests of the CUDA kernels share: arrays on the CPU and on
 * the device, calls of one kernel on both, and their comparison.
 *
 * A Twin is one array on both sides.  RUN calls a kernel twice, once with the
 * CPU's views and once with the device's; alike compares what it wrote.  What
 * is pointwise has equal bits when the kernels are compiled without fused
 * multiply-adds; sums are near.  Device memory is allocated to the byte, and
 * what a kernel has to write is left uninitialised, for the checks of the
 * simulated device.
 */
#ifndef twin_h
#define twin_h

#include "backend/cpu/cpu.h"
#include "backend/cuda/cuda.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- both sides ---- */

enum { TWINS_MOST = 4096, KEPT = 1 << 16, CPU, GPU };

typedef struct Twin {
  View cpu, gpu;
  size_t bytes;
} Twin;

cudaStream_t cuda_stream;
static void *host_memory[TWINS_MOST], *device_memory[TWINS_MOST];
static void *kept_scratch;         /* not NULL: no memory is allocated */
static int host_count, device_count, failures, comparisons, side;
static char what[200];             /* the case at hand */

static inline void need (cudaError_t e, const char *name) {
  if (e == cudaSuccess)
    return;
  printf("%s: %s (%s)\n", name, cudaGetErrorString(e), what);
  exit(1);
}

static inline void *device_new (size_t bytes) {
  void *p = NULL;
  need(cudaMalloc(&p, bytes > 0 ? bytes : 1), "cudaMalloc");
  device_memory[device_count++] = p;
  return p;
}

static void *kept_room;              /* of the small work */

void *cuda_keep (size_t bytes) {
  need(cudaMalloc(&kept_room, bytes), "cudaMalloc");
  return kept_room;
}

bool cuda_capturing (void) {
  return false;
}

void *cuda_scratch (size_t bytes) {
  if (kept_scratch == NULL)
    return device_new(bytes);
  return bytes <= KEPT ? kept_scratch : NULL;
}

/* shift: elements in front of the array, so that it is not aligned. */
static inline Twin twin_at (int shift, DType dtype, int rank,
                            const int64_t *size) {
  View v = { .dtype = dtype, .rank = rank };
  int64_t n = 1;
  for (int i = rank - 1; i >= 0; i--) {
    v.size[i] = size[i];
    v.stride[i] = n;
    n *= size[i];
  }
  Twin t = { v, v, (size_t) n * dtype_size(dtype) };
  size_t before = (size_t) shift * dtype_size(dtype);
  host_memory[host_count++] = malloc(t.bytes + 64);
  t.cpu.data = host_memory[host_count - 1];
  memset(t.cpu.data, 0xFF, t.bytes);
  t.gpu.data = (char *) device_new(t.bytes + before) + before;
  return t;
}

#define SIZES(...) \
  sizeof((int64_t[]) { __VA_ARGS__ }) / sizeof(int64_t), \
  (int64_t[]) { __VA_ARGS__ }
#define twin(dtype, ...) twin_at(0, dtype, SIZES(__VA_ARGS__))

static inline Twin sent (Twin t) {
  if (t.bytes > 0) {
    need(cudaMemcpyAsync(t.gpu.data, t.cpu.data, t.bytes,
                         cudaMemcpyHostToDevice, cuda_stream), "send");
    need(cudaStreamSynchronize(cuda_stream), "sync");
  }
  return t;
}

static inline uint32_t next (void) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return state >> 8;
}

static inline int64_t count (Twin t) {
  return view_count(&t.cpu);
}

/* Between -4 and 4; odd: with a NaN, infinities and large ones among them. */
static inline Twin floats_at (int shift, bool odd, int rank,
                              const int64_t *size) {
  static const float rare[] = { NAN, INFINITY, -INFINITY, 1e30f, -0.0f, 0 };
  Twin t = twin_at(shift, F32, rank, size);
  float *x = t.cpu.data;
  for (int64_t i = 0; i < count(t); i++)
    x[i] = odd && next() % 11 == 0 ? rare[next() % 6]
           : (float) (int32_t) (next() - (1 << 23)) * 0x1p-21f;
  return sent(t);
}

#define floats(...) floats_at(0, false, SIZES(__VA_ARGS__))
#define odd_floats(...) floats_at(0, true, SIZES(__VA_ARGS__))

/* int32 from 1 .. most */
static inline Twin ints_of (int64_t most, int rank, const int64_t *size) {
  Twin t = twin_at(0, I32, rank, size);
  for (int64_t i = 0; i < count(t); i++)
    ((int32_t *) t.cpu.data)[i] = (int32_t) (next() % most) + 1;
  return sent(t);
}

#define ints(most, ...) ints_of(most, SIZES(__VA_ARGS__))

static inline Twin number (double value) {
  Twin t = twin_at(0, F32, 0, NULL);
  *(float *) t.cpu.data = (float) value;
  return sent(t);
}

static inline Twin address (void) {
  Twin t = twin(I32, 4);
  for (int i = 0; i < 4; i++)
    ((uint32_t *) t.cpu.data)[i] = next() * 0x9E3779B9u;
  return sent(t);
}

static inline View V (Twin t) {
  return side == CPU ? t.cpu : t.gpu;
}

static inline Scalar S (Twin t) {
  return (Scalar) { V(t).data };
}

static inline Address A (Twin t) {
  return (Address) { V(t).data };
}

#define RUN(name, ...) do { \
    side = CPU; \
    cpu_##name(__VA_ARGS__); \
    side = GPU; \
    need(cuda_##name(__VA_ARGS__), #name); \
  } while (0)

/* Forgets all twins. */
static inline void clear (void) {
  need(cudaStreamSynchronize(cuda_stream), "sync");
  while (device_count > 0)
    need(cudaFree(device_memory[--device_count]), "cudaFree");
  while (host_count > 0)
    free(host_memory[--host_count]);
}

/* ---- comparison ---- */

static inline double element (DType dtype, const void *data, int64_t i) {
  return dtype == F32 ? (double) ((const float *) data)[i]
         : dtype == F64 ? ((const double *) data)[i]
         : dtype == I32 ? (double) ((const int32_t *) data)[i]
         : (double) ((const uint8_t *) data)[i];
}

static inline bool same (DType dtype, const void *a, const void *b, int64_t i,
                         double tolerance) {
  double x = element(dtype, a, i), y = element(dtype, b, i);
  size_t size = dtype_size(dtype);
  if (x != x || y != y)
    return x != x && y != y;
  if (tolerance > 0 && isfinite(x))
    return fabs(x - y) <= tolerance * (1 + fabs(x));
  return memcmp((const char *) a + (size_t) i * size,
                (const char *) b + (size_t) i * size, size) == 0;
}

/* Elements of the memory, which a view need not fill. */
static inline int64_t places (Twin t) {
  return (int64_t) (t.bytes / dtype_size(t.cpu.dtype));
}

/* tolerance 0: the bits, but for those of NaN. */
static inline void alike (const char *name, Twin t, double tolerance) {
  void *got = malloc(t.bytes + 1);
  int64_t wrong = 0;
  need(cudaMemcpyAsync(got, t.gpu.data, t.bytes, cudaMemcpyDeviceToHost,
                       cuda_stream), "fetch");
  need(cudaStreamSynchronize(cuda_stream), "sync");
  comparisons++;
  for (int64_t i = 0, n = places(t); i < n; i++)
    if (!same(t.cpu.dtype, t.cpu.data, got, i, tolerance) && wrong++ < 3)
      printf("%s, %s: element %d of %d is %.9g, on the CPU %.9g\n", name,
             what, (int) i, (int) n, element(t.cpu.dtype, got, i),
             element(t.cpu.dtype, t.cpu.data, i));
  failures += wrong > 0;
  free(got);
}

__attribute__((format(printf, 1, 2)))
static inline void at_case (const char *format, ...) {
  va_list args;
  clear();
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
}

/* ---- running ---- */

typedef struct Test { const char *name; void (*run) (void); } Test;

/* Names: the tests to run; none: all.  The exit status. */
static inline int run_tests (const Test *tests, size_t n, int names_count,
                             char **names) {
  Frame frame;
  need(cudaStreamCreateWithFlags(&cuda_stream, cudaStreamNonBlocking),
       "stream");
  FRAME (&frame)
    for (size_t i = 0; i < n; i++) {
      bool wanted = names_count == 1;
      for (int k = 1; k < names_count; k++)
        wanted = wanted || strcmp(names[k], tests[i].name) == 0;
      if (wanted)
        tests[i].run();
    }
  frame_close(&frame);
  clear();
  if (frame.fail)
    printf("%s\n", failure_text());
  need(cudaFree(kept_room), "cudaFree");
  need(cudaStreamDestroy(cuda_stream), "stream");
  printf("%d comparisons, %d wrong\n", comparisons, failures);
  return failures > 0 || frame.fail;
}

#endif
