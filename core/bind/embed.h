/*
 * embed.h - where vaelua's own Lua files come from.
 *
 * They are compiled into the program and the module.  When either is run from
 * a checkout (it lies in the folder build/ of one), the files of the
 * checkout's lua/ are read in their place, so that an edit needs no build.
 * Lua's names (table, pairs) in them stay what they were at the start.
 */
#ifndef embed_h
#define embed_h

#include <lua.h>
#include <stdbool.h>

/* Puts the searcher of "vaelua" and "vaelua.*" before all others: no file,
 * folder or preloaded function of these names shadows ours. */
void embed_open (lua_State *L);

/* True for the source of a chunk that is one of our Lua files. */
bool source_is_ours (const char *source);

/* Pushes the path of a data file that goes with the Lua files, such as
 * "features/fashion.safetensors", or nil: looked for in lua/vaelua/ of the
 * checkout, then in share/vaelua/ of the place of installation. */
void embed_resource (lua_State *L, const char *name);

/* Pushes the sorted names of our modules in a folder: "vaelua/protocols" gives
 * { "elbo", "frechet", ... }. */
void embed_modules (lua_State *L, const char *folder);

/* Pushes the text of "vaelua/nn.lua", in the checkout or built in, or nil. */
void embed_text (lua_State *L, const char *name);

/* Pushes Lua's own require, whatever the user has made of it. */
void embed_require (lua_State *L);

/* Pushes the function of one of our modules; a Lua error if there is none. */
void embed_load (lua_State *L, const char *module);

#endif
