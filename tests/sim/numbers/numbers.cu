/*
 * numbers.cu - the arithmetic of the simulated device against the host's, bit
 * for bit, over the edges of every type, all pairs of them, and random bits;
 * then every function of pointwise.def and the random normals.  Any NaN is as
 * good as another.
 *
 * Compiled with --fmad=false, so that products and sums stay apart, and once
 * more without it (ONLY_OPS), where single operations must be the same.
 */
#include "numbers.h"

#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

static cudaStream_t stream;
static int compared, differ;

/* ---- the device's side ---- */

#define TESTP(test, x, y) ([&] { \
    int r_; \
    asm("{ .reg .pred p; setp." test " p, %1, %2; selp.s32 %0, 1, 0, p; }" \
        : "=r" (r_) : "f" (x), "f" (y)); \
    return r_; \
  } ())
#define ASM16(what, kind, x) ([&] { \
    short r_; \
    asm(what " %0, %1;" : "=h" (r_) : kind (x)); \
    return (int) r_; \
  } ())
#define ASM16_2(what, x, y) ([&] { \
    short r_; \
    asm(what " %0, %1, %2;" : "=h" (r_) : "h" ((short) (x)), "r" (y)); \
    return (int) r_; \
  } ())
#define ASM16_3(what, x, y) ([&] { \
    short r_; \
    asm(what " %0, %1, %2;" \
        : "=h" (r_) : "h" ((short) (x)), "h" ((short) (y))); \
    return (int) r_; \
  } ())
#define ASM2(what, x, y) ([&] { \
    u32 r_; \
    asm(what " %0, %1, %2;" : "=r" (r_) : "r" (x), "r" (y)); \
    return r_; \
  } ())
#define ASM3(what, x, y, z) ([&] { \
    u32 r_; \
    asm(what " %0, %1, %2, %3;" : "=r" (r_) : "r" (x), "r" (y), "r" (z)); \
    return r_; \
  } ())
#define ASM4(what, x, y, z, v) ([&] { \
    u32 r_; \
    asm(what " %0, %1, %2, %3, %4;" \
        : "=r" (r_) : "r" (x), "r" (y), "r" (z), "r" (v)); \
    return r_; \
  } ())
/* (x & y) | (~y & z): the truth table of its eight cases */
#define LOP3(x, y, z) ([&] { \
    u32 r_; \
    asm("lop3.b32 %0, %1, %2, %3, 0xE2;" \
        : "=r" (r_) : "r" (x), "r" (y), "r" (z)); \
    return r_; \
  } ())

#define EACH(i, n) \
  for (int i = (int) (blockIdx.x * blockDim.x + threadIdx.x); i < (n); \
       i += (int) (gridDim.x * blockDim.x))

#define OP(name, IN, OUT, device, host) \
  static __global__ void name (u64 *result, const IN *xs, const IN *ys, \
                               const IN *zs, int n) { \
    EACH(i, n) { \
      IN x = xs[i], y = ys[i], z = zs[i]; \
      OUT r = (OUT) (device); \
      (void) x, (void) y, (void) z; \
      result[i] = 0; \
      *(OUT *) &result[i] = r; \
    } \
  } \
  static void launch_##name (u64 *r, const void *x, const void *y, \
                             const void *z, int n) { \
    name<<<2, 256, 0, stream>>>(r, (const IN *) x, (const IN *) y, \
                                (const IN *) z, n); \
  }
#define SAME(name, IN, OUT, both) OP(name, IN, OUT, both, both)
#include "numbers.def"

typedef struct Op {
  const char *name;
  void (*launch) (u64 *, const void *, const void *, const void *, int);
  char in, out;                 /* first letter of a type ... */
  int in_size, out_size;
} Op;

