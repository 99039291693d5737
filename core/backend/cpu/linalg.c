/*
 * linalg.c - see backend/linalg.h: LAPACK and BLAS of OpenBLAS.
 *
 * Fortran's matrices are column-major: what it sees is the transpose of ours,
 * which each function below takes into account.  The OpenMP build of OpenBLAS
 * takes its number of threads from OpenMP at each call, so that number is 1
 * while it runs, whatever openblas_set_num_threads says; its sums would
 * otherwise depend on it.  What is worth more threads is cut into fixed tiles
 * here, each made by one of them.
 *
 * An OpenBLAS older than the processor takes it for its oldest one, several
 * times slower; wake() then asks it to choose again among those that it has.
 */
#include "backend/linalg.h"

#include "backend/cpu/cpu.h"
#include "base/error.h"
#include "base/mem.h"

#include <dlfcn.h>
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Arguments are addresses, and an int has 32 bits in Debian's build. */
void dsyevd_ (const char *jobz, const char *uplo, const int *n, double *a,
              const int *lda, double *w, double *work, const int *lwork,
              int *iwork, const int *liwork, int *info);
void dsyevd_2stage_ (const char *jobz, const char *uplo, const int *n,
                     double *a, const int *lda, double *w, double *work,
                     const int *lwork, int *iwork, const int *liwork,
                     int *info);
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
void dtrsm_ (const char *side, const char *uplo, const char *ta,
             const char *diag, const int *m, const int *n,
             const double *alpha, const double *a, const int *lda, double *b,
             const int *ldb);

static void *room (int64_t bytes) {
  own_reserve();
  void *p = mem_new((size_t) (bytes > 0 ? bytes : 1));
  own(p, mem_free);
  return p;
}

static double *numbers (int64_t count) {
  return room(count * (int64_t) sizeof(double));
}

/* OPENBLAS_CORETYPE, where the user has set it, is obeyed.  The names are
 * looked up, since only builds for many processors have them. */
static void wake (void) {
  static bool awake = false;
  if (awake)
    return;
  awake = true;
  char *(*core) (void) = (char *(*) (void)) dlsym(RTLD_DEFAULT,
                                                  "openblas_get_corename");
  void (*quit) (void) = (void (*) (void)) dlsym(RTLD_DEFAULT,
                                                "gotoblas_dynamic_quit");
  void (*init) (void) = (void (*) (void)) dlsym(RTLD_DEFAULT,
                                                "gotoblas_dynamic_init");
  if (core == NULL || quit == NULL || init == NULL
      || getenv("OPENBLAS_CORETYPE") != NULL || strcmp(core(), "Prescott") != 0
      || cpu_level() == 2)
    return;
  setenv("OPENBLAS_CORETYPE", cpu_level() == 4 ? "SkylakeX" : "Haswell", 1);
  quit();
  init();
  unsetenv("OPENBLAS_CORETYPE");
}

/* One thread until alone_end, which gets what alone_begin returned. */
static int alone_begin (void) {
  wake();
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
static void eigenvectors (int64_t n, double *a, double *w) {
  int size = (int) n, info = 0, ask = -1, iwant = 0;
  double want = 0;
  dsyevd_("V", "U", &size, a, &size, w, &want, &ask, &iwant, &ask, &info);
  int count = (int) want, icount = iwant;
  double *work = numbers(count);
  int *iwork = room(icount * (int64_t) sizeof(int));
  int threads = alone_begin();
  dsyevd_("V", "U", &size, a, &size, w, work, &count, iwork, &icount, &info);
  alone_end(threads);
  if (info != 0)
    raise_user("the eigenvalues of a matrix of %d rows did not converge",
               size);
  turn_square(n, a);
}

/* By way of a band, which makes most of the work products of matrices; LAPACK
 * has that for the lower half (ours, once mirrored) and without vectors. */
static void eigenvalues (int64_t n, double *a, double *w) {
  int size = (int) n, info = 0, ask = -1, iwant = 0;
  double want = 0;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < i; j++)
      a[j * n + i] = a[i * n + j];
  dsyevd_2stage_("N", "L", &size, a, &size, w, &want, &ask, &iwant, &ask,
                 &info);
  int count = (int) want, icount = iwant;
  double *work = numbers(count);
  int *iwork = room(icount * (int64_t) sizeof(int));
  int threads = alone_begin();
  dsyevd_2stage_("N", "L", &size, a, &size, w, work, &count, iwork, &icount,
                 &info);
  alone_end(threads);
  if (info != 0)
    raise_user("the eigenvalues of a matrix of %d rows did not converge",
               size);
}

void linalg_eigh (int64_t n, double *a, double *w, bool vectors) {
  if (n == 0)
    return;
  if (vectors)
    eigenvectors(n, a, w);
  else
    eigenvalues(n, a, w);
}

/* Side of the tiles of a result with n rows: enough of them for the threads,
 * large enough for the BLAS. */
static int64_t tile_of (int64_t n) {
  return n >= 1024 ? 256 : n >= 256 ? 128 : 64;
}

/* Number t of the tiles on and below the diagonal: row *i, column *j. */
static void tile_at (int64_t t, int64_t *i, int64_t *j) {
  for (*i = 0; t > *i; ++*i)
    t -= *i + 1;
  *j = t;
}

