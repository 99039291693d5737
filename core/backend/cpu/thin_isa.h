/*
 * thin_isa.h - the blocks of thin.h for one instruction set.  Included by
 * thin_v3.c and thin_v4.c alone, which say
 *
 *   TALL, WIDE    rows of a block of sums, of three vectors, and vectors of
 *                 one of a single row: they and what feeds them fill the
 *                 registers
 *   ISA           the name of the table that is defined here
 *
 * Sizes of a block are constants of inlined functions, so that its sums stay
 * in registers.
 */
#include "backend/cpu/thin.h"

#include <string.h>

/* ---- sums of rows of b -------------------------------------------------- */

/* The last vector may be a part of one. */
INLINE void sum_block (const Thin *t, int64_t i, int64_t j, int64_t columns,
                       const int rows, const int vectors, const bool whole) {
  const float *a = t->a.at + i * t->a.row, *b = t->b.at + j;
  float *y = t->y + i * t->n + j;
  int64_t last = whole ? LANES : columns - (vectors - 1) * LANES;
  Vector sum[TALL][WIDE], in[WIDE];
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++)
      sum[r][v] = (Vector) { 0 };
  for (int64_t l = 0; l < t->k; l++, a += t->a.column, b += t->b.row) {
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++)
      in[v] = whole || v < vectors - 1 ? CONST_VECTOR(b + v * LANES)
                                       : load_part(b + v * LANES, last);
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) {
      float f = a[r * t->a.row];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; v++)
        sum[r][v] += f * in[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
    for (int v = 0; v < vectors; v++)
      store(y + r * t->n + v * LANES, sum[r][v],
            v == vectors - 1 ? last : LANES);
}

/* A row of blocks. */
#define SUM_ROWS(name, rows, widest) \
  static void name (const Thin *t, int64_t i, int64_t from, int64_t to) { \
    while (from < to) { \
      int64_t left = to - from; \
      if (widest > 3 && left >= widest * LANES) { \
        sum_block(t, i, from, left, rows, widest, true); \
        from += widest * LANES; \
      } else if (left >= 3 * LANES) { \
        sum_block(t, i, from, left, rows, 3, true); \
        from += 3 * LANES; \
      } else if (left > 2 * LANES) { \
        sum_block(t, i, from, left, rows, 3, false); \
        break; \
      } else if (left > LANES) { \
        sum_block(t, i, from, left, rows, 2, false); \
        break; \
      } else { \
        sum_block(t, i, from, left, rows, 1, false); \
        break; \
      } \
    } \
  }
SUM_ROWS(sum_row, 1, WIDE)
SUM_ROWS(sum_two, 2, WIDE / 2)
SUM_ROWS(sum_half, TALL / 2, 3)
SUM_ROWS(sum_tall, TALL, 3)

static void sums (const Thin *t, ThinPart p) {
  for (int64_t i = p.first; i < p.end;) {
    int64_t left = p.end - i;
    if (left >= TALL) {
      sum_tall(t, i, p.from, p.to);
      i += TALL;
    } else if (left >= TALL / 2) {
      sum_half(t, i, p.from, p.to);
      i += TALL / 2;
    } else if (left >= 2) {
      sum_two(t, i, p.from, p.to);
      i += 2;
    } else {
      sum_row(t, i, p.from, p.to);
      i++;
    }
  }
}

/* ---- the same for columns of b, turned into rows ------------------------ */

enum { SIDE = 3 * LANES };      /* of a panel, which the first cache holds */

/* LANES columns of b, of which so many are left. */
static void turn_columns (const Thin *t, float *panel, int64_t j,
                          int64_t left) {
  for (int64_t l = 0; l < t->k; l += LANES) {
    Vector v[LANES];
#pragma GCC unroll 16
    for (int c = 0; c < LANES; c++)
      v[c] = load(t->b.at + (c < left ? j + c : j) * t->b.column + l,
                  t->k - l);
    transpose(v);
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++)
      VECTOR(panel + (l + r) * SIDE) = v[r];
  }
}

static void turned (const Thin *t, ThinPart p) {
  float panel[THIN_DEPTH * SIDE] __attribute__((aligned(64)));
  for (int64_t j = p.from; j < p.to; j += SIDE) {
    int64_t width = p.to - j < SIDE ? p.to - j : SIDE;
    Thin one = { t->y + j, t->a, { panel, SIDE, 1 }, t->m, t->n, t->k };
    for (int64_t c = 0; c < width; c += LANES)
      turn_columns(t, panel + c, j + c, width - c);
    sums(&one, (ThinPart) { p.first, p.end, 0, width });
  }
}

