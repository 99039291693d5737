/*
 * module.c - the C module "vaelua.core", which only our own Lua files use, and
 * the entry of vaelua.so for a stock interpreter.
 */
#include "bind/bind.h"
#include "bind/embed.h"
#include "bind/program.h"

/* inside.c: doors for tests, linked into build/test/vaelua alone. */
void bind_inside (lua_State *L) __attribute__((weak));

static void set (lua_State *L, const char *name, lua_CFunction f) {
  lua_pushcfunction(L, f);
  lua_setfield(L, -2, name);
}

/* core.resource("features/x.safetensors") -> path or nil */
static int resource (lua_State *L) {
  embed_resource(L, luaL_checkstring(L, 1));
  return 1;
}

/* core.modules("protocols") -> sorted names; "" for those of lua/vaelua */
static int modules (lua_State *L) {
  const char *folder = luaL_checkstring(L, 1);
  embed_modules(L, lua_pushfstring(L, folder[0] ? "vaelua/%s" : "vaelua",
                                   folder));
  return 1;
}

/* core.source("protocols/elbo") -> text of lua/vaelua/protocols/elbo.lua */
static int source (lua_State *L) {
  embed_text(L, lua_pushfstring(L, "vaelua/%s.lua", luaL_checkstring(L, 1)));
  return 1;
}

/* core.device_line() -> what computes, and why */
static int device_line (lua_State *L) {
  program_device(L);
  return 1;
}

/* core.ours(source): whether a chunk is one of our Lua files */
static int ours (lua_State *L) {
  lua_pushboolean(L, source_is_ours(luaL_checkstring(L, 1)));
  return 1;
}

int luaopen_vaelua_core (lua_State *L) {
  lua_newtable(L);
  bind_ops(L);
  bind_tensors(L);
  bind_gradients(L);
  bind_loops(L);
  bind_network(L);
  bind_files(L);
  bind_system(L);
  bind_terminal(L);
  if (bind_inside != NULL)
    bind_inside(L);
  set(L, "setup", program_setup);
  set(L, "ours", ours);
  set(L, "resource", resource);
  set(L, "modules", modules);
  set(L, "source", source);
  set(L, "device_line", device_line);
  set(L, "settle", program_settle);      /* waits for the device */
  program_push(L);
  lua_getfield(L, -1, "version");
  lua_setfield(L, -3, "version");
  lua_setfield(L, -2, "program");
  return 1;
}

/* require "vaelua" in a stock interpreter.  The program never calls it. */
__attribute__((visibility("default"))) int luaopen_vaelua (lua_State *L) {
  embed_open(L);
  program_apply(L);
  embed_load(L, "vaelua");
  lua_pushliteral(L, "vaelua");
  lua_call(L, 1, 1);
  return 1;
}
