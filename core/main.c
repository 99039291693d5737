/*
 * main.c - the program: options, the script or the prompt, the exit status.
 *
 * As lua(1) for everything that lua(1) does.  Beside that, words after the
 * script of the form name=value, --name=value and --name value are settings:
 * those of the program (program.h) are taken here, the others are left for
 * va.args in core.program.args.  arg and ... hold all words, as in lua(1).
 *
 * Exit status: 0 done, 1 error in the script, 2 usage or settings, 3 data
 * missing or corrupt, 4 device not available, 5 diverged, 130 Ctrl-C, 143
 * SIGTERM.
 */
#include "base/text.h"
#include "bind/bind.h"
#include "bind/embed.h"
#include "bind/interrupt.h"
#include "bind/program.h"
#include "bind/strict.h"
#include "repl.h"
#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Command {
  int count;
  char **word;
  int script;             /* index of the script's word; count: none */
  bool interactive, version, no_environment;
  bool stdin_script;      /* "-" */
  bool executed;          /* -e or -l was there */
  int status;
} Command;

/* ---- words of the command line --------------------------------------------------- */

static int wrong_usage (const char *format, const char *word) {
  const char *names[64];
  size_t n = 0;
  for (const Option *o = program_options; o->name != NULL && n < 64; o++)
    names[n++] = o->name;
  names[n++] = "version";
  const char *bare = word + strspn(word, "-");
  const char *near = text_nearest(bare, names, n);
  fprintf(stderr, "error: ");
  fprintf(stderr, format, word);
  if (near != NULL && strncmp(word, "--", 2) == 0 && strcmp(near, bare) != 0)
    fprintf(stderr, " (did you mean '--%s'?)", near);
  fprintf(stderr, "   see: vaelua --help\n");
  return 2;
}

/* Length of NAME in "NAME=...", 0 if the word does not begin so.  Dashes
 * within are taken for underscores by va.args. */
static size_t setting_name (const char *word) {
  size_t n = 0;
  if (!isalpha((unsigned char) word[0]) && word[0] != '_')
    return 0;
  while (isalnum((unsigned char) word[n]) || strchr("_-.", word[n]) != NULL) {
    if (word[n] == 0)
      return 0;
    n++;
  }
  return word[n] == '=' ? n : 0;
}

/* core.program.WHERE[NAME] = text */
static void keep (lua_State *L, const char *where, const char *name,
                  size_t length, const char *text) {
  program_push(L);
  lua_getfield(L, -1, where);
  lua_pushlstring(L, name, length);
  lua_pushstring(L, text);
  lua_rawset(L, -3);
  lua_pop(L, 2);
}

/* core.program.WHERE[#+1] = text */
static void append (lua_State *L, const char *where, const char *text) {
  program_push(L);
  lua_getfield(L, -1, where);
  lua_pushstring(L, text);
  lua_rawseti(L, -2, (lua_Integer) lua_rawlen(L, -2) + 1);
  lua_pop(L, 2);
}

static void setting (lua_State *L, const char *name, size_t length,
                     const char *text) {
  const Option *o = option_find(name, length);
  if (o != NULL)
    program_set(L, o, text);
  else
    keep(L, "args", name, length, text);
}

/* Takes word i if it is --name=value, --name value or name=value; returns the
 * number of words taken.  A name that is no option takes the next word only
 * behind the script: before it, that word is the script. */
static int take_setting (lua_State *L, const Command *c, int i, bool behind) {
  const char *word = c->word[i];
  bool dashes = strncmp(word, "--", 2) == 0 && word[2] != 0;
  const char *name = dashes ? word + 2 : word;
  size_t length = setting_name(name);
  if (length > 0) {
    setting(L, name, length, name + length + 1);
    return 1;
  }
  if (!dashes)
    return 0;
  length = strlen(name);
  const Option *o = option_find(name, length);
  bool flag = o != NULL && o->kind == OPTION_FLAG;
  if (flag || (o == NULL && !behind)) {
    if (!flag)
      return 0;
    setting(L, name, length, "true");
    return 1;
  }
  bool value = i + 1 < c->count && strncmp(c->word[i + 1], "--", 2) != 0
            && setting_name(c->word[i + 1]) == 0;
  if (o != NULL && !value)
    bind_error(L, FAIL_USAGE, "--%s needs a value (%s)", name, o->value);
  setting(L, name, length, value ? c->word[i + 1] : "true");
  return value ? 2 : 1;
}

/* Words behind the script; what is no setting is a word of its own. */
static void read_settings (lua_State *L, Command *c) {
  bool open = true;
  for (int i = c->script + 1; i < c->count; ) {
    const char *word = c->word[i];
    int taken = 1;
    if (open && strcmp(word, "--") == 0)
      open = false;
    else if (open && strcmp(word, "-h") == 0)
      setting(L, "help", 4, "true");
    else if (open && strcmp(word, "-q") == 0)
      setting(L, "quiet", 5, "true");
    else {
      taken = open ? take_setting(L, c, i, true) : 0;
      if (taken == 0)
        append(L, "words", word);
    }
    i += taken > 0 ? taken : 1;
  }
}

