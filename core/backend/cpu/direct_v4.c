/* direct_v4.c - direct_isa.h for AVX-512: 32 registers of 16 floats. */
#ifndef __clang__                /* clang only checks this code */
#pragma GCC target("arch=x86-64-v4,prefer-vector-width=512")
#pragma GCC optimize("fp-contract=fast")
#endif

#define LANES 16
#define PIXELS 12
#define ROWS 8
#define ISA direct_v4

#include "backend/cpu/direct_isa.h"
