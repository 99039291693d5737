/*
 * about.c - what the CPU's kernels run on: for doctor, and for run.json and
 * checkpoints, since bits are equal only on one instruction set and one build.
 */
#include "backend/cpu/cpu.h"

#include <dnnl.h>
#include <stdio.h>

char *openblas_get_config (void);     /* no header is needed for one name */

const char *cpu_isa (void) {
  if (__builtin_cpu_supports("x86-64-v4"))
    return "x86-64-v4";
  return __builtin_cpu_supports("x86-64-v3") ? "x86-64-v3" : "x86-64-v2";
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
