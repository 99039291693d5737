/*
 * blas.h - the one row-major matrix product that all others are made of.
 */
#ifndef cuda_blas_h
#define cuda_blas_h

#include "backend/cuda/cuda.h"

#include <stdbool.h>

/* y [batch, m, n] = a [batch, m, k] b [batch, k, n], contiguous; ta, tb: the
 * matrices lie transposed ([k, m], [n, k]); one_a, one_b: there is one matrix
 * for the whole batch.  row_y, row_a: from one row in memory to the next, 0
 * where they follow each other; for a batch of 1 alone.  add: y += a b. */
typedef struct Gemm {
  float *y;
  const float *a, *b;
  bool ta, tb;
  int64_t batch, m, n, k;
  bool one_a, one_b, add;
  int64_t row_y, row_a;
  Precision precision;
} Gemm;

cudaError_t cuda_gemm (Gemm g);

#endif
