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

static int call_op (lua_State *L) {
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
}
