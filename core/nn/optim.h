/*
 * optim.h - optimisers: Adam, AdamW and SGD over groups of parameters.
 *
 * A step is two kernels: grad_check adds up the squares of all gradients and
 * looks at the loss; adam or sgd updates all parameters of a group at once.
 * With a loss or gradient that is not finite they leave weights, moments and
 * counters alone and raise a flag that stays up; nothing waits for the host.
 * Groups share the check and the clipping; each has its own numbers.
 *
 * Memory is acquired before anything is written, so that a step can be tried
 * again after a collection.
 */
#ifndef optim_h
#define optim_h

#include "tensor/tensor.h"

/* A record: the options with their defaults, "name=number" in order. */
typedef struct OptimKind {
  const char *name, *options, *doc, *example;
  bool moments;               /* has second moments */
  bool decoupled;             /* decay works on the weights alone */
} OptimKind;

extern const OptimKind optim_kinds[];        /* ends without a name */
const OptimKind *optim_find (const char *name);

typedef struct OptimGroup {
  int first, count;           /* of the optimiser's parameters */
  double lr, decay, beta1, beta2, eps, momentum;
  Tensor *state;              /* float64 [4]: steps, beta1^t, beta2^t, flag */
} OptimGroup;

typedef struct Optim {
  const OptimKind *kind;
  int count, groups;
  Tensor **p, **m, **v;       /* kept; v all NULL for sgd */
  Tensor **g;                 /* gradients that wait, NULL where none came */
  Tensor *loss;               /* their loss, or NULL */
  OptimGroup *group;
  double clip;                /* largest norm of the gradient; 0: none */
} Optim;

/* Made empty, so that its owner has it before it holds anything; then given
 * room for parameters and groups; then, when p and the groups' numbers are
 * filled in, its moments.  Drops all that it holds when freed. */
Optim *optim_new (void);
void optim_room (Optim *o, const OptimKind *kind, int count, int groups);
void optim_begin (Optim *o);
void optim_free (Optim *o);

/* Adds gradients (NULL: none) to those that wait. */
void optim_add (Optim *o, Tensor *const *g, Tensor *loss);
/* Updates the parameters that have gradients; then none wait.  False if none
 * did. */
bool optim_apply (Optim *o);
/* Steps done, and whether the flag is up: waits for the device. */
double optim_steps (const Optim *o, bool *flag);

#endif
