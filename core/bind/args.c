/*
 * args.c - reading a Lua call into a Call, as its argument line says, and the
 * way in and out of a frame.  See bind.h for the three phases.
 */
#include "bind/bind.h"

#include "autograd/step.h"
#include "backend/backend.h"
#include "base/mem.h"
#include "base/text.h"
#include "bind/embed.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- errors ----------------------------------------------------------------- */

static const char last_kind, last_message;    /* their addresses are keys */

/* "file:line: " of the innermost function that is not ours, or "". */
void bind_where (lua_State *L) {
  lua_Debug d;
  for (int i = 0; lua_getstack(L, i, &d); i++) {
    lua_getinfo(L, "Sl", &d);
    if (d.currentline > 0 && !source_is_ours(d.source)) {
      lua_pushfstring(L, "%s:%d: ", d.short_src, d.currentline);
      return;
    }
  }
  lua_pushliteral(L, "");
}

/* Raises the message on top of the stack, after the user's line. */
static int fail_with (lua_State *L, Fail kind) {
  bind_where(L);
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_pushinteger(L, kind);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &last_kind);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &last_message);
  return lua_error(L);
}

int bind_error (lua_State *L, Fail kind, const char *format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  lua_pushstring(L, text);
  return fail_with(L, kind);
}

Fail bind_last_fail (lua_State *L, const char *message) {
  Fail kind = FAIL_USER;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &last_message);
  const char *last = lua_tostring(L, -1);
  if (last != NULL && strstr(message, last) != NULL) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &last_kind);
    kind = (Fail) lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return kind;
}

/* ---- frames ------------------------------------------------------------------ */

void bind_run (lua_State *L, void (*work) (void *state), void *state) {
  Fail fail = FAIL_NONE;
  bool recorded = record_off();      /* as it is, whatever the mode */
  record_on(recorded);
  for (int turn = 0; turn < 2; turn++) {
    Frame f;
    FRAME (&f)
      work(state);
    frame_close(&f);
    fail = f.fail;
    device_doing = NULL;
    record_on(recorded);             /* a backward may have raised */
    if (fail != FAIL_MEMORY && fail != FAIL_DEVICE_MEMORY)
      break;
    if (turn == 0) {                 /* let Lua give back what it can */
      lua_gc(L, LUA_GCCOLLECT);
      mem_trim();
    }
  }
  if (fail == FAIL_NONE)
    return;
  lua_pushstring(L, failure_text());
  fail_with(L, fail);
}

/* Bytes that were made up to the last collection, and between the last two
 * turns of loops. */
static uint64_t collected, turn;

/* A full collection when what is held has doubled since the last: Lua itself
 * sees only small userdata. */
static void collect (lua_State *L) {
  enum { SLACK = 64 << 20 };
  static size_t held;
  collected = tensor_bytes_made();
  if (tensor_bytes_alive() > 2 * held + SLACK) {
    lua_gc(L, LUA_GCCOLLECT);
    held = tensor_bytes_alive();
  } else
    lua_gc(L, LUA_GCSTEP, 0);
}

void bind_turn (lua_State *L) {
  static uint64_t last;
  turn = tensor_bytes_made() - last;
  last += turn;
  collect(L);
}

/* For every 32 MB made; but not inside a turn that is no larger than the last
 * one, since what lives through two collections grows old. */
void bind_collect (lua_State *L) {
  enum { YOUNG = 32 << 20 };
  uint64_t made = tensor_bytes_made() - collected;
  if (made >= YOUNG && made > 2 * turn)
    collect(L);
}

/* ---- reading arguments ---------------------------------------------------------- */

typedef struct Reader {
  lua_State *L;
  const Spec *spec;
  BoundCall *b;
  int next, top;            /* stack slots of the positional arguments */
  int options;              /* slot of the trailing table, or 0 */
} Reader;

