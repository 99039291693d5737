/*
 * graph.cu - captured work: replays, frozen arguments, and what must not
 * happen during a capture.
 */
#include "case.h"

#define KERNEL static __global__ void

KERNEL add (float *y, const float *x, int n) {
  int i = (int) (blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n)
    y[i] += x[i];
}

static cudaGraph_t graph;
static cudaGraphExec_t exec;

static void begin (void) {
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal)
        == cudaSuccess);
}

static void end (void) {
  CHECK(cudaStreamEndCapture(stream, &graph) == cudaSuccess);
  CHECK(cudaGraphInstantiate(&exec, graph, 0) == cudaSuccess);
}

static void drop (void) {
  (void) cudaStreamSynchronize(stream);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
}

SILENT(replay) {
  float y[10], *device = floats(10), *x = floats(10), *h;
  cudaMallocHost((void **) &h, 40);
  begin();
  add<<<1, 32, 0, stream>>>(device, x, 10);
  fetch(h, device, 40);
  cudaMemsetAsync(x, 0, 4, stream);
  end();
  size_t nodes = 0;
  CHECK(cudaGraphGetNodes(graph, NULL, &nodes) == cudaSuccess && nodes == 3);
  cudaGraphNode_t node[3];
  enum cudaGraphNodeType type;
  CHECK(cudaGraphGetNodes(graph, node, &nodes) == cudaSuccess);
  CHECK(cudaGraphNodeGetType(node[1], &type) == cudaSuccess);
  CHECK(type == cudaGraphNodeTypeMemcpy);
  fetch(y, device, 40);
  CHECK(y[9] == 9);             /* nothing ran yet */
  for (int i = 0; i < 3; i++)
    CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  CHECK(h[9] == 36);
  drop();
  cudaFreeHost(h);
}

SILENT(graph_outlives_source) {
  float *device = floats(10), *x = floats(10);
  begin();
  add<<<1, 32, 0, stream>>>(device, x, 10);
  end();
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
  float y[10];
  fetch(y, device, 40);
  CHECK(y[3] == 6);
}

/* Each launch copies what is in pinned memory then. */
SILENT(pinned_refilled) {
  float y[10], *device = floats(10), *x = floats(10), *h;
  cudaMallocHost((void **) &h, 40);
  begin();
  cudaMemcpyAsync(x, h, 40, cudaMemcpyHostToDevice, stream);
  add<<<1, 32, 0, stream>>>(device, x, 10);
  end();
  for (int k = 1; k <= 3; k++) {
    for (int i = 0; i < 10; i++)
      h[i] = (float) k;
    CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
    CHECK(cudaStreamSynchronize(stream) == cudaSuccess);
  }
  fetch(y, device, 40);
  CHECK(y[4] == 4 + 1 + 2 + 3);
  drop();
  cudaFreeHost(h);
}

MISTAKE(pinned_refilled_early, "pinned-reuse") {
  float *x = floats(10), *h;
  cudaMallocHost((void **) &h, 40);
  memset(h, 0, 40);
  begin();
  cudaMemcpyAsync(x, h, 40, cudaMemcpyHostToDevice, stream);
  end();
  for (int k = 1; k <= 3; k++) {
    h[0] = (float) k;
    CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  }
  drop();
  cudaFreeHost(h);
}

MISTAKE(frozen_pointer, "frozen-argument,use-after-free") {
  float *device = floats(10), *x = floats(10);
  begin();
  add<<<1, 32, 0, stream>>>(device, x, 10);
  end();
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  CHECK(cudaFree(x) == cudaSuccess);
  kept[1] = NULL;
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  drop();
}

MISTAKE(frozen_copy, "use-after-free") {
  float *device = floats(10), *x = floats(10);
  begin();
  cudaMemcpyAsync(device, x, 40, cudaMemcpyDeviceToDevice, stream);
  end();
  CHECK(cudaFree(x) == cudaSuccess);
  kept[1] = NULL;
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  drop();
}

static void broken (cudaError_t e) {
  CHECK(e != cudaSuccess);
  CHECK(cudaStreamEndCapture(stream, &graph)
        == cudaErrorStreamCaptureInvalidated);
  CHECK(graph == NULL);
}

MISTAKE(malloc_in_capture, "capture") {
  void *p;
  begin();
  broken(cudaMalloc(&p, 40));
}

MISTAKE(free_in_capture, "capture") {
  float *x = floats(10);
  begin();
  broken(cudaFree(x));
}

MISTAKE(wait_in_capture, "capture") {
  begin();
  broken(cudaStreamSynchronize(stream));
}

MISTAKE(query_in_capture, "capture") {
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaEventRecord(event, stream);
  begin();
  broken(cudaEventQuery(event));
  cudaEventDestroy(event);
}

MISTAKE(pageable_in_capture, "capture") {
  float h[10], *x = floats(10);
  begin();
  broken(cudaMemcpyAsync(h, x, 40, cudaMemcpyDeviceToHost, stream));
}

MISTAKE(capture_never_ended, "capture,leak,unfinished") {
  begin();
  no_clean_up = 1;
}

MISTAKE(graph_leaked, "leak") {
  begin();
  end();
}

SILENT_IN(capture_that_fails, "SIM_CAPTURE_FAILS=1") {
  float *device = floats(10), *x = floats(10);
  begin();
  add<<<1, 32, 0, stream>>>(device, x, 10);
  broken(cudaErrorUnknown);
}

/* A kernel mistake is found in replays too. */
KERNEL scale (float *y, const int *n) {
  if ((int) threadIdx.x < *n)
    y[threadIdx.x] *= 2;  // replay_out_of_bounds
}

MISTAKE(replay_out_of_bounds, "out-of-bounds") {
  float *y = floats(10);
  int *n = ints(1);
  begin();
  scale<<<1, 32, 0, stream>>>(y, n);
  end();
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  cudaMemsetAsync(n, 11, 1, stream);
  CHECK(cudaGraphLaunch(exec, stream) == cudaSuccess);
  drop();
}
