/*
 * repl.c - the prompt: readline, several lines to a statement, results printed
 * with the time that they took, ?name for help.
 *
 * Printing and help are in Lua (help.lua).  Ctrl-C clears the line, or stops
 * what is running; Ctrl-D leaves.
 */
#include "repl.h"

#include "bind/bind.h"
#include "bind/interrupt.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY = 5000, LINE = 4096 };

static bool terminal;      /* else lines are read as they come, unprompted */
static bool cleared;       /* Ctrl-C at the prompt */

/* ---- lines ----------------------------------------------------------------------- */

/* Waits for a key.  Ctrl-C empties the line and enters it; SIGTERM is the end
 * of the input.  (readline's own handling would wait for one more key.) */
static int next_key (FILE *in) {
  struct pollfd key = { fileno(in), POLLIN, 0 };
  while (poll(&key, 1, -1) < 0) {
    rl_check_signals();                     /* a window of another size */
    if (interrupt_term())
      return EOF;
    if (interrupt_pressed()) {
      cleared = true;
      rl_echo_signal_char(SIGINT);
      rl_replace_line("", 0);
      return '\n';
    }
  }
  return rl_getc(in);
}

static char *plain_line (void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n > 0 && line[n - 1] == '\n')
    line[n - 1] = 0;
  return line;
}

/* NULL at the end; "" with cleared set after Ctrl-C. */
static char *read_line (const char *prompt) {
  cleared = false;
  interrupt_clear();
  interrupt_hold(true);
  char *line = terminal ? readline(prompt) : plain_line();
  interrupt_hold(false);
  if (interrupt_term()) {
    free(line);
    return NULL;
  }
  interrupt_clear();
  return line;
}

/* $XDG_STATE_HOME/vaelua/history, with its folders made; "" without a home. */
static void history_file (char *path, size_t room) {
  const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
  path[0] = 0;
  if (state != NULL && state[0] == '/')
    snprintf(path, room, "%s/vaelua/history", state);
  else if (home != NULL && home[0])
    snprintf(path, room, "%s/.local/state/vaelua/history", home);
  for (char *p = path; *p; p++)
    if (*p == '/' && p > path) {
      *p = 0;
      mkdir(path, 0700);
      *p = '/';
    }
}

/* ---- statements ------------------------------------------------------------------ */

/* Compiles text as an expression, else as statements.  LUA_OK, or an error
 * message on the stack. */
static int compile (lua_State *L, const char *text) {
  lua_pushfstring(L, "return %s", text);
  const char *expression = lua_tostring(L, -1);
  int status = luaL_loadbuffer(L, expression, strlen(expression), "=prompt");
  if (status != LUA_OK) {
    lua_pop(L, 1);
    status = luaL_loadbuffer(L, text, strlen(text), "=prompt");
  }
  lua_remove(L, -2);
  return status;
}

/* Lua says so when the text only needs more lines. */
static bool unfinished (lua_State *L) {
  static const char mark[] = "<eof>";
  size_t length;
  const char *message = lua_tolstring(L, -1, &length);
  return length >= sizeof mark - 1
      && strcmp(message + length - (sizeof mark - 1), mark) == 0;
}

/* Reads lines until they compile.  False if there is nothing to run: the
 * message of the compiler is then on the stack, or nil after Ctrl-C. */
static bool read_more (lua_State *L, char *first) {
  lua_pushstring(L, first);
  for (;;) {
    int status = compile(L, lua_tostring(L, -1));
    if (status == LUA_OK || status != LUA_ERRSYNTAX || !unfinished(L)) {
      if (terminal)
        add_history(lua_tostring(L, -2));
      lua_remove(L, -2);
      return status == LUA_OK;
    }
    char *line = read_line("  ..> ");
    if (line == NULL || cleared) {
      free(line);
      lua_pop(L, line == NULL ? 0 : 1);
      if (line != NULL)
        lua_pushnil(L);
      lua_remove(L, -2);
      return false;
    }
    lua_pop(L, 1);
    lua_pushfstring(L, "%s\n%s", lua_tostring(L, -1), line);
    lua_remove(L, -2);
    free(line);
  }
}

static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* help.NAME(values from base on, ...) */
static void call_help (lua_State *L, const char *name, int base) {
  int count = lua_gettop(L) - base;
  lua_getglobal(L, "require");
  lua_pushliteral(L, "vaelua.help");
  if (program_call(L, 1, 1) != 0)
    return;
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_insert(L, base + 1);
  program_call(L, count, 0);
}

/* Runs the compiled text on top of the stack and shows its results. */
static void run (lua_State *L) {
  int base = lua_gettop(L) - 1;
  double start = seconds();
  if (program_call(L, 0, LUA_MULTRET) == 0) {
    double took = seconds() - start;
    lua_pushnumber(L, took);
    lua_insert(L, base + 1);
    call_help(L, "show_results", base);
  }
  lua_settop(L, base);
}

/* ?name, ?"text", ? alone */
static void ask (lua_State *L, const char *line) {
  int base = lua_gettop(L);
  line += strspn(line, "? \t");
  lua_pushstring(L, line);
  call_help(L, "command", base);
  lua_settop(L, base);
}

static bool one_line (lua_State *L, char *line) {
  const char *start = line + strspn(line, " \t");
  if (*start == 0)
    return true;
  if (*start == '?') {
    if (terminal)
      add_history(line);
    ask(L, start);
    return true;
  }
  if (strcmp(start, "exit") == 0 || strcmp(start, "quit") == 0)
    return false;
  if (read_more(L, line))
    run(L);
  else {
    if (lua_isstring(L, -1))
      fprintf(stderr, "error: %s\n", lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  return true;
}

void repl_run (lua_State *L) {
  char path[PATH_MAX];
  terminal = isatty(STDIN_FILENO);
  rl_readline_name = "vaelua";
  rl_catch_signals = 0;
  rl_getc_function = next_key;
  history_file(path, sizeof path);
  if (terminal && path[0])
    read_history(path);
  call_help(L, "open_prompt", lua_gettop(L));
  for (;;) {
    char *line = read_line("vae> ");
    if (line == NULL)
      break;
    bool more = cleared || one_line(L, line);
    free(line);
    fflush(stdout);
    if (!more)
      break;
  }
  if (terminal) {
    printf("\n");
    stifle_history(HISTORY);
    if (path[0])
      write_history(path);
  }
}
