/*
 * graph.c - the work of a whole training step as one CUDA graph.
 *
 * The step's list of kernels has run eagerly before, so plans, scratch and
 * tensors exist; capture runs it again while the stream only notes.  A graph
 * holds addresses and arguments as they were, hence everything that changes
 * between steps lies in the value block.
 */
#include "backend/cuda/host.h"
#include "backend/cuda/small.h"

#include <stdio.h>

static bool capturing;
static char spoilt[500];           /* why this capture cannot succeed */

bool cuda_capturing (void) {
  return capturing;
}

void cuda_spoil (const char *text) {
  if (spoilt[0] == 0)
    snprintf(spoilt, sizeof spoilt, "%s", text);
}

/* The graph, or NULL with the first reason in spoilt. */
static cudaGraph_t end (void) {
  cudaGraph_t graph = NULL;
  cudaError_t e = cudaStreamEndCapture(cuda_stream, &graph);
  capturing = false;
  if (e != cudaSuccess) {
    cuda_spoil(cuda_text(e));
    (void) cudaGetLastError();
  }
  if (spoilt[0] != 0 && graph != NULL) {
    cuda_ignore(cudaGraphDestroy(graph));
    graph = NULL;
  }
  return graph;
}

void cuda_capture_abandon (void) {
  if (!capturing)
    return;
  cuda_spoil("given up");
  (void) end();
}

void *cuda_capture (void (*run) (void *state), void *state, char *why,
                    size_t n) {
  cudaGraphExec_t exec = NULL;
  cuda_alive();
  if (cuda_waits()) {
    snprintf(why, n, "VAELUA_CUDA_SYNC waits for each kernel");
    return NULL;
  }
  cuda_flush();
  cuda_check(cudaStreamBeginCapture(cuda_stream,
                                    cudaStreamCaptureModeThreadLocal),
             "capture");
  spoilt[0] = 0;
  small_forget();
  capturing = true;
  run(state);
  cuda_launched(small_flush());
  cudaGraph_t graph = end();
  if (graph != NULL) {
    cudaError_t e = cudaGraphInstantiate(&exec, graph, 0);
    cuda_ignore(cudaGraphDestroy(graph));
    if (e != cudaSuccess) {
      exec = NULL;
      cuda_spoil(cuda_text(e));
      (void) cudaGetLastError();
    }
  }
  if (exec == NULL)
    snprintf(why, n, "%s", spoilt);
  return exec;
}

void cuda_launch (void *graph) {
  cuda_alive();
  cuda_note("graph of a step");
  cuda_flush();
  cuda_launched(cudaGraphLaunch(graph, cuda_stream));
}

/* It may still run. */
void cuda_release (void *graph) {
  if (graph == NULL || cuda_lost())
    return;
  cuda_ignore(cudaStreamSynchronize(cuda_stream));
  cuda_ignore(cudaGraphExecDestroy(graph));
}
