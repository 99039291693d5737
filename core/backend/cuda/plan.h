/*
 * plan.h - cuDNN execution plans of convolutions: which graph is asked for,
 * and which of the engines that cuDNN offers for it are allowed.
 *
 * A plan depends on a description of the GPU alone, so that the same code
 * plans for the GPU at hand (plan_device) and, in the tests, for a GPU that
 * is only described.  Nothing here runs on a device or knows a stream.
 *
 * Not here: the cache of plans, workspaces, conversions to bf16, and what is
 * done where no plan exists (conv.c).
 */
#ifndef plan_h
#define plan_h

#include "backend/kernels.h"
#include "tensor/device.h"

#include <stdbool.h>
#include <cudnn_graph.h>

#if CUDNN_VERSION < 90800
#error "cuDNN 9.8 or later is needed"
#endif

typedef enum PlanKind {
  PLAN_CONV,                    /* x, w (and bias) -> y */
  PLAN_BACK_X,                  /* y, w -> x: data gradient, or deconv */
  PLAN_BACK_W,                  /* x, y -> w: weight gradient */
  PLAN_KINDS
} PlanKind;

/* The unique ids of the tensors of every graph.  x [N,H,W,C],
 * w [K,KH,KW,C/groups], y [N,OH,OW,K], bias [K], whichever way the work
 * goes. */
enum PlanUid { PLAN_X = 1, PLAN_W, PLAN_Y, PLAN_BIAS };

/* All tensors begin at such an address. */
enum { PLAN_ALIGNMENT = 256 };

/* What is planned.  bias and act are for PLAN_CONV alone: one graph of
 * convolution, bias, and a ReLU that keeps NaN.  Most GPUs have a fast fused
 * engine for a bias in float32 and TF32, and none for the ReLU.  Two equal
 * questions have equal bytes if the struct was zeroed first. */
typedef struct PlanKey {
  PlanKind kind;
  Activation act;
  int32_t bias;                 /* 0 or 1 */
  Precision precision;
  ConvShape s;
} PlanKey;

/* input and output: CUDNN_DATA_FLOAT or CUDNN_DATA_BFLOAT16; the type of all
 * tensors that the graph reads (bias excepted, which is float32) and of the
 * one that it writes.  The caller converts where it is not float32; a weight
 * gradient always is.  part has room for more than the 17 that a plan has. */
typedef struct Plan {
  cudnnBackendDescriptor_t plan;          /* a finalized execution plan */
  cudnnBackendDescriptor_t part[24];      /* what it is made of, itself too */
  int parts;
  size_t workspace;                       /* bytes */
  int64_t engine;                         /* cuDNN's number, for reports */
  cudnnDataType_t input, output;
} Plan;

/* A description of the CUDA device with that number; NULL with the reason in
 * why (n bytes).  cudnnBackendDestroyDescriptor ends it.  cuDNN remembers the
 * first one of a process: plans for another model of GPU would be worse. */
cudnnBackendDescriptor_t plan_device (int32_t index, char *why, size_t n);

/* The first allowed plan in the order of cuDNN's heuristics whose workspace
 * is at most cap bytes.  False, with the reason in why (n bytes), if there is
 * none: the caller then does without cuDNN (or, where the key has bias or
 * act, asks for the convolution alone).  An empty tensor has no plan. */
bool plan_make (Plan *p, const PlanKey *key, cudnnBackendDescriptor_t device,
                size_t cap, char *why, size_t n);

void plan_drop (Plan *p);

/* Puts the work on the stream of the handle.  All addresses are of the device;
 * bias is NULL without one; workspace: p->workspace bytes, may be NULL for
 * none. */
cudnnStatus_t plan_run (const Plan *p, cudnnHandle_t handle, void *x, void *w,
                        void *y, void *bias, void *workspace);

#endif
