/*
 * cudnn_run.c - checks a variant pack against the declared graph, and computes
 * the graph when the stream comes to it (cudnn_sim.h).
 *
 * A tensor of the graph becomes an array of floats in the order n h w c, which
 * is how it lies.  Products are added in float64.  An engine with tensor cores
 * rounds float32 to TF32 first.  A ReLU turns NaN into 0 unless it was asked
 * to keep it and the engine promises that.
 */
#include "cudnn_sim.h"
#include "libs_float.h"

#include <stdlib.h>
#include <string.h>

static const char who[] = "cudnnBackendExecute";

typedef struct Work {
  Graph *graph;
  void *at[TENSORS];            /* device memory; NULL where virtual */
  char *workspace;
  int64_t bytes;
  bool tensor_cores, keeps_nan;
  float *value[TENSORS];
} Work;

static int64_t count_of (const Tensor *t) {
  return t->size[0] * t->size[1] * t->size[2] * t->size[3];
}

static int64_t bytes_of (const Tensor *t) {
  return count_of(t) * type_size(t->type);
}

/* ---- the variant pack ---- */

#define WRONG(...) (sim_mistake("cudnnBackendExecute: " __VA_ARGS__), false)

static int tensor_named (const Graph *g, int64_t uid) {
  for (int i = 0; i < g->tensors; i++)
    if (g->tensor[i].uid == uid && !g->tensor[i].inner)
      return i;
  return -1;
}

