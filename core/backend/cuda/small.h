/*
 * small.h - small work: kernels over a few thousand elements, which cost more
 * to launch than to do.
 *
 * Where its arguments are small, a kernel becomes a step of a program that one
 * block runs, one step behind the other.  Call by call a program has one step.
 * While a graph is captured steps wait until a launch needs what they write or
 * writes what they use, so that the many small kernels of a training step
 * become a few.
 */
#ifndef small_h
#define small_h

#include "backend/cuda/cuda.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* True if the call has become a step; those that no file defines are NULL. */
#define KERNEL(name, ...) \
  bool small_##name (PARAMS(__VA_ARGS__)) __attribute__((weak));
#include "backend/kernels.def"
bool small_finish (float *y, int64_t rows, int64_t columns,
                   const float *bias, Activation act);

/* Room for n numbers that the next launch leaves to small_columns; NULL: out
 * of memory.  It is free again when the steps have run. */
double *small_room (size_t n);
/* y [columns] = scale times the sums of parts [rows, columns], by a step. */
cudaError_t small_columns (float *y, const double *parts, int64_t rows,
                           int64_t columns, double scale);

/* sum = the sum of n parts, and NaN if loss (data NULL: none) is not finite;
 * by a step. */
cudaError_t small_total (View sum, const double *parts, int64_t n, View loss);

/* After a step was added: runs it, unless a graph is being captured. */
cudaError_t small_added (void);
/* Before a launch that is told by small_touch: runs the steps that wait if it
 * meets them. */
void small_begin (void);
void small_touch (const View *v, bool writes);
cudaError_t small_settle (void);
/* Runs all steps that wait; or does not. */
cudaError_t small_flush (void);
void small_forget (void);

bool cuda_capturing (void);              /* graph.c */

#ifdef __cplusplus
}
#endif

#endif
