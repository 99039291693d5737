/*
 * backend.h - which device tensors are made on.
 *
 * A process uses the CPU and at most one CUDA device.  "auto" is settled when
 * the first tensor is made or the device is asked for, not when it is chosen:
 * a program that computes nothing must not pay for opening a device.
 */
#ifndef backend_h
#define backend_h

#include "tensor/tensor.h"

const Device *device_now (void);

/* "cpu", "cuda", "cuda:1"; raises FAIL_DEVICE if it is not there. */
const Device *device_find (const char *name);

/* "auto", "cpu", "cuda", "cuda:1"; raises FAIL_DEVICE. */
void device_choose (const char *name);

/* Why this one was taken, for the line that the program prints. */
const char *device_reason (void);

/* How the device multiplies; float32 after each device_choose. */
Precision device_precision (void);
bool device_set_precision (Precision p);       /* false: it cannot */

/* Name of the op that is being computed, NULL between ops: errors of a device
 * name it.  Must live as long as the op runs. */
extern const char *device_doing;

/* ---- cuda.c ---- */

/* The CUDA device, empty (name NULL) until cuda_open has succeeded. */
extern Device cuda_device;

/* Opens cuda:index at its first call, or writes why it cannot be had. */
bool cuda_open (int index, char *why, size_t n);

/* Where vaelua_cuda.so was found; NULL if nowhere. */
const char *cuda_plugin (void);

#endif
