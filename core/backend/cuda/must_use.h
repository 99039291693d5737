/*
 * must_use.h - the functions of CUDA, cuBLAS and cuDNN that host code uses,
 * declared once more so that no result can be forgotten: with
 * -Werror=unused-result each has to be looked at, or thrown away visibly by
 * (void) !f().  `make lint` refuses a function that is used and not listed.
 */
#ifndef must_use_h
#define must_use_h

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <cudnn.h>
#include <cudnn_graph.h>

#define MUST_USE(f) extern __typeof__(f) f \
  __attribute__((warn_unused_result))

MUST_USE(cudaDriverGetVersion);
MUST_USE(cudaEventCreateWithFlags);
MUST_USE(cudaEventDestroy);
MUST_USE(cudaEventRecord);
MUST_USE(cudaEventSynchronize);
MUST_USE(cudaFree);
MUST_USE(cudaFreeHost);
MUST_USE(cudaGetDeviceCount);
MUST_USE(cudaGetDeviceProperties);
MUST_USE(cudaGraphDestroy);
MUST_USE(cudaGraphExecDestroy);
MUST_USE(cudaGraphInstantiate);
MUST_USE(cudaGraphLaunch);
MUST_USE(cudaHostAlloc);
MUST_USE(cudaMalloc);
MUST_USE(cudaMemGetInfo);
MUST_USE(cudaMemcpyAsync);
MUST_USE(cudaMemsetAsync);
MUST_USE(cudaRuntimeGetVersion);
MUST_USE(cudaSetDevice);
MUST_USE(cudaStreamBeginCapture);
MUST_USE(cudaStreamCreateWithFlags);
MUST_USE(cudaStreamDestroy);
MUST_USE(cudaStreamEndCapture);
MUST_USE(cudaStreamQuery);
MUST_USE(cudaStreamSynchronize);

MUST_USE(cublasCreate);
MUST_USE(cublasDestroy);
MUST_USE(cublasGemmEx);
MUST_USE(cublasGemmStridedBatchedEx);
MUST_USE(cublasGetProperty);
MUST_USE(cublasSetStream);
MUST_USE(cublasSetWorkspace);
MUST_USE(cublasSgemm);
MUST_USE(cublasSgemmStridedBatched);

MUST_USE(cudnnBackendCreateDescriptor);
MUST_USE(cudnnBackendExecute);
MUST_USE(cudnnBackendFinalize);
MUST_USE(cudnnBackendGetAttribute);
MUST_USE(cudnnBackendSetAttribute);
MUST_USE(cudnnCreate);
MUST_USE(cudnnDestroy);
MUST_USE(cudnnSetStream);

/* cudaGetLastError is left out: it is called to clear an error. */

#endif
