/*
 * direct_isa.h - the blocks of direct.h for one instruction set.  Included by
 * direct_v3.c and direct_v4.c alone, which include isa_v3.h or isa_v4.h, and
 * say
 *
 *   PIXELS   pixels of a block of a pass, ROWS: filters of a block of a weight
 *            gradient; each times two vectors, they and what feeds them fill
 *            the registers
 *   MEETS    pixels that a block of a weight gradient meets at once
 *   ISA      the name of the table that is defined here
 *
 * Sizes of a block are constants of inlined functions, so that its sums stay
 * in registers.
 */
#include "backend/cpu/direct.h"

enum { PANEL = 2 * LANES };

/* ---- panels -------------------------------------------------------------- */

/* So many rows of a panel, from channels that lie out apart. */
static void turn_rows (float *panel, int64_t rows, const float *w, int64_t out,
                       int64_t channels) {
  Vector v[LANES];
#pragma GCC unroll 16
  for (int i = 0; i < LANES; i++)
    v[i] = load(w + (i < channels ? i * out : 0), i < channels ? rows : 0);
  transpose(v);
  for (int i = 0; i < LANES && i < rows; i++)
    VECTOR(panel + i * PANEL) = v[i];
}

/* [depth] rows of weights; channels beyond the last are 0. */
static void deal (float *panel, const float *w, DirectOrder o,
                  int64_t channels, int64_t depth) {
  for (int64_t v = 0; v < PANEL; v += LANES) {
    int64_t left = channels - v;
    float *to = panel + v;
    const float *from = w + (left > 0 ? v * o.out : 0);
    if (o.out == 1)
      for (int64_t j = 0; j < depth; j++)
        VECTOR(to + j * PANEL) = load(from + j * o.in, left);
    else
      for (int64_t j = 0; j < depth; j += LANES)
        turn_rows(to + j * PANEL, depth - j, from + j, o.out, left);
  }
}

/* ---- forward and data gradient ------------------------------------------ */

/* Where the pixels of a block lie. */
typedef struct Block {
  float *to[PIXELS];
  const float *from[PIXELS];
} Block;

/* sum += from[pixel][at ..] * w over a depth of so many channels */
INLINE void add_depth (Vector sum[PIXELS][2], const float *const *from,
                       int64_t at, const float *w, const int depth,
                       const int pixels, const int vectors) {
#pragma GCC unroll 4
  for (int c = 0; c < depth; c++) {
    Vector w0 = CONST_VECTOR(w + c * PANEL), w1 = w0;
    if (vectors > 1)
      w1 = CONST_VECTOR(w + c * PANEL + LANES);
#pragma GCC unroll 16
    for (int p = 0; p < pixels; p++) {
      float x = from[p][at + c];
      sum[p][0] += x * w0;
      if (vectors > 1)
        sum[p][1] += x * w1;
    }
  }
}

/* The same over channels [c, end) of all taps, so many at a time.  It is one
 * loop: in a loop of taps GCC would store the sums behind each. */
INLINE void add_taps (Vector sum[PIXELS][2], const Block *b,
                      const DirectClass *class, const float *w, int64_t c,
                      int64_t end, int64_t depth, const int step,
                      const int pixels, const int vectors) {
  const DirectTap *tap = class->tap, *last = tap + class->taps;
  const float *from[PIXELS];
  if (c == end || tap == last)
    return;
  for (int p = 0; p < pixels; p++)
    from[p] = b->from[p];
  for (int64_t at = c;;) {
    add_depth(sum, from, tap->from + at, w + (tap->tap * depth + at) * PANEL,
              step, pixels, vectors);
    at += step;
    if (at == end) {
      at = c;
      if (++tap == last)
        break;
    }
  }
}

INLINE void block (const Direct *d, const DirectClass *class, const Block *b,
                   const float *panel, int64_t channels, const int pixels,
                   const int vectors) {
  Vector sum[PIXELS][2];
  int64_t depth = d->depth, fours = depth & ~(int64_t) 3;
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++)
      sum[p][v] = CONST_VECTOR(panel + v * LANES);       /* the bias */
  panel += PANEL;
  add_taps(sum, b, class, panel, 0, fours, depth, 4, pixels, vectors);
  add_taps(sum, b, class, panel, fours, depth, depth, 1, pixels, vectors);
  for (int p = 0; p < pixels; p++)
    for (int v = 0; v < vectors; v++) {
      Vector y = sum[p][v];
      if (d->relu)
        y = relu_of(y);
      store(b->to[p] + v * LANES, y, channels - v * LANES);
    }
}

