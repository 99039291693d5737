/*
 * index.c - gather and scatter by int32 indices that count from 1.
 *
 * Indices are valid here: ops check them (autograd/index.c).  A place that is
 * named several times receives its addends in the order of the indices, by one
 * thread, so that sums have the same bits for any number of threads.
 */
#include "backend/cpu/cpu.h"

#include <string.h>

static int64_t row_size (View x) {
  int64_t n = 1;
  for (int i = 1; i < x.rank; i++)
    n *= x.size[i];
  return n;
}

/* ---- whole rows --------------------------------------------------------- */

void cpu_take_rows (View y, View x, View index) {
  int64_t rows = y.size[0];
  size_t bytes = (size_t) row_size(x) * dtype_size(x.dtype);
  const int32_t *at = index.data;
#pragma omp parallel for schedule(static) \
  if (worth_threads(rows * (int64_t) bytes / 4))
  for (int64_t i = 0; i < rows; i++)
    memcpy((char *) y.data + (size_t) i * bytes,
           (const char *) x.data + (size_t) (at[i] - 1) * bytes, bytes);
}

HOT static void add_row (float *y, const float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    y[i] += x[i];
}

/* Each piece of work owns a range of dx's rows and reads all indices. */
void cpu_take_rows_add (View dx, View dy, View index) {
  enum { RANGES = 16 };
  int64_t n = row_size(dx), rows = dx.size[0], count = dy.size[0];
  int64_t size = (rows + RANGES - 1) / RANGES;
  const int32_t *at = index.data;
#pragma omp parallel for schedule(static) if (worth_threads(count * n))
  for (int64_t k = 0; k < RANGES; k++)
    for (int64_t i = 0; i < count; i++)
      if (at[i] > k * size && at[i] <= (k + 1) * size)
        add_row((float *) dx.data + (at[i] - 1) * n,
                (const float *) dy.data + i * n, n);
}

HOT static void scale_bytes (float *y, const uint8_t *x, int64_t n,
                             float scale) {
  for (int64_t i = 0; i < n; i++)
    y[i] = (float) x[i] * scale;
}

HOT static void scale_floats (float *y, const float *x, int64_t n,
                              float scale) {
  for (int64_t i = 0; i < n; i++)
    y[i] = x[i] * scale;
}

void cpu_window (View y, View x, Whole first) {
  memcpy(y.data, (const int32_t *) x.data + *first.at - 1,
         (size_t) y.size[0] * sizeof(int32_t));
}

void cpu_take_scaled (View y, View x, View index, Scalar scale) {
  int64_t rows = y.size[0], n = row_size(x);
  const int32_t *at = index.data;
#pragma omp parallel for schedule(static) if (worth_threads(rows * n))
  for (int64_t i = 0; i < rows; i++) {
    float *to = (float *) y.data + i * n;
    int64_t from = (at[i] - 1) * n;
    if (x.dtype == U8)
      scale_bytes(to, (const uint8_t *) x.data + from, n, *scale.at);
    else
      scale_floats(to, (const float *) x.data + from, n, *scale.at);
  }
}

/* ---- elements of a row -------------------------------------------------- */

void cpu_choose (View y, View x, View index) {
  int64_t rows = x.size[0], n = x.size[1];
  const int32_t *at = index.data;
  for (int64_t r = 0; r < rows; r++)
    ((float *) y.data)[r] = ((const float *) x.data)[r * n + at[r] - 1];
}

void cpu_choose_add (View dx, View dy, View index) {
  int64_t rows = dx.size[0], n = dx.size[1];
  const int32_t *at = index.data;
  for (int64_t r = 0; r < rows; r++)
    ((float *) dx.data)[r * n + at[r] - 1] += ((const float *) dy.data)[r];
}

void cpu_along (View y, View x, View index) {
  int64_t rows = y.size[0], n = x.size[1], k = y.size[1];
#pragma omp parallel for schedule(static) if (worth_threads(rows * k))
  for (int64_t r = 0; r < rows; r++) {
    const int32_t *at = (const int32_t *) index.data + r * k;
    for (int64_t i = 0; i < k; i++)
      ((float *) y.data)[r * k + i] = ((const float *) x.data)[r * n + at[i]
                                                               - 1];
  }
}

void cpu_along_add (View dx, View dy, View index) {
  int64_t rows = dy.size[0], n = dx.size[1], k = dy.size[1];
#pragma omp parallel for schedule(static) if (worth_threads(rows * k))
  for (int64_t r = 0; r < rows; r++) {
    const int32_t *at = (const int32_t *) index.data + r * k;
    const float *from = (const float *) dy.data + r * k;
    float *to = (float *) dx.data + r * n;
    for (int64_t i = 0; i < k; i++)
      to[at[i] - 1] += from[i];
  }
}

void cpu_one_hot (View y, View index) {
  int64_t rows = y.size[0], n = y.size[1];
  const int32_t *at = index.data;
  float *to = y.data;
  memset(to, 0, (size_t) (rows * n) * sizeof *to);
  for (int64_t r = 0; r < rows; r++)
    to[r * n + at[r] - 1] = 1;
}
