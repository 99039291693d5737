/*
 * registry.c - every Op record as a Lua function: core.ops, and as a table
 * that help, completion and the tests read: core.records.
 */
#include "bind/bind.h"

#include <string.h>

typedef struct OpRun {
  const Op *op;
  BoundCall b;
  Tensor **box;
} OpRun;

static void work (void *state) {
  OpRun *r = state;
  bind_values(&r->b);
  *r->box = tensor_keep(op_call(r->op, &r->b.call));
}

/* core.watch(f or nil): f(name of the op, y, "FILE:LINE: ", list of arguments)
 * sees what every op that Lua calls makes, but for those that f calls. */
static const char watch_key;
static bool watching;

static int watch (lua_State *L) {
  lua_settop(L, 1);
  watching = !lua_isnil(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &watch_key);
  return 0;
}

static void tell_watch (lua_State *L, const Op *op, int count) {
  int result = lua_gettop(L);
  luaL_checkstack(L, 8, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &watch_key);
  lua_pushstring(L, op->name);
  lua_pushvalue(L, result);
  bind_where(L);
  lua_createtable(L, count, 0);
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(L, i);
    lua_rawseti(L, -2, i);
  }
  watching = false;
  lua_call(L, 4, 0);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &watch_key);
  watching = !lua_isnil(L, -1);
  lua_settop(L, result);
}

static int call_op (lua_State *L) {
  int count = lua_gettop(L);
  OpRun r = { .op = lua_touserdata(L, lua_upvalueindex(1)) };
  const Spec *spec = lua_touserdata(L, lua_upvalueindex(2));
  if (spec == NULL) {                        /* first call: parse the line */
    spec = spec_of(r.op->name, r.op->args);
    lua_pushlightuserdata(L, (void *) spec);
    lua_replace(L, lua_upvalueindex(2));
  }
  args_read(L, 1, spec, &r.b);
  bind_collect(L);
  r.box = tensor_box(L);
  bind_run(L, work, &r);
  if (watching)
    tell_watch(L, r.op, count);
  return 1;
}

static void set_text (lua_State *L, const char *name, const char *text) {
  if (text == NULL)
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

static void push_record (lua_State *L, const Op *o) {
  lua_newtable(L);
  set_text(L, "name", o->name);
  set_text(L, "args", o->args);
  set_text(L, "doc", o->doc);
  set_text(L, "example", o->example);
  set_text(L, "bench", o->bench);
  set_text(L, "no_gradient", o->no_gradient);
  lua_pushboolean(L, o->constant);
  lua_setfield(L, -2, "constant");
  lua_pushboolean(L, o->linear);
  lua_setfield(L, -2, "linear");
  lua_pushboolean(L, !o->constant && (o->backward || o->composes));
  lua_setfield(L, -2, "gradient");
  lua_newtable(L);
  for (int i = 0; i < MAX_CASES && o->cases[i] != NULL; i++) {
    lua_pushstring(L, o->cases[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "cases");
}

/* core.records(): a fresh list, in the order of the files. */
static int records (lua_State *L) {
  int n = 0;
  lua_newtable(L);
  for (const Op *const *family = op_families; *family != NULL; family++)
    for (const Op *o = *family; o->name != NULL; o++) {
      push_record(L, o);
      lua_rawseti(L, -2, ++n);
    }
  return 1;
}

void bind_ops (lua_State *L) {
  lua_newtable(L);
  for (const Op *const *family = op_families; *family != NULL; family++)
    for (const Op *o = *family; o->name != NULL; o++) {
      lua_pushlightuserdata(L, (void *) o);
      lua_pushlightuserdata(L, NULL);
      lua_pushcclosure(L, call_op, 2);
      lua_setfield(L, -2, o->name);
    }
  lua_setfield(L, -2, "ops");
  lua_pushcfunction(L, records);
  lua_setfield(L, -2, "records");
  lua_pushcfunction(L, watch);
  lua_setfield(L, -2, "watch");
}
