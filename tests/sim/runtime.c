/*
 * runtime.c - the public API that is about the device, its memory and errors.
 *
 * What the simulator does not know is exported too, as functions that report
 * a mistake by their name (unmodelled.c, made by the build).
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

/* ---- which device it is ---- */

const Profile *profile (void) {
  static const Profile all[] = {
    { "a100", "NVIDIA A100-SXM4-80GB", 8, 0, 108, 40, 164, 2048, 80 },
    { "t4", "Tesla T4", 7, 5, 40, 4, 64, 1024, 16 },
    { "rtx4090", "NVIDIA GeForce RTX 4090", 8, 9, 128, 72, 100, 1536, 24 },
    { "h100", "NVIDIA H100 80GB HBM3", 9, 0, 132, 50, 228, 2048, 80 },
    { "b200", "NVIDIA B200", 10, 0, 148, 126, 228, 2048, 180 } };
  const char *name = setting("SIM_DEVICE");
  for (size_t i = 0; name && i < sizeof all / sizeof *all; i++)
    if (strcmp(all[i].name, name) == 0)
      return &all[i];
  if (name && strcmp(name, "a100") != 0)
    mistake("device", "SIM_DEVICE=%s is not known", name);
  return &all[0];
}

/* Devices of the machine; -1: the driver is too old. */
static int device_count (void) {
  const char *text = setting("SIM_COUNT");
  return !text ? 1 : strcmp(text, "driver") == 0 ? -1 : atoi(text);
}

/* ---- errors ---- */

bool device_is_lost;
static cudaError_t last_error;

cudaError_t failed (cudaError_t e) {
  if (e != cudaSuccess && e != cudaErrorNotReady)
    last_error = e;
  return e;
}

bool sim_lost (void) {
  return device_is_lost;
}

/* SIM_LOST=n: the n-th kernel breaks the device. */
void launch_done (void) {
  const char *text = setting("SIM_LOST");
  if (text && counts.launches >= strtoull(text, NULL, 0))
    device_is_lost = true;
}

cudaError_t device_error (void) {
  int n = device_count();
  return n < 0 ? failed(cudaErrorInsufficientDriver)
         : n == 0 ? failed(cudaErrorNoDevice)
         : device_is_lost ? failed(cudaErrorLaunchFailure)
         : memory_start() ? cudaSuccess : failed(cudaErrorInitializationError);
}

cudaError_t cudaGetLastError (void) {
  cudaError_t e = device_is_lost ? cudaErrorLaunchFailure : last_error;
  last_error = cudaSuccess;
  return e;
}

cudaError_t cudaPeekAtLastError (void) {
  return device_is_lost ? cudaErrorLaunchFailure : last_error;
}

#define ERRORS(X) \
  X(cudaSuccess, "no error") \
  X(cudaErrorInvalidValue, "invalid argument") \
  X(cudaErrorMemoryAllocation, "out of memory") \
  X(cudaErrorInitializationError, "initialization error") \
  X(cudaErrorInvalidConfiguration, "invalid configuration argument") \
  X(cudaErrorInsufficientDriver, \
    "CUDA driver version is insufficient for CUDA runtime version") \
  X(cudaErrorMissingConfiguration, "__global__ function call is not " \
    "configured") \
  X(cudaErrorInvalidDeviceFunction, "invalid device function") \
  X(cudaErrorNoDevice, "no CUDA-capable device is detected") \
  X(cudaErrorInvalidDevice, "invalid device ordinal") \
  X(cudaErrorInvalidPtx, "a PTX JIT compilation failed") \
  X(cudaErrorInvalidResourceHandle, "invalid resource handle") \
  X(cudaErrorIllegalState, \
    "the operation cannot be performed in the present state") \
  X(cudaErrorNotReady, "device not ready") \
  X(cudaErrorIllegalAddress, "an illegal memory access was encountered") \
  X(cudaErrorLaunchOutOfResources, \
    "too many resources requested for launch") \
  X(cudaErrorLaunchFailure, "unspecified launch failure") \
  X(cudaErrorNotSupported, "operation not supported") \
  X(cudaErrorStreamCaptureUnsupported, \
    "operation not permitted when stream is capturing") \
  X(cudaErrorStreamCaptureInvalidated, \
    "operation failed due to a previous error during capture") \
  X(cudaErrorCapturedEvent, \
    "operation not permitted on an event last recorded in a capturing " \
    "stream") \
  X(cudaErrorUnknown, "unknown error")

const char *cudaGetErrorString (cudaError_t e) {
#define X(name, text) case name: return text;
  switch (e) {
    ERRORS(X)
    default: return "unrecognized error code";
  }
#undef X
}

const char *cudaGetErrorName (cudaError_t e) {
#define X(name, text) case name: return #name;
  switch (e) {
    ERRORS(X)
    default: return "unrecognized error code";
  }
#undef X
}

/* ---- the device ---- */

cudaError_t cudaGetDeviceCount (int *count) {
  int n = device_count();
  *count = n > 0 ? n : 0;
  return n < 0 ? failed(cudaErrorInsufficientDriver)
         : n == 0 ? failed(cudaErrorNoDevice) : cudaSuccess;
}

