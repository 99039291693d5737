/*
 * pointwise.c - the pointwise functions, fill and copies on the CPU.
 *
 * Each line of pointwise.def becomes one plain loop over arrays, which gcc
 * vectorises.  The loops know neither strides nor broadcasting: a result is
 * made in blocks of 1,024 elements that stay in the first cache, and an
 * operand that does not lie contiguous is gathered block by block (a single
 * number once).  Only copy, copy_add and fill write to strided views; they
 * walk over rows, in tiles where one side runs across the other.
 */
#include "backend/cpu/cpu.h"
#include "backend/math.h"

#include <assert.h>

enum { BLOCK = 1024, TILE = 32 };

#define UNUSED __attribute__((unused))

/* ---- the loops ---- */

typedef void (*UnaryLoop) (float *y, const float *x, int64_t n);
typedef void (*UnaryBackLoop) (float *dx, const float *dy, const float *x,
                               const float *y, int64_t n);
typedef void (*BinaryLoop) (float *y, const float *a, const float *b,
                            int64_t n);
typedef void (*BinaryBackLoop) (float *d, const float *dy, const float *a,
                                const float *b, const float *y, int64_t n);

#define ZERO 0.0f

#define UNARY(name, doc, formula, slope, ...) \
  HOT static void unary_##name (float *restrict out, const float *in, \
                                int64_t n) { \
    for (int64_t i = 0; i < n; i++) { \
      float x = in[i]; \
      out[i] = formula; \
    } \
  } \
  HOT static void unary_back_##name (float *restrict dx, const float *dy, \
                                     const float *xs, const float *ys, \
                                     int64_t n) { \
    for (int64_t i = 0; i < n; i++) { \
      UNUSED float x = xs[i], y = ys[i]; \
      dx[i] = dy[i] * (slope); \
    } \
  }

#define BACK(name, side, slope) \
  HOT static void binary_back##side##_##name ( \
      float *restrict d, const float *dy, const float *as, const float *bs, \
      const float *ys, int64_t n) { \
    for (int64_t i = 0; i < n; i++) { \
      UNUSED float a = as[i], b = bs[i], y = ys[i]; \
      d[i] = dy[i] * (slope); \
    } \
  }

#define BINARY(name, doc, formula, da, db, ...) \
  HOT static void binary_##name (float *restrict out, const float *as, \
                                 const float *bs, int64_t n) { \
    for (int64_t i = 0; i < n; i++) { \
      float a = as[i], b = bs[i]; \
      out[i] = formula; \
    } \
  } \
  BACK(name, 0, da) \
  BACK(name, 1, db)

#include "backend/pointwise.def"

static const UnaryLoop unary_loops[] = {
#define UNARY(name, ...) unary_##name,
#include "backend/pointwise.def"
};

static const UnaryBackLoop unary_back_loops[] = {
#define UNARY(name, ...) unary_back_##name,
#include "backend/pointwise.def"
};

static const BinaryLoop binary_loops[] = {
#define BINARY(name, ...) binary_##name,
#include "backend/pointwise.def"
};

static const BinaryBackLoop binary_back_loops[][2] = {
#define BINARY(name, ...) { binary_back0_##name, binary_back1_##name },
#include "backend/pointwise.def"
};

HOT static void where_loop (float *restrict y, const float *mask,
                            const float *a, const float *b, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float yes = a[i], no = b[i];
    y[i] = mask[i] != 0 ? yes : no;
  }
}

/* int32, wrapping around */
#define INT_LOOP(name, op) \
  HOT static void int_##name (int32_t *restrict y, const int32_t *a, \
                              const int32_t *b, int64_t n) { \
    for (int64_t i = 0; i < n; i++) \
      y[i] = (int32_t) ((uint32_t) a[i] op (uint32_t) b[i]); \
  }
INT_LOOP(add, +)
INT_LOOP(sub, -)
INT_LOOP(mul, *)

/* ---- operands ---- */

