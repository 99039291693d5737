/*
 * tensor.c - tensors as Lua userdata: fields, indexing, operators, values in
 * and out, writing in place.
 *
 * A userdata holds one reference, and a mark by which it is known: a look at
 * its metatable would cost as much as a small kernel.  Methods are the bound
 * ops; Lua files add theirs to core.methods.
 */
#include "bind/bind.h"

#include "autograd/print.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static const char *const TENSOR = "vaelua.tensor";

typedef struct Box {
  const void *mark;             /* &metatable */
  Tensor *tensor;
} Box;

static const char metatable;    /* its address is the key in the registry */

/* ---- userdata ------------------------------------------------------------------ */

Tensor *to_tensor (lua_State *L, int index) {
  const Box *b = lua_touserdata(L, index);
  if (b == NULL || lua_rawlen(L, index) != sizeof *b || b->mark != &metatable)
    return NULL;
  return b->tensor;
}

Tensor *check_tensor (lua_State *L, int index) {
  Tensor *t = to_tensor(L, index);
  if (t == NULL)
    bind_error(L, FAIL_USER, "a tensor is needed, got %s",
               luaL_typename(L, index));
  return t;
}

Tensor **tensor_box (lua_State *L) {
  Box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (Box) { &metatable, NULL };
  lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable);
  lua_setmetatable(L, -2);
  return &b->tensor;
}

static int collect (lua_State *L) {
  Box *b = lua_touserdata(L, 1);
  tensor_collecting = true;
  tensor_drop(b->tensor);
  tensor_collecting = false;
  b->tensor = NULL;
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

static lua_Integer need_index (lua_State *L, int slot) {
  int ok;
  lua_Integer i = lua_tointegerx(L, slot, &ok);
  if (!ok)
    bind_error(L, FAIL_USER, "at: an index must be an integer, got %s",
               lua_type(L, slot) == LUA_TNUMBER ? lua_tostring(L, slot)
               : luaL_typename(L, slot));
  return i;
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
      * place(L, "at", need_index(L, i + 2), t->shape.size[i]);
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
  size_t bytes = (size_t) shape_count(&m->shape) * sizeof *m->numbers;
  Tensor *wide = tensor_new(device_now(), F64, &m->shape), *t = wide;
  if (m->dtype != F64)
    t = tensor_new(device_now(), m->dtype, &m->shape);
  if (bytes > 0)
    wide->storage->device->upload(tensor_data(wide), m->numbers, bytes);
  if (bytes > 0 && t != wide)
    kern(t)->copy(view(t), view(wide));
  *m->box = tensor_keep(t);
}

static int new_tensor (lua_State *L) {
  Make m = { .dtype = F32 };
  if (to_tensor(L, 1) != NULL) {           /* a tensor is passed through */
    lua_settop(L, 1);
    return 1;
  }
  if (!lua_isnoneornil(L, 2) && lua_type(L, 2) != LUA_TSTRING)
    return bind_error(L, FAIL_USER, "tensor: a dtype is a text such as "
                      "\"int32\", got %s", luaL_typename(L, 2));
  if (!lua_isnoneornil(L, 2) && !dtype_find(lua_tostring(L, 2), &m.dtype))
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

#define DISTRIBUTION "a method of distributions: va.dist.normal(h:split(2))"

/* What other libraries call something, and what it is here. */
static const char *const elsewhere[][2] = {
  { "view", "x:reshape(shape)" }, { "size", "x.shape or #x" },
  { "dim", "#x.shape" }, { "ndim", "#x.shape" },
  { "numel", "the product of x.shape" }, { "t", "x:transpose()" },
  { "T", "x:transpose()" }, { "mm", "x:matmul(y)" }, { "bmm", "x:matmul(y)" },
  { "gather", "x:choose(y) or x:pick(indices)" },
  { "index_select", "x:pick(indices)" }, { "chunk", "x:split(n)" },
  { "numpy", "x:totable() or va.write" }, { "tolist", "x:totable()" },
  { "cpu", "x:to \"cpu\"" }, { "cuda", "x:to \"cuda\"" },
  { "float", "x:as \"float32\"" }, { "int", "x:as \"int32\"" },
  { "long", "x:as \"int32\"" }, { "byte", "x:as \"uint8\"" },
  { "double", "x:as \"float64\"" }, { "type", "x:as(dtype), x.dtype" },
  { "clone", "x itself: tensors are values" },
  { "backward", "optimiser:step(loss) or va.grad(loss, wrt)" },
  { "requires_grad", "va.var(x) or nn.param(x)" },
  { "grad", "va.grad(loss, x)" }, { "narrow", "x:slice(axis, i, j)" },
  { "draw", DISTRIBUTION }, { "logp", DISTRIBUTION }, { "kl", DISTRIBUTION },
  { "sample", DISTRIBUTION }, { "entropy", DISTRIBUTION },
  { "repeat", "x:tile(k) or x:expand(shape)" }, { "norm", "x:square():sum():"
    "sqrt()" },
};

/* The caller's first argument is this tensor and is called self. */
static bool is_self (lua_State *L) {
  lua_Debug d;
  if (!lua_getstack(L, 1, &d))
    return false;
  const char *name = lua_getlocal(L, &d, 1);
  if (name == NULL)
    return false;
  bool same = strcmp(name, "self") == 0 && lua_rawequal(L, -1, 1);
  lua_pop(L, 1);
  return same;
}

/* The nearest method name for a misspelt one. */
static int no_field (lua_State *L, const char *name) {
  if (is_self(L))
    return bind_error(L, FAIL_USER, "self is a tensor here, which has no "
                      "method or field '%s': call this function with ':', "
                      "model:name(x), not with '.'", name);
  for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
    if (strcmp(elsewhere[i][0], name) == 0)
      return bind_error(L, FAIL_USER, "a tensor has no method or field '%s' "
                        "(here it is %s)", name, elsewhere[i][1]);
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
  p.width = lua_isinteger(L, 3) ? (int) lua_tointeger(L, 3) : 80;
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

static double need_number (lua_State *L, int slot, const char *what) {
  if (lua_type(L, slot) != LUA_TNUMBER)
    bind_error(L, FAIL_USER, "%s is needed, got %s", what,
               luaL_typename(L, slot));
  return lua_tonumber(L, slot);
}

static int write_in_place (lua_State *L, bool lerp) {
  Write w = { .t = check_tensor(L, 1), .v = to_tensor(L, 2), .lerp = lerp };
  if (w.v == NULL)
    w.number = need_number(L, 2, lerp ? "lerp: a tensor" :
                           "set: a tensor or a number");
  if (lerp)
    w.weight = need_number(L, 3, "lerp: a weight, p + weight (v - p),");
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

/* ---- parameters ----------------------------------------------------------------------------- */

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

/* ---- the rest --------------------------------------------------------------------------------------------- */

static const char *const fail_names[] = {
  "", "user", "usage", "data", "device", "diverged", "memory", "interrupt",
  "device memory", NULL
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
  { "tracked", l_tracked }, { "fail", fail }, { "nearest", nearest },
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
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable);
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
}
