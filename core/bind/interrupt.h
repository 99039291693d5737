/*
 * interrupt.h - Ctrl-C and SIGTERM.
 *
 * Inside a loop that asks interrupt_count() at every turn (training loops do)
 * the first press only counts: the loop ends its step, saves and stops.
 * Anywhere else, and at the second press, a Lua error of the kind "interrupt"
 * is raised at once, in whatever coroutine is running.
 */
#ifndef interrupt_h
#define interrupt_h

#include <lua.h>
#include <stdbool.h>

/* Installs the handlers and follows coroutines from now on.  Only the program
 * does so; in a stock interpreter nothing is ever counted. */
void interrupt_open (lua_State *L);

int interrupt_count (void);        /* presses so far; the caller is a poller */
bool interrupt_pressed (void);     /* the same without becoming one */
bool interrupt_term (void);        /* the last signal was SIGTERM */
void interrupt_clear (void);       /* the prompt forgets them */

/* While true, a signal only counts (the prompt reads it itself). */
void interrupt_hold (bool held);

/* Fields of the registry: the message of the last coroutine that failed, and
 * its calls. */
#define COROUTINE_MESSAGE "vaelua.coroutine.message"
#define COROUTINE_CALLS "vaelua.coroutine.calls"

#endif
