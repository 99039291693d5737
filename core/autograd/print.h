/*
 * print.h - a tensor as text.
 */
#ifndef print_h
#define print_h

#include "base/text.h"
#include "tensor/tensor.h"

#include <stdbool.h>

/* Line one: dtype, shape, device, range, mean and spread, counts of NaN and
 * infinities, whether it is tracked.  Then the values, unless head_only: all
 * of a small tensor, the first and last rows and columns of a larger one. */
Text *tensor_text (Tensor *t, bool head_only, int width);

#endif
