/*
 * cudnn_gpus.h - GPUs that are only described, as cuDNN wants to hear it: the
 * JSON of a device-property descriptor (CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR),
 * from which it plans with neither driver nor GPU.
 */
#ifndef cudnn_gpus_h
#define cudnn_gpus_h

#include <stddef.h>

typedef struct Gpu {
  const char *name;             /* as SIM_DEVICE has it */
  const char *title;
  int capability;               /* 800 is 8.0 */
  int cores;                    /* multiprocessors */
  int shared;                   /* bytes that a block can opt into */
  int reserved;                 /* of a block's shared memory */
  int blocks, threads;          /* of a multiprocessor */
  int core_khz, memory_khz;
  long long cache, memory;      /* bytes */
} Gpu;

extern const Gpu gpus[];        /* ends with a NULL name */

/* The GPU of that name; NULL if there is none. */
const Gpu *gpu_named (const char *name);

/* The JSON text in to (n bytes), and its length. */
size_t gpu_json (const Gpu *g, char *to, size_t n);

#endif
