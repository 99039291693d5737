/* metric.c - see metric.h. */
#include "metrics/metric.h"

#include "base/error.h"
#include "backend/linalg.h"
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

_Noreturn void bad_row (const Call *c, const char *name, int64_t row,
                        double number) {
  bad_arg(c, name, "row %lld holds %s, so it has no score",
          (long long) (row + 1), isnan(number) ? "NaN" : "infinity");
}

Rows rows_finite (const Call *c, const char *name) {
  Rows x = rows_of(c, name);
  for (int64_t i = 0; i < x.n * x.d; i++)
    if (!isfinite(x.at[i]))
      bad_row(c, name, i / x.d, x.at[i]);
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

RowSource rows_source (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  RowSource s = { c, name, t->dtype == F64 ? dense(t) : float_of(t), 0,
                  t->shape.size[0], 0, NULL };
  s.d = s.n > 0 ? tensor_count(t) / s.n : 0;
  s.at = room((STRETCH + STRETCH / 2) * s.d);
  return s;
}

int64_t rows_next (RowSource *s) {
  int64_t count = s->n - s->row < STRETCH ? s->n - s->row : STRETCH;
  const Device *device = s->tensor->storage->device;
  size_t size = dtype_size(s->tensor->dtype), length = (size_t) s->d * size;
  const char *from = (const char *) tensor_data(s->tensor)
                   + (size_t) s->row * length;
  bool wide = s->tensor->dtype == F64;
  float *single = (float *) (s->at + STRETCH * s->d);
  if (count > 0)
    device->download(wide ? (void *) s->at : single, from,
                     (size_t) count * length);
  for (int64_t i = 0; i < count * s->d; i++) {
    if (!wide)
      s->at[i] = single[i];
    if (!isfinite(s->at[i]))
      bad_row(s->call, s->name, s->row + i / s->d, s->at[i]);
  }
  s->row += count;
  return count;
}

void rows_again (RowSource *s) {
  s->row = 0;
}

void covariance (RowSource *x, double *mean, double *cov) {
  int64_t count, d = x->d;
  while ((count = rows_next(x)) > 0)
    for (int64_t r = 0; r < count; r++)
      for (int64_t j = 0; j < d; j++)
        mean[j] += x->at[r * d + j];
  for (int64_t j = 0; j < d; j++)
    mean[j] /= (double) x->n;
  rows_again(x);
  while ((count = rows_next(x)) > 0) {
    for (int64_t r = 0; r < count; r++)
      for (int64_t j = 0; j < d; j++)
        x->at[r * d + j] -= mean[j];
    linalg_gram(count, d, x->at, cov);
  }
  for (int64_t i = 0; i < d; i++)
    for (int64_t j = 0; j <= i; j++)
      cov[j * d + i] = cov[i * d + j] /= (double) (x->n - 1);
}
