/*
 * plugin.h - between the program and a backend that is a shared object of its
 * own (vaelua_cuda.so).  The plugin imports no symbol of ours and exports one
 * function, so that it serves the program and the module alike.
 */
#ifndef plugin_h
#define plugin_h

#include "backend/kernels.h"
#include "base/error.h"
#include "tensor/device.h"

/* What the program does for the plugin. */
typedef struct Host {
  int index;                    /* the device that is asked for: 1 is cuda:1 */
  void (*raise) (Fail kind, const char *text) __attribute__((noreturn));
  void *(*mem_new) (size_t bytes);         /* as in base/mem.h */
  void (*mem_free) (void *p);
  void (*say) (const char *text);          /* one line for the user */
  const char *const *doing;     /* name of the op at hand; NULL: none */
} Host;

/* Fills in the device and returns 0.  Where there is none, returns a number
 * other than 0 with the reason in why (n bytes).  abi: BACKEND_ABI of the
 * build (a hash of the headers of the seam), so that a stale plugin is
 * refused. */
typedef int PluginDevice (uint32_t abi, const Host *host, Device *out,
                          char *why, size_t n);

#define PLUGIN_ENTRY "vaelua_device"

#endif
