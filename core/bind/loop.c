/*
 * loop.c - the turns of loops, and what a turn needs so that the next one is
 * alike: batches from an order that stays where it is, running sums.
 */
#include "bind/bind.h"

#include "autograd/step.h"
#include "backend/backend.h"
#include "backend/turn.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

static const char *const LOOP = "vaelua.loop";

/* ---- turns --------------------------------------------------------------- */

typedef struct TurnRun {
  Loop *loop, **box;
  bool failed, began, tried;
  const char *told;
} TurnRun;

static void make_loop (void *state) {
  *((TurnRun *) state)->box = loop_new();
}

/* core.loop_new() -> loop */
static int new_loop (lua_State *L) {
  TurnRun r = { .box = lua_newuserdatauv(L, sizeof *r.box, 0) };
  *r.box = NULL;
  luaL_setmetatable(L, LOOP);
  bind_run(L, make_loop, &r);
  return 1;
}

static int drop_loop (lua_State *L) {
  Loop **box = luaL_checkudata(L, 1, LOOP);
  loop_free(*box);
  *box = NULL;
  return 0;
}

static void begin (void *state) {
  TurnRun *r = state;
  r->began = turn_begin(r->loop);
  if (r->began)
    value_fresh();
}

/* core.turn_begin(loop) -> false if a turn of another loop is open */
static int begin_turn (lua_State *L) {
  TurnRun r = { .loop = *(Loop **) luaL_checkudata(L, 1, LOOP) };
  bind_run(L, begin, &r);
  lua_pushboolean(L, r.began);
  return 1;
}

/* However it fails, no turn stays open: the next loops begin their own. */
static void end (void *state) {
  TurnRun *r = state;
  Frame f;
  if (!turn_open(r->loop))
    return;
  value_fresh();
  FRAME (&f)
    r->told = turn_end(r->loop, r->failed);
  frame_close(&f);
  if (f.fail == FAIL_NONE)
    return;
  if (r->tried || f.fail != FAIL_MEMORY)
    turn_drop(r->loop);
  r->tried = true;
  raise_as(f.fail, "%s", failure_text());
}

/* core.turn_end(loop, failed) -> a line for the user, or nil.  Nothing is
 * done if no turn of this loop is open. */
static int end_turn (lua_State *L) {
  TurnRun r = { .loop = *(Loop **) luaL_checkudata(L, 1, LOOP),
                .failed = lua_toboolean(L, 2) };
  bind_run(L, end, &r);
  lua_pushstring(L, r.told);
  return 1;
}

static void close_work (void *state) {
  loop_close(((TurnRun *) state)->loop);
}

/* core.loop_close(loop): its memory is given back */
static int close_loop (lua_State *L) {
  TurnRun r = { .loop = *(Loop **) luaL_checkudata(L, 1, LOOP) };
  bind_run(L, close_work, &r);
  return 0;
}

/* core.eager(on) -> what it was.  Whether loops run call by call. */
static int eager (lua_State *L) {
  luaL_checktype(L, 1, LUA_TBOOLEAN);
  lua_pushboolean(L, !turn_enable(!lua_toboolean(L, 1)));
  return 1;
}

/* core.turns() -> { turns =, noted =, launched =, partly =, moved = } */
static int turns (lua_State *L) {
  TurnCount c = turn_count();
  lua_newtable(L);
  set_count(L, "turns", c.turns);
  set_count(L, "noted", c.noted);
  set_count(L, "launched", c.launched);
  set_count(L, "partly", c.partly);
  set_count(L, "moved", c.moved);
  return 1;
}

/* ---- batches and sums ------------------------------------------------------ */

typedef struct Window {
  Tensor *x, **box;
  int64_t first, n;
} Window;

static void window_work (void *state) {
  Window *w = state;
  Shape shape = { 1, { w->n } };
  Tensor *first = whole_new((int32_t) w->first);
  Tensor *y = tensor_new(w->x->storage->device, I32, &shape);
  if (w->n > 0)
    kern(y)->window(view(y), view(w->x), (Whole) { tensor_data(first) });
  tensor_bound_like(y, w->x);
  *w->box = tensor_keep(y);
}

/* core.window(x, first, n): elements first .. first + n - 1 of an int32 [N]
 * as a new tensor; first is a value, not structure. */
