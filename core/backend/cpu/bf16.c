/* bf16.c - see bf16.h. */
#include "backend/cpu/bf16.h"

#include "backend/cpu/cpu.h"
#include "base/mem.h"

#include <cpuid.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

Precision cpu_precision;

/* ---- AMX ---------------------------------------------------------------- */

/* The system gives the registers of tiles to processes that ask for them. */
static bool permitted (void) {
  enum { REQUEST = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

static bool find_amx (void) {
  enum { AMX_BF16 = 1 << 22, AMX_TILE = 1 << 24, AVX512_BF16 = 1 << 5 };
  unsigned a, b, c, d, a1, unused;
  return cpu_level() == 4 && __get_cpuid_count(7, 0, &a, &b, &c, &d)
      && (d & AMX_BF16) && (d & AMX_TILE)
      && __get_cpuid_count(7, 1, &a1, &unused, &unused, &unused)
      && (a1 & AVX512_BF16) && permitted();
}

static enum { UNKNOWN, THERE, MISSING, LEFT } amx;

bool cpu_amx (void) {
  if (amx == UNKNOWN)
    amx = find_amx() ? THERE : MISSING;
  return amx == THERE;
}

void cpu_without_amx (bool without) {
  amx = without ? LEFT : UNKNOWN;
}

/* ---- rounding ----------------------------------------------------------- */

/* As AMX has it: to nearest, ties to even; what is smaller than the least
 * normal number is 0.  Half of the last bit that stays may carry into the
 * exponent, up to infinity. */
HOT static void round_all (uint32_t *restrict y, const uint32_t *restrict x,
                           int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    uint32_t v = x[i], size = v & 0x7FFFFFFF;
    uint32_t near = v + 0x7FFF + (v >> 16 & 1);
    near = size > 0x7F800000 ? v | 0x400000 :        /* NaN */
           size < 0x800000 ? v & 0x80000000 : near;
    y[i] = near & 0xFFFF0000;
  }
}

static float *room;              /* kept for the next call */
static size_t room_bytes;

static float *rounded (float *to, const float *from, int64_t n) {
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < chunk_count(n, CHUNK); i++)
    round_all((uint32_t *) (to + i * CHUNK),
              (const uint32_t *) (from + i * CHUNK),
              chunk_end(i, CHUNK, n) - i * CHUNK);
  return to;
}

void bf16_round (const float **a, int64_t na, const float **b, int64_t nb) {
  size_t bytes = (size_t) (na + nb) * sizeof **a;
  if (room_bytes < bytes) {
    float *more = mem_block(bytes);
    mem_block_free(room, room_bytes);
    room = more;
    room_bytes = bytes;
  }
  *a = rounded(room, *a, na);
  *b = rounded(room + na, *b, nb);
}
