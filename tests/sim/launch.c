/*
 * launch.c - kernel launches: limits, arguments, and the calls that nvcc puts
 * in place of <<< >>>.
 *
 * Arguments are copied at the launch.  In a graph they are frozen: each replay
 * looks whether the blocks of memory that they pointed to are still those.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

/* A block that an argument points to. */
typedef struct Pointer { const char *at; bool live; } Pointer;

typedef struct Pending {
  Launch launch;
  Pointer *pointers;
  int pointer_count, launches;
  unsigned char params[];
} Pending;

/* ---- the work ---- */

static void run_launch (void *state) {
  Pending *p = state;
  count_launch(p->launch.kernel->name);
  launch_run(&p->launch);
  launch_done();
}

static void drop_launch (void *state) {
  Pending *p = state;
  free(p->pointers);
  free(p);
}

/* At each launch of the graph that holds it, and once outside of graphs. */
static void check_pointers (void *state) {
  Pending *p = state;
  for (int i = 0; i < p->pointer_count; i++) {
    Allocation *a = memory_find(p->pointers[i].at);
    if (p->pointers[i].live && !a->live) {
      mistake("frozen-argument", "a graph launches kernel %s with a pointer "
              "into memory that was freed since: %s", p->launch.kernel->name,
              memory_where(p->pointers[i].at, 1));
      p->pointers[i].live = false;
    }
  }
}

static void find_pointers (Pending *p) {
  const Kernel *k = p->launch.kernel;
  p->pointers = malloc((k->param_bytes / 8 + 1) * sizeof *p->pointers);
  for (uint32_t at = 0; at + 8 <= k->param_bytes; at += 8) {
    const char *value;
    memcpy(&value, p->params + at, 8);
    if (value >= memory.base && value < memory.base + memory.span
        && sim_is_device(value))
      p->pointers[p->pointer_count++] = (Pointer) { value, true };
  }
}

/* ---- limits ---- */

static cudaError_t refuse (const Kernel *k, cudaError_t e, const char *why) {
  mistake("launch", "kernel %s: %s", k->name, why);
  return failed(e);
}

static cudaError_t limits_hold (const Kernel *k, dim3 g, dim3 b,
                                size_t shared) {
  size_t threads = (size_t) b.x * b.y * b.z;
  if (g.x == 0 || g.y == 0 || g.z == 0)
    return refuse(k, cudaErrorInvalidConfiguration, "a grid of no blocks");
  if (g.x > INT32_MAX || g.y > 65535 || g.z > 65535)
    return refuse(k, cudaErrorInvalidConfiguration, "a grid of too many "
                  "blocks");
  if (threads == 0)
    return refuse(k, cudaErrorInvalidConfiguration, "blocks of no threads");
  if (threads > THREADS_MOST || b.x > 1024 || b.y > 1024 || b.z > 64)
    return refuse(k, cudaErrorInvalidConfiguration, "blocks of more than 1024 "
                  "threads");
  if (threads > k->threads_most)
    return refuse(k, cudaErrorLaunchOutOfResources, "more threads than "
                  "__launch_bounds__ says");
  if (k->shared_bytes + shared > SHARED_MOST)
    return refuse(k, cudaErrorInvalidValue, "more than 48 KiB of shared "
                  "memory");
  return cudaSuccess;
}

/* ---- launching ---- */

