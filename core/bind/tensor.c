/*
 * tensor.c - tensors as Lua userdata: fields, indexing, operators, values in
 * and out, writing in place; modes, random streams and gradients.
 *
 * A userdata holds one reference.  Methods are the bound ops; Lua files add
 * theirs to core.methods.
 */
#include "bind/bind.h"

#include "autograd/grad.h"
#include "autograd/print.h"
#include "autograd/step.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static const char *const TENSOR = "vaelua.tensor";

/* ---- userdata ------------------------------------------------------------------ */

Tensor *to_tensor (lua_State *L, int index) {
  Tensor **box = luaL_testudata(L, index, TENSOR);
  return box != NULL ? *box : NULL;
}

Tensor *check_tensor (lua_State *L, int index) {
  Tensor *t = to_tensor(L, index);
  if (t == NULL)
    bind_error(L, FAIL_USER, "a tensor is needed, got %s",
               luaL_typename(L, index));
  return t;
}

Tensor **tensor_box (lua_State *L) {
  Tensor **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, TENSOR);
  return box;
}

static int collect (lua_State *L) {
  Tensor **box = lua_touserdata(L, 1);
  tensor_drop(*box);
  *box = NULL;
  return 0;
}

/* ---- values out ------------------------------------------------------------------ */

typedef struct Read {
  Tensor *t;
  void *data;       /* a dense copy on the host, in a Lua userdata */
} Read;

static void read_host (void *state) {
  Read *r = state;
  Tensor *d = dense(r->t);
  size_t bytes = (size_t) tensor_count(d) * dtype_size(d->dtype);
  if (bytes > 0)
    d->storage->device->download(r->data, tensor_data(d), bytes);
}

/* Pushes a userdata with the elements of t. */
static void *host_copy (lua_State *L, Tensor *t) {
  size_t bytes = (size_t) tensor_count(t) * dtype_size(t->dtype);
  Read r = { t, lua_newuserdatauv(L, bytes + 1, 0) };
  bind_run(L, read_host, &r);
  return r.data;
}

static void push_element (lua_State *L, DType d, const void *data,
                          int64_t i) {
  switch (d) {
    case F32: lua_pushnumber(L, ((const float *) data)[i]); return;
    case F64: lua_pushnumber(L, ((const double *) data)[i]); return;
    case I32: lua_pushinteger(L, ((const int32_t *) data)[i]); return;
    default: lua_pushinteger(L, ((const uint8_t *) data)[i]); return;
  }
}

static int item (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  if (tensor_count(t) != 1)
    return bind_error(L, FAIL_USER, "item: the tensor must be one number, "
                      "got %s", shape_text(&t->shape));
  push_element(L, t->dtype, host_copy(L, t), 0);
  return 1;
}

/* 1-based, or negative from the end, to 0-based. */
static int64_t place (lua_State *L, const char *who, lua_Integer i,
                      int64_t size) {
  if (i == 0)
    bind_error(L, FAIL_USER, "%s: index 0, but indices count from 1", who);
  int64_t at = i > 0 ? i - 1 : size + i;
  if (at < 0 || at >= size)
    bind_error(L, FAIL_USER, "%s: index %d is outside 1..%d", who, (int) i,
               (int) size);
  return at;
}

static int at (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  Tensor one = *t;
  int rank = t->shape.rank;
  if (lua_gettop(L) - 1 != rank)
    return bind_error(L, FAIL_USER, "at: %d indices are needed for %s, got "
                      "%d", rank, shape_text(&t->shape), lua_gettop(L) - 1);
  for (int i = 0; i < rank; i++)
    one.offset += one.stride[i]
      * place(L, "at", luaL_checkinteger(L, i + 2), t->shape.size[i]);
  one.shape.rank = 0;
  push_element(L, t->dtype, host_copy(L, &one), 0);
  return 1;
}

