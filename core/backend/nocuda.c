/*
 * nocuda.c - why there is no CUDA device: the reason that follows "device cuda
 * is not available: " and stands in the line about device=auto.
 */
#include "backend/backend.h"

const char *nocuda_reason (void) {
  return "this build has no CUDA backend";
}
