/*
 * direct_amx.c - the blocks of direct.h with bf16 operands, for processors
 * with AMX: a tile is 16 rows of 64 bytes, and one instruction adds the
 * product of 16 x 32 and 32 x 16 bf16 numbers to 16 x 16 float32 ones.
 *
 * Four tiles hold sums: 16 pixels x 64 channels of a pass, 64 filters x 16
 * channels of a weight gradient.  The right operand of a product has pairs of
 * its depth side by side in rows, [16 pairs][16 columns][2].
 *
 * Images are float32 and are rounded on the way into a tile: to the nearest
 * bf16, ties to even; NaN stays NaN.  What is smaller than the least normal
 * number is 0 in bf16.
 */
#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512,avx512bf16")
#else
#pragma clang attribute push(__attribute__((target( \
  "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"))), apply_to = function)
#endif

#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/direct.h"

#include <immintrin.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
  SIDE = 16,                     /* rows of a tile, float32 columns */
  DEPTH = 2 * SIDE,              /* bf16 columns */
  TILE = SIDE * DEPTH,           /* bf16 numbers of a tile */
  TILES = 4,                     /* that hold sums: 0 to 3 */
  PANEL = TILES * SIDE
};

typedef uint16_t Bf16;

/* The numbers of tiles are part of the instructions.  4: left operand, 5 and
 * 6: right ones. */
#define tile_zero(t) __asm__ volatile ("tilezero %%tmm" #t ::)
#define tile_load(t, from) __asm__ volatile ( \
  "tileloadd (%0,%1,1), %%tmm" #t :: "r" (from), "r" (64L) : "memory")
#define tile_store(t, to) __asm__ volatile ( \
  "tilestored %%tmm" #t ", (%0,%1,1)" :: "r" (to), "r" (64L) : "memory")
/* tile sum += tile a times tile b */
#define tile_add(sum, a, b) __asm__ volatile ( \
  "tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sum ::)

/* All tiles are whole. */
static void tiles_begin (void) {
  struct {
    uint8_t palette, row, none[14];
    uint16_t bytes[16];
    uint8_t rows[16];
  } shape = { .palette = 1 };
  for (int i = 0; i < 8; i++) {
    shape.bytes[i] = 64;
    shape.rows[i] = SIDE;
  }
  __asm__ volatile ("ldtilecfg %0" :: "m" (shape));
}

static void tiles_end (void) {
  __asm__ volatile ("tilerelease" ::);
}

INLINE void sums_zero (void) {
  tile_zero(0);
  tile_zero(1);
  tile_zero(2);
  tile_zero(3);
}

INLINE void sums_store (float sum[TILES][SIDE][SIDE]) {
  tile_store(0, sum[0]);
  tile_store(1, sum[1]);
  tile_store(2, sum[2]);
  tile_store(3, sum[3]);
}

/* ---- float32 to bf16 ---------------------------------------------------- */

INLINE __mmask16 first_lanes (int64_t n) {
  return (__mmask16) (n >= SIDE ? 0xFFFF : n > 0 ? (1u << n) - 1 : 0);
}

INLINE __m512 load (const float *x, int64_t n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), x);
}

/* [a, b] */
INLINE __m512i rounded (__m512 a, __m512 b) {
  return (__m512i) _mm512_cvtne2ps_pbh(b, a);
}

