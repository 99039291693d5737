/*
 * file.c - tensors in files, for Lua: core.file_read, file_write, idx_read,
 * rows_read and tensor_hash.
 *
 * How many tensors a file has is known only after it was read, so they wait in
 * a Bundle that is a Lua userdata until each has its own.
 */
#include "bind/bind.h"

#include "backend/backend.h"
#include "backend/turn.h"
#include "base/sha256.h"
#include "tensor/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const BUNDLE = "vaelua.bundle";

static const Device *host (void) {
  return device_find("cpu");
}

/* The host, whose memory is written without a kernel. */
static const Device *host_to_fill (void) {
  turn_leave();
  return host();
}

/* A contiguous copy on the host, or t itself, whose bytes are there. */
Tensor *on_host (Tensor *t) {
  Tensor *d = dense(t);
  turn_flush();
  if (d->storage->device == host())
    return d;
  Tensor *h = tensor_new(host(), d->dtype, &d->shape);
  size_t bytes = (size_t) tensor_count(d) * dtype_size(d->dtype);
  if (bytes > 0)
    d->storage->device->download(tensor_data(h), tensor_data(d), bytes);
  return h;
}

/* Where tensors are made. */
static Tensor *on_device (Tensor *t) {
  const Device *d = device_now();
  if (d == t->storage->device)
    return t;
  Tensor *from = dense(t), *to = tensor_new(d, t->dtype, &t->shape);
  size_t bytes = (size_t) tensor_count(to) * dtype_size(to->dtype);
  if (bytes > 0)
    d->upload(tensor_data(to), tensor_data(from), bytes);
  return to;
}

static int drop_bundle (lua_State *L) {
  bundle_clear(lua_touserdata(L, 1));
  return 0;
}

static Bundle *push_bundle (lua_State *L) {
  Bundle *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (Bundle) { 0 };
  luaL_setmetatable(L, BUNDLE);
  lua_toclose(L, lua_gettop(L));
  return b;
}

/* ---- reading ---- */

typedef struct Reading {
  const char *path;
  Bundle *bundle;
} Reading;

static void read_work (void *state) {
  Reading *r = state;
  file_read(r->path, r->bundle, host_to_fill());
  for (int i = 0; i < r->bundle->count; i++) {
    Tensor *kept = r->bundle->item[i].tensor;
    r->bundle->item[i].tensor = tensor_keep(on_device(kept));
    tensor_drop(kept);
  }
}

/* Moves a tensor into a userdata of its own. */
static void push_item (lua_State *L, Bundle *b, int i) {
  Tensor **box = tensor_box(L);
  *box = b->item[i].tensor;
  b->item[i].tensor = NULL;
}

/* for name, tensor in pairs(t): in the order of the list of names, which is
 * the first upvalue; the second is the place in it. */
static int next_item (lua_State *L) {
  lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
  do {
    lua_rawgeti(L, lua_upvalueindex(1), ++i);
    if (lua_isnil(L, -1))
      return 1;
    lua_pushvalue(L, -1);
    lua_rawget(L, 1);
  } while (lua_isnil(L, -1) && (lua_pop(L, 2), true));
  lua_pushinteger(L, i);
  lua_replace(L, lua_upvalueindex(2));
  return 2;
}

static int pairs_of (lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, next_item, 2);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* A table name -> tensor whose pairs walks in the order of the bundle. */
static void push_items (lua_State *L, Bundle *b) {
  lua_createtable(L, 0, b->count);
  lua_createtable(L, 0, 1);
  lua_createtable(L, b->count, 0);
  for (int i = 0; i < b->count; i++) {
    lua_pushstring(L, b->item[i].name);
    lua_rawseti(L, -2, i + 1);
    push_item(L, b, i);
    lua_setfield(L, -4, b->item[i].name);
  }
  lua_pushcclosure(L, pairs_of, 1);
  lua_setfield(L, -2, "__pairs");
  lua_setmetatable(L, -2);
}

static void push_notes (lua_State *L, const Bundle *b) {
  lua_createtable(L, 0, b->notes);
  for (int i = 0; i < b->notes; i++) {
    lua_pushstring(L, b->note[i].text);
    lua_setfield(L, -2, b->note[i].key);
  }
}

/* core.file_read(path) -> tensor; or table name -> tensor, table of notes */
static int file_in (lua_State *L) {
  Reading r = { .path = luaL_checkstring(L, 1) };
  bind_collect(L);
  r.bundle = push_bundle(L);
  bind_run(L, read_work, &r);
  if (r.bundle->single) {
    push_item(L, r.bundle, 0);
    return 1;
  }
  push_items(L, r.bundle);
  push_notes(L, r.bundle);
  return 2;
}

typedef struct Single {
  const char *path, *sha256;
  int64_t row_bytes;         /* 0: an IDX file */
  Tensor **box;
} Single;

static void single_work (void *state) {
  Single *s = state;
  Tensor *t = s->row_bytes == 0
            ? file_read_idx(s->path, s->sha256, host_to_fill())
            : file_read_rows(s->path, s->row_bytes, s->sha256,
                             host_to_fill());
  *s->box = tensor_keep(on_device(t));
}

static int read_single (lua_State *L, int64_t row_bytes, int sha256) {
  Single s = { luaL_checkstring(L, 1), luaL_optstring(L, sha256, NULL),
               row_bytes, NULL };
  bind_collect(L);
  s.box = tensor_box(L);
  bind_run(L, single_work, &s);
  return 1;
}

