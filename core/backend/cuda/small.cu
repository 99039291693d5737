/*
 * small.cu - see small.h: which calls become steps of a program
 * (program.cuh), and when it runs.
 */
#include "backend/cuda/program.cuh"
#include "backend/cuda/small.h"

enum {
  SMALL = 8192,                 /* elements of a step */
  TOUCHED = 4096                /* arrays of one launch: optimisers have many */
};

/* ---- what waits ---------------------------------------------------------- */

typedef struct Range {
  const char *from, *to;
  bool writes;
} Range;

static Program waiting;
static Range used[STEPS * OPERANDS];       /* by the steps that wait */
static int uses;
static Range touched[TOUCHED];             /* by the launch at hand */
static int touches;
static cudaError_t failed;                 /* of a program that was full */

enum { ROOM = 1 << 18 };                   /* numbers for small_columns */
static double *room;
static size_t taken;

cudaError_t small_flush (void) {
  cudaError_t e = failed;
  failed = cudaSuccess;
  if (waiting.count > 0)
    small_program<<<1, THREADS, 0, cuda_stream>>>(waiting);
  if (waiting.count > 0 && e == cudaSuccess)
    e = cudaGetLastError();
  waiting = Program {};          /* a graph keeps the whole argument */
  uses = 0;
  taken = 0;
  return e;
}

double *small_room (size_t n) {
  if (n > ROOM)
    return NULL;
  if (waiting.count == STEPS || taken + n > ROOM) {
    cudaError_t e = small_flush();
    failed = failed == cudaSuccess ? e : failed;
  }
  if (room == NULL)
    room = (double *) cuda_keep(ROOM * sizeof *room);
  if (room == NULL)
    return NULL;
  taken += n;
  return room + taken - n;
}

cudaError_t small_added (void) {
  return cuda_capturing() ? cudaSuccess : small_flush();
}

static Range range_of (const View &v, bool writes) {
  int64_t last = 0;
  for (int i = 0; i < v.rank; i++)
    last += v.size[i] > 0 ? (v.size[i] - 1) * v.stride[i] : 0;
  const char *from = (const char *) v.data;
  return { from, from + (size_t) (last + 1) * (v.dtype == U8 ? 1 : v.dtype == F64 ? 8 : 4), writes };
}

void small_forget (void) {
  waiting.count = uses = 0;
  taken = 0;
  failed = cudaSuccess;
}

void small_begin (void) {
  touches = 0;
}

void small_touch (const View *v, bool writes) {
  if (v->data != NULL && touches < TOUCHED)
    touched[touches++] = range_of(*v, writes);
}

static bool meet (const Range &a, const Range &b) {
  return (a.writes || b.writes) && a.from < b.to && b.from < a.to;
}

cudaError_t small_settle (void) {
  bool met = touches == TOUCHED;
  for (int i = 0; i < touches && !met; i++)
    for (int k = 0; k < uses && !met; k++)
      met = meet(touched[i], used[k]);
  return met || failed != cudaSuccess ? small_flush() : cudaSuccess;
}

/* Room for a step of a kind; a full program runs first. */
static Step *add (StepKind kind, int64_t count) {
  if (waiting.count == STEPS) {
    cudaError_t e = small_flush();
    failed = failed == cudaSuccess ? e : failed;
  }
  Step *s = &waiting.step[waiting.count++];
  *s = {};
  s->kind = kind;
  s->count = (int) count;
  for (int a = 0; a < AXES; a++)
    s->size[a] = 1;
  return s;
}

/* Operand k is v; writes: the step writes it. */
static void operand (Step *s, int k, const View &v, bool writes) {
  s->at[k] = v.data;
  if (v.data != NULL)
    used[uses++] = range_of(v, writes);
}

static bool small (const View &v) {
  int64_t n = view_count(&v);
  return n > 0 && n <= SMALL;
}

/* ---- pointwise steps ------------------------------------------------------- */

/* A step over the elements of v[0], which is written; the others broadcast to
 * it.  False if it has too many axes. */
