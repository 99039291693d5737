/* embed.c - see embed.h.  The assembler copies the Lua files into the object
 * (.incbin), so no text passes through a generator.  The chunk name of our
 * files is "@FOLDER/vaelua/NAME.lua", with the checkout's lua/ as folder or
 * "(built in)"; a message that starts with it is never shown as the user's
 * line. */
#include "bind/embed.h"

#include "bind/bind.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EMBED(n, file, chunk)                                                 \
  extern const char lua_file_##n[], lua_file_end_##n[];                       \
  __asm__(".section .rodata\n"                                                \
          "lua_file_" #n ":\n.incbin \"" file "\"\n"                          \
          "lua_file_end_" #n ":\n.byte 0\n.previous\n");
#include "lua_files.def"
#undef EMBED

static const struct File {
  const char *name;              /* "vaelua/nn.lua" */
  const char *start, *end;
} file[] = {
#define EMBED(n, path, chunk) { chunk, lua_file_##n, lua_file_end_##n },
#include "lua_files.def"
  { NULL, NULL, NULL }
};

static char own_folder[PATH_MAX];    /* of the program or of vaelua.so */
static char lua_folder[PATH_MAX];    /* lua/ of the checkout, or "" */
static char chunk_start[PATH_MAX + 16];

static void cut (char *path) {       /* the folder that path lies in */
  char *slash = strrchr(path, '/');
  if (slash != NULL)
    *slash = 0;
}

static const char *last_name (const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* Fills own_folder: dladdr knows the module's file; the program's own name
 * may be relative to another folder, so there the kernel is asked. */
static void find_own_folder (void) {
  Dl_info info;
  char exe[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[n > 0 ? n : 0] = 0;
  if (dladdr((void *) find_own_folder, &info) && info.dli_fname != NULL
      && strcmp(last_name(info.dli_fname), "vaelua.so") == 0
      && realpath(info.dli_fname, own_folder) != NULL) {
    cut(own_folder);
    return;
  }
  memcpy(own_folder, exe, sizeof exe);
  cut(own_folder);
}

/* build/ and the folders in it (build/test, build/san) belong to a checkout;
 * lua/ beside anything else is not taken for ours. */
static void find_lua_folder (void) {
  char up[PATH_MAX], found[PATH_MAX + 32];
  memcpy(up, own_folder, sizeof up);
  for (int level = 0; level < 3 && up[0]; level++) {
    bool build = strcmp(last_name(up), "build") == 0;
    cut(up);
    snprintf(found, sizeof found, "%s/lua/vaelua/init.lua", up);
    if (build && access(found, R_OK) == 0) {
      snprintf(lua_folder, sizeof lua_folder, "%.*s/lua",
               (int) sizeof lua_folder - 8, up);
      return;
    }
  }
}

static void find_once (void) {
  if (chunk_start[0])
    return;
  find_own_folder();
  find_lua_folder();
  snprintf(chunk_start, sizeof chunk_start, "@%s/vaelua/",
           lua_folder[0] ? lua_folder : "(built in)");
}

bool source_is_ours (const char *source) {
  return chunk_start[0]
      && strncmp(source, chunk_start, strlen(chunk_start)) == 0;
}


void embed_resource (lua_State *L, const char *name) {
  if (lua_folder[0])
    lua_pushfstring(L, "%s/vaelua/%s", lua_folder, name);
  else
    lua_pushfstring(L, "%s/../share/vaelua/%s", own_folder, name);
  if (access(lua_tostring(L, -1), R_OK) == 0)
    return;
  lua_pop(L, 1);              /* lib/lua/5.4/vaelua.so has it further away */
  lua_pushfstring(L, "%s/../../../share/vaelua/%s", own_folder, name);
  if (access(lua_tostring(L, -1), R_OK) != 0) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

/* Pushes "vaelua/nn.lua" for "vaelua.nn", with the ending asked for. */
static const char *file_name (lua_State *L, const char *module,
                              const char *ending) {
  const char *path = luaL_gsub(L, module, ".", "/");
  return lua_pushfstring(L, "%s%s", path, ending);
}

static const struct File *built_in (const char *name) {
  for (const struct File *f = file; f->name != NULL; f++)
    if (strcmp(f->name, name) == 0)
      return f;
  return NULL;
}

/* ---- what our files see as globals ------------------------------------- */

static const char own_globals;       /* its address is the registry's key */

/* __index: print is the user's where that can be called; whatever else is not
 * Lua's own comes from _G. */
static int other_global (lua_State *L) {
  const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  lua_pushglobaltable(L);
  if (strcmp(name, "print") == 0) {
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TFUNCTION)
      lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
  }
  lua_pushvalue(L, 2);
  lua_gettable(L, -2);
  return 1;
}

/* Lua's names as they are now: a script that assigns to one of them (table =
 * {}) breaks itself, not our files.  All other names are read and written in
 * _G. */
static void keep_globals (lua_State *L) {
  static const char *const functions[] = {
    "assert", "collectgarbage", "dofile", "error", "getmetatable", "ipairs",
    "load", "loadfile", "next", "pairs", "pcall", "rawequal", "rawget",
    "rawlen", "rawset", "require", "select", "setmetatable", "tonumber",
    "tostring", "type", "warn", "xpcall", "_G", "_VERSION", NULL };
  static const char *const libraries[] = {
    "coroutine", "debug", "io", "math", "os", "package", "string", "table",
    "utf8", NULL };
  lua_createtable(L, 0, 40);
  lua_pushglobaltable(L);
  for (int i = 0; functions[i] != NULL; i++) {
    lua_pushstring(L, functions[i]);
    lua_rawget(L, -2);
    lua_setfield(L, -3, functions[i]);
  }
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (int i = 0; libraries[i] != NULL; i++) {
    lua_getfield(L, -1, libraries[i]);
    lua_setfield(L, -4, libraries[i]);
  }
  lua_pop(L, 1);
  lua_createtable(L, 0, 2);
  lua_getfield(L, -2, "print");
  lua_pushcclosure(L, other_global, 1);
  lua_setfield(L, -2, "__index");
  lua_insert(L, -2);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &own_globals);
}

/* ---- modules ----------------------------------------------------------- */

/* Loads the file of a module, from the checkout or from inside.  LUA_OK with
 * the function pushed, -1 if there is no such file, or luaL_load's status. */
static int load_file (lua_State *L, const char *name) {
  if (lua_folder[0]) {
    const char *path = lua_pushfstring(L, "%s/%s", lua_folder, name);
    return access(path, R_OK) == 0 ? luaL_loadfilex(L, path, "t") : -1;
  }
  const struct File *f = built_in(name);
  return f == NULL ? -1 : luaL_loadbufferx(
    L, f->start, (size_t) (f->end - f->start),
    lua_pushfstring(L, "@(built in)/%s", name), "t");
}

/* Loads a module as file or as folder with init.lua. */
static int load_module (lua_State *L, const char *module) {
  static const char *const endings[] = { ".lua", "/init.lua" };
  int status = -1;
  for (int i = 0; i < 2 && status == -1; i++)
    status = load_file(L, file_name(L, module, endings[i]));
  if (status == LUA_OK) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &own_globals);
    lua_setupvalue(L, -2, 1);
  }
  return status;
}