/* An input seen from the result's linear index: its axes, broadcast to the
 * result's and joined where the next lies behind the last.  Axes of stride 0
 * join too, so a number has one axis. */
typedef struct Operand {
  const float *data;                 /* or int32: both have four bytes */
  int rank;
  int64_t size[MAX_RANK], stride[MAX_RANK];
} Operand;

/* Nearly all of a call on few elements is this. */
static void operand (Operand *o, const View *x, const View *y) {
  int skip = y->rank - x->rank, last = -1;
  assert(dtype_size(x->dtype) == sizeof(float) && skip >= 0);
  o->data = x->data;
  for (int i = 0; i < y->rank; i++) {
    int j = i - skip;
    int64_t stride = j < 0 || x->size[j] == 1 ? 0 : x->stride[j];
    if (y->size[i] == 1)
      continue;
    if (last >= 0 && o->stride[last] == stride * y->size[i]) {
      o->size[last] *= y->size[i];
      o->stride[last] = stride;
    } else {
      o->size[++last] = y->size[i];
      o->stride[last] = stride;
    }
  }
  if (last < 0) {
    o->size[++last] = 1;
    o->stride[last] = 0;
  }
  o->rank = last + 1;
}

static bool is_number (const Operand *o) {
  return o->rank == 1 && o->stride[0] == 0;
}

static void gather_row (float *to, const float *from, int64_t stride,
                        int64_t n) {
  if (stride == 1)
    memcpy(to, from, (size_t) n * sizeof *to);
  else if (stride == 0)
    for (int64_t i = 0; i < n; i++)
      to[i] = *from;
  else
    for (int64_t i = 0; i < n; i++)
      to[i] = from[i * stride];
}

/* Elements from .. from + n - 1, row by row of the last axis. */
static void gather (const Operand *o, int64_t from, int64_t n, float *room) {
  int64_t at[MAX_RANK], offset = 0;
  for (int i = o->rank - 1; i >= 0; i--) {
    at[i] = from % o->size[i];
    from /= o->size[i];
    offset += at[i] * o->stride[i];
  }
  int last = o->rank - 1;
  while (n > 0) {
    int64_t run = o->size[last] - at[last];
    run = run < n ? run : n;
    gather_row(room, o->data + offset, o->stride[last], run);
    room += run;
    n -= run;
    at[last] += run;
    offset += run * o->stride[last];
    for (int i = last; i > 0 && at[i] == o->size[i]; i--) {
      offset += o->stride[i - 1] - at[i] * o->stride[i];
      at[i] = 0;
      at[i - 1]++;
    }
  }
}

/* A block of an operand: where it lies, or a copy in room.  A number is
 * copied for the first block of a chunk only. */
static const float *block (const Operand *o, int64_t from, int64_t n,
                           bool first, float *room) {
  if (o->rank == 1 && o->stride[0] == 1)
    return o->data + from;
  if (!is_number(o) || first)
    gather(o, from, n, room);
  return room;
}

/* ---- the kernels ---- */

/* Calls body(out, in, n) for all blocks of a contiguous result. */
typedef struct Loop {
  enum { UNARY_FN, UNARY_BACK, BINARY_FN, BINARY_BACK, WHERE, INTEGER } kind;
  union {
    UnaryLoop unary;
    UnaryBackLoop unary_back;
    BinaryLoop binary;
    BinaryBackLoop binary_back;
    void (*integer) (int32_t *y, const int32_t *a, const int32_t *b,
                     int64_t n);
  };
  int inputs;
  Operand in[4];
} Loop;

static void run_block (const Loop *l, void *y, const float *const *in,
                       int64_t n) {
  switch (l->kind) {
    case UNARY_FN: l->unary(y, in[0], n); break;
    case UNARY_BACK: l->unary_back(y, in[0], in[1], in[2], n); break;
    case BINARY_FN: l->binary(y, in[0], in[1], n); break;
    case BINARY_BACK: l->binary_back(y, in[0], in[1], in[2], in[3], n); break;
    case WHERE: where_loop(y, in[0], in[1], in[2], n); break;
    case INTEGER:
      l->integer(y, (const int32_t *) in[0], (const int32_t *) in[1], n);
  }
}