static bool add_pointwise (StepKind kind, int f, int side,
                           std::initializer_list<const View *> views) {
  const View &y = **views.begin();
  Axis<OPERANDS> axis[MAX_RANK];
  int k = 0;
  if (!small(y))
    return false;
  for (int i = 0; i < y.rank; i++) {
    axis[i] = {};
    axis[i].size = y.size[i];
    k = 0;
    for (const View *v : views)
      axis[i].stride[k++] = stride_along(y, *v, i);
  }
  int axes = join_axes(axis, y.rank);
  if (axes > AXES)
    return false;
  for (int i = 0; i < axes; i++)
    for (int o = 0; o < OPERANDS; o++)
      if (axis[i].stride[o] * axis[i].size > INT32_MAX)
        return false;
  Step *s = add(kind, view_count(&y));
  s->f = f;
  s->side = side;
  for (int i = 0; i < axes; i++) {
    s->size[axes - 1 - i] = (int) axis[i].size;
    for (int o = 0; o < OPERANDS; o++)
      s->stride[o][axes - 1 - i] = (int) axis[i].stride[o];
  }
  k = 0;
  for (const View *v : views) {
    operand(s, k, *v, k == 0);
    k++;
  }
  for (; k < OPERANDS; k++)
    s->at[k] = s->at[0];
  return true;
}

bool small_unary (UnaryFn f, View y, View x) {
  return add_pointwise(STEP_UNARY, f, 0, { &y, &x });
}

bool small_unary_back (UnaryFn f, View dx, View dy, View x, View y) {
  return add_pointwise(STEP_UNARY_BACK, f, 0, { &dx, &dy, &x, &y });
}

bool small_binary (BinaryFn f, View y, View a, View b) {
  return y.dtype == F32 && add_pointwise(STEP_BINARY, f, 0, { &y, &a, &b });
}

bool small_binary_back (BinaryFn f, int side, View d, View dy, View a, View b,
                        View y) {
  return add_pointwise(STEP_BINARY_BACK, f, side, { &d, &dy, &a, &b, &y });
}

bool small_copy (View y, View x) {
  return (y.dtype == F32 || y.dtype == I32) && x.dtype == y.dtype
      && add_pointwise(STEP_COPY, 0, 0, { &y, &x });
}

bool small_copy_add (View y, View x) {
  return y.dtype == F32 && add_pointwise(STEP_COPY_ADD, 0, 0, { &y, &x });
}

static View number (const float *at) {
  View v = {};
  v.data = (void *) at;
  v.dtype = F32;
  return v;
}

static View row (const float *at, int64_t n) {
  View v = number(at);
  v.rank = 1;
  v.size[0] = n;
  v.stride[0] = 1;
  return v;
}

bool small_fill (View y, Scalar v) {
  View x = number(v.at);
  return y.dtype == F32 && add_pointwise(STEP_FILL, 0, 0, { &y, &x });
}

/* ---- sums ------------------------------------------------------------------- */

static bool contiguous (const View &v) {
  int64_t step = 1;
  for (int i = v.rank - 1; i >= 0; i--) {
    if (v.size[i] != 1 && v.stride[i] != step)
      return false;
    step *= v.size[i];
  }
  return true;
}

/* A sum over the last axes of a contiguous x. */
bool small_reduce (ReduceFn f, View y, View x, double scale) {
  int64_t columns = 1;
  int i = x.rank - 1;
  if (f != REDUCE_SUM || y.dtype != F32 || x.dtype != F32 || !small(x)
      || !contiguous(x))
    return false;
  for (; i >= 0 && y.size[i] == 1; i--)
    columns *= x.size[i];
  for (; i >= 0; i--)
    if (y.size[i] != x.size[i])
      return false;
  Step *s = add(STEP_SUM, view_count(&y));
  s->over = (int) columns;
  s->stride[1][0] = 1;
  s->stride[1][1] = (int) columns;
  s->scale = scale;
  operand(s, 0, y, true);
  operand(s, 1, x, false);
  return true;
}

bool small_accumulate (View sum, View x, Scalar scale, Scalar keep) {
  if (!small(x))
    return false;
  Step *s = add(STEP_ACCUMULATE, 1);
  s->over = (int) view_count(&x);
  s->stride[1][0] = 1;
  operand(s, 0, sum, true);
  operand(s, 1, x, false);
  operand(s, 2, number(scale.at), false);
  operand(s, 3, number(keep.at), false);
  return true;
}

bool small_normal_kl_rows (View y, View mean, View logvar) {
  if (!small(mean))
    return false;
  Step *s = add(STEP_KL, mean.size[0]);
  s->over = (int) mean.size[1];
  s->scale = 0.5;
  operand(s, 0, y, true);
  operand(s, 1, mean, false);
  operand(s, 2, logvar, false);
  return true;
}

