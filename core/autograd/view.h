/*
 * view.h - views of a tensor that ops are made of.  None leaves a node.
 */
#ifndef view_h
#define view_h

#include "autograd/op.h"

/* The same elements. */
Tensor *view_whole (Tensor *t);

/* count places of an axis. */
Tensor *view_part (Tensor *t, int axis, int64_t from, int64_t count);

/* Without an axis of any size, at place from of it. */
Tensor *view_without (Tensor *t, int axis, int64_t from);

/* With an axis of size 1 before the given one. */
Tensor *view_with (Tensor *t, int axis);

/* Axis i of the result is axis order[i] of t. */
Tensor *view_permuted (Tensor *t, const int *order);

/* The place of a new axis among the axes of the result. */
int new_axis (const Call *c, const Tensor *x);

#endif
