/*
 * strict.h - names that were never given a value, in scripts.
 *
 * Reading one is an error with the nearest name that exists there.  Only code
 * of the script, of the modules in its folder, of -e and of the standard input
 * is held to it: libraries ask for optional globals by right.
 */
#ifndef strict_h
#define strict_h

#include <lua.h>

/* script: its path as given, or NULL. */
void strict_open (lua_State *L, const char *script);
void strict_close (lua_State *L);        /* the prompt is not strict */

#endif
