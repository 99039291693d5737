/*
 * repl.h - the prompt, and what main.c and it share: running a function, with
 * or without the program's error report.
 */
#ifndef repl_h
#define repl_h

#include <lua.h>

void repl_run (lua_State *L);

/* main.c: calls the function below count arguments.  An error is reported on
 * stderr and its exit status returned; 0 if there was none. */
int program_call (lua_State *L, int count, int results);

/* main.c: the same, but an error's message is left on the stack.  LUA_OK or
 * not. */
int program_try (lua_State *L, int count, int results);

/* main.c: pushes the calls that led to the last error, or nil. */
void program_push_traceback (lua_State *L);

#endif
