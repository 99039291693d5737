/* program.c - see program.h. */
#include "bind/program.h"

#include "autograd/step.h"
#include "backend/backend.h"
#include "backend/turn.h"
#include "backend/cpu/cpu.h"
#include "base/text.h"
#include "bind/bind.h"
#include "build.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const char program_key;       /* its address is the registry's key */

const Option program_options[] = {
  { "device", OPTION_DEVICE, "NAME", "auto, cpu, cuda or cuda:1" },
  { "threads", OPTION_COUNT, "N", "threads of the CPU" },
  { "seed", OPTION_SEED, "N", "seed of all random numbers, or random" },
  { "data", OPTION_TEXT, "DIR", "folder with data sets" },
  { "inception", OPTION_TEXT, "FILE", "weights of Inception-v3 of 2015-12-05" },
  { "out", OPTION_TEXT, "DIR", "folder for runs (runs)" },
  { "resume", OPTION_TEXT, "RUN", "goes on with a run: its folder, or latest" },
  { "quick", OPTION_FLAG, NULL, "the script's quick settings" },
  { "progress", OPTION_PROGRESS, "KIND", "auto, bar, plain or none" },
  { "quiet", OPTION_FLAG, NULL, "no progress, no notes (-q)" },
  { "verbose", OPTION_FLAG, NULL, "says more" },
  { "traceback", OPTION_FLAG, NULL, "errors with the calls that led there" },
  { "no-color", OPTION_FLAG, NULL, "no colours on the terminal" },
  { "print-config", OPTION_FLAG, NULL, "shows the script's settings" },
  { "help", OPTION_FLAG, NULL, "this text, or that of the script (-h)" },
  { NULL, OPTION_FLAG, NULL, NULL }
};

const Option *option_find (const char *name, size_t length) {
  for (const Option *o = program_options; o->name != NULL; o++)
    if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
      return o;
  return NULL;
}

/* ---- the table -------------------------------------------------------------- */

static void new_program (lua_State *L) {
  static const char *const tables[] = {
    "command", "args", "words", "options", NULL };
  lua_newtable(L);
  for (int i = 0; tables[i] != NULL; i++) {
    lua_newtable(L);
    lua_setfield(L, -2, tables[i]);
  }
  lua_pushliteral(L, BUILD_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushliteral(L, BUILD_COMMIT);
  lua_setfield(L, -2, "commit");
  lua_pushliteral(L, BUILD_FLAGS);
  lua_setfield(L, -2, "build");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "interactive");
}

void program_push (lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &program_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  new_program(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &program_key);
}

static void push_options (lua_State *L) {
  program_push(L);
  lua_getfield(L, -1, "options");
  lua_remove(L, -2);
}

bool program_flag (lua_State *L, const char *name) {
  push_options(L);
  lua_getfield(L, -1, name);
  bool on = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return on;
}

/* ---- checking values -------------------------------------------------------- */

static int bad (lua_State *L, const Option *o, const char *wanted,
                const char *text) {
  return bind_error(L, FAIL_USAGE, "%s must be %s, got '%s'", o->name, wanted,
                    text);
}

static void push_integer (lua_State *L, const Option *o, const char *text,
                          long long least) {
  char *end;
  errno = 0;
  long long n = strtoll(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || n < least)
    bad(L, o, least > 0 ? "an integer from 1" : "an integer from 0", text);
  lua_pushinteger(L, n);
}

/* A seed that can be typed again: 31 bits from the kernel. */
static void push_random_seed (lua_State *L) {
  uint32_t n = 0;
  if (getrandom(&n, sizeof n, 0) != sizeof n)
    n = (uint32_t) getpid();
  lua_pushinteger(L, n >> 1);
}

static bool one_of (const char *text, const char *const *words) {
  for (; *words != NULL; words++)
    if (strcmp(text, *words) == 0)
      return true;
  return false;
}

static void push_flag (lua_State *L, const Option *o, const char *text) {
  static const char *const yes[] = { "", "true", "1", "yes", "on", NULL };
  static const char *const no[] = { "false", "0", "no", "off", NULL };
  if (!one_of(text, yes) && !one_of(text, no))
    bad(L, o, "true or false", text);
  lua_pushboolean(L, one_of(text, yes));
}

static bool is_device (const char *text) {
  static const char *const names[] = { "auto", "cpu", "cuda", NULL };
  if (one_of(text, names))
    return true;
  if (strncmp(text, "cuda:", 5) != 0 || text[5] == 0)
    return false;
  return text[5 + strspn(text + 5, "0123456789")] == 0;
}

