/*
 * inception_score.c - the Inception Score from class scores (Salimans et al.
 * 2016): exp of the mean over a split of KL(p(y|x) || p(y)), where p(y) is the
 * mean of the split.
 *
 * Rows in the order given, all in float64.  Split s of S holds rows s N / S to
 * (s + 1) N / S (rounded down), and the spread over splits is the population's
 * (divided by S): the original code's, and torch-fidelity's after its shuffle.
 * With chunk, splits are of N / S rows (rounded up), the last one of what is
 * left, and the spread is the sample's (divided by one less than there are):
 * torchmetrics's.
 */
#include "metrics/metric.h"

#include <math.h>

static void score_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "logits", 2);
  int64_t n = arg(c, "logits")->shape.size[0], splits = arg_int(c, "splits");
  if (splits < 1 || splits > n)
    bad_arg(c, "splits", "must lie between 1 and the %lld rows, got %lld",
            (long long) n, (long long) splits);
  *y = shape_of(1, 2);
  *dtype = F64;
}

/* A row of logits becomes log probabilities. */
static void logsoftmax (double *row, int64_t k) {
  double top = row[0], sum = 0;
  for (int64_t j = 1; j < k; j++)
    top = row[j] > top ? row[j] : top;
  for (int64_t j = 0; j < k; j++)
    sum += exp(row[j] - top);
  for (int64_t j = 0; j < k; j++)
    row[j] -= top + log(sum);
}

/* mean KL = mean over rows of sum p log p - sum over classes of P log P */
static double score_of (const double *row, int64_t n, int64_t k, double *p) {
  double inner = 0, outer = 0;
  for (int64_t j = 0; j < k; j++)
    p[j] = 0;
  for (int64_t i = 0; i < n; i++, row += k)
    for (int64_t j = 0; j < k; j++) {
      double q = exp(row[j]);
      p[j] += q;
      inner += q > 0 ? q * row[j] : 0;
    }
  for (int64_t j = 0; j < k; j++) {
    p[j] /= (double) n;
    outer += p[j] > 0 ? p[j] * log(p[j]) : 0;
  }
  return exp(inner / (double) n - outer);
}

/* First row of a split: of equal ones, or of chunks of `size` rows. */
static int64_t split_start (int64_t s, int64_t splits, int64_t n, bool chunk) {
  int64_t size = (n + splits - 1) / splits, at = chunk ? s * size
                                                       : s * n / splits;
  return at < n ? at : n;
}

static void score_forward (Call *c, Tensor *y) {
  Rows x = rows_finite(c, "logits");
  int64_t splits = arg_int(c, "splits"), count = 0;
  bool chunk = arg_bool(c, "chunk");
  double *p = room(x.d), *score = room(splits), mean = 0, var = 0;
  #pragma omp parallel for
  for (int64_t i = 0; i < x.n; i++)
    logsoftmax(x.at + i * x.d, x.d);
  for (int64_t s = 0; s < splits; s++) {
    int64_t from = split_start(s, splits, x.n, chunk);
    int64_t to = split_start(s + 1, splits, x.n, chunk);
    if (from < to)
      score[count++] = score_of(x.at + from * x.d, to - from, x.d, p);
  }
  for (int64_t s = 0; s < count; s++)
    mean += score[s] / (double) count;
  for (int64_t s = 0; s < count; s++)
    var += (score[s] - mean) * (score[s] - mean) / (double) (count - chunk);
  put(y, (double[]) { mean, sqrt(var) });
}

const Op inception_score_ops[] = {
  { .name = "inception_score",
    .args = "logits:tensor splits:int=10 | chunk:bool=false",
    .doc = "Inception Score of class scores: exp of the mean of "
           "KL(p(y|x) || p(y)) in each split.  logits: [N, K], any order "
           "that does not sort the classes.  Result: [2], float64: mean and "
           "standard deviation over the splits (population).  Splits are "
           "rows s N / S to (s + 1) N / S, unshuffled; with chunk N / S rows "
           "rounded up, and the sample's standard deviation (NaN for one "
           "split).  Salimans et al. 2016.",
    .example = "inception_score(randn(100, 10))",
    .cases = { "inception_score(randn(1, 1), 1)",
               "inception_score(randn(7, 3), 2)",
               "inception_score(randn(7, 3), 3, { chunk = true })" },
    .bench = "inception_score(randn(10000, 10))",
    .shape = score_shape, .forward = score_forward,
    .no_gradient = "a metric" },
  { 0 }
};