/* a0 .. a15 b0 .. b15 to a0 b0 a1 b1 .. */
INLINE __m512i interleave (__m512i v) {
  const __m512i from = _mm512_set_epi16(
    31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
    23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(from, v);
}

/* Rows of 16 words of 32 bits become columns. */
INLINE void transpose (__m512i v[SIDE]) {
  __m512i u[SIDE];
  for (int i = 0; i < SIDE; i += 2) {
    u[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
    u[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < SIDE; i += 4)
    for (int j = 0; j < 2; j++) {
      v[i + 2 * j] = _mm512_unpacklo_epi64(u[i + j], u[i + j + 2]);
      v[i + 2 * j + 1] = _mm512_unpackhi_epi64(u[i + j], u[i + j + 2]);
    }
  for (int i = 0; i < SIDE; i += 8)
    for (int j = 0; j < 4; j++) {
      u[i + j] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0x88);
      u[i + j + 4] = _mm512_shuffle_i32x4(v[i + j], v[i + j + 4], 0xDD);
    }
  for (int j = 0; j < 8; j++) {
    v[j] = _mm512_shuffle_i32x4(u[j], u[j + 8], 0x88);
    v[j + 8] = _mm512_shuffle_i32x4(u[j], u[j + 8], 0xDD);
  }
}

/* A row of up to 32 numbers. */
INLINE __m512i row_of (const float *from, int64_t n) {
  return rounded(load(from, n), load(from + SIDE, n - SIDE));
}

/* 16 columns of up to 32 rows, step apart, as pairs of rows. */
INLINE void pairs_of (__m512i v[SIDE], const float *from, int64_t step,
                      int64_t rows, int64_t columns) {
#pragma GCC unroll 16
  for (int r = 0; r < SIDE; r++, from += 2 * step)
    v[r] = interleave(rounded(load(from, 2 * r < rows ? columns : 0),
                              load(from + step,
                                   2 * r + 1 < rows ? columns : 0)));
}

INLINE void put (Bf16 *tile, const __m512i v[SIDE]) {
  for (int r = 0; r < SIDE; r++)
    _mm512_store_si512(tile + r * DEPTH, v[r]);
}

/* ---- forward and data gradient ------------------------------------------ */

/* A tap of a panel: [depth / 32][tiles of columns]. */
static void deal (float *panel, const float *w, DirectOrder o,
                  int64_t channels, int64_t depth) {
  Bf16 *to = (Bf16 *) panel;
  __m512i v[SIDE];
  for (int64_t j = 0; j < depth; j += DEPTH, to += TILES * TILE)
    for (int64_t i = 0; i < channels && i < PANEL; i += SIDE) {
      const float *from = w + i * o.out + j * o.in;
      if (o.out == 1)
        pairs_of(v, from, o.in, depth - j, channels - i);
      else {
        for (int r = 0; r < SIDE; r++)
          v[r] = row_of(from + r * o.out, i + r < channels ? depth - j : 0);
        transpose(v);
      }
      put(to + i * DEPTH, v);
    }
}

/* Where the pixels of a block lie. */
typedef struct Block {
  float *to[SIDE];
  const float *from[SIDE];
} Block;

INLINE void gather (Bf16 *tile, const Block *b, int64_t at, int64_t depth) {
  const __mmask16 low = first_lanes(depth), high = first_lanes(depth - SIDE);
#pragma GCC unroll 16
  for (int p = 0; p < SIDE; p++) {
    const float *from = b->from[p] + at;
    _mm512_store_si512(tile + p * DEPTH,
                       rounded(_mm512_maskz_loadu_ps(low, from),
                               _mm512_maskz_loadu_ps(high, from + SIDE)));
  }
}

/* Left operands are made so many steps before they are multiplied, while
 * earlier products go on. */
enum { AHEAD = 2, ROOMS = 4 };

INLINE void add_step (const Bf16 *left, const Bf16 *right, int64_t tiles) {
  tile_load(4, left);
  tile_load(5, right);
  tile_add(0, 4, 5);
  if (tiles > 1) {
    tile_load(6, right + TILE);
    tile_add(1, 4, 6);
  }
  if (tiles > 2) {
    tile_load(5, right + 2 * TILE);
    tile_add(2, 4, 5);
  }
  if (tiles > 3) {
    tile_load(6, right + 3 * TILE);
    tile_add(3, 4, 6);
  }
}

static void finish (const Direct *d, const Block *b, const float *bias,
                    int64_t channels, int64_t pixels) {
  _Alignas(64) float sum[TILES][SIDE][SIDE];
  const __m512 zero = _mm512_setzero_ps();
  sums_store(sum);
  for (int64_t i = 0; i < channels; i += SIDE) {
    const __m512 add = _mm512_loadu_ps(bias + i);
    const __mmask16 lanes = first_lanes(channels - i);
    for (int64_t p = 0; p < pixels; p++) {
      __m512 y = _mm512_add_ps(_mm512_load_ps(sum[i / SIDE][p]), add);
      if (d->relu)                                 /* NaN stays */
        y = _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(y, zero, _CMP_LT_OQ),
                               zero);
      _mm512_mask_storeu_ps(b->to[p] + i, lanes, y);
    }
  }
}

static void block (const Direct *d, const DirectClass *class, const Block *b,
                   const float *panel, int64_t channels, int64_t pixels) {
  _Alignas(64) Bf16 room[ROOMS][TILE];
  const int64_t deep = chunk_count(d->depth, DEPTH);
  const int64_t steps = class->taps * deep;
  const Bf16 *weights = (const Bf16 *) (panel + PANEL);
  int64_t t = 0, j = 0, tap = 0, at = 0;      /* to be gathered, multiplied */
  channels = channels < PANEL ? channels : PANEL;
  sums_zero();
  for (int64_t s = 0; s < steps + AHEAD; s++) {
    if (s < steps) {
      gather(room[s % ROOMS], b, class->tap[t].from + j * DEPTH,
             d->depth - j * DEPTH);
      if (++j == deep) {
        j = 0;
        t++;
      }
    }
    if (s < AHEAD)
      continue;
    add_step(room[(s - AHEAD) % ROOMS],
             weights + (class->tap[tap].tap * deep + at) * TILES * TILE,
             chunk_count(channels, SIDE));
    if (++at == deep) {
      at = 0;
      tap++;
    }
  }
  finish(d, b, panel, channels, pixels);
}

static void pass (const Direct *d, float *out, const float *in,
                  const float *panel, int64_t channels, int64_t images,
                  int64_t piece, int64_t pieces) {
  tiles_begin();
  for (int k = 0; k < d->classes; k++) {
    const DirectClass *class = &d->class[k];
    int64_t all = images * class->pixels;
    int64_t at = all * piece / pieces, end = all * (piece + 1) / pieces;
    if (at == end)
      continue;
    int64_t image = at / class->pixels, pixel = at % class->pixels;
    for (; at < end; at += SIDE) {
      int64_t n = end - at < SIDE ? end - at : SIDE;
      Block b;
      for (int64_t p = 0; p < n; p++) {
        b.to[p] = out + image * d->out_image + class->pixel[pixel].to;
        b.from[p] = in + image * d->in_image + class->pixel[pixel].from;
        if (++pixel == class->pixels) {
          pixel = 0;
          image++;
        }
      }
      for (int64_t p = n; p < SIDE; p++)           /* computed for nothing */
        b.from[p] = b.from[0];
      block(d, class, &b, panel, channels, n);
    }
  }
  tiles_end();
}

const DirectIsa direct_amx = {
  .panel = PANEL, .deep = DEPTH, .bytes = sizeof(Bf16), .deal = deal,
  .pass = pass
};

/* ---- weight gradient ---------------------------------------------------- */

/*
 * The depth of this product are pixels of y, 32 at a time.  A lot of them is
 * prepared in scratch: y turned, so that pixels are the columns of tiles,
 * [pixels / 32][tiles of filters]; and the part of x that meets it, with
 * zeros where it has no pixels, [image][row][column][channels].  In that a
 * pixel's place is one for all taps but for a constant.
 *
 * A padding that is multiplied by an infinite gradient gives NaN.
 */
typedef struct Lot {
  const ConvShape *s;
  bool first;                    /* nothing was added to dw yet */
  int64_t images, rows;          /* of y: whole images, or rows of one */
  int64_t pixels;                /* of these, at most */
  int64_t height, width;         /* of x below it */
  int64_t channels;              /* of x at a time, whole tiles */
  int32_t *place;                /* [pixels]: of a pixel's first tap in x */
  Bf16 *y, *x;
} Lot;

enum { PIXELS = 512, X_BYTES = 192 << 10 };

static int64_t up (int64_t n, int64_t size) {
  return chunk_count(n, size) * size;
}

static Lot lot_of (const ConvShape *s) {
  Lot l = { .s = s, .images = PIXELS / (s->oh * s->ow), .rows = s->oh };
  if (l.images > s->n)
    l.images = s->n;
  if (l.images == 0) {
    l.images = 1;
    l.rows = s->ow < PIXELS ? PIXELS / s->ow : 1;
  }
  l.pixels = l.images * l.rows * s->ow;
  l.height = (l.rows - 1) * s->stride + s->kh;
  l.width = (s->ow - 1) * s->stride + s->kw;
  int64_t most = X_BYTES / (int64_t) sizeof(Bf16)
               / (l.images * l.height * l.width * SIDE);
  most = most < 1 ? 1 : most;
  l.channels = (most * SIDE < s->c ? most : chunk_count(s->c, SIDE)) * SIDE;
  return l;
}

static size_t y_bytes (const Lot *l) {
  return (size_t) (up(l->pixels, DEPTH) * PANEL) * sizeof(Bf16);
}

static size_t x_bytes (const Lot *l) {
  return (size_t) up(l->images * l->height * l->width * l->channels, DEPTH)
       * sizeof(Bf16);
}

size_t direct_amx_scratch (const ConvShape *s) {
  Lot l = lot_of(s);
  return y_bytes(&l) + x_bytes(&l) + (size_t) l.pixels * sizeof(int32_t);
}

static void fill_places (Lot *l, char *scratch) {
  int32_t *to;
  l->y = (Bf16 *) scratch;
  l->x = (Bf16 *) (scratch + y_bytes(l));
  l->place = to = (int32_t *) (scratch + y_bytes(l) + x_bytes(l));
  for (int64_t i = 0; i < l->images; i++)
    for (int64_t r = 0; r < l->rows; r++)
      for (int64_t c = 0; c < l->s->ow; c++)
        *to++ = (int32_t) (((i * l->height + r * l->s->stride) * l->width
                            + c * l->s->stride) * l->channels);
}

static void turn_y (const Lot *l, const float *y, int64_t pixels,
                    int64_t filters) {
  __m512i v[SIDE];
  Bf16 *to = l->y;
  for (int64_t p = 0; p < pixels; p += DEPTH, to += TILES * TILE)
    for (int64_t k = 0; k < filters; k += SIDE) {
      pairs_of(v, y + p * l->s->k + k, l->s->k, pixels - p, filters - k);
      transpose(v);
      put(to + k * DEPTH, v);
    }
}

/* n numbers, and zeros up to `all` of them, a multiple of 16. */
INLINE void round_run (Bf16 *to, const float *from, int64_t n, int64_t all) {
  int64_t i = 0;
  for (; i + DEPTH <= all; i += DEPTH)
    _mm512_storeu_si512(to + i, row_of(from + i, n - i));
  if (i < all)
    _mm256_storeu_si256((__m256i *) (to + i), (__m256i) _mm512_cvtneps_pbh(
      load(from + i, n - i)));
}

/* So many channels of x, from row `top` of these images. */
static void pad_x (const Lot *l, const float *x, int64_t images, int64_t top,
                   int64_t channels) {
  const ConvShape *s = l->s;
  const int64_t row = l->width * l->channels, left = s->pad_w * l->channels;
  const bool whole = channels == s->c && channels == l->channels;
  int64_t inside = l->width - s->pad_w;
  Bf16 *to = l->x;
  inside = inside < s->w ? inside : s->w;
  for (int64_t i = 0; i < images; i++, x += s->h * s->w * s->c)
    for (int64_t h = top; h < top + l->height; h++, to += row) {
      const float *from = x + h * s->w * s->c;
      if (h < 0 || h >= s->h || inside <= 0) {
        memset(to, 0, (size_t) row * sizeof *to);
        continue;
      }
      memset(to, 0, (size_t) left * sizeof *to);
      if (whole)
        round_run(to + left, from, inside * channels, inside * channels);
      else
        for (int64_t w = 0; w < inside; w++)
          round_run(to + left + w * l->channels, from + w * s->c, channels,
                    l->channels);
      memset(to + left + inside * l->channels, 0,
             (size_t) (row - left - inside * l->channels) * sizeof *to);
    }
}

/* Up to 32 pixels of x in pairs. */
INLINE void pair_x (Bf16 *tile, const Bf16 *x, const int32_t *place,
                    const int64_t n) {
#pragma GCC unroll 16
  for (int r = 0; r < SIDE; r++) {
    __m256i none = _mm256_setzero_si256(), a = none, b = none;
    if (2 * r < n)
      a = _mm256_loadu_si256((const __m256i *) (x + place[2 * r]));
    if (2 * r + 1 < n)
      b = _mm256_loadu_si256((const __m256i *) (x + place[2 * r + 1]));
    _mm512_store_si512(tile + r * DEPTH, interleave(
      _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1)));
  }
}

