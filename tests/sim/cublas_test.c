/*
 * cublas_test.c - the stand-in for cuBLAS against a naive loop over every
 * transpose, odd sizes, leading dimensions, batches and types; and wrong
 * arguments, which must be reported.
 */
#include "libs_float.h"
#include "libs_test.h"

#include <cublas_v2.h>

static cublasHandle_t handle;
static void *workspace;
static const size_t workspace_bytes = 32u << 20;

static void start (void) {
  MUST(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  MUST(cublasCreate(&handle));
  MUST(cublasSetStream(handle, stream));
  workspace = device_new(workspace_bytes);
  MUST(cublasSetWorkspace(handle, workspace, workspace_bytes));
}

static void stop (void) {
  MUST(cudaStreamSynchronize(stream));
  MUST(cublasDestroy(handle));
  MUST(cudaFree(workspace));
  MUST(cudaStreamDestroy(stream));
}

/* ---- right ones ---- */

typedef struct Case {
  int m, n, k, ta, tb, gap, batch, mode;        /* mode: of modes */
  float alpha, beta;
} Case;

enum { PLAIN, TF32, HALF, HALF_OUT, MODES };

static const cublasOperation_t op[] = { CUBLAS_OP_N, CUBLAS_OP_T,
                                        CUBLAS_OP_C };

static float rounded (float x, int mode) {
  return mode == PLAIN ? x : mode == TF32 ? to_tf32(x) : from_bf16(to_bf16(x));
}

/* As it lies on the device. */
static void *upload (const float *x, int64_t n, bool half) {
  uint16_t *h = malloc((size_t) (n + 1) * sizeof *h);
  for (int64_t i = 0; i < n; i++)
    h[i] = to_bf16(x[i]);
  void *p = half ? device_of(h, (size_t) n * 2) : device_of(x, (size_t) n * 4);
  free(h);
  return p;
}

static float *download (const void *p, int64_t n, bool half) {
  float *x = malloc((size_t) (n + 1) * sizeof *x);
  uint16_t *h = malloc((size_t) (n + 1) * sizeof *h);
  host_of(half ? (void *) h : x, p, (size_t) n * (half ? 2 : 4));
  for (int64_t i = 0; half && i < n; i++)
    x[i] = from_bf16(h[i]);
  free(h);
  return x;
}

static void call (const Case *c, const void *a, int lda, int64_t sa,
                  const void *b, int ldb, int64_t sb, void *y, int ldc,
                  int64_t sc) {
  cudaDataType in = c->mode >= HALF ? CUDA_R_16BF : CUDA_R_32F;
  cudaDataType out = c->mode == HALF_OUT ? CUDA_R_16BF : CUDA_R_32F;
  cublasComputeType_t compute = c->mode == TF32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                : CUBLAS_COMPUTE_32F;
  cublasOperation_t ta = op[c->ta], tb = op[c->tb];
  if (c->mode == PLAIN && c->batch == 1)
    MUST(cublasSgemm(handle, ta, tb, c->m, c->n, c->k, &c->alpha, a, lda, b,
                     ldb, &c->beta, y, ldc));
  else if (c->mode == PLAIN)
    MUST(cublasSgemmStridedBatched(handle, ta, tb, c->m, c->n, c->k, &c->alpha,
                                   a, lda, sa, b, ldb, sb, &c->beta, y, ldc,
                                   sc, c->batch));
  else if (c->batch == 1)
    MUST(cublasGemmEx(handle, ta, tb, c->m, c->n, c->k, &c->alpha, a, in, lda,
                      b, in, ldb, &c->beta, y, out, ldc, compute,
                      CUBLAS_GEMM_DEFAULT));
  else
    MUST(cublasGemmStridedBatchedEx(handle, ta, tb, c->m, c->n, c->k,
                                    &c->alpha, a, in, lda, sa, b, in, ldb, sb,
                                    &c->beta, y, out, ldc, sc, c->batch,
                                    compute, CUBLAS_GEMM_DEFAULT));
}

static double sum_of (const Case *c, const float *a, int64_t lda,
                      const float *b, int64_t ldb, int i, int j) {
  double sum = 0;
  for (int p = 0; p < c->k; p++)
    sum += (double) rounded(a[c->ta ? p + i * lda : i + p * lda], c->mode) *
           rounded(b[c->tb ? j + p * ldb : p + j * ldb], c->mode);
  return sum;
}

static int most (int a, int b) {
  return a > b ? a : b;
}

static void try (const Case *c) {
  int lda = most(1, c->ta ? c->k : c->m) + c->gap;
  int ldb = most(1, c->tb ? c->n : c->k) + c->gap;
  int ldc = most(1, c->m) + c->gap;
  int64_t sa = (int64_t) lda * (c->ta ? c->m : c->k) + c->gap;
  int64_t sb = c->batch > 2 ? 0 : (int64_t) ldb * (c->tb ? c->k : c->n);
  int64_t sc = (int64_t) ldc * c->n + c->gap, nc = sc * c->batch;
  int64_t na = sa * c->batch, nb = (int64_t) ldb * (c->tb ? c->k : c->n) +
    sb * (c->batch - 1);
  float *a = numbers(na), *b = numbers(nb), *y = numbers(nc);
  bool half = c->mode >= HALF, out = c->mode == HALF_OUT;
  void *da = upload(a, na, half), *db = upload(b, nb, half);
  void *dy = upload(y, nc, out);
  call(c, da, lda, sa, db, ldb, sb, dy, ldc, sc);
  float *got = download(dy, nc, out);
  for (int64_t at = 0; at < nc; at++) {
    int64_t batch = at / sc, rest = at % sc;
    int i = (int) (rest % ldc), j = (int) (rest / ldc);
    double was = out ? from_bf16(to_bf16(y[at])) : y[at], want = was;
    if (i < c->m && j < c->n)
      want = c->alpha * sum_of(c, a + batch * sa, lda, b + batch * sb, ldb, i,
                               j) + (c->beta != 0 ? c->beta * was : 0);
    CHECK(near(got[at], want, out ? 0.005 : 1e-6),
          "m %d n %d k %d ta %d tb %d gap %d batch %d mode %d at %lld: %g, "
          "not %g", c->m, c->n, c->k, c->ta, c->tb, c->gap, c->batch, c->mode,
          (long long) at, (double) got[at], want);
  }
  MUST(cudaFree(da));
  MUST(cudaFree(db));
  MUST(cudaFree(dy));
  free(a);
  free(b);
  free(y);
  free(got);
}

static void all (void) {
  static const int sizes[][3] = { { 1, 1, 1 }, { 2, 3, 5 }, { 7, 1, 4 },
    { 1, 9, 33 }, { 17, 13, 8 }, { 5, 4, 0 }, { 0, 3, 2 }, { 33, 31, 67 } };
  static const int gaps[] = { 0, 3 };
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int way = 0; way < 9; way++)
      for (int mode = 0; mode < MODES; mode++)
        for (int more = 0; more < 6; more++) {
          Case c = { sizes[i][0], sizes[i][1], sizes[i][2], way / 3, way % 3,
                     gaps[more % 2], 1 + more / 2, mode, more < 3 ? 1 : -0.5f,
                     more % 3 == 0 ? 0 : 0.25f };
          try(&c);
        }
}

