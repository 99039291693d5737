/* thin_v4.c - thin_isa.h for AVX-512. */
#include "backend/cpu/isa_v4.h"

enum { TALL = 8, WIDE = 16 };

#define ISA thin_v4
#define EVEN_LANES { 0, 2, 4, 6, 8, 10, 12, 14, \
                     16, 18, 20, 22, 24, 26, 28, 30 }
#define LOW_LANES { 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23 }

#include "backend/cpu/thin_isa.h"