cudaError_t cudaGetDevice (int *device) {
  ALIVE;
  *device = 0;
  return cudaSuccess;
}

/* All devices but the first are only there to be counted. */
cudaError_t cudaSetDevice (int device) {
  ALIVE;
  if (device < 0 || device >= device_count())
    return failed(cudaErrorInvalidDevice);
  if (device)
    mistake("unmodelled", "cudaSetDevice(%d)", device);
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties (struct cudaDeviceProp *p, int device) {
  ALIVE;
  if (device < 0 || device >= device_count())
    return failed(cudaErrorInvalidDevice);
  const Profile *f = profile();
  memset(p, 0, sizeof *p);
  snprintf(p->name, sizeof p->name, "%s", f->full);
  p->totalGlobalMem = memory.total;
  p->sharedMemPerBlock = SHARED_MOST;
  p->sharedMemPerMultiprocessor = (size_t) f->shared_kib * 1024;
  p->sharedMemPerBlockOptin = (size_t) (f->shared_kib - 1) * 1024;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = LANES;
  p->memPitch = INT32_MAX;
  p->maxThreadsPerBlock = THREADS_MOST;
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = INT32_MAX;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->totalConstMem = 65536;
  p->major = f->major;
  p->minor = f->minor;
  p->textureAlignment = 512;
  p->multiProcessorCount = f->multiprocessors;
  p->maxThreadsPerMultiProcessor = f->threads;
  p->maxBlocksPerMultiProcessor = 32;
  p->l2CacheSize = f->l2_mib << 20;
  p->canMapHostMemory = p->unifiedAddressing = p->concurrentKernels = 1;
  p->asyncEngineCount = 2;
  p->memoryBusWidth = 384;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute (int *value, enum cudaDeviceAttr attribute,
                                    int device) {
  struct cudaDeviceProp p;
  cudaError_t e = cudaGetDeviceProperties(&p, device);
  if (e != cudaSuccess)
    return e;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = SHARED_MOST; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = (int) p.sharedMemPerBlockOptin; break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = (int) p.sharedMemPerMultiprocessor; break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrMultiProcessorCount:
      *value = p.multiProcessorCount; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = p.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrMaxGridDimX: *value = INT32_MAX; break;
    case cudaDevAttrMaxGridDimY: case cudaDevAttrMaxGridDimZ:
      *value = 65535; break;
    case cudaDevAttrMemoryPoolsSupported: *value = 0; break;
    case cudaDevAttrCooperativeLaunch: *value = 0; break;
    default:
      mistake("unmodelled", "cudaDeviceGetAttribute %d", (int) attribute);
      return failed(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion (int *version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion (int *version) {
  *version = CUDART_VERSION - (device_count() < 0 ? 1000 : 0);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize (void) {
  ALIVE;
  if (!setting("SIM_ALLOW_DEVICE_SYNC"))
    mistake("device-sync", "cudaDeviceSynchronize");
  if (capture_forbids("cudaDeviceSynchronize"))
    return failed(cudaErrorStreamCaptureUnsupported);
  counts.host_waits++;
  streams_run();
  ALIVE;
  return cudaSuccess;
}

cudaError_t cudaDeviceReset (void) {
  ALIVE;
  streams_run();
  return cudaSuccess;
}

/* ---- memory ---- */

cudaError_t cudaMalloc (void **p, size_t bytes) {
  ALIVE;
  *p = NULL;
  if (capture_forbids("cudaMalloc"))
    return failed(cudaErrorStreamCaptureUnsupported);
  if (bytes == 0)
    return cudaSuccess;
  *p = memory_new(bytes, "cudaMalloc", false);
  if (!*p)
    return failed(cudaErrorMemoryAllocation);
  counts.allocations++;
  counts.allocated += bytes;
  return cudaSuccess;
}

/* Waits for all work, as CUDA does. */
cudaError_t cudaFree (void *p) {
  ALIVE;
  if (!p)
    return cudaSuccess;
  if (capture_forbids("cudaFree"))
    return failed(cudaErrorStreamCaptureUnsupported);
  streams_run();
  return memory_free(p) ? cudaSuccess : failed(cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo (size_t *available_bytes, size_t *total) {
  ALIVE;
  *available_bytes = memory.total - memory.used;
  *total = memory.total;
  return cudaSuccess;
}

cudaError_t cudaHostAlloc (void **p, size_t bytes, unsigned flags) {
  ALIVE;
  if (flags & cudaHostAllocMapped)
    mistake("unmodelled", "cudaHostAlloc of mapped memory");
  if (capture_forbids("cudaHostAlloc"))
    return failed(cudaErrorStreamCaptureUnsupported);
  *p = bytes ? pinned_new(bytes) : NULL;
  return *p || !bytes ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

cudaError_t cudaMallocHost (void **p, size_t bytes) {
  return cudaHostAlloc(p, bytes, cudaHostAllocDefault);
}

cudaError_t cudaFreeHost (void *p) {
  ALIVE;
  if (!p)
    return cudaSuccess;
  if (capture_forbids("cudaFreeHost"))
    return failed(cudaErrorStreamCaptureUnsupported);
  return failed(pinned_free(p));
}