/* core.idx_read(path, sha256 or nil) -> tensor */
static int idx_in (lua_State *L) {
  return read_single(L, 0, 2);
}

/* core.rows_read(path, bytes of a row, sha256 or nil) -> uint8 [N, bytes] */
static int rows_in (lua_State *L) {
  lua_Integer bytes = luaL_checkinteger(L, 2);
  luaL_argcheck(L, bytes > 0, 2, "a row has at least one byte");
  return read_single(L, bytes, 3);
}

/* ---- writing ---- */

typedef struct Entry {
  const char *name;
  Tensor *tensor;
} Entry;

typedef struct Writing {
  const char *path;
  Bundle *bundle;
  bool single;
  Entry *entry;              /* tensors by name, then notes by key */
  int count;
  const char **note;         /* key, text, key, text ... */
  int notes;
} Writing;

static int by_name (const void *a, const void *b) {
  return strcmp(((const Entry *) a)->name, ((const Entry *) b)->name);
}

static void write_work (void *state) {
  Writing *w = state;
  bundle_clear(w->bundle);
  w->bundle->single = w->single;
  qsort(w->entry, (size_t) w->count, sizeof *w->entry, by_name);
  for (int i = 0; i < w->count; i++)
    bundle_add(w->bundle, w->entry[i].name, on_host(w->entry[i].tensor));
  for (int i = 0; i < w->notes; i++)
    bundle_note(w->bundle, w->note[2 * i], w->note[2 * i + 1]);
  file_write(w->path, w->bundle);
}

static int table_size (lua_State *L, int slot) {
  int n = 0;
  for (lua_pushnil(L); lua_next(L, slot); lua_pop(L, 1))
    n++;
  return n;
}

static void read_entries (lua_State *L, int slot, Writing *w) {
  int n = table_size(L, slot);
  w->entry = lua_newuserdatauv(L, (size_t) (n + 1) * sizeof *w->entry, 0);
  for (lua_pushnil(L); lua_next(L, slot); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      bind_error(L, FAIL_USER, "%s: the names of tensors must be strings, got "
                 "a %s", w->path, luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    Tensor *t = to_tensor(L, -1);
    if (t == NULL)
      bind_error(L, FAIL_USER, "%s: entry %s must be a tensor, got a %s",
                 w->path, name, luaL_typename(L, -1));
    w->entry[w->count++] = (Entry) { name, t };
  }
}

/* Numbers and booleans are written as text. */
static void read_notes (lua_State *L, int slot, Writing *w) {
  int n = table_size(L, slot);
  w->note = lua_newuserdatauv(L, (size_t) (n + 1) * 2 * sizeof *w->note, 0);
  lua_newtable(L);                         /* keeps the texts alive */
  int kept = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, slot); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      bind_error(L, FAIL_USER, "%s: the keys of metadata must be strings",
                 w->path);
    w->note[2 * w->notes] = lua_tostring(L, -2);
    w->note[2 * w->notes + 1] = luaL_tolstring(L, -1, NULL);
    lua_rawseti(L, kept, ++w->notes);
  }
}

/* core.file_write(path, tensor or table name -> tensor, notes or nil) */
static int file_out (lua_State *L) {
  Writing w = { .path = luaL_checkstring(L, 1) };
  Entry one = { "", to_tensor(L, 2) };
  lua_settop(L, 3);
  if (one.tensor != NULL) {
    w.single = true;
    w.entry = &one;
    w.count = 1;
  } else if (lua_istable(L, 2))
    read_entries(L, 2, &w);
  else
    return bind_error(L, FAIL_USER, "%s: what is written must be a tensor or "
                      "a table of tensors, got a %s", w.path,
                      luaL_typename(L, 2));
  if (lua_istable(L, 3))
    read_notes(L, 3, &w);
  else if (!lua_isnil(L, 3))
    return bind_error(L, FAIL_USER, "%s: metadata must be a table, got a %s",
                      w.path, luaL_typename(L, 3));
  w.bundle = push_bundle(L);
  bind_run(L, write_work, &w);
  return 0;
}

/* ---- checksums ---- */

typedef struct Hashing {
  Tensor *t;
  char hex[65];
} Hashing;

static void hash_work (void *state) {
  Hashing *h = state;
  Tensor *t = on_host(h->t);
  char head[64];
  Sha256 s;
  int n = snprintf(head, sizeof head, "%s", dtype_name(t->dtype));
  sha256_begin(&s);
  sha256_add(&s, head, (size_t) n);
  for (int i = 0; i < t->shape.rank; i++) {
    n = snprintf(head, sizeof head, " %" PRId64, t->shape.size[i]);
    sha256_add(&s, head, (size_t) n);
  }
  sha256_add(&s, tensor_data(t),
             (size_t) tensor_count(t) * dtype_size(t->dtype));
  sha256_end(&s, h->hex);
}

/* core.tensor_hash(t) -> SHA-256 of dtype, shape and elements */
static int tensor_hash (lua_State *L) {
  Hashing h = { .t = check_tensor(L, 1) };
  bind_run(L, hash_work, &h);
  lua_pushstring(L, h.hex);
  return 1;
}

static const luaL_Reg functions[] = {
  { "file_read", file_in }, { "file_write", file_out },
  { "idx_read", idx_in }, { "rows_read", rows_in },
  { "tensor_hash", tensor_hash }, { NULL, NULL }
};

void bind_files (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
  luaL_newmetatable(L, BUNDLE);
  lua_pushcfunction(L, drop_bundle);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, drop_bundle);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
}
