/*
 * linalg.c - see backend/linalg.h: LAPACK and BLAS of OpenBLAS.
 *
 * Fortran's matrices are column-major: what it sees is the transpose of ours,
 * which each function below takes into account.  The OpenMP build of OpenBLAS
 * takes its number of threads from OpenMP at each call, so that number is 1
 * while it runs, whatever openblas_set_num_threads says; its sums would
 * otherwise depend on it.
 */
#include "backend/linalg.h"

#include "backend/cpu/cpu.h"
#include "base/error.h"
#include "base/mem.h"

#include <math.h>
#include <omp.h>
#include <string.h>

/* Arguments are addresses, and an int has 32 bits in Debian's build. */
void dsyevd_ (const char *jobz, const char *uplo, const int *n, double *a,
              const int *lda, double *w, double *work, const int *lwork,
              int *iwork, const int *liwork, int *info);
void dpotrf_ (const char *uplo, const int *n, double *a, const int *lda,
              int *info);
void dgesdd_ (const char *jobz, const int *m, const int *n, double *a,
              const int *lda, double *s, double *u, const int *ldu,
              double *vt, const int *ldvt, double *work, const int *lwork,
              int *iwork, int *info);
void dgetrf_ (const int *m, const int *n, double *a, const int *lda,
              int *pivot, int *info);
void dgetrs_ (const char *trans, const int *n, const int *nrhs,
              const double *a, const int *lda, const int *pivot, double *b,
              const int *ldb, int *info);
void dgemm_ (const char *ta, const char *tb, const int *m, const int *n,
             const int *k, const double *alpha, const double *a,
             const int *lda, const double *b, const int *ldb,
             const double *beta, double *c, const int *ldc);

static void *room (int64_t bytes) {
  own_reserve();
  void *p = mem_new((size_t) (bytes > 0 ? bytes : 1));
  own(p, mem_free);
  return p;
}

static double *numbers (int64_t count) {
  return room(count * (int64_t) sizeof(double));
}

/* One thread until alone_end, which gets what alone_begin returned. */
static int alone_begin (void) {
  int threads = omp_get_max_threads();
  omp_set_num_threads(1);
  return threads;
}

static void alone_end (int threads) {
  omp_set_num_threads(threads);
}

bool linalg_finite (int64_t count, const double *a) {
  for (int64_t i = 0; i < count; i++)
    if (!isfinite(a[i]))
      return false;
  return true;
}

static void turn_square (int64_t n, double *a) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++) {
      double t = a[i * n + j];
      a[i * n + j] = a[j * n + i];
      a[j * n + i] = t;
    }
}

/* The symmetric a is its own transpose; our lower half is Fortran's upper. */
void linalg_eigh (int64_t n, double *a, double *w, bool vectors) {
  const char *job = vectors ? "V" : "N";
  int size = (int) n, info = 0, ask = -1, iwant = 0;
  double want = 0;
  if (n == 0)
    return;
  dsyevd_(job, "U", &size, a, &size, w, &want, &ask, &iwant, &ask, &info);
  int count = (int) want, icount = iwant;
  double *work = numbers(count);
  int *iwork = room(icount * (int64_t) sizeof(int));
  int threads = alone_begin();
  dsyevd_(job, "U", &size, a, &size, w, work, &count, iwork, &icount, &info);
  alone_end(threads);
  if (info != 0)
    raise_user("the eigenvalues of a matrix of %d rows did not converge",
               size);
  if (vectors)
    turn_square(n, a);
}

bool linalg_cholesky (int64_t n, double *a) {
  int size = (int) n, info = 0;
  if (n == 0)
    return true;
  int threads = alone_begin();
  dpotrf_("U", &size, a, &size, &info);
  alone_end(threads);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      a[i * n + j] = 0;
  return info == 0;
}

/* Of the transpose: a' = V diag(s) U', so Fortran's u is our vt in memory,
 * and its vt our u. */
void linalg_svd (int64_t m, int64_t n, double *a, double *u, double *s,
                 double *vt) {
  int rows = (int) n, columns = (int) m, k = rows < columns ? rows : columns;
  int ask = -1, info = 0, *iwork = room(8 * (int64_t) sizeof(int) * (k + 1));
  const char *job = u != NULL ? "S" : "N";
  double want = 0, none;
  if (k == 0)
    return;
  if (u == NULL)
    u = vt = &none;
  dgesdd_(job, &rows, &columns, a, &rows, s, vt, &rows, u, &k, &want, &ask,
          iwork, &info);
  int count = (int) want;
  double *work = numbers(count);
  int threads = alone_begin();
  dgesdd_(job, &rows, &columns, a, &rows, s, vt, &rows, u, &k, work, &count,
          iwork, &info);
  alone_end(threads);
  if (info != 0)
    raise_user("the singular values of a matrix of %d rows and %d columns "
               "did not converge", columns, rows);
}

/* a' = P L U by Fortran's eyes; "T" solves with what we call a. */
bool linalg_solve (int64_t n, int64_t k, double *a, bool transposed,
                   double *b) {
  int size = (int) n, right = (int) k, info = 0;
  int *pivot = room(n * (int64_t) sizeof(int));
  double *x = numbers(n * k);
  if (n == 0 || k == 0)
    return true;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < k; j++)
      x[j * n + i] = b[i * k + j];
  int threads = alone_begin();
  dgetrf_(&size, &size, a, &size, pivot, &info);
  bool regular = info == 0;
  if (regular)
    dgetrs_(transposed ? "N" : "T", &size, &right, a, &size, pivot, x, &size,
            &info);
  alone_end(threads);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < k; j++)
      b[i * k + j] = x[j * n + i];
  return regular;
}

double linalg_logdet (int64_t n, double *a, double *sign) {
  int size = (int) n, info = 0, *pivot = room(n * (int64_t) sizeof(int));
  double sum = 0;
  *sign = 1;
  if (n == 0)
    return 0;
  int threads = alone_begin();
  dgetrf_(&size, &size, a, &size, pivot, &info);
  alone_end(threads);
  for (int64_t i = 0; i < n; i++) {
    double d = a[i * n + i];
    *sign *= d > 0 ? 1 : d < 0 ? -1 : d;
    *sign *= pivot[i] == i + 1 ? 1 : -1;
    sum += log(fabs(d));
  }
  return sum;
}

/* c' = b' a', which Fortran sees as b a without any transposition.  Each block
 * of c's rows is one call by one thread. */
void linalg_product (int64_t m, int64_t n, int64_t k, const double *a, bool ta,
                     const double *b, bool tb, double *c) {
  enum { BLOCK = 64 };
  const double one = 1, zero = 0;
  int columns = (int) n, depth = (int) k;
  int lda = (int) (ta ? m : k), ldb = (int) (tb ? k : n);
  if (m == 0 || n == 0)
    return;
  lda = lda > 0 ? lda : 1;
  ldb = ldb > 0 ? ldb : 1;
  int threads = alone_begin();
#pragma omp parallel for schedule(static) num_threads(threads) \
  if (worth_threads(m * n * k / 16))
  for (int64_t i = 0; i < m; i += BLOCK) {
    int rows = (int) (m - i < BLOCK ? m - i : BLOCK);
    dgemm_(tb ? "T" : "N", ta ? "T" : "N", &columns, &rows, &depth, &one, b,
           &ldb, a + (ta ? i : i * k), &lda, &zero, c + i * n, &columns);
  }
  alone_end(threads);
}
