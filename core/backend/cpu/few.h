/*
 * few.h - convolutions whose wide side meets one to four channels: the first
 * layer of an encoder, the last of a decoder; for processors with AVX2 or
 * AVX-512.  oneDNN pads few channels to 16 and loses most of its time there;
 * these kernels do not.
 *
 * All work on one image of the narrow side that was padded once (few_pad), so
 * that no tap falls outside: [ph][pw][c].  The taps of a pixel are numbered
 * (kh, kw, c), as the weights lie; weights are dealt out once per call.
 * Vectors run over the wide side, K, a multiple of 16.
 */
#ifndef few_h
#define few_h

#include "backend/kernels.h"

#include <stdbool.h>

typedef struct Few {
  ConvShape s;
  int64_t ph, pw;            /* the padded image */
  int64_t taps, lanes;       /* kh * kw * c; the same rounded up to 16 */
  int64_t step, row;         /* from a pixel to the next, and below, in it */
  const int64_t *offset;     /* of each tap in the padded image */
} Few;

enum { FEW_TAPS = 128, FEW_LANES = 16 };

bool few_fits (const ConvShape *s);
Few few_of (const ConvShape *s, int64_t offset[FEW_TAPS]);

/* Into the padded image and out of it; out adds the bias [c] and act. */
void few_pad (const Few *f, float *padded, const float *x);
void few_crop (const Few *f, float *x, const float *padded,
               const float *bias, Activation act);

/* w [K][taps] dealt as [taps][K], and as [K][lanes] */
void few_deal (const Few *f, float *to, const float *w);
void few_deal_lanes (const Few *f, float *to, const float *w);

/* y [oh][ow][K] = convolution of the padded image, w dealt */
void few_conv (const Few *f, float *y, const float *padded, const float *w,
               const float *bias, Activation act);
/* padded = its data gradient, w dealt in lanes; products: oh * ow * lanes */
void few_back_x (const Few *f, float *padded, const float *dy,
                 const float *w, float *products);
/* dw [taps][K] += its weight gradient */
void few_back_w (const Few *f, float *dw, const float *dy,
                 const float *padded);

/* ---- few_v3.c and few_v4.c, from few_isa.h ------------------------------ */

typedef struct FewIsa {
  void (*conv) (const Few *f, float *y, const float *padded, const float *w,
                const float *bias, bool relu);
  /* to [oh * ow][lanes] = dy [oh * ow][K] w [K][lanes] */
  void (*dots) (const Few *f, float *to, const float *dy, const float *w);
  void (*back_w) (const Few *f, float *dw, const float *dy,
                  const float *padded);
} FewIsa;

extern const FewIsa few_v3, few_v4;

#endif
