/* direct_v3.c - direct_isa.h for AVX2: 16 registers of 8 floats. */
#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v3")
#pragma GCC optimize("fp-contract=fast")
#endif

#define LANES 8
#define PIXELS 6
#define ROWS 6
#define ISA direct_v3

#include "backend/cpu/direct_isa.h"