static void run_chunk (const Loop *l, float *y, int64_t from, int64_t to) {
  float room[4][BLOCK] __attribute__((aligned(64)));
  for (int64_t at = from; at < to; at += BLOCK) {
    const float *in[4];
    int64_t n = to - at < BLOCK ? to - at : BLOCK;
    for (int i = 0; i < l->inputs; i++)
      in[i] = block(&l->in[i], at, n, at == from, room[i]);
    run_block(l, y + at, in, n);
  }
}

static void run (const Loop *l, View y) {
  int64_t n = view_count(&y), chunks = chunk_count(n, CHUNK);
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < chunks; i++)
    run_chunk(l, y.data, i * CHUNK, chunk_end(i, CHUNK, n));
}

void cpu_unary (UnaryFn f, View y, View x) {
  Loop l;
  l.kind = UNARY_FN;
  l.unary = unary_loops[f];
  l.inputs = 1;
  operand(&l.in[0], &x, &y);
  run(&l, y);
}

void cpu_unary_back (UnaryFn f, View dx, View dy, View x, View y) {
  Loop l;
  l.kind = UNARY_BACK;
  l.unary_back = unary_back_loops[f];
  l.inputs = 3;
  operand(&l.in[0], &dy, &dx);
  operand(&l.in[1], &x, &dx);
  operand(&l.in[2], &y, &dx);
  run(&l, dx);
}

void cpu_binary (BinaryFn f, View y, View a, View b) {
  Loop l;
  if (y.dtype == I32) {
    assert(f == BINARY_add || f == BINARY_sub || f == BINARY_mul);
    l.kind = INTEGER;
    l.integer = f == BINARY_add ? int_add : f == BINARY_sub ? int_sub
                                                            : int_mul;
  } else {
    l.kind = BINARY_FN;
    l.binary = binary_loops[f];
  }
  l.inputs = 2;
  operand(&l.in[0], &a, &y);
  operand(&l.in[1], &b, &y);
  run(&l, y);
}

void cpu_binary_back (BinaryFn f, int side, View d, View dy, View a, View b,
                      View y) {
  Loop l;
  l.kind = BINARY_BACK;
  l.binary_back = binary_back_loops[f][side];
  l.inputs = 4;
  operand(&l.in[0], &dy, &d);
  operand(&l.in[1], &a, &d);
  operand(&l.in[2], &b, &d);
  operand(&l.in[3], &y, &d);
  run(&l, d);
}

void cpu_where (View y, View mask, View a, View b) {
  Loop l;
  l.kind = WHERE;
  l.inputs = 3;
  operand(&l.in[0], &mask, &y);
  operand(&l.in[1], &a, &y);
  operand(&l.in[2], &b, &y);
  run(&l, y);
}

/* ---- rows of copies ---- */

/* A row of n elements; strides in elements. */
typedef void (*Row) (void *y, int64_t sy, const void *x, int64_t sx,
                     int64_t n);

/* Fractions are cut off; numbers out of range become the nearest that fits,
 * NaN becomes 0.  The bounds are float64, which holds all of int32. */
static inline double fit (double x, double low, double high) {
  return x < low ? low : x > high ? high : x == x ? x : 0;
}

#define TO_F32(x) ((float) (x))
#define TO_F64(x) ((double) (x))
#define TO_I32(x) ((int32_t) fit((double) (x), INT32_MIN, INT32_MAX))
#define TO_U8(x) ((uint8_t) fit((double) (x), 0, 255))

