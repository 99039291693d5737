/*
 * matmul.c - products of matrices by cuBLAS, and linear layers on them.
 *
 * cuBLAS counts by columns; a matrix that lies by rows is the transpose of
 * what it sees.  So y = a b is asked for as y' = b' a', with the operands
 * swapped and each transposed where ours is not (gemm).
 *
 * float32 is float32.  TF32 and bf16 follow from va.precision; both add in
 * float32, and bf16 operands are rounded into scratch first.
 */
#include "backend/cuda/blas.h"
#include "backend/cuda/convert.h"
#include "backend/cuda/host.h"

#include <inttypes.h>
#include <limits.h>

enum { MB = 1 << 20 };

/* ---- the library ---- */

static cudaError_t failed (const char *what, cublasStatus_t s) {
  if (s == CUBLAS_STATUS_SUCCESS)
    return cudaSuccess;
  return cuda_failed("%s: %s", what, cublasGetStatusString(s));
}

/* One handle on the one stream.  Its workspace is ours, so that captured
 * products keep their memory; setting the stream would reset it. */
static cublasHandle_t handle;
static void *workspace;         /* of the handle */

static cudaError_t handle_of (cublasHandle_t *to) {
  if (handle == NULL) {
    size_t bytes = (size_t) (cuda_compute >= 90 ? 32 : 4) * MB;
    cublasHandle_t h;
    cudaError_t e = cuda_driver_memory(&workspace, bytes);
    if (e != cudaSuccess)
      return e;
    cublasStatus_t s = cublasCreate(&h);
    if (s == CUBLAS_STATUS_SUCCESS)
      s = cublasSetStream(h, cuda_stream);
    if (s == CUBLAS_STATUS_SUCCESS)
      s = cublasSetWorkspace(h, workspace, bytes);
    if (s != CUBLAS_STATUS_SUCCESS)
      return failed("cuBLAS cannot be started", s);
    handle = h;
  }
  *to = handle;
  return cudaSuccess;
}

void cuda_blas_close (void) {
  if (handle == NULL)
    return;
  (void) !cublasDestroy(handle);
  cuda_ignore(cudaFree(workspace));
}

/* ---- one product ---- */

static bool fits (const Gemm *g) {
  return g->m <= INT_MAX && g->n <= INT_MAX && g->k <= INT_MAX
      && g->batch <= INT_MAX && g->row_y <= INT_MAX && g->row_a <= INT_MAX;
}

typedef struct Operand { const void *at; cublasOperation_t op; int ld; }
  Operand;

/* A row-major rows x columns matrix, or where t is set the transpose of a
 * columns x rows one, as cuBLAS sees its transpose.  row: see Gemm. */
static Operand operand (const void *at, bool t, int64_t rows, int64_t columns,
                        int64_t row) {
  return (Operand) { at, t ? CUBLAS_OP_T : CUBLAS_OP_N,
                     (int) (row ? row : t ? rows : columns) };
}

static cublasStatus_t single (cublasHandle_t h, const Gemm *g, Operand a,
                              Operand b) {
  const float one = 1, old = g->add ? 1 : 0;
  int m = (int) g->m, n = (int) g->n, k = (int) g->k;
  int ldy = g->row_y ? (int) g->row_y : n;
  if (g->precision == PRECISION_FLOAT32)
    return cublasSgemm(h, b.op, a.op, n, m, k, &one, b.at, b.ld, a.at, a.ld,
                       &old, g->y, ldy);
  bool tf32 = g->precision == PRECISION_TF32;
  cudaDataType_t type = tf32 ? CUDA_R_32F : CUDA_R_16BF;
  return cublasGemmEx(h, b.op, a.op, n, m, k, &one, b.at, type, b.ld, a.at,
                      type, a.ld, &old, g->y, CUDA_R_32F, ldy,
                      tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
                      CUBLAS_GEMM_DEFAULT);
}

