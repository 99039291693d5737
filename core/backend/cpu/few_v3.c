/* few_v3.c - few_isa.h for AVX2. */
#include "backend/cpu/isa_v3.h"

enum { PIXELS = 6, DOTS = 6, WIDE = 1 };

#define ISA few_v3

#include "backend/cpu/few_isa.h"
