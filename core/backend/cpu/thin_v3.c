/* thin_v3.c - thin_isa.h for AVX2. */
#include "backend/cpu/isa_v3.h"

enum { TALL = 4, WIDE = 8 };

#define ISA thin_v3
#define EVEN_LANES { 0, 2, 4, 6, 8, 10, 12, 14 }
#define LOW_LANES { 0, 8, 1, 9, 2, 10, 3, 11 }

#include "backend/cpu/thin_isa.h"
