/*
 * grad.h - gradients of one number with respect to any tracked tensors.
 *
 * A walk visits the nodes between the loss and the wanted tensors, newest
 * first, and lets each go when it has been passed (unless keep).  It stops at
 * nodes of custom ops, whose backward is a Lua function that must not run
 * inside a frame: the binding calls it, gives what it returns and goes on.
 * So a walk outlives frames: it is made empty, anchored by its owner, begun,
 * and freed by its owner, whatever happened in between.
 */
#ifndef grad_h
#define grad_h

#include "autograd/op.h"

typedef struct Walk Walk;

Walk *walk_new (void);
void walk_free (Walk *w);

/* Checks everything and orders the nodes.  loss: one number, tracked.  Raises
 * if it reaches none of the wanted tensors, or if its history is gone. */
void walk_begin (Walk *w, Tensor *loss, Tensor *const *wanted, int count,
                 bool keep);

/* Runs to the end (NULL) or to a custom op, whose node is returned. */
Node *walk_run (Walk *w);
Tensor *walk_result (Walk *w);                /* y of the custom op */
Tensor *walk_gradient (Walk *w);              /* dy of it */
void walk_give (Walk *w, int argument, Tensor *dx);

/* Gradient of wanted[i], or NULL if the loss does not reach it. */
Tensor *walk_take (Walk *w, int i);

#endif
