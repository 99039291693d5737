/*
 * optim.cuh - what is decided before a step of an optimiser: whether it is
 * taken, by which factor gradients shrink, and the numbers that follow from
 * the step's count.  One thread decides, as a step of the small work; the
 * kernels over the parameters read the plan.
 */
#ifndef optim_cuh
#define optim_cuh

#include "backend/cuda/kernel.cuh"

/* One number of either type; at NULL: none. */
typedef struct Number {
  void *at;
  bool wide;                        /* float64 */
} Number;

static inline Number number (const View &v) {
  return Number { v.data, v.dtype == F64 };
}

static __device__ double number_of (Number n) {
  return n.wide ? *(const double *) n.at : (double) *(const float *) n.at;
}

typedef struct Plan {
  double left;                      /* 1 - beta1^t; 1 for SGD */
  int go;                           /* 0: nothing is written */
  float factor;                     /* brings the norm down to clip */
  float beta1, beta2, eps;          /* beta1: SGD's momentum */
  float root;                       /* 1 / sqrt(1 - beta2^t) */
} Plan;

/* Raises the flag, once and for all, where the sum is not finite. */
static __device__ void decide (Plan *plan, double *state, Number sum,
                               const float *clip) {
  double squares = number_of(sum), norm = sqrt(squares), most = *clip;
  plan->go = state[3] == 0 && isfinite(squares);
  plan->factor = most > 0 && norm > most ? (float) (most / (norm + 1e-6)) : 1;
  if (plan->go)
    state[0] += 1;
  else
    state[3] = 1;
}

/* Where a step finds its numbers; beta2 and eps NULL: SGD, whose momentum is
 * beta1. */
typedef struct BeginStep {
  Plan *plan;
  double *state;
  Number sum;
  const float *clip, *beta1, *beta2, *eps;
} BeginStep;

static __device__ __forceinline__ void begin_now (const BeginStep &b) {
  double *state = b.state, power1 = 0, power2 = 0;
  Plan *plan = b.plan;
  plan->beta1 = *b.beta1;
  if (b.beta2 != NULL) {
    power1 = (state[0] == 0 ? 1 : state[1]) * (double) *b.beta1;
    power2 = (state[0] == 0 ? 1 : state[2]) * (double) *b.beta2;
    plan->beta2 = *b.beta2;
    plan->eps = *b.eps;
    plan->root = (float) (1 / sqrt(1 - power2));
  }
  plan->left = 1 - power1;
  decide(plan, state, b.sum, b.clip);
  if (plan->go && b.beta2 != NULL) {
    state[1] = power1;
    state[2] = power2;
  }
}

/* small.cu: a step of the small work. */
void small_begin_step (const BeginStep *b);

#endif
