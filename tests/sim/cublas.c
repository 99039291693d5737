/*
 * cublas.c - a stand-in for libcublas.so.13 on the simulated device: handles
 * and four matrix products, the calls that the CUDA backend uses.
 *
 * Every argument is checked as the manual of cuBLAS states it, when the call
 * is made; the ranges of memory are checked when the work runs, as a leading
 * dimension leaves gaps.  Products are exact and added in float64, so the
 * result is what a test may compare with.  beta = 0 does not read C.
 *
 * Stricter than cuBLAS: the workspace has to be set after every
 * cublasSetStream, which resets it, and be as large as the manual recommends
 * for the described GPU (SIM_DEVICE); scalars must be on the host; a wrong
 * argument is a mistake of the program and not only a status.
 */
#include "libs_float.h"
#include "cudnn_gpus.h"
#include "sim.h"

#include <cublas_v2.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAGIC = 0x63426c61 };

struct cublasContext {
  int magic;
  bool set;                     /* the workspace, since cublasSetStream */
  bool fresh;                   /* not yet checked as a whole */
  cudaStream_t stream;
  char *workspace;
  size_t bytes;
  cublasMath_t math;
  cublasPointerMode_t pointers;
  cublasAtomicsMode_t atomics;
};

/* ---- handles ---- */

static int handles;
static pid_t process;           /* that made them; a child has no part in it */

/* After the destructors of what is linked with this library. */
static void __attribute__((destructor)) leaks (void) {
  if (handles > 0 && process == getpid())
    sim_mistake("cuBLAS: %d handle(s) not destroyed", handles);
}

static const Gpu *gpu (void) {
  const char *name = getenv("SIM_DEVICE");
  const Gpu *g = gpu_named(name != NULL && *name ? name : "a100");
  return g != NULL ? g : gpu_named("a100");
}

static bool valid (cublasHandle_t h, const char *who) {
  if (h != NULL && h->magic == MAGIC)
    return true;
  sim_mistake("%s: not a live handle", who);
  return false;
}

