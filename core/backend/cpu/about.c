/*
 * about.c - what the CPU's kernels run on: for doctor, and for run.json and
 * checkpoints, since bits are equal only on one instruction set and one build.
 */
#include "backend/cpu/cpu.h"

#include <dnnl.h>
#include <stdio.h>

char *openblas_get_config (void);     /* no header is needed for one name */

static int most = LEVEL_MAX;

void cpu_set_level (int level) {
  most = level;
}

/* The levels that HOT's versions are made for, by features that gcc and clang
 * both know. */
int cpu_level (void) {
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
         && __builtin_cpu_supports("bmi2");
  bool v4 = v3 && __builtin_cpu_supports("avx512f")
         && __builtin_cpu_supports("avx512bw")
         && __builtin_cpu_supports("avx512cd")
         && __builtin_cpu_supports("avx512dq")
         && __builtin_cpu_supports("avx512vl");
  int level = v4 ? 4 : v3 ? 3 : 2;
  return level < most ? level : most;
}

const char *cpu_isa (void) {
  int level = cpu_level();
  return level == 4 ? "x86-64-v4" : level == 3 ? "x86-64-v3" : "x86-64-v2";
}

const char *cpu_onednn (void) {
  static char text[40];
  const dnnl_version_t *v = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", v->major, v->minor, v->patch);
  return text;
}

const char *cpu_blas (void) {
  return openblas_get_config();
}
