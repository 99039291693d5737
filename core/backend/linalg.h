/*
 * linalg.h - dense linear algebra in float64 on host memory, for metrics and
 * the ops of autograd/linalg.c.  Matrices are row-major and contiguous; work
 * space belongs to the open scope.  Always the same bits for the same input:
 * what runs on more than one thread is cut into fixed tiles.
 */
#ifndef linalg_h
#define linalg_h

#include <stdbool.h>
#include <stdint.h>

/* True if no element is NaN or infinite; the others ask for that. */
bool linalg_finite (int64_t count, const double *a);

/* Symmetric a [n,n], read below its diagonal: eigenvalues w [n], ascending.
 * With vectors a becomes V with a = V diag(w) V' (column j belongs to w[j]),
 * else it is used up.  Raises if the iteration does not converge. */
void linalg_eigh (int64_t n, double *a, double *w, bool vectors);

/* Symmetric a [n,n], read below its diagonal, becomes L with a = L L', zeros
 * above.  False if it is not positive definite. */
bool linalg_cholesky (int64_t n, double *a);

/* a [m,n] = U diag(s) V' with k = min(m, n) values, descending: u [m,k],
 * s [k], vt [k,n]; u and vt both NULL: values alone.  a is used up. */
void linalg_svd (int64_t m, int64_t n, double *a, double *u, double *s,
                 double *vt);

/* b [n,k] becomes x with a x = b, or a' x = b.  a [n,n] is used up.  False if
 * a is singular. */
bool linalg_solve (int64_t n, int64_t k, double *a, bool transposed,
                   double *b);

/* log |det a| (-infinity where it is 0), and the determinant's sign.  a [n,n]
 * is used up. */
double linalg_logdet (int64_t n, double *a, double *sign);

/* c [d,d] += x' x on and below its diagonal, x [n,d]; of what lies above, a
 * part is written too and means nothing. */
void linalg_gram (int64_t n, int64_t d, const double *x, double *c);

/* c [n,n] = x x', likewise. */
void linalg_outer (int64_t n, int64_t d, const double *x, double *c);

/* c [d,d] = l' s l on and below its diagonal (above as with linalg_gram), l
 * [d,d] lower triangular with zeros above, s [d,d] symmetric and whole.  half
 * [d,d] is work space. */
void linalg_congruence (int64_t d, const double *l, const double *s, double *c,
                        double *half);

/* c [m,n] = a [m,k] b [k,n]; ta, tb: they lie transposed ([k,m], [n,k]).
 * Split into fixed blocks of c. */
void linalg_product (int64_t m, int64_t n, int64_t k, const double *a, bool ta,
                     const double *b, bool tb, double *c);

#endif
