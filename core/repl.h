/* repl.h - the prompt. */
#ifndef repl_h
#define repl_h

#include <lua.h>

void repl_run (lua_State *L);

#endif