/* ---- products of rows --------------------------------------------------- */

/* Lane i of the result is the sum of the lanes of sum[i], neighbours first. */
INLINE Vector lane_sums (Vector sum[LANES]) {
#pragma GCC unroll 4
  for (int n = LANES / 2; n > 0; n /= 2)
#pragma GCC unroll 8
    for (int i = 0; i < n; i++)
      sum[i] = __builtin_shufflevector(sum[2 * i], sum[2 * i + 1], EVEN)
             + __builtin_shufflevector(sum[2 * i], sum[2 * i + 1], ODD);
  return sum[0];
}

/* A block of rows x LANES / rows elements of y, which are sums of so many
 * lanes; beyond the edge of y they are computed from its last row or column
 * and left out. */
typedef struct Dots {
  const float *a[4], *b[LANES];
  Vector sum[LANES];
} Dots;

INLINE void dot_begin (Dots *d, const Thin *t, int64_t i, int64_t rows_left,
                       int64_t j, int64_t columns_left, const int rows) {
  for (int r = 0; r < rows; r++)
    d->a[r] = t->a.at + (i + (r < rows_left ? r : rows_left - 1)) * t->a.row;
  for (int c = 0; c < LANES / rows; c++)
    d->b[c] = t->b.at + (j + (c < columns_left ? c : columns_left - 1))
                        * t->b.column;
  for (int s = 0; s < LANES; s++)
    d->sum[s] = (Vector) { 0 };
}

INLINE void dot_step (Vector sum[LANES], const Dots *d, int64_t l, int64_t n,
                      const int rows) {
#pragma GCC unroll 16
  for (int c = 0; c < LANES / rows; c++) {
    Vector in = load(d->b[c] + l, n);
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
      sum[r * (LANES / rows) + c] += load(d->a[r] + l, n) * in;
  }
}

/* Adds elements from .. to - 1 of the rows of a and the columns of b. */
INLINE void dot_add (Dots *d, int64_t from, int64_t to, const int rows) {
  Vector sum[LANES];
#pragma GCC unroll 16
  for (int s = 0; s < LANES; s++)
    sum[s] = d->sum[s];
  for (; from + LANES <= to; from += LANES)
    dot_step(sum, d, from, LANES, rows);
  if (from < to)
    dot_step(sum, d, from, to - from, rows);
#pragma GCC unroll 16
  for (int s = 0; s < LANES; s++)
    d->sum[s] = sum[s];
}

INLINE void dot_end (Dots *d, const Thin *t, int64_t i, int64_t rows_left,
                     int64_t j, int64_t columns_left, const int rows) {
  const int columns = LANES / rows;
  union { Vector v; float x[LANES]; } y = { lane_sums(d->sum) };
  for (int r = 0; r < rows && r < rows_left; r++)
    memcpy(t->y + (i + r) * t->n + j, y.x + r * columns, sizeof(float)
           * (size_t) (columns_left < columns ? columns_left : columns));
}

/* Up to THIN_ROWS rows: a's are read in pieces that the first cache holds
 * while they meet up to LANES columns. */
INLINE void dot_rows (const Thin *t, ThinPart p, const int rows) {
  enum { PIECE = 256 };
  const int columns = LANES / rows;
  Dots block[(THIN_ROWS / 4) * 4];
  for (int64_t j = p.from; j < p.to; j += LANES) {
    int64_t end = p.to - j < LANES ? p.to : j + LANES, blocks = 0;
    for (int64_t c = j; c < end; c += columns)
      for (int64_t i = p.first; i < p.end; i += rows)
        dot_begin(&block[blocks++], t, i, p.end - i, c, end - c, rows);
    for (int64_t l = 0; l < t->k; l += PIECE)
      for (int64_t b = 0; b < blocks; b++)
        dot_add(&block[b], l, t->k - l < PIECE ? t->k : l + PIECE, rows);
    blocks = 0;
    for (int64_t c = j; c < end; c += columns)
      for (int64_t i = p.first; i < p.end; i += rows)
        dot_end(&block[blocks++], t, i, p.end - i, c, end - c, rows);
  }
}

static void dots (const Thin *t, ThinPart p) {
  for (; p.first < p.end; p.first += THIN_ROWS) {
    ThinPart q = p;
    q.end = p.end - p.first < THIN_ROWS ? p.end : p.first + THIN_ROWS;
    if (q.end - q.first == 1)
      dot_rows(t, q, 1);
    else if (q.end - q.first == 2)
      dot_rows(t, q, 2);
    else
      dot_rows(t, q, 4);
  }
}

const ThinIsa ISA = { sums, turned, dots };
