/* direct_v4.c - direct_isa.h for AVX-512. */
#include "backend/cpu/isa_v4.h"

#define PIXELS 12
#define ROWS 8
#define MEETS 192
#define ISA direct_v4

#include "backend/cpu/direct_isa.h"
