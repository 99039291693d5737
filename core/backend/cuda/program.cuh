/*
 * program.cuh - the program of small work (small.h) and the kernel that runs
 * it.
 *
 * A step has up to OPERANDS arrays, the first of which is written, seen from
 * one index of at most AXES joined axes.  Sums belong to a warp each: lanes
 * add in float64 and are joined pairwise.  Only small.cu includes this.
 */
#ifndef program_cuh
#define program_cuh

#include "backend/cuda/index.cuh"
#include "backend/cuda/optim.cuh"

enum { AXES = 4, OPERANDS = 5, STEPS = 24 };

typedef enum StepKind {
  STEP_UNARY, STEP_UNARY_BACK, STEP_BINARY, STEP_BINARY_BACK, STEP_COPY,
  STEP_COPY_ADD, STEP_FILL, STEP_SUM, STEP_ACCUMULATE, STEP_FINISH,
  STEP_ACT_BACK, STEP_KL, STEP_KL_BACK, STEP_DRAW, STEP_DRAW_BACK,
  STEP_WINDOW, STEP_TAKE, STEP_COLUMNS, STEP_TOTAL, STEP_BEGIN
} StepKind;

typedef struct Step {
  int kind, f, side, count;     /* count: of results */
  int over;                     /* elements of each, for sums */
  int size[AXES];               /* innermost first */
  alignas(8) int stride[OPERANDS][AXES];
  double scale;
  void *at[OPERANDS];
} Step;

typedef struct Program {
  int count;
  Step step[STEPS];
} Program;

/* ---- formulas ---- */

#define DEVICE static __device__ __forceinline__
#define ZERO 0.0f
#define UNUSED [[maybe_unused]]

DEVICE float unary (int f, float x) {
  switch (f) {
#define UNARY(name, doc, formula, ...) case UNARY_##name: return formula;
#include "backend/pointwise.def"
    default: return x;
  }
}

DEVICE float unary_slope (int f, float x, float y) {
  switch (f) {
#define UNARY(name, doc, formula, slope, ...) \
    case UNARY_##name: { UNUSED float unused = x + y; return slope; }
#include "backend/pointwise.def"
    default: return x + y;
  }
}

DEVICE float binary (int f, float a, float b) {
  switch (f) {
#define BINARY(name, doc, formula, ...) case BINARY_##name: return formula;
#include "backend/pointwise.def"
    default: return a + b;
  }
}

DEVICE float binary_slope (int f, int side, float a, float b, float y) {
  switch (f) {
#define BINARY(name, doc, formula, da, db, ...) \
    case BINARY_##name: return side == 0 ? da : db;
#include "backend/pointwise.def"
    default: return a + b + y;
  }
}

/* The numbers of STEP_BEGIN lie where the others have their axes. */
DEVICE const BeginStep &begin_of (const Step &s) {
  return *(const BeginStep *) s.stride;
}

/* Places of result i in the operands. */
DEVICE void find (const Step &s, int i, int (&at)[OPERANDS]) {
#pragma unroll
  for (int k = 0; k < OPERANDS; k++)
    at[k] = 0;
#pragma unroll
  for (int a = 0; a < AXES; a++) {
    int rest = i / s.size[a], here = i - rest * s.size[a];
#pragma unroll
    for (int k = 0; k < OPERANDS; k++)
      at[k] += here * s.stride[k][a];
    i = rest;
  }
}

DEVICE void pointwise (const Step &s, int i) {
  int at[OPERANDS];
  find(s, i, at);
  float *y = (float *) s.at[0] + at[0];
  const float *a = (const float *) s.at[1] + at[1];
  const float *b = (const float *) s.at[2] + at[2];
  const float *c = (const float *) s.at[3] + at[3];
  const float *d = (const float *) s.at[4] + at[4];
  switch (s.kind) {
    case STEP_UNARY: *y = unary(s.f, *a); break;
    case STEP_UNARY_BACK: *y = *a * unary_slope(s.f, *b, *c); break;
    case STEP_BINARY: *y = binary(s.f, *a, *b); break;
    case STEP_BINARY_BACK:
      *y = *a * binary_slope(s.f, s.side, *b, *c, *d);
      break;
    case STEP_COPY: *(uint32_t *) y = *(const uint32_t *) a; break;
    case STEP_COPY_ADD: *y += *a; break;
    default: *y = *a;                              /* STEP_FILL */
  }
}

DEVICE double warp_sum (double v) {
  for (int half = WARP / 2; half > 0; half /= 2)
    v += __shfl_xor_sync(0xFFFFFFFFu, v, half);
  return v;
}

DEVICE float kl_term (float mean, float logvar) {
  return mean * mean + expm1_(logvar) - logvar;
}

/* Element i of row r that is summed; operand 1 (and 2 for the divergence) have
 * the axes of the row behind those of the result. */
