/*
 * repl.c - the prompt: reads statements (line.c), runs them and has what they
 * gave or how they failed printed.
 *
 * What a text means, what is printed and what completes is decided in Lua
 * (prompt.lua); here the user's code is called, so that no function of ours
 * stands between it and the report of its errors.  Ctrl-C clears the line, or
 * stops what is running; Ctrl-D leaves.
 */
#include "repl.h"

#include "bind/bind.h"
#include "bind/embed.h"
#include "bind/interrupt.h"
#include "line.h"
#include "report.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static lua_State *state;             /* for completion, which is called back */

static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* ---- prompt.lua ------------------------------------------------------------------ */

/* prompt.NAME(values from base + 1 on) -> results (LUA_MULTRET: all); they lie
 * from base + 1 on.  False if it raised, which has been told then. */
static bool ask (lua_State *L, const char *name, int base, int results) {
  int count = lua_gettop(L) - base;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &state) != LUA_TTABLE) {
    lua_pop(L, 1);
    embed_require(L);
    lua_pushliteral(L, "vaelua.prompt");
    if (program_call(L, 1, 1) != 0)
      return false;
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state);
  }
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_insert(L, base + 1);
  return program_call(L, count, results) == 0;
}

/* Tells Lua how large the screen is: 0, 0 without a terminal. */
static void tell_size (lua_State *L) {
  int rows, columns, base = lua_gettop(L);
  line_size(&rows, &columns);
  lua_pushinteger(L, rows);
  lua_pushinteger(L, columns);
  ask(L, "screen", base, 0);
  lua_settop(L, base);
}

/* ---- completion ------------------------------------------------------------------ */

static void add_match (Matches *to, const char *name) {
  size_t bytes = sizeof *to->name * (to->count + 1);
  char **list = realloc(to->name, bytes), *copy = strdup(name);
  if (list != NULL)
    to->name = list;
  if (list != NULL && copy != NULL)
    to->name[to->count++] = copy;
  else
    free(copy);
}

/* prompt.complete(before) -> list of names, what stands behind a single one,
 * what words end at.  The collector stands still, so that no
 * __gc of the user's runs; a failure is no match. */
static void complete (const char *before, Matches *into) {
  lua_State *L = state;
  int base = lua_gettop(L);
  bool running = lua_gc(L, LUA_GCISRUNNING);
  if (!lua_checkstack(L, 16))
    return;
  lua_gc(L, LUA_GCSTOP);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &state);
  lua_getfield(L, -1, "complete");
  lua_pushstring(L, before);
  if (lua_pcall(L, 1, 3, 0) == LUA_OK && lua_type(L, -3) == LUA_TTABLE) {
    const char *behind = lua_tostring(L, -2);
    into->behind = behind != NULL ? behind[0] : 0;
    snprintf(into->breaks, sizeof into->breaks, "%s",
             lua_isstring(L, -1) ? lua_tostring(L, -1) : "");
    lua_Integer n = (lua_Integer) lua_rawlen(L, -3);
    for (lua_Integer i = 1; i <= n; i++) {
      if (lua_rawgeti(L, -3, i) == LUA_TSTRING)
        add_match(into, lua_tostring(L, -1));
      lua_pop(L, 1);
    }
  }
  lua_settop(L, base);
  if (running)
    lua_gc(L, LUA_GCRESTART);
}

/* ---- statements ------------------------------------------------------------------ */

/* prompt.failed(message, traceback, interrupted) for the message on top. */
static void tell_failure (lua_State *L, int base, double took) {
  const char *message = lua_tostring(L, -1);
  Fail fail = bind_last_fail(L, message != NULL ? message : "");
  fflush(stdout);
  program_push_traceback(L);
  lua_pushboolean(L, fail == FAIL_INTERRUPT);
  lua_pushnumber(L, took);
  ask(L, "failed", base, 0);
}

/* Runs the function at a slot, with prompt.keep, which makes the locals of the
 * text global.  False if it failed. */
static bool run (lua_State *L, int slot, int keep) {
  int base = lua_gettop(L);
  lua_pushvalue(L, slot);
  lua_pushvalue(L, keep);
  double start = seconds();
  bool good = program_try(L, 1, LUA_MULTRET) == LUA_OK;
  double took = seconds() - start;
  if (good) {
    lua_pushnumber(L, took);
    lua_insert(L, base + 1);
    ask(L, "results", base, 0);
  } else
    tell_failure(L, base, took);
  lua_settop(L, base);
  return good;
}

typedef enum Taken { DONE, MORE, LEAVE } Taken;

/* prompt.take(text, last) -> "done", "more", "leave", or "run", keep and
 * functions. */
static Taken take (lua_State *L, const char *text, bool last) {
  int base = lua_gettop(L);
  Taken taken = DONE;
  lua_pushstring(L, text);
  lua_pushboolean(L, last);
  if (ask(L, "take", base, LUA_MULTRET)) {
    const char *what = lua_tostring(L, base + 1);
    if (strcmp(what, "more") == 0)
      taken = MORE;
    else if (strcmp(what, "leave") == 0)
      taken = LEAVE;
    int end = lua_gettop(L);
    if (taken != MORE)
      line_remember(text);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    for (int i = base + 3; i <= end; i++)
      if (!run(L, i, base + 2))
        break;
  }
  lua_settop(L, base);
  return taken;
}

/* a "\n" b, of malloc; a is freed. */
static char *joined (char *a, const char *b) {
  size_t n = strlen(a), m = strlen(b);
  char *both = realloc(a, n + m + 2);
  if (both == NULL)
    return a;
  both[n] = '\n';
  memcpy(both + n + 1, b, m + 1);
  return both;
}

/* Reads lines behind the first one until they make a statement, and runs it.
 * False: the user leaves. */
static bool statement (lua_State *L, char *text) {
  Taken taken;
  while ((taken = take(L, text, false)) == MORE) {
    char *line = line_read("  ..> ", text);
    if (line == NULL)
      taken = take(L, text, true);          /* tells what is missing */
    if (line == NULL || line_cleared()) {
      free(line);
      break;
    }
    text = joined(text, line);
    free(line);
  }
  free(text);
  return taken != LEAVE;
}

/* Ctrl-D leaves at once if nothing would be lost, else the second time. */
static bool may_leave (lua_State *L) {
  int base = lua_gettop(L);
  bool leave = true;
  if (!line_terminal() || interrupt_term())
    return true;
  if (ask(L, "may_leave", base, 1))
    leave = lua_toboolean(L, -1);
  lua_settop(L, base);
  return leave;
}

void repl_run (lua_State *L) {
  state = L;
  line_open(complete);
  tell_size(L);
  if (!ask(L, "open", lua_gettop(L), 0))
    return;
  for (bool asked = false;;) {
    char *line = line_read("vae> ", NULL);
    if (line == NULL && (asked || may_leave(L)))
      break;
    asked = line == NULL;
    if (line == NULL)
      continue;
    tell_size(L);
    if (line_cleared())
      free(line);
    else if (!statement(L, line))
      break;
    fflush(stdout);
  }
  if (line_terminal())
    printf("\n");
  line_close();
}
