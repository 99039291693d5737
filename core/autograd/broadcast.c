/* broadcast.c - see broadcast.h. */
#include "autograd/broadcast.h"

#include "autograd/op.h"

#include <assert.h>

Tensor *stretch_to (Tensor *t, const Shape *shape) {
  int64_t stride[MAX_RANK] = { 0 };
  int skip = shape->rank - t->shape.rank;
  for (int i = 0; i < t->shape.rank; i++)
    if (t->shape.size[i] == shape->size[skip + i])
      stride[skip + i] = t->stride[i];
  return tensor_view(t, shape, stride, t->offset);
}

Tensor *sum_to (Tensor *t, const Shape *shape) {
  if (shape_equal(&t->shape, shape))
    return t;
  int skip = t->shape.rank - shape->rank;
  Shape kept = t->shape;
  for (int i = 0; i < kept.rank; i++)
    if (i < skip || shape->size[i - skip] == 1)
      kept.size[i] = 1;
  Tensor *sum = tensor_new(t->storage->device, t->dtype, &kept);
  kern(t)->reduce(REDUCE_SUM, view(sum), view(t), 1);
  return tensor_reshaped(sum, shape);
}