cudaError_t launch_kernel (Kernel *k, dim3 grid, dim3 block, void **args,
                           size_t shared, cudaStream_t stream,
                           const char *who) {
  ALIVE;
  if (!k) {
    mistake("launch", "%s of a kernel that is not registered", who);
    return failed(cudaErrorInvalidDeviceFunction);
  }
  Stream *s = stream_of(stream, k->name);
  if (!s)
    return failed(cudaErrorInvalidResourceHandle);
  if (!memory_start() || !kernel_decode(k))
    return failed(cudaErrorInvalidPtx);
  cudaError_t e = limits_hold(k, grid, block, shared);
  if (e != cudaSuccess)
    return e;
  Pending *p = calloc(1, sizeof *p + k->param_bytes);
  p->launch = (Launch) { k, grid, block, shared, p->params };
  for (int i = 0; i < k->param_count; i++)
    memcpy(p->params + k->params[i].at, args[i], k->params[i].bytes);
  if (s->capture)
    find_pointers(p);
  stream_push(s, (Work) { .what = k->name, .kind = WORK_KERNEL,
                          .run = run_launch, .drop = drop_launch,
                          .launch = check_pointers, .state = p });
  return cudaSuccess;
}

cudaError_t cudaLaunchKernel (const void *function, dim3 grid, dim3 block,
                              void **args, size_t shared,
                              cudaStream_t stream) {
  return launch_kernel(kernel_of(function), grid, block, args, shared, stream,
                       "cudaLaunchKernel");
}

cudaError_t cudaLaunchKernelExC (const cudaLaunchConfig_t *c,
                                 const void *function, void **args) {
  if (c->numAttrs)
    mistake("unmodelled", "cudaLaunchKernelExC with attributes");
  return launch_kernel(kernel_of(function), c->gridDim, c->blockDim, args,
                       c->dynamicSmemBytes, c->stream, "cudaLaunchKernelExC");
}

/* ---- what nvcc makes of <<< >>> ---- */

static struct Configuration {
  dim3 grid, block;
  size_t shared;
  cudaStream_t stream;
} pushed[8];
static int pushed_count;

unsigned __cudaPushCallConfiguration (dim3 grid, dim3 block, size_t shared,
                                      struct CUstream_st *stream) {
  if (pushed_count == 8)
    return cudaErrorUnknown;
  pushed[pushed_count++]
    = (struct Configuration) { grid, block, shared, stream };
  return 0;
}

cudaError_t __cudaPopCallConfiguration (dim3 *grid, dim3 *block,
                                        size_t *shared, void *stream) {
  if (pushed_count == 0)
    return cudaErrorMissingConfiguration;
  struct Configuration c = pushed[--pushed_count];
  *grid = c.grid;
  *block = c.block;
  *shared = c.shared;
  *(cudaStream_t *) stream = c.stream;
  return cudaSuccess;
}

cudaError_t __cudaGetKernel (cudaKernel_t *kernel, const void *function) {
  *kernel = (cudaKernel_t) kernel_of(function);
  return *kernel ? cudaSuccess : cudaErrorInvalidDeviceFunction;
}

cudaError_t __cudaLaunchKernel (cudaKernel_t kernel, dim3 grid, dim3 block,
                                void **args, size_t shared,
                                cudaStream_t stream) {
  return launch_kernel((Kernel *) kernel, grid, block, args, shared, stream,
                       "<<< >>>");
}

/* ---- what is known of a kernel ---- */

cudaError_t cudaFuncGetAttributes (struct cudaFuncAttributes *a,
                                   const void *function) {
  Kernel *k = kernel_of(function);
  if (!k || !kernel_decode(k))
    return failed(cudaErrorInvalidDeviceFunction);
  memset(a, 0, sizeof *a);
  a->sharedSizeBytes = k->shared_bytes;
  a->localSizeBytes = k->local_bytes;
  a->maxThreadsPerBlock = (int) k->threads_most;
  a->numRegs = 32;
  a->ptxVersion = a->binaryVersion = k->module->major * 10 + k->module->minor;
  a->maxDynamicSharedSizeBytes = SHARED_MOST - (int) k->shared_bytes;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute (const void *function,
                                  enum cudaFuncAttribute attribute,
                                  int value) {
  if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize
      && value > SHARED_MOST)
    mistake("unmodelled", "cudaFuncSetAttribute for more than 48 KiB of "
            "shared memory");
  return kernel_of(function) ? cudaSuccess
         : failed(cudaErrorInvalidDeviceFunction);
}
