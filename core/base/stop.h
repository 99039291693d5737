/*
 * stop.h - a long loop in C asks whether Ctrl-C wants it to end.
 *
 * stop_wanted is set when a Lua error is due (bind/interrupt.c): the loop then
 * leaves early, with any result, and the error is raised as soon as Lua goes on,
 * so that nobody sees the result.  Never set in a stock interpreter.
 */
#ifndef stop_h
#define stop_h

#include <signal.h>

extern volatile sig_atomic_t stop_wanted;

#endif