INLINE void add_pixels (const Bf16 *left, const Bf16 *right, int64_t tiles) {
  tile_load(5, right);
  tile_load(4, left);
  tile_add(0, 4, 5);
  if (tiles > 1) {
    tile_load(6, left + TILE);
    tile_add(1, 6, 5);
  }
  if (tiles > 2) {
    tile_load(4, left + 2 * TILE);
    tile_add(2, 4, 5);
  }
  if (tiles > 3) {
    tile_load(6, left + 3 * TILE);
    tile_add(3, 6, 5);
  }
}

/* dw [filters] [channels], rows step apart, (+)= the product of a lot and the
 * tap that x begins at. */
static void add_tap (const Lot *l, float *dw, int64_t step, const Bf16 *x,
                     int64_t pixels, int64_t filters, int64_t channels) {
  _Alignas(64) Bf16 room[ROOMS][TILE];
  _Alignas(64) float sum[TILES][SIDE][SIDE];
  const int64_t steps = chunk_count(pixels, DEPTH);
  sums_zero();
  for (int64_t q = 0; q < steps + AHEAD; q++) {
    int64_t left = pixels - q * DEPTH;
    if (left >= DEPTH)
      pair_x(room[q % ROOMS], x, l->place + q * DEPTH, DEPTH);
    else if (left > 0)
      pair_x(room[q % ROOMS], x, l->place + q * DEPTH, left);
    if (q >= AHEAD)
      add_pixels(l->y + (q - AHEAD) * TILES * TILE,
                 room[(q - AHEAD) % ROOMS], chunk_count(filters, SIDE));
  }
  sums_store(sum);
  for (int64_t k = 0; k < filters; k++, dw += step) {
    __m512 v = _mm512_load_ps(sum[k / SIDE][k % SIDE]);
    if (!l->first)
      v = _mm512_add_ps(load(dw, channels), v);
    _mm512_mask_storeu_ps(dw, first_lanes(channels), v);
  }
}

