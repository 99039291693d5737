/* few_v4.c - few_isa.h for AVX-512. */
#include "backend/cpu/isa_v4.h"

enum { PIXELS = 7, DOTS = 14, WIDE = 2 };

#define ISA few_v4

#include "backend/cpu/few_isa.h"
