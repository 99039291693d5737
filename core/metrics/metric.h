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

/* A value argument, read back: metrics are never part of a recorded step. */
double number_of (const Call *c, const char *name);

/* Writes numbers into a float32, float64 or int32 result on any device. */
void put (Tensor *y, const double *numbers);

/* mean [d], covariance [d, d] divided by n - 1 (n >= 2).  Summed in the order
 * of the rows by one thread per part of the result. */
void covariance (Rows x, double *mean, double *cov);

/* Rows as columns [d, n], and the squared distances of one row to all of
 * them: far [n] (latent.c). */
void columns_of (Rows x, double *columns);
void far_from (const double *row, const double *columns, int64_t n, int64_t d,
               double *far);

extern const Op frechet_ops[], inception_score_ops[], image_ops[],
                latent_ops[], mmd_ops[], cluster_ops[], tsne_ops[];

#endif
