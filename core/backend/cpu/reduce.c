/*
 * reduce.c - reductions over any axes of any strides, and what works on rows:
 * argmax, argsort, cumsum, the softmax family, logsumexp.
 *
 * A reduction is laid out as kept axes x reduced axes, each ordered and joined
 * by stride.  Where the innermost axis in memory is reduced, each result is
 * accumulated in 16 lanes along it ("along"); where it is kept, a strip of
 * neighbouring results is accumulated together ("across").  Accumulators are
 * float64.  Long reductions are split into parts by their shape alone and the
 * parts are added in order, so neither threads nor the width of vectors change
 * a bit.
 */
#include "backend/cpu/cpu.h"
#include "backend/cpu/lanes.h"
#include "backend/math.h"

#include <assert.h>

enum {
  STRIP = 256,             /* results that are accumulated across rows */
  NARROW = 8,              /* fewer neighbours do not repay that */
  LANE = 16,
  PIECE = 4096,            /* a single long row is cut into these */
  PART = 65536,            /* least elements of a part of one reduction */
  MAX_PARTS = 64
};

typedef struct Axis {
  int64_t size, x, y;      /* strides in elements; y of kept axes only */
} Axis;

typedef struct Plan {
  ReduceFn f;
  double scale;
  View x, y;
  int kept, reduced;
  Axis keep[MAX_RANK + 1], over[MAX_RANK + 1];   /* innermost last */
  int64_t results, rows;   /* rows: reduced elements but for over's last axis */
  int64_t length;          /* of over's last axis */
  int64_t parts;           /* of the rows */
  double *partial;         /* [parts, results]; NULL if there is one part */
} Plan;

/* ---- one step of an accumulation ---- */

static inline double neutral (ReduceFn f) {
  switch (f) {
    case REDUCE_MAX: return -INFINITY;
    case REDUCE_MIN: return INFINITY;
    case REDUCE_PROD: return 1;
    default: return 0;
  }
}

/* max and min keep NaN: a comparison with it is false, and v is taken. */
static inline __attribute__((always_inline)) double join (ReduceFn f, double a,
                                                          double v) {
  switch (f) {
    case REDUCE_MAX: return a > v || a != a ? a : v;
    case REDUCE_MIN: return a < v || a != a ? a : v;
    case REDUCE_PROD: return a * v;
    default: return a + v;
  }
}

/* lane[i % 16] takes x[i * stride] */
#define ALONG(name, T, f) \
  HOT static void along_##name (double *lane, const void *xs, \
                                int64_t stride, int64_t n) { \
    const T *x = xs; \
    double acc[LANE]; \
    int64_t i = 0; \
    memcpy(acc, lane, sizeof acc); \
    if (stride == 1) \
      for (; i + LANE <= n; i += LANE) \
        for (int j = 0; j < LANE; j++) \
          acc[j] = join(f, acc[j], (double) x[i + j]); \
    for (; i < n; i++) \
      acc[i % LANE] = join(f, acc[i % LANE], (double) x[i * stride]); \
    memcpy(lane, acc, sizeof acc); \
  }

/* acc[i] takes x[i * stride] */
#define ACROSS(name, T, f) \
  HOT static void across_##name (double *restrict acc, \
                                 const void *restrict xs, int64_t stride, \
                                 int64_t n) { \
    const T *restrict x = xs; \
    if (stride == 1) \
      for (int64_t i = 0; i < n; i++) \
        acc[i] = join(f, acc[i], (double) x[i]); \
    else \
      for (int64_t i = 0; i < n; i++) \
        acc[i] = join(f, acc[i], (double) x[i * stride]); \
  }