/* The launch that made the parts has found room for this step. */
cudaError_t small_columns (float *y, const double *parts, int64_t rows,
                           int64_t columns, double scale) {
  Step *s = add(STEP_COLUMNS, columns);
  View out = row(y, columns), in = row((const float *) parts,
                                       2 * rows * columns);
  s->over = (int) rows;
  s->side = true;
  s->scale = scale;
  operand(s, 0, out, true);
  operand(s, 1, in, false);
  return small_added();
}

cudaError_t small_total (View sum, const double *parts, int64_t n, View loss) {
  Step *s = add(STEP_TOTAL, 1);
  s->over = (int) n;
  s->f = loss.dtype == F64;
  s->side = sum.dtype == F64;
  operand(s, 0, sum, true);
  operand(s, 1, row((const float *) parts, 2 * n), false);
  operand(s, 2, loss, false);
  return small_added();
}

/* Its launch flushes, so nothing has to know what it touches. */
void small_begin_step (const BeginStep *b) {
  static_assert(sizeof *b <= sizeof waiting.step->stride, "room for a step");
  Step *s = add(STEP_BEGIN, 1);
  memcpy(s->stride, b, sizeof *b);
}

bool small_bias_back (View db, View dy) {
  if (!small(dy))
    return false;
  Step *s = add(STEP_COLUMNS, dy.size[1]);
  s->over = (int) dy.size[0];
  s->stride[1][0] = (int) dy.size[1];
  s->stride[1][1] = 1;
  s->scale = 1;
  operand(s, 0, db, true);
  operand(s, 1, dy, false);
  return true;
}

/* ---- steps over contiguous elements ------------------------------------------- */

bool small_normal_kl_rows_back (View dmean, View dlogvar, View dy, View mean,
                                View logvar) {
  if (!small(dmean))
    return false;
  Step *s = add(STEP_KL_BACK, view_count(&dmean));
  s->over = (int) dmean.size[1];
  operand(s, 0, dmean, true);
  operand(s, 1, dlogvar, true);
  operand(s, 2, dy, false);
  operand(s, 3, mean, false);
  operand(s, 4, logvar, false);
  return true;
}

bool small_reparameterise (View z, View eps, View mean, View logvar,
                           Address a) {
  int64_t n = view_count(&z);
  if (!small(z))
    return false;
  Step *s = add(STEP_DRAW, (n + 3) / 4);
  s->over = (int) n;
  operand(s, 0, z, true);
  operand(s, 1, eps, true);
  operand(s, 2, mean, false);
  operand(s, 3, logvar, false);
  operand(s, 4, number((const float *) a.at), false);
  return true;
}

bool small_reparameterise_back (View dmean, View dlogvar, View dz, View eps,
                                View logvar) {
  if (!small(dz))
    return false;
  Step *s = add(STEP_DRAW_BACK, view_count(&dz));
  operand(s, 0, dmean, true);
  operand(s, 1, dlogvar, true);
  operand(s, 2, dz, false);
  operand(s, 3, eps, false);
  operand(s, 4, logvar, false);
  return true;
}

bool small_act_back (View dx, View db, View dy, View y, Activation act) {
  if (!small(dx) || db.data != NULL)
    return false;
  Step *s = add(STEP_ACT_BACK, view_count(&dx));
  s->f = act;
  operand(s, 0, dx, true);
  operand(s, 1, dy, false);
  operand(s, 2, y, false);
  return true;
}

bool small_take_rows (View y, View x, View index) {
  if (!small(y) || (x.dtype != F32 && x.dtype != I32))
    return false;
  Step *s = add(STEP_TAKE, view_count(&y));
  s->over = (int) (view_count(&y) / y.size[0]);
  operand(s, 0, y, true);
  operand(s, 1, x, false);
  operand(s, 2, index, false);
  return true;
}

bool small_window (View y, View x, Whole first) {
  if (!small(y))
    return false;
  Step *s = add(STEP_WINDOW, view_count(&y));
  operand(s, 0, y, true);
  operand(s, 1, x, false);
  operand(s, 2, number((const float *) first.at), false);
  return true;
}

bool small_finish (float *y, int64_t rows, int64_t columns,
                   const float *bias, Activation act) {
  View out = row(y, rows * columns);
  if (!small(out))
    return false;
  Step *s = add(STEP_FINISH, rows * columns);
  s->f = act;
  s->over = (int) columns;
  operand(s, 0, out, true);
  operand(s, 1, bias ? row(bias, columns) : number(NULL), false);
  return true;
}
