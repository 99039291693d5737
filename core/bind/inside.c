/*
 * inside.c - doors for tests, linked into build/test/vaelua alone:
 * core.inside.fail_at(n) and the like.
 */
#include "autograd/step.h"
#include "backend/cpu/cpu.h"
#include "backend/note.h"
#include "backend/turn.h"
#include "base/mem.h"
#include "bind/bind.h"

/* fail_at(n): the n-th allocation from now fails; 0: none */
static int fail_at (lua_State *L) {
  mem_fail_at((uint64_t) luaL_checkinteger(L, 1));
  return 0;
}

/* frames() -> open frames */
static int frames (lua_State *L) {
  lua_pushinteger(L, (lua_Integer) frame_depth());
  return 1;
}

/* modes() -> open loops */
static int modes (lua_State *L) {
  lua_pushinteger(L, mode_depth());
  return 1;
}

/* memory() -> { allocations =, small =, blocks =, bytes =, idle =, peak = } */
static int memory (lua_State *L) {
  MemCount c = mem_count();
  lua_newtable(L);
  set_count(L, "allocations", c.allocations);
  set_count(L, "small", c.small);
  set_count(L, "blocks", c.blocks);
  set_count(L, "bytes", c.bytes);
  set_count(L, "idle", c.idle);
  set_count(L, "peak", c.peak);
  return 1;
}

/* raise(kind, text): a failure in phase 2 of a bound function */
typedef struct Raise {
  Fail kind;
  const char *text;
} Raise;

static void raise_it (void *state) {
  const Raise *r = state;
  raise_as(r->kind, "%s", r->text);
}

static int raise_kind (lua_State *L) {
  Raise r = { (Fail) luaL_checkinteger(L, 1), luaL_checkstring(L, 2) };
  bind_run(L, raise_it, &r);
  return 0;
}

static void push_bytes (lua_State *L, const View *v) {
  lua_pushinteger(L, v->data ? (lua_Integer) ((size_t) view_count(v)
                                              * dtype_size(v->dtype)) : 0);
  lua_rawseti(L, -2, (lua_Integer) lua_rawlen(L, -2) + 1);
}

/* Of an optimiser's parameter: weight, gradient, moments. */
static void push_part (lua_State *L, const OptimPart *p) {
  push_bytes(L, &p->p);
  push_bytes(L, &p->g);
  push_bytes(L, &p->m);
  push_bytes(L, &p->v);
}

/* plan() -> the calls of the turn that was launched last, in order: each
 * { kernel = name, bytes of its arrays ... } */
static int plan (lua_State *L) {
  lua_newtable(L);
  const Note *n;
  for (int i = 0; (n = turn_call(i)) != NULL; i++) {
    lua_newtable(L);
    lua_pushstring(L, kernel_names[n->kernel]);
    lua_setfield(L, -2, "kernel");
    for (int k = 0; k < n->fields; k++) {
      const Parts *parts = n->field[k].at;
      if (n->field[k].kind == FIELD_VIEW)
        push_bytes(L, n->field[k].at);
      for (int j = 0; n->field[k].kind == FIELD_PARTS && j < parts->count; j++)
        push_part(L, &parts->at[j]);
    }
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* threads(n): for the rest of the process */
static int threads (lua_State *L) {
  cpu_set_threads((int) luaL_checkinteger(L, 1));
  return 0;
}

static const luaL_Reg functions[] = {
  { "fail_at", fail_at }, { "frames", frames }, { "modes", modes },
  { "memory", memory }, { "raise", raise_kind }, { "plan", plan }, { "threads", threads },
  { NULL, NULL }
};

void bind_inside (lua_State *L);

void bind_inside (lua_State *L) {
  luaL_newlib(L, functions);
  lua_setfield(L, -2, "inside");
}
