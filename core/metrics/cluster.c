/*
 * cluster.c - a mixture of normals with full covariances fitted to codes by
 * expectation maximisation (Dempster, Laird and Rubin 1977), and k-means.
 *
 * Start: k-means++ (Arthur and Vassilvitskii 2007) with the random numbers
 * that the caller gives, then ten rounds of k-means.  Everything is float64,
 * about the mean of the data, which is added again at the end.  Rows are cut
 * into PARTS parts by their number alone; each part has sums of its own and the
 * parts are added in order, so the number of threads changes no bit.
 */
#include "metrics/metric.h"

#include <math.h>
#include <string.h>

enum { PARTS = 16, BLOCK = 64, KMEANS_ROUNDS = 10 };

/* Component k: weight[k], mean[k d], the lower Cholesky factor of its
 * covariance chol[k d d], that factor's inverse inv[k d d], and log_norm[k],
 * the log of its weight and of what stands before the exponential. */
typedef struct Mixture {
  int64_t k, d;
  double *weight, *mean, *chol, *inv, *log_norm;
} Mixture;

/* Sums over rows: of responsibilities, of rows and of their products (lower
 * half) with them, and of log densities. */
typedef struct Sums {
  double *count, *first, *second, logp;
} Sums;

static Mixture mixture_new (int64_t k, int64_t d) {
  return (Mixture) { k, d, room(k), room(k * d), room(k * d * d),
                     room(k * d * d), room(k) };
}

static int64_t sums_size (const Mixture *m) {
  return m->k * (1 + m->d + m->d * m->d);
}

static Sums sums_at (double *numbers, const Mixture *m) {
  return (Sums) { numbers, numbers + m->k, numbers + m->k * (1 + m->d), 0 };
}

/* ---- maximisation -------------------------------------------------------- */

/* a [d, d] becomes its lower Cholesky factor; a pivot is at least floor. */
static void cholesky (double *a, int64_t d, double floor) {
  for (int64_t j = 0; j < d; j++)
    for (int64_t i = 0; i < d; i++) {
      double sum = a[i * d + j];
      for (int64_t k = 0; k < j; k++)
        sum -= a[i * d + k] * a[j * d + k];
      if (i < j)
        a[i * d + j] = 0;
      else if (i == j)
        a[i * d + j] = sqrt(sum > floor ? sum : floor);
      else
        a[i * d + j] = sum / a[j * d + j];
    }
}

/* The inverse of a lower triangle, column by column. */
static void invert (double *inv, const double *l, int64_t d) {
  memset(inv, 0, (size_t) (d * d) * sizeof *inv);
  for (int64_t j = 0; j < d; j++)
    for (int64_t i = j; i < d; i++) {
      double sum = i == j;
      for (int64_t k = j; k < i; k++)
        sum -= l[i * d + k] * inv[k * d + j];
      inv[i * d + j] = sum / l[i * d + i];
    }
}

static void prepare (Mixture *m, int64_t k) {
  const double *l = m->chol + k * m->d * m->d;
  invert(m->inv + k * m->d * m->d, l, m->d);
  double sum = log(m->weight[k]) - (double) m->d / 2 * log(2 * M_PI);
  for (int64_t i = 0; i < m->d; i++)
    sum -= log(l[i * m->d + i]);
  m->log_norm[k] = sum;
}

/* A component with less than one row keeps its shape and loses its weight. */
static void maximise (Mixture *m, const Sums *s, int64_t n, double floor) {
  int64_t d = m->d;
  for (int64_t k = 0; k < m->k; k++) {
    double *mean = m->mean + k * d, *cov = m->chol + k * d * d;
    double count = s->count[k];
    m->weight[k] = count / (double) n;
    if (count >= 1) {
      for (int64_t i = 0; i < d; i++)
        mean[i] = s->first[k * d + i] / count;
      for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++)
          cov[i * d + j] = s->second[(k * d + i) * d + j] / count
                         - mean[i] * mean[j] + (i == j ? floor : 0);
      cholesky(cov, d, floor);
    }
    prepare(m, k);
  }
}

/* ---- expectation --------------------------------------------------------- */