static const char *what_is (lua_State *L, int slot) {
  Tensor *t = to_tensor(L, slot);
  if (t != NULL)
    return lua_pushfstring(L, "a tensor %s", shape_text(&t->shape));
  if (lua_type(L, slot) == LUA_TSTRING)
    return lua_pushfstring(L, "\"%s\"", lua_tostring(L, slot));
  if (lua_type(L, slot) == LUA_TNUMBER)
    return lua_pushfstring(L, "%s", luaL_tolstring(L, slot, NULL));
  return luaL_typename(L, slot);
}

static int bad (Reader *r, const ArgSpec *a, const char *wanted, int slot) {
  return bind_error(r->L, FAIL_USER, "%s: %s must be %s, got %s",
                    r->spec->name, a->name, wanted, what_is(r->L, slot));
}

static int64_t integer_at (Reader *r, const ArgSpec *a, int slot) {
  int ok;
  lua_Integer i = lua_tointegerx(r->L, slot, &ok);
  if (!ok || lua_type(r->L, slot) != LUA_TNUMBER)
    bad(r, a, "an integer", slot);
  return i;
}

/* The tensor that an axis belongs to: the first argument, or the first of a
 * list. */
static const Shape *axis_shape (const Reader *r) {
  const Arg *a = &r->b->call.arg[0];
  if (a->kind == ARG_TENSORS && a->list.count > 0)
    return &a->list.item[0]->shape;
  if (a->kind <= ARG_OPERAND && a->given && !r->b->is_number[0])
    return &a->tensor->shape;
  return NULL;
}

static int64_t axis_of (Reader *r, const ArgSpec *a, int64_t i) {
  const Shape *s = axis_shape(r);
  int rank = s ? s->rank : 0;
  if (i == 0)
    bind_error(r->L, FAIL_USER, "%s: %s is 0, but axes count from 1 "
               "(negative ones from the end)", r->spec->name, a->name);
  int64_t axis = i > 0 ? i - 1 : rank + i;
  if (axis < 0 || axis >= rank)
    bind_error(r->L, FAIL_USER, "%s: there is no axis %d in %s",
               r->spec->name, (int) i, s ? shape_text(s) : "a number");
  return axis;
}

static void add_size (Reader *r, const ArgSpec *a, Shape *s, int slot) {
  if (s->rank == MAX_RANK)
    bind_error(r->L, FAIL_USER, "%s: %s has more than %d entries",
               r->spec->name, a->name, MAX_RANK);
  int64_t i = integer_at(r, a, slot);
  s->size[s->rank++] = a->kind == ARG_AXES ? axis_of(r, a, i) : i;
}

/* Axes ascending, none twice. */
static void sort_axes (Reader *r, Shape *s) {
  for (int i = 1; i < s->rank; i++)
    for (int k = i; k > 0 && s->size[k - 1] >= s->size[k]; k--) {
      if (s->size[k - 1] == s->size[k])
        bind_error(r->L, FAIL_USER, "%s: axis %d is named twice",
                   r->spec->name, (int) s->size[k] + 1);
      int64_t t = s->size[k];
      s->size[k] = s->size[k - 1];
      s->size[k - 1] = t;
    }
}

static void read_numbers (Reader *r, const ArgSpec *a, Arg *to, int slot) {
  lua_State *L = r->L;
  to->shape.rank = 0;
  if (lua_type(L, slot) == LUA_TTABLE) {
    int n = (int) lua_rawlen(L, slot);
    for (int i = 1; i <= n; i++) {
      lua_rawgeti(L, slot, i);
      add_size(r, a, &to->shape, lua_gettop(L));
      lua_pop(L, 1);
    }
  } else if (lua_type(L, slot) == LUA_TNUMBER)
    add_size(r, a, &to->shape, slot);
  else
    bad(r, a, a->kind == ARG_AXES ? "an axis or a list of axes"
                                  : "a number or a list of numbers", slot);
  if (a->kind == ARG_AXES)
    sort_axes(r, &to->shape);
  if (a->kind == ARG_SHAPE)
    for (int i = 0; i < to->shape.rank; i++)
      if (to->shape.size[i] < -1)
        bind_error(L, FAIL_USER, "%s: %s has the size %d", r->spec->name,
                   a->name, (int) to->shape.size[i]);
}

