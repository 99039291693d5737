/* direct_v3.c - direct_isa.h for AVX2. */
#include "backend/cpu/isa_v3.h"

#define PIXELS 6
#define ROWS 6
#define MEETS 64
#define ISA direct_v3

#include "backend/cpu/direct_isa.h"
