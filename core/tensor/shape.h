/*
 * shape.h - sizes of tensors.  Sizes and axes are int64 and 0-based here; the
 * binding turns the user's 1-based axes into these.
 */
#ifndef shape_h
#define shape_h

#include <stdbool.h>
#include <stdint.h>

enum { MAX_RANK = 8 };

typedef struct Shape {
  int rank;
  int64_t size[MAX_RANK];
} Shape;

Shape shape_of (int rank, ...);                 /* sizes as int */
int64_t shape_count (const Shape *s);           /* elements; 1 for rank 0 */
bool shape_equal (const Shape *a, const Shape *b);
void shape_strides (const Shape *s, int64_t *stride);   /* contiguous */

/* "[3, 28, 28]", "[]" for one number; from a ring of 8 static buffers. */
const char *shape_text (const Shape *s);

/* The rule of broadcasting: with the same rank, axes of size 1 stretch; with
 * different ranks the smaller shape must equal the last axes of the larger
 * exactly; one number (rank 0) meets everything.  False if they do not fit. */
bool shape_broadcast (const Shape *a, const Shape *b, Shape *out);

#endif
