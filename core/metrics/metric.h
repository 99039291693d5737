/*
 * metric.h - what the metrics share: tensors as float64 rows on the host.
 *
 * A metric is an Op record like any other, without a gradient.  It reads its
 * arguments as rows (axis 1 counts them, the rest is flattened), computes in
 * float64 on the host and writes its few results back, so that one text serves
 * every device.
 */
#ifndef metric_h
#define metric_h

#include "autograd/op.h"

/* A loop that the compiler also makes for AVX2 and AVX-512, chosen when the
 * program starts.  Sums must not be vectorised over: the order is the same. */
#define CLONES \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))

typedef struct Rows {
  double *at;         /* [n, d], owned by the scope */
  int64_t n, d;
} Rows;

/* Zeroed numbers that the scope owns. */
double *room (int64_t count);

/* Argument name as rows; with rows_finite a NaN or an infinity is the user's
 * mistake, named by its row, and never a NaN in a score. */
Rows rows_of (const Call *c, const char *name);
Rows rows_finite (const Call *c, const char *name);

/* That mistake; rows count from 0 here. */
_Noreturn void bad_row (const Call *c, const char *name, int64_t row,
                        double number);

/* A value argument, read back: metrics are never part of a recorded step. */
double number_of (const Call *c, const char *name);

/* Writes numbers into a float32, float64 or int32 result on any device. */
void put (Tensor *y, const double *numbers);

/* The rows of a tensor of any size, some at a time: after rows_next, which
 * returns how many there are (0 at the end), they lie at `at` and may be
 * written over.  A NaN or an infinity is the user's mistake. */
enum { STRETCH = 512 };

typedef struct RowSource {
  const Call *call;
  const char *name;
  Tensor *tensor;
  int64_t row, n, d;
  double *at;
} RowSource;

RowSource rows_source (const Call *c, const char *name);
int64_t rows_next (RowSource *s);
void rows_again (RowSource *s);      /* from the first row on */

/* mean [d], covariance [d, d] divided by n - 1 (n >= 2); both zero before. */
void covariance (RowSource *x, double *mean, double *cov);

/* NumPy's legacy generator RandomState(seed): Mersenne Twister MT19937
 * (Matsumoto and Nishimura 1998) and its shuffle, number for number, so that
 * scores of programs that draw subsets with it can be repeated. */
typedef struct Twister {
  uint32_t word[624];
  int next;
} Twister;

void twister_seed (Twister *t, uint32_t seed);
void twister_permutation (Twister *t, int32_t *at, int64_t n);   /* of 0.. */

/* Rows as columns [d, n], and the squared distances of one row to all of
 * them: far [n] (latent.c). */
void columns_of (Rows x, double *columns);
void far_from (const double *row, const double *columns, int64_t n, int64_t d,
               double *far);

extern const Op frechet_ops[], inception_score_ops[], image_ops[],
                latent_ops[], mmd_ops[], cluster_ops[], kid_ops[],
                prdc_ops[], tsne_ops[];

#endif
