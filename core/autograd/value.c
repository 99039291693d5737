/*
 * value.c - the value block: numbers that may change between steps, and
 * addresses of random numbers.  See op.h.
 *
 * Slots are handed out in order and never written again, so a node may keep a
 * view of its slot as long as it likes; a full block lives on with the views
 * of it.
 */
#include "autograd/op.h"

#include "backend/backend.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096 };

static Tensor *block;
static int64_t used;

void value_fresh (void) {
  tensor_drop(block);
  block = NULL;
}

/* count slots that hold the given words, as a tensor of that many. */
static Tensor *slots (const void *words, int64_t count, const Shape *shape) {
  if (block == NULL || used + count > SLOTS
      || block->storage->device != device_now()) {
    static bool begun;
    if (!begun)
      atexit(value_fresh);
    begun = true;
    Shape all = shape_of(1, SLOTS);
    Tensor *fresh = tensor_keep(tensor_new(device_now(), F32, &all));
    tensor_drop(block);
    block = fresh;
    used = 0;
  }
  const int64_t stride[1] = { 1 };
  Tensor *t = tensor_view(block, shape, stride, used);
  used += count;
  block->storage->device->upload(tensor_data(t), words, (size_t) count * 4);
  return t;
}

Tensor *value_new (double number) {
  Shape one = { .rank = 0 };
  float value = (float) number;
  return slots(&value, 1, &one);
}

Tensor *address_new (uint64_t key, uint32_t step, uint32_t call) {
  Shape four = shape_of(1, 4);
  const uint32_t words[4] = { (uint32_t) key, (uint32_t) (key >> 32), step,
                              call };
  return slots(words, 4, &four);
}

Tensor *whole_new (int32_t number) {
  Shape one = { .rank = 0 };
  Tensor *t = slots(&number, 1, &one);
  t->dtype = I32;
  return t;
}