static const Op ops[] = {
#define OP(name, IN, OUT, ...) \
  { #name, launch_##name, #IN[0], #OUT[0], sizeof (IN), sizeof (OUT) },
#define SAME OP
#include "numbers.def"
};

/* ---- arguments ---- */

static u64 state = 7;

static u64 random_bits (void) {
  u64 z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

static const float float_edges[] = {
  0.0f, -0.0f, 1.0f, -1.0f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 3.5f, 0x1p-149f,
  -0x1p-149f, 0x1.FFFFFCp-127f, 0x1p-126f, 0x1.000002p-126f, 0x1.000002p0f,
  0x1.FFFFFEp-1f, 0x1.FFFFFEp0f, 3.0f, 1.0f / 3, 0x1p23f, 0x1.000002p23f,
  0x1p24f, 255.0f, 256.0f, 32767.5f, 65504.0f, 65520.0f, 0x1p-14f, 0x1p-24f,
  0x1p-25f, 0x1.FFFFFEp30f, 0x1p31f, -0x1p31f, 0x1p32f, 0x1p63f, -0x1p63f,
  0x1p64f, 0x1.FFFFFEp127f, -0x1.FFFFFEp127f, INFINITY, -INFINITY, NAN };
static const double double_edges[] = {
  0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 0x1p-1074, 0x1p-1022,
  0x1.FFFFFFFFFFFFEp-1023, 0x1.0000000000001p0, 0x1.FFFFFFFFFFFFFp-1, 1.0 / 3,
  3.0, 0x1p52, 0x1.8p52, 0x1p53, 2147483647.0, 2147483647.5, 2147483648.0,
  -2147483648.0, -2147483649.0, 4294967295.0, 4294967296.0, 0x1p63, -0x1p63,
  0x1.FFFFFFFFFFFFFp62, 0x1p64, 0x1.FFFFFFFFFFFFFp63, 0x1p-149, 0x1p-150,
  0x1.000001p-150, 0x1.FFFFFEp127, 0x1.FFFFFFp127, 0x1.000001p0, 0x1.000003p0,
  0x1.FFFFFFFFFFFFFp1023, INFINITY, -INFINITY, NAN };
static const i64 int_edges[] = {
  0, 1, -1, 2, 3, 5, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256,
  -128, -129, 32767, 32768, 65535, 65536, 0x7FFFFF, 0xFFFFFF, 0x1000000,
  0x7FFFFFFF, 0x80000000, -0x80000000LL, 0xFFFFFFFF, 0x100000000, 0x12345678,
  0x00200010, 0x1FFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, INT64_MIN,
  0x123456789ABCDEF };

#define COUNT(list) ((int) (sizeof (list) / sizeof *(list)))

static int edges (char type) {
  return type == 'f' ? COUNT(float_edges) : type == 'd' ? COUNT(double_edges)
         : COUNT(int_edges);
}

/* 'd': f64, to tell it from f32 */
static void put (void *to, int at, char type, int size, int edge) {
  if (type == 'f')
    ((float *) to)[at] = float_edges[edge];
  else if (type == 'd')
    ((double *) to)[at] = double_edges[edge];
  else
    memcpy((char *) to + (size_t) at * size, &int_edges[edge], size);
}

/* All pairs of edges with changing thirds, then random bits, then random
 * floats of moderate size. */
static int arguments (char type, int size, void *x, void *y, void *z) {
  int k = edges(type), n = 0;
  for (int i = 0; i < k; i++)
    for (int j = 0; j < k; j++, n++) {
      put(x, n, type, size, i);
      put(y, n, type, size, j);
      put(z, n, type, size, (int) (random_bits() % k));
    }
  void *all[3] = { x, y, z };
  for (int i = 0; i < 4000; i++, n++)
    for (int a = 0; a < 3; a++) {
      u64 bits = random_bits();
      if (i >= 2000 && type == 'f')
        bits = bits_((float) ((i64) bits >> 40) * 0x1p-20f);
      if (i >= 2000 && type == 'd')
        bits = bits64_((double) ((i64) bits >> 20) * 0x1p-40);
      memcpy((char *) all[a] + (size_t) n * size, &bits, size);
    }
  return n;
}

/* ---- comparing ---- */

enum { MOST = 64 * 64 + 4000 };

static void *device (size_t bytes) {
  void *p = NULL;
  if (cudaMalloc(&p, bytes) != cudaSuccess)
    exit(1);
  return p;
}

static bool nan_of (u64 bits, int size) {
  return size == 4 ? float_((u32) bits) != float_((u32) bits)
         : double_(bits) != double_(bits);
}

static void same (const char *name, u64 got, u64 want, bool is_float,
                  int size, u64 x, u64 y) {
  compared++;
  if (got == want || (is_float && nan_of(got, size) && nan_of(want, size)))
    return;
  if (differ++ < 40)
    printf("%s(%llx, %llx): device %llx, host %llx\n", name,
           (unsigned long long) x, (unsigned long long) y,
           (unsigned long long) got, (unsigned long long) want);
}

static void up (void *to, const void *from, size_t bytes) {
  if (cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream))
    exit(1);
}

static void down (void *to, const void *from, size_t bytes) {
  if (cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream))
    exit(1);
}

