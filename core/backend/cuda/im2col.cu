/*
 * im2col.cu - the two kernels that turn a convolution into a product of
 * matrices: the window under each output as a row, and back.
 *
 * patch [R, KH, KW, C/groups] with R = images * OH * OW rows, for one group of
 * channels.  Back, each input element gathers what its windows hold, in the
 * order of the taps: no two threads write to one place.
 */
#include "backend/cuda/conv.h"
#include "backend/cuda/kernel.cuh"

/* Element i of patch: where it lies in x, or -1 for padding. */
static __device__ int64_t source (const ConvShape &s, int64_t group,
                                  int64_t i) {
  int64_t channels = s.c / s.groups;
  int64_t c = i % channels + group * channels;
  int64_t kw = i / channels % s.kw;
  int64_t kh = i / (channels * s.kw) % s.kh;
  int64_t row = i / (channels * s.kw * s.kh);
  int64_t w = row % s.ow * s.stride - s.pad_w + kw;
  int64_t h = row / s.ow % s.oh * s.stride - s.pad_h + kh;
  int64_t n = row / (s.ow * s.oh);
  if (h < 0 || h >= s.h || w < 0 || w >= s.w)
    return -1;
  return ((n * s.h + h) * s.w + w) * s.c + c;
}

KERNEL_FN patches (float *patch, const float *x, ConvShape s, int64_t group,
                   int64_t n) {
  EACH_INDEX(i, n) {
    int64_t at = source(s, group, i);
    patch[i] = at < 0 ? 0 : x[at];
  }
}

/* i counts the elements [N, H, W, C/groups] of the group. */
KERNEL_FN collect (float *x, const float *patch, ConvShape s, int64_t group,
                   int64_t n) {
  int64_t channels = s.c / s.groups;
  EACH_INDEX(i, n) {
    int64_t c = i % channels, w = i / channels % s.w;
    int64_t h = i / (channels * s.w) % s.h, image = i / (channels * s.w * s.h);
    float sum = 0;
    for (int64_t kh = 0; kh < s.kh; kh++) {
      int64_t y = h + s.pad_h - kh;
      if (y < 0 || y % s.stride != 0 || y / s.stride >= s.oh)
        continue;
      int64_t row = (image * s.oh + y / s.stride) * s.ow;
      for (int64_t kw = 0; kw < s.kw; kw++) {
        int64_t z = w + s.pad_w - kw;
        if (z < 0 || z % s.stride != 0 || z / s.stride >= s.ow)
          continue;
        sum += patch[(((row + z / s.stride) * s.kh + kh) * s.kw + kw)
                     * channels + c];
      }
    }
    x[i / channels * s.c + group * channels + c] = sum;
  }
}

cudaError_t cuda_patches (float *patch, const float *x, ConvShape s,
                          int64_t group) {
  int64_t n = s.n * s.oh * s.ow * s.kh * s.kw * (s.c / s.groups);
  return LAUNCH(patches, n, patch, x, s, group, n);
}

cudaError_t cuda_collect (float *x, const float *patch, ConvShape s,
                          int64_t group) {
  int64_t n = s.n * s.h * s.w * (s.c / s.groups);
  return LAUNCH(collect, n, x, patch, s, group, n);
}
