/*
 * act.h - the activation that linear layers and convolutions apply
 * themselves, in the pass that adds the bias: argument act:text=none.
 */
#ifndef act_h
#define act_h

#include "autograd/op.h"

/* Raises if the text is none of "none" and "relu". */
Activation act_of (const Call *c);

/* The gradient before the activation, contiguous: dy itself if there is none,
 * or if it may be written.  Where that is a pass of its own and b is wanted,
 * its gradient, the sum over all axes but the last, is made in it and given:
 * then *biased. */
Tensor *act_before (Call *c, Tensor *y, Tensor *dy, bool *biased);

/* Float32 and contiguous; other dtypes than float32 are refused for
 * float64, whose digits would be lost silently. */
Tensor *act_input (const Call *c, const char *name);

#endif