cublasStatus_t cublasCreate_v2 (cublasHandle_t *handle) {
  if (handle == NULL) {
    sim_mistake("cublasCreate: NULL");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (sim_lost())
    return CUBLAS_STATUS_NOT_INITIALIZED;
  process = getpid();
  *handle = calloc(1, sizeof **handle);
  (*handle)->magic = MAGIC;
  handles++;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2 (cublasHandle_t h) {
  if (!valid(h, "cublasDestroy"))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  h->magic = 0;
  free(h);
  handles--;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2 (cublasHandle_t h, cudaStream_t stream) {
  if (!valid(h, "cublasSetStream"))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (stream == NULL)
    sim_mistake("cublasSetStream: the default stream");
  h->stream = stream;
  h->set = false;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream_v2 (cublasHandle_t h, cudaStream_t *stream) {
  if (!valid(h, "cublasGetStream"))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  *stream = h->stream;
  return CUBLAS_STATUS_SUCCESS;
}

/* What the manual recommends. */
static size_t least_workspace (void) {
  int capability = gpu()->capability;
  return (size_t) (capability >= 1200 ? 12 : capability >= 900 ? 32 : 4) << 20;
}

cublasStatus_t cublasSetWorkspace_v2 (cublasHandle_t h, void *at,
                                      size_t bytes) {
  const char *who = "cublasSetWorkspace";
  if (!valid(h, who))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if ((uintptr_t) at % 256 != 0 || !sim_is_device(at)) {
    sim_mistake("%s: %p is not device memory aligned to 256 bytes", who, at);
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (bytes < least_workspace())
    sim_mistake("%s: %zu bytes, the manual recommends %zu for %s", who, bytes,
                least_workspace(), gpu()->title);
  h->workspace = at;
  h->bytes = bytes;
  h->set = h->fresh = true;
  return CUBLAS_STATUS_SUCCESS;
}

#define MODE(Name, Type, field, most) \
  cublasStatus_t cublasSet##Name (cublasHandle_t h, Type mode) { \
    if (!valid(h, "cublasSet" #Name)) \
      return CUBLAS_STATUS_NOT_INITIALIZED; \
    if ((int) mode < 0 || (int) mode > (most)) { \
      sim_mistake("cublasSet%s: %d", #Name, (int) mode); \
      return CUBLAS_STATUS_INVALID_VALUE; \
    } \
    h->field = mode; \
    return CUBLAS_STATUS_SUCCESS; \
  } \
  cublasStatus_t cublasGet##Name (cublasHandle_t h, Type *mode) { \
    if (!valid(h, "cublasGet" #Name)) \
      return CUBLAS_STATUS_NOT_INITIALIZED; \
    *mode = h->field; \
    return CUBLAS_STATUS_SUCCESS; \
  }

/* Pedantic is the same here; emulation is not modelled. */
MODE(MathMode, cublasMath_t, math,
     CUBLAS_TF32_TENSOR_OP_MATH |
       CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)
MODE(PointerMode_v2, cublasPointerMode_t, pointers, CUBLAS_POINTER_MODE_DEVICE)
MODE(AtomicsMode, cublasAtomicsMode_t, atomics, CUBLAS_ATOMICS_ALLOWED)

cublasStatus_t cublasGetVersion_v2 (cublasHandle_t h, int *version) {
  (void) h;                     /* cuBLAS allows NULL */
  *version = CUBLAS_VERSION;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetProperty (libraryPropertyType type, int *value) {
  if ((int) type < 0 || type > PATCH_LEVEL)
    return CUBLAS_STATUS_INVALID_VALUE;
  *value = type == MAJOR_VERSION ? CUBLAS_VER_MAJOR
    : type == MINOR_VERSION ? CUBLAS_VER_MINOR : CUBLAS_VER_PATCH;
  return CUBLAS_STATUS_SUCCESS;
}

static const struct Status { int status; const char *name, *text; }
statuses[] = {
  { CUBLAS_STATUS_SUCCESS, "CUBLAS_STATUS_SUCCESS", "success" },
  { CUBLAS_STATUS_NOT_INITIALIZED, "CUBLAS_STATUS_NOT_INITIALIZED",
    "the library was not initialized" },
  { CUBLAS_STATUS_ALLOC_FAILED, "CUBLAS_STATUS_ALLOC_FAILED",
    "the resource allocation failed" },
  { CUBLAS_STATUS_INVALID_VALUE, "CUBLAS_STATUS_INVALID_VALUE",
    "an unsupported value or parameter was passed to the function" },
  { CUBLAS_STATUS_ARCH_MISMATCH, "CUBLAS_STATUS_ARCH_MISMATCH",
    "a feature that the device has not is needed" },
  { CUBLAS_STATUS_EXECUTION_FAILED, "CUBLAS_STATUS_EXECUTION_FAILED",
    "the function failed to launch on the GPU" },
  { CUBLAS_STATUS_NOT_SUPPORTED, "CUBLAS_STATUS_NOT_SUPPORTED",
    "the functionality is not supported" },
  { -1, "CUBLAS_STATUS_UNKNOWN", "an unknown status" }
};

static const struct Status *status_of (cublasStatus_t status) {
  const struct Status *s = statuses;
  while (s->status != -1 && s->status != (int) status)
    s++;
  return s;
}

const char *cublasGetStatusName (cublasStatus_t status) {
  return status_of(status)->name;
}

const char *cublasGetStatusString (cublasStatus_t status) {
  return status_of(status)->text;
}

/* ---- a product ---- */

/* A matrix as it lies: columns of rows numbers. */
typedef struct Matrix {
  char *at;
  cudaDataType type;
  int64_t rows, columns, lead, stride;
} Matrix;

typedef struct Gemm {
  const char *who;
  cublasOperation_t ta, tb;
  int64_t m, n, k, batch;
  Matrix a, b, c;
  const float *alpha_at, *beta_at;
  float alpha, beta;
  cublasComputeType_t compute;
  cublasGemmAlgo_t algo;
  bool tf32, whole;             /* whole: the workspace was just set */
  char *workspace;
  size_t bytes;
} Gemm;

static int64_t size_of (cudaDataType type) {
  return type == CUDA_R_32F ? 4 : 2;
}

/* Bytes from the first number to the last one of all batches. */
static int64_t span (const Matrix *x, int64_t batch) {
  if (x->rows == 0 || x->columns == 0 || batch == 0)
    return 0;
  return ((batch - 1) * x->stride + (x->columns - 1) * x->lead + x->rows)
    * size_of(x->type);
}

static bool overlap (const Gemm *g, const Matrix *x, const Matrix *y) {
  return x->at < y->at + span(y, g->batch) &&
         y->at < x->at + span(x, g->batch);
}

static bool wrong_matrix (const Gemm *g, const char *name, const Matrix *x) {
  const char *who = g->who;
  if (x->lead < (x->rows > 1 ? x->rows : 1))
    sim_mistake("%s: the leading dimension of %s is %lld, at least %lld is "
                "needed", who, name, (long long) x->lead,
                (long long) (x->rows > 1 ? x->rows : 1));
  else if (x->stride < 0)
    sim_mistake("%s: the stride of %s is %lld", who, name,
                (long long) x->stride);
  else if (span(x, g->batch) > 0 && (uintptr_t) x->at % size_of(x->type) != 0)
    sim_mistake("%s: %s is at %p, which is no address of its type", who, name,
                x->at);
  else
    return false;
  return true;
}

/* Rows of the table of types in the manual, for 32-bit results. */
static bool wrong_types (const Gemm *g) {
  bool half = g->a.type == CUDA_R_16BF;
  if (g->a.type != g->b.type || (!half && g->a.type != CUDA_R_32F) ||
      (g->c.type != CUDA_R_32F && !(half && g->c.type == CUDA_R_16BF)))
    sim_mistake("%s: types %d, %d and %d do not go together", g->who,
                g->a.type, g->b.type, g->c.type);
  else if (half ? g->compute != CUBLAS_COMPUTE_32F &&
                  g->compute != CUBLAS_COMPUTE_32F_PEDANTIC
                : g->compute != CUBLAS_COMPUTE_32F &&
                  g->compute != CUBLAS_COMPUTE_32F_PEDANTIC &&
                  g->compute != CUBLAS_COMPUTE_32F_FAST_TF32)
    sim_mistake("%s: compute type %d with inputs of type %d", g->who,
                g->compute, g->a.type);
  else if (half && gpu()->capability < 800)
    sim_mistake("%s: %s cannot multiply bf16", g->who, gpu()->title);
  else
    return false;
  return true;
}

static bool wrong_scalars (cublasHandle_t h, const Gemm *g) {
  if (h->pointers != CUBLAS_POINTER_MODE_HOST)
    sim_mistake("%s: scalars on the device are not modelled", g->who);
  else if (g->alpha_at == NULL || g->beta_at == NULL)
    sim_mistake("%s: alpha or beta is NULL", g->who);
  else if (sim_is_device(g->alpha_at) || sim_is_device(g->beta_at))
    sim_mistake("%s: alpha and beta must be on the host", g->who);
  else
    return false;
  return true;
}

static bool wrong_places (const Gemm *g) {
  int64_t batch = g->batch;
  Matrix work = { g->workspace, CUDA_R_16BF, (int64_t) g->bytes / 2, 1,
                  (int64_t) g->bytes / 2, 0 };
  if (batch > 1 && g->c.stride < (g->n - 1) * g->c.lead + g->m)
    sim_mistake("%s: the matrices of C overlap: stride %lld", g->who,
                (long long) g->c.stride);
  else if (g->k > 0 && (overlap(g, &g->c, &g->a) || overlap(g, &g->c, &g->b)))
    sim_mistake("%s: C overlaps A or B", g->who);
  else if (overlap(g, &g->c, &work) || overlap(g, &g->a, &work) ||
           overlap(g, &g->b, &work))
    sim_mistake("%s: a matrix lies in the workspace", g->who);
  else
    return false;
  return true;
}

static cublasStatus_t check (cublasHandle_t h, Gemm *g) {
  if (!valid(h, g->who))
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (sim_lost())
    return CUBLAS_STATUS_EXECUTION_FAILED;
  g->workspace = h->workspace;
  g->bytes = h->bytes;
  if (!h->set) {
    sim_mistake("%s: no workspace was set since cublasSetStream", g->who);
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  if (g->m < 0 || g->n < 0 || g->k < 0 || g->batch < 0 ||
      (unsigned) g->ta > CUBLAS_OP_C || (unsigned) g->tb > CUBLAS_OP_C)
    sim_mistake("%s: m %lld, n %lld, k %lld, batch %lld, operations %d %d",
                g->who, (long long) g->m, (long long) g->n, (long long) g->k,
                (long long) g->batch, g->ta, g->tb);
  else if (g->algo != CUBLAS_GEMM_DEFAULT)
    sim_mistake("%s: algorithm %d, not CUBLAS_GEMM_DEFAULT", g->who, g->algo);
  else if (h->math == CUBLAS_TENSOR_OP_MATH)
    sim_mistake("%s: CUBLAS_TENSOR_OP_MATH is deprecated", g->who);
  else if (!wrong_scalars(h, g) && !wrong_types(g) &&
           !wrong_matrix(g, "A", &g->a) && !wrong_matrix(g, "B", &g->b) &&
           !wrong_matrix(g, "C", &g->c) && !wrong_places(g))
    return CUBLAS_STATUS_SUCCESS;
  return CUBLAS_STATUS_INVALID_VALUE;
}

/* ---- when the stream comes to it ---- */

static float value (const Matrix *x, const void *at, int64_t i, bool tf32) {
  if (x->type == CUDA_R_16BF)
    return from_bf16(((const uint16_t *) at)[i]);
  float v = ((const float *) at)[i];
  return tf32 ? to_tf32(v) : v;
}

/* Matrix number b of x as rows of k numbers, so that rows can be multiplied;
 * along: k runs along the columns that lie in memory.  NULL after a report. */
static float *rows_of (const Gemm *g, const Matrix *x, int64_t b, bool along) {
  int64_t size = size_of(x->type), count = x->rows * x->columns;
  const char *at = x->at + b * x->stride * size;
  float *to = malloc((size_t) (count > 0 ? count : 1) * sizeof *to);
  const void *from = count == 0 ? to : sim_read_rows(
    at, (size_t) x->columns, (size_t) (x->rows * size),
    (size_t) (x->lead * size), g->who);
  if (from == NULL) {
    free(to);
    return NULL;
  }
  for (int64_t j = 0; j < x->columns; j++)
    for (int64_t i = 0; i < x->rows; i++)
      to[along ? j * x->rows + i : i * x->columns + j] =
        value(x, from, j * x->lead + i, g->tf32);
  return to;
}

static double dot (const float *a, const float *b, int64_t n) {
  double part[8] = { 0 };
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; j++)
      part[j] += (double) a[i + j] * b[i + j];
  for (; i < n; i++)
    part[i & 7] += (double) a[i] * b[i];
  return ((part[0] + part[1]) + (part[2] + part[3])) +
         ((part[4] + part[5]) + (part[6] + part[7]));
}

static void store (const Gemm *g, void *c, int64_t at, double sum) {
  float v = (float) (g->alpha * sum);
  if (g->beta != 0)
    v = (float) (g->alpha * sum +
                 (double) g->beta * value(&g->c, c, at, false));
  if (g->c.type == CUDA_R_16BF)
    ((uint16_t *) c)[at] = to_bf16(v);
  else
    ((float *) c)[at] = v;
}

/* Rows of op(A) and of op(B)' are multiplied with each other. */
static void one (const Gemm *g, int64_t b) {
  int64_t size = size_of(g->c.type);
  char *at = g->c.at + b * g->c.stride * size;
  size_t row = (size_t) (g->m * size), lead = (size_t) (g->c.lead * size);
  float *x = rows_of(g, &g->a, b, g->ta != CUBLAS_OP_N);
  float *y = rows_of(g, &g->b, b, g->tb == CUBLAS_OP_N);
  void *c = NULL;
  if (g->beta == 0 || sim_read_rows(at, (size_t) g->n, row, lead, g->who))
    c = sim_write_rows(at, (size_t) g->n, row, lead, g->who);
  if (x != NULL && y != NULL && c != NULL)
    for (int64_t j = 0; j < g->n; j++)
      for (int64_t i = 0; i < g->m; i++)
        store(g, c, j * g->c.lead + i,
              dot(x + i * g->k, y + j * g->k, g->k));
  free(x);
  free(y);
}

static void run (void *state) {
  const Gemm *g = state;
  size_t some = g->whole || g->bytes < 4096 ? g->bytes : 4096;
  int64_t numbers = g->batch * (g->m * g->n);
  if (!sim_workspace(g->workspace, some, g->who))
    return;
  for (int64_t b = 0; b < g->batch; b++)
    one(g, b);
  sim_count_library(g->who, (size_t) (span(&g->a, g->batch) +
                    span(&g->b, g->batch) +
                    numbers * size_of(g->c.type)), 1);
}

static cublasStatus_t gemm (cublasHandle_t h, Gemm g) {
  g.a.rows = g.ta == CUBLAS_OP_N ? g.m : g.k;
  g.a.columns = g.ta == CUBLAS_OP_N ? g.k : g.m;
  g.b.rows = g.tb == CUBLAS_OP_N ? g.k : g.n;
  g.b.columns = g.tb == CUBLAS_OP_N ? g.n : g.k;
  g.c.rows = g.m;
  g.c.columns = g.n;
  cublasStatus_t status = check(h, &g);
  if (status != CUBLAS_STATUS_SUCCESS || g.m * g.n * g.batch == 0)
    return status;
  g.alpha = *g.alpha_at;
  g.beta = *g.beta_at;
  g.tf32 = gpu()->capability >= 800 && g.a.type == CUDA_R_32F &&
    (g.compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
     (g.compute == CUBLAS_COMPUTE_32F &&
      (h->math & 15) == CUBLAS_TF32_TENSOR_OP_MATH));
  g.whole = h->fresh;
  h->fresh = false;
  Gemm *state = malloc(sizeof *state);
  *state = g;
  sim_enqueue(h->stream, g.who, run, free, state);
  return CUBLAS_STATUS_SUCCESS;
}

/* ---- the four calls, with 32-bit and with 64-bit sizes ---- */

#define SGEMM(Name, Int) \
  cublasStatus_t Name (cublasHandle_t h, cublasOperation_t ta, \
                       cublasOperation_t tb, Int m, Int n, Int k, \
                       const float *alpha, const float *A, Int lda, \
                       const float *B, Int ldb, const float *beta, float *C, \
                       Int ldc) { \
    return gemm(h, (Gemm) { #Name, ta, tb, m, n, k, 1, \
      { (char *) A, CUDA_R_32F, 0, 0, lda, 0 }, \
      { (char *) B, CUDA_R_32F, 0, 0, ldb, 0 }, \
      { (char *) C, CUDA_R_32F, 0, 0, ldc, 0 }, .alpha_at = alpha, \
      .beta_at = beta, .compute = CUBLAS_COMPUTE_32F, \
      .algo = CUBLAS_GEMM_DEFAULT }); \
  }

#define SGEMM_BATCHED(Name, Int) \
  cublasStatus_t Name (cublasHandle_t h, cublasOperation_t ta, \
                       cublasOperation_t tb, Int m, Int n, Int k, \
                       const float *alpha, const float *A, Int lda, \
                       long long sa, const float *B, Int ldb, long long sb, \
                       const float *beta, float *C, Int ldc, long long sc, \
                       Int batch) { \
    return gemm(h, (Gemm) { #Name, ta, tb, m, n, k, batch, \
      { (char *) A, CUDA_R_32F, 0, 0, lda, sa }, \
      { (char *) B, CUDA_R_32F, 0, 0, ldb, sb }, \
      { (char *) C, CUDA_R_32F, 0, 0, ldc, sc }, .alpha_at = alpha, \
      .beta_at = beta, .compute = CUBLAS_COMPUTE_32F, \
      .algo = CUBLAS_GEMM_DEFAULT }); \
  }

#define GEMM_EX(Name, Int) \
  cublasStatus_t Name (cublasHandle_t h, cublasOperation_t ta, \
                       cublasOperation_t tb, Int m, Int n, Int k, \
                       const void *alpha, const void *A, cudaDataType at, \
                       Int lda, const void *B, cudaDataType bt, Int ldb, \
                       const void *beta, void *C, cudaDataType ct, Int ldc, \
                       cublasComputeType_t compute, cublasGemmAlgo_t algo) { \
    return gemm(h, (Gemm) { #Name, ta, tb, m, n, k, 1, \
      { (char *) A, at, 0, 0, lda, 0 }, { (char *) B, bt, 0, 0, ldb, 0 }, \
      { C, ct, 0, 0, ldc, 0 }, .alpha_at = alpha, .beta_at = beta, \
      .compute = compute, .algo = algo }); \
  }

#define GEMM_BATCHED_EX(Name, Int) \
  cublasStatus_t Name (cublasHandle_t h, cublasOperation_t ta, \
                       cublasOperation_t tb, Int m, Int n, Int k, \
                       const void *alpha, const void *A, cudaDataType at, \
                       Int lda, long long sa, const void *B, cudaDataType bt, \
                       Int ldb, long long sb, const void *beta, void *C, \
                       cudaDataType ct, Int ldc, long long sc, Int batch, \
                       cublasComputeType_t compute, cublasGemmAlgo_t algo) { \
    return gemm(h, (Gemm) { #Name, ta, tb, m, n, k, batch, \
      { (char *) A, at, 0, 0, lda, sa }, { (char *) B, bt, 0, 0, ldb, sb }, \
      { C, ct, 0, 0, ldc, sc }, .alpha_at = alpha, .beta_at = beta, \
      .compute = compute, .algo = algo }); \
  }

SGEMM(cublasSgemm_v2, int)
SGEMM(cublasSgemm_v2_64, int64_t)
SGEMM_BATCHED(cublasSgemmStridedBatched, int)
SGEMM_BATCHED(cublasSgemmStridedBatched_64, int64_t)
GEMM_EX(cublasGemmEx, int)
GEMM_EX(cublasGemmEx_64, int64_t)
GEMM_BATCHED_EX(cublasGemmStridedBatchedEx, int)
GEMM_BATCHED_EX(cublasGemmStridedBatchedEx_64, int64_t)
