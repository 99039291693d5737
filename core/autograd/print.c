/*
 * print.c - see print.h.  Whatever its size, a tensor never fills more than a
 * screen: of each axis the first and last entries are shown, and the last two
 * axes make one table.
 */
#include "autograd/print.h"

#include "autograd/op.h"
#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 8, FEW_ROWS = 3, COLUMNS = 8, TABLES = 3, CELL = 9 };

typedef struct Stats {
  int64_t nan, inf, count;     /* count: of the finite ones */
  double least, most, sum, squares;
} Stats;

static double element (const Tensor *t, const void *data, int64_t i) {
  switch (t->dtype) {
    case F32: return (double) ((const float *) data)[i];
    case F64: return ((const double *) data)[i];
    case I32: return ((const int32_t *) data)[i];
    default: return ((const uint8_t *) data)[i];
  }
}

static Stats stats_of (const Tensor *t, const void *data) {
  Stats s = { .least = INFINITY, .most = -INFINITY };
  for (int64_t i = 0; i < tensor_count(t); i++) {
    double x = element(t, data, i);
    if (isnan(x))
      s.nan++;
    else if (isinf(x))
      s.inf++;
    else {
      s.count++;
      s.least = x < s.least ? x : s.least;
      s.most = x > s.most ? x : s.most;
      s.sum += x;
    }
  }
  double mean = s.count ? s.sum / (double) s.count : 0;
  for (int64_t i = 0; i < tensor_count(t); i++) {
    double x = element(t, data, i);
    if (isfinite(x))
      s.squares += (x - mean) * (x - mean);
  }
  return s;
}

static void head (Text *to, const Tensor *t, const Stats *s) {
  text_add(to, "Tensor %s %s %s", dtype_name(t->dtype),
           shape_text(&t->shape), t->storage->device->name);
  if (s->count > 0)
    text_add(to, "   min %.4g  max %.4g  mean %.4g", s->least, s->most,
             s->sum / (double) s->count);
  if (s->count > 1)
    text_add(to, "  std %.4g",
             sqrt(s->squares / (double) (s->count - 1)));
  if (s->nan > 0)
    text_add(to, "  NaN: %" PRId64, s->nan);
  if (s->inf > 0)
    text_add(to, "  infinite: %" PRId64, s->inf);
  if (tracked(t) && t->node->leaf)
    text_add(to, "   tracked");
  else if (tracked(t))
    text_add(to, "   tracked (%s)", t->node->call.op->name);
}

/* One number in CELL columns. */
static void cell (Text *to, const Tensor *t, double x) {
  char text[32];
  if (isnan(x))                     /* its sign says nothing */
    snprintf(text, sizeof text, "nan");
  else if (t->dtype == I32 || t->dtype == U8)
    snprintf(text, sizeof text, "%.0f", x);
  else if (x == 0 || (fabs(x) >= 1e-3 && fabs(x) < 1e4))
    snprintf(text, sizeof text, "%.4f", x);
  else
    snprintf(text, sizeof text, "%.2e", x);
  text_add(to, " %*s", CELL, text);
}

static void row (Text *to, const Tensor *t, const void *data, int64_t from,
                 int64_t columns, int64_t shown) {
  for (int64_t j = 0; j < columns; j++) {
    if (columns > shown && j == shown - 1) {
      text_add(to, " …");
      j = columns - 1;
    }
    cell(to, t, element(t, data, from + j));
  }
}

static int digits (int64_t n) {
  return snprintf(NULL, 0, "%" PRId64, n);
}

static void table (Text *to, const Tensor *t, const void *data, int64_t from,
                   int64_t rows, int64_t columns, int64_t most, int width) {
  int label = digits(rows);
  int64_t shown = (width - label - 4) / (CELL + 1);
  if (shown > COLUMNS + 2)
    shown = COLUMNS + 2;
  if (shown < 2)
    shown = 2;
  for (int64_t i = 0; i < rows; i++) {
    if (rows > most + 2 && i == most) {
      text_add(to, "\n%*s  (%" PRId64 " rows)", label + 3, "…",
               rows - most - 1);
      i = rows - 1;
    }
    text_add(to, "\n%*" PRId64 ":", label + 2, i + 1);
    row(to, t, data, from + i * columns, columns, shown);
  }
}

/* "[2, 5, :, :]" above the table of these leading indices; ":, :, 1" where a
 * channel is not shown. */
static void table_name (Text *to, const Shape *s, int64_t number, int rank) {
  int64_t index[MAX_RANK];
  int leading = s->rank - 2;
  for (int i = leading - 1; i >= 0; i--) {
    index[i] = number % s->size[i] + 1;
    number /= s->size[i];
  }
  text_add(to, "\n[");
  for (int i = 0; i < leading; i++)
    text_add(to, "%" PRId64 ", ", index[i]);
  text_add(to, rank > s->rank ? ":, :, 1]" : ":, :]");
}

/* Pictures of one channel are shown as [H, W]. */
static Shape shown_shape (const Tensor *t) {
  Shape s = t->shape;
  if (s.rank > 2 && s.size[s.rank - 1] == 1)
    s.rank--;
  return s;
}

static void values (Text *to, const Tensor *t, const void *data, int width) {
  Shape s = shown_shape(t);
  if (s.rank == 0) {
    text_add(to, "\n");
    cell(to, t, element(t, data, 0));
    return;
  }
  int64_t columns = s.size[s.rank - 1];
  int64_t rows = s.rank > 1 ? s.size[s.rank - 2] : 1;
  int64_t cells = rows * columns;
  int64_t tables = cells > 0 ? tensor_count(t) / cells : 0;
  for (int64_t i = 0; i < tables && i < TABLES; i++) {
    if (s.rank > 2)
      table_name(to, &s, i, t->shape.rank);
    table(to, t, data, i * cells, rows, columns,
          tables > 1 ? FEW_ROWS : ROWS, width);
  }
  if (tables > TABLES)
    text_add(to, "\n… %" PRId64 " more tables", tables - TABLES);
}

static void drop_host (void *p) {
  mem_free(p);
}

Text *tensor_text (Tensor *t, bool head_only, int width) {
  Text *to = text_new();
  Tensor *d = dense(t);
  size_t bytes = (size_t) tensor_count(d) * dtype_size(d->dtype);
  own_reserve();
  void *data = mem_new(bytes);
  own(data, drop_host);
  if (bytes > 0)
    d->storage->device->download(data, tensor_data(d), bytes);
  Stats s = stats_of(d, data);
  head(to, t, &s);
  if (!head_only)
    values(to, d, data, width);
  return to;
}
