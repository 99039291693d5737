/* shape.c - see shape.h. */
#include "tensor/shape.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

Shape shape_of (int rank, ...) {
  Shape s = { .rank = rank };
  va_list args;
  va_start(args, rank);
  for (int i = 0; i < rank; i++)
    s.size[i] = va_arg(args, int);
  va_end(args);
  return s;
}

int64_t shape_count (const Shape *s) {
  int64_t n = 1;
  for (int i = 0; i < s->rank; i++)
    n *= s->size[i];
  return n;
}

bool shape_equal (const Shape *a, const Shape *b) {
  if (a->rank != b->rank)
    return false;
  for (int i = 0; i < a->rank; i++)
    if (a->size[i] != b->size[i])
      return false;
  return true;
}

void shape_strides (const Shape *s, int64_t *stride) {
  int64_t step = 1;
  for (int i = s->rank - 1; i >= 0; i--) {
    stride[i] = step;
    step *= s->size[i];
  }
}

const char *shape_text (const Shape *s) {
  static char ring[8][160];
  static int turn;
  char *text = ring[turn++ & 7];
  int n = snprintf(text, 160, "[");
  for (int i = 0; i < s->rank; i++)
    n += snprintf(text + n, (size_t) (160 - n), "%s%" PRId64,
                  i ? ", " : "", s->size[i]);
  snprintf(text + n, (size_t) (160 - n), "]");
  return text;
}

/* The smaller shape against the last axes of the larger. */
static bool tail (const Shape *large, const Shape *small, Shape *out) {
  int skip = large->rank - small->rank;
  for (int i = 0; i < small->rank; i++)
    if (small->size[i] != large->size[skip + i])
      return false;
  *out = *large;
  return true;
}

bool shape_broadcast (const Shape *a, const Shape *b, Shape *out) {
  if (a->rank > b->rank)
    return tail(a, b, out);
  if (a->rank < b->rank)
    return tail(b, a, out);
  out->rank = a->rank;
  for (int i = 0; i < a->rank; i++) {
    if (a->size[i] != b->size[i] && a->size[i] != 1 && b->size[i] != 1)
      return false;
    out->size[i] = a->size[i] == 1 ? b->size[i] : a->size[i];
  }
  return true;
}
