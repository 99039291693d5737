/*
 * pool.cu - pooling and nearest-neighbour upsampling, NHWC.
 *
 * A thread has one element of the result and walks over the pixels, or the
 * windows, that it depends on, in the order of the CPU; neighbouring threads
 * have neighbouring channels.
 *
 * Only the backward of the maximum does not know its windows.  There a thread
 * has one channel of a band of an image's rows: it reads all windows of that
 * image and adds up those whose maximum lies in its band.
 */
#include "backend/cuda/kernel.cuh"

/* The geometry of a pool: x [n,h,w,c] -> y [n,oh,ow,c]. */
typedef struct Pool {
  int64_t n, h, w, c, oh, ow, k, stride, pad;
} Pool;

static Pool pool_of (const View &x, const View &y, int64_t k, int64_t stride,
                     int64_t pad) {
  return Pool { x.size[0], x.size[1], x.size[2], x.size[3], y.size[1],
                y.size[2], k, stride, pad };
}

/* Element i of an array [n,h,w,c]. */
typedef struct Place { int64_t n, h, w, c; } Place;

static __device__ __forceinline__ Place place_of (int64_t i, int64_t h,
                                                  int64_t w, int64_t c) {
  int64_t pixel = i / c, row = pixel / w;
  return Place { row / h, row % h, pixel % w, i % c };
}

typedef struct Span { int64_t from, to; } Span;

/* The part of window i that lies inside an axis of that size. */
static __device__ __forceinline__ Span window (const Pool &p, int64_t i,
                                               int64_t size) {
  int64_t first = i * p.stride - p.pad, end = first + p.k;
  return Span { first < 0 ? 0 : first, end < size ? end : size };
}

/* The windows, of that many, that hold pixel i of an axis. */
static __device__ __forceinline__ Span windows (const Pool &p, int64_t i,
                                                int64_t count) {
  int64_t last = (i + p.pad) / p.stride, before = i + p.pad - p.k;
  return Span { before < 0 ? 0 : before / p.stride + 1,
                last < count ? last + 1 : count };
}

/* ---- maximum ---- */

/* A NaN wins, and stays: best != best says that one was there before. */
KERNEL_FN max_windows (float *y, int32_t *index, const float *x, Pool p,
                       int64_t count) {
  EACH_INDEX(i, count) {
    Place at = place_of(i, p.oh, p.ow, p.c);
    Span rows = window(p, at.h, p.h), columns = window(p, at.w, p.w);
    const float *image = x + at.n * p.h * p.w * p.c + at.c;
    int64_t here = rows.from * p.w + columns.from;
    float best = image[here * p.c];
    for (int64_t h = rows.from; h < rows.to; h++)
      for (int64_t w = columns.from; w < columns.to; w++) {
        float v = image[(h * p.w + w) * p.c];
        bool wins = (v > best || v != v) && best == best;
        best = wins ? v : best;
        here = wins ? h * p.w + w : here;
      }
    y[i] = best;
    index[i] = (int32_t) here;
  }
}

cudaError_t cuda_maxpool (View y, View index, View x, int64_t k,
                          int64_t stride, int64_t pad) {
  int64_t count = view_count(&y);
  return LAUNCH(max_windows, count, (float *) y.data, (int32_t *) index.data,
                (const float *) x.data, pool_of(x, y, k, stride, pad), count);
}

/* dx: images of that many pixels, in bands of that size; dy: that many
 * windows an image. */
KERNEL_FN max_back (float *dx, const float *dy, const int32_t *index,
                    int64_t count, int64_t pixels, int64_t band,
                    int64_t windows_of, int64_t c) {
  int64_t bands = (pixels + band - 1) / band;
  EACH_INDEX(i, count) {
    int64_t channel = i % c, image = i / c / bands;
    int64_t from = i / c % bands * band;
    int64_t to = from + band < pixels ? from + band : pixels;
    float *out = dx + image * pixels * c + channel;
    int64_t in = image * windows_of * c + channel;
    for (int64_t at = from; at < to; at++)
      out[at * c] = 0;
    for (int64_t j = 0; j < windows_of; j++) {
      int64_t at = index[in + j * c];
      if (at >= from && at < to)
        out[at * c] += dy[in + j * c];
    }
  }
}

