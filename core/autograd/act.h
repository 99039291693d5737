/*
 * act.h - the activation that linear layers and convolutions apply
 * themselves, in the pass that adds the bias: argument act:text=none.
 */
#ifndef act_h
#define act_h

#include "autograd/op.h"

/* Raises if the text is none of "none" and "relu". */
Activation act_of (const Call *c);

/* The gradient before the activation, contiguous: dy itself if there is
 * none. */
Tensor *act_before (const Call *c, Tensor *y, Tensor *dy);

/* Float32 and contiguous; other dtypes than float32 are refused for
 * float64, whose digits would be lost silently. */
Tensor *act_input (const Call *c, const char *name);

#endif