#define LOOPS(name, f) \
  ALONG(name##_f32, float, f) ALONG(name##_f64, double, f) \
  ACROSS(name##_f32, float, f) ACROSS(name##_f64, double, f)
LOOPS(sum, REDUCE_SUM)
LOOPS(max, REDUCE_MAX)
LOOPS(min, REDUCE_MIN)
LOOPS(prod, REDUCE_PROD)

typedef void (*Step) (double *acc, const void *x, int64_t stride, int64_t n);

static const struct { Step along[2], across[2]; } steps[REDUCE_FNS] = {
#define STEPS(name) { { along_##name##_f32, along_##name##_f64 }, \
                      { across_##name##_f32, across_##name##_f64 } }
  [REDUCE_SUM] = STEPS(sum), [REDUCE_MAX] = STEPS(max),
  [REDUCE_MIN] = STEPS(min), [REDUCE_PROD] = STEPS(prod),
};

/* ---- the layout ---- */

static int join_axes (Axis *axis, int n) {
  int joined = 0;
  for (int i = 0; i < n; i++) {
    Axis *last = &axis[joined - 1];
    if (joined > 0 && last->x == axis[i].x * axis[i].size
        && last->y == axis[i].y * axis[i].size)
      *last = (Axis) { last->size * axis[i].size, axis[i].x, axis[i].y };
    else
      axis[joined++] = axis[i];
  }
  if (joined == 0)
    axis[joined++] = (Axis) { 1, 0, 0 };
  return joined;
}

static void sort_axes (Axis *axis, int n) {
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && axis[j - 1].x < axis[j].x; j--) {
      Axis spare = axis[j];
      axis[j] = axis[j - 1];
      axis[j - 1] = spare;
    }
}

/* An axis of y of size 1 is reduced (one of x too: no difference). */
static Plan plan_of (ReduceFn f, View y, View x, double scale) {
  Plan p = { .f = f, .scale = scale, .x = x, .y = y, .results = 1 };
  int64_t stride = 1;
  assert(x.rank == y.rank && x.dtype == y.dtype);
  assert(x.dtype == F32 || x.dtype == F64);
  for (int i = x.rank - 1; i >= 0; i--) {      /* y's strides, contiguous */
    p.y.stride[i] = stride;
    stride *= y.size[i];
  }
  for (int i = 0; i < x.rank; i++) {
    if (y.size[i] != 1)
      p.keep[p.kept++] = (Axis) { x.size[i], x.stride[i], p.y.stride[i] };
    else if (x.size[i] != 1)
      p.over[p.reduced++] = (Axis) { x.size[i], x.stride[i], 0 };
    p.results *= y.size[i];
  }
  sort_axes(p.keep, p.kept);
  sort_axes(p.over, p.reduced);
  p.kept = join_axes(p.keep, p.kept);
  p.reduced = join_axes(p.over, p.reduced);
  p.length = p.over[p.reduced - 1].size;
  p.rows = 1;
  for (int i = 0; i < p.reduced - 1; i++)
    p.rows *= p.over[i].size;
  return p;
}

/* A single long row is seen as rows of PIECE elements, the last one shorter,
 * so that it can be split. */
static int64_t row_length (const Plan *p, int64_t row) {
  return p->rows > 1 || p->length <= PIECE ? p->length
       : chunk_end(row, PIECE, p->length) - row * PIECE;
}

static int64_t row_count (const Plan *p) {
  return p->rows > 1 || p->length <= PIECE ? p->rows
       : chunk_count(p->length, PIECE);
}

static int64_t row_offset (const Plan *p, int64_t row) {
  int64_t offset = 0;
  if (p->rows == 1)
    return row * PIECE * p->over[p->reduced - 1].x;
  for (int k = p->reduced - 2; k >= 0; k--) {
    offset += row % p->over[k].size * p->over[k].x;
    row /= p->over[k].size;
  }
  return offset;
}

/* Offsets of result i of the kept axes but for the last `skip` ones. */
static void kept_offset (const Plan *p, int64_t i, int skip, int64_t *x,
                         int64_t *y) {
  *x = *y = 0;
  for (int k = p->kept - 1 - skip; k >= 0; k--) {
    int64_t at = i % p->keep[k].size;
    i /= p->keep[k].size;
    *x += at * p->keep[k].x;
    *y += at * p->keep[k].y;
  }
}

static const void *x_at (const Plan *p, int64_t offset) {
  return (const char *) p->x.data + offset * (int64_t) dtype_size(p->x.dtype);
}

/* ---- the work ---- */

static void put (const Plan *p, int64_t y, int64_t part, double value) {
  if (p->partial != NULL)
    p->partial[part * p->results + y] = value;
  else if (p->y.dtype == F32)
    ((float *) p->y.data)[y] = (float) (p->scale * value);
  else
    ((double *) p->y.data)[y] = p->scale * value;
}

static int64_t part_begin (const Plan *p, int64_t part) {
  return row_count(p) * part / p->parts;
}

static double join_lanes (ReduceFn f, double *lane) {
  for (int half = LANE / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++)
      lane[j] = join(f, lane[j], lane[j + half]);
  return lane[0];
}

/* Result i from one part of its rows. */
static void along (const Plan *p, int64_t i, int64_t part) {
  Step step = steps[p->f].along[p->x.dtype == F64];
  double lane[LANE];
  int64_t x, y;
  for (int j = 0; j < LANE; j++)
    lane[j] = neutral(p->f);
  kept_offset(p, i, 0, &x, &y);
  for (int64_t r = part_begin(p, part); r < part_begin(p, part + 1); r++)
    step(lane, x_at(p, x + row_offset(p, r)), p->over[p->reduced - 1].x,
         row_length(p, r));
  put(p, y, part, join_lanes(p->f, lane));
}

/* A strip of results along the last kept axis. */
static void across (const Plan *p, int64_t i, int64_t part) {
  Step step = steps[p->f].across[p->x.dtype == F64];
  Axis inner = p->keep[p->kept - 1], deep = p->over[p->reduced - 1];
  int64_t strips = chunk_count(inner.size, STRIP), first = i % strips * STRIP;
  int64_t n = chunk_end(i % strips, STRIP, inner.size) - first, x, y;
  double acc[STRIP];
  for (int64_t j = 0; j < n; j++)
    acc[j] = neutral(p->f);
  kept_offset(p, i / strips, 1, &x, &y);
  for (int64_t r = part_begin(p, part); r < part_begin(p, part + 1); r++) {
    int64_t offset = x + row_offset(p, r) + first * inner.x;
    for (int64_t k = 0; k < row_length(p, r); k++)
      step(acc, x_at(p, offset + k * deep.x), inner.x, n);
  }
  for (int64_t j = 0; j < n; j++)
    put(p, y + (first + j) * inner.y, part, acc[j]);
}

/* Adds the parts in order. */
static void join_parts (Plan *p) {
  double *partial = p->partial;
  p->partial = NULL;
  for (int64_t i = 0; i < p->results; i++) {
    double sum = neutral(p->f);
    for (int64_t part = 0; part < p->parts; part++)
      sum = join(p->f, sum, partial[part * p->results + i]);
    put(p, i, 0, sum);
  }
}

/* Parts are worth it only where there are few results. */
static int64_t part_count (const Plan *p, int64_t count, int64_t tasks) {
  int64_t n = count / PART, rows = row_count(p);
  n = tasks >= MAX_PARTS ? 1 : n > MAX_PARTS ? MAX_PARTS : n;
  n = n > rows ? rows : n;
  return n < 1 ? 1 : n;
}

void cpu_reduce (ReduceFn f, View y, View x, double scale) {
  Plan p = plan_of(f, y, x, scale);
  Axis inner = p.keep[p.kept - 1], deep = p.over[p.reduced - 1];
  int64_t count = p.results * p.rows * p.length, tasks = p.results;
  bool strips = inner.size >= NARROW
             && (inner.x < deep.x || p.rows * p.length == 1);
  if (strips)
    tasks = p.results / inner.size * chunk_count(inner.size, STRIP);
  p.parts = part_count(&p, count, tasks);
  if (p.parts > 1) {
    cpu_reserve((size_t) (p.parts * p.results) * sizeof(double));
    p.partial = cpu_scratch();
  }
#pragma omp parallel for schedule(static) if (worth_threads(count))
  for (int64_t i = 0; i < tasks * p.parts; i++) {
    if (strips)
      across(&p, i % tasks, i / tasks);
    else
      along(&p, i % tasks, i / tasks);
  }
  if (p.parts > 1)
    join_parts(&p);
}

/* ---- rows of [R,C] ---- */

/* Rows and columns of a contiguous view: all axes but the last are rows. */
typedef struct Rows {
  int64_t rows, columns;
} Rows;

static Rows rows_of (View x) {
  Rows r = { 1, x.rank > 0 ? x.size[x.rank - 1] : 1 };
  for (int i = 0; i < x.rank - 1; i++)
    r.rows *= x.size[i];
  return r;
}

/* Runs the statement for all rows r of n columns. */
#define EACH_ROW(x) \
  Rows size_ = rows_of(x); \
  int64_t n = size_.columns; \
  bool many_ = worth_threads(size_.rows * n); \
  _Pragma("omp parallel for schedule(static) if (many_)") \
  for (int64_t r = 0; r < size_.rows; r++)

/* The place of the first largest (least) element; of the first NaN if there
 * is one. */
static int64_t best (const float *x, int64_t n, bool least) {
  int64_t at = 0;
  for (int64_t i = 0; i < n && x[at] == x[at]; i++)
    if (x[i] != x[i] || (least ? x[i] < x[at] : x[i] > x[at]))
      at = i;
  return at;
}

void cpu_argmax (View y, View x, bool least) {
  const float *in = x.data;
  int32_t *out = y.data;
  EACH_ROW(x)
    out[r] = (int32_t) best(in + r * n, n, least) + 1;
}

/* ---- sorting ---- */

/* A key whose order as an unsigned number is the wished order of x: NaN last
 * in both directions, -0 equal to 0. */
static uint32_t sort_key (float x, bool descending) {
  uint32_t b = bits_(x + 0.0f);
  b = b >> 31 ? ~b : b | 0x80000000u;
  return x != x ? 0xFFFFFFFFu : descending ? ~b : b;
}

typedef struct Item {
  uint32_t key;
  int32_t at;
} Item;

/* Merges sorted halves from .. middle .. to of a into b; the left one goes
 * first where keys are equal, which makes the sort stable. */
static void merge (Item *b, const Item *a, int64_t from, int64_t middle,
                   int64_t to) {
  int64_t i = from, j = middle;
  for (int64_t k = from; k < to; k++)
    b[k] = i < middle && (j >= to || a[i].key <= a[j].key) ? a[i++] : a[j++];
}

static void insertion_sort (Item *a, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    Item one = a[i];
    int64_t j = i;
    for (; j > 0 && a[j - 1].key > one.key; j--)
      a[j] = a[j - 1];
    a[j] = one;
  }
}

/* Bottom-up merge sort; gives the one of a and b that holds the result. */
static Item *merge_sort (Item *a, Item *b, int64_t n) {
  enum { RUN = 16 };
  for (int64_t i = 0; i < n; i += RUN)
    insertion_sort(a + i, n - i < RUN ? n - i : RUN);
  for (int64_t run = RUN; run < n; run *= 2) {
    for (int64_t i = 0; i < n; i += 2 * run)
      merge(b, a, i, i + run < n ? i + run : n,
            i + 2 * run < n ? i + 2 * run : n);
    Item *spare = a;
    a = b;
    b = spare;
  }
  return a;
}

static void argsort_row (int32_t *y, const float *x, int64_t n,
                         bool descending) {
  Item *items = cpu_scratch();
  for (int64_t i = 0; i < n; i++)
    items[i] = (Item) { sort_key(x[i], descending), (int32_t) i };
  items = merge_sort(items, items + n, n);
  for (int64_t i = 0; i < n; i++)
    y[i] = items[i].at + 1;
}

void cpu_argsort (View y, View x, bool descending) {
  const float *in = x.data;
  int32_t *out = y.data;
  cpu_reserve((size_t) rows_of(x).columns * 2 * sizeof(Item));
  EACH_ROW(x)
    argsort_row(out + r * n, in + r * n, n, descending);
}

/* ---- running sums ---- */

static void cumsum_row (float *y, const float *x, int64_t n, bool reverse) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t at = reverse ? n - 1 - i : i;
    sum += (double) x[at];
    y[at] = (float) sum;
  }
}

