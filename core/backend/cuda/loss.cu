/*
 * loss.cu - losses with their sums over a row, and the reparameterised draw.
 *
 * A row of [R,C] belongs to a team, a warp or a block (kernel.cuh): each
 * thread adds its terms in float32, the team adds the threads' sums in
 * float64.  Gradients are pointwise; a row's dy is looked up by division.
 */
#include "backend/cuda/kernel.cuh"

/* ---- sums of rows ---- */

/* Cross-entropy of x against a logit: max(a, 0) - a x + log(1 + e^-|a|). */
struct BceTerm {
  __device__ float operator() (float a, float x) const {
    return softplus_(a) - a * x;
  }
};

struct SquaredTerm {
  __device__ float operator() (float a, float b) const {
    return (a - b) * (a - b);
  }
};

/* Kingma and Welling 2014, appendix B, times 2. */
struct KlTerm {
  __device__ float operator() (float mean, float logvar) const {
    return mean * mean + expm1_(logvar) - logvar;
  }
};

/* y[r] = scale * sum over c of term(a[r,c], b[r,c]) */
template <class Term>
KERNEL_FN row_sums (float *y, const float *a, const float *b, int64_t rows,
                    int64_t n, double scale, int team) {
  Term term;
  EACH_ROW(r, rows, team) {
    float part = 0;
    EACH_OF_ROW(i, n, team)
      part += term(a[r * n + i], b[r * n + i]);
    double sum = team_sum((double) part, team);
    if (threadIdx.x % (unsigned) team == 0)
      y[r] = (float) (scale * sum);
  }
}

template <class Term>
static cudaError_t sum_rows (const View &y, const View &a, const View &b,
                             double scale) {
  int64_t rows = a.size[0], n = a.size[1];
  int team = team_for(rows, n);
  return LAUNCH_ROWS(row_sums<Term>, rows, team, (float *) y.data,
                     (const float *) a.data, (const float *) b.data, rows, n,
                     scale, team);
}

cudaError_t cuda_bce_rows (View y, View logit, View x) {
  return sum_rows<BceTerm>(y, logit, x, 1.0);
}

cudaError_t cuda_squared_rows (View y, View a, View b) {
  return sum_rows<SquaredTerm>(y, a, b, 1.0);
}

cudaError_t cuda_normal_kl_rows (View y, View mean, View logvar) {
  return sum_rows<KlTerm>(y, mean, logvar, 0.5);
}

/* ---- gradients: count elements in rows of n ---- */

KERNEL_FN bce_back (float *da, const float *dy, const float *a,
                    const float *x, int64_t count, int64_t n) {
  EACH_INDEX(i, count)
    da[i] = (sigmoid_(a[i]) - x[i]) * dy[i / n];
}

KERNEL_FN squared_back (float *da, const float *dy, const float *a,
                        const float *b, int64_t count, int64_t n) {
  EACH_INDEX(i, count)
    da[i] = 2.0f * (a[i] - b[i]) * dy[i / n];
}

KERNEL_FN kl_back (float *dmean, float *dlogvar, const float *dy,
                   const float *mean, const float *logvar, int64_t count,
                   int64_t n) {
  EACH_INDEX(i, count) {
    float d = dy[i / n];
    dmean[i] = mean[i] * d;
    dlogvar[i] = 0.5f * expm1_(logvar[i]) * d;
  }
}

cudaError_t cuda_bce_rows_back (View dlogit, View dy, View logit, View x) {
  int64_t count = view_count(&dlogit);
  return LAUNCH(bce_back, count, (float *) dlogit.data,
                (const float *) dy.data, (const float *) logit.data,
                (const float *) x.data, count, dlogit.size[1]);
}

cudaError_t cuda_squared_rows_back (View da, View dy, View a, View b) {
  int64_t count = view_count(&da);
  return LAUNCH(squared_back, count, (float *) da.data,
                (const float *) dy.data, (const float *) a.data,
                (const float *) b.data, count, da.size[1]);
}

cudaError_t cuda_normal_kl_rows_back (View dmean, View dlogvar, View dy,
                                      View mean, View logvar) {
  int64_t count = view_count(&dmean);
  return LAUNCH(kl_back, count, (float *) dmean.data, (float *) dlogvar.data,
                (const float *) dy.data, (const float *) mean.data,
                (const float *) logvar.data, count, dmean.size[1]);
}

/* ---- the reparameterised draw (Kingma and Welling 2014, 2.4) ---- */

/* Four normals a thread: those of kernel randn. */
KERNEL_FN draw (float *z, float *eps, const float *mean, const float *logvar,
                const uint32_t *address, int64_t n) {
  EACH_INDEX(i, (n + 3) / 4) {
    float e[4];
    normals_of(philox_at(address, (uint64_t) i), e);
    for (int k = 0; k < 4; k++) {
      int64_t at = 4 * i + k;
      if (at < n) {
        eps[at] = e[k];
        z[at] = mean[at] + exp_(0.5f * logvar[at]) * e[k];
      }
    }
  }
}

KERNEL_FN draw_back (float *dmean, float *dlogvar, const float *dz,
                     const float *eps, const float *logvar, int64_t n) {
  EACH_INDEX(i, n) {
    dmean[i] = dz[i];
    dlogvar[i] = 0.5f * exp_(0.5f * logvar[i]) * eps[i] * dz[i];
  }
}

cudaError_t cuda_reparameterise (View z, View eps, View mean, View logvar,
                                 Address a) {
  int64_t n = view_count(&z);
  return LAUNCH(draw, (n + 3) / 4, (float *) z.data, (float *) eps.data,
                (const float *) mean.data, (const float *) logvar.data, a.at,
                n);
}

cudaError_t cuda_reparameterise_back (View dmean, View dlogvar, View dz,
                                      View eps, View logvar) {
  int64_t n = view_count(&dz);
  return LAUNCH(draw_back, n, (float *) dmean.data, (float *) dlogvar.data,
                (const float *) dz.data, (const float *) eps.data,
                (const float *) logvar.data, n);
}
