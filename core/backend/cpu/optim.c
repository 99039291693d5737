/*
 * optim.c - the optimisers' kernels on the CPU: all parameters in one parallel
 * region, in chunks that depend on their sizes alone.
 *
 * The order of a step: grad_check adds up the squares of all gradients; adam
 * or sgd reads that sum and does nothing but raise the flag where it is not
 * finite.  So a diverged step leaves weights, moments and counters as they
 * were, without the host being asked.
 */
#include "backend/cpu/cpu.h"
#include "backend/math.h"

#include <assert.h>

enum { LANE = 32 };

/* ---- chunks of many parameters ---- */

typedef struct Piece {
  int part;
  int64_t from, to;
} Piece;

static int64_t piece_count (Parts parts, int64_t *elements) {
  int64_t pieces = 0;
  *elements = 0;
  for (int i = 0; i < parts.count; i++) {
    int64_t n = view_count(&parts.at[i].p);
    pieces += chunk_count(n, CHUNK);
    *elements += n;
  }
  return pieces;
}

/* Writes the list of pieces, in the order of the parts. */
static void piece_list (Parts parts, Piece *list) {
  for (int i = 0; i < parts.count; i++) {
    int64_t n = view_count(&parts.at[i].p);
    for (int64_t k = 0; k < chunk_count(n, CHUNK); k++)
      *list++ = (Piece) { i, k * CHUNK, chunk_end(k, CHUNK, n) };
  }
}

/* ---- the check ---- */

HOT static double square_sum (const float *g, int64_t n) {
  double lane[LANE] = { 0 };
  int64_t i = 0;
  for (; i + LANE <= n; i += LANE)
    for (int j = 0; j < LANE; j++)
      lane[j] = fma((double) g[i + j], (double) g[i + j], lane[j]);
  for (; i < n; i++)
    lane[i % LANE] = fma((double) g[i], (double) g[i], lane[i % LANE]);
  for (int half = LANE / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++)
      lane[j] += lane[j + half];
  return lane[0];
}

static double number_of (const View *v) {
  return v->dtype == F64 ? *(const double *) v->data
                         : (double) *(const float *) v->data;
}

/* A finite loss adds nothing; another one makes the sum NaN. */
void cpu_grad_check (View sum, Parts parts, View loss) {
  int64_t elements, pieces = piece_count(parts, &elements);
  cpu_reserve((size_t) pieces * (sizeof(Piece) + sizeof(double)));
  Piece *list = cpu_scratch();
  double *sums = (double *) (list + pieces), total = 0;
  piece_list(parts, list);
#pragma omp parallel for schedule(static) if (worth_threads(elements))
  for (int64_t i = 0; i < pieces; i++)
    sums[i] = square_sum((const float *) parts.at[list[i].part].g.data
                         + list[i].from, list[i].to - list[i].from);
  for (int64_t i = 0; i < pieces; i++)
    total += sums[i];
  if (loss.data != NULL)
    total += 0 * number_of(&loss);
  if (sum.dtype == F64)
    *(double *) sum.data = total;
  else
    *(float *) sum.data = (float) total;
}

/* Sets the flag where the sum is not finite; else gives the factor that
 * brings the norm of all gradients down to clip.  Once the flag is up nothing
 * is written any more, so that the step can be repeated and looked at. */
static bool begin (View state, View sum, Scalar clip, float *factor) {
  double *s = state.data, squares = number_of(&sum), norm = sqrt(squares);
  if (s[3] != 0 || !isfinite(squares)) {
    s[3] = 1;
    return false;
  }
  *factor = *clip.at > 0 && norm > *clip.at
          ? (float) (*clip.at / (norm + 1e-6)) : 1;
  return true;
}

/* ---- Adam ---- */

typedef struct Adam {
  float factor, beta1, beta2, eps;
  float step;              /* lr / (1 - beta1^t) */
  float root;              /* 1 / sqrt(1 - beta2^t) */
  float decay;             /* added to the gradient */
  float keep;              /* what decoupled decay leaves of a weight */
} Adam;

/* Kingma and Ba 2015, algorithm 1, in PyTorch's order of operations; eps is
 * added to the corrected root. */
HOT static void adam_loop (float *restrict p, const float *restrict g,
                           float *restrict m, float *restrict v, int64_t n,
                           const Adam *a) {
  float factor = a->factor, beta1 = a->beta1, beta2 = a->beta2, eps = a->eps,
        step = a->step, root = a->root, decay = a->decay, keep = a->keep;
  for (int64_t i = 0; i < n; i++) {
    float w = p[i] * keep, d = fmaf(decay, w, g[i] * factor);
    float mean = normal_(fmaf(beta1, m[i], (1.0f - beta1) * d));
    float square = normal_(fmaf(beta2, v[i], (1.0f - beta2) * d * d));
    m[i] = mean;
    v[i] = square;
    p[i] = fmaf(-step, mean / fmaf(sqrtf(square), root, eps), w);
  }
}

