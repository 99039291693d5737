/*
 * gradient.c - gradients and custom ops, modes and random streams, for Lua.
 *
 * A walk (autograd/grad.h) lives in a userdata that is closed when core.grad
 * ends, however it ends; between its frames the Lua functions of custom ops
 * are called.
 */
#include "bind/bind.h"

#include "autograd/grad.h"
#include "autograd/step.h"

#include <string.h>

/* ---- gradients ---------------------------------------------------------------------------------- */

static const char *const WALK = "vaelua.walk";

/* A custom op: its record, with references to the two Lua functions. */
typedef struct Custom {
  Op op;
  int forward, backward;
} Custom;

typedef struct GradRun {
  Walk *walk;
  Tensor *loss, **wanted;
  int count;
  bool keep;
  Node *custom;
  int argument;               /* of the custom op: what is given now */
  Tensor *dx;
} GradRun;

static void begin_grad (void *state) {
  GradRun *g = state;
  walk_begin(g->walk, g->loss, g->wanted, g->count, g->keep);
}

static void run_grad (void *state) {
  GradRun *g = state;
  g->custom = walk_run(g->walk);
}

static void give_grad (void *state) {
  GradRun *g = state;
  walk_give(g->walk, g->argument, g->dx);
}

static int drop_walk (lua_State *L) {
  Walk **w = lua_touserdata(L, 1);
  walk_free(*w);
  *w = NULL;
  return 0;
}

static void new_walk (void *state) {
  *(Walk **) state = walk_new();
}

/* Calls backward(dy, y, inputs...) of a custom op and gives what it returns. */
static void answer_custom (lua_State *L, GradRun *g) {
  const Custom *custom = (const Custom *) g->custom->call.op;
  const Arg *inputs = &g->custom->call.arg[0];
  int n = inputs->list.count, top = lua_gettop(L);
  luaL_checkstack(L, n + 8, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, custom->backward);
  *tensor_box(L) = tensor_keep(walk_gradient(g->walk));
  *tensor_box(L) = tensor_keep(walk_result(g->walk));
  for (int i = 0; i < n; i++)
    *tensor_box(L) = tensor_keep(inputs->list.item[i]);
  bool was = record_off();
  int status = lua_pcall(L, n + 2, n, 0);
  record_on(was);
  if (status != LUA_OK)
    lua_error(L);
  for (int i = 0; i < n; i++) {
    g->argument = i;
    g->dx = to_tensor(L, top + 1 + i);
    if (g->dx != NULL)
      bind_run(L, give_grad, g);
    else if (lua_toboolean(L, top + 1 + i))
      bind_error(L, FAIL_USER, "backward of %s must return a tensor or nil "
                 "for input %d, got %s", custom->op.name, i + 1,
                 luaL_typename(L, top + 1 + i));
  }
  lua_settop(L, top);
}

