/*
 * loss.c - losses with their sums over a row, and the reparameterised draw:
 * what a VAE's step computes over and over, in one pass over memory each.
 *
 * Matrices are [R,C], sums [R].  Terms of a row are computed in blocks that
 * stay in the first cache and added in 16 lanes (lanes.h); a row belongs to
 * one thread.
 */
#include "backend/cpu/cpu.h"

#include "backend/cpu/lanes.h"
#include "backend/math.h"

#include <string.h>

enum { BLOCK = 256 };         /* terms at a time: a multiple of LANES */

/* term(a, b) over n elements of a block; b may equal a. */
#define TERMS(name, formula) \
  LANES_FN void name (float *t, const float *pa, const float *pb, int64_t n) { \
    for (int64_t i = 0; i < n; i++) { \
      float a = pa[i], b = pb[i]; \
      t[i] = formula; \
    } \
  }

/* Cross-entropy of x = b against the logit a: max(a, 0) - a b +
 * log(1 + e^-|a|), which never overflows. */
TERMS(bce_terms, softplus_(a) - a * b)
TERMS(squared_terms, (a - b) * (a - b))
/* Kingma and Welling 2014, appendix B, times 2: a = mean, b = logvar. */
TERMS(kl_terms, a * a + expm1_(b) - b)

/* Rows of a kernel: y[r] = scale * sum over c of term(a[r,c], b[r,c]). */
#define ROW_SUM(name, terms, scale) \
  HOT static void name (float *y, const float *a, const float *b, int64_t n) { \
    float t[BLOCK] __attribute__((aligned(64))); \
    Lanes sum = { 0 }; \
    for (int64_t i = 0; i < n; i += BLOCK) { \
      int64_t count = n - i < BLOCK ? n - i : BLOCK; \
      terms(t, a + i, b + i, count); \
      for (; count % LANES != 0; count++) \
        t[count] = 0; \
      for (int64_t k = 0; k < count; k += LANES) \
        lanes_add(&sum, lanes_load(t + k, LANES)); \
    } \
    *y = (float) (scale * lanes_sum(&sum)); \
  }

ROW_SUM(bce_row, bce_terms, 1.0)
ROW_SUM(squared_row, squared_terms, 1.0)
ROW_SUM(kl_row, kl_terms, 0.5)

typedef void RowSum (float *y, const float *a, const float *b, int64_t n);

static void each_row (RowSum *sum, View y, View a, View b) {
  int64_t rows = a.size[0], n = a.size[1];
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t r = 0; r < rows; r++)
    sum((float *) y.data + r, (const float *) a.data + r * n,
        (const float *) b.data + r * n, n);
}

void cpu_bce_rows (View y, View logit, View x) {
  each_row(bce_row, y, logit, x);
}

void cpu_squared_rows (View y, View a, View b) {
  each_row(squared_row, y, a, b);
}

void cpu_normal_kl_rows (View y, View mean, View logvar) {
  each_row(kl_row, y, mean, logvar);
}

/* ---- gradients ---------------------------------------------------------- */

typedef void RowBack (float *da, float *db, float dy, const float *a,
                      const float *b, int64_t n);

HOT static void bce_back (float *da, float *db, float dy, const float *a,
                          const float *b, int64_t n) {
  (void) db;
  for (int64_t i = 0; i < n; i++)
    da[i] = (sigmoid_(a[i]) - b[i]) * dy;
}

HOT static void squared_back (float *da, float *db, float dy, const float *a,
                              const float *b, int64_t n) {
  (void) db;
  for (int64_t i = 0; i < n; i++)
    da[i] = 2.0f * (a[i] - b[i]) * dy;
}

HOT static void kl_back (float *da, float *db, float dy, const float *a,
                         const float *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    da[i] = a[i] * dy;
    db[i] = 0.5f * expm1_(b[i]) * dy;
  }
}

static void each_row_back (RowBack *back, View da, float *db, View dy, View a,
                           View b) {
  int64_t rows = a.size[0], n = a.size[1];
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t r = 0; r < rows; r++)
    back((float *) da.data + r * n, db ? db + r * n : NULL,
         ((const float *) dy.data)[r], (const float *) a.data + r * n,
         (const float *) b.data + r * n, n);
}

void cpu_bce_rows_back (View dlogit, View dy, View logit, View x) {
  each_row_back(bce_back, dlogit, NULL, dy, logit, x);
}

void cpu_squared_rows_back (View da, View dy, View a, View b) {
  each_row_back(squared_back, da, NULL, dy, a, b);
}

void cpu_normal_kl_rows_back (View dmean, View dlogvar, View dy, View mean,
                              View logvar) {
  each_row_back(kl_back, dmean, dlogvar.data, dy, mean, logvar);
}

/* ---- the reparameterised draw (Kingma and Welling 2014, 2.4) ------------ */

enum { FOURS = 64 };          /* blocks of four normals at a time */

/* Elements 4 at .. of z and eps, at most 4 FOURS of the n that there are; the
 * normals are those of kernel randn.  Loops of one kind each vectorise. */
HOT static void draw (float *z, float *eps, const float *mean,
                      const float *logvar, const uint32_t *address,
                      int64_t at, int64_t n) {
  uint32_t word[4][FOURS];
  float e[4][FOURS];
  for (int64_t i = 0; i < FOURS; i++) {
    Philox p = philox_at(address, (uint64_t) (at + i));
    for (int k = 0; k < 4; k++)
      word[k][i] = p.word[k];
  }
  for (int k = 0; k < 4; k += 2)
    for (int64_t i = 0; i < FOURS; i++)
      normal_pair_(word[k][i], word[k + 1][i], &e[k][i], &e[k + 1][i]);
  int64_t count = n - 4 * at < 4 * FOURS ? n - 4 * at : 4 * FOURS;
  eps += 4 * at;
  for (int64_t i = 0; i < count; i++)
    eps[i] = e[i % 4][i / 4];
  for (int64_t i = 0; i < count; i++)
    z[4 * at + i] = mean[4 * at + i]
                  + exp_(0.5f * logvar[4 * at + i]) * eps[i];
}

void cpu_reparameterise (View z, View eps, View mean, View logvar,
                         Address a) {
  int64_t n = 1;
  for (int i = 0; i < z.rank; i++)
    n *= z.size[i];
#pragma omp parallel for schedule(static) if (n > 2048)
  for (int64_t i = 0; i < chunk_count(n, 4 * FOURS); i++)
    draw(z.data, eps.data, mean.data, logvar.data, a.at, i * FOURS, n);
}

HOT static void draw_back (float *dmean, float *dlogvar, const float *dz,
                           const float *eps, const float *logvar, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    dmean[i] = dz[i];
    dlogvar[i] = 0.5f * exp_(0.5f * logvar[i]) * eps[i] * dz[i];
  }
}

void cpu_reparameterise_back (View dmean, View dlogvar, View dz, View eps,
                              View logvar) {
  int64_t n = 1;
  for (int i = 0; i < dz.rank; i++)
    n *= dz.size[i];
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < chunk_count(n, CHUNK); i++) {
    int64_t at = i * CHUNK;
    draw_back((float *) dmean.data + at, (float *) dlogvar.data + at,
              (const float *) dz.data + at, (const float *) eps.data + at,
              (const float *) logvar.data + at,
              chunk_end(i, CHUNK, n) - at);
  }
}
