/*
 * few.c - see few.h.
 *
 * The wide side (K, a multiple of 16) is what vectors run over; 16 floats are
 * one register of AVX-512 and two of AVX2.  Blocks of pixels or taps are kept
 * in registers: their sizes are constants of the inlined functions.
 */
#include "backend/cpu/few.h"

#include "backend/cpu/cpu.h"

#include <string.h>

/* Here a product and its sum may be one instruction: nothing else computes
 * the same numbers. */
#ifndef __clang__
#pragma GCC optimize("fp-contract=fast")
#endif

#define INLINE static inline __attribute__((always_inline))

enum { LANES = 16 };

typedef float Vector __attribute__((vector_size(4 * LANES), aligned(4),
                                    may_alias));

typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

#define VECTOR(p) (*(const Vector *) (p))

bool few_fits (const ConvShape *s) {
  return s->groups == 1 && s->c <= 4 && s->k % LANES == 0 &&
         s->kh * s->kw * s->c <= FEW_TAPS;
}

Few few_of (const ConvShape *s, int64_t offset[FEW_TAPS]) {
  Few f = { .s = *s, .taps = s->kh * s->kw * s->c, .offset = offset };
  f.ph = (s->oh - 1) * s->stride + s->kh;
  f.pw = (s->ow - 1) * s->stride + s->kw;
  f.lanes = (f.taps + LANES - 1) / LANES * LANES;
  f.step = s->stride * s->c;
  f.row = s->stride * f.pw * s->c;
  for (int64_t t = 0; t < f.taps; t++)
    offset[t] = t / (s->kw * s->c) * f.pw * s->c + t % (s->kw * s->c);
  return f;
}

void few_pad (const Few *f, float *padded, const float *x) {
  const ConvShape *s = &f->s;
  int64_t rows = s->h < f->ph - s->pad_h ? s->h : f->ph - s->pad_h;
  int64_t columns = s->w < f->pw - s->pad_w ? s->w : f->pw - s->pad_w;
  memset(padded, 0, (size_t) (f->ph * f->pw * s->c) * sizeof *padded);
  for (int64_t i = 0; i < rows; i++)
    memcpy(padded + ((i + s->pad_h) * f->pw + s->pad_w) * s->c,
           x + i * s->w * s->c, (size_t) (columns * s->c) * sizeof *x);
}

/* What the padded image does not reach has no tap: it is 0 before the bias. */
INLINE void crop (const Few *f, float *x, const float *padded,
                  const float *bias, bool relu, const int c) {
  const ConvShape *s = &f->s;
  float add[4] = { 0 };
  if (bias != NULL)
    memcpy(add, bias, (size_t) c * sizeof *add);
  for (int64_t i = 0; i < s->h; i++, x += s->w * c) {
    const float *from = padded + ((i + s->pad_h) * f->pw + s->pad_w) * c;
    int64_t inside = i + s->pad_h >= f->ph ? 0 :
                     s->w < f->pw - s->pad_w ? s->w : f->pw - s->pad_w;
    for (int64_t j = 0; j < s->w; j++)
      for (int q = 0; q < c; q++)
        x[j * c + q] = add[q];
    for (int64_t j = 0; j < inside; j++)
      for (int q = 0; q < c; q++)
        x[j * c + q] += from[j * c + q];
    if (relu)
      for (int64_t j = 0; j < s->w * c; j++)
        x[j] = x[j] < 0 ? 0 : x[j];
  }
}

HOT void few_crop (const Few *f, float *x, const float *padded,
                   const float *bias, Activation act) {
  bool relu = act == ACT_RELU;
  if (f->s.c == 1)
    crop(f, x, padded, bias, relu, 1);
  else if (f->s.c == 2)
    crop(f, x, padded, bias, relu, 2);
  else if (f->s.c == 3)
    crop(f, x, padded, bias, relu, 3);
  else
    crop(f, x, padded, bias, relu, 4);
}

void few_deal (const Few *f, float *to, const float *w) {
  for (int64_t k = 0; k < f->s.k; k++)
    for (int64_t t = 0; t < f->taps; t++)
      to[t * f->s.k + k] = w[k * f->taps + t];
}

