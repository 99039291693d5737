/*
 * matmul.c - matrix products, linear layers and the passes beside them.
 *
 * A product with a short side is thin.h's, the others are oneDNN's.  Those are
 * cut into blocks of their output, whose sizes follow from the shape alone;
 * one thread computes a block over all of K.  So the bits do not depend on the
 * number of threads (oneDNN's own split does, on AVX2).
 *
 * In bf16 a product is the pass of a convolution over images of one pixel, or
 * its weight gradient (direct.h).
 */
#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "backend/cpu/direct.h"
#include "backend/cpu/onednn.h"
#include "backend/cpu/thin.h"
#include "base/mem.h"

#include <string.h>

/* A matrix inside a batch: element (i, j) lies at i * row + j * column. */
typedef struct Matrix {
  const float *at;
  int64_t row, column, next;      /* next: step to the next of the batch */
} Matrix;

typedef struct Product {
  float *y;                       /* [batch, m, n], contiguous */
  Matrix a, b;
  int64_t batch, m, n, k;
  const float *bias;              /* [n] or NULL */
  Activation act;
} Product;

/* ---- bias and activation ---- */

HOT static void add_bias (float *restrict y, const float *restrict bias,
                          int64_t n) {
  for (int64_t i = 0; i < n; i++)
    y[i] += bias[i];
}

/* v < 0 is false for NaN, which so stays. */
HOT static void relu (float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    y[i] = y[i] < 0 ? 0 : y[i];
}

HOT static void bias_relu (float *restrict y, const float *restrict bias,
                           int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float v = y[i] + bias[i];
    y[i] = v < 0 ? 0 : v;
  }
}

void cpu_finish (float *y, int64_t rows, int64_t columns, int64_t ld,
                 const float *bias, Activation act) {
  if (bias == NULL && act == ACT_NONE)
    return;
  for (int64_t i = 0; i < rows; i++, y += ld)
    if (bias == NULL)
      relu(y, columns);
    else if (act == ACT_RELU)
      bias_relu(y, bias, columns);
    else
      add_bias(y, bias, columns);
}

/* The mask multiplies, so that a NaN in dy stays; one in y becomes the
 * mask. */
HOT static void relu_back (float *dx, const float *dy, const float *y,
                           int64_t n) {
#pragma omp simd                 /* dx may be dy */
  for (int64_t i = 0; i < n; i++) {
    float mask = y[i] > 0 ? 1 : y[i] != y[i] ? y[i] : 0;
    dx[i] = dy[i] * mask;
  }
}

/* ---- column sums ---- */

enum { COLUMNS = 256, ROWS = 32 };    /* of a block that is summed in float32 */

HOT static void sum_block (double *restrict sum, const float *restrict x,
                           int64_t rows, int64_t columns, int64_t ld) {
  float part[COLUMNS];
  for (int64_t c = 0; c < columns; c++)
    part[c] = x[c];
  for (int64_t r = 1; r < rows; r++)
    for (int64_t c = 0; c < columns; c++)
      part[c] += x[r * ld + c];
  for (int64_t c = 0; c < columns; c++)
    sum[c] += (double) part[c];
}

/* Narrow matrices are taken as wider ones with several rows side by side, so
 * that there is something to vectorise over. */
void cpu_column_sums (double *sum, const float *x, int64_t rows,
                      int64_t columns) {
  int64_t side = columns < 64 ? 64 / columns : 1;
  if (side > 1 && rows >= side) {
    double wide[64] = { 0 };
    int64_t whole = rows / side;
    cpu_column_sums(wide, x, whole, side * columns);
    for (int64_t i = 0; i < side * columns; i++)
      sum[i % columns] += wide[i];
    x += whole * side * columns;
    rows -= whole * side;
  }
  for (int64_t r = 0; r < rows; r += ROWS)
    for (int64_t c = 0; c < columns; c += COLUMNS)
      sum_block(sum + c, x + r * columns + c,
                rows - r < ROWS ? rows - r : ROWS,
                columns - c < COLUMNS ? columns - c : COLUMNS, columns);
}

/* Rows in groups by the shape alone, each with sums of its own. */
typedef struct Groups {
  int64_t size, count;
  double *sums;                          /* of the main thread, for all */
} Groups;

