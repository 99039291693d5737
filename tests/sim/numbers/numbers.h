/*
 * numbers.h - what both halves of the test of numbers share: numbers.cu is
 * compiled by nvcc, host.c by gcc as the program itself is.
 */
#ifndef numbers_h
#define numbers_h

#include "backend/math.h"

typedef float f32;
typedef double f64;
typedef int32_t i32;
typedef uint32_t u32;
typedef int64_t i64;
typedef uint64_t u64;

/* The host's results of one operation for n triples of arguments, each in 8
 * bytes; of the functions of pointwise.def by their place in it. */
typedef void HostOp (u64 *result, const void *x, const void *y, const void *z,
                     int n);

#ifdef __cplusplus
extern "C" {
#endif
extern HostOp *const host_ops[];
void host_unary (int f, float *y, const float *x, int n);
void host_unary_slope (int f, float *d, const float *x, const float *y, int n);
void host_binary (int f, float *y, const float *a, const float *b, int n);
void host_normals (float *z, const u32 *address, int n);
#ifdef __cplusplus
}
#endif

#endif
