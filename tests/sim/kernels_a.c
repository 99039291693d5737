/*
 * kernels_a.c - the CUDA kernels of pointwise, copy, reduce, softmax, sort and
 * norm against those of the CPU, call by call (twin.h): strided and broadcast
 * views of all ranks, and sizes on both sides of a warp, a block, the parts of
 * a sum and the threads of a launch.
 */
#include "twin.h"

enum { BEYOND = 4096 * 256 + 3 };    /* more than the threads of a launch */

/* ---- views of any strides ---- */

/* order: the axes from the outermost in memory; gap: elements left out behind
 * each axis. */
typedef struct Shaped {
  int rank;
  int64_t size[MAX_RANK];
  int order[MAX_RANK];
  int gap;
} Shaped;

static void value (DType dtype, void *data, int64_t i, bool odd) {
  static const double rare[] = { NAN, INFINITY, -INFINITY, 3e9, -3e9, 254.7,
                                 -0.0, 1e-40, 2147483647 };
  double v = odd && next() % 7 == 0 ? rare[next() % 9]
             : ((double) next() - (1 << 23)) * 0x1p-21;
  switch (dtype) {
    case F32: ((float *) data)[i] = (float) v; break;
    case F64: ((double *) data)[i] = v; break;
    case I32: ((uint32_t *) data)[i] = next() * 0x9E3779B9u; break;
    default: ((uint8_t *) data)[i] = (uint8_t) next();
  }
}

static Twin shaped (DType dtype, const Shaped *s, bool odd) {
  View v = { .dtype = dtype, .rank = s->rank };
  int64_t step = 1, last = 0, n = 1;
  for (int i = s->rank - 1; i >= 0; i--) {
    int axis = s->order[i];
    v.size[axis] = s->size[axis];
    v.stride[axis] = step;
    last += (s->size[axis] - 1) * step;
    step *= s->size[axis] + s->gap;
    n *= s->size[axis];
  }
  n = n == 0 ? 0 : last + 1;
  Twin t = twin_at(0, dtype, 1, &n);
  for (int64_t i = 0; i < n; i++)
    value(dtype, t.cpu.data, i, odd);
  void *cpu = t.cpu.data, *gpu = t.gpu.data;
  t.cpu = t.gpu = v;
  t.cpu.data = cpu;
  t.gpu.data = gpu;
  return sent(t);
}

/* Contiguous, or with the axes in a row of their own. */
static Shaped plain (int rank, const int64_t *size) {
  Shaped s = { .rank = rank };
  for (int i = 0; i < rank; i++) {
    s.size[i] = size[i];
    s.order[i] = i;
  }
  return s;
}

static const char *text (const Shaped *s) {
  static char room[200];
  int n = snprintf(room, sizeof room, "[");
  for (int i = 0; i < s->rank; i++)
    n += snprintf(room + n, sizeof room - (size_t) n, " %d(%d)",
                  (int) s->size[i], s->order[i]);
  snprintf(room + n, sizeof room - (size_t) n, " ] gap %d", s->gap);
  return room;
}

static const Shaped shapes[] = {
  { 0, { 0 }, { 0 }, 0 }, { 1, { 0 }, { 0 }, 0 }, { 1, { 1 }, { 0 }, 0 },
  { 1, { 31 }, { 0 }, 0 }, { 1, { 257 }, { 0 }, 0 }, { 1, { 1031 }, { 0 }, 0 },
  { 1, { 20011 }, { 0 }, 0 }, { 2, { 5, 0 }, { 0, 1 }, 0 },
  { 2, { 0, 5 }, { 0, 1 }, 0 }, { 2, { 7, 5 }, { 0, 1 }, 0 },
  { 2, { 7, 5 }, { 1, 0 }, 2 }, { 2, { 70, 45 }, { 1, 0 }, 0 },
  { 2, { 33, 600 }, { 0, 1 }, 1 }, { 2, { 600, 33 }, { 0, 1 }, 0 },
  { 2, { 600, 33 }, { 1, 0 }, 0 }, { 2, { 5000, 3 }, { 0, 1 }, 0 },
  { 2, { 3, 9000 }, { 0, 1 }, 0 }, { 2, { 9000, 2 }, { 1, 0 }, 1 },
  { 3, { 3, 17, 19 }, { 2, 0, 1 }, 0 }, { 3, { 3, 17, 19 }, { 1, 2, 0 }, 1 },
  { 3, { 20, 30, 40 }, { 0, 1, 2 }, 0 }, { 3, { 20, 300, 4 }, { 0, 1, 2 }, 0 },
  { 4, { 2, 9, 3, 33 }, { 0, 3, 1, 2 }, 0 },
  { 4, { 4, 5, 6, 7 }, { 3, 0, 2, 1 }, 1 },
  { 4, { 1, 40, 1, 50 }, { 3, 2, 1, 0 }, 0 },
  { 8, { 2, 1, 3, 2, 2, 1, 3, 2 }, { 7, 0, 6, 1, 5, 2, 4, 3 }, 0 },
};