static Adam adam_of (const OptimPart *part, const Adam *shared,
                     const double *power, bool decoupled) {
  Adam a = *shared;
  float lr = *part->lr.at, decay = part->decay.at ? *part->decay.at : 0;
  a.step = (float) (lr / (1 - power[0]));
  a.root = (float) (1 / sqrt(1 - power[1]));
  a.decay = decoupled ? 0 : decay;
  a.keep = decoupled ? 1 - lr * decay : 1;
  return a;
}

static void adam_piece (const OptimPart *part, Piece piece, const Adam *a) {
  float *p = part->p.data, *m = part->m.data, *v = part->v.data;
  const float *g = part->g.data;
  int64_t from = piece.from;
  adam_loop(p + from, g + from, m + from, v + from, piece.to - from, a);
}

void cpu_adam (Parts parts, View state, View sum, Scalar clip, Scalar beta1,
               Scalar beta2, Scalar eps, bool decoupled) {
  Adam shared = { .beta1 = *beta1.at, .beta2 = *beta2.at, .eps = *eps.at };
  int64_t elements, pieces = piece_count(parts, &elements);
  double *s = state.data;
  assert(state.dtype == F64);
  cpu_reserve((size_t) pieces * sizeof(Piece));
  if (!begin(state, sum, clip, &shared.factor))
    return;
  double power[2] = { (s[0] == 0 ? 1 : s[1]) * (double) *beta1.at,
                      (s[0] == 0 ? 1 : s[2]) * (double) *beta2.at };
  Piece *list = cpu_scratch();
  piece_list(parts, list);
#pragma omp parallel for schedule(static) if (worth_threads(elements))
  for (int64_t i = 0; i < pieces; i++) {
    const OptimPart *part = &parts.at[list[i].part];
    Adam a = adam_of(part, &shared, power, decoupled);
    adam_piece(part, list[i], &a);
  }
  s[0] += 1;
  s[1] = power[0];
  s[2] = power[1];
}

/* ---- SGD ---- */

/* m = momentum m + g, p = p - lr m (Sutskever et al. 2013 as in PyTorch: the
 * rate is outside of m). */
HOT static void sgd_loop (float *restrict p, const float *restrict g,
                          float *restrict m, int64_t n, float lr, float decay,
                          float momentum, float factor) {
  for (int64_t i = 0; i < n; i++) {
    float d = fmaf(decay, p[i], g[i] * factor);
    float mean = normal_(fmaf(momentum, m[i], d));
    m[i] = mean;
    p[i] = fmaf(-lr, mean, p[i]);
  }
}

void cpu_sgd (Parts parts, View state, View sum, Scalar clip,
              Scalar momentum) {
  int64_t elements, pieces = piece_count(parts, &elements);
  float factor;
  assert(state.dtype == F64);
  cpu_reserve((size_t) pieces * sizeof(Piece));
  if (!begin(state, sum, clip, &factor))
    return;
  Piece *list = cpu_scratch();
  piece_list(parts, list);
#pragma omp parallel for schedule(static) if (worth_threads(elements))
  for (int64_t i = 0; i < pieces; i++) {
    const OptimPart *part = &parts.at[list[i].part];
    int64_t from = list[i].from;
    sgd_loop((float *) part->p.data + from, (float *) part->g.data + from,
             (float *) part->m.data + from, list[i].to - from, *part->lr.at,
             part->decay.at ? *part->decay.at : 0, *momentum.at, factor);
  }
  ((double *) state.data)[0] += 1;
}

/* ---- moving averages ---- */

HOT static void lerp_loop (float *restrict p, const float *restrict v,
                           int64_t n, float weight) {
  for (int64_t i = 0; i < n; i++)
    p[i] = fmaf(weight, v[i] - p[i], p[i]);
}

void cpu_lerp (View p, View v, Scalar weight) {
  int64_t n = view_count(&p), chunks = chunk_count(n, CHUNK);
#pragma omp parallel for schedule(static) if (worth_threads(n))
  for (int64_t i = 0; i < chunks; i++)
    lerp_loop((float *) p.data + i * CHUNK, (float *) v.data + i * CHUNK,
              chunk_end(i, CHUNK, n) - i * CHUNK, *weight.at);
}
