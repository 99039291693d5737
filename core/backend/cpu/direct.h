/*
 * direct.h - convolutions with many channels, for processors with AVX2 or
 * AVX-512, and matrix products in bf16 for those with AMX (bf16.h): all three
 * passes near the peak of their products.
 *
 * A pass computes a block of pixels x channels in registers over all taps and
 * the whole depth, reading the images where they lie.  Padding is never read
 * and never multiplied: pixels whose windows hold the same taps form a class,
 * with a list of these taps, and a block is of one class.  So a transposed
 * convolution is as fast as a plain one: it has more classes.
 *
 * The order in which an output is added up follows from the shape alone, not
 * from the block that it falls into nor from the other images.
 */
#ifndef direct_h
#define direct_h

#include "backend/kernels.h"

#include <stdbool.h>

/* Offsets are in floats, from the first one of an image. */
typedef struct DirectTap { int64_t tap, from; } DirectTap;
typedef struct DirectPixel { int32_t to, from; } DirectPixel;

/* What both sides of a weight gradient's product have where a tap meets. */
typedef struct DirectPair { int32_t x, y; } DirectPair;

/* Pixels with the same taps; from of a tap is added to that of the pixel. */
typedef struct DirectClass {
  int taps;
  int64_t pixels;
  DirectTap *tap;
  DirectPixel *pixel;
} DirectClass;

/* The way through one image. */
typedef struct Route Route;

typedef enum RouteKind {
  ROUTE_FORWARD,               /* x to y */
  ROUTE_BACK_X,                /* y to x */
  ROUTE_BACK_W
} RouteKind;

/* A forward pass or a data gradient. */
typedef struct Direct {
  const DirectClass *class;
  int classes;
  int64_t taps, depth, width;  /* of the kernel; channels in and out */
  int64_t in_image, out_image;
  const float *panels;         /* weights and bias as direct_deal lays them */
  bool relu;
} Direct;

/* Weight of channel i out, tap t and channel j in: w[i * out + t * tap + j *
 * in]; out or in is 1. */
typedef struct DirectOrder { int64_t out, tap, in; } DirectOrder;

bool direct_fits (const ConvShape *s);
/* May raise; valid until the end of the kernel that asked. */
const Route *direct_route (const ConvShape *s, RouteKind kind);

Direct direct_of (const ConvShape *s, bool back, bool relu);
/* of weights [K][KH][KW][C] */
DirectOrder direct_order (const ConvShape *s, bool back);

size_t direct_panel_bytes (const Direct *d);
/* bias: [width] or NULL */
void direct_deal (const Direct *d, float *panels, const float *w,
                  DirectOrder o, const float *bias);
/* One of so many pieces of the images, on the calling thread. */
void direct_pass (const Direct *d, float *out, const float *in,
                  int64_t images, int64_t piece, int64_t pieces);

/* dw [K][KH][KW][C], of it the strips first..end - 1 and the channels
 * from..to - 1 of x, = the gradient over so many images x and y (the gradient
 * of a convolution's result).  A strip is a tap of some or all filters. */
typedef struct DirectGradient {
  const ConvShape *s;
  const Route *route;
  float *dw;
  const float *y, *x;
  int64_t images, first, end, from, to;
} DirectGradient;

int64_t direct_strips (const ConvShape *s);

/* Bytes of scratch that direct_back_w needs for up to s->n images. */
size_t direct_scratch (const ConvShape *s);
void direct_back_w (const DirectGradient *g);

/* ---- direct_v3.c and direct_v4.c, from direct_isa.h; direct_amx.c ------- */

typedef struct DirectIsa {
  int64_t panel;               /* channels of a panel */
  int64_t deep, bytes;         /* what the depth of a tap is a multiple of;
                                  bytes of a weight */
  int64_t meets;               /* pixels that a block of a weight gradient
                                  meets at once: they stay in the first cache,
                                  where rows of channels fall on one another */
  /* Tap of a panel that has so many channels left. */
  void (*deal) (float *panel, const float *w, DirectOrder o,
                int64_t channels, int64_t depth);
  /* All classes of one panel, which has so many channels left. */
  void (*pass) (const Direct *d, float *out, const float *in,
                const float *panel, int64_t channels, int64_t images,
                int64_t piece, int64_t pieces);
  /* dw [k] [c], rows step apart, += over n pairs of each image. */
  void (*back_w) (float *dw, int64_t step, const float *y, const float *x,
                  const DirectPair *pair, int64_t n, int64_t k, int64_t c,
                  int64_t images, int64_t y_image, int64_t x_image);
} DirectIsa;

extern const DirectIsa direct_v3, direct_v4, direct_amx;

/* A weight gradient in lots of pixels instead of pairs. */
size_t direct_amx_scratch (const ConvShape *s);
void direct_amx_back_w (const DirectGradient *g);

#endif