static void compare_op (const Op *o, HostOp *host) {
  static u64 x[MOST], y[MOST], z[MOST], got[MOST], want[MOST];
  char type = o->in == 'f' && o->in_size == 8 ? 'd' : o->in;
  int n = arguments(type, o->in_size, x, y, z);
  size_t bytes = (size_t) n * o->in_size;
  void *dx = device(bytes), *dy = device(bytes), *dz = device(bytes);
  u64 *dr = (u64 *) device((size_t) n * 8);
  up(dx, x, bytes);
  up(dy, y, bytes);
  up(dz, z, bytes);
  o->launch(dr, dx, dy, dz, n);
  down(got, dr, (size_t) n * 8);
  host(want, x, y, z, n);
  for (int i = 0; i < n; i++) {
    u64 a = 0, b = 0;
    memcpy(&a, (char *) x + (size_t) i * o->in_size, o->in_size);
    memcpy(&b, (char *) y + (size_t) i * o->in_size, o->in_size);
    same(o->name, got[i], want[i], o->out == 'f', o->out_size, a, b);
  }
  void *all[] = { dx, dy, dz, dr };
  for (void *p : all)
    (void) cudaFree(p);
}

/* ---- the functions of pointwise.def ---- */

#ifndef ONLY_OPS
#define NOWHERE 0
#define ZERO 0.0f

static __global__ void unary (int f, float *out, const float *in, int n) {
  EACH(i, n) {
    float x = in[i];
    int k = 0;
#define UNARY(name, about, value, ...) if (k++ == f) out[i] = (value);
#define BINARY(...)
#include "backend/pointwise.def"
  }
}

static __global__ void unary_slope (int f, float *out, const float *in,
                                    const float *of, int n) {
  EACH(i, n) {
    float x = in[i], y = of[i];
    int k = 0;
    (void) x, (void) y;
#define UNARY(name, about, value, slope, ...) if (k++ == f) out[i] = (slope);
#define BINARY(...)
#include "backend/pointwise.def"
  }
}

static __global__ void binary (int f, float *out, const float *as,
                               const float *bs, int n) {
  EACH(i, n) {
    float a = as[i], b = bs[i];
    int k = 0;
#define UNARY(...)
#define BINARY(name, about, value, ...) if (k++ == f) out[i] = (value);
#include "backend/pointwise.def"
  }
}

static __global__ void normals (float *z, const u32 *address, int n) {
  EACH(i, n)
    normals_of(philox_at(address, (u64) i), z + 4 * i);
}

static const char *const unary_names[] = {
#define UNARY(name, ...) #name,
#define BINARY(...)
#include "backend/pointwise.def"
};
static const char *const binary_names[] = {
#define UNARY(...)
#define BINARY(name, ...) #name,
#include "backend/pointwise.def"
};

static void compare_floats (const char *name, const float *dr,
                            const float *want, const float *x,
                            const float *y, int n) {
  std::vector<float> got(n);
  down(got.data(), dr, (size_t) n * 4);
  for (int i = 0; i < n; i++)
    same(name, bits_(got[i]), bits_(want[i]), true, 4, bits_(x[i]),
         bits_(y[i]));
}

static void compare_functions (void) {
  static u64 xs[MOST], ys[MOST], zs[MOST];
  static float want[MOST], slope[MOST];
  int n = arguments('f', 4, xs, ys, zs);
  const float *x = (const float *) xs, *y = (const float *) ys;
  size_t bytes = (size_t) n * 4;
  float *dx = (float *) device(bytes), *dy = (float *) device(bytes);
  float *dr = (float *) device(bytes), *ds = (float *) device(bytes);
  up(dx, x, bytes);
  up(dy, y, bytes);
  for (int f = 0; f < COUNT(unary_names); f++) {
    unary<<<3, 256, 0, stream>>>(f, dr, dx, n);
    host_unary(f, want, x, n);
    compare_floats(unary_names[f], dr, want, x, y, n);
    up(dr, want, bytes);        /* the same NaN for both slopes */
    unary_slope<<<3, 256, 0, stream>>>(f, ds, dx, dr, n);
    host_unary_slope(f, slope, x, want, n);
    compare_floats(unary_names[f], ds, slope, x, want, n);
  }
  for (int f = 0; f < COUNT(binary_names); f++) {
    binary<<<3, 256, 0, stream>>>(f, dr, dx, dy, n);
    host_binary(f, want, x, y, n);
    compare_floats(binary_names[f], dr, want, x, y, n);
  }
  u32 address[4] = { 1, 2, 3, 4 }, *da = (u32 *) device(16);
  up(da, address, 16);
  normals<<<3, 256, 0, stream>>>(dr, da, n / 4);
  host_normals(want, address, n / 4);
  compare_floats("normals", dr, want, x, y, n / 4 * 4);
  void *all[] = { dx, dy, dr, ds, da };
  for (void *p : all)
    (void) cudaFree(p);
}
#else
static void compare_functions (void) {
}
#endif

int main (void) {
  if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking))
    return 1;
  for (int i = 0; i < COUNT(ops); i++)
    compare_op(&ops[i], host_ops[i]);
  compare_functions();
  (void) cudaStreamDestroy(stream);
  printf("%d results compared, %d differ\n", compared, differ);
  return differ != 0;
}