static Groups groups_of (int64_t rows, int64_t columns) {
  Groups g = { .size = chunk_count(rows, 16) };
  g.size = g.size < 64 ? 64 : g.size;
  g.count = chunk_count(rows, g.size);
  size_t bytes = (size_t) (g.count * columns) * sizeof(double);
  cpu_reserve(bytes + 64);
  g.sums = cpu_scratch();
  memset(g.sums, 0, bytes);
  return g;
}

/* In order. */
static void add_groups (const Groups *g, float *out, int64_t columns) {
  for (int64_t c = 0; c < columns; c++) {
    double sum = 0;
    for (int64_t i = 0; i < g->count; i++)
      sum += g->sums[i * columns + c];
    out[c] = (float) sum;
  }
}

void cpu_bias_back (View db, View dy) {
  int64_t rows = dy.size[0], columns = dy.size[1];
  const float *in = dy.data;
  Groups g = groups_of(rows, columns);
#pragma omp parallel for schedule(static) if (worth_threads(rows * columns))
  for (int64_t i = 0; i < g.count; i++)
    cpu_column_sums(g.sums + i * columns, in + i * g.size * columns,
                    chunk_end(i, g.size, rows) - i * g.size, columns);
  add_groups(&g, db.data, columns);
}

/* ---- the backward of an activation ---- */

static void act_rows (float *dx, const float *dy, const float *y, int64_t n,
                      Activation act) {
  if (act == ACT_RELU)
    relu_back(dx, dy, y, n);
  else
    memcpy(dx, dy, (size_t) n * sizeof *dx);
}

/* Columns are summed while their rows are in cache, as in cpu_bias_back. */
void cpu_act_back (View dx, View db, View dy, View y, Activation act) {
  int64_t n = view_count(&y), columns = y.rank ? y.size[y.rank - 1] : 1;
  Groups g = { 0 };
  float *to = dx.data;
  if (n == 0) {
    if (db.data != NULL)
      memset(db.data, 0, (size_t) columns * sizeof *to);
    return;
  }
  if (db.data != NULL)
    g = groups_of(n / columns, columns);
  else
    g = (Groups) { .size = chunk_count(CHUNK, columns),
                   .count = chunk_count(n, chunk_count(CHUNK, columns)
                                        * columns) };
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < g.count; i++) {
    int64_t from = i * g.size * columns;
    int64_t end = chunk_end(i, g.size * columns, n);
    act_rows(to + from, (const float *) dy.data + from,
             (const float *) y.data + from, end - from, act);
    if (g.sums != NULL)
      cpu_column_sums(g.sums + i * columns, to + from,
                      (end - from) / columns, columns);
  }
  if (db.data != NULL)
    add_groups(&g, db.data, columns);
}

/* ---- products ---- */

/* Sizes of a block: the longer side is halved until there is one for each
 * 2 million multiplications or the block is too small to be fast. */
static void block_size (const Product *p, int64_t *mb, int64_t *nb) {
  int64_t wanted = p->m * p->n * p->k / (2 << 20);
  wanted = wanted < 1 ? 1 : wanted > 64 ? 64 : wanted;
  *mb = p->m;
  *nb = p->n;
  while (chunk_count(p->m, *mb) * chunk_count(p->n, *nb) * p->batch < wanted) {
    bool tall = *mb > *nb || *nb <= 128;
    if (tall && *mb > 32)
      *mb = (*mb / 2 + 7) & ~(int64_t) 7;
    else if (!tall)
      *nb = (*nb / 2 + 15) & ~(int64_t) 15;
    else
      break;
  }
}

static dnnl_status_t product_make (const PrimKey *key, const void *of,
                                   Prim *p, dnnl_primitive_desc_t *pd) {
  (void) of;
  const int64_t *n = key->n;
  dnnl_dims_t a = { n[0], n[2] }, b = { n[2], n[1] }, y = { n[0], n[1] };
  dnnl_dims_t as = { n[3], n[4] }, bs = { n[5], n[6] }, ys = { n[7], 1 };
  dnnl_memory_desc_t am, bm, ym;
  dnnl_matmul_desc_t desc;
  p->arg[0] = DNNL_ARG_SRC;
  p->arg[1] = DNNL_ARG_WEIGHTS;
  p->arg[2] = DNNL_ARG_DST;
  dnnl_memory_desc_init_by_strides(&am, 2, a, dnnl_f32, as);
  dnnl_memory_desc_init_by_strides(&bm, 2, b, dnnl_f32, bs);
  dnnl_memory_desc_init_by_strides(&ym, 2, y, dnnl_f32, ys);
  dnnl_status_t status = dnnl_matmul_desc_init(&desc, &am, &bm, NULL, &ym);
  if (status != dnnl_success)
    return status;
  return dnnl_primitive_desc_create(pd, &desc, prim_attr(), prim_engine(),
                                    NULL);
}

