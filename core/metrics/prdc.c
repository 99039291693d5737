/*
 * prdc.c - precision and recall (Kynkäänniemi et al. 2019), density and
 * coverage (Naeem et al. 2020) of generated against real features, and the
 * realism of a generated one.
 *
 * Round every row of a set stands a ball that reaches to its k-th nearest
 * neighbour in the set, the row itself not counted.
 *
 *   precision  share of fake rows in the ball of at least one real row
 *   recall     share of real rows in the ball of at least one fake row
 *   density    mean over fake rows of the number of real balls round it, / k
 *   coverage   share of real rows whose ball holds at least one fake row
 *
 * Distances are squares of differences, added in float64 in the order of the
 * features, for every pair alike: equal pairs have equal distances, so ties
 * are exact, and a set of the same values in another order has the same
 * result.  They are made a tile at a time and none is kept.
 */
#include "metrics/metric.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum {
  ROWS = 256,        /* of one set, for one thread */
  WIDE = 16,         /* of the other at a time: four vectors */
  TALL = 4           /* rows that share what is loaded of those */
};

/* Of AVX2, at any address.  GCC cuts longer ones into single numbers there. */
typedef double Lanes __attribute__((vector_size(32), aligned(8),
                                    may_alias));
enum { LANES = 4, VECTORS = WIDE / LANES };

/* A set on the host, with float32 numbers or, if those are NULL, float64. */
typedef struct Set {
  const float *single;
  const double *wide;
  int64_t n, d;
} Set;

static Set set_of (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  int64_t count = tensor_count(t), n = t->shape.size[0];
  if (t->dtype == F64)
    return (Set) { NULL, rows_finite(c, name).at, n, count / n };
  t = float_of(t);
  float *single = (float *) room((count + 1) / 2);
  t->storage->device->download(single, tensor_data(t),
                               (size_t) count * sizeof *single);
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(single[i]))
      bad_row(c, name, i / (count / n), single[i]);
  return (Set) { single, NULL, n, count / n };
}

static double number_at (const Set *s, int64_t row, int64_t j) {
  int64_t at = row * s->d + j;
  return s->single != NULL ? s->single[at] : s->wide[at];
}

/* Rows from `from` on as columns: to [d, WIDE]; the last row stands in for
 * those that are missing. */
static void pack (double *to, const Set *s, int64_t from) {
  for (int64_t k = 0; k < WIDE; k++) {
    int64_t row = from + k < s->n ? from + k : s->n - 1;
    for (int64_t j = 0; j < s->d; j++)
      to[j * WIDE + k] = number_at(s, row, j);
  }
}

/* out [TALL, WIDE]: squared distances of TALL rows a [TALL, d] from b
 * [d, WIDE]. */
CLONES
static void tile (double *out, const double *a, const double *b, int64_t d) {
  Lanes sum[TALL][VECTORS] = { 0 };
  for (int64_t j = 0; j < d; j++) {
    const Lanes *v = (const Lanes *) (b + j * WIDE);
    for (int r = 0; r < TALL; r++)
      for (int k = 0; k < VECTORS; k++) {
        Lanes u = a[r * d + j] - v[k];
        sum[r][k] += u * u;
      }
  }
  memcpy(out, sum, sizeof sum);
}

/* Squared distances of row i of the first set from `count` rows of the second,
 * from j on, and what is done with them. */
typedef struct Some {
  int64_t i, j, count, thread;
  const double *far;
} Some;

typedef void Visit (void *job, const Some *s);

typedef struct Walk {
  const Set *a, *b;
  Visit *visit;
  void *job;
} Walk;

/* Rows from `from` of the first set against all of the second; work [ROWS d +
 * WIDE d].  Missing rows at the end are zeros, and not visited. */