DEVICE double summand (const Step &s, int r, int i) {
  const float *a = (const float *) s.at[1];
  if (s.kind == STEP_KL)
    return kl_term(a[r * s.over + i], ((const float *) s.at[2])[r * s.over
                                                               + i]);
  if (s.kind == STEP_TOTAL)
    return ((const double *) s.at[1])[i];
  if (s.kind == STEP_COLUMNS && s.side)      /* float64 */
    return ((const double *) s.at[1])[i * s.count + r];
  return a[r * s.stride[1][1] + i * s.stride[1][0]];
}

/* Results of sums go to warps; all warps run the same rounds. */
DEVICE void sums (const Step &s) {
  int lane = (int) threadIdx.x % WARP, warp = (int) threadIdx.x / WARP;
  for (int r = warp; r < s.count; r += THREADS / WARP) {
    double sum = 0;
    for (int i = lane; i < s.over; i += WARP)
      sum += summand(s, r, i);
    sum = warp_sum(sum);
    if (lane != 0)
      continue;
    float *y = (float *) s.at[0] + r;
    if (s.kind == STEP_TOTAL) {
      if (s.at[2] != NULL)                   /* a finite loss adds nothing */
        sum += 0 * number_of(Number { s.at[2], s.f != 0 });
      if (s.side)                            /* float64 */
        *(double *) s.at[0] = sum;
      else
        *y = (float) sum;
    } else if (s.kind == STEP_ACCUMULATE) {
      float more = *(const float *) s.at[2] * (float) sum;
      *y = *(const float *) s.at[3] != 0 ? *y + more : more;
    } else
      *y = (float) (sum * s.scale);
  }
}

/* v < 0 is false for NaN, which so stays. */
DEVICE void finish (const Step &s, int i) {
  float *y = (float *) s.at[0] + i, v = *y;
  const float *bias = (const float *) s.at[1];
  if (bias != NULL)
    v += bias[i % s.over];
  *y = s.f == ACT_RELU && v < 0 ? 0.0f : v;
}

DEVICE void act_back (const Step &s, int i) {
  float v = ((const float *) s.at[2])[i];
  float mask = s.f == ACT_NONE || v > 0 ? 1.0f : v != v ? v : 0.0f;
  ((float *) s.at[0])[i] = ((const float *) s.at[1])[i] * mask;
}

DEVICE void kl_back (const Step &s, int i) {
  float d = ((const float *) s.at[2])[i / s.over];
  ((float *) s.at[0])[i] = ((const float *) s.at[3])[i] * d;
  ((float *) s.at[1])[i] = 0.5f * expm1_(((const float *) s.at[4])[i]) * d;
}

/* Four normals a thread: those of kernel randn. */
DEVICE void draw (const Step &s, int i) {
  float e[4];
  normals_of(philox_at((const uint32_t *) s.at[4], (uint64_t) i), e);
#pragma unroll
  for (int k = 0; k < 4; k++) {
    int at = 4 * i + k;
    if (at < s.over) {
      ((float *) s.at[1])[at] = e[k];
      ((float *) s.at[0])[at] = ((const float *) s.at[2])[at]
        + exp_(0.5f * ((const float *) s.at[3])[at]) * e[k];
    }
  }
}

DEVICE void draw_back (const Step &s, int i) {
  float dz = ((const float *) s.at[2])[i];
  ((float *) s.at[0])[i] = dz;
  ((float *) s.at[1])[i] = 0.5f * exp_(0.5f * ((const float *) s.at[4])[i])
                         * ((const float *) s.at[3])[i] * dz;
}

DEVICE void take (const Step &s, int i) {
  int row = ((const int32_t *) s.at[2])[i / s.over] - 1;
  ((uint32_t *) s.at[0])[i]
    = ((const uint32_t *) s.at[1])[(int64_t) row * s.over + i % s.over];
}

DEVICE void slide (const Step &s, int i) {
  int64_t first = *(const int32_t *) s.at[2] - 1;
  ((int32_t *) s.at[0])[i] = ((const int32_t *) s.at[1])[first + i];
}

DEVICE void element (const Step &s, int i) {
  switch (s.kind) {
    case STEP_FINISH: finish(s, i); break;
    case STEP_ACT_BACK: act_back(s, i); break;
    case STEP_KL_BACK: kl_back(s, i); break;
    case STEP_DRAW: draw(s, i); break;
    case STEP_DRAW_BACK: draw_back(s, i); break;
    case STEP_WINDOW: slide(s, i); break;
    case STEP_TAKE: take(s, i); break;
    default: pointwise(s, i);
  }
}

/* One block, which may use all registers.  What a step writes the next ones
 * read behind the barrier. */
static __global__ void __launch_bounds__(THREADS, 1)
small_program (const __grid_constant__ Program p) {
  for (int n = 0; n < p.count; n++) {
    const Step &s = p.step[n];
    if (s.kind == STEP_SUM || s.kind == STEP_ACCUMULATE || s.kind == STEP_KL
        || s.kind == STEP_COLUMNS || s.kind == STEP_TOTAL)
      sums(s);
    else if (s.kind == STEP_BEGIN) {
      if (threadIdx.x == 0)
        begin_now(begin_of(s));
    }
    else
      for (int i = (int) threadIdx.x; i < s.count; i += THREADS)
        element(s, i);
    __syncthreads();
  }
}

#endif