/* One letter; -e and -l may have their word attached.  Returns the number of
 * words taken, 0 if it is no option. */
static int take_letter (lua_State *L, Command *c, int i) {
  const char *word = c->word[i];
  bool alone = word[2] == 0;
  switch (word[1]) {
    case 'e': case 'l':
      c->executed = true;
      return alone ? (i + 1 < c->count ? 2 : -1) : 1;
    case 'i': c->interactive = true; return alone;
    case 'v': c->version = true; return alone;
    case 'E': c->no_environment = true; return alone;
    case 'W': return alone;
    case 'q': setting(L, "quiet", 5, "true"); return alone;
    case 'h': setting(L, "help", 4, "true"); return alone;
    default: return 0;
  }
}

/* Reads the words before the script.  -e, -l and -W are run later, in their
 * order (run_words).  0, or an exit status. */
static int read_options (lua_State *L, Command *c) {
  int i = 1;
  while (i < c->count) {
    const char *word = c->word[i];
    if (strcmp(word, "-") == 0) {
      c->stdin_script = true;
      break;
    }
    if (strcmp(word, "--") == 0) {
      i++;
      break;
    }
    if (strcmp(word, "--version") == 0) {
      c->version = true;
      i++;
      continue;
    }
    bool dash = word[0] == '-';
    int taken = dash && word[1] != '-' ? take_letter(L, c, i)
                                       : take_setting(L, c, i, false);
    if (taken < 0)
      return wrong_usage("'%s' needs a word behind it", word);
    if (taken == 0 && dash)
      return wrong_usage("unknown option '%s'", word);
    if (taken == 0)
      break;
    i += taken;
  }
  c->script = i;
  return 0;
}

/* ---- what is run ------------------------------------------------------------------ */

/* Runs a chunk that luaL_load has left on the stack. */
static int run_chunk (lua_State *L, int load_status, int count) {
  if (load_status != LUA_OK)
    return program_report(L);
  lua_insert(L, -1 - count);
  return program_call(L, count, 0);
}

/* arg[0] is the script, what stands before it has negative numbers. */
static void set_arg (lua_State *L, const Command *c) {
  int script = c->script < c->count ? c->script : 0;
  lua_createtable(L, c->count, script + 1);
  for (int i = 0; i < c->count; i++) {
    lua_pushstring(L, c->word[i]);
    lua_rawseti(L, -2, i - script);
    append(L, "command", c->word[i]);
  }
  lua_setglobal(L, "arg");
}

/* local NAME = require NAME, as a global; "-l g=mod" names it. */
static int require_word (lua_State *L, const char *word) {
  const char *equals = strchr(word, '=');
  const char *module = equals ? equals + 1 : word;
  lua_getglobal(L, "require");
  lua_pushstring(L, module);
  int status = program_call(L, 1, 1);
  if (status != 0)
    return status;
  lua_pushlstring(L, word, equals ? (size_t) (equals - word) : strlen(word));
  lua_insert(L, -2);
  lua_pushglobaltable(L);
  lua_insert(L, -3);
  lua_settable(L, -3);
  lua_pop(L, 1);
  return 0;
}

/* -e, -l and -W in their order. */
static int run_words (lua_State *L, const Command *c) {
  for (int i = 1; i < c->script && i < c->count; i++) {
    const char *word = c->word[i];
    int status = 0;
    if (word[0] != '-' || word[1] == 0 || strchr("elW", word[1]) == NULL)
      continue;
    if (word[1] == 'W') {
      lua_warning(L, "@on", 0);
      continue;
    }
    const char *rest = word[2] ? word + 2 : c->word[++i];
    if (word[1] == 'l')
      status = require_word(L, rest);
    else
      status = run_chunk(L, luaL_loadbuffer(L, rest, strlen(rest),
                                            "=(command line)"), 0);
    if (status != 0)
      return status;
  }
  return 0;
}

static int run_init (lua_State *L) {
  const char *name = "=LUA_INIT_" LUA_VERSION_MAJOR "_" LUA_VERSION_MINOR;
  const char *init = getenv(name + 1);
  if (init == NULL)
    init = getenv((name = "=LUA_INIT") + 1);
  if (init == NULL)
    return 0;
  if (init[0] == '@')
    return run_chunk(L, luaL_loadfile(L, init + 1), 0);
  return run_chunk(L, luaL_loadbuffer(L, init, strlen(init), name), 0);
}

