/*
 * kernels.h - the table of kernels that each device fills (kernels.def), and
 * the two kinds of arguments that live in the value block.
 */
#ifndef kernels_h
#define kernels_h

#include "tensor/tensor.h"

#include <stdint.h>

/* A number that only kernels read. */
typedef struct Scalar { const float *at; } Scalar;

/* Where random numbers lie: four words (base/rng.h). */
typedef struct Address { const uint32_t *at; } Address;

typedef enum UnaryFn {
#define UNARY(name, ...) UNARY_##name,
#include "backend/pointwise.def"
  UNARY_COUNT
} UnaryFn;

typedef enum BinaryFn {
#define BINARY(name, ...) BINARY_##name,
#include "backend/pointwise.def"
  BINARY_COUNT
} BinaryFn;

typedef enum ReduceFn {
  REDUCE_SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD, REDUCE_FNS
} ReduceFn;

typedef enum Activation { ACT_NONE, ACT_RELU } Activation;

/* Geometry of a convolution x [N,H,W,C] -> y [N,OH,OW,K] with w
 * [K,KH,KW,C/groups]; a transposed one is the same with x and y swapped. */
typedef struct ConvShape {
  int64_t n, h, w, c, oh, ow, k, kh, kw, stride, pad, groups;
} ConvShape;

/* One parameter of an optimiser's step. */
typedef struct OptimPart {
  View p, g, m, v;            /* v unused by sgd */
  Scalar lr, decay;
} OptimPart;

typedef struct Kernels {
#define KERNEL(name, args) void (*name) args;
#include "backend/kernels.def"
} Kernels;

#endif