static void push_nested (lua_State *L, const Tensor *t, const void *data,
                         int axis, int64_t *next) {
  if (axis == t->shape.rank) {
    push_element(L, t->dtype, data, (*next)++);
    return;
  }
  int64_t n = t->shape.size[axis];
  luaL_checkstack(L, 4, NULL);
  lua_createtable(L, n < 1 << 24 ? (int) n : 0, 0);
  for (int64_t i = 0; i < n; i++) {
    push_nested(L, t, data, axis + 1, next);
    lua_rawseti(L, -2, i + 1);
  }
}

static int totable (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  int64_t next = 0;
  push_nested(L, t, host_copy(L, t), 0, &next);
  return 1;
}

/* ---- values in --------------------------------------------------------------------- */

typedef struct Make {
  Tensor **box;
  Shape shape;
  DType dtype;
  const double *numbers;
} Make;

/* The shape of a nested list, from its first entries. */
static void nested_shape (lua_State *L, int slot, Shape *s) {
  lua_pushvalue(L, slot);
  while (lua_type(L, -1) == LUA_TTABLE) {
    if (s->rank == MAX_RANK)
      bind_error(L, FAIL_USER, "tensor: lists are nested more than %d deep",
                 MAX_RANK);
    s->size[s->rank++] = (int64_t) lua_rawlen(L, -1);
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
}

static void read_nested (lua_State *L, const Shape *s, int axis,
                         double **to) {
  if (axis == s->rank) {
    if (lua_type(L, -1) != LUA_TNUMBER)
      bind_error(L, FAIL_USER, "tensor: a number is needed in the list, got "
                 "%s", luaL_typename(L, -1));
    *(*to)++ = lua_tonumber(L, -1);
    return;
  }
  if (lua_type(L, -1) != LUA_TTABLE
      || (int64_t) lua_rawlen(L, -1) != s->size[axis])
    bind_error(L, FAIL_USER, "tensor: the lists at depth %d must all have %d "
               "entries, got %s of %d", axis + 1, (int) s->size[axis],
               luaL_typename(L, -1), (int) lua_rawlen(L, -1));
  luaL_checkstack(L, 4, NULL);
  for (int64_t i = 1; i <= s->size[axis]; i++) {
    lua_rawgeti(L, -1, i);
    read_nested(L, s, axis + 1, to);
    lua_pop(L, 1);
  }
}

static void fill_made (void *state) {
  Make *m = state;
  int64_t n = shape_count(&m->shape);
  Tensor host = { .dtype = F64, .shape = m->shape };
  Storage room = { .data = (void *) m->numbers };
  host.storage = &room;
  shape_strides(&m->shape, host.stride);
  Tensor *t = tensor_new(device_now(), m->dtype, &m->shape);
  if (n > 0)
    kern(t)->copy(view(t), view(&host));
  *m->box = tensor_keep(t);
}

static int new_tensor (lua_State *L) {
  Make m = { .dtype = F32 };
  if (to_tensor(L, 1) != NULL) {           /* a tensor is passed through */
    lua_settop(L, 1);
    return 1;
  }
  if (!lua_isnoneornil(L, 2)
      && !dtype_find(luaL_checkstring(L, 2), &m.dtype))
    return bind_error(L, FAIL_USER, "tensor: no dtype \"%s\" (float32, "
                      "int32, uint8, float64)", lua_tostring(L, 2));
  nested_shape(L, 1, &m.shape);
  int64_t n = shape_count(&m.shape);
  double *numbers = lua_newuserdatauv(L, sizeof *numbers * (size_t) (n + 1),
                                      0);
  double *next = numbers;
  lua_pushvalue(L, 1);
  read_nested(L, &m.shape, 0, &next);
  lua_pop(L, 1);
  m.numbers = numbers;
  m.box = tensor_box(L);
  bind_run(L, fill_made, &m);
  return 1;
}

/* ---- fields, indexing, operators ------------------------------------------------------ */

static void push_shape (lua_State *L, const Shape *s) {
  lua_createtable(L, s->rank, 0);
  for (int i = 0; i < s->rank; i++) {
    lua_pushinteger(L, s->size[i]);
    lua_rawseti(L, -2, i + 1);
  }
}

typedef struct Row {
  Tensor *t, **box;
  int64_t index;
} Row;

static void take_row (void *state) {
  Row *r = state;
  const Op *row = op_find("row");
  Call c = { .op = row, .spec = spec_of(row->name, row->args) };
  c.arg[0] = (Arg) { .kind = ARG_TENSOR, .given = true, .tensor = r->t };
  c.arg[1] = (Arg) { .kind = ARG_INT, .given = true, .integer = r->index };
  *r->box = tensor_keep(op_call(row, &c));
}

static int index_row (lua_State *L, Tensor *t) {
  if (t->shape.rank == 0)
    return bind_error(L, FAIL_USER, "one number has no rows");
  lua_Integer i = lua_tointeger(L, 2);
  int64_t at_row = place(L, "x[i]", i, t->shape.size[0]);
  Row r = { .t = t, .index = at_row + 1 };
  r.box = tensor_box(L);
  bind_run(L, take_row, &r);
  return 1;
}

/* The nearest method name for a misspelt one. */
static int no_field (lua_State *L, const char *name) {
  const char *names[1024];
  size_t n = 0;
  lua_pushnil(L);
  while (n < 1024 && lua_next(L, lua_upvalueindex(1))) {
    names[n++] = lua_tostring(L, -2);
    lua_pop(L, 1);
  }
  const char *near = text_nearest(name, names, n);
  if (near != NULL)
    return bind_error(L, FAIL_USER, "a tensor has no method or field '%s' "
                      "(did you mean '%s'?)", name, near);
  return bind_error(L, FAIL_USER, "a tensor has no method or field '%s'",
                    name);
}

static int get_field (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  if (lua_isinteger(L, 2))
    return index_row(L, t);
  if (lua_type(L, 2) == LUA_TTABLE)
    return bind_error(L, FAIL_USER, "x[{...}] is not defined: use "
                      "x:rows(i, j), x:slice(axis, i, j) or x:pick(indices)");
  if (lua_type(L, 2) != LUA_TSTRING)
    return bind_error(L, FAIL_USER, "x[i] needs an integer, got %s",
                      luaL_tolstring(L, 2, NULL));
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
    return 1;
  const char *name = lua_tostring(L, 2);
  if (strcmp(name, "shape") == 0)
    push_shape(L, &t->shape);
  else if (strcmp(name, "dtype") == 0)
    lua_pushstring(L, dtype_name(t->dtype));
  else if (strcmp(name, "device") == 0)
    lua_pushstring(L, t->storage->device->name);
  else
    return no_field(L, name);
  return 1;
}

static int set_field (lua_State *L) {
  return bind_error(L, FAIL_USER, "tensors are values: nothing is assigned "
                    "to them (a parameter or buffer has p:set(v))");
}

static int length (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  lua_pushinteger(L, t->shape.rank ? t->shape.size[0] : 1);
  return 1;
}

static int no_compare (lua_State *L) {
  return bind_error(L, FAIL_USER, "x < y is not defined for tensors: use "
                    "x:lt(y), x:le(y), x:gt(y) or x:ge(y)");
}

typedef struct Print {
  Tensor *t;
  bool head;
  int width;
  const char *chars;
} Print;

static void make_text (void *state) {
  Print *p = state;
  Text *text = tensor_text(p->t, p->head, p->width);
  char *copy = mem_new(text->count + 1);
  memcpy(copy, text->chars, text->count);
  p->chars = copy;
}

/* core.text(x, head, width), tostring(x), x:text() */
static int text (lua_State *L) {
  Print p = { .t = check_tensor(L, 1) };
  p.head = lua_isnoneornil(L, 2) ? false : lua_toboolean(L, 2);
  p.width = (int) luaL_optinteger(L, 3, 80);
  bind_run(L, make_text, &p);
  lua_pushstring(L, p.chars);
  mem_free((void *) p.chars);
  return 1;
}

static int tostring (lua_State *L) {
  lua_settop(L, 1);
  return text(L);
}

/* ---- writing in place -------------------------------------------------------------------- */

typedef struct Write {
  Tensor *t, *v;
  double number, weight;
  bool lerp;
} Write;

static void write_work (void *state) {
  Write *w = state;
  Tensor *v = w->v ? w->v : value_new(w->number);
  Shape both;
  if (w->t->storage->readonly)
    raise_user("set: this tensor is read-only data");
  if (tensor_overlaps_itself(w->t))
    raise_user("set: a broadcast view cannot be written");
  if (w->t->node != NULL && !w->t->node->leaf && !w->t->node->stale)
    raise_user("set: this tensor is the result of %s and has a history; only "
               "parameters, buffers and plain values are written",
               w->t->node->call.op->name);
  if (!shape_broadcast(&w->t->shape, &v->shape, &both)
      || !shape_equal(&both, &w->t->shape))
    raise_user("set: a value of shape %s does not fit %s",
               shape_text(&v->shape), shape_text(&w->t->shape));
  if (v->storage == w->t->storage)
    v = op("contiguous", v);
  if (w->lerp) {
    Tensor *weight = value_new(w->weight);
    kern(w->t)->lerp(view(w->t), view(dense(v)),
                     (Scalar) { tensor_data(weight) });
  } else
    kern(w->t)->copy(view(w->t), view(v));
  w->t->storage->version++;
}

static int write_in_place (lua_State *L, bool lerp) {
  Write w = { .t = check_tensor(L, 1), .v = to_tensor(L, 2), .lerp = lerp };
  if (w.v == NULL)
    w.number = luaL_checknumber(L, 2);
  if (lerp)
    w.weight = luaL_checknumber(L, 3);
  if (lerp && (w.v == NULL || !shape_equal(&w.v->shape, &w.t->shape)))
    return bind_error(L, FAIL_USER, "lerp: a tensor of shape %s is needed",
                      shape_text(&w.t->shape));
  bind_run(L, write_work, &w);
  lua_settop(L, 1);
  return 1;
}

static int set (lua_State *L) {
  return write_in_place(L, false);
}

static int lerp (lua_State *L) {
  return write_in_place(L, true);
}

/* ---- modes, streams, leaves ------------------------------------------------------------------ */

static const char *const mode_names[] = { "outside", "train", "eval", NULL };

static int mode (lua_State *L) {
  lua_pushstring(L, mode_names[mode_now()]);
  return 1;
}

static void push_mode (void *state) {
  int *m = state;
  *m = mode_push((Mode) *m);
}

static int l_mode_push (lua_State *L) {
  int m = luaL_checkoption(L, 1, NULL, mode_names);
  bind_run(L, push_mode, &m);
  lua_pushinteger(L, m);
  return 1;
}

static int l_mode_pop (lua_State *L) {
  mode_pop((int) luaL_checkinteger(L, 1));
  return 0;
}

static int l_step_next (lua_State *L) {
  step_next((uint32_t) luaL_checkinteger(L, 1));
  lua_gc(L, LUA_GCSTEP, 0);
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

static void leaf_work (void *t) {
  track_leaf(t);
}

static int leaf (lua_State *L) {
  Tensor *t = check_tensor(L, 1);
  if (t->dtype != F32)
    return bind_error(L, FAIL_USER, "a parameter must be float32, got %s",
                      dtype_name(t->dtype));
  bind_run(L, leaf_work, t);
  lua_settop(L, 1);
  return 1;
}

static int l_tracked (lua_State *L) {
  Tensor *t = to_tensor(L, 1);
  lua_pushboolean(L, t != NULL && tracked(t));
  return 1;
}

static int is_tensor (lua_State *L) {
  lua_pushboolean(L, to_tensor(L, 1) != NULL);
  return 1;
}

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

/* ---- the rest --------------------------------------------------------------------------------------------- */

static const char *const fail_names[] = {
  "", "user", "usage", "data", "device", "diverged", "memory", "interrupt",
  NULL
};

static int fail (lua_State *L) {
  int kind = luaL_checkoption(L, 1, NULL, fail_names);
  return bind_error(L, (Fail) kind, "%s", luaL_checkstring(L, 2));
}

/* core.nearest(word, list of names) */
static int nearest (lua_State *L) {
  const char *word = luaL_checkstring(L, 1), *names[512];
  size_t n = 0;
  luaL_checktype(L, 2, LUA_TTABLE);
  for (; n < 512 && lua_rawgeti(L, 2, (lua_Integer) n + 1) == LUA_TSTRING;
       lua_pop(L, 1))
    names[n++] = lua_tostring(L, -1);
  lua_pushstring(L, text_nearest(word, names, n));
  return 1;
}

static int bytes (lua_State *L) {
  MemCount m = mem_count();
  lua_newtable(L);
  lua_pushinteger(L, (lua_Integer) m.bytes);
  lua_setfield(L, -2, "bytes");
  lua_pushinteger(L, (lua_Integer) m.peak);
  lua_setfield(L, -2, "peak");
  lua_pushinteger(L, (lua_Integer) m.idle);
  lua_setfield(L, -2, "idle");
  lua_pushinteger(L, (lua_Integer) m.blocks);
  lua_setfield(L, -2, "tensors");
  return 1;
}

static const luaL_Reg core_functions[] = {
  { "tensor", new_tensor }, { "is_tensor", is_tensor },
  { "item", item }, { "at", at }, { "totable", totable }, { "text", text },
  { "set", set }, { "lerp", lerp }, { "leaf", leaf },
  { "tracked", l_tracked }, { "grad", l_grad }, { "custom", new_custom },
  { "mode", mode }, { "mode_push", l_mode_push },
  { "mode_pop", l_mode_pop }, { "step_next", l_step_next },
  { "seed", l_seed }, { "stream_push", l_stream_push },
  { "stream_cut", l_stream_cut }, { "fail", fail }, { "nearest", nearest },
  { "bytes", bytes }, { NULL, NULL }
};

static const luaL_Reg own_methods[] = {
  { "item", item }, { "at", at }, { "totable", totable }, { "text", text },
  { "set", set }, { "lerp", lerp }, { NULL, NULL }
};

/* Operator -> op. */
static const char *const operators[][2] = {
  { "__add", "add" }, { "__sub", "sub" }, { "__mul", "mul" },
  { "__div", "div" }, { "__pow", "pow" }, { "__mod", "mod" },
};

/* -x arrives as (x, x). */
static int minus (lua_State *L) {
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* The metatable; the ops table is at the given index. */
static void make_metatable (lua_State *L, int ops) {
  luaL_newmetatable(L, TENSOR);
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
    lua_getfield(L, ops, operators[i][1]);
    lua_setfield(L, -2, operators[i][0]);
  }
  lua_getfield(L, ops, "neg");
  lua_pushcclosure(L, minus, 1);
  lua_setfield(L, -2, "__unm");
  static const luaL_Reg meta[] = {
    { "__gc", collect }, { "__newindex", set_field }, { "__len", length },
    { "__lt", no_compare }, { "__le", no_compare },
    { "__tostring", tostring }, { NULL, NULL }
  };
  luaL_setfuncs(L, meta, 0);
  lua_pushliteral(L, "tensor");
  lua_setfield(L, -2, "__metatable");
}

/* core.methods: all ops and the methods above; the core table is on top. */
void bind_tensors (lua_State *L) {
  luaL_setfuncs(L, core_functions, 0);
  lua_getfield(L, -1, "ops");
  int ops = lua_gettop(L);
  lua_newtable(L);
  lua_pushnil(L);
  while (lua_next(L, ops)) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_settable(L, -4);
  }
  luaL_setfuncs(L, own_methods, 0);
  make_metatable(L, ops);
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, get_field, 1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_setfield(L, ops - 1, "methods");
  lua_settop(L, ops - 1);
  luaL_newmetatable(L, WALK);
  lua_pushcfunction(L, drop_walk);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, drop_walk);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}
