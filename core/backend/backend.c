/* backend.c - see backend.h. */
#include "backend/backend.h"

#include "backend/cpu/cpu.h"
#include "base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *device_doing;

static const Device *now = &cpu_device;
static bool unsettled;                   /* auto was chosen, nothing opened */
static Precision precision;
static char reason[600] = "no other was asked for";

static void settle (void) {
  char why[500];
  unsettled = false;
  if (cuda_open(0, why, sizeof why)) {
    now = &cuda_device;
    snprintf(reason, sizeof reason, "found");
    return;
  }
  now = &cpu_device;
  snprintf(reason, sizeof reason, "no CUDA device (%s): using the CPU", why);
}

const Device *device_now (void) {
  if (unsettled)
    settle();
  return now;
}

const char *device_reason (void) {
  device_now();
  return reason;
}

/* The number in "cuda:1", 0 in "cuda", -1 if it is no such name. */
static int cuda_index (const char *name) {
  char *end;
  if (strcmp(name, "cuda") == 0)
    return cuda_device.name ? atoi(cuda_device.name + 5) : 0;
  if (strncmp(name, "cuda:", 5) != 0 || name[5] < '0' || name[5] > '9')
    return -1;
  long n = strtol(name + 5, &end, 10);
  return *end == 0 && n < 1000 ? (int) n : -1;
}

const Device *device_find (const char *name) {
  char why[500];
  int index = cuda_index(name);
  if (strcmp(name, "cpu") == 0)
    return &cpu_device;
  if (index < 0)
    raise_as(FAIL_USAGE, "no device '%s' (devices: auto, cpu, cuda, cuda:1)",
             name);
  if (!cuda_open(index, why, sizeof why))
    raise_as(FAIL_DEVICE, "device %s is not available: %s   see: vaelua "
             "doctor", name, why);
  return &cuda_device;
}

void device_choose (const char *name) {
  bool automatic = strcmp(name, "auto") == 0;
  if (!automatic) {
    now = device_find(name);
    snprintf(reason, sizeof reason, "asked for");
  }
  unsettled = automatic;
  precision = PRECISION_FLOAT32;
  cpu_device.precision(precision);
  if (cuda_device.name != NULL)
    cuda_device.precision(precision);
}

Precision device_precision (void) {
  return precision;
}

bool device_set_precision (Precision p) {
  if (!device_now()->precision(p))
    return false;
  precision = p;
  return true;
}