/* The script's own folder is searched for modules first. */
static void add_path (lua_State *L, const char *script) {
  const char *slash = strrchr(script, '/');
  if (slash == NULL)
    lua_pushliteral(L, ".");
  else
    lua_pushlstring(L, script, (size_t) (slash - script));
  const char *folder = lua_tostring(L, -1);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder,
                  lua_tostring(L, -1));
  lua_setfield(L, -3, "path");
  lua_pop(L, 3);
}

static int push_words (lua_State *L, const Command *c) {
  luaL_checkstack(L, c->count, "too many words");
  for (int i = c->script + 1; i < c->count; i++)
    lua_pushstring(L, c->word[i]);
  return c->script < c->count ? c->count - c->script - 1 : 0;
}

/* Tells the folder of the run, if there is one, how the script ended. */
static void end_run (lua_State *L, int status) {
  if (status == 0 && interrupt_pressed())
    status = program_status(FAIL_INTERRUPT);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  if (lua_getfield(L, -1, "vaelua.run") == LUA_TTABLE) {
    lua_getfield(L, -1, "finish");
    lua_pushinteger(L, status);
    program_push_reason(L);
    program_call(L, 2, 0);
  }
  lua_settop(L, 0);
}

/* Runs a file (NULL: the standard input) with count words on the stack. */
static int run_file (lua_State *L, const char *script, int count) {
  int status = run_chunk(L, luaL_loadfile(L, script), count);
  if (status == 0) {
    lua_pushcfunction(L, program_settle);
    status = program_call(L, 0, 0);
  }
  end_run(L, status);
  return status;
}

static int run_script (lua_State *L, const Command *c) {
  const char *script = c->stdin_script ? NULL : c->word[c->script];
  if (script != NULL) {
    program_push(L);
    lua_pushstring(L, script);
    lua_setfield(L, -2, "script");
    lua_pop(L, 1);
    add_path(L, script);
    if (access(script, R_OK) != 0) {
      fprintf(stderr, "error: cannot open %s: %s\n", script, strerror(errno));
      return 2;
    }
  }
  return run_file(L, script, push_words(L, c));
}

/* vaelua doctor, vaelua help NAME: functions of our own modules. */
static int run_command (lua_State *L, const Command *c, const char *module) {
  embed_require(L);
  lua_pushstring(L, module);
  int status = program_call(L, 1, 1);
  if (status != 0)
    return status;
  lua_getfield(L, -1, "command");
  lua_remove(L, -2);
  int count = push_words(L, c);
  status = program_call(L, count, 1);
  if (status == 0)
    status = (int) lua_tointeger(L, -1);
  return status;
}

/* vaelua runs ...: `rerun` leaves a script and its words to run. */
static int run_runs (lua_State *L, const Command *c) {
  int status = run_command(L, c, "vaelua.runs");
  program_push(L);
  if (status != 0 || lua_getfield(L, -1, "script") != LUA_TSTRING)
    return status;
  const char *script = lua_tostring(L, -1);      /* stays on the stack */
  strict_open(L, script);
  lua_getglobal(L, "arg");
  int arg = lua_gettop(L), count = (int) lua_rawlen(L, arg);
  luaL_checkstack(L, count, "too many words");
  for (int i = 1; i <= count; i++)
    lua_rawgeti(L, arg, i);
  return run_file(L, script, count);
}

static void print_version (lua_State *L) {
  program_push(L);
  lua_getfield(L, -1, "version");
  lua_getfield(L, -2, "commit");
  lua_getfield(L, -3, "build");
  printf("vaelua %s  Copyright (C) 2026 the vaelua authors\n",
         lua_tostring(L, -3));
  if (program_flag(L, "verbose")) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "vaelua.core");
    if (program_call(L, 1, 1) == 0) {
      static const char *const names[] = { "lua", "isa", "onednn", "blas" };
      printf("commit %s\nbuild  %s\n", lua_tostring(L, -3),
             lua_tostring(L, -2));
      for (int i = 0; i < 4; i++) {
        lua_getfield(L, -1, names[i]);
        printf("%-6s %s\n", names[i], lua_tostring(L, -1));
        lua_pop(L, 1);
      }
    }
  }
  lua_settop(L, 0);
}

