/*
 * program.h - the options of the program, and core.program.
 *
 * Options come from the command line, else from the environment (VAELUA_SEED
 * and so on), else they are absent.  Under a stock interpreter only the
 * environment and va.setup give them.
 */
#ifndef program_h
#define program_h

#include <lua.h>
#include <stdbool.h>

typedef enum OptionKind {
  OPTION_FLAG,           /* --quick, quick=true */
  OPTION_TEXT,
  OPTION_COUNT,          /* an integer from 1 */
  OPTION_SEED,           /* an integer from 0, or "random" */
  OPTION_DEVICE, OPTION_PROGRESS
} OptionKind;

typedef struct Option {
  const char *name;
  OptionKind kind;
  const char *value;     /* for --help: "N", "DIR"; NULL for a flag */
  const char *doc;
} Option;

extern const Option program_options[];     /* ends without a name */

const Option *option_find (const char *name, size_t length);

/* Checks text and puts it into core.program.options; a Lua error of the kind
 * "usage" if it is wrong. */
void program_set (lua_State *L, const Option *o, const char *text);

/* Takes the rest from the environment and makes device, threads and seed what
 * the options say. */
void program_apply (lua_State *L);

/* Pushes core.program: { version, commit, build, command, script, args,
 * words, options, interactive }. */
void program_push (lua_State *L);

/* Pushes "device cpu (8 threads, x86-64-v3): no CUDA ...". */
void program_device (lua_State *L);

bool program_flag (lua_State *L, const char *name);

/* Waits for the device, whose last work may have failed; a C function. */
int program_settle (lua_State *L);
int program_setup (lua_State *L);          /* core.setup(table) */

#endif
