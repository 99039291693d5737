/* thin_v4.c - thin_isa.h for AVX-512. */
#include "backend/cpu/isa_v4.h"

enum { TALL = 8, WIDE = 16 };

#define ISA thin_v4

#include "backend/cpu/thin_isa.h"
