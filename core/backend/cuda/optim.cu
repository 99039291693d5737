/*
 * optim.cu - the optimisers' kernels on CUDA: all parameters in one launch,
 * whose argument is the list of them.
 *
 * Parameters are cut into pieces of PIECE elements, one a block; a block finds
 * its part by halving the list.  More parts than fit into 4 KB of arguments
 * take further launches.  grad_check leaves a sum of each piece in scratch
 * memory and adds those in one block.
 *
 * A step begins with one thread that reads the sum of squares and the state,
 * writes what has been decided (Plan) to scratch memory and moves the state
 * on; the blocks read the plan alone, so it does not matter when each of them
 * runs.  All numbers that change between steps are read from device memory.
 */
#include "backend/cuda/optim.cuh"
#include "backend/cuda/small.h"

enum { PIECE = 2048, PARTS_MOST = 63 };

/* ---- pieces of many parameters ---- */

typedef struct Part {
  float *p, *m, *v;
  const float *g, *lr, *decay;      /* decay NULL: none */
  int64_t n, first;                 /* first: its first piece */
} Part;

typedef struct Batch {
  int64_t count, pieces;
  Part part[PARTS_MOST];
} Batch;

static int64_t piece_count (const View &v) {
  return (view_count(&v) + PIECE - 1) / PIECE;
}

/* Parts from .. that fit; gives the first that is left. */
static int fill_batch (Batch *b, Parts parts, int from) {
  b->count = b->pieces = 0;
  for (; from < parts.count && b->count < PARTS_MOST; from++) {
    const OptimPart *o = &parts.at[from];
    int64_t n = view_count(&o->p);
    if (n == 0)
      continue;
    b->part[b->count++] = Part { (float *) o->p.data, (float *) o->m.data,
                                 (float *) o->v.data,
                                 (const float *) o->g.data, o->lr.at,
                                 o->decay.at, n, b->pieces };
    b->pieces += piece_count(o->p);
  }
  return from;
}

/* The part of this block's piece: the last that begins at or before it. */
static __device__ __forceinline__ const Part &part_here (const Batch &b) {
  int64_t low = 0, high = b.count - 1;
  while (low < high) {
    int64_t middle = (low + high + 1) / 2;
    if (b.part[middle].first <= blockIdx.x)
      low = middle;
    else
      high = middle - 1;
  }
  return b.part[low];
}

typedef struct Span { int64_t from, to; } Span;

/* The elements of this block's piece. */
static __device__ __forceinline__ Span span_here (const Part &part) {
  int64_t from = (blockIdx.x - part.first) * PIECE, to = from + PIECE;
  return Span { from, to < part.n ? to : part.n };
}

#define EACH_OF_SPAN(i, span) \
  for (int64_t i = (span).from + threadIdx.x; i < (span).to; i += THREADS)

/* ---- the check ---- */

/* sums[piece] of the squares of g, in float64: they cannot overflow. */
KERNEL_FN square_sums (const __grid_constant__ Batch b, double *sums) {
  const Part &part = part_here(b);
  Span span = span_here(part);
  const float *g = part.g;
  double sum = 0;
  EACH_OF_SPAN(i, span)
    sum += (double) g[i] * (double) g[i];
  sum = team_sum(sum, THREADS);
  if (threadIdx.x == 0)
    sums[blockIdx.x] = sum;
}

cudaError_t cuda_grad_check (View sum, Parts parts, View loss) {
  int64_t pieces = 0, done = 0;
  for (int i = 0; i < parts.count; i++)
    pieces += piece_count(parts.at[i].p);
  double *sums = small_room((size_t) pieces + 1);
  cudaError_t e = sums != NULL ? cudaSuccess : cudaErrorMemoryAllocation;
  for (int at = 0; e == cudaSuccess && at < parts.count;) {
    Batch b = {};
    at = fill_batch(&b, parts, at);
    e = LAUNCH_BLOCKS(square_sums, b.pieces, b, sums + done);
    done += b.pieces;
  }
  return e != cudaSuccess ? e
         : small_total(sum, sums, pieces, loss);
}

/* ---- Adam ---- */

/* Behind it the plan is there for the blocks. */
static cudaError_t begin_step (const BeginStep *b) {
  small_begin_step(b);
  return small_flush();
}

typedef struct Rates {
  float step;                       /* lr / (1 - beta1^t) */
  float decay;                      /* added to the gradient */
  float keep;                       /* what decoupled decay leaves */
} Rates;