/* Adds a row with responsibility r of component k to the sums. */
CLONES
static void add_row (double *count, double *first, double *second,
                     const double *row, int64_t d, double r) {
  *count += r;
  for (int64_t i = 0; i < d; i++) {
    double a = r * row[i];
    first[i] += a;
    for (int64_t j = 0; j <= i; j++)
      second[i * d + j] += a * row[j];
  }
}

/* Log densities of component k at a block of rows, given as columns
 * x [d, BLOCK]: |inv (x - mean)|^2 row by row of the triangle. */
CLONES
static void log_density (double *out, const double *x, const double *mean,
                         const double *inv, double log_norm, int64_t d) {
  double square[BLOCK] = { 0 };
  for (int64_t i = 0; i < d; i++) {
    double y[BLOCK] = { 0 };
    for (int64_t j = 0; j <= i; j++)
      for (int64_t b = 0; b < BLOCK; b++)
        y[b] += inv[i * d + j] * (x[j * BLOCK + b] - mean[j]);
    for (int64_t b = 0; b < BLOCK; b++)
      square[b] += y[b] * y[b];
  }
  for (int64_t b = 0; b < BLOCK; b++)
    out[b] = log_norm - square[b] / 2;
}

/* Column b of density [k, BLOCK] becomes responsibilities; returns the log
 * density of the mixture. */
static double respond (double *density, int64_t k) {
  double top = density[0], sum = 0;
  for (int64_t i = 1; i < k; i++)
    top = density[i * BLOCK] > top ? density[i * BLOCK] : top;
  for (int64_t i = 0; i < k; i++)
    sum += density[i * BLOCK] = exp(density[i * BLOCK] - top);
  for (int64_t i = 0; i < k; i++)
    density[i * BLOCK] /= sum;
  return top + log(sum);
}

/* Responsibilities below the rounding of the sums are left out. */
static void block_sums (const Mixture *m, const double *rows, int64_t count,
                        double *columns, double *density, Sums *s) {
  int64_t d = m->d;
  for (int64_t b = 0; b < count; b++)
    for (int64_t j = 0; j < d; j++)
      columns[j * BLOCK + b] = rows[b * d + j];
  for (int64_t k = 0; k < m->k; k++)
    log_density(density + k * BLOCK, columns, m->mean + k * d,
                m->inv + k * d * d, m->log_norm[k], d);
  for (int64_t b = 0; b < count; b++) {
    s->logp += respond(density + b, m->k);
    for (int64_t k = 0; k < m->k; k++)
      if (density[k * BLOCK + b] > 1e-16)
        add_row(s->count + k, s->first + k * d, s->second + k * d * d,
                rows + b * d, d, density[k * BLOCK + b]);
  }
}

/* First row of a part; parts begin at blocks. */
static int64_t part_start (int64_t part, int64_t n) {
  int64_t start = (n + BLOCK - 1) / BLOCK * part / PARTS * BLOCK;
  return start < n ? start : n;
}

static void add_parts (double *sum, const double *parts, int64_t size) {
  for (int64_t i = 0; i < size; i++)
    sum[i] = parts[i];
  for (int64_t p = 1; p < PARTS; p++)
    for (int64_t i = 0; i < size; i++)
      sum[i] += parts[p * size + i];
}

/* Sums of all rows under m; work holds PARTS sums and block areas. */
static void expect (const Mixture *m, Rows x, double *work, Sums *total) {
  int64_t size = sums_size(m), area = BLOCK * (m->d + m->k);
  double *areas = work + PARTS * size, logp[PARTS];
  memset(work, 0, (size_t) (PARTS * size) * sizeof *work);
  #pragma omp parallel for
  for (int64_t p = 0; p < PARTS; p++) {
    Sums s = sums_at(work + p * size, m);
    int64_t end = part_start(p + 1, x.n);
    for (int64_t r = part_start(p, x.n); r < end; r += BLOCK)
      block_sums(m, x.at + r * x.d, end - r < BLOCK ? end - r : BLOCK,
                 areas + p * area, areas + p * area + BLOCK * m->d, &s);
    logp[p] = s.logp;
  }
  add_parts(total->count, work, size);
  total->logp = 0;
  for (int64_t p = 0; p < PARTS; p++)
    total->logp += logp[p];
}