/* With beta = 0 what lies in C is not looked at. */
static void fresh_output (void) {
  float one = 1, zero = 0, a = 3, b = 5, y = 0;
  void *da = device_of(&a, 4), *db = device_of(&b, 4), *dy = device_new(4);
  MUST(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, da, 1, db,
                   1, &zero, dy, 1));
  host_of(&y, dy, 4);
  CHECK(y == 15, "beta = 0: %g", (double) y);
  MUST(cudaFree(da));
  MUST(cudaFree(db));
  MUST(cudaFree(dy));
}

/* A captured product runs at every launch, on what lies there then. */
static void replayed (void) {
  float one = 1, a = 3, b = 5, y = 0;
  void *da = device_of(&a, 4), *db = device_of(&b, 4), *dy = device_of(&y, 4);
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  MUST(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  MUST(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, da, 1, db,
                   1, &one, dy, 1));
  MUST(cudaStreamEndCapture(stream, &graph));
  MUST(cudaGraphInstantiate(&exec, graph, 0));
  for (int i = 0; i < 3; i++)
    MUST(cudaGraphLaunch(exec, stream));
  host_of(&y, dy, 4);
  CHECK(y == 45, "three launches: %g", (double) y);
  MUST(cudaGraphExecDestroy(exec));
  MUST(cudaGraphDestroy(graph));
  MUST(cudaFree(da));
  MUST(cudaFree(db));
  MUST(cudaFree(dy));
}

