/*
 * latent.c - what codes tell: the number of units that are used, how well
 * classes lie apart (silhouette) and how well two labellings agree.
 */
#include "metrics/metric.h"

#include <math.h>
#include <string.h>

/* ---- distances ----------------------------------------------------------- */

void columns_of (Rows x, double *columns) {
  for (int64_t i = 0; i < x.n; i++)
    for (int64_t j = 0; j < x.d; j++)
      columns[j * x.n + i] = x.at[i * x.d + j];
}

enum { FAR_BLOCK = 512 };      /* numbers that stay in the first cache */

CLONES
void far_from (const double *row, const double *columns, int64_t n, int64_t d,
               double *far) {
  for (int64_t from = 0; from < n; from += FAR_BLOCK) {
    int64_t count = n - from < FAR_BLOCK ? n - from : FAR_BLOCK;
    double *out = far + from;
    memset(out, 0, (size_t) count * sizeof *out);
    for (int64_t j = 0; j < d; j++) {
      const double *x = columns + j * n + from;
      for (int64_t i = 0; i < count; i++)
        out[i] += (x[i] - row[j]) * (x[i] - row[j]);
    }
  }
}

/* ---- active units -------------------------------------------------------- */

static void units_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "means", 2);
  if (arg(c, "means")->shape.size[0] < 2)
    bad_arg(c, "means", "needs at least 2 rows for a variance, got %s",
            shape_text(&arg(c, "means")->shape));
  *y = shape_of(0);
  *dtype = I32;
}

static void units_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "means");
  double delta = number_of(c, "delta"), active = 0;
  for (int64_t j = 0; j < x.d; j++) {
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < x.n; i++)
      mean += x.at[i * x.d + j] / (double) x.n;
    for (int64_t i = 0; i < x.n; i++) {
      double u = x.at[i * x.d + j] - mean;
      sum += u * u;
    }
    active += sum / (double) (x.n - 1) >= delta;
  }
  put(y, &active);
}

/* ---- labels -------------------------------------------------------------- */

/* Labels 1..K of an int32 argument as 0..K-1; K is the largest. */
static int64_t *labels_of (const Call *c, const char *name, int64_t *classes) {
  Rows rows = rows_of(c, name);
  int64_t *label = (int64_t *) room(rows.n);
  *classes = 0;
  for (int64_t i = 0; i < rows.n; i++) {
    label[i] = (int64_t) rows.at[i] - 1;
    if (label[i] < 0)
      bad_arg(c, name, "counts from 1, but row %lld has %lld",
              (long long) i + 1, (long long) label[i] + 1);
    *classes = label[i] >= *classes ? label[i] + 1 : *classes;
  }
  if (*classes > 100000)
    bad_arg(c, name, "has the class %lld, at most 100000 are possible",
            (long long) *classes);
  return label;
}

static void need_labels (const Call *c, const char *name, int64_t rows) {
  need_rank(c, name, 1);
  need_dtype(c, name, I32);
  if (arg(c, name)->shape.size[0] != rows)
    bad_arg(c, name, "must have %lld labels, got %s", (long long) rows,
            shape_text(&arg(c, name)->shape));
}

/* ---- silhouette ---------------------------------------------------------- */

enum { PARTS = 32 };

static void silhouette_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 2);
  need_labels(c, "y", arg(c, "x")->shape.size[0]);
  *y = shape_of(1, (int) arg(c, "x")->shape.size[0]);
  *dtype = F64;
}

/* (b - a) / max(a, b): a is the mean distance to the others of its class, b
 * that to the nearest other class. */
static double silhouette_of (const double *sum, const double *count,
                             int64_t classes, int64_t own) {
  double b = INFINITY;
  if (count[own] < 2)
    return 0;
  double a = sum[own] / (count[own] - 1);
  for (int64_t k = 0; k < classes; k++)
    if (k != own && count[k] > 0 && sum[k] / count[k] < b)
      b = sum[k] / count[k];
  double larger = a > b ? a : b;
  return larger > 0 ? (b - a) / larger : 0;
}

static void silhouette_rows (Rows x, const double *columns,
                             const int64_t *label, const double *count,
                             int64_t classes, int64_t part, double *work,
                             double *out) {
  double *far = work, *sum = work + x.n;
  for (int64_t i = x.n * part / PARTS; i < x.n * (part + 1) / PARTS; i++) {
    far_from(x.at + i * x.d, columns, x.n, x.d, far);
    memset(sum, 0, (size_t) classes * sizeof *sum);
    for (int64_t j = 0; j < x.n; j++)
      sum[label[j]] += sqrt(far[j]);
    out[i] = silhouette_of(sum, count, classes, label[i]);
  }
}

static void silhouette_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "x");
  int64_t classes, used = 0, *label = labels_of(c, "y", &classes);
  double *count = room(classes), *columns = room(x.n * x.d), *out = room(x.n);
  double *work = room(PARTS * (x.n + classes));
  for (int64_t i = 0; i < x.n; i++)
    used += count[label[i]]++ == 0;
  if (used < 2)
    bad_arg(c, "y", "needs at least 2 classes with rows, got %lld",
            (long long) used);
  columns_of(x, columns);
  #pragma omp parallel for schedule(static, 1)
  for (int64_t p = 0; p < PARTS; p++)
    silhouette_rows(x, columns, label, count, classes, p,
                    work + p * (x.n + classes), out);
  put(y, out);
}

