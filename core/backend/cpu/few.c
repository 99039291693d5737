/* few.c - see few.h: the narrow side's images, and the choice of an
 * instruction set. */
#include "backend/cpu/few.h"

#include "backend/cpu/cpu.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

static const FewIsa *isa (void) {
  return cpu_level() == 4 ? &few_v4 : &few_v3;
}

bool few_fits (const ConvShape *s) {
  return cpu_level() >= 3 && s->groups == 1 && s->c <= 4
      && s->k % FEW_LANES == 0 && s->kh * s->kw * s->c <= FEW_TAPS;
}

Few few_of (const ConvShape *s, int64_t offset[FEW_TAPS]) {
  Few f = { .s = *s, .taps = s->kh * s->kw * s->c, .offset = offset };
  f.ph = (s->oh - 1) * s->stride + s->kh;
  f.pw = (s->ow - 1) * s->stride + s->kw;
  f.lanes = chunk_count(f.taps, FEW_LANES) * FEW_LANES;
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

void few_conv (const Few *f, float *y, const float *padded, const float *w,
               const float *bias, Activation act) {
  isa()->conv(f, y, padded, w, bias, act == ACT_RELU);
}

void few_back_w (const Few *f, float *dw, const float *dy,
                 const float *padded) {
  isa()->back_w(f, dw, dy, padded);
}

/* ---- data gradient: the taps of a pixel are lanes ----------------------- */

/* A pixel's taps are a run of floats that starts a step behind the last
 * pixel's.  What it shares with the next one is added in a walk of its own, so
 * that an addition seldom waits for the one before. */
INLINE void scatter_row (const Few *f, float *to, const float *products,
                         const int64_t run, const int64_t step) {
  const int64_t own = run < step ? run : step;
  for (int64_t j = 0; j < f->s.ow; j++)
    for (int64_t t = 0; t < own; t++)
      to[j * step + t] += products[j * f->lanes + t];
  for (int64_t j = 0; j < f->s.ow; j++)
    for (int64_t t = own; t < run; t++)
      to[j * step + t] += products[j * f->lanes + t];
}

/* Adds each pixel's products at its taps. */
INLINE void scatter (const Few *f, float *padded, const float *products,
                     const int64_t run, const int64_t step) {
  memset(padded, 0, (size_t) (f->ph * f->pw * f->s.c) * sizeof *padded);
  for (int64_t i = 0; i < f->s.oh; i++)
    for (int64_t r = 0; r < f->s.kh; r++)
      scatter_row(f, padded + i * f->row + r * f->pw * f->s.c,
                  products + i * f->s.ow * f->lanes + r * run, run, step);
}

HOT static void scatter_all (const Few *f, float *padded,
                             const float *products) {
  const int64_t run = f->s.kw * f->s.c;
  if (run == 3 && f->step == 2)
    scatter(f, padded, products, 3, 2);
  else if (run == 4 && f->step == 2)
    scatter(f, padded, products, 4, 2);
  else if (run == 9 && f->step == 6)
    scatter(f, padded, products, 9, 6);
  else if (run == 12 && f->step == 6)
    scatter(f, padded, products, 12, 6);
  else
    scatter(f, padded, products, run, f->step);
}

void few_back_x (const Few *f, float *padded, const float *dy,
                 const float *w, float *products) {
  isa()->dots(f, products, dy, w);
  scatter_all(f, padded, products);
}