static void push_value (lua_State *L, const Option *o, const char *text) {
  static const char *const kinds[] = { "auto", "bar", "plain", "none", NULL };
  switch (o->kind) {
    case OPTION_FLAG: push_flag(L, o, text); return;
    case OPTION_COUNT: push_integer(L, o, text, 1); return;
    case OPTION_SEED:
      if (strcmp(text, "random") == 0)
        push_random_seed(L);
      else
        push_integer(L, o, text, 0);
      return;
    case OPTION_DEVICE:
      if (!is_device(text))
        bad(L, o, "auto, cpu, cuda or cuda:1", text);
      break;
    case OPTION_PROGRESS:
      if (!one_of(text, kinds))
        bad(L, o, "auto, bar, plain or none", text);
      break;
    case OPTION_TEXT: break;
  }
  lua_pushstring(L, text);
}

void program_set (lua_State *L, const Option *o, const char *text) {
  push_options(L);
  push_value(L, o, text);
  lua_setfield(L, -2, o->name);
  lua_pop(L, 1);
}

/* ---- the environment, and what follows from the options --------------------- */

/* VAELUA_NAME; the folder of runs also by the name of what lies there. */
static const char *environment (const Option *o) {
  char name[64] = "VAELUA_";
  for (size_t i = 0; o->name[i] && i < sizeof name - 8; i++)
    name[7 + i] = (char) (o->name[i] == '-' ? '_'
                          : toupper((unsigned char) o->name[i]));
  const char *text = getenv(name);
  if (text == NULL && strcmp(o->name, "out") == 0)
    text = getenv("VAELUA_RUNS");
  return text;
}

/* https://no-color.org and its opposite; a dumb terminal has no colours. */
static bool colours (lua_State *L) {
  const char *no = getenv("NO_COLOR"), *force = getenv("FORCE_COLOR");
  const char *terminal = getenv("TERM");
  if (program_flag(L, "no-color") || (no != NULL && no[0]))
    return false;
  if (force == NULL)
    force = getenv("CLICOLOR_FORCE");
  if (force != NULL && force[0] && strcmp(force, "0") != 0)
    return true;
  return isatty(STDERR_FILENO) && terminal != NULL
      && strcmp(terminal, "dumb") != 0;
}

static void choose (void *state) {
  turn_leave();                 /* a noted turn is of one device */
  device_choose(state);
}

/* In the frame of bind_run: an unknown or absent device raises. */
static void apply_device (lua_State *L, const char *name) {
  bind_run(L, choose, (void *) name);
}

void program_device (lua_State *L) {
  const Device *d = device_now();
  if (d == &cpu_device)
    lua_pushfstring(L, "device cpu (%d thread%s, %s): %s", cpu_threads(),
                    cpu_threads() > 1 ? "s" : "", cpu_isa(), device_reason());
  else
    lua_pushfstring(L, "device %s (%s): %s", d->name, d->about,
                    device_reason());
}

/* Weights that are read after hours of training are looked for at once. */
static void apply_inception (lua_State *L, const char *path) {
  if (path != NULL && path[0] && access(path, R_OK) != 0)
    bind_error(L, FAIL_DATA, "inception: cannot read %s: %s", path,
               strerror(errno));
}

void program_apply (lua_State *L) {
  push_options(L);
  for (const Option *o = program_options; o->name != NULL; o++) {
    const char *text = environment(o);
    bool given = lua_getfield(L, -1, o->name) != LUA_TNIL;
    lua_pop(L, 1);
    if (!given && text != NULL && strcmp(o->name, "help") != 0)
      program_set(L, o, text);
  }
  lua_pushboolean(L, colours(L));
  lua_setfield(L, -2, "color");
  lua_getfield(L, -1, "device");
  apply_device(L, luaL_optstring(L, -1, "auto"));
  lua_pop(L, 1);
  if (lua_getfield(L, -1, "threads") == LUA_TNUMBER) {
    lua_Integer n = lua_tointeger(L, -1);
    cpu_set_threads(n < MAX_THREADS ? (int) n : MAX_THREADS);
  }
  lua_pop(L, 1);
  if (lua_getfield(L, -1, "seed") == LUA_TNUMBER)
    seed_set((uint64_t) lua_tointeger(L, -1));
  lua_pop(L, 1);
  lua_getfield(L, -1, "inception");
  apply_inception(L, lua_tostring(L, -1));
  lua_pop(L, 2);
}

/* core.setup { device =, threads =, ... } */
int program_setup (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    size_t length = 0;
    const char *name = lua_type(L, 2) == LUA_TSTRING
                       ? lua_tolstring(L, 2, &length) : "";
    const Option *o = option_find(name, length);
    if (o == NULL)
      bind_error(L, FAIL_USER, "setup: no option '%s' (options: device, "
                 "threads, seed, data, inception, out, quick, progress, quiet, "
                 "verbose)",
                 luaL_tolstring(L, 2, NULL));
    program_set(L, o, luaL_tolstring(L, 3, NULL));
    lua_settop(L, 2);
  }
  program_apply(L);
  return 0;
}

static void wait_for_device (void *unused) {
  (void) unused;
  if (cuda_device.name != NULL)
    cuda_device.sync();
}

int program_settle (lua_State *L) {
  bind_run(L, wait_for_device, NULL);
  return 0;
}