static void block_of (const Direct *d, const DirectClass *class,
                      const Block *b, const float *panel, int64_t channels,
                      int64_t pixels) {
  switch (channels > LANES ? pixels : -pixels) {
#define CASE(n) \
    case n: block(d, class, b, panel, channels, n, 2); break; \
    case -(n): block(d, class, b, panel, channels, n, 1); break;
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if PIXELS > 6
    CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#undef CASE
    default: break;
  }
}

/* A rest of up to two blocks is halved, since small blocks are slow. */
static int64_t next_block (int64_t left) {
  return left >= 2 * PIXELS || left == PIXELS ? PIXELS :
         left > PIXELS ? (left + 1) / 2 : left;
}

static void pass (const Direct *d, float *out, const float *in,
                  const float *panel, int64_t channels, int64_t images,
                  int64_t piece, int64_t pieces) {
  for (int k = 0; k < d->classes; k++) {
    const DirectClass *class = &d->class[k];
    int64_t all = images * class->pixels;
    int64_t at = all * piece / pieces, end = all * (piece + 1) / pieces;
    if (at == end)
      continue;
    int64_t image = at / class->pixels, pixel = at % class->pixels;
    while (at < end) {
      int64_t n = next_block(end - at);
      Block b;
      for (int64_t p = 0; p < n; p++) {
        b.to[p] = out + image * d->out_image + class->pixel[pixel].to;
        b.from[p] = in + image * d->in_image + class->pixel[pixel].from;
        if (++pixel == class->pixels) {
          pixel = 0;
          image++;
        }
      }
      block_of(d, class, &b, panel, channels, n);
      at += n;
    }
  }
}

/* ---- weight gradient ---------------------------------------------------- */

INLINE void weights (float *dw, int64_t step, const float *y, const float *x,
                     const DirectPair *pair, int64_t n, int64_t channels,
                     int64_t images, int64_t y_image, int64_t x_image,
                     const int rows, const int vectors) {
  Vector sum[ROWS][2];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      sum[r][v] = load(dw + r * step + v * LANES, channels - v * LANES);
  for (; images > 0; images--, x += x_image, y += y_image)
    for (int64_t i = 0; i < n; i++) {
      const float *at = x + pair[i].x, *factor = y + pair[i].y;
      Vector x0 = load(at, channels), x1 = x0;
      if (vectors > 1)
        x1 = load(at + LANES, channels - LANES);
#pragma GCC unroll 16
      for (int r = 0; r < rows; r++) {
        float f = factor[r];
        sum[r][0] += f * x0;
        if (vectors > 1)
          sum[r][1] += f * x1;
      }
    }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      store(dw + r * step + v * LANES, sum[r][v], channels - v * LANES);
}

/* Whole vectors need no look at how many channels are left. */
INLINE void weights_of (float *dw, int64_t step, const float *y,
                        const float *x, const DirectPair *pair, int64_t n,
                        int64_t channels, int64_t images, int64_t y_image,
                        int64_t x_image, const int rows) {
  if (channels >= PANEL)
    weights(dw, step, y, x, pair, n, PANEL, images, y_image, x_image, rows, 2);
  else if (channels > LANES)
    weights(dw, step, y, x, pair, n, channels, images, y_image, x_image, rows,
            2);
  else if (channels == LANES)
    weights(dw, step, y, x, pair, n, LANES, images, y_image, x_image, rows, 1);
  else
    weights(dw, step, y, x, pair, n, channels, images, y_image, x_image, rows,
            1);
}

static void back_w (float *dw, int64_t step, const float *y, const float *x,
                    const DirectPair *pair, int64_t n, int64_t k, int64_t c,
                    int64_t images, int64_t y_image, int64_t x_image) {
  for (int64_t j = 0; j < c; j += PANEL)
    for (int64_t i = 0, rows; i < k; i += rows) {
      float *to = dw + i * step + j;
      rows = k - i >= ROWS ? ROWS : k - i >= 4 ? 4 : k - i >= 2 ? 2 : 1;
      if (rows == ROWS)
        weights_of(to, step, y + i, x + j, pair, n, c - j, images, y_image,
                   x_image, ROWS);
      else if (rows == 4)
        weights_of(to, step, y + i, x + j, pair, n, c - j, images, y_image,
                   x_image, 4);
      else if (rows == 2)
        weights_of(to, step, y + i, x + j, pair, n, c - j, images, y_image,
                   x_image, 2);
      else
        weights_of(to, step, y + i, x + j, pair, n, c - j, images, y_image,
                   x_image, 1);
    }
}

const DirectIsa ISA = {
  .panel = PANEL, .deep = 1, .bytes = sizeof(float), .meets = MEETS,
  .deal = deal, .pass = pass, .back_w = back_w
};
