/*
 * network.c - layers, initial values and optimisers for Lua.
 *
 * Chains and models are Lua (lua/vaelua/chain.lua, model.lua); what runs in a
 * step is here: a layer is a userdata with its arguments and no weights, an
 * optimiser one with its parameters and moments.
 */
#include "bind/bind.h"

#include "autograd/step.h"
#include "nn/layer.h"
#include "nn/optim.h"

#include <string.h>

static const char *const LAYER = "vaelua.layer", *const OPTIM = "vaelua.optim";

/* ---- lists of sizes ------------------------------------------------------ */

static Shape check_shape (lua_State *L, int slot) {
  Shape s = { 0 };
  luaL_checktype(L, slot, LUA_TTABLE);
  int n = (int) lua_rawlen(L, slot);
  if (n >= MAX_RANK)                      /* the batch axis comes on top */
    bind_error(L, FAIL_USER, "a shape of %d axes: at most %d are possible", n,
               MAX_RANK - 1);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, slot, i + 1);
    s.size[s.rank++] = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
  }
  return s;
}

static void push_shape (lua_State *L, const Shape *s) {
  lua_createtable(L, s->rank, 0);
  for (int i = 0; i < s->rank; i++) {
    lua_pushinteger(L, s->size[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

/* ---- layers -------------------------------------------------------------- */

/* core.layers.NAME(arguments) */
static int new_layer (lua_State *L) {
  const Layer *layer = lua_touserdata(L, lua_upvalueindex(1));
  BoundCall b;
  args_read(L, 1, spec_of(layer->name, layer->args), &b);
  LayerCall *l = lua_newuserdatauv(L, sizeof *l, 0);
  l->layer = layer;
  l->call = b.call;
  memcpy(l->number, b.number, sizeof l->number);
  luaL_setmetatable(L, LAYER);
  return 1;
}

static LayerCall *check_layer (lua_State *L, int slot) {
  return luaL_checkudata(L, slot, LAYER);
}

static int is_layer (lua_State *L) {
  lua_pushboolean(L, luaL_testudata(L, 1, LAYER) != NULL);
  return 1;
}

static int text (lua_State *L) {
  char chars[256];
  layer_text(check_layer(L, 1), chars, sizeof chars);
  lua_pushstring(L, chars);
  return 1;
}

static int args (lua_State *L) {
  const Layer *l = layer_find(luaL_checkstring(L, 1));
  lua_pushstring(L, l != NULL ? l->args : NULL);
  return 1;
}

static int fuses (lua_State *L) {
  lua_pushboolean(L, check_layer(L, 1)->layer->fuses);
  return 1;
}

/* core.layer_shape(layer, sizes) -> sizes, or nil and what is wrong: the
 * chain knows the layer's number and tells the user. */
static int shape (lua_State *L) {
  LayerCall *l = check_layer(L, 1);
  Shape in = check_shape(L, 2), out = { 0 };
  Frame f;
  FRAME (&f)
    l->layer->shape(l, &in, &out);
  frame_close(&f);
  if (f.fail != FAIL_NONE) {
    lua_pushnil(L);
    lua_pushstring(L, failure_text());
    return 2;
  }
  push_shape(L, &out);
  return 1;
}

typedef struct Build {
  LayerCall *layer;
  Shape in;
  Param list[MAX_PARAMS];
  int count;
} Build;

static void build (void *state) {
  Build *b = state;
  if (b->layer->layer->build != NULL)
    b->count = b->layer->layer->build(b->layer, &b->in, b->list);
}

/* core.layer_params(layer, sizes) -> { { name, shape, init, a, buffer } } */
static int params (lua_State *L) {
  Build b = { .layer = check_layer(L, 1), .in = check_shape(L, 2) };
  bind_run(L, build, &b);
  lua_createtable(L, b.count, 0);
  for (int i = 0; i < b.count; i++) {
    const Param *p = &b.list[i];
    lua_createtable(L, 0, 5);
    lua_pushstring(L, p->name);
    lua_setfield(L, -2, "name");
    push_shape(L, &p->shape);
    lua_setfield(L, -2, "shape");
    lua_pushstring(L, init_name(p->init.kind));
    lua_setfield(L, -2, "init");
    lua_pushnumber(L, p->init.a);
    lua_setfield(L, -2, "a");
    lua_pushboolean(L, p->buffer);
    lua_setfield(L, -2, "buffer");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

typedef struct Run {
  LayerRun run;
  Tensor *param[MAX_PARAMS], **box;
} Run;

static void forward (void *state) {
  Run *r = state;
  *r->box = tensor_keep(r->run.call->layer->forward(&r->run));
}

/* core.layer_run(layer, x, "relu" or nil, training, parameters ...) -> y */
static int run (lua_State *L) {
  Run r = { .run = { .call = check_layer(L, 1), .x = check_tensor(L, 2),
                     .training = lua_toboolean(L, 4) } };
  r.run.act = lua_isnil(L, 3) ? "none" : "relu";
  for (int i = 5; i <= lua_gettop(L) && r.run.params < MAX_PARAMS; i++)
    r.param[r.run.params++] = check_tensor(L, i);
  r.run.param = r.param;
  bind_collect(L);
  r.box = tensor_box(L);
  bind_run(L, forward, &r);
  return 1;
}

static void set_text (lua_State *L, const char *name, const char *chars) {
  if (chars == NULL)
    return;
  lua_pushstring(L, chars);
  lua_setfield(L, -2, name);
}

/* core.layer_records() -> list of { name, args, doc, example, cases } */
static int records (lua_State *L) {
  const Layer *l;
  lua_newtable(L);
  for (int i = 0; (l = layer_at(i)) != NULL; i++) {
    lua_newtable(L);
    set_text(L, "name", l->name);
    set_text(L, "args", l->args);
    set_text(L, "doc", l->doc);
    set_text(L, "example", l->example);
    lua_newtable(L);
    for (int k = 0; k < MAX_CASES && l->cases[k] != NULL; k++) {
      lua_pushstring(L, l->cases[k]);
      lua_rawseti(L, -2, k + 1);
    }
    lua_setfield(L, -2, "cases");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

/* ---- initial values ------------------------------------------------------ */

typedef struct Draw {
  Init init;
  const char *path;
  Shape shape;
  Tensor **box;
} Draw;

static void draw (void *state) {
  Draw *d = state;
  *d->box = tensor_keep(init_draw(d->init, d->path, &d->shape));
}

/* core.init(kind, a, path, sizes) -> tensor */
static int init (lua_State *L) {
  Draw d = { .path = luaL_checkstring(L, 3), .shape = check_shape(L, 4) };
  d.init.a = luaL_checknumber(L, 2);
  if (!init_find(luaL_checkstring(L, 1), &d.init.kind))
    return bind_error(L, FAIL_USER, "there are no initial values '%s'",
                      lua_tostring(L, 1));
  d.box = tensor_box(L);
  bind_run(L, draw, &d);
  return 1;
}

static int fans (lua_State *L) {
  Shape s = check_shape(L, 1);
  double fan_in, fan_out;
  init_fans(&s, &fan_in, &fan_out);
  lua_pushnumber(L, fan_in);
  lua_pushnumber(L, fan_out);
  return 2;
}

/* ---- optimisers ---------------------------------------------------------- */

static Optim *check_optim (lua_State *L, int slot) {
  Optim **box = luaL_checkudata(L, slot, OPTIM);
  return *box;
}

static int collect (lua_State *L) {
  Optim **box = luaL_checkudata(L, 1, OPTIM);
  optim_free(*box);
  *box = NULL;
  return 0;
}

/* A number of a group, by its name; NULL if there is none. */
static double *group_number (OptimGroup *g, const char *name) {
  const struct { const char *name; double *at; } all[] = {
    { "lr", &g->lr }, { "decay", &g->decay }, { "beta1", &g->beta1 },
    { "beta2", &g->beta2 }, { "eps", &g->eps }, { "momentum", &g->momentum },
  };
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(all[i].name, name) == 0)
      return all[i].at;
  return NULL;
}

typedef struct MakeOptim {
  Optim **box;
  const OptimKind *kind;
  Tensor **p;
  OptimGroup *group;
  int count, groups;
  double clip;
} MakeOptim;

static void make_optim (void *state) {
  MakeOptim *m = state;
  optim_free(*m->box);                  /* of a first try */
  *m->box = NULL;
  Optim *o = *m->box = optim_new();
  optim_room(o, m->kind, m->count, m->groups);
  o->clip = m->clip;
  for (int i = 0; i < m->count; i++)
    o->p[i] = tensor_keep(m->p[i]);
  for (int i = 0; i < m->groups; i++)
    o->group[i] = m->group[i];
  optim_begin(o);
}

/* Group i of the table at slot: { tensors = list, lr =, ... }. */
static void read_group (lua_State *L, int slot, int i, MakeOptim *m) {
  OptimGroup *g = &m->group[i];
  lua_rawgeti(L, slot, i + 1);
  lua_getfield(L, -1, "tensors");
  g->first = m->count;
  g->count = (int) lua_rawlen(L, -1);
  for (int k = 0; k < g->count; k++) {
    lua_rawgeti(L, -1, k + 1);
    m->p[m->count++] = check_tensor(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    double *number = lua_type(L, -2) == LUA_TSTRING
                     ? group_number(g, lua_tostring(L, -2)) : NULL;
    if (number != NULL)
      *number = lua_tonumber(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static int count_tensors (lua_State *L, int slot, int groups) {
  int n = 0;
  for (int i = 1; i <= groups; i++) {
    lua_rawgeti(L, slot, i);
    lua_getfield(L, -1, "tensors");
    n += (int) lua_rawlen(L, -1);
    lua_pop(L, 2);
  }
  return n;
}

/* core.optim(kind, groups, clip) */
static int new_optim (lua_State *L) {
  MakeOptim m = { .kind = optim_find(luaL_checkstring(L, 1)) };
  luaL_argcheck(L, m.kind != NULL, 1, "no such optimiser");
  luaL_checktype(L, 2, LUA_TTABLE);
  m.clip = luaL_checknumber(L, 3);
  m.groups = (int) lua_rawlen(L, 2);
  int n = count_tensors(L, 2, m.groups);
  m.p = lua_newuserdatauv(L, sizeof *m.p * (size_t) (n + 1), 0);
  m.group = lua_newuserdatauv(L, sizeof *m.group * (size_t) (m.groups + 1),
                              0);
  memset(m.group, 0, sizeof *m.group * (size_t) (m.groups + 1));
  for (int i = 0; i < m.groups; i++)
    read_group(L, 2, i, &m);
  m.box = lua_newuserdatauv(L, sizeof *m.box, 0);
  *m.box = NULL;
  luaL_setmetatable(L, OPTIM);
  bind_run(L, make_optim, &m);
  return 1;
}

typedef struct AddGrads {
  Optim *o;
  Tensor **g, *loss;
} AddGrads;

static void add_grads (void *state) {
  AddGrads *a = state;
  optim_add(a->o, a->g, a->loss);
}

/* core.optim_add(o, list of gradients (false: none), loss) */
static int add (lua_State *L) {
  AddGrads a = { .o = check_optim(L, 1), .loss = to_tensor(L, 3) };
  a.g = lua_newuserdatauv(L, sizeof *a.g * (size_t) (a.o->count + 1), 0);
  for (int i = 0; i < a.o->count; i++) {
    lua_rawgeti(L, 2, i + 1);
    a.g[i] = to_tensor(L, -1);
    lua_pop(L, 1);
  }
  bind_run(L, add_grads, &a);
  return 0;
}

typedef struct Apply {
  Optim *o;
  bool done;
} Apply;

static void apply_work (void *state) {
  Apply *a = state;
  a->done = optim_apply(a->o);
}

/* core.optim_apply(o) -> false if there was nothing to apply */
static int apply (lua_State *L) {
  Apply a = { check_optim(L, 1), false };
  bind_run(L, apply_work, &a);
  lua_pushboolean(L, a.done);
  return 1;
}

/* core.optim_set(o, group, name, number) */
static int set_number (lua_State *L) {
  Optim *o = check_optim(L, 1);
  lua_Integer i = luaL_checkinteger(L, 2);
  luaL_argcheck(L, i >= 1 && i <= o->groups, 2, "no such group");
  double *number = group_number(&o->group[i - 1], luaL_checkstring(L, 3));
  luaL_argcheck(L, number != NULL, 3, "no such number");
  *number = luaL_checknumber(L, 4);
  return 0;
}

typedef struct Steps {
  const Optim *o;
  double done;
  bool flag;
} Steps;

static void steps_work (void *state) {
  Steps *s = state;
  s->done = optim_steps(s->o, &s->flag);
}

/* core.optim_steps(o) -> steps done, whether something was not finite */
static int steps (lua_State *L) {
  Steps s = { .o = check_optim(L, 1) };
  bind_run(L, steps_work, &s);
  lua_pushinteger(L, (lua_Integer) s.done);
  lua_pushboolean(L, s.flag);
  return 2;
}

static void push_list (lua_State *L, Tensor *const *list, int count) {
  lua_newtable(L);
  for (int i = 0, n = 0; i < count; i++)
    if (list[i] != NULL) {
      *tensor_box(L) = tensor_keep(list[i]);
      lua_rawseti(L, -2, ++n);
    }
}

/* core.optim_tensors(o) -> first moments, second moments (empty for sgd), the
 * states of the groups: the tensors themselves */
static int tensors (lua_State *L) {
  Optim *o = check_optim(L, 1);
  push_list(L, o->m, o->count);
  push_list(L, o->v, o->count);
  lua_createtable(L, o->groups, 0);
  for (int i = 0; i < o->groups; i++) {
    *tensor_box(L) = tensor_keep(o->group[i].state);
    lua_rawseti(L, -2, i + 1);
  }
  return 3;
}

/* core.optim_kinds() -> list of { name, options, doc, example } */
static int kinds (lua_State *L) {
  int n = 0;
  lua_newtable(L);
  for (const OptimKind *k = optim_kinds; k->name != NULL; k++) {
    lua_newtable(L);
    set_text(L, "name", k->name);
    set_text(L, "options", k->options);
    set_text(L, "doc", k->doc);
    set_text(L, "example", k->example);
    lua_rawseti(L, -2, ++n);
  }
  return 1;
}

/* core.stream_purpose() -> of the stream that numbers are drawn from now */
static int purpose (lua_State *L) {
  lua_pushstring(L, stream_purpose());
  return 1;
}

static const luaL_Reg functions[] = {
  { "is_layer", is_layer }, { "layer_text", text }, { "layer_args", args },
  { "layer_fuses", fuses }, { "layer_shape", shape },
  { "layer_params", params }, { "layer_run", run },
  { "layer_records", records }, { "init", init }, { "init_fans", fans },
  { "optim", new_optim }, { "optim_add", add }, { "optim_apply", apply },
  { "optim_set", set_number }, { "optim_steps", steps },
  { "optim_tensors", tensors }, { "optim_kinds", kinds },
  { "stream_purpose", purpose }, { NULL, NULL }
};

void bind_network (lua_State *L) {
  const Layer *l;
  luaL_setfuncs(L, functions, 0);
  lua_newtable(L);
  for (int i = 0; (l = layer_at(i)) != NULL; i++) {
    lua_pushlightuserdata(L, (void *) l);
    lua_pushcclosure(L, new_layer, 1);
    lua_setfield(L, -2, l->name);
  }
  lua_setfield(L, -2, "layers");
  luaL_newmetatable(L, LAYER);
  lua_pushcfunction(L, text);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "layer");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_newmetatable(L, OPTIM);
  lua_pushcfunction(L, collect);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, "optimiser");
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