/* The list's tensors stay anchored by the Lua table; the array of pointers by
 * a userdata that is left on the stack. */
static void read_list (Reader *r, const ArgSpec *a, Arg *to, int slot) {
  lua_State *L = r->L;
  if (lua_type(L, slot) != LUA_TTABLE)
    bad(r, a, "a list of tensors", slot);
  int n = (int) lua_rawlen(L, slot);
  Tensor **items = lua_newuserdatauv(L, sizeof *items * (size_t) (n + 1), 0);
  for (int i = 0; i < n; i++) {
    lua_rawgeti(L, slot, i + 1);
    items[i] = to_tensor(L, -1);
    if (items[i] == NULL)
      bind_error(L, FAIL_USER, "%s: entry %d of %s must be a tensor, got %s",
                 r->spec->name, i + 1, a->name, what_is(L, -1));
    lua_pop(L, 1);
  }
  to->list.item = items;
  to->list.count = n;
}

/* Text is kept once and for ever: nodes hold on to it. */
static const char *intern (const char *text) {
  static const char **word;
  static int count, room;
  for (int i = 0; i < count; i++)
    if (strcmp(word[i], text) == 0)
      return word[i];
  if (count == room)
    word = mem_grow(word, sizeof *word * (size_t) (room = 2 * room + 32));
  char *copy = mem_new(strlen(text) + 1);
  strcpy(copy, text);
  return word[count++] = copy;
}

static void read_text (Reader *r, const ArgSpec *a, Arg *to, int slot) {
  if (lua_type(r->L, slot) != LUA_TSTRING)
    bad(r, a, "a string", slot);
  to->text = intern(lua_tostring(r->L, slot));
}

static void read_dtype (Reader *r, const ArgSpec *a, Arg *to, int slot) {
  DType d;
  const char *name = lua_type(r->L, slot) == LUA_TSTRING
                     ? lua_tostring(r->L, slot) : "";
  if (!dtype_find(name, &d))
    bad(r, a, "\"float32\", \"int32\", \"uint8\" or \"float64\"", slot);
  to->integer = d;
}

static void read_arg (Reader *r, int i, int slot) {
  lua_State *L = r->L;
  const ArgSpec *a = &r->spec->arg[i];
  Arg *to = &r->b->call.arg[i];
  to->given = true;
  switch (a->kind) {
    case ARG_TENSOR: case ARG_OPERAND: case ARG_VALUE:
      to->tensor = a->kind == ARG_VALUE ? NULL : to_tensor(L, slot);
      if (to->tensor != NULL)
        return;
      if (a->kind == ARG_TENSOR || lua_type(L, slot) != LUA_TNUMBER)
        bad(r, a, a->kind == ARG_TENSOR ? "a tensor"
                  : a->kind == ARG_VALUE ? "a number"
                  : "a tensor or a number", slot);
      r->b->is_number[i] = true;
      r->b->number[i] = lua_tonumber(L, slot);
      return;
    case ARG_TENSORS: read_list(r, a, to, slot); return;
    case ARG_INT: to->integer = integer_at(r, a, slot); return;
    case ARG_AXIS:
      to->integer = axis_of(r, a, integer_at(r, a, slot));
      return;
    case ARG_AXES: case ARG_SHAPE: case ARG_INTS:
      read_numbers(r, a, to, slot);
      return;
    case ARG_BOOL:
      if (lua_type(L, slot) != LUA_TBOOLEAN)
        bad(r, a, "true or false", slot);
      to->integer = lua_toboolean(L, slot);
      return;
    case ARG_TEXT: read_text(r, a, to, slot); return;
    case ARG_DTYPE: read_dtype(r, a, to, slot); return;
    default: return;
  }
}