void few_deal_lanes (const Few *f, float *to, const float *w) {
  memset(to, 0, (size_t) (f->s.k * f->lanes) * sizeof *to);
  for (int64_t k = 0; k < f->s.k; k++)
    memcpy(to + k * f->lanes, w + k * f->taps,
           (size_t) f->taps * sizeof *w);
}

/* ---- forward: pixels x 16 vectors of K in registers ---- */

INLINE void conv_block (const Few *f, float *y, const float *x,
                        const float *w, const float *bias, bool relu,
                        const int pixels, const int vectors) {
  const int64_t k = f->s.k, step = f->step;
  Vector sum[8][2], zero = { 0 };
  for (int v = 0; v < vectors; v++)
    for (int p = 0; p < pixels; p++)
      sum[p][v] = bias ? VECTOR(bias + v * LANES) : zero;
  for (int64_t t = 0; t < f->taps; t++) {
    const float *at = x + f->offset[t];
    for (int v = 0; v < vectors; v++) {
      Vector weight = VECTOR(w + t * k + v * LANES);
      for (int p = 0; p < pixels; p++)
        sum[p][v] += at[p * step] * weight;
    }
  }
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++) {
      Vector s = sum[p][v];
      if (relu)
        s = (Vector) ((Mask) s & ~(s < 0));      /* NaN stays */
      *(Vector *) (y + p * k + v * LANES) = s;
    }
}

INLINE void conv_columns (const Few *f, float *y, const float *padded,
                          const float *w, const float *bias, bool relu,
                          const int vectors) {
  for (int64_t i = 0; i < f->s.oh; i++) {
    const float *x = padded + i * f->row;
    float *to = y + i * f->s.ow * f->s.k;
    int64_t j = 0;
    for (; j + 7 <= f->s.ow; j += 7)
      conv_block(f, to + j * f->s.k, x + j * f->step, w, bias, relu, 7,
                 vectors);
    for (; j < f->s.ow; j++)
      conv_block(f, to + j * f->s.k, x + j * f->step, w, bias, relu, 1,
                 vectors);
  }
}

HOT void few_conv (const Few *f, float *y, const float *padded,
                   const float *w, const float *bias, Activation act) {
  bool relu = act == ACT_RELU;
  int64_t k = 0;
  for (; k + 2 * LANES <= f->s.k; k += 2 * LANES)
    conv_columns(f, y + k, padded, w + k, bias ? bias + k : NULL, relu, 2);
  if (k < f->s.k)
    conv_columns(f, y + k, padded, w + k, bias ? bias + k : NULL, relu, 1);
}

/* ---- data gradient: the taps of a pixel are lanes ---- */

/* products [pixels][lanes] of some pixels = dy [pixels][K] w [K][lanes] */
INLINE void tap_products (float *to, const float *dy, const float *w,
                          const int64_t k, const int64_t lanes,
                          const int pixels) {
  for (int64_t l = 0; l < lanes; l += LANES) {
    Vector sum[14], zero = { 0 };
    for (int p = 0; p < pixels; p++)
      sum[p] = zero;
    for (int64_t i = 0; i < k; i++) {
      Vector weight = VECTOR(w + i * lanes + l);
      for (int p = 0; p < pixels; p++)
        sum[p] += dy[p * k + i] * weight;
    }
    for (int p = 0; p < pixels; p++)
      *(Vector *) (to + p * lanes + l) = sum[p];
  }
}

INLINE void image_products (const Few *f, float *to, const float *dy,
                            const float *w, const int64_t k,
                            const int64_t lanes) {
  int64_t n = f->s.oh * f->s.ow, p = 0;
  for (; p + 14 <= n; p += 14)
    tap_products(to + p * lanes, dy + p * k, w, k, lanes, 14);
  for (; p < n; p++)
    tap_products(to + p * lanes, dy + p * k, w, k, lanes, 1);
}

/* With a known number of channels the addresses of 14 pixels need no
 * registers. */
HOT static void all_products (const Few *f, float *to, const float *dy,
                              const float *w) {
  if (f->s.k == 32 && f->lanes == LANES)
    image_products(f, to, dy, w, 32, LANES);
  else if (f->s.k == 64 && f->lanes == LANES)
    image_products(f, to, dy, w, 64, LANES);
  else
    image_products(f, to, dy, w, f->s.k, f->lanes);
}