/* ---- agreement of two labellings ------------------------------------------ */

static void agree_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "a", 1);
  need_count(c, "a", 1);
  need_labels(c, "a", arg(c, "a")->shape.size[0]);
  need_labels(c, "b", arg(c, "a")->shape.size[0]);
  *y = shape_of(0);
  *dtype = F64;
}

/* Counts of pairs of labels [ka, kb] and of each labelling. */
typedef struct Contingency {
  int64_t n, ka, kb;
  double *both, *a, *b;
} Contingency;

static Contingency contingency (const Call *c) {
  Contingency t;
  int64_t *a = labels_of(c, "a", &t.ka), *b = labels_of(c, "b", &t.kb);
  if (t.ka * t.kb > 100000000)
    bad_arg(c, "b", "and a have %lld times %lld classes, too many for a table",
            (long long) t.kb, (long long) t.ka);
  t.n = arg(c, "a")->shape.size[0];
  t.both = room(t.ka * t.kb);
  t.a = room(t.ka);
  t.b = room(t.kb);
  for (int64_t i = 0; i < t.n; i++) {
    t.both[a[i] * t.kb + b[i]]++;
    t.a[a[i]]++;
    t.b[b[i]]++;
  }
  return t;
}

static double entropy (const double *count, int64_t k, double n) {
  double sum = 0;
  for (int64_t i = 0; i < k; i++)
    if (count[i] > 0)
      sum -= count[i] / n * log(count[i] / n);
  return sum;
}

static void nmi_forward (Call *c, Tensor *y) {
  Contingency t = contingency(c);
  double n = (double) t.n, mutual = 0;
  double ha = entropy(t.a, t.ka, n), hb = entropy(t.b, t.kb, n);
  for (int64_t i = 0; i < t.ka; i++)
    for (int64_t j = 0; j < t.kb; j++) {
      double both = t.both[i * t.kb + j];
      if (both > 0)
        mutual += both / n * log(both * n / (t.a[i] * t.b[j]));
    }
  double mean = (ha + hb) / 2;
  put(y, (double[]) { mean > 0 ? mutual / mean : 1 });
}

static double pairs (const double *count, int64_t k) {
  double sum = 0;
  for (int64_t i = 0; i < k; i++)
    sum += count[i] * (count[i] - 1) / 2;
  return sum;
}

static void ari_forward (Call *c, Tensor *y) {
  Contingency t = contingency(c);
  double n = (double) t.n, all = n * (n - 1) / 2;
  double both = pairs(t.both, t.ka * t.kb);
  double a = pairs(t.a, t.ka), b = pairs(t.b, t.kb);
  double chance = all > 0 ? a * b / all : 0, most = (a + b) / 2;
  put(y, (double[]) { most > chance ? (both - chance) / (most - chance) : 1 });
}

const Op latent_ops[] = {
  { .name = "active_units", .args = "means:tensor | delta:value=0.01",
    .doc = "Number of active units: those whose posterior mean has a variance "
           "(n - 1) of at least delta over the data.  means: [N, Z], N at "
           "least 2.  Result: one int32 number.  Burda, Grosse and "
           "Salakhutdinov 2016.",
    .example = "active_units(randn(50, 4))",
    .cases = { "active_units(randn(2, 1), { delta = 0 })" },
    .shape = units_shape, .forward = units_forward,
    .no_gradient = "a metric" },
  { .name = "silhouette", .args = "x:tensor y:tensor",
    .doc = "How well each row lies in its class: (b - a) / max(a, b), where a is "
           "its mean distance to the others of the class and b that to the "
           "nearest other class; 0 for a row alone in its class.  Over all "
           "pairs.  x: [N, D]; y: int32 [N], at least 2 classes.  Result: [N], "
           "float64, in -1..1.  Rousseeuw 1987.",
    .example = "silhouette(randn(20, 3), randint(1, 2, 20))",
    .cases = { "silhouette(randn(70, 1), randint(1, 5, 70))" },
    .bench = "silhouette(randn(5000, 20), randint(1, 10, 5000))",
    .shape = silhouette_shape, .forward = silhouette_forward,
    .no_gradient = "a metric" },
  { .name = "nmi", .args = "a:tensor b:tensor",
    .doc = "Normalised mutual information of two labellings of the same rows: "
           "divided by the mean of both entropies; 1 if they are the same "
           "partition.  a, b: int32 [N], from 1.  Result: one float64 number in "
           "0..1.  Strehl and Ghosh 2002.",
    .example = "nmi(randint(1, 3, 20), randint(1, 4, 20))",
    .cases = { "nmi(randint(1, 1, 5), randint(1, 2, 5))" },
    .shape = agree_shape, .forward = nmi_forward,
    .no_gradient = "a metric" },
  { .name = "ari", .args = "a:tensor b:tensor",
    .doc = "Adjusted Rand index of two labellings of the same rows: the share "
           "of pairs on which they agree, 0 by chance and 1 if they are the "
           "same partition.  a, b: int32 [N], from 1.  Result: one float64 "
           "number.  Hubert and Arabie 1985.",
    .example = "ari(randint(1, 3, 20), randint(1, 4, 20))",
    .cases = { "ari(randint(1, 1, 5), randint(1, 2, 5))" },
    .shape = agree_shape, .forward = ari_forward,
    .no_gradient = "a metric" },
  { 0 }
};
