/*
 * inside.c - doors for tests, linked into build/test/vaelua alone:
 * core.inside.fail_at(n) and the like.
 */
#include "autograd/step.h"
#include "backend/cpu/cpu.h"
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

static void set (lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer) n);
  lua_setfield(L, -2, name);
}

/* memory() -> { allocations =, small =, blocks =, bytes =, idle =, peak = } */
static int memory (lua_State *L) {
  MemCount c = mem_count();
  lua_newtable(L);
  set(L, "allocations", c.allocations);
  set(L, "small", c.small);
  set(L, "blocks", c.blocks);
  set(L, "bytes", c.bytes);
  set(L, "idle", c.idle);
  set(L, "peak", c.peak);
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

/* plan() -> the kernels of the turn that was launched last, in order */
static int plan (lua_State *L) {
  lua_newtable(L);
  const char *name;
  for (int i = 0; (name = turn_kernel(i)) != NULL; i++) {
    lua_pushstring(L, name);
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