/* What an argument is when the script leaves it out. */
static void leave_out (Reader *r, int i) {
  const ArgSpec *a = &r->spec->arg[i];
  Arg *to = &r->b->call.arg[i];
  to->given = a->has_default;
  if (!a->has_default) {
    if (!a->optional && a->kind != ARG_ADDRESS)
      bind_error(r->L, FAIL_USER, "%s: %s is missing%s   (%s)%s", r->spec->name,
                 a->name, a->kind == ARG_OPERAND ? " (nil)" : "",
                 r->spec->line, i == 0 && a->kind <= ARG_OPERAND
                 ? "; was it called with '.' in place of ':'?" : "");
    return;
  }
  switch (a->kind) {
    case ARG_OPERAND: case ARG_VALUE:
      r->b->is_number[i] = true;
      r->b->number[i] = a->number;
      return;
    case ARG_AXIS: to->integer = axis_of(r, a, (int64_t) a->number); return;
    case ARG_TEXT: to->text = a->text; return;
    case ARG_AXES:
      to->shape.rank = 1;
      to->shape.size[0] = axis_of(r, a, (int64_t) a->number);
      return;
    case ARG_SHAPE: case ARG_INTS:
      to->shape.rank = 1;
      to->shape.size[0] = (int64_t) a->number;
      return;
    default: to->integer = (int64_t) a->number;
  }
}

/* A table with names and without a list part. */
static bool is_options (lua_State *L, int slot) {
  if (lua_type(L, slot) != LUA_TTABLE || lua_rawlen(L, slot) != 0)
    return false;
  lua_pushnil(L);
  if (!lua_next(L, slot))
    return true;
  lua_pop(L, 2);
  return true;
}

/* Numbers one after the other for the last shape: zeros(2, 3). */
static void read_sizes (Reader *r, int i) {
  Arg *to = &r->b->call.arg[i];
  to->given = true;
  while (r->next <= r->top && lua_type(r->L, r->next) == LUA_TNUMBER)
    add_size(r, &r->spec->arg[i], &to->shape, r->next++);
}

static void read_positional (Reader *r, int i) {
  const ArgSpec *a = &r->spec->arg[i];
  if (a->kind == ARG_ADDRESS) {
    r->b->call.arg[i].given = true;
    return;
  }
  bool last = i == r->spec->positional - 1
           || r->spec->arg[i + 1].kind == ARG_ADDRESS;
  bool spread = last && a->kind >= ARG_AXES && a->kind <= ARG_INTS;
  if (spread && r->next <= r->top
      && lua_type(r->L, r->next) == LUA_TNUMBER) {
    read_sizes(r, i);
    if (a->kind == ARG_AXES)
      sort_axes(r, &r->b->call.arg[i].shape);
  } else if (r->next > r->top) {
    if (a->kind == ARG_SHAPE && !a->optional && !a->has_default)
      r->b->call.arg[i].given = true;       /* zeros(): one number */
    else
      leave_out(r, i);
  } else if (lua_isnil(r->L, r->next) && (a->optional || a->has_default)) {
    leave_out(r, i);
    r->next++;
  } else
    read_arg(r, i, r->next++);
}

static const ArgSpec *named (const Spec *s, const char *name, int *i) {
  for (*i = s->positional; *i < s->count; (*i)++)
    if (strcmp(s->arg[*i].name, name) == 0)
      return &s->arg[*i];
  return NULL;
}

