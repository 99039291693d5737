/*
 * access.cu - loads, stores and atomic operations of every width: values.
 */
#include "case.h"

#define KERNEL static __global__ void

/* Every width, signed and not, into wider numbers and back. */
template <typename T>
KERNEL widen (int64_t *wide, T *same, const T *x, int n) {
  int i = threadIdx.x;
  if (i < n) {
    wide[i] = (int64_t) x[i];
    same[i] = x[i];
  }
}

template <typename T>
static void widths (void) {
  T x[40], same[40];
  int64_t wide[40];
  for (int i = 0; i < 40; i++)
    x[i] = (T) ((int64_t) (i - 20) * 0x1234567F);
  T *from = (T *) raw(sizeof x), *to = (T *) raw(sizeof x);
  int64_t *all = (int64_t *) raw(sizeof wide);
  cudaMemcpyAsync(from, x, sizeof x, cudaMemcpyHostToDevice, stream);
  widen<T><<<1, 64, 0, stream>>>(all, to, from, 40);
  fetch(same, to, sizeof x);
  fetch(wide, all, sizeof wide);
  for (int i = 0; i < 40; i++)
    CHECK(same[i] == x[i] && wide[i] == (int64_t) x[i]);
}

SILENT(bytes_signed) { widths<int8_t>(); }
SILENT(bytes_unsigned) { widths<uint8_t>(); }
SILENT(shorts_signed) { widths<int16_t>(); }
SILENT(shorts_unsigned) { widths<uint16_t>(); }
SILENT(words_signed) { widths<int32_t>(); }
SILENT(words_unsigned) { widths<uint32_t>(); }
SILENT(longs) { widths<int64_t>(); }
SILENT(floats_plain) { widths<float>(); }
SILENT(doubles) { widths<double>(); }

/* Through shared memory and a generic pointer, where the space is known only
 * when the kernel runs. */
KERNEL generic (float *y, const float *x, int shared) {
  __shared__ float s[32];
  float local[4];
  int i = threadIdx.x;
  s[i] = -x[i];
  for (int k = 0; k < 4; k++)
    local[k] = x[i] * (float) k;
  __syncthreads();
  const float *from = shared == 0 ? x : shared == 1 ? s : local - i;
  y[i] = from[i + (shared == 2 ? 3 : 0)];
}

SILENT(generic_pointers) {
  for (int shared = 0; shared < 3; shared++) {
    float y[32], *device = floats(32);
    generic<<<1, 32, 0, stream>>>(device, floats(32), shared);
    fetch(y, device, sizeof y);
    CHECK(y[7] == (shared == 0 ? 7 : shared == 1 ? -7 : 21));
  }
}

KERNEL vectors (float4 *f, double2 *d, uchar4 *b, ushort2 *s, int2 *w) {
  int i = threadIdx.x;
  f[i] = make_float4(f[i].w, f[i].z, f[i].y, f[i].x);
  d[i] = make_double2(d[i].y, d[i].x);
  b[i] = make_uchar4(b[i].w, b[i].z, b[i].y, b[i].x);
  s[i] = make_ushort2(s[i].y, s[i].x);
  w[i] = make_int2(w[i].y, w[i].x);
}

SILENT(vectors_reversed) {
  unsigned char h[5][64], g[5][64];
  void *p[5];
  for (int k = 0; k < 5; k++) {
    for (int i = 0; i < 64; i++)
      h[k][i] = (unsigned char) (k * 7 + i);
    p[k] = raw(64);
    cudaMemcpyAsync(p[k], h[k], 64, cudaMemcpyHostToDevice, stream);
  }
  vectors<<<1, 4, 0, stream>>>((float4 *) p[0], (double2 *) p[1],
                               (uchar4 *) p[2], (ushort2 *) p[3],
                               (int2 *) p[4]);
  const int size[5] = { 4, 8, 1, 2, 4 }, count[5] = { 4, 2, 4, 2, 2 };
  for (int k = 0; k < 5; k++) {
    fetch(g[k], p[k], 64);
    int n = size[k], c = count[k];
    for (int i = 0; i < 4 * c; i++)
      CHECK(memcmp(g[k] + i * n, h[k] + (i / c * c + c - 1 - i % c) * n,
                   (size_t) n) == 0);
  }
}

/* ---- atomic operations ---- */

KERNEL signed_atomics (int *y, const int *x) {
  int v = x[threadIdx.x];
  atomicAdd(&y[0], v);
  atomicMin(&y[1], v);
  atomicMax(&y[2], v);
  atomicSub(&y[3], v);
}

