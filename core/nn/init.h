/*
 * init.h - initial values of parameters.
 *
 * A parameter's values are addressed by its path in the model and the seed
 * (stream "init"), at step 0 and call 0, element = row-major index.  So equal
 * architectures start equal, whatever else is made before them, and a head of
 * 2 z rows starts with the rows of a head of z.
 */
#ifndef init_h
#define init_h

#include "tensor/tensor.h"

typedef enum InitKind {
  INIT_CONSTANT,              /* a */
  INIT_UNIFORM,               /* between -a and a */
  INIT_NORMAL,                /* mean 0, standard deviation a */
  INIT_ORTHOGONAL,            /* rows or columns orthonormal, times a */
  INIT_KINDS
} InitKind;

typedef struct Init { InitKind kind; double a; } Init;

/* PyTorch's default for weights and biases of a layer with that many inputs:
 * uniform between -1/sqrt(fan_in) and 1/sqrt(fan_in).  (For weights it is
 * written there as kaiming_uniform with a = sqrt(5), which is the same.) */
Init init_default (double fan_in);

/* Inputs and outputs of one unit.  Both layouts, [Cout, KH, KW, Cin] of a
 * convolution and [Cin, KH, KW, Cout] of a transposed one, count as PyTorch
 * does: a transposed convolution's fan_in is Cout * KH * KW. */
void init_fans (const Shape *weight, double *fan_in, double *fan_out);

const char *init_name (InitKind kind);
bool init_find (const char *name, InitKind *kind);

/* A new float32 tensor, drawn at ("init", path) of the seed as it is now. */
Tensor *init_draw (Init init, const char *path, const Shape *shape);

#endif