enum { SHAPES = sizeof shapes / sizeof *shapes };

/* ---- pointwise ---- */

static void unaries (int f, const Shaped *s) {
  at_case("unary %d of %s", f, text(s));
  Shaped flat = plain(s->rank, s->size);
  Twin x = shaped(F32, s, true), dy = shaped(F32, &flat, true);
  Twin y = twin_at(0, F32, s->rank, s->size);
  Twin dx = twin_at(0, F32, s->rank, s->size);
  RUN(unary, (UnaryFn) f, V(y), V(x));
  alike("unary", y, 0);
  RUN(unary_back, (UnaryFn) f, V(dx), V(dy), V(x), V(y));
  alike("unary_back", dx, 0);
}

/* The axes of b with a bit in `thin` have size 1, the first `fewer` are not
 * there. */
static Shaped broadcast (const Shaped *s, unsigned thin, int fewer) {
  Shaped b = plain(s->rank - fewer, s->size + fewer);
  for (int i = 0; i < b.rank; i++)
    if (thin >> i & 1)
      b.size[i] = 1;
  return b;
}

static void binaries (int f, const Shaped *s, unsigned thin, int fewer) {
  at_case("binary %d of %s, thin %u, fewer %d", f, text(s), thin, fewer);
  Shaped thinner = broadcast(s, thin, fewer), flat = plain(s->rank, s->size);
  Twin a = shaped(F32, s, true), b = shaped(F32, &thinner, true);
  Twin dy = shaped(F32, &flat, true);
  Twin y = twin_at(0, F32, s->rank, s->size);
  RUN(binary, (BinaryFn) f, V(y), V(a), V(b));
  alike("binary", y, 0);
  for (int k = 0; k < 2; k++) {
    Twin d = twin_at(0, F32, s->rank, s->size);
    RUN(binary_back, (BinaryFn) f, k, V(d), V(dy), V(a), V(b), V(y));
    alike("binary_back", d, 0);
  }
  if (f <= BINARY_mul) {
    Twin i = shaped(I32, s, false), j = shaped(I32, &thinner, false);
    Twin k = twin_at(0, I32, s->rank, s->size);
    RUN(binary, (BinaryFn) f, V(k), V(i), V(j));
    alike("integers", k, 0);
  }
  Twin z = twin_at(0, F32, s->rank, s->size);
  RUN(where, V(z), V(b), V(a), V(dy));
  alike("where", z, 0);
}

static void finishes (int64_t rows, int64_t n, bool with, Activation act) {
  at_case("[%d,%d], bias %d, act %d", (int) rows, (int) n, with, act);
  Twin y = odd_floats(rows, n), bias = odd_floats(n), dy = odd_floats(rows, n);
  Twin dx = twin(F32, rows, n);
  cpu_finish(y.cpu.data, rows, n, n, with ? bias.cpu.data : NULL, act);
  need(cuda_finish(y.gpu.data, rows, n, with ? bias.gpu.data : NULL, act),
       "finish");
  alike("finish", y, 0);
  Twin db = twin(F32, n);
  RUN(act_back, V(dx), with ? V(db) : (View) { 0 }, V(dy), V(y), act);
  alike("act_back", dx, 0);
  if (with)
    alike("act_back of bias", db, 1e-4);   /* float32 on the CPU */
}

static void test_pointwise (void) {
  static const Shaped far = { 1, { BEYOND }, { 0 }, 0 };
  for (int f = 0; f < UNARY_COUNT; f++)
    for (int i = f % 3; i < SHAPES; i += 3)
      unaries(f, &shapes[i]);
  for (int f = 0; f < BINARY_COUNT; f++)
    for (int i = f % 3; i < SHAPES; i += 3)
      binaries(f, &shapes[i], (unsigned) f % 4, f % 5 == 4 && shapes[i].rank);
  unaries(UNARY_neg, &far);
  for (int i = 0; i < 4; i++) {
    finishes(0, 3, i % 2, (Activation) (i / 2));
    finishes(1, 257, i % 2, (Activation) (i / 2));
    finishes(129, 33, i % 2, (Activation) (i / 2));
  }
}