#define CAST(name, Y, X, to) \
  HOT static void cast_##name (void *restrict y, int64_t sy, \
                               const void *restrict x, int64_t sx, \
                               int64_t n) { \
    Y *restrict to_ = y; \
    const X *restrict from = x; \
    if (sy == 1 && sx == 1) \
      for (int64_t i = 0; i < n; i++) \
        to_[i] = to(from[i]); \
    else if (sy == 1 && sx == 0) { \
      Y value = n > 0 ? to(*from) : 0; \
      for (int64_t i = 0; i < n; i++) \
        to_[i] = value; \
    } \
    else if (sy == 1) \
      for (int64_t i = 0; i < n; i++) \
        to_[i] = to(from[i * sx]); \
    else \
      for (int64_t i = 0; i < n; i++) \
        to_[i * sy] = to(from[i * sx]); \
  }
#define SAME(x) (x)

CAST(4, uint32_t, uint32_t, SAME)        /* float32 or int32 as it is */
CAST(1, uint8_t, uint8_t, SAME)
CAST(8, uint64_t, uint64_t, SAME)
CAST(f32_i32, float, int32_t, TO_F32)
CAST(f32_u8, float, uint8_t, TO_F32)
CAST(f32_f64, float, double, TO_F32)
CAST(i32_f32, int32_t, float, TO_I32)
CAST(i32_u8, int32_t, uint8_t, TO_I32)
CAST(i32_f64, int32_t, double, TO_I32)
CAST(u8_f32, uint8_t, float, TO_U8)
CAST(u8_i32, uint8_t, int32_t, TO_U8)
CAST(u8_f64, uint8_t, double, TO_U8)
CAST(f64_f32, double, float, TO_F64)
CAST(f64_i32, double, int32_t, TO_F64)
CAST(f64_u8, double, uint8_t, TO_F64)

static const Row casts[DTYPES][DTYPES] = {       /* to, from */
  [F32] = { [F32] = cast_4, [I32] = cast_f32_i32, [U8] = cast_f32_u8,
            [F64] = cast_f32_f64 },
  [I32] = { [F32] = cast_i32_f32, [I32] = cast_4, [U8] = cast_i32_u8,
            [F64] = cast_i32_f64 },
  [U8] = { [F32] = cast_u8_f32, [I32] = cast_u8_i32, [U8] = cast_1,
           [F64] = cast_u8_f64 },
  [F64] = { [F32] = cast_f64_f32, [I32] = cast_f64_i32, [U8] = cast_f64_u8,
            [F64] = cast_8 },
};

#define ADD_ROW(name, T) \
  HOT static void add_##name (void *restrict y, int64_t sy, \
                              const void *restrict x, int64_t sx, \
                              int64_t n) { \
    T *restrict to = y; \
    const T *restrict from = x; \
    if (sy == 1 && sx == 1) \
      for (int64_t i = 0; i < n; i++) \
        to[i] += from[i]; \
    else \
      for (int64_t i = 0; i < n; i++) \
        to[i * sy] += from[i * sx]; \
  }
ADD_ROW(f32, float)
ADD_ROW(f64, double)

/* ---- walking over two strided views ---- */

typedef struct Axis {
  int64_t size, y, x;          /* strides in elements */
} Axis;

typedef struct Walk {
  int rank;                    /* at least 2: one of size 1 is always there */
  Axis axis[MAX_RANK + 2];     /* ordered by y's stride, largest first */
  char *y;
  const char *x;
  size_t y_size, x_size;
  Row row;
} Walk;

static void sort_axes (Axis *axis, int n) {
  for (int i = 1; i < n; i++)
    for (int j = i; j > 0 && axis[j - 1].y < axis[j].y; j--) {
      Axis spare = axis[j];
      axis[j] = axis[j - 1];
      axis[j - 1] = spare;
    }
}

