/*
 * fake.c - a backend that is none, for the tests of core/backend/cuda.c where
 * neither CUDA nor a simulated device is: what it answers is said by the
 * variable FAKE.
 *
 *   stale   as a plugin of another build     none    as one without a device
 *   else    a device whose memory is that of the host, without kernels
 */
#include "backend/plugin.h"
#include "abi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *get (size_t bytes) {
  return malloc(bytes + 1);
}

static void give (void *p, size_t bytes) {
  (void) bytes;
  free(p);
}

static void copy (void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
}

static void nothing (void) {}

static DeviceMemory memory (void) {
  return (DeviceMemory) { .used = 1, .idle = 2, .peak = 3, .free = 4,
                          .total = 5 };
}

static bool precision (Precision p) {
  return p != PRECISION_BF16;
}

static int no (char *why, size_t n, const char *text) {
  snprintf(why, n, "%s", text);
  return 1;
}

static const Kernels kernels;
static const Device device = {
  .name = "cuda:0", .about = "a fake", .alloc = get, .free = give,
  .upload = copy, .download = copy, .copy = copy, .sync = nothing,
  .trim = nothing, .memory = memory, .precision = precision,
  .kernels = &kernels,
};

__attribute__((visibility("default")))
int vaelua_device (uint32_t abi, const Host *host, Device *out, char *why,
                   size_t n);

int vaelua_device (uint32_t abi, const Host *host, Device *out, char *why,
                   size_t n) {
  const char *what = getenv("FAKE");
  if (abi != BACKEND_ABI)
    return no(why, n, "the hashes differ");
  if (what != NULL && strcmp(what, "stale") == 0)
    return no(why, n, "vaelua_cuda.so is of another build");
  if (what != NULL && strcmp(what, "none") == 0)
    return no(why, n, "the driver shows no device");
  if (host->index > 0)
    return no(why, n, "there is 1 CUDA device, cuda:0");
  *out = device;
  return 0;
}