/* ---- the start ----------------------------------------------------------- */

static double distance (const double *a, const double *b, int64_t d) {
  double sum = 0;
  for (int64_t j = 0; j < d; j++)
    sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/* Each centre is a row, drawn in proportion to its squared distance from the
 * nearest centre so far. */
static void plus_plus (Mixture *m, Rows x, const double *u) {
  double *near = room(x.n), total = (double) x.n;
  for (int64_t r = 0; r < x.n; r++)
    near[r] = 1;
  for (int64_t k = 0; k < m->k; k++) {
    double left = u[k] * total;
    int64_t pick = 0;
    while (pick < x.n - 1 && (left -= near[pick]) >= 0)
      pick++;
    double *centre = m->mean + k * x.d;
    memcpy(centre, x.at + pick * x.d, (size_t) x.d * sizeof *centre);
    total = 0;
    for (int64_t r = 0; r < x.n; r++) {
      double far = distance(x.at + r * x.d, centre, x.d);
      near[r] = k == 0 || far < near[r] ? far : near[r];
      total += near[r];
    }
  }
}

static void assign (const Mixture *m, Rows x, double *label) {
  #pragma omp parallel for
  for (int64_t r = 0; r < x.n; r++) {
    double best = INFINITY;
    for (int64_t k = 0; k < m->k; k++) {
      double far = distance(x.at + r * x.d, m->mean + k * x.d, x.d);
      if (far < best) {
        best = far;
        label[r] = (double) k;
      }
    }
  }
}

/* Sums with every row wholly in its cluster. */
static void hard_sums (const Mixture *m, Rows x, const double *label,
                       Sums *s) {
  memset(s->count, 0, (size_t) sums_size(m) * sizeof *s->count);
  for (int64_t r = 0; r < x.n; r++) {
    int64_t k = (int64_t) label[r];
    add_row(s->count + k, s->first + k * x.d, s->second + k * x.d * x.d,
            x.at + r * x.d, x.d, 1);
  }
}

/* The covariance of a cluster without rows is the unit matrix. */
static void start (Mixture *m, Rows x, const double *u, double floor,
                   Sums *s) {
  double *label = room(x.n);
  plus_plus(m, x, u);
  for (int round = 0; round < KMEANS_ROUNDS; round++) {
    assign(m, x, label);
    hard_sums(m, x, label, s);
    for (int64_t i = 0; i < m->k * x.d; i++)
      if (s->count[i / x.d] > 0)
        m->mean[i] = s->first[i] / s->count[i / x.d];
  }
  for (int64_t i = 0; i < m->k * x.d; i++)
    m->chol[i * x.d + i % x.d] = 1;
  maximise(m, s, x.n, floor);
}

/* ---- the record ---------------------------------------------------------- */

static void gmm_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  need_rank(c, "u", 1);
  int64_t n = arg(c, "x")->shape.size[0], d = arg(c, "x")->shape.size[1];
  int64_t k = arg(c, "u")->shape.size[0];
  if (k < 1 || k > n)
    bad_arg(c, "u", "asks for %lld components, between 1 and the %lld rows of "
            "x are possible", (long long) k, (long long) n);
  *y = shape_of(2, (int) k, (int) (1 + d + d * d));
  *dtype = F32;
}

/* The mean of the rows is taken off them. */
static void centre (Rows x, double *mean) {
  for (int64_t i = 0; i < x.n * x.d; i++)
    mean[i % x.d] += x.at[i] / (double) x.n;
  for (int64_t i = 0; i < x.n * x.d; i++)
    x.at[i] -= mean[i % x.d];
}

static void write (const Mixture *m, const double *mean, double *out) {
  int64_t d = m->d;
  for (int64_t k = 0; k < m->k; k++, out += 1 + d + d * d) {
    out[0] = m->weight[k];
    for (int64_t i = 0; i < d; i++)
      out[1 + i] = m->mean[k * d + i] + mean[i];
    memcpy(out + 1 + d, m->chol + k * d * d, (size_t) (d * d) * sizeof *out);
  }
}

