/* report.c - see report.h. */
#include "report.h"

#include "bind/bind.h"
#include "bind/embed.h"
#include "bind/interrupt.h"
#include "bind/program.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static const char traceback_key, reason_key;     /* keys of the registry */

/* Behind "FILE:LINE: ". */
static const char *without_line (const char *message) {
  const char *p = message;
  while ((p = strchr(p, ':')) != NULL) {
    size_t digits = strspn(++p, "0123456789");
    if (digits > 0 && strncmp(p + digits, ": ", 2) == 0)
      return p + digits + 2;
  }
  return message;
}

/* A line of our own Lua files gives way to the user's: that of the innermost
 * function that is not ours.  The traceback has both. */
static void take_user_line (lua_State *L) {
  const char *message = lua_tostring(L, -1);
  const char *name = lua_pushfstring(L, "@%s", message);
  lua_Debug d;
  if (source_is_ours(name))
    for (int i = 1; lua_getstack(L, i, &d); i++) {
      lua_getinfo(L, "Sl", &d);
      if (d.currentline <= 0 || source_is_ours(d.source))
        continue;
      lua_pop(L, 1);
      lua_pushfstring(L, "%s:%d: %s", d.short_src, d.currentline,
                      without_line(message));
      return;
    }
  lua_pop(L, 1);
}

/* What an error of Lua itself most often comes from. */
static void add_hint (lua_State *L) {
  static const char *const hints[][2] = {
    { "(local 'self')", "was it called with '.' in place of ':'?" },
    { "index a number value (local 'x')", "set:epochs gives t, x, y: the "
      "time comes first" },
    { "concatenate a vaelua.tensor", "tostring(x), or x:item() of one number" },
    { "nil value (method 'posterior')", "the model needs a function "
      "model:posterior(x, y)" },
    { "nil value (method 'likelihood')", "the model needs a function "
      "model:likelihood(z, y)" },
    { "nil value (method 'loss')", "the model needs a function "
      "model:loss(x, beta, y)" },
  };
  const char *message = lua_tostring(L, -1);
  for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++)
    if (strstr(message, hints[i][0]) != NULL) {
      lua_pushfstring(L, "%s (%s)", message, hints[i][1]);
      return;
    }
}

/* Puts the calls of the coroutine that the message comes from before the
 * traceback on top of the stack. */
static void add_coroutine (lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, COROUTINE_MESSAGE);
  if (lua_rawequal(L, -1, 1)) {
    lua_getfield(L, LUA_REGISTRYINDEX, COROUTINE_CALLS);
    lua_pushfstring(L, "in a coroutine: %s\nthat was resumed in: %s",
                    lua_tostring(L, -1), lua_tostring(L, -3));
    lua_replace(L, -4);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* The message handler: keeps the traceback for --traceback. */
static int handler (lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING) {
    if (!luaL_callmeta(L, 1, "__tostring") || lua_type(L, -1) != LUA_TSTRING)
      lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
    lua_replace(L, 1);
  }
  lua_settop(L, 1);
  luaL_traceback(L, L, NULL, 1);
  add_coroutine(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &traceback_key);
  take_user_line(L);
  add_hint(L);
  if (lua_gettop(L) > 1)
    lua_replace(L, 1);
  lua_settop(L, 1);
  return 1;
}

int program_status (Fail fail) {
  switch (fail) {
    case FAIL_NONE: return 0;
    case FAIL_USER: case FAIL_MEMORY: return 1;
    case FAIL_USAGE: return 2;
    case FAIL_DATA: return 3;
    case FAIL_DEVICE: case FAIL_DEVICE_MEMORY: return 4;
    case FAIL_DIVERGED: return 5;
    case FAIL_INTERRUPT: return interrupt_term() ? 143 : 130;
  }
  return 1;
}

/* A wrong setting is no mistake of a line. */
int program_report (lua_State *L) {
  const char *message = lua_tostring(L, -1);
  if (message == NULL)
    message = "(no message)";
  Fail fail = bind_last_fail(L, message);
  fflush(stdout);
  if (fail == FAIL_INTERRUPT)
    fprintf(stderr, "%s\n", message);
  else
    fprintf(stderr, "error: %s\n",
            fail == FAIL_USAGE ? without_line(message) : message);
  if (program_flag(L, "traceback")) {
    program_push_traceback(L);
    if (lua_isstring(L, -1))
      fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, &reason_key);
  return program_status(fail);
}

int program_try (lua_State *L, int count, int results) {
  int base = lua_gettop(L) - count;
  lua_pushcfunction(L, handler);
  lua_insert(L, base);
  int status = lua_pcall(L, count, results, base);
  lua_remove(L, base);
  return status;
}

int program_call (lua_State *L, int count, int results) {
  return program_try(L, count, results) == LUA_OK ? 0 : program_report(L);
}

void program_push_traceback (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &traceback_key);
}

void program_push_reason (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &reason_key);
}
