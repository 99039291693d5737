/*
 * graph.c - captured work.  A graph is the list of what was put on a stream
 * between the beginning and the end of a capture; each launch does it again
 * with the arguments of then.  Nodes may prepare for a launch (Work.launch):
 * copies look at pinned memory, kernels at the blocks that they point to.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

typedef struct Exec {
  Graph *graph;
  bool live;
  struct Exec *next;
} Exec;

static Graph *graphs;
static Exec *execs;

/* ---- graphs ---- */

void graph_add (Graph *g, Work w) {
  if (g->count == g->room) {
    g->room = g->room ? 2 * g->room : 64;
    g->nodes = realloc(g->nodes, g->room * sizeof *g->nodes);
  }
  g->kernels += w.kind == WORK_KERNEL || w.kind == WORK_LIBRARY;
  g->nodes[g->count++] = w;
}

void graph_drop (Graph *g) {
  if (--g->uses > 0)
    return;
  for (size_t i = 0; i < g->count; i++)
    if (g->nodes[i].drop)
      g->nodes[i].drop(g->nodes[i].state);
  free(g->nodes);
  g->nodes = NULL;
  g->count = 0;
}

static void run_graph (void *state) {
  Graph *g = state;
  for (size_t i = 0; i < g->count && !device_is_lost; i++)
    g->nodes[i].run(g->nodes[i].state);
  count_graph(g->kernels);
}

static void drop_graph (void *state) {
  graph_drop(state);
}

void graphs_leaks (void) {
  size_t n = 0;
  for (Graph *g = graphs; g; g = g->next)
    n += g->live;
  for (Exec *e = execs; e; e = e->next)
    n += e->live;
  if (n)
    mistake("leak", "%zu graphs were never destroyed", n);
}

static Graph *graph_of (cudaGraph_t graph, const char *who) {
  for (Graph *g = graphs; g; g = g->next)
    if (g == (Graph *) graph && g->live)
      return g;
  mistake("graph", "%s of a graph that does not exist", who);
  return NULL;
}

static Exec *exec_of (cudaGraphExec_t exec, const char *who) {
  for (Exec *e = execs; e; e = e->next)
    if (e == (Exec *) exec && e->live)
      return e;
  mistake("graph", "%s of a graph that does not exist", who);
  return NULL;
}

/* ---- the API ---- */

cudaError_t cudaStreamBeginCapture (cudaStream_t stream,
                                    enum cudaStreamCaptureMode mode) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamBeginCapture");
  if (!s || s->capture)
    return failed(cudaErrorIllegalState);
  s->capture = calloc(1, sizeof *s->capture);
  s->capture->uses = 1;
  s->capture_broken = setting("SIM_CAPTURE_FAILS") != NULL;
  s->mode = mode;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture (cudaStream_t stream, cudaGraph_t *graph) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamEndCapture");
  *graph = NULL;
  if (!s || !s->capture)
    return failed(cudaErrorIllegalState);
  Graph *g = s->capture;
  s->capture = NULL;
  if (s->capture_broken) {
    graph_drop(g);
    free(g);
    return failed(cudaErrorStreamCaptureInvalidated);
  }
  g->live = true;
  g->next = graphs;
  graphs = g;
  *graph = (cudaGraph_t) g;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing (cudaStream_t stream,
                                   enum cudaStreamCaptureStatus *status) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamIsCapturing");
  *status = !s || !s->capture ? cudaStreamCaptureStatusNone
            : s->capture_broken ? cudaStreamCaptureStatusInvalidated
            : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t
cudaThreadExchangeStreamCaptureMode (enum cudaStreamCaptureMode *mode) {
  static enum cudaStreamCaptureMode now = cudaStreamCaptureModeGlobal;
  enum cudaStreamCaptureMode before = now;
  now = *mode;
  *mode = before;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate (cudaGraphExec_t *exec, cudaGraph_t graph,
                                  unsigned long long flags) {
  ALIVE;
  (void) flags;
  Graph *g = graph_of(graph, "cudaGraphInstantiate");
  if (!g)
    return failed(cudaErrorInvalidValue);
  Exec *e = calloc(1, sizeof *e);
  e->graph = g;
  g->uses++;
  e->live = true;
  e->next = execs;
  execs = e;
  *exec = (cudaGraphExec_t) e;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags (cudaGraphExec_t *exec,
                                           cudaGraph_t graph,
                                           unsigned long long flags) {
  return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphUpload (cudaGraphExec_t exec, cudaStream_t stream) {
  ALIVE;
  (void) stream;
  return exec_of(exec, "cudaGraphUpload") ? cudaSuccess
         : failed(cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch (cudaGraphExec_t exec, cudaStream_t stream) {
  ALIVE;
  Exec *e = exec_of(exec, "cudaGraphLaunch");
  Stream *s = stream_of(stream, "cudaGraphLaunch");
  if (!e || !s)
    return failed(cudaErrorInvalidValue);
  Graph *g = e->graph;
  if (s->capture) {
    mistake("unmodelled", "cudaGraphLaunch inside a capture");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  for (size_t i = 0; i < g->count; i++)
    if (g->nodes[i].launch)
      g->nodes[i].launch(g->nodes[i].state);
  g->uses++;
  stream_push(s, (Work) { .what = "cudaGraphLaunch", .kind = WORK_GRAPH,
                          .run = run_graph, .drop = drop_graph, .state = g });
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy (cudaGraphExec_t exec) {
  ALIVE;
  Exec *e = exec_of(exec, "cudaGraphExecDestroy");
  if (!e)
    return failed(cudaErrorInvalidValue);
  e->live = false;
  graph_drop(e->graph);
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy (cudaGraph_t graph) {
  ALIVE;
  Graph *g = graph_of(graph, "cudaGraphDestroy");
  if (!g)
    return failed(cudaErrorInvalidValue);
  g->live = false;
  graph_drop(g);
  return cudaSuccess;
}

cudaError_t cudaGraphGetNodes (cudaGraph_t graph, cudaGraphNode_t *nodes,
                               size_t *count) {
  ALIVE;
  Graph *g = graph_of(graph, "cudaGraphGetNodes");
  if (!g)
    return failed(cudaErrorInvalidValue);
  if (!nodes) {
    *count = g->count;
    return cudaSuccess;
  }
  for (size_t i = 0; i < *count; i++)
    nodes[i] = i < g->count ? (cudaGraphNode_t) &g->nodes[i] : NULL;
  *count = *count < g->count ? *count : g->count;
  return cudaSuccess;
}

cudaError_t cudaGraphNodeGetType (cudaGraphNode_t node,
                                  enum cudaGraphNodeType *type) {
  ALIVE;
  static const enum cudaGraphNodeType types[] = {
    [WORK_LIBRARY] = cudaGraphNodeTypeKernel,
    [WORK_KERNEL] = cudaGraphNodeTypeKernel,
    [WORK_COPY] = cudaGraphNodeTypeMemcpy,
    [WORK_SET] = cudaGraphNodeTypeMemset,
    [WORK_GRAPH] = cudaGraphNodeTypeGraph,
    [WORK_EVENT] = cudaGraphNodeTypeEventRecord,
    [WORK_WAIT] = cudaGraphNodeTypeWaitEvent };
  *type = types[((Work *) node)->kind];
  return cudaSuccess;
}