void linalg_gram (int64_t n, int64_t d, const double *x, double *c) {
  const double one = 1;
  int64_t side = tile_of(d), count = (d + side - 1) / side;
  int depth = (int) n, ld = (int) d;
  int threads = alone_begin();
#pragma omp parallel for schedule(static, 1) num_threads(threads) \
  if (worth_threads(n * d * d / 16))
  for (int64_t t = 0; t < count * (count + 1) / 2; t++) {
    int64_t i, j;
    tile_at(t, &i, &j);
    i *= side;
    j *= side;
    int rows = (int) (d - i < side ? d - i : side);
    int columns = (int) (d - j < side ? d - j : side);
    dgemm_("N", "T", &columns, &rows, &depth, &one, x + j, &ld, x + i, &ld,
           &one, c + i * d + j, &ld);
  }
  alone_end(threads);
}

void linalg_outer (int64_t n, int64_t d, const double *x, double *c) {
  const double one = 1, zero = 0;
  int64_t side = tile_of(n), count = (n + side - 1) / side;
  int depth = (int) d, ld = (int) d, ldc = (int) n;
  int threads = alone_begin();
#pragma omp parallel for schedule(static, 1) num_threads(threads) \
  if (worth_threads(n * n * d / 16))
  for (int64_t t = 0; t < count * (count + 1) / 2; t++) {
    int64_t i, j;
    tile_at(t, &i, &j);
    i *= side;
    j *= side;
    int rows = (int) (n - i < side ? n - i : side);
    int columns = (int) (n - j < side ? n - j : side);
    dgemm_("T", "N", &columns, &rows, &depth, &one, x + j * d, &ld, x + i * d,
           &ld, &zero, c + i * n + j, &ldc);
  }
  alone_end(threads);
}

/* half = s l, then c = l' half below the diagonal; the zeros of l are left
 * out of both. */
void linalg_congruence (int64_t d, const double *l, const double *s, double *c,
                        double *half) {
  const double one = 1, zero = 0;
  int64_t side = tile_of(d), count = (d + side - 1) / side;
  int ld = (int) d;
  int threads = alone_begin();
#pragma omp parallel for schedule(static, 1) num_threads(threads) \
  if (worth_threads(d * d * d / 16))
  for (int64_t t = 0; t < count * count; t++) {
    int64_t i = t % count * side, j = t / count * side;
    int rows = (int) (d - i < side ? d - i : side), depth = (int) (d - j);
    int columns = (int) (d - j < side ? d - j : side);
    dgemm_("N", "N", &columns, &rows, &depth, &one, l + j * d + j, &ld,
           s + i * d + j, &ld, &zero, half + i * d + j, &ld);
  }
#pragma omp parallel for schedule(static, 1) num_threads(threads) \
  if (worth_threads(d * d * d / 16))
  for (int64_t t = 0; t < count * (count + 1) / 2; t++) {
    int64_t i, j;
    tile_at(t, &i, &j);
    i *= side;
    j *= side;
    int rows = (int) (d - i < side ? d - i : side), depth = (int) (d - i);
    int columns = (int) (d - j < side ? d - j : side);
    dgemm_("N", "T", &columns, &rows, &depth, &one, half + i * d + j, &ld,
           l + i * d + i, &ld, &zero, c + i * d + j, &ld);
  }
  alone_end(threads);
}

/* The square of side `side` at (k, k) is factored; then what lies below it
 * is solved for, and what lies to the right of that is reduced. */
static bool factor_panel (int64_t n, double *a, int64_t k, int64_t side,
                          int threads) {
  const double one = 1, minus = -1;
  int size = (int) (n - k < side ? n - k : side), ld = (int) n, info = 0;
  double *corner = a + k * n + k;
  dpotrf_("U", &size, corner, &ld, &info);
  int64_t from = k + size, count = (n - from + side - 1) / side;
  if (info != 0)
    return false;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t t = 0; t < count; t++) {
    int64_t i = from + t * side;
    int rows = (int) (n - i < side ? n - i : side);
    dtrsm_("L", "U", "T", "N", &size, &rows, &one, corner, &ld,
           a + i * n + k, &ld);
  }
#pragma omp parallel for schedule(static, 1) num_threads(threads)
  for (int64_t t = 0; t < count * (count + 1) / 2; t++) {
    int64_t i, j;
    tile_at(t, &i, &j);
    i = from + i * side;
    j = from + j * side;
    int rows = (int) (n - i < side ? n - i : side);
    int columns = (int) (n - j < side ? n - j : side);
    dgemm_("T", "N", &columns, &rows, &size, &minus, a + j * n + k, &ld,
           a + i * n + k, &ld, &one, a + i * n + j, &ld);
  }
  return true;
}

bool linalg_cholesky (int64_t n, double *a) {
  int64_t side = 128;
  bool definite = true;
  int threads = alone_begin();
  for (int64_t k = 0; k < n && definite; k += side)
    definite = factor_panel(n, a, k, side, n > 2 * side ? threads : 1);
  alone_end(threads);
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = i + 1; j < n; j++)
      a[i * n + j] = 0;
  return definite;
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
