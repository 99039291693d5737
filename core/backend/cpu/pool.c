/*
 * pool.c - pooling and nearest-neighbour upsampling, NHWC.
 *
 * Windows slide over pixels; channels lie side by side, so every inner loop
 * runs over the channels of one pixel.  Forward passes are parallel over rows
 * of the output, backward passes over images, each of which one thread adds
 * up in the order of its windows.
 */
#include "backend/cpu/cpu.h"

#include <string.h>

/* The geometry of a pool: x [n,h,w,c] -> y [n,oh,ow,c]. */
typedef struct Pool {
  int64_t n, h, w, c, oh, ow, k, stride, pad;
} Pool;

static Pool pool_of (const View *x, const View *y, int64_t k, int64_t stride,
                     int64_t pad) {
  Pool p = { x->size[0], x->size[1], x->size[2], x->size[3], y->size[1],
             y->size[2], k, stride, pad };
  return p;
}

/* The part of window i that lies inside an axis of that size. */
static void window (const Pool *p, int64_t i, int64_t size, int64_t *from,
                    int64_t *to) {
  int64_t first = i * p->stride - p->pad;
  *from = first < 0 ? 0 : first;
  *to = first + p->k < size ? first + p->k : size;
}

/* ---- maximum ---- */

/* A NaN wins, and stays: best != best says that one was there before. */
HOT static void keep_larger (float *restrict best, int32_t *restrict place,
                             const float *restrict x, int32_t here,
                             int64_t n) {
  for (int64_t c = 0; c < n; c++) {
    bool wins = (x[c] > best[c] || x[c] != x[c]) && best[c] == best[c];
    best[c] = wins ? x[c] : best[c];
    place[c] = wins ? here : place[c];
  }
}

static void max_window (const Pool *p, float *best, int32_t *place,
                        const float *image, int64_t i, int64_t j) {
  int64_t top, bottom, left, right;
  window(p, i, p->h, &top, &bottom);
  window(p, j, p->w, &left, &right);
  memcpy(best, image + (top * p->w + left) * p->c,
         (size_t) p->c * sizeof *best);
  for (int64_t c = 0; c < p->c; c++)
    place[c] = (int32_t) (top * p->w + left);
  for (int64_t h = top; h < bottom; h++)
    for (int64_t w = left; w < right; w++)
      keep_larger(best, place, image + (h * p->w + w) * p->c,
                  (int32_t) (h * p->w + w), p->c);
}

void cpu_maxpool (View y, View index, View x, int64_t k, int64_t stride,
                  int64_t pad) {
  Pool p = pool_of(&x, &y, k, stride, pad);
  int64_t rows = p.n * p.oh;
  const float *in = x.data;
  float *out = y.data;
  int32_t *place = index.data;
#pragma omp parallel for schedule(static) \
  if (worth_threads(rows * p.ow * p.c * k * k))
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < p.ow; j++) {
      int64_t at = (r * p.ow + j) * p.c;
      max_window(&p, out + at, place + at, in + r / p.oh * p.h * p.w * p.c,
                 r % p.oh, j);
    }
}

void cpu_maxpool_back (View dx, View dy, View index) {
  int64_t n = dx.size[0], c = dx.size[3];
  int64_t image = dx.size[1] * dx.size[2] * c;
  int64_t windows = dy.size[1] * dy.size[2] * c;
#pragma omp parallel for schedule(static) if (worth_threads(n * image))
  for (int64_t i = 0; i < n; i++) {
    float *to = (float *) dx.data + i * image;
    const float *from = (const float *) dy.data + i * windows;
    const int32_t *place = (const int32_t *) index.data + i * windows;
    memset(to, 0, (size_t) image * sizeof *to);
    for (int64_t j = 0; j < windows; j++)
      to[place[j] * c + j % c] += from[j];
  }
}

/* ---- average ---- */

