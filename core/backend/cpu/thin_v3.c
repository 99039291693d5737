/* thin_v3.c - thin_isa.h for AVX2. */
#include "backend/cpu/isa_v3.h"

enum { TALL = 4, WIDE = 8 };

#define ISA thin_v3

#include "backend/cpu/thin_isa.h"