/* Computed once a block: float64 is slow on most GPUs. */
static __device__ Rates rates_of (const Part &part, const Plan *plan,
                                  bool decoupled) {
  float lr = *part.lr, decay = part.decay != NULL ? *part.decay : 0;
  return Rates { (float) (lr / plan->left), decoupled ? 0 : decay,
                 decoupled ? 1 - lr * decay : 1 };
}

/* Kingma and Ba 2015, algorithm 1, in PyTorch's order of operations; eps is
 * added to the corrected root. */
static __device__ __forceinline__ void adam_element (float *p, float *m,
                                                     float *v, float g,
                                                     const Plan &a,
                                                     const Rates &r) {
  float w = *p * r.keep, d = fmaf(r.decay, w, g * a.factor);
  float mean = normal_(fmaf(a.beta1, *m, (1.0f - a.beta1) * d));
  float square = normal_(fmaf(a.beta2, *v, (1.0f - a.beta2) * d * d));
  *m = mean;
  *v = square;
  *p = fmaf(-r.step, mean / fmaf(sqrtf(square), a.root, a.eps), w);
}

KERNEL_FN adam_pieces (const __grid_constant__ Batch b, const Plan *plan,
                       bool decoupled) {
  __shared__ Rates rates;
  const Part &part = part_here(b);
  Span span = span_here(part);
  if (threadIdx.x == 0)
    rates = rates_of(part, plan, decoupled);
  __syncthreads();
  Plan a = *plan;
  Rates r = rates;
  if (a.go)
    EACH_OF_SPAN(i, span)
      adam_element(&part.p[i], &part.m[i], &part.v[i], part.g[i], a, r);
}

cudaError_t cuda_adam (Parts parts, View state, View sum, Scalar clip,
                       Scalar beta1, Scalar beta2, Scalar eps,
                       bool decoupled) {
  Plan *plan = (Plan *) cuda_scratch(sizeof *plan);
  BeginStep b = { plan, (double *) state.data, number(sum), clip.at,
                  beta1.at, beta2.at, eps.at };
  cudaError_t e = plan == NULL ? cudaErrorMemoryAllocation : begin_step(&b);
  for (int at = 0; e == cudaSuccess && at < parts.count;) {
    Batch batch = {};
    at = fill_batch(&batch, parts, at);
    e = LAUNCH_BLOCKS(adam_pieces, batch.pieces, batch, plan, decoupled);
  }
  return e;
}

/* ---- SGD ---- */

/* m = momentum m + g, p = p - lr m (Sutskever et al. 2013 as in PyTorch: the
 * rate is outside of m). */
KERNEL_FN sgd_pieces (const __grid_constant__ Batch b, const Plan *plan) {
  const Part &part = part_here(b);
  Span span = span_here(part);
  float lr = *part.lr, decay = part.decay != NULL ? *part.decay : 0;
  float momentum = plan->beta1, factor = plan->factor;
  if (plan->go)
    EACH_OF_SPAN(i, span) {
      float w = part.p[i], d = fmaf(decay, w, part.g[i] * factor);
      float mean = normal_(fmaf(momentum, part.m[i], d));
      part.m[i] = mean;
      part.p[i] = fmaf(-lr, mean, w);
    }
}

cudaError_t cuda_sgd (Parts parts, View state, View sum, Scalar clip,
                      Scalar momentum) {
  Plan *plan = (Plan *) cuda_scratch(sizeof *plan);
  BeginStep b = { plan, (double *) state.data, number(sum), clip.at,
                  momentum.at, NULL, NULL };
  cudaError_t e = plan == NULL ? cudaErrorMemoryAllocation : begin_step(&b);
  for (int at = 0; e == cudaSuccess && at < parts.count;) {
    Batch batch = {};
    at = fill_batch(&batch, parts, at);
    e = LAUNCH_BLOCKS(sgd_pieces, batch.pieces, batch, plan);
  }
  return e;
}

/* ---- moving averages ---- */

KERNEL_FN move_to (float *p, const float *v, const float *weight, int64_t n) {
  float w = *weight;
  EACH_INDEX(i, n)
    p[i] = fmaf(w, v[i] - p[i], p[i]);
}

cudaError_t cuda_lerp (View p, View v, Scalar weight) {
  int64_t n = view_count(&p);
  return LAUNCH(move_to, n, (float *) p.data, (const float *) v.data,
                weight.at, n);
}
