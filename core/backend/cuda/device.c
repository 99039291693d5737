/*
 * device.c - opens a CUDA device and fills in what the core sees of it.
 *
 * Everything that can be wrong with a machine is found here and named in one
 * line: another build, libraries of the wrong version, driver, device.
 */
#include "backend/cuda/host.h"
#include "abi.h"

#include <cublas_v2.h>
#include <cudnn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COMPUTE_LEAST = 75, CUDNN_LEAST = 90800 };

Host cuda_host;
Precision cuda_precision;
int cuda_compute;
char cuda_name[16];
cudaStream_t cuda_stream;

static char about[400];

/* ---- what is there ---- */

/* Writes the reason and returns false. */
static bool no (char *why, size_t n, const char *format, ...)
  __attribute__((format(printf, 3, 4)));

static bool no (char *why, size_t n, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(why, n, format, args);
  va_end(args);
  return false;
}

static bool libraries (char *why, size_t n) {
  int runtime = 0, cublas = 0, major = CUDART_VERSION / 1000;
  size_t cudnn = cudnnGetVersion();
  if (cudaRuntimeGetVersion(&runtime) != cudaSuccess
      || runtime / 1000 != major)
    return no(why, n, "libcudart is of CUDA %d.%d, needed is CUDA %d",
              runtime / 1000, runtime % 1000 / 10, major);
  if (cublasGetProperty(MAJOR_VERSION, &cublas) != CUBLAS_STATUS_SUCCESS
      || cublas != CUBLAS_VER_MAJOR)
    return no(why, n, "libcublas is version %d, needed is %d", cublas,
              CUBLAS_VER_MAJOR);
  if (cudnn / 10000 != CUDNN_MAJOR || cudnn < CUDNN_LEAST)
    return no(why, n, "cuDNN is version %d.%d.%d, needed is 9.8 or a later 9",
              (int) (cudnn / 10000), (int) (cudnn / 100 % 100),
              (int) (cudnn % 100));
  return true;
}

static bool driver (char *why, size_t n) {
  int version = 0;
  if (cudaDriverGetVersion(&version) != cudaSuccess || version == 0)
    return no(why, n, "driver not found");
  if (version / 1000 < CUDART_VERSION / 1000)
    return no(why, n, "the driver is too old: it is made for CUDA %d.%d, "
              "needed is CUDA %d", version / 1000, version % 1000 / 10,
              CUDART_VERSION / 1000);
  return true;
}

static bool device (int index, char *why, size_t n) {
  int count = 0;
  cudaError_t e = cudaGetDeviceCount(&count);
  if (e == cudaErrorInsufficientDriver)
    return no(why, n, "the driver is too old for CUDA %d",
              CUDART_VERSION / 1000);
  if (e == cudaErrorNoDevice || (e == cudaSuccess && count == 0))
    return no(why, n, "the driver shows no device");
  if (e != cudaSuccess)
    return no(why, n, "%s", cuda_text(e));
  if (index >= count)
    return no(why, n, "there %s %d CUDA device%s, cuda:0%s%.0d",
              count == 1 ? "is" : "are", count, count == 1 ? "" : "s",
              count == 1 ? "" : " to cuda:", count == 1 ? 0 : count - 1);
  return true;
}

static bool architecture (int index, char *why, size_t n) {
  struct cudaDeviceProp p;
  cudaError_t e = cudaGetDeviceProperties(&p, index);
  if (e != cudaSuccess)
    return no(why, n, "%s", cuda_text(e));
  cuda_compute = p.major * 10 + p.minor;
  if (cuda_compute < COMPUTE_LEAST)
    return no(why, n, "%s has compute capability %d.%d, needed is %d.%d or "
              "more", p.name, p.major, p.minor, COMPUTE_LEAST / 10,
              COMPUTE_LEAST % 10);
  size_t cudnn = cudnnGetVersion();
  int runtime = 0;
  cuda_ignore(cudaRuntimeGetVersion(&runtime));
  snprintf(about, sizeof about, "%s, %.0f GB, compute %d.%d, CUDA %d.%d, "
           "cuDNN %d.%d", p.name, (double) p.totalGlobalMem / 1e9, p.major,
           p.minor, runtime / 1000, runtime % 1000 / 10,
           (int) (cudnn / 10000), (int) (cudnn / 100 % 100));
  return true;
}

static bool start (int index, char *why, size_t n) {
  cudaError_t e = cudaSetDevice(index);
  if (e == cudaSuccess)
    e = cudaStreamCreateWithFlags(&cuda_stream, cudaStreamNonBlocking);
  if (e == cudaSuccess)
    e = cuda_transfer_open();
  if (e == cudaErrorNoKernelImageForDevice)
    return no(why, n, "this build has no kernels for compute %d.%d",
              cuda_compute / 10, cuda_compute % 10);
  return e == cudaSuccess || no(why, n, "%s", cuda_text(e));
}

static pid_t opened_by;

/* Registered behind the libraries' own, so it runs while they are alive.  A
 * lost device has nothing that could be given back, nor has a child. */
static void stop (void) {
  if (cuda_lost() || getpid() != opened_by)
    return;
  cuda_ignore(cudaStreamSynchronize(cuda_stream));
  cuda_conv_close();
  cuda_blas_close();
  cuda_alloc_close();
  cuda_transfer_close();
  cuda_ignore(cudaStreamDestroy(cuda_stream));
}

/* ---- what the core sees ---- */

static bool precision (Precision p) {
  bool can = p == PRECISION_FLOAT32 || cuda_compute >= 80;
  if (can)
    cuda_precision = p;
  return can;
}

__attribute__((visibility("default")))
int vaelua_device (uint32_t abi, const Host *host, Device *out, char *why,
                   size_t n) {
  if (abi != BACKEND_ABI) {
    no(why, n, "vaelua_cuda.so is of another build (%08x, the program's is "
       "%08x): build both again", BACKEND_ABI, abi);
    return 1;
  }
  if (!libraries(why, n) || !driver(why, n) || !device(host->index, why, n)
      || !architecture(host->index, why, n) || !start(host->index, why, n))
    return 1;
  cuda_host = *host;
  snprintf(cuda_name, sizeof cuda_name, "cuda:%d", host->index);
  opened_by = getpid();
  atexit(stop);
  *out = (Device) {
    .name = cuda_name, .about = about,
    .alloc = cuda_alloc, .free = cuda_free, .upload = cuda_upload,
    .download = cuda_download, .copy = cuda_copy_bytes, .sync = cuda_sync,
    .trim = cuda_trim, .memory = cuda_memory, .precision = precision,
    .capture = cuda_capture, .launch = cuda_launch, .release = cuda_release,
    .kernels = &cuda_kernels,
  };
  return 0;
}