HOT static void add_scaled (float *restrict to, const float *restrict from,
                            float scale, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    to[i] += from[i] * scale;
}

/* Pixels of the window: padding is not counted. */
static int64_t window_pixels (const Pool *p, int64_t i, int64_t j,
                              int64_t *top, int64_t *bottom, int64_t *left,
                              int64_t *right) {
  window(p, i, p->h, top, bottom);
  window(p, j, p->w, left, right);
  return (*bottom - *top) * (*right - *left);
}

void cpu_avgpool (View y, View x, int64_t k, int64_t stride, int64_t pad) {
  Pool p = pool_of(&x, &y, k, stride, pad);
  int64_t rows = p.n * p.oh;
#pragma omp parallel for schedule(static) \
  if (worth_threads(rows * p.ow * p.c * k * k))
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < p.ow; j++) {
      int64_t top, bottom, left, right;
      int64_t n = window_pixels(&p, r % p.oh, j, &top, &bottom, &left,
                                &right);
      const float *image = (const float *) x.data +
                           r / p.oh * p.h * p.w * p.c;
      float *to = (float *) y.data + (r * p.ow + j) * p.c;
      memset(to, 0, (size_t) p.c * sizeof *to);
      for (int64_t h = top; h < bottom; h++)
        for (int64_t w = left; w < right; w++)
          add_scaled(to, image + (h * p.w + w) * p.c, 1 / (float) n, p.c);
    }
}

static void avg_back_image (const Pool *p, float *dx, const float *dy) {
  memset(dx, 0, (size_t) (p->h * p->w * p->c) * sizeof *dx);
  for (int64_t i = 0; i < p->oh; i++)
    for (int64_t j = 0; j < p->ow; j++, dy += p->c) {
      int64_t top, bottom, left, right;
      int64_t n = window_pixels(p, i, j, &top, &bottom, &left, &right);
      for (int64_t h = top; h < bottom; h++)
        for (int64_t w = left; w < right; w++)
          add_scaled(dx + (h * p->w + w) * p->c, dy, 1 / (float) n, p->c);
    }
}

void cpu_avgpool_back (View dx, View dy, int64_t k, int64_t stride,
                       int64_t pad) {
  Pool p = pool_of(&dx, &dy, k, stride, pad);
  int64_t image = p.h * p.w * p.c, windows = p.oh * p.ow * p.c;
#pragma omp parallel for schedule(static) if (worth_threads(p.n * image))
  for (int64_t i = 0; i < p.n; i++)
    avg_back_image(&p, (float *) dx.data + i * image,
                   (const float *) dy.data + i * windows);
}

/* ---- upsampling: each pixel becomes k x k ---- */

void cpu_upsample (View y, View x, int64_t k) {
  int64_t rows = y.size[0] * y.size[1], w = x.size[2], c = x.size[3];
#pragma omp parallel for schedule(static) \
  if (worth_threads(rows * w * k * c))
  for (int64_t r = 0; r < rows; r++) {
    const float *from = (const float *) x.data + r / k * w * c;
    float *to = (float *) y.data + r * w * k * c;
    for (int64_t j = 0; j < w * k; j++)
      memcpy(to + j * c, from + j / k * c, (size_t) c * sizeof *to);
  }
}

void cpu_upsample_back (View dx, View dy, int64_t k) {
  int64_t rows = dx.size[0] * dx.size[1], w = dx.size[2], c = dx.size[3];
#pragma omp parallel for schedule(static) \
  if (worth_threads(rows * w * k * k * c))
  for (int64_t r = 0; r < rows; r++) {
    float *to = (float *) dx.data + r * w * c;
    memset(to, 0, (size_t) (w * c) * sizeof *to);
    for (int64_t i = 0; i < k; i++) {
      const float *from = (const float *) dy.data + (r * k + i) * w * k * c;
      for (int64_t j = 0; j < w * k; j++)
        add_scaled(to + j / k * c, from + j * c, 1, c);
    }
  }
}