static cublasStatus_t batched (cublasHandle_t h, const Gemm *g, Operand a,
                               Operand b) {
  const float one = 1, zero = 0;
  int m = (int) g->m, n = (int) g->n, k = (int) g->k, count = (int) g->batch;
  long long na = g->one_a ? 0 : g->m * g->k, nb = g->one_b ? 0 : g->k * g->n;
  long long ny = g->m * g->n;
  if (g->precision == PRECISION_FLOAT32)
    return cublasSgemmStridedBatched(h, b.op, a.op, n, m, k, &one, b.at, b.ld,
                                     nb, a.at, a.ld, na, &zero, g->y, n, ny,
                                     count);
  bool tf32 = g->precision == PRECISION_TF32;
  cudaDataType_t type = tf32 ? CUDA_R_32F : CUDA_R_16BF;
  return cublasGemmStridedBatchedEx(
    h, b.op, a.op, n, m, k, &one, b.at, type, b.ld, nb, a.at, type, a.ld, na,
    &zero, g->y, CUDA_R_32F, n, ny, count,
    tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
    CUBLAS_GEMM_DEFAULT);
}

/* Rounds both operands, which are contiguous, to bf16 in scratch. */
static cudaError_t round_both (const Gemm *g, Operand *a, Operand *b) {
  int64_t na = g->m * g->k * (g->one_a ? 1 : g->batch);
  int64_t nb = g->k * g->n * (g->one_b ? 1 : g->batch);
  size_t first = bf16_bytes(na);
  char *room = cuda_scratch(first + bf16_bytes(nb));
  if (room == NULL)
    return cudaErrorMemoryAllocation;
  cudaError_t e = cuda_to_bf16((uint16_t *) room, a->at, na);
  if (e == cudaSuccess)
    e = cuda_to_bf16((uint16_t *) (room + first), b->at, nb);
  a->at = room;
  b->at = room + first;
  return e;
}

cudaError_t cuda_gemm (Gemm g) {
  cublasHandle_t h;
  if (g.batch * g.m * g.n == 0)
    return cudaSuccess;
  if (g.k == 0)
    return cudaMemsetAsync(g.y, 0, sizeof(float) * (size_t) (g.batch * g.m *
                           g.n), cuda_stream);
  if (g.one_b && !g.ta && !(g.one_a && g.batch > 1)) {   /* rows of one a */
    g.m *= g.batch;
    g.batch = 1;
  }
  if (!fits(&g))
    return cuda_failed("a product of %" PRId64 " x %" PRId64 " x %" PRId64
                       " is too large for cuBLAS", g.m, g.k, g.n);
  cudaError_t e = handle_of(&h);
  Operand a = operand(g.a, g.ta, g.m, g.k, g.row_a);
  Operand b = operand(g.b, g.tb, g.k, g.n, 0);
  if (e == cudaSuccess && g.precision == PRECISION_BF16)
    e = round_both(&g, &a, &b);
  if (e != cudaSuccess)
    return e;
  return failed("cuBLAS", g.batch == 1 ? single(h, &g, a, b)
                                       : batched(h, &g, a, b));
}

/* ---- kernels ---- */

cudaError_t cuda_matmul (View y, View a, bool ta, View b, bool tb) {
  return cuda_gemm((Gemm) {
    .y = y.data, .a = a.data, .b = b.data, .ta = ta, .tb = tb,
    .batch = y.size[0], .m = y.size[1], .n = y.size[2],
    .k = a.size[ta ? 1 : 2], .one_a = a.size[0] == 1, .one_b = b.size[0] == 1,
    .precision = cuda_precision });
}

cudaError_t cuda_linear (View y, View x, View w, View bias, Activation act) {
  int64_t rows = x.size[0], columns = w.size[0];
  cudaError_t e = cuda_gemm((Gemm) {
    .y = y.data, .a = x.data, .b = w.data, .tb = true, .batch = 1, .m = rows,
    .n = columns, .k = x.size[1], .one_a = true, .one_b = true,
    .precision = cuda_precision });
  if (e == cudaSuccess && (bias.data != NULL || act != ACT_NONE))
    e = cuda_finish(y.data, rows, columns, bias.data, act);
  return e;
}
