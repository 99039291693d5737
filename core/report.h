/*
 * report.h - calls of Lua by the program, and its report of their errors:
 * message, line of the user, hint, traceback, exit status.
 */
#ifndef report_h
#define report_h

#include "base/error.h"

#include <lua.h>

/* Calls the function below count arguments.  An error is reported on stderr
 * and its exit status returned; 0 if there was none. */
int program_call (lua_State *L, int count, int results);

/* The same, but an error's message is left on the stack.  LUA_OK or not. */
int program_try (lua_State *L, int count, int results);

/* Reports the error on top of the stack and pops it; its exit status. */
int program_report (lua_State *L);

/* The exit status of a kind of failure. */
int program_status (Fail fail);

/* Pushes the calls that led to the last error, or nil. */
void program_push_traceback (lua_State *L);

/* Pushes the message that was reported last, or nil. */
void program_push_reason (lua_State *L);

#endif
