/*
 * backend.h - which device tensors are made on.
 */
#ifndef backend_h
#define backend_h

#include "tensor/tensor.h"

const Device *device_now (void);

/* "cpu", "cuda", "cuda:1"; raises FAIL_DEVICE if it is not there. */
const Device *device_find (const char *name);

/* "auto", "cpu", "cuda", "cuda:1"; raises FAIL_DEVICE.  Returns why this one
 * was taken, for the line that the program prints. */
const char *device_choose (const char *name);

/* Why there is no CUDA device here (nocuda.c). */
const char *nocuda_reason (void);

#endif
