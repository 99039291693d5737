/*
 * pairwise.c - squared distances between the rows of a [N,D] and b [M,D].
 *
 * The differences themselves are squared and added, not |a|^2 + |b|^2 - 2ab,
 * which loses all digits for near rows: those are the ones that are asked
 * for.  Tiles of 2 by 2 pairs share what they load.
 */
#include "backend/cpu/cpu.h"

#include "backend/cpu/lanes.h"

#include <math.h>

enum {
  TILE_A = 2, TILE_B = 2,       /* whose sums are half of AVX2's registers */
  ROWS_A = 32, ROWS_B = 64      /* a block whose rows stay in the cache */
};

/* Pairs of rows of a and of b, lane by lane. */
LANES_FN void add_tile (Lanes sum[TILE_A][TILE_B],
                        const float *const a[TILE_A],
                        const float *const b[TILE_B], int64_t i,
                        int64_t left) {
  Lanes vb[TILE_B];
  for (int k = 0; k < TILE_B; k++)
    vb[k] = lanes_load(b[k] + i, left);
  for (int j = 0; j < TILE_A; j++) {
    Lanes va = lanes_load(a[j] + i, left);
    for (int k = 0; k < TILE_B; k++)
      for (int h = 0; h < LANES_HALVES; h++) {
        LanesHalf d = va.half[h] - vb[k].half[h];
        sum[j][k].half[h] += d * d;
      }
  }
}

/* Adds lanes in float32: half, quarter, ...; a row has few of them. */
LANES_FN float fold (const Lanes *v) {
  typedef float Quarter __attribute__((vector_size(16)));
  LanesHalf h = v->half[0] + v->half[1];
  Quarter q[2];
  memcpy(q, &h, sizeof q);
  q[0] += q[1];
  return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

/* y[i * stride + j] = |a_i - b_j|^2.  At an edge the last row stands in for
 * those that are missing, and only what exists is stored. */
HOT static void distances (float *y, int64_t stride, const float *a,
                           int64_t na, const float *b, int64_t nb,
                           int64_t d) {
  for (int64_t i = 0; i < na; i += TILE_A)
    for (int64_t j = 0; j < nb; j += TILE_B) {
      const float *pa[TILE_A], *pb[TILE_B];
      Lanes sum[TILE_A][TILE_B] = { 0 };
      for (int k = 0; k < TILE_A; k++)
        pa[k] = a + (i + k < na ? i + k : na - 1) * d;
      for (int k = 0; k < TILE_B; k++)
        pb[k] = b + (j + k < nb ? j + k : nb - 1) * d;
      int64_t t = 0;
      for (; t + LANES <= d; t += LANES)
        add_tile(sum, pa, pb, t, LANES);
      if (t < d)
        add_tile(sum, pa, pb, t, d - t);
      for (int k = 0; k < TILE_A && i + k < na; k++)
        for (int l = 0; l < TILE_B && j + l < nb; l++)
          y[(i + k) * stride + j + l] = fold(&sum[k][l]);
    }
}

void cpu_sqdist (View y, View a, View b) {
  int64_t n = a.size[0], d = a.size[1], m = b.size[0];
#pragma omp parallel for schedule(static) if (worth_threads(n * m * d / 16))
  for (int64_t i = 0; i < chunk_count(n, ROWS_A); i++)
    for (int64_t j = 0; j < m; j += ROWS_B) {
      int64_t from = i * ROWS_A, nb = m - j < ROWS_B ? m - j : ROWS_B;
      distances((float *) y.data + from * m + j, m,
                (const float *) a.data + from * d,
                chunk_end(i, ROWS_A, n) - from,
                (const float *) b.data + j * d, nb, d);
    }
}

/* The lowest index wins where distances are equal, as b is read in order. */
static void nearest_rows (int32_t *y, const float *a, int64_t na,
                          const float *b, int64_t m, int64_t d) {
  float block[ROWS_A * ROWS_B], best[ROWS_A];
  for (int64_t i = 0; i < na; i++) {
    best[i] = INFINITY;
    y[i] = 1;
  }
  for (int64_t j = 0; j < m; j += ROWS_B) {
    int64_t nb = m - j < ROWS_B ? m - j : ROWS_B;
    distances(block, ROWS_B, a, na, b + j * d, nb, d);
    for (int64_t i = 0; i < na; i++)
      for (int64_t k = 0; k < nb; k++)
        if (block[i * ROWS_B + k] < best[i]) {
          best[i] = block[i * ROWS_B + k];
          y[i] = (int32_t) (j + k + 1);
        }
  }
}

void cpu_nearest (View y, View a, View b) {
  int64_t n = a.size[0], d = a.size[1], m = b.size[0];
#pragma omp parallel for schedule(static) if (worth_threads(n * m * d / 16))
  for (int64_t i = 0; i < chunk_count(n, ROWS_A); i++)
    nearest_rows((int32_t *) y.data + i * ROWS_A,
                 (const float *) a.data + i * ROWS_A * d,
                 chunk_end(i, ROWS_A, n) - i * ROWS_A, b.data, m, d);
}