static void gmm_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x"), u = rows_finite(c, "u");
  double tol = number_of(c, "tol"), floor = number_of(c, "floor");
  Mixture m = mixture_new(u.n, x.d);
  double *mean = room(x.d), before = -INFINITY;
  double *work = room(PARTS * (sums_size(&m) + BLOCK * (x.d + u.n)));
  Sums s = sums_at(room(sums_size(&m)), &m);
  centre(x, mean);
  start(&m, x, u.at, floor, &s);
  for (int64_t step = 0; step < arg_int(c, "steps"); step++) {
    expect(&m, x, work, &s);
    maximise(&m, &s, x.n, floor);
    double now = s.logp / (double) x.n;
    if (fabs(now - before) < tol)
      break;
    before = now;
  }
  double *out = room(tensor_count(y));
  write(&m, mean, out);
  put(y, out);
}

/* ---- densities of a fitted mixture --------------------------------------- */

static void logp_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  need_rank(c, "g", 2);
  int64_t d = arg(c, "x")->shape.size[1];
  if (arg(c, "g")->shape.size[1] != 1 + d + d * d)
    bad_arg(c, "g", "must be a mixture of normals of %lld numbers as gmm gives "
            "it, [K, %lld], got %s", (long long) d,
            (long long) (1 + d + d * d), shape_text(&arg(c, "g")->shape));
  *y = shape_of(1, (int) arg(c, "x")->shape.size[0]);
  *dtype = F64;
}

static Mixture read_mixture (Rows g, int64_t d) {
  Mixture m = mixture_new(g.n, d);
  const double *in = g.at;
  for (int64_t k = 0; k < m.k; k++, in += 1 + d + d * d) {
    m.weight[k] = in[0];
    memcpy(m.mean + k * d, in + 1, (size_t) d * sizeof *in);
    memcpy(m.chol + k * d * d, in + 1 + d, (size_t) (d * d) * sizeof *in);
    prepare(&m, k);
  }
  return m;
}

static void logp_block (const Mixture *m, const double *rows, int64_t count,
                        double *columns, double *density, double *out) {
  int64_t d = m->d;
  for (int64_t b = 0; b < count; b++)
    for (int64_t j = 0; j < d; j++)
      columns[j * BLOCK + b] = rows[b * d + j];
  for (int64_t k = 0; k < m->k; k++)
    log_density(density + k * BLOCK, columns, m->mean + k * d,
                m->inv + k * d * d, m->log_norm[k], d);
  for (int64_t b = 0; b < count; b++)
    out[b] = respond(density + b, m->k);
}

static void logp_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x"), g = rows_finite(c, "g");
  Mixture m = read_mixture(g, x.d);
  int64_t area = BLOCK * (m.d + m.k);
  double *areas = room(PARTS * area), *out = room(x.n);
  #pragma omp parallel for
  for (int64_t p = 0; p < PARTS; p++) {
    int64_t end = part_start(p + 1, x.n);
    double *columns = areas + p * area;
    for (int64_t r = part_start(p, x.n); r < end; r += BLOCK)
      logp_block(&m, x.at + r * x.d, end - r < BLOCK ? end - r : BLOCK,
                 columns, columns + BLOCK * m.d, out + r);
  }
  put(y, out);
}

/* ---- k-means ------------------------------------------------------------- */

static void kmeans_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  need_rank(c, "u", 2);
  int64_t n = arg(c, "x")->shape.size[0];
  int64_t k = arg(c, "u")->shape.size[1];
  if (k < 1 || k > n || arg(c, "u")->shape.size[0] < 1)
    bad_arg(c, "u", "[starts, K] asks for %lld clusters, between 1 and the "
            "%lld rows of x are possible", (long long) k, (long long) n);
  *y = shape_of(1, (int) n);
  *dtype = I32;
}

/* Means of the clusters; one that lost its rows stays where it was. */
static void move_means (Mixture *m, Rows x, const double *label,
                        double *count) {
  double *sum = count + m->k;
  memset(count, 0, (size_t) (m->k * (1 + x.d)) * sizeof *count);
  for (int64_t r = 0; r < x.n; r++) {
    int64_t k = (int64_t) label[r];
    count[k]++;
    for (int64_t j = 0; j < x.d; j++)
      sum[k * x.d + j] += x.at[r * x.d + j];
  }
  for (int64_t i = 0; i < m->k * x.d; i++)
    if (count[i / x.d] > 0)
      m->mean[i] = sum[i] / count[i / x.d];
}