/* ---- copies ---- */

static void copies (const Shaped *to, const Shaped *from, DType y, DType x) {
  char first[200];
  snprintf(first, sizeof first, "%s", text(from));
  at_case("%s to %s, %s to %s", first, text(to), dtype_name(x),
          dtype_name(y));
  Twin t = shaped(y, to, true), f = shaped(x, from, true), one = number(-1.75);
  RUN(copy, V(t), V(f));
  alike("copy", t, 0);
  if (x == y && (x == F32 || x == F64)) {
    RUN(copy_add, V(t), V(f));
    alike("copy_add", t, 0);
  }
  RUN(fill, V(t), S(one));
  alike("fill", t, 0);
}

static void test_copy (void) {
  static const Shaped wide = { 2, { 1024, 5000 }, { 1, 0 }, 0 };
  static const Shaped high = { 2, { 1024, 5000 }, { 0, 1 }, 0 };
  for (int i = 0; i < SHAPES; i++)
    for (int types = 0; types < DTYPES * DTYPES; types++) {
      DType y = (DType) (types / DTYPES), x = (DType) (types % DTYPES);
      Shaped flat = plain(shapes[i].rank, shapes[i].size);
      Shaped thin = broadcast(&flat, 2, 0), less = broadcast(&flat, 0,
                                                             flat.rank > 0);
      copies(&shapes[i], &flat, y, x);
      copies(&flat, &shapes[i], y, x);
      copies(&shapes[i], types % 2 ? &thin : &less, y, x);
    }
  copies(&high, &wide, F32, F32);
}

/* ---- reductions ---- */

static void reduced (ReduceFn f, const Shaped *s, unsigned over, DType dtype,
                     bool odd) {
  at_case("reduce %d of %s over %u, %s", (int) f, text(s), over,
          dtype_name(dtype));
  Shaped small = broadcast(s, over, 0);
  Twin x = shaped(dtype, s, odd);
  Twin y = twin_at(0, dtype, small.rank, small.size);
  RUN(reduce, f, V(y), V(x), 0.7);
  alike("reduce", y, dtype == F64 ? 1e-12 : 2e-7);
}

static void sums (int64_t rows, int64_t n, double keep) {
  at_case("[%d,%d], keep %g", (int) rows, (int) n, keep);
  Twin x = floats(rows, n), db = twin(F32, n), scale = number(0.01);
  Twin sum = number(keep != 0 ? 3 : (double) NAN), kept = number(keep);
  RUN(bias_back, V(db), V(x));
  alike("bias_back", db, 1e-4);          /* float32 on the CPU */
  RUN(accumulate, V(sum), V(x), S(scale), S(kept));
  alike("accumulate", sum, 1e-4);
}

static void test_reduce (void) {
  static const int64_t rows[] = { 0, 1, 2, 33, 512, 513, 3000, 20011 };
  static const int64_t columns[] = { 1, 3, 16, 31, 32, 33, 65 };
  static const Shaped many = { 2, { 300000, 3 }, { 0, 1 }, 0 };
  for (int i = 0; i < SHAPES; i++)
    for (unsigned over = 0; over < 1u << shapes[i].rank; over++)
      for (int f = 0; f < REDUCE_FNS; f++)
        if (shapes[i].rank < 8 || over % 7 == 0)
          reduced((ReduceFn) f, &shapes[i], over, over % 2 ? F64 : F32,
                  f == REDUCE_MAX || f == REDUCE_MIN);
  for (int f = 0; f < REDUCE_FNS; f++)
    reduced((ReduceFn) f, &many, 2, F32, false);
  for (int i = 0; i < 8; i++)
    for (int k = 0; k < 7; k++)
      sums(rows[i], columns[k], (i + k) % 2);
}

/* ---- rows ---- */

static void orders (Twin x, int64_t rows, int64_t n) {
  for (int least = 0; least < 2; least++) {
    Twin at = twin(I32, rows), order = twin(I32, rows, n);
    Twin sum = twin(F32, rows, n);
    RUN(argmax, V(at), V(x), least);
    RUN(argsort, V(order), V(x), least);
    RUN(cumsum, V(sum), V(x), least);
    alike("argmax", at, 0), alike("argsort", order, 0);
    alike("cumsum", sum, 1e-6);
  }
}