static void walk_rows (const Walk *w, int thread, int64_t from, double *work) {
  int64_t d = w->a->d, left = w->a->n - from;
  double *columns = work + ROWS * d, far[TALL * WIDE];
  int64_t rows = left < ROWS ? left : ROWS;
  for (int64_t i = 0; i < ROWS; i++)
    for (int64_t j = 0; j < d; j++)
      work[i * d + j] = i < rows ? number_at(w->a, from + i, j) : 0;
  for (int64_t j = 0; j < w->b->n; j += WIDE) {
    int64_t count = w->b->n - j < WIDE ? w->b->n - j : WIDE;
    pack(columns, w->b, j);
    for (int64_t i = 0; i < rows; i += TALL) {
      tile(far, work + i * d, columns, d);
      for (int64_t r = 0; r < TALL && i + r < rows; r++)
        w->visit(w->job, &(Some) { from + i + r, j, count, thread,
                                   far + r * WIDE });
    }
  }
}

static void walk (const Set *a, const Set *b, Visit *visit, void *job) {
  Walk w = { a, b, visit, job };
  int64_t area = (ROWS + WIDE) * a->d;
  double *work = room(omp_get_max_threads() * area);
  #pragma omp parallel for schedule(static, 1)
  for (int64_t i = 0; i < a->n; i += ROWS)
    walk_rows(&w, omp_get_thread_num(), i,
              work + omp_get_thread_num() * area);
}

/* ---- radii --------------------------------------------------------------- */

/* The k smallest so far of each row, ascending: near [n, k]. */
typedef struct Nearest {
  double *near;
  int64_t k;
} Nearest;

static void keep_nearest (void *job, const Some *s) {
  const Nearest *n = job;
  double *near = n->near + s->i * n->k;
  for (int64_t c = 0; c < s->count; c++)
    if (s->far[c] < near[n->k - 1] && s->j + c != s->i) {
      int64_t at = n->k - 1;
      for (; at > 0 && near[at - 1] > s->far[c]; at--)
        near[at] = near[at - 1];
      near[at] = s->far[c];
    }
}

/* Squared radii of the balls. */
static double *radii (const Set *s, int64_t k) {
  Nearest job = { room(s->n * k), k };
  double *radius = room(s->n);
  for (int64_t i = 0; i < s->n * k; i++)
    job.near[i] = INFINITY;
  walk(s, s, keep_nearest, &job);
  for (int64_t i = 0; i < s->n; i++)
    radius[i] = job.near[i * k + k - 1];
  return radius;
}

/* ---- real rows against fake ones ----------------------------------------- */

typedef struct Judge {
  const double *real, *fake;      /* squared radii */
  bool edge;                      /* a point on the edge is inside */
  double *holds, *recalled;       /* of real rows: fake rows in its ball; 0, 1 */
  char *precise;                  /* [threads, fakes] */
  int64_t fakes;
} Judge;

static void judge (void *job, const Some *s) {
  const Judge *g = job;
  char *precise = g->precise + s->thread * g->fakes + s->j;
  double radius = g->real[s->i];
  int64_t holds = 0, recalled = 0;
  for (int64_t c = 0; c < s->count; c++) {
    double u = s->far[c], other = g->fake[s->j + c];
    int inside = g->edge ? u <= radius : u < radius;
    holds += inside;
    precise[c] = (char) (precise[c] | inside);
    recalled |= g->edge ? u <= other : u < other;
  }
  g->holds[s->i] += (double) holds;
  g->recalled[s->i] = recalled ? 1 : g->recalled[s->i];
}

static void need_sets (const Call *c) {
  static const char *const names[] = { "real", "fake" };
  int64_t k = arg_int(c, "k");
  if (k < 1)
    bad_arg(c, "k", "must be at least 1, got %lld", (long long) k);
  for (int i = 0; i < 2; i++) {
    need_rank(c, names[i], 2);
    need_axes(c, names[i], 2);
    if (arg(c, names[i])->shape.size[0] <= k)
      bad_arg(c, names[i], "needs more than k = %lld rows, got %s",
              (long long) k, shape_text(&arg(c, names[i])->shape));
  }
  if (arg(c, "real")->shape.size[1] != arg(c, "fake")->shape.size[1])
    bad_arg(c, "fake", "has %s, but real has %s: the same number of features "
            "is needed", shape_text(&arg(c, "fake")->shape),
            shape_text(&arg(c, "real")->shape));
}