/* Rounds of k-means (Lloyd 1982) until no row changes its cluster; returns the
 * sum of squared distances to the means. */
static double settle (Mixture *m, Rows x, int64_t rounds, double *label,
                      double *before, double *sums) {
  double total = 0;
  for (int64_t round = 0; round < rounds; round++) {
    assign(m, x, label);
    if (memcmp(label, before, (size_t) x.n * sizeof *label) == 0)
      break;
    memcpy(before, label, (size_t) x.n * sizeof *label);
    move_means(m, x, label, sums);
  }
  for (int64_t r = 0; r < x.n; r++)
    total += distance(x.at + r * x.d, m->mean + (int64_t) label[r] * x.d, x.d);
  return total;
}

static void kmeans_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x"), u = rows_finite(c, "u");
  Mixture m = { u.d, x.d, NULL, room(u.d * x.d), NULL, NULL, NULL };
  double *label = room(x.n), *best = room(x.n), *before = room(x.n);
  double *sums = room(m.k * (1 + x.d)), *mean = room(x.d), least = INFINITY;
  centre(x, mean);
  for (int64_t s = 0; s < u.n; s++) {
    plus_plus(&m, x, u.at + s * u.d);
    before[0] = -1;
    double total = settle(&m, x, arg_int(c, "steps"), label, before, sums);
    if (total < least) {
      least = total;
      memcpy(best, label, (size_t) x.n * sizeof *best);
    }
  }
  for (int64_t r = 0; r < x.n; r++)
    best[r]++;
  put(y, best);
}

const Op cluster_ops[] = {
  { .name = "gmm",
    .args = "x:tensor u:tensor | steps:int=100 tol:value=1e-3 "
            "floor:value=1e-6",
    .doc = "Mixture of normals with full covariances, fitted to the rows of x "
           "by expectation maximisation from a k-means++ start.  x: [N, D]; "
           "u: [K] uniform random numbers, one a component.  Stops when the "
           "mean log density gains less than tol, or after steps rounds; "
           "floor is added to the variances.  Result: [K, 1 + D + D D], a "
           "component a row: weight, mean, lower Cholesky factor of the "
           "covariance.",
    .example = "gmm(randn(40, 2), rand(3))",
    .cases = { "gmm(randn(1, 1), rand(1))",
               "gmm(randn(130, 5), rand(4), { steps = 3 })" },
    .bench = "gmm(randn(60000, 20), rand(10))",
    .shape = gmm_shape, .forward = gmm_forward,
    .no_gradient = "a metric" },
  { .name = "gmm_logp", .args = "x:tensor g:tensor",
    .doc = "Log density of the rows of x under a mixture of normals, in nats.  "
           "x: [N, D]; g: [K, 1 + D + D D] as gmm gives it.  Result: [N], "
           "float64.",
    .example = "gmm_logp(randn(9, 2), gmm(randn(40, 2), rand(3)))",
    .cases = { "gmm_logp(randn(70, 1), gmm(randn(20, 1), rand(1)))" },
    .shape = logp_shape, .forward = logp_forward,
    .no_gradient = "a metric" },
  { .name = "kmeans", .args = "x:tensor u:tensor | steps:int=300",
    .doc = "Clusters of the rows of x by k-means from k-means++ starts.  x: "
           "[N, D]; u: [starts, K] uniform random numbers: the start that ends "
           "with the smallest squared distances to the means is taken.  steps: "
           "at most so many rounds.  Result: int32 [N], clusters 1..K.  Lloyd "
           "1982; Arthur and Vassilvitskii 2007.",
    .example = "kmeans(randn(40, 2), rand(2, 3))",
    .cases = { "kmeans(randn(1, 1), rand(1, 1))",
               "kmeans(randn(70, 5), rand(3, 4), { steps = 2 })" },
    .bench = "kmeans(randn(10000, 20), rand(1, 10))",
    .shape = kmeans_shape, .forward = kmeans_forward,
    .no_gradient = "a metric" },
  { 0 }
};
