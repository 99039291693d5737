/*
 * step.h - modes, steps and streams of random numbers.
 *
 * A mode is pushed by each loop (epochs and steps: training; batches:
 * evaluation) and by va.train and va.no_grad.  Each level knows the nodes that
 * were made in it; step_next forgets them.
 */
#ifndef step_h
#define step_h

#include "autograd/op.h"

typedef enum Mode { MODE_OUTSIDE, MODE_TRAIN, MODE_EVAL } Mode;

Mode mode_now (void);
bool recording (void);              /* outside and in training */
bool record_off (void);             /* within a backward; returns what was */
void record_on (bool was);
/* The new depth, from 1.  A level of its own counts its random numbers anew;
 * a function that only changes the mode goes on with those around it. */
int mode_push (Mode m, bool own);
int mode_depth (void);
void mode_pop (int depth);          /* that level and all above it */
void step_next (uint32_t number);   /* the boundary: forget, then go on */

void node_enter (Node *n);          /* into the list of the current level */
void node_leave (Node *n);
void node_forget (Node *n);         /* its tensor becomes a plain value */
void node_release (Node *n);        /* a walk has passed it */

/* Random numbers: (seed, purpose, name) make the key; the step is that of the
 * loop; each stream counts its calls within the step. */
void seed_set (uint64_t seed);
uint64_t seed_now (void);
int stream_push (const char *purpose, const char *name);  /* its depth */
/* A stream that does not depend on the loop: initial weights (step 0), the
 * order of an epoch (its number), a protocol; its calls count from 0 here. */
int stream_pin (const char *purpose, const char *name, uint32_t step);
void stream_cut (int depth);        /* that one and all above it */
const char *stream_purpose (void);  /* of the innermost one */

#endif
