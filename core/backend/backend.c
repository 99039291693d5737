/* backend.c - see backend.h. */
#include "backend/backend.h"

#include "backend/cpu/cpu.h"
#include "base/error.h"

#include <string.h>

static const Device *now = &cpu_device;

const Device *device_now (void) {
  return now;
}

const Device *device_find (const char *name) {
  if (strcmp(name, "cpu") == 0)
    return &cpu_device;
  if (strncmp(name, "cuda", 4) == 0)
    raise_as(FAIL_DEVICE, "device %s is not available: %s", name,
             nocuda_reason());
  raise_as(FAIL_USAGE, "no device '%s' (devices: auto, cpu, cuda, cuda:1)",
           name);
}

const char *device_choose (const char *name) {
  if (strcmp(name, "auto") == 0) {
    now = &cpu_device;
    return nocuda_reason();
  }
  now = device_find(name);
  return "asked for";
}