static void softmaxes (Twin x, Twin dy, int64_t rows, int64_t n) {
  Twin y = twin(F32, rows, n), logy = twin(F32, rows, n);
  Twin dx = twin(F32, rows, n), dlog = twin(F32, rows, n);
  Twin sum = twin(F32, rows);
  RUN(softmax, V(y), V(x));
  RUN(logsoftmax, V(logy), V(x));
  RUN(logsumexp, V(sum), V(x));
  RUN(softmax_back, V(dx), V(dy), V(y));
  RUN(logsoftmax_back, V(dlog), V(dy), V(logy));
  alike("softmax", y, 1e-6), alike("logsoftmax", logy, 1e-6);
  alike("logsumexp", sum, 1e-6), alike("softmax_back", dx, 1e-5);
  alike("logsoftmax_back", dlog, 1e-5);
}

static void rownorms (Twin x, Twin dy, int64_t rows, int64_t n) {
  Twin y = twin(F32, rows, n), dx = twin(F32, rows, n), eps = number(1e-3);
  Twin mean = twin(F32, rows), rstd = twin(F32, rows);
  RUN(rownorm, V(y), V(mean), V(rstd), V(x), S(eps));
  RUN(rownorm_back, V(dx), V(dy), V(x), V(mean), V(rstd));
  alike("rownorm", y, 2e-5), alike("mean", mean, 1e-6);
  alike("rstd", rstd, 1e-5), alike("rownorm_back", dx, 2e-4);
}

/* kind 1: many equal elements and infinities, a row of -inf; 2: NaN too. */
static void rows_of (int64_t rows, int64_t n, int kind) {
  at_case("rows of [%d,%d], kind %d", (int) rows, (int) n, kind);
  Twin x = floats(rows, n), dy = floats(rows, n);
  float *v = x.cpu.data;
  for (int64_t i = 0; i < count(x) && kind > 0; i++)
    v[i] = i < n || next() % 29 == 0 ? -INFINITY
           : next() % 101 == 0 ? (kind == 2 ? NAN : INFINITY)
           : truncf(v[i]);               /* some of them -0 */
  sent(x);
  orders(x, rows, n);
  softmaxes(x, dy, rows, n);
  if (kind != 1)
    rownorms(x, dy, rows, n);
}

static void test_rows (void) {
  static const int64_t rows[] = { 0, 1, 2, 9, 513 };
  static const int64_t columns[] = { 0, 1, 2, 31, 32, 33, 100, 257, 1025,
                                     2047, 2048, 2049, 9000 };
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 13; k++)
      for (int kind = 0; kind < 3; kind++)
        if (rows[i] * columns[k] < 60000)
          rows_of(rows[i], columns[k], kind);
  rows_of(40000, 5, 0);                  /* more than the warps of a launch */
}

/* ---- columns ---- */

static void columns_of (int64_t rows, int64_t n, double far) {
  at_case("columns of [%d,%d], far %g", (int) rows, (int) n, far);
  Twin x = floats(rows, n), dy = floats(rows, n), eps = number(1e-3);
  Twin mean = twin(F32, n), var = twin(F32, n);
  Twin y = twin(F32, rows, n), dx = twin(F32, rows, n);
  for (int64_t i = 0; i < count(x); i++)
    ((float *) x.cpu.data)[i] += (float) far;
  sent(x);
  RUN(colstats, V(mean), V(var), V(x));
  alike("mean", mean, 1e-6), alike("var", var, 1e-5);
  sent(mean), sent(var);
  RUN(colnorm, V(y), V(x), V(mean), V(var), S(eps));
  RUN(colnorm_back, V(dx), V(dy), V(x), V(mean), V(var), S(eps));
  alike("colnorm", y, 1e-6), alike("colnorm_back", dx, 2e-5);
}

static void test_columns (void) {
  static const int64_t rows[] = { 0, 1, 2, 9, 257, 512, 513, 4099, 20011 };
  static const int64_t columns[] = { 0, 1, 2, 3, 16, 31, 32, 33, 65, 300 };
  static const double far[] = { 0, 1000, (double) INFINITY, (double) NAN };
  for (int i = 0; i < 9; i++)
    for (int k = 0; k < 10; k++)
      if (rows[i] * columns[k] < 200000)
        columns_of(rows[i], columns[k], far[(i + k) % 4]);
  columns_of(2, 140001, 0);              /* more than the tiles of a launch */
}

/* ---- all ---- */

static const Test tests[] = {
  { "pointwise", test_pointwise }, { "copy", test_copy },
  { "reduce", test_reduce }, { "rows", test_rows },
  { "columns", test_columns },
};

int main (int words, char **names) {
  return run_tests(tests, sizeof tests / sizeof *tests, words, names);
}