/* Adds each pixel's products at its taps; run: taps that lie side by side,
 * of which the last `shared` meet the first ones of the next pixel and are
 * carried to it in registers. */
INLINE void scatter_row (const Few *f, float *to, const float *products,
                         const int64_t run, const int64_t step) {
  float carry[16] = { 0 };
  const int64_t shared = run > step ? run - step : 0;
  for (int64_t j = 0; j < f->s.ow; j++) {
    for (int64_t t = 0; t < step && t < run; t++)
      to[t] += products[t] + (t < shared ? carry[t] : 0);
    for (int64_t t = 0; t < shared; t++)
      carry[t] = products[t + step] + (t + step < shared ? carry[t + step] : 0);
    products += f->lanes;
    to += step;
  }
  for (int64_t t = 0; t < shared; t++)
    to[t] += carry[t];
}

INLINE void scatter (const Few *f, float *padded, const float *products,
                     const int64_t run, const int64_t step) {
  for (int64_t i = 0; i < f->s.oh; i++)
    for (int64_t r = 0; r < f->s.kh; r++)
      scatter_row(f, padded + i * f->row + r * f->pw * f->s.c,
                  products + i * f->s.ow * f->lanes + r * run, run, step);
}

static void scatter_any (const Few *f, float *padded, const float *products,
                         int64_t run) {
  const int64_t below = f->pw * f->s.c;
  for (int64_t i = 0; i < f->s.oh; i++)
    for (int64_t j = 0; j < f->s.ow; j++, products += f->lanes)
      for (int64_t t = 0; t < f->taps; t++)
        padded[i * f->row + j * f->step + t / run * below + t % run] +=
          products[t];
}

void few_back_x (const Few *f, float *padded, const float *dy,
                 const float *w, float *products) {
  int64_t run = f->s.kw * f->s.c;
  all_products(f, products, dy, w);
  memset(padded, 0, (size_t) (f->ph * f->pw * f->s.c) * sizeof *padded);
  if (run == 3 && f->step == 2)
    scatter(f, padded, products, 3, 2);
  else if (run == 4 && f->step == 2)
    scatter(f, padded, products, 4, 2);
  else
    scatter_any(f, padded, products, run);
}

/* ---- weight gradient: taps x 16 vectors of K in registers ---- */

INLINE void weight_block (const Few *f, float *dw, const float *dy,
                          const float *padded, const int64_t *offset,
                          const int taps, const int vectors) {
  const int64_t k = f->s.k;
  Vector sum[9][2];
  const float *at[9];
  for (int t = 0; t < taps; t++)
    for (int v = 0; v < vectors; v++)
      sum[t][v] = VECTOR(dw + t * k + v * LANES);
  for (int64_t i = 0; i < f->s.oh; i++) {
    for (int t = 0; t < taps; t++)
      at[t] = padded + i * f->row + offset[t];
    for (int64_t j = 0; j < f->s.ow; j++, dy += k)
      for (int v = 0; v < vectors; v++) {
        Vector d = VECTOR(dy + v * LANES);
        for (int t = 0; t < taps; t++)
          sum[t][v] += at[t][j * f->step] * d;
      }
  }
  for (int t = 0; t < taps; t++)
    for (int v = 0; v < vectors; v++)
      *(Vector *) (dw + t * k + v * LANES) = sum[t][v];
}

INLINE void weight_columns (const Few *f, float *dw, const float *dy,
                            const float *padded, const int vectors) {
  const int64_t k = f->s.k;
  int64_t t = 0;
  for (; t + 9 <= f->taps; t += 9)
    weight_block(f, dw + t * k, dy, padded, f->offset + t, 9, vectors);
  for (; t + 4 <= f->taps; t += 4)
    weight_block(f, dw + t * k, dy, padded, f->offset + t, 4, vectors);
  for (; t < f->taps; t++)
    weight_block(f, dw + t * k, dy, padded, f->offset + t, 1, vectors);
}

HOT void few_back_w (const Few *f, float *dw, const float *dy,
                     const float *padded) {
  int64_t k = 0;
  for (; k + 2 * LANES <= f->s.k; k += 2 * LANES)
    weight_columns(f, dw + k, dy + k, padded, 2);
  if (k < f->s.k)
    weight_columns(f, dw + k, dy + k, padded, 1);
}
