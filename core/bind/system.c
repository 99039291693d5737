/*
 * system.c - files, folders, clock, terminal, JSON and child processes, for
 * our own Lua files.  Failures name the path and the system's reason.
 */
#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "base/json.h"
#include "base/output.h"
#include "base/sha256.h"
#include "bind/bind.h"
#include "bind/device.h"
#include "bind/interrupt.h"
#include "bind/program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

extern char **environ;

static int failed (lua_State *L, const char *what, const char *path) {
  return bind_error(L, FAIL_USER, "cannot %s %s: %s", what, path,
                    strerror(errno));
}

/* ---- files and folders ------------------------------------------------------ */

/* core.exists(path) -> "file", "folder" or nil */
static int exists (lua_State *L) {
  struct stat s;
  if (stat(luaL_checkstring(L, 1), &s) != 0)
    lua_pushnil(L);
  else
    lua_pushstring(L, S_ISDIR(s.st_mode) ? "folder" : "file");
  return 1;
}

/* core.mkdir(path): with the folders above it; one that exists is fine. */
static int make_folder (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char part[PATH_MAX];
  size_t length = strlen(path);
  if (length >= sizeof part) {
    errno = ENAMETOOLONG;
    return failed(L, "make the folder", path);
  }
  for (size_t i = 1; i <= length; i++) {
    if (path[i] != '/' && path[i] != 0)
      continue;
    memcpy(part, path, i);
    part[i] = 0;
    if (mkdir(part, 0777) == 0 || errno == EEXIST)
      continue;
    return failed(L, "make the folder", path);
  }
  struct stat s;
  if (stat(path, &s) == 0 && S_ISDIR(s.st_mode))
    return 0;
  errno = ENOTDIR;
  return failed(L, "make the folder", path);
}

/* core.list(folder) -> names, sorted by their bytes */
static int by_bytes (const struct dirent **a, const struct dirent **b) {
  return strcmp((*a)->d_name, (*b)->d_name);
}

static int list (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct dirent **entry;
  lua_Integer n = 0;
  lua_newtable(L);
  int count = scandir(path, &entry, NULL, by_bytes);
  if (count < 0)
    return failed(L, "read the folder", path);
  for (int i = 0; i < count; i++) {
    const char *name = entry[i]->d_name;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
      lua_pushstring(L, name);
      lua_rawseti(L, -2, ++n);
    }
    free(entry[i]);
  }
  free(entry);
  return 1;
}

typedef struct Writing {
  const char *path, *text;
  size_t length;
} Writing;

static void write_whole (void *state) {
  const Writing *w = state;
  Output *o = output_new(w->path);
  output_write(o, w->text, w->length);
  output_commit(o);
}

/* core.write(path, text): the file is whole, or as it was before. */
static int write_text (lua_State *L) {
  Writing w = { .path = luaL_checkstring(L, 1) };
  w.text = luaL_checklstring(L, 2, &w.length);
  bind_run(L, write_whole, &w);
  return 0;
}

/* core.append(path, text): one write, so that lines of two processes do not
 * mix. */
static int append_text (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  size_t length;
  const char *text = luaL_checklstring(L, 2, &length);
  FILE *f = fopen(path, "ab");
  if (f == NULL)
    return failed(L, "write", path);
  setvbuf(f, NULL, _IONBF, 0);
  bool good = fwrite(text, 1, length, f) == length;
  int error = errno;
  fclose(f);
  errno = error;
  return good ? 0 : failed(L, "write", path);
}

static int remove_file (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  return remove(path) == 0 ? 0 : failed(L, "remove", path);
}

/* core.symlink(target, path) */
static int make_link (lua_State *L) {
  const char *path = luaL_checkstring(L, 2);
  if (symlink(luaL_checkstring(L, 1), path) == 0)
    return 0;
  return failed(L, "make the link", path);
}

/* core.realpath(path) -> absolute path without links, or nil */
static int real_path (lua_State *L) {
  char path[PATH_MAX];
  lua_pushstring(L, realpath(luaL_checkstring(L, 1), path));
  return 1;
}

static int current_folder (lua_State *L) {
  char path[PATH_MAX];
  if (getcwd(path, sizeof path) == NULL)
    return failed(L, "name", "the current folder");
  lua_pushstring(L, path);
  return 1;
}

/* ---- machine and clock ------------------------------------------------------ */

static int seconds (lua_State *L, clockid_t which) {
  struct timespec t;
  clock_gettime(which, &t);
  lua_pushnumber(L, (double) t.tv_sec + 1e-9 * (double) t.tv_nsec);
  return 1;
}

/* core.clock(): for differences; core.time(): since 1970 */
static int clock_now (lua_State *L) {
  return seconds(L, CLOCK_MONOTONIC);
}