/* Strides as oneDNN wants them: an axis of size 1 has the stride of a
 * contiguous matrix. */
static void strides (const Matrix *x, int64_t rows, int64_t columns,
                     int64_t *to) {
  bool by_row = x->column == 1;      /* else by column */
  to[0] = rows == 1 && by_row ? columns : x->row;
  to[1] = columns == 1 && !by_row ? rows : x->column;
}

static const Prim *product_prim (const Product *p, int64_t m, int64_t n) {
  PrimKey key = { PRIM_PRODUCT, { m, n, p->k } };
  strides(&p->a, m, p->k, key.n + 3);
  strides(&p->b, p->k, n, key.n + 5);
  key.n[7] = p->n;
  return prim_find(&key, product_make, NULL);
}

static void product_blocks (const Product *p) {
  int64_t mb, nb;
  block_size(p, &mb, &nb);
  int64_t rows = chunk_count(p->m, mb), columns = chunk_count(p->n, nb);
  /* [last row of blocks][last column of blocks] */
  const Prim *prim[2][2];
  size_t scratch = 0;
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 2; j++) {
      prim[i][j] = product_prim(p, i ? p->m - (rows - 1) * mb : mb,
                                j ? p->n - (columns - 1) * nb : nb);
      if (prim[i][j]->scratch > scratch)
        scratch = prim[i][j]->scratch;
    }
  cpu_reserve(scratch);
  int64_t blocks = rows * columns * p->batch;
#pragma omp parallel for schedule(static) num_threads(prim_begin(blocks))
  for (int64_t i = 0; i < blocks; i++) {
    int64_t item = i / (rows * columns);
    int64_t r = i / columns % rows, c = i % columns;
    int64_t m = r * mb, n = c * nb;
    float *y = p->y + (item * p->m + m) * p->n + n;
    prim_run(prim[r == rows - 1][c == columns - 1],
             p->a.at + item * p->a.next + m * p->a.row,
             p->b.at + item * p->b.next + n * p->b.column, y, cpu_scratch());
    cpu_finish(y, chunk_end(r, mb, p->m) - m, chunk_end(c, nb, p->n) - n,
               p->n, p->bias ? p->bias + n : NULL, p->act);
  }
  prim_end();
}

/* All products of a batch are cut alike. */
static void product_thin (const Product *p, const Thin *t) {
  int64_t pieces = thin_pieces(t), all = p->batch * pieces;
#pragma omp parallel for schedule(static) \
  if (worth_threads(p->batch * p->m * p->n * p->k))
  for (int64_t i = 0; i < all; i++) {
    int64_t item = i / pieces;
    ThinPart part = thin_piece(t, i % pieces);
    Thin one = *t;
    one.a.at += item * p->a.next;
    one.b.at += item * p->b.next;
    one.y += item * p->m * p->n;
    thin_product(&one, part);
    cpu_finish(one.y + part.first * p->n + part.from, part.end - part.first,
               part.to - part.from, p->n, p->bias ? p->bias + part.from : NULL,
               p->act);
  }
}

static void product_float32 (const Product *p) {
  Thin thin = { p->y, { p->a.at, p->a.row, p->a.column },
                { p->b.at, p->b.row, p->b.column }, p->m, p->n, p->k };
  if (thin_fits(&thin))
    product_thin(p, &thin);
  else
    product_blocks(p);
}

/* ---- products in bf16 ---- */

