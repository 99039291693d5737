/*
 * device.h - what a device is.  Declared here, filled in by backend/.
 *
 * All work of a device is done in the order in which it was asked for; only
 * download and sync wait for it.
 */
#ifndef device_h
#define device_h

#include <stdbool.h>
#include <stddef.h>

struct Kernels;

/* How matrix products and convolutions multiply; they always add in float32,
 * and weights stay float32. */
typedef enum Precision {
  PRECISION_FLOAT32, PRECISION_TF32, PRECISION_BF16, PRECISIONS
} Precision;

typedef struct DeviceMemory {
  size_t used, idle, peak;      /* bytes of blocks: in use, kept for reuse */
  size_t free, total;           /* of the machine; 0: unknown */
} DeviceMemory;

typedef struct Device {
  const char *name;             /* "cpu", "cuda:0" */
  const char *about;            /* "NVIDIA A100, compute 8.0, CUDA 13.0" */
  void *(*alloc) (size_t bytes);           /* raises FAIL_[DEVICE_]MEMORY */
  void (*free) (void *p, size_t bytes);
  void (*upload) (void *to, const void *from, size_t bytes);
  void (*download) (void *to, const void *from, size_t bytes);
  void (*copy) (void *to, const void *from, size_t bytes);   /* within it */
  void (*sync) (void);
  void (*trim) (void);          /* gives idle blocks back */
  DeviceMemory (*memory) (void);
  /* False if the device cannot multiply so. */
  bool (*precision) (Precision p);
  /* Work noted while run(state) calls kernels, to be launched as one; NULL
   * with the reason in why (n bytes) if it cannot be noted.  All three are
   * NULL on a device that has no graphs. */
  void *(*capture) (void (*run) (void *state), void *state, char *why,
                    size_t n);
  void (*launch) (void *graph);
  void (*release) (void *graph);
  const struct Kernels *kernels;
} Device;

#endif