static int print_usage (void) {
  printf(
    "vaelua experiments/compare.lua               run an experiment\n"
    "vaelua experiments/compare.lua beta=4 seed=2 with other settings\n"
    "vaelua experiments/compare.lua --help        which settings it has\n"
    "vaelua                                       the prompt\n"
    "vaelua runs                                  the runs so far; runs --help\n"
    "vaelua doctor                                what works on this machine\n"
    "vaelua help conv                             about a function\n"
    "\n"
    "usage: vaelua [options] [script [settings] [words]]\n"
    "\n"
    "  -e CODE          runs a piece of Lua\n"
    "  -l NAME          requires a module\n"
    "  -i               the prompt after the script\n"
    "  -v, --version    version (with --verbose: of all parts)\n"
    "  -E               ignores LUA_PATH, LUA_CPATH and LUA_INIT\n"
    "  -W               warnings on\n"
    "  -                runs the standard input\n");
  for (const Option *o = program_options; o->name != NULL; o++) {
    char left[40];
    snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "",
             o->value ? o->value : "");
    printf("  %-16s %s\n", left, o->doc);
  }
  printf("\n--name value, --name=value and name=value mean the same, before "
         "and behind the\nscript; VAELUA_NAME in the environment means it "
         "too (VAELUA_DATA=DIR). There\nVAELUA_IMAGES (kitty, sixel, blocks, "
         "ascii, none) says how pictures are shown,\nVAELUA_HISTORY where the "
         "prompt keeps its history.\n\n"
         "exit status: 0 done, 1 error in the script, 2 usage or settings, "
         "3 data missing\nor corrupt, 4 device not available, 5 diverged, "
         "130 Ctrl-C, 143 SIGTERM.\n");
  return 0;
}

static void open_state (lua_State *L, const Command *c) {
  if (c->no_environment) {
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  }
  luaL_openlibs(L);
  embed_open(L);
  interrupt_open(L);
  lua_gc(L, LUA_GCGEN, 0, 0);
}

/* The script, a command or the prompt. */
static int run_main (lua_State *L, Command *c) {
  const char *word = c->script < c->count && !c->stdin_script
                     ? c->word[c->script] : "";
  bool prompt = c->interactive;
  int status = 0;
  strict_open(L, word[0] ? word : NULL);
  if (!c->no_environment)
    status = run_init(L);
  if (status == 0)
    status = run_words(L, c);
  if (status != 0)
    return status;
  if (strcmp(word, "doctor") == 0)
    return run_command(L, c, "vaelua.doctor");
  if (strcmp(word, "help") == 0)
    return run_command(L, c, "vaelua.help");
  if (strcmp(word, "runs") == 0)
    return run_runs(L, c);
  if (strcmp(word, "repl") == 0)
    prompt = true;
  else if (word[0] || c->stdin_script)
    status = run_script(L, c);
  else if (!c->executed && !c->version && !prompt) {
    if (isatty(STDIN_FILENO))
      prompt = true;
    else {
      c->stdin_script = true;
      status = run_script(L, c);
    }
  }
  if (prompt && (status == 0 || c->interactive)) {
    strict_close(L);
    program_push(L);
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, "interactive");
    lua_pop(L, 1);
    repl_run(L);
    if (!interrupt_term())
      interrupt_clear();
    end_run(L, status);         /* what was trained at the prompt */
  }
  return status;
}

/* Runs in protected mode, as everything here may raise. */
static int protected_main (lua_State *L) {
  Command *c = lua_touserdata(L, 1);
  open_state(L, c);
  c->status = read_options(L, c);
  if (c->status != 0)
    return 0;
  read_settings(L, c);
  program_push(L);
  lua_pushboolean(L, c->interactive);
  lua_setfield(L, -2, "interactive");
  lua_settop(L, 1);
  if (program_flag(L, "help") && c->script >= c->count && !c->stdin_script) {
    c->status = print_usage();
    return 0;
  }
  set_arg(L, c);
  program_apply(L);
  if (c->version)
    print_version(L);
  c->status = run_main(L, c);
  return 0;
}

/* -E must be known before the libraries are opened. */
static bool has_letter (int count, char **word, const char *letter) {
  for (int i = 1; i < count && word[i][0] == '-'; i++) {
    if (strcmp(word[i], letter) == 0)
      return true;
    if (strcmp(word[i], "-e") == 0 || strcmp(word[i], "-l") == 0)
      i++;
  }
  return false;
}

/* Each print flushes, so the reason is gone by now; most often the disk is
 * full. */
static int finish_output (int status) {
  if (fflush(stdout) == 0 && !ferror(stdout))
    return status;
  fprintf(stderr, "error: cannot write the output (is the disk full?)\n");
  return status ? status : 1;
}

int main (int count, char **word) {
  Command c = { .count = count, .word = word };
  c.no_environment = has_letter(count, word, "-E");
  setlocale(LC_CTYPE, "");        /* others would change how numbers look */
  lua_State *L = luaL_newstate();
  if (L == NULL) {
    fprintf(stderr, "error: not enough memory\n");
    return 1;
  }
  lua_pushcfunction(L, protected_main);
  lua_pushlightuserdata(L, &c);
  int status = program_call(L, 1, 0);
  if (status == 0)
    status = c.status;
  lua_close(L);
  if (status == 0 && interrupt_pressed())
    status = interrupt_term() ? 143 : 130;
  return finish_output(status);
}