void cpu_cumsum (View y, View x, bool reverse) {
  const float *in = x.data;
  float *out = y.data;
  EACH_ROW(x)
    cumsum_row(out + r * n, in + r * n, n, reverse);
}

/* ---- the softmax family ---- */

/* Sums of up to n terms in 16 lanes of float64, joined at the end; term is an
 * expression of i. */
#define LANE_SUM(sum, n, term) \
  do { \
    double lane_[LANE] = { 0 }; \
    int64_t i_ = 0; \
    for (; i_ + LANE <= (n); i_ += LANE) \
      for (int64_t j_ = 0; j_ < LANE; j_++) { \
        int64_t i = i_ + j_; \
        lane_[j_] += (double) (term); \
      } \
    for (int64_t i = i_; i < (n); i++) \
      lane_[i % LANE] += (double) (term); \
    sum = join_lanes(REDUCE_SUM, lane_); \
  } while (0)

/* NaN if any element is. */
static inline __attribute__((always_inline)) float row_max (const float *x,
                                                            int64_t n) {
  float lane[LANE], top = -INFINITY;
  int64_t i = 0;
  for (int j = 0; j < LANE; j++)
    lane[j] = -INFINITY;
  for (; i + LANE <= n; i += LANE)
    for (int j = 0; j < LANE; j++)
      lane[j] = max_(lane[j], x[i + j]);
  for (; i < n; i++)
    lane[i % LANE] = max_(lane[i % LANE], x[i]);
  for (int j = 0; j < LANE; j++)
    top = max_(top, lane[j]);
  return top;
}

