/*
 * bf16.h - va.precision "bf16": the operands of matrix products and
 * convolutions are rounded to bf16, 8 bits of fraction, and multiplied; the
 * sums are float32.
 *
 * Processors with AMX multiply such numbers (direct_amx.c), rounded on their
 * way in.  For the other kernels and processors the operands are rounded
 * here, into float32 arrays of such numbers: the same products, no faster.
 * Products of few channels (few.h) and tiny ones stay float32.
 */
#ifndef bf16_h
#define bf16_h

#include "tensor/device.h"

#include <stdbool.h>
#include <stdint.h>

extern Precision cpu_precision;

/* Whether this machine and system have AMX; false for the tests of the other
 * way after cpu_without_amx(true). */
bool cpu_amx (void);
void cpu_without_amx (bool without);

static inline bool bf16_asked (void) {
  return cpu_precision == PRECISION_BF16;
}

/* Whether the products of direct.h are computed by AMX. */
static inline bool bf16_tiles (void) {
  return bf16_asked() && cpu_amx();
}

/* Arrays of na and nb numbers become rounded ones, valid until the next call.
 * May raise FAIL_MEMORY; not in parallel loops. */
void bf16_round (const float **a, int64_t na, const float **b, int64_t nb);

#endif
