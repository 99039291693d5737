/*
 * broadcast.h - the two directions of broadcasting: a tensor seen in a larger
 * shape, and the sum that leads back.  Neither leaves a node.
 */
#ifndef broadcast_h
#define broadcast_h

#include "tensor/tensor.h"

/* A view of t in the shape, with stride 0 where it stretches. */
Tensor *stretch_to (Tensor *t, const Shape *shape);

/* Sum of t over the axes in which the shape was stretched; t itself if none
 * was.  The gradient of broadcasting. */
Tensor *sum_to (Tensor *t, const Shape *shape);

#endif