static bool take_pointers (Work *w, const Desc *pack) {
  const Attr *uid = attr_of(pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  const Attr *at = attr_of(pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  if (uid == NULL || at == NULL || uid->type != CUDNN_TYPE_INT64 ||
      at->type != CUDNN_TYPE_VOID_PTR || uid->count != at->count)
    return WRONG("as many unique ids as pointers are needed");
  for (int64_t i = 0; i < uid->count; i++) {
    int64_t id = ((int64_t *) uid->data)[i];
    int t = tensor_named(w->graph, id);
    if (t < 0)
      return WRONG("the graph has no tensor %lld with memory", (long long) id);
    if (w->at[t] != NULL)
      return WRONG("tensor %lld is given twice", (long long) id);
    w->at[t] = ((void **) at->data)[i];
    if (!sim_is_device(w->at[t]))
      return WRONG("tensor %lld: %p is no device memory", (long long) id,
                   w->at[t]);
    if ((uintptr_t) w->at[t] % (uint64_t) w->graph->tensor[t].alignment != 0)
      return WRONG("tensor %lld: %p is not aligned to the %lld bytes that "
                   "were declared", (long long) id, w->at[t],
                   (long long) w->graph->tensor[t].alignment);
  }
  for (int i = 0; i < w->graph->tensors; i++)
    if (!w->graph->tensor[i].inner && w->at[i] == NULL)
      return WRONG("tensor %lld is not given",
                   (long long) w->graph->tensor[i].uid);
  return true;
}

static bool take_workspace (Work *w, const Desc *pack) {
  const Attr *a = attr_of(pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE);
  w->workspace = a != NULL && a->type == CUDNN_TYPE_VOID_PTR && a->count == 1
    ? *(char **) a->data : NULL;
  if (w->bytes == 0)
    return true;
  if (!sim_is_device(w->workspace))
    return WRONG("%lld bytes of workspace are needed, it is at %p",
                 (long long) w->bytes, (void *) w->workspace);
  if ((uintptr_t) w->workspace % 256 != 0)
    return WRONG("the workspace %p is not aligned to 256 bytes",
                 (void *) w->workspace);
  return true;
}

static bool apart (const char *a, int64_t a_bytes, const char *b,
                   int64_t b_bytes) {
  return a + a_bytes <= b || b + b_bytes <= a || a_bytes == 0 || b_bytes == 0;
}

static bool check_apart (const Work *w) {
  const Graph *g = w->graph;
  int64_t out = bytes_of(&g->tensor[g->output]);
  for (int i = 0; i < g->tensors; i++) {
    int64_t bytes = bytes_of(&g->tensor[i]);
    if (w->at[i] == NULL)
      continue;
    if (i != g->output && !apart(w->at[i], bytes, w->at[g->output], out))
      return WRONG("the output overlaps tensor %lld",
                   (long long) g->tensor[i].uid);
    if (!apart(w->at[i], bytes, w->workspace, w->bytes))
      return WRONG("the workspace overlaps tensor %lld",
                   (long long) g->tensor[i].uid);
  }
  return true;
}

/* ---- arithmetic ---- */

/* Sizes of a convolution, in the words of kernels.h. */
typedef struct Conv {
  int64_t n, h, w, c, oh, ow, k, kh, kw, groups;
  int64_t stride[2], pad[2];
} Conv;

static Conv conv_of (const Graph *g, const Oper *o) {
  const int64_t *x = g->tensor[o->x].size, *w = g->tensor[o->w].size;
  const int64_t *y = g->tensor[o->y].size;
  return (Conv) { x[0], x[2], x[3], x[1], y[2], y[3], w[0], w[2], w[3],
                  x[1] / w[1], { o->stride[0], o->stride[1] },
                  { o->before[0], o->before[1] } };
}

static double dot (const float *a, const float *b, int64_t n) {
  double part[4] = { 0 };
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int j = 0; j < 4; j++)
      part[j] += (double) a[i + j] * b[i + j];
  for (; i < n; i++)
    part[0] += (double) a[i] * b[i];
  return (part[0] + part[1]) + (part[2] + part[3]);
}

/* The pixel of x that element (r, s) of the window at (p, q) meets: its place
 * in x, or -1 in the padding. */
static int64_t pixel (const Conv *v, int64_t n, int64_t p, int64_t q,
                      int64_t r, int64_t s) {
  int64_t i = p * v->stride[0] - v->pad[0] + r;
  int64_t j = q * v->stride[1] - v->pad[1] + s;
  if (i < 0 || i >= v->h || j < 0 || j >= v->w)
    return -1;
  return (n * v->h + i) * v->w + j;
}

/* A pass: the arrays that it reads, and sums for the one that it writes, which
 * stands among them too, with nothing in it. */
typedef struct Pass {
  Kind kind;
  Conv v;
  const float *x, *w, *y;
  double *sum;
} Pass;

/* Element (r, s) of the window at place at (of n p q), for all filters. */
static void meet (const Pass *p, int64_t at, int64_t r, int64_t s) {
  const Conv *v = &p->v;
  int64_t c = v->c / v->groups, filters = v->k / v->groups;
  int64_t q = at % v->ow, row = at / v->ow % v->oh, n = at / v->ow / v->oh;
  int64_t place = pixel(v, n, row, q, r, s);
  if (place < 0)
    return;
  for (int64_t k = 0; k < v->k; k++) {
    int64_t x = place * v->c + k / filters * c, y = at * v->k + k;
    int64_t w = ((k * v->kh + r) * v->kw + s) * c;
    if (p->kind == CONV)
      p->sum[y] += dot(p->x + x, p->w + w, c);
    else if (p->kind == BACK_X)
      for (int64_t i = 0; i < c; i++)
        p->sum[x + i] += (double) p->y[y] * p->w[w + i];
    else
      for (int64_t i = 0; i < c; i++)
        p->sum[w + i] += (double) p->y[y] * p->x[x + i];
  }
}

static void convolve (Work *work, const Oper *o) {
  int to = written(o);
  int64_t count = count_of(&work->graph->tensor[to]);
  Pass p = { o->kind, conv_of(work->graph, o), work->value[o->x],
             work->value[o->w], work->value[o->y],
             calloc((size_t) count, sizeof *p.sum) };
  for (int64_t at = 0; at < p.v.n * p.v.oh * p.v.ow; at++)
    for (int64_t r = 0; r < p.v.kh; r++)
      for (int64_t s = 0; s < p.v.kw; s++)
        meet(&p, at, r, s);
  for (int64_t i = 0; i < count; i++)
    work->value[to][i] = (float) p.sum[i];
  free(p.sum);
}

/* b broadcasts along axes of size 1. */
static void add (Work *work, const Oper *o) {
  const int64_t *n = work->graph->tensor[o->y].size;
  const int64_t *m = work->graph->tensor[o->w].size;
  const float *x = work->value[o->x], *b = work->value[o->w];
  int64_t count = count_of(&work->graph->tensor[o->y]);
  for (int64_t i = 0; i < count; i++) {
    int64_t c = i % n[1], q = i / n[1] % n[3], p = i / n[1] / n[3] % n[2];
    int64_t image = i / n[1] / n[3] / n[2];
    int64_t from = ((image % m[0] * m[2] + p % m[2]) * m[3] + q % m[3]) * m[1]
      + c % m[1];
    work->value[o->y][i] = x[i] + b[from];
  }
}

static void relu (Work *work, const Oper *o) {
  bool keep = o->nan && work->keeps_nan;
  int64_t count = count_of(&work->graph->tensor[o->y]);
  const float *x = work->value[o->x];
  for (int64_t i = 0; i < count; i++)
    work->value[o->y][i] = x[i] > 0 || (keep && isnan(x[i])) ? x[i] : 0;
}

/* ---- when the stream comes to it ---- */

/* False after a report. */
static bool read_tensor (Work *w, int i) {
  const Tensor *t = &w->graph->tensor[i];
  int64_t n = count_of(t);
  w->value[i] = malloc((size_t) n * sizeof(float));
  if (t->inner || i == w->graph->output)
    return true;
  const void *from = sim_read(w->at[i], (size_t) bytes_of(t), who);
  if (from == NULL)
    return false;
  bool bias = t->size[0] * t->size[2] * t->size[3] == 1 && w->graph->opers > 1;
  for (int64_t j = 0; j < n; j++)
    if (t->type == CUDNN_DATA_BFLOAT16)
      w->value[i][j] = from_bf16(((const uint16_t *) from)[j]);
    else {
      float v = ((const float *) from)[j];
      w->value[i][j] = w->tensor_cores && !bias ? to_tf32(v) : v;
    }
  return true;
}

static void write_output (Work *w) {
  int i = w->graph->output;
  const Tensor *t = &w->graph->tensor[i];
  void *to = sim_write(w->at[i], (size_t) bytes_of(t), who);
  for (int64_t j = 0; to != NULL && j < count_of(t); j++)
    if (t->type == CUDNN_DATA_BFLOAT16)
      ((uint16_t *) to)[j] = to_bf16(w->value[i][j]);
    else
      ((float *) to)[j] = w->value[i][j];
}

static void run (void *state) {
  Work *w = state;
  const Graph *g = w->graph;
  size_t moved = 0;
  bool ok = w->bytes == 0 ||
            sim_workspace(w->workspace, (size_t) w->bytes, who);
  for (int i = 0; i < g->tensors; i++) {
    ok = read_tensor(w, i) && ok;
    moved += g->tensor[i].inner ? 0 : (size_t) bytes_of(&g->tensor[i]);
  }
  for (int i = 0; ok && i < g->opers; i++) {
    const Oper *o = &g->oper[i];
    if (o->kind == ADD)
      add(w, o);
    else if (o->kind == RELU)
      relu(w, o);
    else
      convolve(w, o);
  }
  if (ok)
    write_output(w);
  for (int i = 0; i < g->tensors; i++)
    free(w->value[i]);
  memset(w->value, 0, sizeof w->value);
  sim_count_library("cuDNN", moved, 1);
}

static void drop (void *state) {
  Work *w = state;
  graph_drop(w->graph);
  free(w);
}

cudnnStatus_t run_plan (const Context *h, const Desc *plan, const Desc *pack) {
  Work *w = calloc(1, sizeof *w);
  w->graph = graph_keep(plan->graph);
  w->bytes = plan->workspace;
  w->tensor_cores = plan->tensor_cores;
  w->keeps_nan = plan->keeps_nan;
  if (!take_pointers(w, pack) || !take_workspace(w, pack) || !check_apart(w)) {
    drop(w);
    return CUDNN_STATUS_BAD_PARAM;
  }
  sim_enqueue(h->stream, who, run, drop, w);
  return CUDNN_STATUS_SUCCESS;
}
