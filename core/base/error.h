/*
 * error.h - raising failures, frames that catch them, and the list of owned
 * things that a frame drops.
 *
 * A failure is raised with raise_user (the user's mistake) or raise_as (any
 * other kind) and lands in the innermost open Frame.  Everything that was
 * owned since the frame was opened is dropped when the frame is closed, on
 * success and on failure alike, so code between the two frees nothing.
 * Our own mistakes are assert.  Not for worker threads: frames and the list
 * belong to the main thread.
 */
#ifndef error_h
#define error_h

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

/* The kind of a failure decides the exit status of the program. */
typedef enum Fail {
  FAIL_NONE = 0,
  FAIL_USER,      /* a mistake in the script: exit status 1 */
  FAIL_USAGE,     /* unknown option or setting: 2 */
  FAIL_DATA,      /* data missing or corrupt: 3 */
  FAIL_DEVICE,    /* device not available: 4 */
  FAIL_DIVERGED,  /* non-finite loss: 5 */
  FAIL_MEMORY,    /* no memory left: 1, after one retry */
  FAIL_INTERRUPT, /* Ctrl-C: 130 */
  FAIL_DEVICE_MEMORY    /* none left on a device: 4, after one retry */
} Fail;

typedef struct Frame {
  jmp_buf jump;
  struct Frame *below;
  size_t mark;      /* the owned things above it belong to this frame */
  Fail fail;        /* FAIL_NONE until something was raised */
} Frame;

/* Runs the statement or block that follows if nothing was raised in it so
 * far; a raise jumps behind it.
 *   Frame f;
 *   FRAME (&f) { work(); }
 *   frame_close(&f);                  drops what the frame owns
 *   if (f.fail) ... failure_text() ...
 * Locals that are set in the block and read behind it must be volatile. */
#define FRAME(f) frame_open(f); if (setjmp((f)->jump) == 0)

void frame_open (Frame *f);
void frame_close (Frame *f);
size_t frame_depth (void);             /* open frames (for tests) */

/* Formats are those of printf; a message has at most 2,000 characters. */
_Noreturn void raise_user (const char *format, ...)
  __attribute__((format(printf, 1, 2)));
_Noreturn void raise_as (Fail kind, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

const char *failure_text (void);       /* message of the last failure */

/* The list of owned things.  own() never fails after own_reserve(). */
void own_reserve (void);               /* may raise: call before acquiring */
void own (void *thing, void (*drop) (void *thing));

/* A scope inside a frame: what was owned since scope_open is dropped. */
size_t scope_open (void);
void scope_close (size_t mark);
/* Closes the scope but passes ownership of kept to the scope around it. */
void *scope_return (size_t mark, void *kept);

#endif
