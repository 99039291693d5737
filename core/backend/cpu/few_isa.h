/*
 * few_isa.h - the blocks of few.h for one instruction set.  Included by
 * few_v3.c and few_v4.c alone, which include isa_v3.h or isa_v4.h, and say
 *
 *   PIXELS   pixels of a block of the forward pass, each two vectors of K
 *   DOTS     pixels of a block of the data gradient, each FEW_LANES taps
 *   WIDE     vectors of K in a block of the weight gradient, each nine taps
 *   ISA      the name of the table that is defined here
 *
 * As in direct_isa.h, sizes of a block are constants of inlined functions.
 */
#include "backend/cpu/few.h"

/* ---- forward ------------------------------------------------------------ */

INLINE void conv_block (const Few *f, float *y, const float *x,
                        const float *w, const float *bias, bool relu,
                        const int pixels, const int vectors) {
  const int64_t k = f->s.k, step = f->step;
  Vector sum[PIXELS][2], weight[2], zero = { 0 };
  for (int v = 0; v < vectors; v++)
    for (int p = 0; p < pixels; p++)
      sum[p][v] = bias ? CONST_VECTOR(bias + v * LANES) : zero;
  for (int64_t t = 0; t < f->taps; t++) {
    const float *at = x + f->offset[t];
    for (int v = 0; v < vectors; v++)
      weight[v] = CONST_VECTOR(w + t * k + v * LANES);
    for (int p = 0; p < pixels; p++)
      for (int v = 0; v < vectors; v++)
        sum[p][v] += at[p * step] * weight[v];
  }
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++)
      VECTOR(y + p * k + v * LANES) = relu ? relu_of(sum[p][v]) : sum[p][v];
}

INLINE void conv_columns (const Few *f, float *y, const float *padded,
                          const float *w, const float *bias, bool relu,
                          const int vectors) {
  for (int64_t i = 0; i < f->s.oh; i++) {
    const float *x = padded + i * f->row;
    float *to = y + i * f->s.ow * f->s.k;
    int64_t j = 0;
    for (; j + PIXELS <= f->s.ow; j += PIXELS)
      conv_block(f, to + j * f->s.k, x + j * f->step, w, bias, relu, PIXELS,
                 vectors);
    for (; j + 2 <= f->s.ow; j += 2)
      conv_block(f, to + j * f->s.k, x + j * f->step, w, bias, relu, 2,
                 vectors);
    if (j < f->s.ow)
      conv_block(f, to + j * f->s.k, x + j * f->step, w, bias, relu, 1,
                 vectors);
  }
}

static void conv (const Few *f, float *y, const float *padded, const float *w,
                  const float *bias, bool relu) {
  int64_t k = 0;
  for (; k + 2 * LANES <= f->s.k; k += 2 * LANES)
    conv_columns(f, y + k, padded, w + k, bias ? bias + k : NULL, relu, 2);
  if (k < f->s.k)
    conv_columns(f, y + k, padded, w + k, bias ? bias + k : NULL, relu, 1);
}

/* ---- data gradient ------------------------------------------------------ */

enum { VECTORS = FEW_LANES / LANES };

/* products [pixels][lanes] of some pixels = dy [pixels][K] w [K][lanes] */
INLINE void dot_block (float *to, const float *dy, const float *w,
                       const int64_t k, const int64_t lanes,
                       const int pixels) {
  for (int64_t l = 0; l < lanes; l += FEW_LANES) {
    Vector sum[DOTS][VECTORS], weight[VECTORS], zero = { 0 };
    for (int p = 0; p < pixels; p++)
      for (int v = 0; v < VECTORS; v++)
        sum[p][v] = zero;
    for (int64_t i = 0; i < k; i++) {
      for (int v = 0; v < VECTORS; v++)
        weight[v] = CONST_VECTOR(w + i * lanes + l + v * LANES);
      for (int p = 0; p < pixels; p++)
        for (int v = 0; v < VECTORS; v++)
          sum[p][v] += dy[p * k + i] * weight[v];
    }
    for (int p = 0; p < pixels; p++)
      for (int v = 0; v < VECTORS; v++)
        VECTOR(to + p * lanes + l + v * LANES) = sum[p][v];
  }
}

INLINE void image_dots (const Few *f, float *to, const float *dy,
                        const float *w, const int64_t k,
                        const int64_t lanes) {
  int64_t n = f->s.oh * f->s.ow, p = 0;
  for (; p + DOTS <= n; p += DOTS)
    dot_block(to + p * lanes, dy + p * k, w, k, lanes, DOTS);
  for (; p < n; p++)
    dot_block(to + p * lanes, dy + p * k, w, k, lanes, 1);
}

/* With a known number of channels the addresses of many pixels need no
 * registers. */
static void dots (const Few *f, float *to, const float *dy, const float *w) {
  if (f->s.k == 32 && f->lanes == FEW_LANES)
    image_dots(f, to, dy, w, 32, FEW_LANES);
  else if (f->s.k == 64 && f->lanes == FEW_LANES)
    image_dots(f, to, dy, w, 64, FEW_LANES);
  else
    image_dots(f, to, dy, w, f->s.k, f->lanes);
}

/* ---- weight gradient ---------------------------------------------------- */

INLINE void weight_block (const Few *f, float *dw, const float *dy,
                          const float *padded, const int64_t *offset,
                          const int taps, const int vectors) {
  const int64_t k = f->s.k;
  Vector sum[9][WIDE], d[WIDE];
  const float *at[9];
  for (int t = 0; t < taps; t++)
    for (int v = 0; v < vectors; v++)
      sum[t][v] = CONST_VECTOR(dw + t * k + v * LANES);
  for (int64_t i = 0; i < f->s.oh; i++) {
    for (int t = 0; t < taps; t++)
      at[t] = padded + i * f->row + offset[t];
    for (int64_t j = 0; j < f->s.ow; j++, dy += k) {
      for (int v = 0; v < vectors; v++)
        d[v] = CONST_VECTOR(dy + v * LANES);
      for (int t = 0; t < taps; t++)
        for (int v = 0; v < vectors; v++)
          sum[t][v] += at[t][j * f->step] * d[v];
    }
  }
  for (int t = 0; t < taps; t++)
    for (int v = 0; v < vectors; v++)
      VECTOR(dw + t * k + v * LANES) = sum[t][v];
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

static void back_w (const Few *f, float *dw, const float *dy,
                    const float *padded) {
  int64_t k = 0;
  for (; k + WIDE * LANES <= f->s.k; k += WIDE * LANES)
    weight_columns(f, dw + k, dy + k, padded, WIDE);
  if (k < f->s.k)
    weight_columns(f, dw + k, dy + k, padded, 1);
}

const FewIsa ISA = { conv, dots, back_w };
