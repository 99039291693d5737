/*
 * device.c - the device for our own Lua files: its name, its memory, the
 * precision of its products, and what stands between this machine and a CUDA
 * device.
 */
#include "backend/backend.h"
#include "backend/cpu/cpu.h"
#include "backend/profile.h"
#include "backend/turn.h"
#include "bind/bind.h"
#include "bind/device.h"

#include <string.h>

static const char *const precisions[PRECISIONS] = {
  [PRECISION_FLOAT32] = "float32", [PRECISION_TF32] = "tf32",
  [PRECISION_BF16] = "bf16",
};

/* Opening a device may raise. */
static void open_device (void *state) {
  const Device **d = state;
  *d = device_now();
}

static const Device *device_here (lua_State *L) {
  const Device *d = NULL;
  bind_run(L, open_device, &d);
  return d;
}

/* core.device() -> "cuda:0" */
static int device (lua_State *L) {
  lua_pushstring(L, device_here(L)->name);
  return 1;
}

/* core.device_memory() -> { used =, idle =, peak =, free =, total = } */
static int device_memory (lua_State *L) {
  DeviceMemory m = device_here(L)->memory();
  lua_newtable(L);
  set_count(L, "used", m.used);
  set_count(L, "idle", m.idle);
  set_count(L, "peak", m.peak);
  set_count(L, "free", m.free);
  set_count(L, "total", m.total);
  return 1;
}

static int no_precision (lua_State *L, const Device *d, const char *name) {
  luaL_Buffer b;
  Precision now = device_precision();
  luaL_buffinit(L, &b);
  for (int p = 0; p < PRECISIONS; p++)
    if (d->precision((Precision) p)) {
      luaL_addstring(&b, p ? ", " : "");
      luaL_addstring(&b, precisions[p]);
    }
  luaL_pushresult(&b);
  d->precision(now);
  return bind_error(L, FAIL_DEVICE, "precision '%s' is not available on %s "
                    "(available: %s)", name, d->name, lua_tostring(L, -1));
}

/* Steps that were noted multiply as they did then. */
static void forget (void *unused) {
  (void) unused;
  turn_forget();
}

/* core.precision([name]) -> the name of the one that holds now */
static int precision (lua_State *L) {
  const Device *d = device_here(L);
  if (!lua_isnoneornil(L, 1)) {
    const char *name = luaL_tolstring(L, 1, NULL);
    int p = 0;
    while (p < PRECISIONS && strcmp(name, precisions[p]) != 0)
      p++;
    bind_run(L, forget, NULL);
    if (p == PRECISIONS || !device_set_precision((Precision) p))
      return no_precision(L, d, name);
  }
  lua_pushstring(L, precisions[device_precision()]);
  return 1;
}

typedef struct Opening {
  bool there;
  char why[500];
} Opening;

static void open_cuda (void *state) {
  Opening *o = state;
  o->there = cuda_device.name != NULL || cuda_open(0, o->why, sizeof o->why);
}

static void set_text (lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

/* core.cuda() -> { plugin = its path, name =, about = } or { plugin =, why = }
 * The device is opened. */
static int cuda (lua_State *L) {
  Opening o = { .there = false };
  bind_run(L, open_cuda, &o);
  lua_newtable(L);
  set_text(L, "plugin", cuda_plugin());
  if (o.there) {
    set_text(L, "name", cuda_device.name);
    set_text(L, "about", cuda_device.about);
  } else
    set_text(L, "why", o.why);
  return 1;
}

/* ---- profiles ------------------------------------------------------------ */

static void begin_profile (void *state) {
  *(bool *) state = profile_begin();
}

/* core.profile_begin() -> whether it begins: false inside of another one */
static int l_profile_begin (lua_State *L) {
  bool begun = false;
  bind_run(L, begin_profile, &begun);
  lua_pushboolean(L, begun);
  return 1;
}

static void set_number (lua_State *L, const char *name, double v) {
  lua_pushnumber(L, v);
  lua_setfield(L, -2, name);
}

/* core.profile_end() -> { { op =, kernel =, calls =, seconds =, flop =,
 * bytes = }, ... } */
static int l_profile_end (lua_State *L) {
  int count;
  const ProfileRow *row = profile_end(&count);
  lua_createtable(L, count, 0);
  for (int i = 0; i < count; i++) {
    lua_createtable(L, 0, 6);
    set_text(L, "op", row[i].op);
    set_text(L, "kernel", row[i].kernel);
    set_count(L, "calls", (uint64_t) row[i].calls);
    set_number(L, "seconds", row[i].seconds);
    set_number(L, "flop", row[i].flop);
    set_number(L, "bytes", row[i].bytes);
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static void measure_peak (void *state) {
  *(Peak *) state = cpu_peak();
}

/* core.cpu_peak() -> { flop =, bytes = } a second, measured now */
static int l_cpu_peak (lua_State *L) {
  Peak p = { 0 };
  bind_run(L, measure_peak, &p);
  lua_createtable(L, 0, 2);
  set_number(L, "flop", p.flop);
  set_number(L, "bytes", p.bytes);
  return 1;
}

const luaL_Reg device_functions[] = {
  { "device", device }, { "device_memory", device_memory },
  { "precision", precision }, { "cuda", cuda },
  { "profile_begin", l_profile_begin }, { "profile_end", l_profile_end },
  { "cpu_peak", l_cpu_peak }, { NULL, NULL }
};
