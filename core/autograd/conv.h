/*
 * conv.h - the rule of sizes for convolutions and pools, for the ops and for
 * the layers that tell their output's shape before there is any picture.
 *
 * Without a pad, a stride s divides the size by s (rounded up), and a
 * transposed convolution multiplies it by s: on each axis there are
 * (kernel - 1) / 2 rows of padding before, and as many behind as that takes
 * (the same number for odd kernels, and for 4x4 at stride 2).  With a pad p
 * there are p on either side, and the result is as large as PyTorch's:
 * (size + 2 p - kernel) / s + 1, rounded down; a transposed one multiplies by
 * s if less than s rows of output padding make up for the difference, else has
 * none.
 */
#ifndef autograd_conv_h
#define autograd_conv_h

#include "backend/kernels.h"

enum { PAD_DEFAULT = -1 };

/* Given h, w, c, k, kh, kw, stride, groups and the pad of both axes (or
 * PAD_DEFAULT) as pad_h: fills in pad_h, pad_w, oh and ow.  name: of the op or
 * layer, for messages. */
void conv_geometry (const char *name, ConvShape *s);

/* Given oh, ow and k (size and channels of the input), c (channels of the
 * result) and the rest: fills in the pads, h and w. */
void deconv_geometry (const char *name, ConvShape *s);

/* Windows of a pool along an axis of that size. */
int64_t pool_size (const char *name, int64_t size, int64_t k, int64_t stride,
                   int64_t pad);

#endif
