/*
 * cpu.h - what the CPU's kernel files share: the prototypes of all kernels
 * (cpu_NAME for each line of kernels.def), the number of threads, fixed chunks
 * of work and scratch memory for each thread.
 *
 * Every parallel loop has this form, so that its result depends on the shape
 * alone, never on the number of threads:
 *
 *   int64_t chunks = chunk_count(n, size);
 *   #pragma omp parallel for schedule(static) if (worth_threads(n))
 *   for (int64_t i = 0; i < chunks; i++) {
 *     int64_t from = i * size, to = chunk_end(i, size, n);
 *     ...
 *   }
 *
 * and sums over chunks are added afterwards in the order of i.  Nothing in a
 * parallel loop may raise, allocate or create a oneDNN primitive.
 */
#ifndef cpu_h
#define cpu_h

#include "backend/kernels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern Device cpu_device;
extern const Kernels cpu_kernels;

#define KERNEL(name, ...) void cpu_##name (PARAMS(__VA_ARGS__));
#include "backend/kernels.def"

/* The highest level of instructions that is used, of x86-64-vN: make AVX2=1
 * builds a program that shows what a machine without AVX-512 does. */
#ifndef LEVEL_MAX
#define LEVEL_MAX 4
#endif

/* For the loops of a hot file: three versions, chosen when the program is
 * loaded, so that one program runs everywhere from x86-64-v2 on.  Not to be
 * put on a function that is inlined into another one. */
#ifdef __clang__
#define HOT                       /* clang only checks this code */
#elif LEVEL_MAX < 4
#define HOT __attribute__((target_clones("default", "arch=x86-64-v3")))
#else
#define HOT __attribute__((target_clones( \
  "default", "arch=x86-64-v3", "arch=x86-64-v4")))
#endif

enum {
  CHUNK = 16384,        /* elements of a pointwise chunk: 64 KB of float32 */
  MAX_THREADS = 256
};

/* Threads of the team (team.h): OMP_NUM_THREADS if set, else the physical
 * cores that affinity and the cgroup's quota leave.  0 asks for that again. */
int cpu_threads (void);
void cpu_set_threads (int n);

/* What the machine can do at most with these threads, measured in some 0.1 s:
 * float32 products and sums, bytes read and written, a second (peak.c). */
typedef struct Peak { double flop, bytes; } Peak;
Peak cpu_peak (void);

int cpu_level (void);            /* 2 .. LEVEL_MAX, of x86-64-vN (about.c) */
/* For tests, before any kernel runs: no higher level.  HOT and oneDNN keep to
 * the processor's. */
void cpu_set_level (int most);
const char *cpu_isa (void);      /* "x86-64-v4" */
const char *cpu_onednn (void);   /* "2.6.3" */
const char *cpu_blas (void);     /* OpenBLAS and how it was built */

static inline int64_t chunk_count (int64_t n, int64_t size) {
  return (n + size - 1) / size;
}

static inline int64_t chunk_end (int64_t i, int64_t size, int64_t n) {
  return (i + 1) * size < n ? (i + 1) * size : n;
}

/* Whether a loop over n float32 elements repays waking the threads (about a
 * microsecond).  Decides who works, never what is added to what. */
static inline bool worth_threads (int64_t n) {
  return n > 2 * CHUNK;
}

/* Scratch of each thread, 64-byte aligned, not zeroed.  Reserve before the
 * parallel loop (may raise FAIL_MEMORY), take inside it; a kernel that needs
 * two buffers reserves their sum.  What lies there is lost at the next
 * kernel. */
void cpu_reserve (size_t bytes);
void *cpu_scratch (void);

/* Parts of kernels that more than one file needs (matmul.c); they run on the
 * calling thread.  rows x columns of y, ld apart: y = act(y + bias); bias may
 * be NULL.  NaN stays NaN. */
void cpu_finish (float *y, int64_t rows, int64_t columns, int64_t ld,
                 const float *bias, Activation act);
/* sum[c] += x[r][c] over all r, in float64 every 32 rows. */
void cpu_column_sums (double *sum, const float *x, int64_t rows,
                      int64_t columns);

#endif