/* core.grad(loss, list, keep) -> list of gradients, false where none */
static int l_grad (lua_State *L) {
  GradRun g = { .loss = check_tensor(L, 1), .keep = lua_toboolean(L, 3) };
  luaL_checktype(L, 2, LUA_TTABLE);
  g.count = (int) lua_rawlen(L, 2);
  g.wanted = lua_newuserdatauv(L, sizeof(Tensor *) * (size_t) (g.count + 1),
                               0);
  for (int i = 0; i < g.count; i++) {
    lua_rawgeti(L, 2, i + 1);
    g.wanted[i] = check_tensor(L, -1);
    lua_pop(L, 1);
  }
  bind_collect(L);
  Walk **w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = NULL;
  luaL_setmetatable(L, WALK);
  lua_toclose(L, lua_gettop(L));
  bind_run(L, new_walk, w);
  g.walk = *w;
  bind_run(L, begin_grad, &g);
  for (bind_run(L, run_grad, &g); g.custom != NULL;
       bind_run(L, run_grad, &g))
    answer_custom(L, &g);
  lua_createtable(L, g.count, 0);
  for (int i = 0; i < g.count; i++) {
    Tensor *d = walk_take(*w, i);
    if (d != NULL)
      *tensor_box(L) = tensor_keep(d);
    else
      lua_pushboolean(L, 0);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- custom ops -------------------------------------------------------------------------------------- */

typedef struct CustomRun {
  const Custom *custom;
  Tensor *y, **box;
  Call call;
} CustomRun;

/* The result is a tensor of its own, so that the node is its alone. */
static void finish_custom (void *state) {
  CustomRun *r = state;
  Tensor *made = tensor_view(r->y, &r->y->shape, r->y->stride, r->y->offset);
  op_record(&r->call, made);
  *r->box = tensor_keep(made);
}

/* forward runs without a record; the node holds the tensors among the
 * arguments. */
static int call_custom (lua_State *L) {
  CustomRun r = { .custom = lua_touserdata(L, lua_upvalueindex(1)) };
  int n = lua_gettop(L), tensors = 0;
  Tensor **items = lua_newuserdatauv(L, sizeof *items * (size_t) (n + 1), 0);
  for (int i = 1; i <= n; i++) {
    items[tensors] = to_tensor(L, i);
    if (items[tensors] == NULL)
      return bind_error(L, FAIL_USER, "%s: input %d must be a tensor, got %s",
                        r.custom->op.name, i, luaL_typename(L, i));
    tensors++;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, r.custom->forward);
  for (int i = 1; i <= n; i++)
    lua_pushvalue(L, i);
  bool was = record_off();
  int status = lua_pcall(L, n, 1, 0);
  record_on(was);
  if (status != LUA_OK)
    return lua_error(L);
  r.y = to_tensor(L, -1);
  if (r.y == NULL || r.y->dtype != F32)
    return bind_error(L, FAIL_USER, "%s: forward must return one float32 "
                      "tensor, got %s", r.custom->op.name,
                      luaL_typename(L, -1));
  r.call.op = &r.custom->op;
  r.call.spec = spec_of(r.custom->op.name, r.custom->op.args);
  r.call.arg[0] = (Arg) { .kind = ARG_TENSORS, .given = true,
                          .list = { items, tensors } };
  r.box = tensor_box(L);
  bind_run(L, finish_custom, &r);
  return 1;
}

/* core.custom(name, forward, backward) -> function; kept for ever. */
static int new_custom (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  Custom *c = lua_newuserdatauv(L, sizeof *c + strlen(name) + 1, 0);
  memset(c, 0, sizeof *c);
  strcpy((char *) (c + 1), name);
  c->op.name = (const char *) (c + 1);
  c->op.args = "inputs:tensors";
  c->op.custom = true;
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, 2);
  c->forward = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, 3);
  c->backward = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushlightuserdata(L, c);
  lua_pushcclosure(L, call_custom, 1);
  return 1;
}

/* ---- modes and streams ------------------------------------------------------------------ */

static const char *const mode_names[] = { "outside", "train", "eval", NULL };

static int mode (lua_State *L) {
  lua_pushstring(L, mode_names[mode_now()]);
  return 1;
}

typedef struct ModePush {
  Mode mode;
  bool own;
  int depth;
} ModePush;

static void push_mode (void *state) {
  ModePush *p = state;
  p->depth = mode_push(p->mode, p->own);
}

/* (mode, within): within goes on with the random numbers around it. */
static int l_mode_push (lua_State *L) {
  ModePush p = { (Mode) luaL_checkoption(L, 1, NULL, mode_names),
                 !lua_toboolean(L, 2), 0 };
  bind_run(L, push_mode, &p);
  lua_pushinteger(L, p.depth);
  return 1;
}

static int l_mode_pop (lua_State *L) {
  mode_pop((int) luaL_checkinteger(L, 1));
  return 0;
}

static int l_step_next (lua_State *L) {
  step_next((uint32_t) luaL_checkinteger(L, 1));
  bind_turn(L);
  return 0;
}

static int l_seed (lua_State *L) {
  if (!lua_isnoneornil(L, 1))
    seed_set((uint64_t) luaL_checkinteger(L, 1));
  lua_pushinteger(L, (lua_Integer) seed_now());
  return 1;
}

typedef struct Push {
  const char *purpose, *name;
  lua_Integer step;
  int depth;
} Push;

static void push_stream (void *state) {
  Push *p = state;
  p->depth = p->step < 0 ? stream_push(p->purpose, p->name)
                         : stream_pin(p->purpose, p->name, (uint32_t) p->step);
}

static int l_stream_push (lua_State *L) {
  Push p = { luaL_checkstring(L, 1), luaL_checkstring(L, 2),
             luaL_optinteger(L, 3, -1), 0 };
  bind_run(L, push_stream, &p);
  lua_pushinteger(L, p.depth);
  return 1;
}

static int l_stream_cut (lua_State *L) {
  stream_cut((int) luaL_checkinteger(L, 1));
  return 0;
}

static const luaL_Reg functions[] = {
  { "grad", l_grad }, { "custom", new_custom }, { "mode", mode },
  { "mode_push", l_mode_push }, { "mode_pop", l_mode_pop },
  { "step_next", l_step_next }, { "seed", l_seed },
  { "stream_push", l_stream_push }, { "stream_cut", l_stream_cut },
  { NULL, NULL }
};

/* The core table is on top. */
void bind_gradients (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newmetatable(L, WALK);
  lua_pushcfunction(L, drop_walk);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, drop_walk);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}