void embed_require (lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &own_globals);
  lua_getfield(L, -1, "require");
  lua_remove(L, -2);
}

void embed_load (lua_State *L, const char *module) {
  int status = load_module(L, module);
  if (status == -1)
    luaL_error(L, "vaelua has no module '%s'", module);
  if (status != LUA_OK)
    lua_error(L);                /* its message names file and line */
}

/* package.searchers: module -> loader and a word on where it lies, or a line
 * of text for the message of require. */
static int searcher (lua_State *L) {
  const char *module = luaL_checkstring(L, 1);
  if (strcmp(module, "vaelua") != 0 && strncmp(module, "vaelua.", 7) != 0)
    return 0;
  if (strcmp(module, "vaelua.core") == 0)
    lua_pushcfunction(L, luaopen_vaelua_core);
  else {
    int status = load_module(L, module);
    if (status > 0)
      return lua_error(L);
    if (status < 0) {
      lua_pushfstring(L, "vaelua itself has no file '%s'",
                      file_name(L, module, ".lua"));
      return 1;
    }
  }
  lua_pushstring(L, chunk_start);
  return 2;
}

/* Appends NAME of "FOLDER/NAME.lua" to the table on top. */
static void add_module (lua_State *L, const char *folder, const char *name) {
  size_t n = strlen(folder), length = strlen(name);
  if (length <= n + 5 || strncmp(name, folder, n) != 0 || name[n] != '/'
      || strchr(name + n + 1, '/') != NULL
      || strcmp(name + length - 4, ".lua") != 0)
    return;
  lua_pushlstring(L, name + n + 1, length - n - 5);
  lua_rawseti(L, -2, (lua_Integer) lua_rawlen(L, -2) + 1);
}

static void add_files (lua_State *L, const char *folder) {
  struct dirent **entry;
  char name[PATH_MAX + 512];
  snprintf(name, sizeof name, "%s/%s", lua_folder, folder);
  int count = scandir(name, &entry, NULL, alphasort);
  for (int i = 0; i < count; i++) {
    snprintf(name, sizeof name, "%s/%s", folder, entry[i]->d_name);
    free(entry[i]);
    add_module(L, folder, name);
  }
  if (count >= 0)
    free(entry);
}

void embed_modules (lua_State *L, const char *folder) {
  lua_newtable(L);
  if (lua_folder[0])
    add_files(L, folder);
  else
    for (const struct File *f = file; f->name != NULL; f++)
      add_module(L, folder, f->name);
}

static void push_file (lua_State *L, const char *path) {
  luaL_Buffer text;
  FILE *f = fopen(path, "rb");
  luaL_buffinit(L, &text);
  for (size_t n = 1; f != NULL && n > 0;) {
    n = fread(luaL_prepbuffer(&text), 1, LUAL_BUFFERSIZE, f);
    luaL_addsize(&text, n);
  }
  luaL_pushresult(&text);
  if (f != NULL)
    fclose(f);
}

void embed_text (lua_State *L, const char *name) {
  if (lua_folder[0]) {
    const char *path = lua_pushfstring(L, "%s/%s", lua_folder, name);
    if (access(path, R_OK) == 0)
      push_file(L, path);
    else
      lua_pushnil(L);
    return;
  }
  const struct File *f = built_in(name);
  if (f != NULL)
    lua_pushlstring(L, f->start, (size_t) (f->end - f->start));
  else
    lua_pushnil(L);
}

/* table.insert(package.searchers, 1, searcher) */
void embed_open (lua_State *L) {
  find_once();
  keep_globals(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_LOADLIBNAME);
  lua_getfield(L, -1, "searchers");
  for (lua_Integer i = (lua_Integer) lua_rawlen(L, -1); i >= 1; i--) {
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, searcher);
  lua_rawseti(L, -2, 1);
  lua_pop(L, 3);
}
