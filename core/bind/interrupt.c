/* interrupt.c - see interrupt.h.
 *
 * A handler may do next to nothing; lua_sethook is made for it, but it acts on
 * one coroutine only.  So coroutine.resume and the functions of coroutine.wrap
 * are replaced by ones that note which coroutine runs. */
#include "bind/interrupt.h"

#include "autograd/step.h"
#include "base/stop.h"
#include "bind/bind.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t presses, term, held;
static lua_State *volatile running;

/* The loop that asked last: how deep it lies and its mode.  It is still open
 * if we are deeper, or as deep and in the same mode. */
static volatile sig_atomic_t polled_depth, polled_mode;

static bool in_polling_loop (void) {
  int depth = mode_depth();
  return polled_depth > 0 && depth >= polled_depth
      && (depth > polled_depth || (int) mode_now() == polled_mode);
}

static void stop (lua_State *L, lua_Debug *d) {
  (void) d;
  stop_wanted = 0;
  lua_sethook(L, NULL, 0, 0);
  bind_error(L, FAIL_INTERRUPT, term ? "terminated" : "interrupted");
}

static void handle (int signal) {
  static const char note[] =
    "\nstopping after this step (press again to stop now)\n";
  presses++;
  term = signal == SIGTERM;
  if (held)
    return;
  if (presses == 1 && in_polling_loop()) {
    if (write(STDERR_FILENO, note, sizeof note - 1) < 0)
      return;                       /* nobody is there to read it */
  } else {
    stop_wanted = 1;
    lua_sethook(running, stop,
                LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE | LUA_MASKCOUNT, 1);
  }
}

int interrupt_count (void) {
  polled_depth = mode_depth();
  polled_mode = (int) mode_now();
  return presses;
}

bool interrupt_pressed (void) {
  return presses > 0;
}

bool interrupt_term (void) {
  return term;
}

void interrupt_clear (void) {
  presses = term = polled_depth = 0;
  stop_wanted = 0;
}

void interrupt_hold (bool hold) {
  held = hold;
}

/* The calls of a coroutine that failed with the message on top of L: they are
 * gone when the message reaches the top. */
static void keep_calls (lua_State *L, lua_State *co) {
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, COROUTINE_MESSAGE);
  luaL_traceback(L, co, NULL, 0);
  lua_setfield(L, LUA_REGISTRYINDEX, COROUTINE_CALLS);
}

/* As in lcorolib.c: moves count arguments from the top of L into co and
 * resumes it, while it counts as running.  The number of results, which are
 * left on L, or -1 and an error value. */
static int resume_noting (lua_State *L, lua_State *co, int count) {
  lua_State *before = running;
  int results;
  if (!lua_checkstack(co, count)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, count);
  running = co;
  int status = lua_resume(co, L, count, &results);
  running = before;
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    keep_calls(L, co);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static int resume (lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  int results = resume_noting(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, results >= 0);
  if (results < 0)
    results = 1;
  lua_insert(L, -1 - results);
  return results + 1;
}

/* The function that coroutine.wrap gives: an error of the coroutine is passed
 * on, after its to-be-closed variables were closed. */
static int wrapped (lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = resume_noting(L, co, lua_gettop(L));
  if (results >= 0)
    return results;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_pop(L, 1);
    lua_resetthread(co);
    lua_xmove(co, L, 1);
  }
  return lua_error(L);
}

static int wrap (lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, wrapped, 1);
  return 1;
}

void interrupt_open (lua_State *L) {
  struct sigaction a;
  running = L;
  lua_getglobal(L, "coroutine");
  lua_pushcfunction(L, resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, wrap);
  lua_setfield(L, -2, "wrap");
  lua_pop(L, 1);
  memset(&a, 0, sizeof a);
  a.sa_handler = handle;             /* no SA_RESTART: a read must return */
  sigaction(SIGINT, &a, NULL);
  sigaction(SIGTERM, &a, NULL);
}