/* Axes of y with x broadcast to them, joined where both allow it. */
static Walk walk_of (const View *y, const View *x, Row row) {
  Axis all[MAX_RANK];
  int n = 0;
  Walk w = { .y = y->data, .x = x->data, .y_size = dtype_size(y->dtype),
             .x_size = dtype_size(x->dtype), .row = row };
  for (int i = 0; i < y->rank; i++) {
    int j = i - (y->rank - x->rank);
    if (y->size[i] != 1)
      all[n++] = (Axis) { y->size[i], y->stride[i],
                          j < 0 || x->size[j] == 1 ? 0 : x->stride[j] };
  }
  sort_axes(all, n);
  if (n == 0)
    all[n++] = (Axis) { 1, 0, 0 };
  w.axis[w.rank++] = (Axis) { 1, 0, 0 };
  for (int i = 0; i < n; i++) {
    Axis *last = &w.axis[w.rank - 1];
    if (i > 0 && last->y == all[i].y * all[i].size
        && last->x == all[i].x * all[i].size)
      *last = (Axis) { last->size * all[i].size, all[i].y, all[i].x };
    else
      w.axis[w.rank++] = all[i];
  }
  return w;
}

/* Rows from .. to - 1 of the last axis but one, columns in tiles where x runs
 * along the rows, so that its cache lines are used whole. */
static void walk_rows (const Walk *w, char *y, const char *x, int64_t from,
                       int64_t to) {
  const Axis *rows = &w->axis[w->rank - 2], *columns = rows + 1;
  bool across = columns->x > rows->x && rows->x > 0;
  int64_t width = across ? TILE : columns->size;
  for (int64_t c = 0; c < columns->size; c += width)
    for (int64_t r = from; r < to; r++)
      w->row(y + (r * rows->y + c * columns->y) * (int64_t) w->y_size,
             columns->y,
             x + (r * rows->x + c * columns->x) * (int64_t) w->x_size,
             columns->x, chunk_end(c / width, width, columns->size) - c);
}

/* The plane i of the outer axes, rows band * height on. */
static void walk_band (const Walk *w, int64_t i, int64_t band,
                       int64_t height) {
  char *y = w->y;
  const char *x = w->x;
  for (int k = w->rank - 3; k >= 0; k--) {
    int64_t at = i % w->axis[k].size;
    i /= w->axis[k].size;
    y += at * w->axis[k].y * (int64_t) w->y_size;
    x += at * w->axis[k].x * (int64_t) w->x_size;
  }
  walk_rows(w, y, x, band * height,
            chunk_end(band, height, w->axis[w->rank - 2].size));
}

/* One long row is cut into rows of CHUNK first. */
static void cut (Walk *w) {
  Axis *rows = &w->axis[w->rank - 2], *columns = rows + 1;
  if (w->rank == 2 && rows->size == 1 && columns->size > 2 * CHUNK) {
    rows->size = columns->size / CHUNK;
    rows->y = CHUNK * columns->y;
    rows->x = CHUNK * columns->x;
    columns->size = CHUNK;
  }
}

static void walk_all (Walk w) {
  int64_t n = 1, planes = 1, done = 0;
  for (int i = 0; i < w.rank; i++)
    n *= w.axis[i].size;
  if (n == 0)
    return;
  cut(&w);
  Axis rows = w.axis[w.rank - 2], columns = w.axis[w.rank - 1];
  for (int i = 0; i < w.rank - 2; i++)
    planes *= w.axis[i].size;
  int64_t height = TILE + CHUNK / columns.size;
  int64_t bands = chunk_count(rows.size, height);
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < planes * bands; i++)
    walk_band(&w, i / bands, i % bands, height);
  done = planes * rows.size * columns.size;
  if (done < n)                              /* what cut left over */
    w.row(w.y + done * columns.y * (int64_t) w.y_size, columns.y,
          w.x + done * columns.x * (int64_t) w.x_size, columns.x, n - done);
}

void cpu_copy (View y, View x) {
  walk_all(walk_of(&y, &x, casts[y.dtype][x.dtype]));
}

void cpu_copy_add (View y, View x) {
  assert(y.dtype == x.dtype && (y.dtype == F32 || y.dtype == F64));
  walk_all(walk_of(&y, &x, y.dtype == F32 ? add_f32 : add_f64));
}

/* A number broadcast to y. */
void cpu_fill (View y, Scalar v) {
  View x = { .data = (void *) (uintptr_t) v.at, .dtype = F32 };
  walk_all(walk_of(&y, &x, casts[y.dtype][F32]));
}
