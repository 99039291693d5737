/*
 * wide.c - see wide.h.
 *
 * A tile of ROWS x 32 weights of one tap (filters x channels) stays in
 * registers while all pixels of a few images pass: two vectors of x, one
 * number of y for each filter.  The images of a pass fit into the first
 * cache, since every tile reads them again.
 */
#include "backend/cpu/wide.h"

#include "backend/cpu/cpu.h"

#include <string.h>

/* A product and its sum may be one instruction: nothing else computes the
 * same numbers. */
#ifndef __clang__
#pragma GCC optimize("fp-contract=fast")
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16, ROWS = 8, PASS_BYTES = 40 << 10 };

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4),
                                    may_alias));

#define VECTOR(p) (*(Vector *) (p))

/* A tap with the outputs whose window holds a pixel there. */
typedef struct Tap {
  int64_t top, bottom, left, right;     /* outputs, half open */
  int64_t x;                            /* element of x of output (0, 0) */
} Tap;

bool wide_fits (const ConvShape *s) {
  return s->groups == 1 && s->c % LANES == 0 && s->k % ROWS == 0 &&
         __builtin_cpu_supports("avx512f") &&
         __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

/* Outputs i with 0 <= i * stride + tap - pad < size. */
static void reached (int64_t tap, int64_t pad, int64_t stride, int64_t size,
                     int64_t outputs, int64_t *from, int64_t *to) {
  int64_t last = size - 1 + pad - tap;
  *from = tap >= pad ? 0 : (pad - tap + stride - 1) / stride;
  *to = last < 0 ? 0 : last / stride + 1;
  *to = *to < outputs ? *to : outputs;
}

static Tap tap_of (const ConvShape *s, int64_t kh, int64_t kw) {
  Tap t;
  reached(kh, s->pad, s->stride, s->h, s->oh, &t.top, &t.bottom);
  reached(kw, s->pad, s->stride, s->w, s->ow, &t.left, &t.right);
  t.x = ((kh - s->pad) * s->w + kw - s->pad) * s->c;
  return t;
}

/* dw: ROWS filters, step apart; x and y at this tile's channels. */
INLINE void tile (const ConvShape *s, const Tap *t, float *dw, int64_t step,
                  const float *y, const float *x, int64_t images,
                  const int vectors) {
  Vector sum[ROWS][2];
  for (int r = 0; r < ROWS; r++)
    for (int v = 0; v < vectors; v++)
      sum[r][v] = VECTOR(dw + r * step + v * LANES);
  for (int64_t i = 0; i < images; i++)
    for (int64_t oh = t->top; oh < t->bottom; oh++) {
      const float *at = x + t->x + i * s->h * s->w * s->c +
                        (oh * s->w + t->left) * s->stride * s->c;
      const float *from = y + ((i * s->oh + oh) * s->ow + t->left) * s->k;
      for (int64_t ow = t->left; ow < t->right; ow++) {
        for (int v = 0; v < vectors; v++)
          for (int r = 0; r < ROWS; r++)
            sum[r][v] += from[r] * VECTOR(at + v * LANES);
        at += s->stride * s->c;
        from += s->k;
      }
    }
  for (int r = 0; r < ROWS; r++)
    for (int v = 0; v < vectors; v++)
      VECTOR(dw + r * step + v * LANES) = sum[r][v];
}

/* One pass: all tiles of all taps. */
HOT static void tiles (const ConvShape *s, float *dw, const float *y,
                       const float *x, int64_t images) {
  int64_t step = s->kh * s->kw * s->c;
  for (int64_t kh = 0; kh < s->kh; kh++)
    for (int64_t kw = 0; kw < s->kw; kw++) {
      Tap t = tap_of(s, kh, kw);
      for (int64_t k = 0; k < s->k; k += ROWS) {
        float *to = dw + k * step + (kh * s->kw + kw) * s->c;
        int64_t c = 0;
        for (; c + 2 * LANES <= s->c; c += 2 * LANES)
          tile(s, &t, to + c, step, y + k, x + c, images, 2);
        if (c < s->c)
          tile(s, &t, to + c, step, y + k, x + c, images, 1);
      }
    }
}

void wide_back_w (const ConvShape *s, float *dw, const float *y,
                  const float *x, int64_t images) {
  int64_t x_image = s->h * s->w * s->c, y_image = s->oh * s->ow * s->k;
  int64_t pass = PASS_BYTES / ((x_image + y_image) * (int64_t) sizeof *x);
  pass = pass < 1 ? 1 : pass;
  memset(dw, 0, (size_t) (s->k * s->kh * s->kw * s->c) * sizeof *dw);
  for (int64_t i = 0; i < images; i += pass)
    tiles(s, dw, y + i * y_image, x + i * x_image,
          images - i < pass ? images - i : pass);
}