KERNEL unsigned_atomics (unsigned *y, const unsigned *x) {
  unsigned v = x[threadIdx.x];
  atomicMin(&y[0], v);
  atomicMax(&y[1], v);
  atomicAnd(&y[2], v);
  atomicOr(&y[3], v);
  atomicXor(&y[4], v);
  atomicInc(&y[5], 5);
  atomicDec(&y[6], 5);
}

KERNEL long_atomics (unsigned long long *y, const int *x) {
  unsigned long long v = (unsigned long long) x[threadIdx.x];
  atomicAdd(&y[0], v);
  atomicMax(&y[1], v);
  atomicXor(&y[2], v);
}

SILENT(atomic_values) {
  int x[64], y[4] = { 5, 5, 5, 5 };
  unsigned u[7] = { ~0u, 0, ~0u, 0, 0, 0, 3 };
  unsigned long long q[3] = { 0, 0, 0 };
  int64_t sum = 0;
  uint32_t least = ~0u, most = 0, all = ~0u, any = 0, odd = 0;
  uint64_t wide = 0;
  for (int i = 0; i < 64; i++) {
    x[i] = (i - 30) * 12345;
    uint32_t v = (uint32_t) x[i];
    sum += x[i];
    least = v < least ? v : least;
    most = v > most ? v : most;
    all &= v;
    any |= v;
    odd ^= v;
    wide ^= (uint64_t) (int64_t) x[i];
  }
  int *dx = (int *) raw(sizeof x), *dy = (int *) raw(sizeof y);
  unsigned *du = (unsigned *) raw(sizeof u);
  unsigned long long *dq = (unsigned long long *) raw(sizeof q);
  cudaMemcpyAsync(dx, x, sizeof x, cudaMemcpyHostToDevice, stream);
  cudaMemcpyAsync(dy, y, sizeof y, cudaMemcpyHostToDevice, stream);
  cudaMemcpyAsync(du, u, sizeof u, cudaMemcpyHostToDevice, stream);
  cudaMemcpyAsync(dq, q, sizeof q, cudaMemcpyHostToDevice, stream);
  signed_atomics<<<1, 64, 0, stream>>>(dy, dx);
  unsigned_atomics<<<1, 64, 0, stream>>>(du, (unsigned *) dx);
  long_atomics<<<1, 64, 0, stream>>>(dq, dx);
  fetch(y, dy, sizeof y);
  fetch(u, du, sizeof u);
  fetch(q, dq, sizeof q);
  CHECK(y[0] == 5 + sum && y[1] == -30 * 12345 && y[2] == 33 * 12345);
  CHECK(y[3] == 5 - sum);
  CHECK(u[0] == least && u[1] == most && u[2] == all && u[3] == any);
  CHECK(u[4] == odd && u[5] == 64 % 6 && u[6] == (3 + 6 * 64 - 64) % 6);
  CHECK(q[0] == (uint64_t) sum && q[1] == (uint64_t) (int64_t) x[29]);
  CHECK(q[2] == wide);
}

/* Old values: each thread has its own, in some order. */
KERNEL tickets (int *next, int *y, int *lock) {
  int mine = atomicAdd(next, 1);
  y[mine] = (int) (blockIdx.x * blockDim.x + threadIdx.x);
  if (atomicCAS(&lock[0], 0, 1) == 0)
    lock[1] = 1;
  atomicExch(&lock[2], mine);
}

SILENT(atomic_tickets) {
  int y[96], seen[96] = { 0 }, lock[3], *device = ints(96), *dl = ints(3);
  tickets<<<3, 32, 0, stream>>>(ints(1), device, dl);
  fetch(y, device, sizeof y);
  fetch(lock, dl, sizeof lock);
  int in_order = 1;
  for (int i = 0; i < 96; i++) {
    seen[y[i]]++;
    in_order &= y[i] == i;
  }
  for (int i = 0; i < 96; i++)
    CHECK(seen[i] == 1);
  CHECK(!in_order && lock[0] == 1 && lock[1] == 1);
}

/* ---- a structure by value is copied to where it can be indexed ---- */

typedef struct Shape { int rank; int64_t size[6]; } Shape;

KERNEL indexed (int64_t *y, Shape s) {
  int64_t product = 1;
  for (int i = s.rank - 1; i >= 0; i--)
    product = product * 10 + s.size[(i + threadIdx.x) % s.rank];
  y[threadIdx.x] = product;
}

SILENT(indexed_argument) {
  int64_t y[3], *device = (int64_t *) raw(sizeof y);
  Shape s = { 3, { 1, 2, 3, 0, 0, 0 } };
  indexed<<<1, 3, 0, stream>>>(device, s);
  fetch(y, device, sizeof y);
  CHECK(y[0] == 1321 && y[1] == 1132 && y[2] == 1213);
}