/* Bands of whole rows, so many that the device is busy. */
cudaError_t cuda_maxpool_back (View dx, View dy, View index) {
  enum { BUSY = 65536 };
  int64_t n = dx.size[0], h = dx.size[1], w = dx.size[2], c = dx.size[3];
  if (view_count(&dx) == 0)
    return cudaSuccess;
  int64_t wanted = 1 + BUSY / (n * c), bands = wanted < h ? wanted : h;
  int64_t rows = (h + bands - 1) / bands;
  int64_t count = n * c * ((h + rows - 1) / rows);
  return LAUNCH(max_back, count, (float *) dx.data, (const float *) dy.data,
                (const int32_t *) index.data, count, h * w, rows * w,
                dy.size[1] * dy.size[2], c);
}

/* ---- average ---- */

/* 1 / its pixels: padding is not counted. */
static __device__ __forceinline__ float share (Span rows, Span columns) {
  return 1 / (float) ((rows.to - rows.from) * (columns.to - columns.from));
}

KERNEL_FN average (float *y, const float *x, Pool p, int64_t count) {
  EACH_INDEX(i, count) {
    Place at = place_of(i, p.oh, p.ow, p.c);
    Span rows = window(p, at.h, p.h), columns = window(p, at.w, p.w);
    const float *image = x + at.n * p.h * p.w * p.c + at.c;
    float sum = 0, scale = share(rows, columns);
    for (int64_t h = rows.from; h < rows.to; h++)
      for (int64_t w = columns.from; w < columns.to; w++)
        sum += image[(h * p.w + w) * p.c] * scale;
    y[i] = sum;
  }
}

KERNEL_FN average_back (float *dx, const float *dy, Pool p, int64_t count) {
  EACH_INDEX(i, count) {
    Place at = place_of(i, p.h, p.w, p.c);
    Span rows = windows(p, at.h, p.oh), columns = windows(p, at.w, p.ow);
    const float *image = dy + at.n * p.oh * p.ow * p.c + at.c;
    float sum = 0;
    for (int64_t h = rows.from; h < rows.to; h++)
      for (int64_t w = columns.from; w < columns.to; w++)
        sum += image[(h * p.ow + w) * p.c]
               * share(window(p, h, p.h), window(p, w, p.w));
    dx[i] = sum;
  }
}

cudaError_t cuda_avgpool (View y, View x, int64_t k, int64_t stride,
                          int64_t pad) {
  int64_t count = view_count(&y);
  return LAUNCH(average, count, (float *) y.data, (const float *) x.data,
                pool_of(x, y, k, stride, pad), count);
}

cudaError_t cuda_avgpool_back (View dx, View dy, int64_t k, int64_t stride,
                               int64_t pad) {
  int64_t count = view_count(&dx);
  return LAUNCH(average_back, count, (float *) dx.data,
                (const float *) dy.data, pool_of(dx, dy, k, stride, pad),
                count);
}

/* ---- upsampling: each pixel becomes k x k ---- */

/* x [n,h,w,c]; rows of all images lie behind one another. */
KERNEL_FN enlarge (float *y, const float *x, int64_t w, int64_t c, int64_t k,
                   int64_t count) {
  EACH_INDEX(i, count) {
    int64_t pixel = i / c, row = pixel / (w * k), column = pixel % (w * k);
    y[i] = x[(row / k * w + column / k) * c + i % c];
  }
}

KERNEL_FN enlarge_back (float *dx, const float *dy, int64_t w, int64_t c,
                        int64_t k, int64_t count) {
  EACH_INDEX(i, count) {
    int64_t pixel = i / c, row = pixel / w * k, column = pixel % w * k;
    const float *from = dy + (row * w * k + column) * c + i % c;
    float sum = 0;
    for (int64_t h = 0; h < k; h++)
      for (int64_t j = 0; j < k; j++)
        sum += from[(h * w * k + j) * c];
    dx[i] = sum;
  }
}

cudaError_t cuda_upsample (View y, View x, int64_t k) {
  int64_t count = view_count(&y);
  return LAUNCH(enlarge, count, (float *) y.data, (const float *) x.data,
                x.size[2], x.size[3], k, count);
}

cudaError_t cuda_upsample_back (View dx, View dy, int64_t k) {
  int64_t count = view_count(&dx);
  return LAUNCH(enlarge_back, count, (float *) dx.data,
                (const float *) dy.data, dx.size[2], dx.size[3], k, count);
}
