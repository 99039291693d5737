/*
 * table.c - the table of kernels of the device, made from kernels.def: each
 * function notes its call, puts out the uploads that are waiting, launches
 * and raises if that failed.
 */
#include "backend/cuda/host.h"

static void begin (const char *kernel) {
  cuda_alive();
  cuda_note(kernel);
  cuda_flush();
}

static void note_other (const void *argument) {
  (void) argument;
}

static void note_view (const void *argument) {
  cuda_note_view(argument);
}

#define NOTE(type, name) \
  _Generic(name, View: note_view, default: note_other)(&name)

#define KERNEL(name, ...) \
  static void run_##name (PARAMS(__VA_ARGS__)) { \
    begin(#name); \
    EACH(NOTE, SEMICOLON, __VA_ARGS__); \
    cuda_launched(cuda_##name(ARGS(__VA_ARGS__))); \
  }
#include "backend/kernels.def"

const Kernels cuda_kernels = {
#define KERNEL(name, ...) .name = run_##name,
#include "backend/kernels.def"
};