static int time_now (lua_State *L) {
  return seconds(L, CLOCK_REALTIME);
}

static int is_terminal (lua_State *L) {
  lua_pushboolean(L, isatty((int) luaL_checkinteger(L, 1)));
  return 1;
}

/* core.columns(): of the terminal; 80 where there is none */
static int columns (lua_State *L) {
  const char *wanted = getenv("COLUMNS");
  int n = wanted ? atoi(wanted) : 0;
  struct winsize w;
  if (n <= 0 && (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0
                 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0))
    n = w.ws_col;
  lua_pushinteger(L, n > 0 ? n : 80);
  return 1;
}

static int process (lua_State *L) {
  lua_pushinteger(L, getpid());
  return 1;
}

static int host_name (lua_State *L) {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  lua_pushstring(L, name);
  return 1;
}

static int thread_count (lua_State *L) {
  lua_pushinteger(L, cpu_threads());
  return 1;
}

/* core.interrupted() -> number of presses so far, or "term".  The caller is a
 * loop that stops by itself after the first (interrupt.h). */
static int interrupted (lua_State *L) {
  int n = interrupt_count();
  if (n > 0 && interrupt_term())
    lua_pushliteral(L, "term");
  else
    lua_pushinteger(L, n);
  return 1;
}

/* ---- JSON --------------------------------------------------------------------- */

enum { DEEPEST = 100 };     /* tables in tables; more is a cycle */

static json_t *from_lua (lua_State *L, int depth, const char **bad);

static json_t *from_list (lua_State *L, int depth, const char **bad) {
  json_t *list_of = json_array();
  lua_Integer n = (lua_Integer) lua_rawlen(L, -1);
  for (lua_Integer i = 1; i <= n && *bad == NULL; i++) {
    lua_rawgeti(L, -1, i);
    json_array_append_new(list_of, from_lua(L, depth + 1, bad));
    lua_pop(L, 1);
  }
  return list_of;
}

/* Keys are text; numbers are written as text. */
static json_t *from_names (lua_State *L, int depth, const char **bad) {
  json_t *names = json_object();
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    size_t length;
    if (lua_type(L, -2) != LUA_TSTRING && lua_type(L, -2) != LUA_TNUMBER)
      *bad = "a key that is neither text nor number";
    json_t *v = *bad ? NULL : from_lua(L, depth + 1, bad);
    if (*bad != NULL) {
      json_decref(v);
      lua_pop(L, 2);
      break;
    }
    lua_pushvalue(L, -2);              /* lua_next needs the key unchanged */
    const char *bytes = lua_tolstring(L, -1, &length);
    json_t *key = json_text(bytes, length);
    json_object_setn_new(names, json_string_value(key),
                         json_string_length(key), v);
    json_decref(key);
    lua_pop(L, 2);
  }
  return names;
}

/* A table is a list if it has a first entry; an empty one is {}. */
static json_t *from_table (lua_State *L, int depth, const char **bad) {
  if (depth == DEEPEST || !lua_checkstack(L, 8)) {
    *bad = "tables nested more than 100 deep";
    return NULL;
  }
  return lua_rawlen(L, -1) > 0 ? from_list(L, depth, bad)
                               : from_names(L, depth, bad);
}

/* The value on top of the stack; what JSON cannot say is named in *bad.
 * NaN and infinities become null.  Calls nothing that can raise. */
static json_t *from_lua (lua_State *L, int depth, const char **bad) {
  size_t length;
  switch (lua_type(L, -1)) {
    case LUA_TNIL: case LUA_TLIGHTUSERDATA: return json_null();
    case LUA_TBOOLEAN: return json_boolean(lua_toboolean(L, -1));
    case LUA_TSTRING: {
      const char *bytes = lua_tolstring(L, -1, &length);
      return json_text(bytes, length);
    }
    case LUA_TNUMBER:
      if (lua_isinteger(L, -1))
        return json_integer(lua_tointeger(L, -1));
      return isfinite(lua_tonumber(L, -1)) ? json_real(lua_tonumber(L, -1))
                                           : json_null();
    case LUA_TTABLE: return from_table(L, depth, bad);
    default:
      *bad = luaL_typename(L, -1);
      return NULL;
  }
}

/* core.json(value, [indent=0]) -> text with sorted keys */
static int to_json (lua_State *L) {
  const char *bad = NULL;
  luaL_checkany(L, 1);
  int indent = (int) luaL_optinteger(L, 2, 0);
  lua_settop(L, 1);
  json_t *value = from_lua(L, 0, &bad);
  char *text = bad ? NULL : json_print(value, indent);
  json_decref(value);
  if (text == NULL)
    return bind_error(L, FAIL_USER, "json: cannot write %s",
                      bad ? bad : "this value");
  lua_pushstring(L, text);
  free(text);
  return 1;
}