static void add_lot (const Lot *l, const DirectGradient *g, const float *y,
                     const float *x, int64_t images, int64_t top,
                     int64_t rows) {
  const ConvShape *s = l->s;
  int64_t pixels = images * rows * s->ow, step = s->kh * s->kw * s->c;
  for (int64_t k = 0; k < s->k; k += PANEL) {
    int64_t filters = s->k - k < PANEL ? s->k - k : PANEL;
    turn_y(l, y + k, pixels, filters);
    for (int64_t c = g->from; c < g->to; c += l->channels) {
      int64_t channels = g->to - c < l->channels ? g->to - c : l->channels;
      pad_x(l, x + c, images, top, channels);
      for (int64_t t = g->first; t < g->end; t++)
        for (int64_t i = 0; i < channels; i += SIDE)
          add_tap(l, g->dw + k * step + t * s->c + c + i, step,
                  l->x + (t / s->kw * l->width + t % s->kw) * l->channels + i,
                  pixels, filters, channels - i);
    }
  }
}

void direct_amx_back_w (const DirectGradient *g) {
  const ConvShape *s = g->s;
  int64_t x_image = s->h * s->w * s->c, y_image = s->oh * s->ow * s->k;
  Lot l = lot_of(s);
  fill_places(&l, cpu_scratch());
  tiles_begin();
  for (int64_t i = 0; i < g->images; i += l.images)
    for (int64_t r = 0; r < s->oh; r += l.rows) {
      l.first = i + r == 0;
      add_lot(&l, g, g->y + i * y_image + r * s->ow * s->k,
              g->x + i * x_image,
              g->images - i < l.images ? g->images - i : l.images,
              r * s->stride - s->pad_h, s->oh - r < l.rows ? s->oh - r
                                                           : l.rows);
    }
  tiles_end();
}

#ifdef __clang__
#pragma clang attribute pop
#endif