static void prdc_shape (const Call *c, Shape *y, DType *dtype) {
  need_sets(c);
  *y = shape_of(1, 4);
  *dtype = F64;
}

static void prdc_forward (Call *c, Tensor *y) {
  Set real = set_of(c, "real"), fake = set_of(c, "fake");
  int64_t k = arg_int(c, "k"), threads = omp_get_max_threads();
  Judge g = { radii(&real, k), radii(&fake, k), arg_bool(c, "edge"),
              room(real.n), room(real.n),
              (char *) room(threads * fake.n / 8 + 1), fake.n };
  double precision = 0, recall = 0, density = 0, coverage = 0;
  walk(&real, &fake, judge, &g);
  for (int64_t j = 0; j < fake.n; j++) {
    int any = 0;
    for (int64_t t = 0; t < threads; t++)
      any |= g.precise[t * fake.n + j];
    precision += any;
  }
  for (int64_t i = 0; i < real.n; i++) {
    recall += g.recalled[i];
    density += g.holds[i];
    coverage += g.holds[i] > 0;
  }
  put(y, (double[]) { precision / (double) fake.n, recall / (double) real.n,
                      density / (double) k / (double) fake.n,
                      coverage / (double) real.n });
}

/* ---- realism ------------------------------------------------------------- */

typedef struct Realism {
  const double *radius;
  double *best;
} Realism;

static void rate (void *job, const Some *s) {
  const Realism *r = job;
  for (int64_t c = 0; c < s->count; c++) {
    double ratio = sqrt(r->radius[s->j + c]) / (sqrt(s->far[c]) + 1e-5);
    r->best[s->i] = ratio > r->best[s->i] ? ratio : r->best[s->i];
  }
}

static void realism_shape (const Call *c, Shape *y, DType *dtype) {
  need_sets(c);
  *y = shape_of(1, (int) arg(c, "fake")->shape.size[0]);
  *dtype = F64;
}

static void realism_forward (Call *c, Tensor *y) {
  Set real = set_of(c, "real"), fake = set_of(c, "fake");
  Realism job = { radii(&real, arg_int(c, "k")), room(fake.n) };
  walk(&fake, &real, rate, &job);
  put(y, job.best);
}

const Op prdc_ops[] = {
  { .name = "prdc", .args = "real:tensor fake:tensor | k:int=5 edge:bool=false",
    .doc = "Precision, recall, density and coverage of generated features "
           "among real ones, with balls to the k-th nearest neighbour (itself "
           "not counted).  real: [N, D], fake: [M, D], more than k rows each. "
           " edge: a point at just the radius is inside (improved precision "
           "and recall), else it is not (prdc).  Result: [4], float64.  "
           "Exact: every distance is the float64 sum of squared differences.  "
           "Kynkäänniemi et al. 2019; Naeem et al. 2020.",
    .example = "prdc(randn(20, 3), randn(30, 3))",
    .cases = { "prdc(randn(2, 1), randn(3, 1), { k = 1, edge = true })",
               "prdc(randn(300, 5), randn(261, 5), { k = 2 })" },
    .bench = "prdc(randn(10000, 64), randn(10000, 64))",
    .shape = prdc_shape, .forward = prdc_forward,
    .no_gradient = "a metric" },
  { .name = "realism", .args = "real:tensor fake:tensor | k:int=5",
    .doc = "Realism of each generated feature: the largest, over the balls of "
           "the real ones, of radius / (distance + 1e-5).  real: [N, D], "
           "fake: [M, D], more than k rows each.  Result: [M], float64; 1 "
           "and more: inside a ball.  Kynkäänniemi et al. 2019.",
    .example = "realism(randn(20, 3), randn(7, 3))",
    .shape = realism_shape, .forward = realism_forward,
    .no_gradient = "a metric" },
  { 0 }
};