/* A row that is -inf throughout has no softmax: NaN. */
HOT static void softmax_row (float *restrict y, const float *restrict x,
                             int64_t n) {
  float top = row_max(x, n);
  double sum;
  for (int64_t i = 0; i < n; i++)
    y[i] = exp_(x[i] - top);
  LANE_SUM(sum, n, y[i]);
  float scale = (float) (1 / sum);
  for (int64_t i = 0; i < n; i++)
    y[i] *= scale;
}

/* dx = y (dy - sum of y dy) */
HOT static void softmax_back_row (float *restrict dx, const float *dy,
                                  const float *y, int64_t n) {
  double sum;
  LANE_SUM(sum, n, y[i] * dy[i]);
  float mean = (float) sum;
  for (int64_t i = 0; i < n; i++)
    dx[i] = y[i] * (dy[i] - mean);
}

/* The largest element where it is finite, and 0 else, so that x - top makes
 * sense for rows of infinities. */
static inline float finite_top (float top) {
  return abs_(top) == INFINITY ? 0.0f : top;
}

HOT static void logsoftmax_row (float *restrict y, const float *restrict x,
                                int64_t n) {
  float top = row_max(x, n);
  double sum;
  for (int64_t i = 0; i < n; i++)
    y[i] = exp_(x[i] - top);
  LANE_SUM(sum, n, y[i]);
  float shift = log_((float) sum);
  for (int64_t i = 0; i < n; i++)
    y[i] = (x[i] - top) - shift;
}