/* ---- wrong ones ---- */

static float *data;             /* 4096 numbers on the device */

static void begin (void) {
  float *x = numbers(4096);
  start();
  data = device_of(x, 4096 * sizeof *x);
  free(x);
}

static cublasStatus_t product (int m, int n, int k, int lda, int ldb, int ldc,
                               float beta, float *c) {
  float one = 1;
  cublasStatus_t status = cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, m, n,
    k, &one, data, lda, data + 1024, ldb, &beta, c, ldc);
  MUST(cudaStreamSynchronize(stream));
  return status;
}

static void short_lead (void) {
  begin();
  product(8, 4, 4, 7, 4, 8, 0, data + 2048);
}

static void overlapping (void) {
  begin();
  product(8, 8, 8, 8, 8, 8, 0, data + 40);
}

static void past_the_end (void) {
  begin();
  product(8, 8, 8, 8, 8, 8, 0, data + 4096 - 60);
}

static void freed (void) {
  begin();
  float *c = device_new(256);
  MUST(cudaFree(c));
  product(8, 8, 8, 8, 8, 8, 0, c);
}

static void reads_nothing (void) {
  begin();
  product(8, 8, 8, 8, 8, 8, 1, device_new(256));
}

static void no_workspace (void) {
  begin();
  MUST(cublasSetStream(handle, stream));
  product(1, 1, 1, 1, 1, 1, 0, data + 2048);
}

static void odd_workspace (void) {
  begin();
  cublasSetWorkspace(handle, (char *) workspace + 16, workspace_bytes - 16);
}

static void lost_workspace (void) {
  begin();
  MUST(cudaFree(workspace));
  product(1, 1, 1, 1, 1, 1, 0, data + 2048);
}

static void device_scalars (void) {
  float zero = 0;
  begin();
  cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, data, data, 1, data,
              1, &zero, data + 9, 1);
}

static void mixed_types (void) {
  float one = 1, zero = 0;
  begin();
  cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, data,
               CUDA_R_32F, 1, data, CUDA_R_16BF, 1, &zero, data + 9,
               CUDA_R_32F, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

static void short_stride (void) {
  float one = 1, zero = 0;
  begin();
  cublasSgemmStridedBatched(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one,
                            data, 4, 16, data + 1024, 4, 16, &zero,
                            data + 2048, 4, 15, 2);
}

static void left_over (void) {
  begin();
  MUST(cudaFree(data));
  MUST(cudaFree(workspace));
  MUST(cudaStreamDestroy(stream));
}

int main (void) {
  reported(short_lead, "leading dimension of A");
  reported(overlapping, "C overlaps");
  reported(past_the_end, "cublasSgemm");
  reported(freed, "cublasSgemm");
  reported(reads_nothing, "cublasSgemm");
  reported(no_workspace, "no workspace was set");
  reported(odd_workspace, "aligned to 256");
  reported(lost_workspace, "cublasSgemm");
  reported(device_scalars, "on the host");
  reported(mixed_types, "do not go together");
  reported(short_stride, "the matrices of C overlap");
  reported(left_over, "not destroyed");
  start();
  all();
  fresh_output();
  replayed();
  stop();
  printf("cublas: %d checks, %d wrong\n", cases, wrong);
  return wrong > 0;
}
