/*
 * conv.h - the parts of convolutions: conv.c asks cuDNN, own.c does without,
 * with the kernels of im2col.cu.
 */
#ifndef cuda_conv_h
#define cuda_conv_h

#include "backend/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x and y hold s.n images; one group of channels. */
cudaError_t cuda_patches (float *patch, const float *x, ConvShape s,
                          int64_t group);
cudaError_t cuda_collect (float *x, const float *patch, ConvShape s,
                          int64_t group);

/* The passes as products of matrices; nothing is empty.  Each writes all of
 * its first argument. */
cudaError_t own_conv (float *y, const float *x, const float *w, ConvShape s,
                      Precision p);
cudaError_t own_back_x (float *dx, const float *dy, const float *w,
                        ConvShape s, Precision p);
cudaError_t own_back_w (float *dw, const float *dy, const float *x,
                        ConvShape s, Precision p);

#ifdef __cplusplus
}
#endif

#endif