/* null is nil among names, and core.null in a list. */
static void to_lua (lua_State *L, const json_t *v) {
  const char *key;
  json_t *item;
  size_t i;
  luaL_checkstack(L, 4, "JSON nested too deep");
  switch (json_typeof(v)) {
    case JSON_NULL: lua_pushlightuserdata(L, NULL); return;
    case JSON_TRUE: case JSON_FALSE:
      lua_pushboolean(L, json_is_true(v));
      return;
    case JSON_INTEGER: lua_pushinteger(L, json_integer_value(v)); return;
    case JSON_REAL: lua_pushnumber(L, json_real_value(v)); return;
    case JSON_STRING:
      lua_pushlstring(L, json_string_value(v), json_string_length(v));
      return;
    case JSON_ARRAY:
      lua_newtable(L);
      json_array_foreach(v, i, item) {
        to_lua(L, item);
        lua_rawseti(L, -2, (lua_Integer) i + 1);
      }
      return;
    case JSON_OBJECT:
      lua_newtable(L);
      json_object_foreach((json_t *) v, key, item) {
        if (json_is_null(item))
          continue;
        to_lua(L, item);
        lua_setfield(L, -2, key);
      }
  }
}

/* The tree is anchored in a userdata while Lua values are made of it. */
static int drop_tree (lua_State *L) {
  json_t **tree = lua_touserdata(L, 1);
  json_decref(*tree);
  *tree = NULL;
  return 0;
}

/* core.unjson(text, [name]) -> value; name is that of the file */
static int of_json (lua_State *L) {
  size_t length;
  json_error_t error;
  const char *text = luaL_checklstring(L, 1, &length);
  const char *name = luaL_optstring(L, 2, "JSON");
  json_t **tree = lua_newuserdatauv(L, sizeof *tree, 0);
  *tree = NULL;
  if (luaL_newmetatable(L, "vaelua.json")) {
    lua_pushcfunction(L, drop_tree);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *tree = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
  if (*tree == NULL)
    return bind_error(L, FAIL_DATA, "%s: not JSON: %s near line %d", name,
                      error.text, error.line);
  to_lua(L, *tree);
  json_decref(*tree);
  *tree = NULL;
  return 1;
}

/* ---- bytes ---------------------------------------------------------------------- */

static int hash (lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  Sha256 s;
  char hex[65];
  sha256_begin(&s);
  sha256_add(&s, text, length);
  sha256_end(&s, hex);
  lua_pushstring(L, hex);
  return 1;
}

/* Bytes that grow; free(bytes) in the end. */
typedef struct Bytes {
  char *bytes;
  size_t count, room;
} Bytes;

/* Room for more bytes behind the count; false: no memory. */
static bool make_room (Bytes *b, size_t more) {
  if (b->room - b->count >= more)
    return true;
  size_t room = 2 * b->room + more;
  char *bigger = realloc(b->bytes, room);
  if (bigger == NULL)
    return false;
  b->bytes = bigger;
  b->room = room;
  return true;
}

static int push_bytes (lua_State *L, Bytes *b) {
  lua_pushlstring(L, b->bytes ? b->bytes : "", b->count);
  free(b->bytes);
  return 1;
}

/* NULL, or why the rest cannot be had. */
static const char *inflate_all (gzFile f, Bytes *to) {
  enum { PIECE = 1 << 20 };
  for (;;) {
    if (!make_room(to, PIECE))
      return "out of memory";
    int n = gzread(f, to->bytes + to->count, PIECE);
    if (n > 0)
      to->count += (size_t) n;
    if (n > 0 && gzdirect(f))
      return "not a gzip file";
    if (n < PIECE)
      break;
  }
  int error;
  const char *reason = gzerror(f, &error);
  if (error == Z_BUF_ERROR)
    return "the gzip file ends too early";
  return error != Z_OK && error != Z_STREAM_END ? reason : NULL;
}

/* core.gunzip(path) -> text */
static int gunzip (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  Bytes b = { 0 };
  char reason[200];
  gzFile f = gzopen(path, "rb");
  if (f == NULL)
    return bind_error(L, FAIL_DATA, "%s: %s", path, strerror(errno));
  const char *bad = inflate_all(f, &b);
  snprintf(reason, sizeof reason, "%s", bad ? bad : "");
  gzclose(f);
  if (bad == NULL && b.count > 0)
    return push_bytes(L, &b);
  free(b.bytes);
  return bind_error(L, FAIL_DATA, "%s: %s", path,
                    bad ? reason : "the gzip file is empty");
}

/* ---- child processes -------------------------------------------------------------- */

typedef struct Child {
  pid_t pid;
  int in, out;              /* our ends of its pipes; -1: closed */
} Child;

static void close_end (int *end) {
  if (*end >= 0)
    close(*end);
  *end = -1;
}

/* Output and errors of the child come through one pipe.  0 or an errno. */
static int start (Child *c, char *const *words) {
  int in[2] = { -1, -1 }, out[2] = { -1, -1 };
  posix_spawn_file_actions_t files;
  posix_spawnattr_t how;
  sigset_t usual;
  if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    int error = errno;
    close_end(&in[0]);
    close_end(&in[1]);
    return error;
  }
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, out[1], STDERR_FILENO);
  posix_spawnattr_init(&how);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigdefault(&how, &usual);
  posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
  int error = posix_spawnp(&c->pid, words[0], &files, &how, words, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&how);
  close_end(&in[0]);
  close_end(&out[1]);
  if (error != 0) {
    close_end(&in[1]);
    close_end(&out[0]);
  }
  c->in = in[1];
  c->out = out[0];
  return error;
}