/* dx = dy - exp(y) sum of dy */
HOT static void logsoftmax_back_row (float *restrict dx, const float *dy,
                                     const float *y, int64_t n) {
  double sum;
  LANE_SUM(sum, n, dy[i]);
  float total = (float) sum;
  for (int64_t i = 0; i < n; i++)
    dx[i] = dy[i] - exp_(y[i]) * total;
}

/* -inf for a row of -inf, inf if any element is. */
HOT static void logsumexp_row (float *restrict y, const float *restrict x,
                               int64_t n) {
  float top = finite_top(row_max(x, n));
  double sum;
  LANE_SUM(sum, n, exp_(x[i] - top));
  *y = top + log_((float) sum);
}

void cpu_softmax (View y, View x) {
  const float *in = x.data;
  float *out = y.data;
  EACH_ROW(x)
    softmax_row(out + r * n, in + r * n, n);
}

void cpu_softmax_back (View dx, View dy, View y) {
  const float *in = dy.data, *result = y.data;
  float *out = dx.data;
  EACH_ROW(dx)
    softmax_back_row(out + r * n, in + r * n, result + r * n, n);
}

void cpu_logsoftmax (View y, View x) {
  const float *in = x.data;
  float *out = y.data;
  EACH_ROW(x)
    logsoftmax_row(out + r * n, in + r * n, n);
}

void cpu_logsoftmax_back (View dx, View dy, View y) {
  const float *in = dy.data, *result = y.data;
  float *out = dx.data;
  EACH_ROW(dx)
    logsoftmax_back_row(out + r * n, in + r * n, result + r * n, n);
}

void cpu_logsumexp (View y, View x) {
  const float *in = x.data;
  float *out = y.data;
  EACH_ROW(x)
    logsumexp_row(out + r, in + r * n, n);
}

/* ---- running sums ---- */

HOT static double sum_of (const float *x, int64_t n) {
  return lanes_of(x, n);
}

void cpu_accumulate (View sum, View x, Scalar scale, Scalar keep) {
  float *to = sum.data;
  float more = *scale.at * (float) sum_of(x.data, view_count(&x));
  *to = *keep.at != 0 ? *to + more : more;
}
