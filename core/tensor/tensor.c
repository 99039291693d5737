/* tensor.c - see tensor.h. */
#include "tensor/tensor.h"

#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

void (*tensor_drop_node) (struct Node *node);

StorageWatch storage_watch;
bool tensor_collecting;

static uint64_t bytes_made;
static size_t bytes_alive;

static const struct { const char *name; size_t size; } dtypes[DTYPES] = {
  [F32] = { "float32", 4 }, [I32] = { "int32", 4 },
  [U8] = { "uint8", 1 }, [F64] = { "float64", 8 },
};

size_t dtype_size (DType d) {
  return dtypes[d].size;
}

const char *dtype_name (DType d) {
  return dtypes[d].name;
}

bool dtype_find (const char *name, DType *d) {
  for (int i = 0; i < DTYPES; i++)
    if (strcmp(name, dtypes[i].name) == 0) {
      *d = (DType) i;
      return true;
    }
  return false;
}

uint64_t tensor_bytes_made (void) {
  return bytes_made;
}

size_t tensor_bytes_alive (void) {
  return bytes_alive;
}

static void storage_drop (Storage *s) {
  if (--s->refs > 0)
    return;
  if (s->data != NULL && s->release == NULL)
    bytes_alive -= s->bytes;
  if (s->place != NULL && storage_watch.drop(s))
    ;                              /* it lay in a loop's memory */
  else if (s->release != NULL)
    s->release(s->data, s->bytes);
  else if (s->data != NULL)
    s->device->free(s->data, s->bytes);
  mem_free(s);
}

static void drop_owned (void *t) {
  tensor_drop(t);
}

/* An owned tensor without storage; a raise after it frees it. */
static Tensor *bare (DType dtype, const Shape *shape) {
  own_reserve();
  Tensor *t = mem_new(sizeof *t);
  t->refs = 1;
  t->dtype = dtype;
  t->shape = *shape;
  own(t, drop_owned);
  return t;
}

Tensor *tensor_new (const Device *d, DType dtype, const Shape *shape) {
  Tensor *t = bare(dtype, shape);
  size_t bytes = (size_t) shape_count(shape) * dtype_size(dtype);
  t->storage = mem_new(sizeof *t->storage);
  t->storage->refs = 1;
  t->storage->device = d;
  t->storage->bytes = bytes;
  if (storage_watch.make != NULL)
    storage_watch.make(t->storage);
  t->storage->data = d->alloc(bytes);
  bytes_made += bytes + sizeof *t;
  bytes_alive += bytes;
  shape_strides(shape, t->stride);
  return t;
}

Tensor *tensor_keep (Tensor *t) {
  t->refs++;
  return t;
}

void tensor_drop (Tensor *t) {
  if (t == NULL || --t->refs > 0)
    return;
  if (t->node != NULL)
    tensor_drop_node(t->node);
  if (t->storage != NULL)
    storage_drop(t->storage);
  mem_free(t);
}

Tensor *tensor_view (Tensor *t, const Shape *shape, const int64_t *stride,
                     int64_t offset) {
  Tensor *v = bare(t->dtype, shape);
  v->storage = t->storage;
  v->storage->refs++;
  v->offset = offset;
  memcpy(v->stride, stride, sizeof(int64_t) * (size_t) shape->rank);
  return v;
}

Tensor *tensor_reshaped (Tensor *t, const Shape *shape) {
  int64_t stride[MAX_RANK];
  assert(tensor_contiguous(t) && tensor_count(t) == shape_count(shape));
  shape_strides(shape, stride);
  return tensor_view(t, shape, stride, t->offset);
}

void *tensor_data (const Tensor *t) {
  if (t->storage->place != NULL)
    storage_watch.use(t->storage);
  return (char *) t->storage->data + t->offset * (int64_t) dtype_size(t->dtype);
}

View view (const Tensor *t) {
  View v = { .data = tensor_data(t), .dtype = t->dtype,
             .rank = t->shape.rank };
  memcpy(v.size, t->shape.size, sizeof v.size);
  memcpy(v.stride, t->stride, sizeof v.stride);
  return v;
}

View view_rows (const Tensor *t, int64_t rows) {
  assert(tensor_contiguous(t));
  int64_t rest = rows ? tensor_count(t) / rows : 0;
  return (View) { .data = tensor_data(t), .dtype = t->dtype, .rank = 2,
                  .size = { rows, rest }, .stride = { rest, 1 } };
}

int64_t tensor_count (const Tensor *t) {
  return shape_count(&t->shape);
}

bool tensor_contiguous (const Tensor *t) {
  int64_t step = 1;
  for (int i = t->shape.rank - 1; i >= 0; i--) {
    if (t->shape.size[i] != 1 && t->stride[i] != step)
      return tensor_count(t) == 0;
    step *= t->shape.size[i];
  }
  return true;
}

bool tensor_overlaps_itself (const Tensor *t) {
  for (int i = 0; i < t->shape.rank; i++)
    if (t->shape.size[i] > 1 && t->stride[i] == 0)
      return true;
  return false;
}

void tensor_bound (Tensor *t, int64_t low, int64_t high) {
  Storage *s = t->storage;
  if (t->dtype == I32 && low >= INT32_MIN && high <= INT32_MAX)
    s->bounds = (Bounds) { true, (int32_t) low, (int32_t) high, s->version };
}

void tensor_bound_like (Tensor *t, const Tensor *from) {
  const Bounds *b = &from->storage->bounds;
  if (b->known && b->version == from->storage->version)
    tensor_bound(t, b->low, b->high);
}

bool tensor_bounded (const Tensor *t, int64_t low, int64_t high) {
  const Bounds *b = &t->storage->bounds;
  return b->known && b->version == t->storage->version && b->low >= low
      && b->high <= high;
}
