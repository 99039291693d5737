/*
 * own.c - convolutions as products of matrices, for what cuDNN has no allowed
 * plan for.
 *
 * A few images at a time, so that the patches fit in PATCH_BYTES of scratch;
 * the weight gradient adds over such pieces in their order.
 */
#include "backend/cuda/blas.h"
#include "backend/cuda/conv.h"

enum { PATCH_BYTES = 64 << 20 };

typedef struct Own {
  ConvShape s;                   /* n: images of this piece */
  int64_t images;                /* of a whole piece */
  int64_t rows, taps, filters;   /* of patch [rows, taps]; of one group */
  float *patch;
} Own;

static cudaError_t begin (Own *o, ConvShape s) {
  int64_t image = s.oh * s.ow * s.kh * s.kw * (s.c / s.groups);
  int64_t most = PATCH_BYTES / (int64_t) sizeof(float) / image;
  o->s = s;
  o->images = most < 1 ? 1 : most < s.n ? most : s.n;
  o->taps = s.kh * s.kw * (s.c / s.groups);
  o->filters = s.k / s.groups;
  o->patch = cuda_scratch((size_t) (o->images * image) * sizeof(float));
  return o->patch ? cudaSuccess : cudaErrorMemoryAllocation;
}

static void piece (Own *o, int64_t first, int64_t all) {
  o->s.n = all - first < o->images ? all - first : o->images;
  o->rows = o->s.n * o->s.oh * o->s.ow;
}

/* bf16 operands would be rounded into the scratch that holds the patches. */
static Precision exact (Precision p) {
  return p == PRECISION_BF16 ? PRECISION_TF32 : p;
}

cudaError_t own_conv (float *y, const float *x, const float *w, ConvShape s,
                      Precision p) {
  Own o;
  cudaError_t e = begin(&o, s);
  for (int64_t i = 0; i < s.n && e == cudaSuccess; i += o.images) {
    piece(&o, i, s.n);
    for (int64_t g = 0; g < s.groups && e == cudaSuccess; g++) {
      e = cuda_patches(o.patch, x + i * s.h * s.w * s.c, o.s, g);
      if (e == cudaSuccess)
        e = cuda_gemm((Gemm) {
          .y = y + i * s.oh * s.ow * s.k + g * o.filters, .row_y = s.k,
          .a = o.patch, .b = w + g * o.filters * o.taps, .tb = true,
          .batch = 1, .m = o.rows, .n = o.filters, .k = o.taps,
          .precision = exact(p) });
    }
  }
  return e;
}

cudaError_t own_back_x (float *dx, const float *dy, const float *w,
                        ConvShape s, Precision p) {
  Own o;
  cudaError_t e = begin(&o, s);
  for (int64_t i = 0; i < s.n && e == cudaSuccess; i += o.images) {
    piece(&o, i, s.n);
    for (int64_t g = 0; g < s.groups && e == cudaSuccess; g++) {
      e = cuda_gemm((Gemm) {
        .y = o.patch, .a = dy + i * s.oh * s.ow * s.k + g * o.filters,
        .row_a = s.k, .b = w + g * o.filters * o.taps, .batch = 1,
        .m = o.rows, .n = o.taps, .k = o.filters, .precision = exact(p) });
      if (e == cudaSuccess)
        e = cuda_collect(dx + i * s.h * s.w * s.c, o.patch, o.s, g);
    }
  }
  return e;
}

cudaError_t own_back_w (float *dw, const float *dy, const float *x,
                        ConvShape s, Precision p) {
  Own o;
  cudaError_t e = begin(&o, s);
  for (int64_t i = 0; i < s.n && e == cudaSuccess; i += o.images) {
    piece(&o, i, s.n);
    for (int64_t g = 0; g < s.groups && e == cudaSuccess; g++) {
      e = cuda_patches(o.patch, x + i * s.h * s.w * s.c, o.s, g);
      if (e == cudaSuccess)
        e = cuda_gemm((Gemm) {
          .y = dw + g * o.filters * o.taps, .add = i > 0,
          .a = dy + i * s.oh * s.ow * s.k + g * o.filters, .row_a = s.k,
          .ta = true, .b = o.patch, .batch = 1, .m = o.filters, .n = o.taps,
          .k = o.rows, .precision = exact(p) });
    }
  }
  return e;
}
