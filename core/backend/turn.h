/*
 * turn.h - record, match, replay: the turns of a loop as programs of the
 * device.
 *
 * The first turn of a loop runs as it comes and is noted: its kernel calls,
 * and the memory that its tensors took.  In later turns the script and the
 * ops run as ever, but a kernel call is only compared with the noted one, and
 * a new tensor is given its place in the loop's memory; when the turn ends
 * and all was as noted, the work is launched at once (as a graph, where the
 * device has graphs).  A call that differs lets the work so far run, and the
 * rest of the turn is noted as another plan of the loop; a value that is read
 * lets it run too.  So control flow is never frozen, and results are those of
 * running call by call.
 *
 * Loops without this (evaluation, loops inside a noted turn) run as they
 * come.  A tensor that outlives its turn moves out of the loop's memory when
 * it is next used, or before its bytes are needed.
 */
#ifndef turn_h
#define turn_h

#include "tensor/tensor.h"

/* What is kept of a loop: its plans and their memory. */
typedef struct Loop Loop;

Loop *loop_new (void);
/* What still lies in its memory moves out; may raise FAIL_MEMORY. */
void loop_close (Loop *l);
void loop_free (Loop *l);            /* closed or not; never raises */

/* False if another turn is open: then it goes on. */
bool turn_begin (Loop *l);
/* Launches what was noted, if the turn is one of this loop.  failed: the body
 * raised an error; what was asked for so far is done, as without all this.
 * Returns a line for the user, once a loop, or NULL.  May raise; then it can
 * be called again. */
const char *turn_end (const Loop *l, bool failed);
/* Ends it whatever is undone; never raises. */
void turn_drop (const Loop *l);
bool turn_open (const Loop *l);         /* one of this loop */
/* Lets the work so far run; the rest of the turn runs as it comes. */
void turn_flush (void);

/* The rest of the turn runs as it comes and is not compared again: for those
 * who write to the memory of tensors themselves. */
void turn_leave (void);

/* What was noted holds no longer: the device computes in another way now. */
void turn_forget (void);

/* What is made in between belongs to no turn: true, then false. */
void turn_aside (bool on);

/* Whether turns are noted at all; returns what was. */
bool turn_enable (bool on);

typedef struct TurnCount {
  uint64_t turns, noted, launched, partly;    /* partly: left or read */
  uint64_t moved;                             /* tensors that moved out */
} TurnCount;
TurnCount turn_count (void);
/* Call i (from 0) of the work that was launched last and is still kept; NULL
 * behind the last one. */
struct Note;
const struct Note *turn_call (int i);

#endif
