/*
 * kernels.h - the table of kernels that each device fills (kernels.def), the
 * types of their arguments, and the three kinds that live in the value block.
 */
#ifndef kernels_h
#define kernels_h

#include "tensor/tensor.h"

#include <stdint.h>

static inline int64_t view_count (const View *v) {
  int64_t n = 1;
  for (int i = 0; i < v->rank; i++)
    n *= v->size[i];
  return n;
}

/* A number that only kernels read. */
typedef struct Scalar { const float *at; } Scalar;

/* An integer that only kernels read. */
typedef struct Whole { const int32_t *at; } Whole;

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
 * [K,KH,KW,C/groups]; a transposed one is the same with x and y swapped.
 * pad_h, pad_w: rows above, columns to the left. */
typedef struct ConvShape {
  int64_t n, h, w, c, oh, ow, k, kh, kw, stride, pad_h, pad_w, groups;
} ConvShape;

/* One parameter of an optimiser's step. */
typedef struct OptimPart {
  View p, g, m, v;            /* v unused by sgd */
  Scalar lr, decay;
} OptimPart;

typedef struct Parts { const OptimPart *at; int count; } Parts;

/* PARAMS((View, y), (View, x)) is View y, View x; ARGS(...) is y, x.  EACH puts
 * a macro around each of up to nine pairs and a separator between them. */
#define PAIR_PARAM(type, name) type name
#define PAIR_NAME(type, name) name
#define COMMA() ,
#define SEMICOLON() ;
#define EACH_1(m, s, a) m a
#define EACH_2(m, s, a, ...) m a s() EACH_1(m, s, __VA_ARGS__)
#define EACH_3(m, s, a, ...) m a s() EACH_2(m, s, __VA_ARGS__)
#define EACH_4(m, s, a, ...) m a s() EACH_3(m, s, __VA_ARGS__)
#define EACH_5(m, s, a, ...) m a s() EACH_4(m, s, __VA_ARGS__)
#define EACH_6(m, s, a, ...) m a s() EACH_5(m, s, __VA_ARGS__)
#define EACH_7(m, s, a, ...) m a s() EACH_6(m, s, __VA_ARGS__)
#define EACH_8(m, s, a, ...) m a s() EACH_7(m, s, __VA_ARGS__)
#define EACH_9(m, s, a, ...) m a s() EACH_8(m, s, __VA_ARGS__)
#define EACH_OF(_1, _2, _3, _4, _5, _6, _7, _8, _9, each, ...) each
#define EACH(m, s, ...) \
  EACH_OF(__VA_ARGS__, EACH_9, EACH_8, EACH_7, EACH_6, EACH_5, EACH_4, \
          EACH_3, EACH_2, EACH_1, )(m, s, __VA_ARGS__)
#define PARAMS(...) EACH(PAIR_PARAM, COMMA, __VA_ARGS__)
#define ARGS(...) EACH(PAIR_NAME, COMMA, __VA_ARGS__)

typedef struct Kernels {
#define KERNEL(name, ...) void (*name) (PARAMS(__VA_ARGS__));
#include "backend/kernels.def"
} Kernels;

#endif