/* Sends all input while taking all output, so that neither side waits for the
 * other for ever. */
static bool talk (Child *c, const char *input, size_t left, Bytes *output) {
  while (c->out >= 0) {
    if (left == 0)
      close_end(&c->in);
    struct pollfd end[2] = { { c->out, POLLIN, 0 }, { c->in, POLLOUT, 0 } };
    if (poll(end, c->in >= 0 ? 2 : 1, -1) < 0)
      continue;                                  /* a signal */
    if (end[1].revents != 0 && c->in >= 0) {
      ssize_t n = write(c->in, input, left < 4096 ? left : 4096);
      if (n < 0 && errno != EINTR)
        left = 0;                                /* it has stopped reading */
      input += n > 0 ? n : 0;
      left -= n > 0 ? (size_t) n : 0;
    }
    if (end[0].revents != 0) {
      if (!make_room(output, 65536))
        return false;
      ssize_t n = read(c->out, output->bytes + output->count, 65536);
      if (n > 0)
        output->count += (size_t) n;
      else if (n == 0 || errno != EINTR)
        close_end(&c->out);
    }
  }
  return true;
}

/* Exit status of the child, 128 + number of the signal that ended it. */
static int finish (Child *c) {
  int status;
  close_end(&c->in);
  close_end(&c->out);
  while (waitpid(c->pid, &status, 0) < 0)
    if (errno != EINTR)
      return 127;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* core.run_command({ program, argument, ... }, [input]) -> status, output.
 * No shell; a program that is not there has the status 127. */
static int run_command (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  size_t left;
  const char *input = luaL_optlstring(L, 2, "", &left);
  int count = (int) lua_rawlen(L, 1);
  luaL_argcheck(L, count > 0, 1, "a list of words");
  const char **words = lua_newuserdatauv(
    L, sizeof *words * (size_t) (count + 1), 0);
  luaL_checkstack(L, count + 4, "too many words");
  for (int i = 0; i < count; i++) {        /* the copies stay on the stack */
    lua_rawgeti(L, 1, i + 1);
    words[i] = luaL_checkstring(L, -1);
  }
  words[count] = NULL;
  Child c;
  Bytes output = { 0 };
  int error = start(&c, (char *const *) words);
  if (error != 0) {
    lua_pushinteger(L, 127);
    lua_pushfstring(L, "%s: %s", words[0], strerror(error));
    return 2;
  }
  struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
  sigaction(SIGPIPE, &ignore, &old);
  bool good = talk(&c, input, left, &output);
  int status = finish(&c);
  sigaction(SIGPIPE, &old, NULL);
  if (!good) {
    free(output.bytes);
    return bind_error(L, FAIL_MEMORY, "out of memory");
  }
  lua_pushinteger(L, status);
  return 1 + push_bytes(L, &output);
}

/* ---- the table -------------------------------------------------------------------- */

static const luaL_Reg functions[] = {
  { "exists", exists }, { "mkdir", make_folder }, { "list", list },
  { "write", write_text }, { "append", append_text },
  { "remove", remove_file }, { "symlink", make_link },
  { "realpath", real_path }, { "cwd", current_folder },
  { "clock", clock_now }, { "time", time_now }, { "isatty", is_terminal },
  { "columns", columns }, { "pid", process }, { "hostname", host_name },
  { "threads", thread_count }, { "interrupted", interrupted },
  { "json", to_json }, { "unjson", of_json }, { "sha256", hash },
  { "gunzip", gunzip }, { "run_command", run_command },
  { NULL, NULL }
};

static void set_text (lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}

void bind_system (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_setfuncs(L, device_functions, 0);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  set_text(L, "isa", cpu_isa());
  lua_pushboolean(L, cpu_amx());
  lua_setfield(L, -2, "amx");
  set_text(L, "onednn", cpu_onednn());
  set_text(L, "blas", cpu_blas());
  set_text(L, "lua", LUA_RELEASE);
}
