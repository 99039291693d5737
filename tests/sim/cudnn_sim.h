/*
 * cudnn_sim.h - what the files of the stand-in for libcudnn.so.9 share.
 *
 *   cudnn.c        the functions of cuDNN's graph API that it exports
 *   cudnn_real.c   the real cuDNN, or rules of our own where there is none
 *   cudnn_graph.c  reads a declared graph and checks it
 *   cudnn_run.c    checks a variant pack and computes the graph
 *   cudnn_gpus.c   GPUs that are only described
 *
 * Every descriptor is a pair: what the caller declared, kept here, and the
 * real library's descriptor, which gets the same attributes.  So the real
 * heuristics choose the engine and its workspace for the GPU that SIM_DEVICE
 * names, and only the arithmetic is ours.
 */
#ifndef cudnn_sim_h
#define cudnn_sim_h

#include "cudnn_gpus.h"
#include "sim.h"

#include <stdbool.h>
#include <cudnn_graph.h>

/* ---- the declared graph ---- */

typedef struct Tensor {
  int64_t uid, alignment;
  int64_t size[4], stride[4];   /* n, c, h, w */
  cudnnDataType_t type;
  bool inner;                   /* virtual: has no memory */
} Tensor;

typedef enum Kind { CONV, BACK_X, BACK_W, ADD, RELU } Kind;

/* x, w and y are places among the graph's tensors: of a convolution, whichever
 * way it goes, or y = x + w, or y = relu(x). */
typedef struct Oper {
  Kind kind;
  int x, w, y;
  int64_t stride[2], before[2], after[2];
  bool nan;                     /* a ReLU that was asked to keep NaN */
} Oper;

enum { TENSORS = 16, OPERS = 8 };

typedef struct Graph {
  int users;
  int tensors, opers;
  Tensor tensor[TENSORS];
  Oper oper[OPERS];
  int output;                   /* the tensor that is written */
} Graph;

/* The tensor that an operation makes. */
int written (const Oper *o);

Graph *graph_keep (Graph *g);
void graph_drop (Graph *g);

/* ---- descriptors ---- */

typedef struct Attr {
  int name, type;
  int64_t count;
  void *data;                   /* descriptors: Desc pointers */
  struct Attr *next;
} Attr;

typedef struct Desc {
  int magic;
  cudnnBackendDescriptorType_t type;
  bool finalized;
  void *real;                   /* NULL where there is no real library */
  Attr *attrs;
  Graph *graph;                 /* of a graph, its heuristics, configurations,
                                 * engines and plans */
  int engine;                   /* among the engines of our own rules */
  int64_t workspace;            /* of a plan */
  bool tensor_cores, keeps_nan; /* of a plan's engine */
} Desc;

/* NULL if it was not set. */
const Attr *attr_of (const Desc *d, int name);
int64_t attr_int (const Desc *d, int name, int64_t otherwise);
Desc *attr_desc (const Desc *d, int name);

/* Reads the graph of an operation-graph descriptor; NULL after a report. */
Graph *graph_read (const Desc *d);

/* ---- the real library ---- */

/* Loads it at the first call; false, said once, if there is none. */
bool real_here (void);
const Gpu *real_gpu (void);     /* that SIM_DEVICE names */

size_t real_version (void);
const char *real_error (cudnnStatus_t status);
void real_last_error (char *to, size_t n);
cudnnStatus_t real_create (Desc *d);
void real_destroy (Desc *d);
cudnnStatus_t real_set (Desc *d, const Attr *a);
cudnnStatus_t real_finalize (Desc *d);
/* Descriptors in at are ours. */
cudnnStatus_t real_get (Desc *d, int name, int type, int64_t asked,
                        int64_t *count, void *at);
/* Workspace, tensor_cores and keeps_nan of a finalized plan. */
void real_plan (Desc *plan, Desc *config);

/* ---- running ---- */

typedef struct cudnnContext {
  int magic;
  cudaStream_t stream;
} Context;

cudnnStatus_t run_plan (const Context *h, const Desc *plan, const Desc *pack);

/* Bytes of one number. */
int64_t type_size (cudnnDataType_t type);

#endif
