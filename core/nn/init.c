/* init.c - see init.h. */
#include "nn/init.h"

#include "autograd/op.h"
#include "autograd/step.h"
#include "backend/backend.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static const char *const names[INIT_KINDS] = {
  [INIT_CONSTANT] = "constant", [INIT_UNIFORM] = "uniform",
  [INIT_NORMAL] = "normal", [INIT_ORTHOGONAL] = "orthogonal",
};

const char *init_name (InitKind kind) {
  return names[kind];
}

bool init_find (const char *name, InitKind *kind) {
  for (int i = 0; i < INIT_KINDS; i++)
    if (strcmp(names[i], name) == 0) {
      *kind = (InitKind) i;
      return true;
    }
  return false;
}

Init init_default (double fan_in) {
  return (Init) { INIT_UNIFORM, fan_in > 0 ? 1 / sqrt(fan_in) : 0 };
}

/* Everything but the first axis feeds one unit; the kernel's places count on
 * both sides. */
void init_fans (const Shape *weight, double *fan_in, double *fan_out) {
  double rows = weight->rank > 0 ? (double) weight->size[0] : 1;
  double places = 1;
  for (int i = 1; i < weight->rank - 1; i++)
    places *= (double) weight->size[i];
  *fan_in = rows > 0 ? (double) shape_count(weight) / rows : 0;
  *fan_out = rows * places;
}

/* y = a * y + b, for rank 0 numbers. */
static Tensor *scaled (Tensor *y, double a, double b) {
  Tensor *product = op("mul", y, value_new(a));
  return b != 0 ? op("add", product, value_new(b)) : product;
}

/* Makes the rows of m [rows, columns] orthonormal, rows <= columns: modified
 * Gram-Schmidt, twice (Giraud, Langou and Rozloznik 2005: twice is enough). */
static void orthonormalise (double *m, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++) {
    double *v = m + r * columns;
    for (int64_t k = 0; k < 2 * r; k++) {
      const double *u = m + k % r * columns;
      double dot = 0;
      for (int64_t i = 0; i < columns; i++)
        dot += u[i] * v[i];
      for (int64_t i = 0; i < columns; i++)
        v[i] -= dot * u[i];
    }
    double length = 0;
    for (int64_t i = 0; i < columns; i++)
      length += v[i] * v[i];
    for (int64_t i = 0; i < columns; i++)
      v[i] /= sqrt(length);
  }
}

/* y [R, rest] holds normals; the shorter side becomes orthonormal (Saxe,
 * McClelland and Ganguli 2014).  On the host: it is done once. */
static void make_orthogonal (Tensor *y, double gain) {
  int64_t count = tensor_count(y);
  int64_t rows = y->shape.size[0], columns = rows ? count / rows : 0;
  bool wide = rows <= columns;
  int64_t r = wide ? rows : columns, c = wide ? columns : rows;
  const Device *d = y->storage->device;
  own_reserve();
  float *host = mem_new((size_t) count * sizeof *host + 1);
  own(host, mem_free);
  own_reserve();
  double *m = mem_new((size_t) count * sizeof *m + 1);
  own(m, mem_free);
  d->download(host, tensor_data(y), (size_t) count * sizeof *host);
  for (int64_t i = 0; i < r; i++)
    for (int64_t k = 0; k < c; k++)
      m[i * c + k] = host[wide ? i * c + k : k * r + i];
  orthonormalise(m, r, c);
  for (int64_t i = 0; i < r; i++)
    for (int64_t k = 0; k < c; k++)
      host[wide ? i * c + k : k * r + i] = (float) (gain * m[i * c + k]);
  d->upload(tensor_data(y), host, (size_t) count * sizeof *host);
}

static Tensor *filled (const Shape *shape, double value) {
  Tensor *y = tensor_new(device_now(), F32, shape);
  kern(y)->fill(view(y), (Scalar) { tensor_data(value_new(value)) });
  return y;
}

static Tensor *draw (Init init, const char *path, const Shape *shape) {
  Tensor *at = address_new(rng_key(seed_now(), "init", path), 0, 0);
  Address address = { tensor_data(at) };
  Tensor *y = tensor_new(device_now(), F32, shape);
  if (init.kind == INIT_UNIFORM) {
    kern(y)->rand(view(y), address);
    return scaled(y, 2 * init.a, -init.a);
  }
  kern(y)->randn(view(y), address);
  if (init.kind == INIT_NORMAL)
    return scaled(y, init.a, 0);
  if (shape->rank < 2)
    raise_user("an orthogonal weight has at least two axes, got %s",
               shape_text(shape));
  make_orthogonal(y, init.a);
  return y;
}

Tensor *init_draw (Init init, const char *path, const Shape *shape) {
  return init.kind == INIT_CONSTANT ? filled(shape, init.a)
                                    : draw(init, path, shape);
}
