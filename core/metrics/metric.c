/* metric.c - see metric.h. */
#include "metrics/metric.h"

#include "base/error.h"
#include "base/mem.h"

#include <math.h>

double *room (int64_t count) {
  own_reserve();
  double *p = mem_new((size_t) count * sizeof *p);
  own(p, mem_free);
  return p;
}

static void fetch (void *to, Tensor *t) {
  t->storage->device->download(to, tensor_data(t), (size_t) tensor_count(t)
                               * dtype_size(t->dtype));
}

/* Pixels and labels pass through float32, which holds them exactly. */
Rows rows_of (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  int64_t count = tensor_count(t);
  Rows x = { room(count), t->shape.size[0], 0 };
  x.d = x.n > 0 ? count / x.n : 0;
  if (t->dtype == F64) {
    fetch(x.at, dense(t));
    return x;
  }
  size_t mark = scope_open();
  float *single = (float *) room((count + 1) / 2);
  fetch(single, float_of(t));
  for (int64_t i = 0; i < count; i++)
    x.at[i] = single[i];
  scope_close(mark);
  return x;
}

double number_of (const Call *c, const char *name) {
  float number;
  fetch(&number, arg(c, name));
  return number;
}

Rows rows_finite (const Call *c, const char *name) {
  Rows x = rows_of(c, name);
  for (int64_t i = 0; i < x.n * x.d; i++)
    if (!isfinite(x.at[i]))
      bad_arg(c, name, "row %lld holds %s, so it has no score",
              (long long) (i / x.d + 1), isnan(x.at[i]) ? "NaN" : "infinity");
  return x;
}

void put (Tensor *y, const double *numbers) {
  int64_t count = tensor_count(y);
  const Device *device = y->storage->device;
  void *bytes = room(count);       /* large enough for every dtype */
  for (int64_t i = 0; i < count; i++)
    switch (y->dtype) {
      case F64: ((double *) bytes)[i] = numbers[i]; break;
      case F32: ((float *) bytes)[i] = (float) numbers[i]; break;
      case I32: ((int32_t *) bytes)[i] = (int32_t) numbers[i]; break;
      default: ((uint8_t *) bytes)[i] = (uint8_t) numbers[i]; break;
    }
  device->upload(tensor_data(y), bytes, (size_t) count * dtype_size(y->dtype));
}

/* Rows are walked in groups so that a group of centred rows stays in cache;
 * each thread owns rows of the result. */
enum { GROUP = 64 };

static void add_group (Rows x, const double *mean, int64_t from, int64_t to,
                       double *cov) {
  #pragma omp parallel for schedule(dynamic, 8)
  for (int64_t i = 0; i < x.d; i++)
    for (int64_t r = from; r < to; r++) {
      const double *row = x.at + r * x.d;
      double a = row[i] - mean[i], *out = cov + i * x.d;
      for (int64_t j = 0; j <= i; j++)
        out[j] += a * (row[j] - mean[j]);
    }
}

void covariance (Rows x, double *mean, double *cov) {
  for (int64_t r = 0; r < x.n; r++)
    for (int64_t j = 0; j < x.d; j++)
      mean[j] += x.at[r * x.d + j];
  for (int64_t j = 0; j < x.d; j++)
    mean[j] /= (double) x.n;
  for (int64_t r = 0; r < x.n; r += GROUP)
    add_group(x, mean, r, r + GROUP < x.n ? r + GROUP : x.n, cov);
  for (int64_t i = 0; i < x.d; i++)
    for (int64_t j = 0; j <= i; j++)
      cov[j * x.d + i] = cov[i * x.d + j] /= (double) (x.n - 1);
}