static int window (lua_State *L) {
  Window w = { .x = check_tensor(L, 1), .first = luaL_checkinteger(L, 2),
               .n = luaL_checkinteger(L, 3) };
  luaL_argcheck(L, w.x->dtype == I32 && w.x->shape.rank == 1
                && tensor_contiguous(w.x), 1, "int32 [N] is needed");
  luaL_argcheck(L, w.n >= 0 && w.first >= 1
                && w.first + w.n - 1 <= w.x->shape.size[0], 2,
                "not in the tensor");
  w.box = tensor_box(L);
  bind_run(L, window_work, &w);
  return 1;
}

static void reorder_work (void *state) {
  Tensor *const *both = state;
  kern(both[0])->copy(view(both[0]), view(both[1]));
  both[0]->storage->version++;
  tensor_bound_like(both[0], both[1]);
}

/* core.reorder(x, y) -> x, with the elements of y: int32 tensors of one
 * shape */
static int reorder (lua_State *L) {
  Tensor *both[2] = { check_tensor(L, 1), check_tensor(L, 2) };
  luaL_argcheck(L, shape_equal(&both[0]->shape, &both[1]->shape), 2,
                "not of the same shape");
  bind_run(L, reorder_work, both);
  lua_settop(L, 1);
  return 1;
}

/* Made aside: the turn that adds first is like those that follow. */
static void make_sum (void *state) {
  Tensor **box = state;
  Shape one = { .rank = 0 };
  turn_aside(true);
  Frame f;
  FRAME (&f)
    *box = tensor_keep(tensor_new(device_now(), F32, &one));
  frame_close(&f);
  turn_aside(false);
  if (f.fail != FAIL_NONE)
    raise_as(f.fail, "%s", failure_text());
}

/* core.sum_new() -> one number, not set */
static int new_sum (lua_State *L) {
  Tensor **box = tensor_box(L);
  bind_run(L, make_sum, box);
  return 1;
}

typedef struct Sum {
  Tensor *sum, *x, **box;
  double scale;
  bool keep;
} Sum;

static void sum_work (void *state) {
  Sum *s = state;
  Tensor *x = float_of(s->x), *scale = value_new(s->scale);
  Tensor *keep = value_new(s->keep);
  kern(s->sum)->accumulate(view(s->sum), view(x),
                           (Scalar) { tensor_data(scale) },
                           (Scalar) { tensor_data(keep) });
  s->sum->storage->version++;
}

/* core.accumulate(sum, x, scale, keep): sum, one number, grows in place by
 * scale times the sum of x; without keep it begins anew. */
static int accumulate (lua_State *L) {
  Sum s = { .sum = check_tensor(L, 1), .x = check_tensor(L, 2),
            .scale = luaL_checknumber(L, 3), .keep = lua_toboolean(L, 4) };
  luaL_argcheck(L, s.sum->dtype == F32 && tensor_count(s.sum) == 1, 1,
                "one float32 number is needed");
  bind_run(L, sum_work, &s);
  return 0;
}

typedef struct Range {
  Tensor *t;
  int64_t low, high;
} Range;

static void range_work (void *state) {
  Range *r = state;
  Tensor *t = dense(r->t);
  int64_t n = tensor_count(t);
  int32_t *at = mem_new((size_t) n * sizeof *at + 1);
  own_reserve();
  own(at, mem_free);
  t->storage->device->download(at, tensor_data(t), (size_t) n * sizeof *at);
  r->low = r->high = n > 0 ? at[0] : 0;
  for (int64_t i = 1; i < n; i++) {
    r->low = at[i] < r->low ? at[i] : r->low;
    r->high = at[i] > r->high ? at[i] : r->high;
  }
  if (r->t->storage->bytes == (size_t) n * sizeof *at)
    tensor_bound(r->t, r->low, r->high);
}

/* core.bounds(t) -> least, largest element of an int32 tensor; its storage
 * remembers them. */
static int bounds (lua_State *L) {
  Range r = { .t = check_tensor(L, 1) };
  luaL_argcheck(L, r.t->dtype == I32, 1, "int32 is needed");
  bind_run(L, range_work, &r);
  lua_pushinteger(L, r.low);
  lua_pushinteger(L, r.high);
  return 2;
}

static const luaL_Reg functions[] = {
  { "loop_new", new_loop }, { "loop_close", close_loop },
  { "turn_begin", begin_turn }, { "turn_end", end_turn },
  { "eager", eager }, { "turns", turns }, { "window", window },
  { "reorder", reorder }, { "sum_new", new_sum }, { "accumulate", accumulate }, { "bounds", bounds }, { NULL, NULL }
};

/* The core table is on top. */
void bind_loops (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newmetatable(L, LOOP);
  lua_pushcfunction(L, drop_loop);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
