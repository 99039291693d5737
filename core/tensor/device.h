/*
 * device.h - what a device is.  Declared here, filled in by backend/.
 */
#ifndef device_h
#define device_h

#include <stddef.h>

struct Kernels;

typedef struct Device {
  const char *name;                        /* "cpu", "cuda:0" */
  void *(*alloc) (size_t bytes);           /* raises FAIL_MEMORY */
  void (*free) (void *p, size_t bytes);
  void (*upload) (void *to, const void *from, size_t bytes);
  void (*download) (void *to, const void *from, size_t bytes);
  void (*sync) (void);
  const struct Kernels *kernels;
} Device;

#endif
