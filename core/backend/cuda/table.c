/*
 * table.c - the table of kernels of the device, made from kernels.def: each
 * function notes its call, puts out the uploads that are waiting, launches
 * (or adds a step to the small work, small.h) and raises if that failed.
 */
#include "backend/cuda/host.h"
#include "backend/cuda/small.h"

#include <string.h>

static int outputs;              /* views of this call that are written */

/* The first argument is written; in these calls others are too. */
static int outputs_of (const char *kernel) {
  static const struct { const char *kernel; int outputs; } more[] = {
    { "conv_back_w", 2 }, { "deconv_back_w", 2 }, { "maxpool", 2 },
    { "colstats", 2 }, { "normal_kl_rows_back", 2 },
    { "reparameterise", 2 }, { "reparameterise_back", 2 },
    { "act_back", 2 }, { "rownorm", 3 },
  };
  for (size_t i = 0; i < sizeof more / sizeof *more; i++)
    if (strcmp(more[i].kernel, kernel) == 0)
      return more[i].outputs;
  return 1;
}

/* Optimisers put their first part behind the steps that wait, and flush. */
static bool flushes (const char *kernel) {
  return strcmp(kernel, "adam") == 0 || strcmp(kernel, "sgd") == 0;
}

static void begin (const char *kernel) {
  cuda_alive();
  cuda_note(kernel);
  cuda_flush();
  small_begin();
  outputs = cuda_capturing() ? outputs_of(kernel) : 0;
}

static void note_other (const void *argument) {
  (void) argument;
}

static void note_view (const void *argument) {
  cuda_note_view(argument);
  if (cuda_capturing())
    small_touch(argument, outputs-- > 0);
}

/* Gradients, which grad_check reads. */
static void note_parts (const void *argument) {
  const Parts *parts = argument;
  for (int i = 0; cuda_capturing() && i < parts->count; i++)
    small_touch(&parts->at[i].g, false);
}

#define NOTE(type, name) \
  _Generic(name, View: note_view, Parts: note_parts, \
           default: note_other)(&name)

#define KERNEL(name, ...) \
  static void run_##name (PARAMS(__VA_ARGS__)) { \
    begin(#name); \
    EACH(NOTE, SEMICOLON, __VA_ARGS__); \
    if (small_##name != NULL && small_##name(ARGS(__VA_ARGS__))) { \
      cuda_launched(small_added()); \
      return; \
    } \
    cudaError_t e = flushes(#name) ? cudaSuccess : small_settle(); \
    cuda_launched(e != cudaSuccess ? e : cuda_##name(ARGS(__VA_ARGS__))); \
  }
#include "backend/kernels.def"

const Kernels cuda_kernels = {
#define KERNEL(name, ...) .name = run_##name,
#include "backend/kernels.def"
};