static void unknown_name (Reader *r, const char *name) {
  luaL_Buffer text;
  char first[200];
  const char *names[MAX_ARGS], *near;
  size_t n = 0;
  for (int i = r->spec->positional; i < r->spec->count; i++)
    names[n++] = r->spec->arg[i].name;
  near = text_nearest(name, names, n);
  snprintf(first, sizeof first, "%s has no option '%s'%s%s%s (options:",
           r->spec->name, name, near ? " (did you mean '" : "",
           near ? near : "", near ? "'?)" : "");
  luaL_buffinit(r->L, &text);
  luaL_addstring(&text, first);
  for (int i = r->spec->positional; i < r->spec->count; i++) {
    luaL_addstring(&text, i > r->spec->positional ? ", " : " ");
    luaL_addstring(&text, r->spec->arg[i].name);
  }
  if (r->spec->count == r->spec->positional)
    luaL_addstring(&text, " none");
  luaL_addstring(&text, ")");
  luaL_pushresult(&text);
  bind_error(r->L, FAIL_USER, "%s", lua_tostring(r->L, -1));
}

static void read_options (Reader *r) {
  lua_State *L = r->L;
  int i;
  if (r->options != 0) {
    lua_pushnil(L);
    while (lua_next(L, r->options)) {
      lua_pop(L, 1);
      const char *name = lua_type(L, -1) == LUA_TSTRING
                         ? lua_tostring(L, -1) : "?";
      if (named(r->spec, name, &i) == NULL)
        unknown_name(r, name);
    }
  }
  for (i = r->spec->positional; i < r->spec->count; i++) {
    if (r->spec->arg[i].kind == ARG_ADDRESS) {
      r->b->call.arg[i].given = true;
      continue;
    }
    int type = r->options ? lua_getfield(L, r->options, r->spec->arg[i].name)
                          : LUA_TNIL;
    if (type == LUA_TNIL)
      leave_out(r, i);
    else
      read_arg(r, i, lua_gettop(L));
    if (r->options && r->spec->arg[i].kind != ARG_TENSORS)
      lua_pop(L, 1);
  }
}

void args_read (lua_State *L, int first, const Spec *spec, BoundCall *b) {
  Reader r = { L, spec, b, first, lua_gettop(L), 0 };
  call_begin(&b->call, NULL, spec);
  memset(b->is_number, 0, sizeof b->is_number);
  for (int i = 0; i < spec->count; i++)
    b->call.arg[i].kind = spec->arg[i].kind;
  luaL_checkstack(L, 24, NULL);
  while (r.top >= first && lua_isnil(L, r.top))
    r.top--;
  if (r.top >= first && is_options(L, r.top)
      && (spec->count > spec->positional || spec->positional == 0
          || spec->arg[spec->positional - 1].kind < ARG_AXES))
    r.options = r.top--;
  for (int i = 0; i < spec->positional; i++)
    read_positional(&r, i);
  if (r.next <= r.top)
    bind_error(L, FAIL_USER, "%s: %d arguments too many   (%s)", spec->name,
               r.top - r.next + 1, spec->line);
  read_options(&r);
}

/* True if argument i is a whole number that meets an integer tensor, as in
 * labels - 1: it stays an integer. */
static bool is_whole (const BoundCall *b, int i) {
  double x = b->number[i];
  if (b->call.arg[i].kind != ARG_OPERAND || x != floor(x) || fabs(x) > 2e9)
    return false;
  for (int k = 0; k < b->call.spec->count; k++) {
    const Arg *a = &b->call.arg[k];
    if (a->given && a->kind == ARG_OPERAND && !b->is_number[k])
      return a->tensor->dtype == I32 || a->tensor->dtype == U8;
  }
  return false;
}

void bind_values (BoundCall *b) {
  const Spec *s = b->call.spec;
  for (int i = 0; i < s->count; i++) {
    if (b->is_number[i])
      b->call.arg[i].tensor = is_whole(b, i) ? whole_new((int32_t) b->number[i])
                                             : value_new(b->number[i]);
    else if (s->arg[i].kind == ARG_ADDRESS)
      b->call.arg[i].tensor = address_next();
  }
}
