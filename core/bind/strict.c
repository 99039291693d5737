/* strict.c - see strict.h. */
#include "bind/strict.h"

#include "base/text.h"
#include "bind/bind.h"

#include <stdbool.h>
#include <string.h>

enum { MOST_NAMES = 512 };

typedef struct Names {
  const char *name[MOST_NAMES];
  size_t count;
} Names;

static void add (Names *n, const char *name) {
  if (name != NULL && name[0] != '(' && n->count < MOST_NAMES)
    n->name[n->count++] = name;
}

/* Local variables and upvalues of the function at a level: a misspelt name is
 * most often meant to be one of these. */
static void add_locals (lua_State *L, lua_Debug *d, Names *n) {
  const char *name;
  for (int i = 1; (name = lua_getlocal(L, d, i)) != NULL; i++) {
    lua_pop(L, 1);
    add(n, name);
  }
  lua_getinfo(L, "f", d);
  for (int i = 1; (name = lua_getupvalue(L, -1, i)) != NULL; i++) {
    lua_pop(L, 1);
    add(n, name);
  }
  lua_pop(L, 1);
}

static void add_globals (lua_State *L, Names *n) {
  lua_pushglobaltable(L);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_type(L, -2) == LUA_TSTRING)
      add(n, lua_tostring(L, -2));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Upvalues: the script's chunk name and the start of those of its modules. */
static bool is_strict (lua_State *L, const char *source) {
  const char *script = lua_tostring(L, lua_upvalueindex(1));
  const char *folder = lua_tostring(L, lua_upvalueindex(2));
  return strcmp(source, "=(command line)") == 0
      || strcmp(source, "=stdin") == 0
      || (script != NULL && strcmp(source, script) == 0)
      || (folder != NULL && strncmp(source, folder, strlen(folder)) == 0);
}

/* __index of _G: level 1 is the function that reads. */
static int missing (lua_State *L) {
  lua_Debug d;
  if (lua_type(L, 2) != LUA_TSTRING || !lua_getstack(L, 1, &d)
      || !lua_getinfo(L, "S", &d) || !is_strict(L, d.source))
    return 0;
  const char *word = lua_tostring(L, 2), *near;
  Names n = { .count = 0 };
  add_locals(L, &d, &n);
  add_globals(L, &n);
  near = text_nearest(word, n.name, n.count);
  if (near != NULL)
    return bind_error(L, FAIL_USER, "undefined name '%s' (did you mean '%s'?)",
                      word, near);
  return bind_error(L, FAIL_USER, "undefined name '%s'", word);
}

void strict_open (lua_State *L, const char *script) {
  lua_pushglobaltable(L);
  if (!lua_getmetatable(L, -1))
    lua_newtable(L);
  if (script != NULL) {
    const char *slash = strrchr(script, '/');
    lua_pushfstring(L, "@%s", script);
    if (slash != NULL) {
      lua_pushliteral(L, "@");
      lua_pushlstring(L, script, (size_t) (slash - script) + 1);
      lua_concat(L, 2);
    } else
      lua_pushliteral(L, "@./");
  } else {
    lua_pushnil(L);
    lua_pushnil(L);
  }
  lua_pushcclosure(L, missing, 2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

void strict_close (lua_State *L) {
  lua_pushglobaltable(L);
  if (lua_getmetatable(L, -1)) {
    lua_pushnil(L);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}