/* Rows of a are pixels of one class that has one tap. */
static void product_pass (const Product *p) {
  enum { ROWS_OF_CHUNK = 32 };
  DirectTap tap = { 0, 0 };
  DirectPixel pixel = { 0, 0 };
  DirectClass class = { 1, 1, &tap, &pixel };
  Direct d = { .class = &class, .classes = 1, .taps = 1, .depth = p->k,
               .width = p->n, .in_image = p->a.row, .out_image = p->n,
               .relu = p->act == ACT_RELU };
  DirectOrder order = { p->b.column, 0, p->b.row };
  int64_t chunks = chunk_count(p->m, ROWS_OF_CHUNK);
  size_t bytes = direct_panel_bytes(&d);
  float *panels = mem_block(bytes);
  d.panels = panels;
  for (int64_t item = 0; item < p->batch; item++) {
    const float *a = p->a.at + item * p->a.next;
    if (item == 0 || p->b.next != 0)
      direct_deal(&d, panels, p->b.at + item * p->b.next, order, p->bias);
#pragma omp parallel for schedule(static) if (chunks > 1)
    for (int64_t i = 0; i < chunks; i++) {
      int64_t first = i * ROWS_OF_CHUNK;
      direct_pass(&d, p->y + (item * p->m + first) * p->n,
                  a + first * p->a.row,
                  chunk_end(i, ROWS_OF_CHUNK, p->m) - first, 0, 1);
    }
  }
  mem_block_free(panels, bytes);
}

/* a lies in columns: it is what a weight gradient calls y, and b is x. */
static void product_back_w (const Product *p) {
  enum { COLUMNS_OF_CHUNK = 256 };
  ConvShape s = { p->k, 1, 1, p->n, 1, 1, p->m, 1, 1, 1, 0, 0, 1 };
  int64_t chunks = chunk_count(p->n, COLUMNS_OF_CHUNK);
  cpu_reserve(direct_scratch(&s));
#pragma omp parallel for schedule(static) if (p->batch * chunks > 1)
  for (int64_t i = 0; i < p->batch * chunks; i++) {
    int64_t item = i / chunks, first = i % chunks * COLUMNS_OF_CHUNK;
    direct_back_w(&(DirectGradient) {
      &s, NULL, p->y + item * p->m * p->n, p->a.at + item * p->a.next,
      p->b.at + item * p->b.next, p->k, 0, 1, first,
      chunk_end(i % chunks, COLUMNS_OF_CHUNK, p->n) });
    cpu_finish(p->y + item * p->m * p->n + first, p->m,
               chunk_end(i % chunks, COLUMNS_OF_CHUNK, p->n) - first, p->n,
               p->bias ? p->bias + first : NULL, p->act);
  }
}

static int64_t matrix_floats (const Matrix *x, int64_t batch, int64_t n) {
  return x->next ? batch * n : n;
}

static void product_bf16 (Product *p) {
  if (bf16_tiles() && p->a.column == 1)
    product_pass(p);
  else if (bf16_tiles() && p->b.column == 1)
    product_back_w(p);
  else {
    bf16_round(&p->a.at, matrix_floats(&p->a, p->batch, p->m * p->k),
               &p->b.at, matrix_floats(&p->b, p->batch, p->k * p->n));
    product_blocks(p);
  }
}

/* Below this many multiplications rounding costs more than they. */
enum { TINY = 8192 };

static void product (Product *p) {
  if (p->batch * p->m * p->n == 0)
    return;
  if (bf16_asked() && p->m * p->n * p->k > TINY)
    product_bf16(p);
  else
    product_float32(p);
}

/* The matrix of a view [B,R,C], or of its transpose. */
static Matrix matrix (const View *v, bool transposed) {
  int64_t r = v->size[1], c = v->size[2];
  Matrix x = { v->data, c, 1, v->size[0] == 1 ? 0 : r * c };
  if (transposed) {
    x.row = 1;
    x.column = c;
  }
  return x;
}

void cpu_matmul (View y, View a, bool ta, View b, bool tb) {
  Product p = { y.data, matrix(&a, ta), matrix(&b, tb), y.size[0],
                y.size[1], y.size[2], a.size[ta ? 1 : 2], NULL, ACT_NONE };
  product(&p);
}

void cpu_linear (View y, View x, View w, View bias, Activation act) {
  int64_t n = x.size[0], k = x.size[1], m = w.size[0];
  Product p = { y.data, { x.data, k, 1, 0 }, { w.data, 1, k, 0 }, 1, n, m, k,
                bias.data, act };
  product(&p);
}
