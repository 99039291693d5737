/*
 * pth.c - tensors that PyTorch's torch.save wrote (.pth, .pt).
 *
 * A zip archive with the pickle NAME/data.pkl and one entry NAME/data/KEY for
 * each storage; or the older form, one file of pickles (a magic number, the
 * version, the machine, the object, the keys of its storages) and behind them
 * each storage's count and bytes.  The pickles are read by pickle.c, which
 * runs nothing.
 *
 * Read are tensors in dictionaries and lists, however deep: a name is the path
 * with dots between, texts and numbers on the way become notes.  Tensors that
 * share a storage are views of one.
 */
#include "tensor/archive.h"
#include "tensor/format.h"
#include "tensor/pickle.h"

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 32, LONGEST = 500, MOST = 100000 };   /* names, entries */

typedef struct Stored {
  const char *key;
  Wire wire;
  int64_t count;
  Tensor *data;              /* NULL until it was read */
} Stored;

typedef struct Reader {
  Source *source;            /* of the pickle, for messages */
  const char *path;
  const Device *host;
  Bundle *bundle;
  Stored *stored;
  int64_t count, room;
  json_t *places;            /* key -> place among stored */
  json_t *names;             /* of the tensors so far */
  zip_t *zip;                /* NULL: the older form */
  const char *prefix;        /* of the archive's names */
  Text *name;                /* path of the value that the walk is at */
  int64_t entries;           /* tensors and notes so far */
  int64_t left;              /* bytes of storages that the file can have */
} Reader;

static void drop_reader (void *thing) {
  Reader *r = thing;
  mem_free(r->stored);
  mem_free(r);
}

static Reader *reader_new (const char *path, Bundle *b, const Device *host) {
  own_reserve();
  Reader *r = mem_new(sizeof *r);
  own(r, drop_reader);
  r->path = path;
  r->bundle = b;
  r->host = host;
  r->name = text_new();
  own_reserve();
  r->places = json_own(json_object());
  own_reserve();
  r->names = json_own(json_object());
  r->left = source_left(source_open(path));
  return r;
}

static void set_place (json_t *table, const char *key, int64_t place) {
  if (json_object_set_new_nocheck(table, key, json_integer(place)) != 0)
    raise_as(FAIL_MEMORY, "out of memory");
}

/* ---- what the pickle says of storages and tensors ---- */

static PickleValue item (const PickleObject *o, int64_t i) {
  return i < o->count ? o->item[i] : (PickleValue) { .kind = P_NONE };
}

static bool is_text (PickleValue v, const char *text) {
  const char *is = pickle_text(v);
  return is != NULL && strcmp(is, text) == 0;
}

/* ("storage", type, key, location, count) and, in the older form, a view of
 * another storage or None. */
static Stored described (const Reader *r, PickleValue v) {
  const PickleObject *o = v.object;
  PickleValue type, count;
  if (v.kind != P_STORAGE || !is_text(item(o, 0), "storage"))
    source_bad(r->source, "a tensor without a storage");
  type = item(o, 1);
  count = item(o, 4);
  Stored s = { .key = pickle_text(item(o, 2)) };
  if (type.kind != P_GLOBAL || type.object->global->wire == WIRES
      || s.key == NULL || count.kind != P_INT || count.integer < 0)
    source_bad(r->source, "the description of a storage is damaged");
  if (item(o, 5).kind != P_NONE)
    source_bad(r->source, "storage %s is a part of another one, which is not"
               " read", s.key);
  s.wire = type.object->global->wire;
  s.count = count.integer;
  return s;
}

/* The storage of a description, one for all that have the same key. */
static int64_t place_of (Reader *r, PickleValue v) {
  Stored s = described(r, v);
  json_t *known = json_object_get(r->places, s.key);
  if (known != NULL) {
    int64_t place = json_integer_value(known);
    if (r->stored[place].wire != s.wire || r->stored[place].count != s.count)
      source_bad(r->source, "storage %s is described in two ways", s.key);
    return place;
  }
  if (r->count == r->room) {
    int64_t room = 2 * r->room + 16;
    r->stored = mem_grow(r->stored, (size_t) room * sizeof *r->stored);
    r->room = room;
  }
  set_place(r->places, s.key, r->count);
  r->stored[r->count] = s;
  return r->count++;
}

/* A storage's bytes are held against those of the file before any memory is
 * asked for; together they are no more than it has. */
static void read_stored (Reader *r, Stored *s, Source *from) {
  Shape shape = { 1, { s->count } };
  int64_t bytes = source_need(from, s->wire, &shape);
  if (bytes > r->left)
    source_bad(from, "its storages overlap");
  r->left -= bytes;
  s->data = source_tensor(from, s->wire, &shape, false, r->host);
}

static void read_entry (Reader *r, Stored *s) {
  Text *name = text_new();
  text_add(name, "%sdata/%s", r->prefix, s->key);
  zip_int64_t i = zip_name_locate(r->zip, name->chars, 0);
  if (i < 0)
    source_bad(r->source, "the archive has no entry %s", name->chars);
  zip_stat_t about;
  Source *from = archive_entry(r->zip, (zip_uint64_t) i, r->path, &about);
  if (about.comp_method != ZIP_CM_STORE || about.comp_size != about.size
      || (int64_t) about.size > r->left)
    source_bad(from, "is packed or overlaps another; storages lie in the file"
               " as they are");
  read_stored(r, s, from);
  source_end(from);
}

static Tensor *stored_data (Reader *r, int64_t place) {
  Stored *s = &r->stored[place];
  if (s->data == NULL && r->zip != NULL)
    read_entry(r, s);
  if (s->data == NULL)
    source_bad(r->source, "storage %s is not in the file", s->key);
  return s->data;
}

/* A tuple of whole numbers from 0. */
static int sizes_of (const Reader *r, const char *name, PickleValue v,
                     int64_t *to) {
  if (v.kind != P_TUPLE)
    source_bad(r->source, "tensor %s: its shape is damaged", name);
  if (v.object->count > MAX_RANK)
    source_bad(r->source, "tensor %s: has more than %d axes", name, MAX_RANK);
  for (int64_t i = 0; i < v.object->count; i++) {
    PickleValue n = v.object->item[i];
    if (n.kind != P_INT || n.integer < 0)
      source_bad(r->source, "tensor %s: its shape is damaged", name);
    to[i] = n.integer;
  }
  return (int) v.object->count;
}

/* Raises unless all elements lie in the storage, and are no more than it has
 * (a stretched axis would be a forger's way to a huge tensor). */
static void check_inside (const Reader *r, const char *name, const Shape *s,
                          const int64_t *stride, int64_t offset,
                          int64_t count) {
  int64_t last = offset, elements = 1;
  bool beyond = offset > count, empty = false;
  for (int i = 0; i < s->rank; i++) {
    int64_t reach;
    empty |= s->size[i] == 0;
    beyond |= __builtin_mul_overflow(elements, s->size[i] ? s->size[i] : 1,
                                     &elements);
    beyond |= __builtin_mul_overflow(s->size[i] ? s->size[i] - 1 : 0,
                                     stride[i], &reach);
    beyond |= __builtin_add_overflow(last, reach, &last);
  }
  if (beyond || (!empty && (last >= count || elements > count)))
    source_bad(r->source, "tensor %s: shape %s does not fit into its storage"
               " of %" PRId64 " elements", name, shape_text(s), count);
}

/* _rebuild_tensor_v2(storage, offset, shape, strides, ...) */
static Tensor *tensor_of (Reader *r, const char *name, PickleValue v) {
  const PickleObject *o = v.object;
  PickleValue offset = item(o, 1);
  if (o->count < 4 || offset.kind != P_INT || offset.integer < 0)
    source_bad(r->source, "tensor %s: its description is damaged", name);
  int64_t place = place_of(r, item(o, 0)), stride[MAX_RANK];
  Shape s = { 0 };
  s.rank = sizes_of(r, name, item(o, 2), s.size);
  if (sizes_of(r, name, item(o, 3), stride) != s.rank)
    source_bad(r->source, "tensor %s: its shape and strides have different"
               " lengths", name);
  check_inside(r, name, &s, stride, offset.integer, r->stored[place].count);
  return tensor_view(stored_data(r, place), &s, stride, offset.integer);
}

/* ---- walking over the object ---- */

/* Lengthens the path by a key; returns how long it was. */
static size_t enter (Reader *r, PickleValue key) {
  size_t before = r->name->count;
  const char *text = pickle_text(key), *dot = before ? "." : "";
  if (text == NULL && key.kind != P_INT)
    source_bad(r->source, "a key below '%s' is neither a text nor a whole"
               " number", r->name->chars);
  if (before + (text ? strlen(text) : 0) > LONGEST)
    source_bad(r->source, "a name of more than %d bytes", LONGEST);
  if (text != NULL)
    text_add(r->name, "%s%s", dot, text);
  else
    text_add(r->name, "%s%" PRId64, dot, key.integer);
  return before;
}

static void leave (Reader *r, size_t before) {
  r->name->count = before;
  r->name->chars[before] = 0;
}

static void count_entry (Reader *r) {
  if (++r->entries > MOST)
    source_bad(r->source, "more than %d tensors and numbers", MOST);
}

static void add_tensor (Reader *r, PickleValue v) {
  const char *name = r->name->chars;
  count_entry(r);
  if (json_object_get(r->names, name) != NULL)
    source_bad(r->source, "two tensors have the name %s", name);
  set_place(r->names, name, 0);
  bundle_add(r->bundle, name, tensor_of(r, name, v));
}

/* Long texts are left out. */
static void add_note (Reader *r, PickleValue v) {
  char number[40];
  const char *text = number;
  if (v.kind == P_TEXT)
    text = pickle_text(v);
  else if (v.kind == P_FLOAT)
    snprintf(number, sizeof number, "%.17g", v.real);
  else if (v.kind == P_BOOL)
    text = v.integer ? "true" : "false";
  else
    snprintf(number, sizeof number, "%" PRId64, v.integer);
  count_entry(r);
  if (text != NULL && strlen(text) <= LONGEST)
    bundle_note(r->bundle, r->name->chars, text);
}

static void walk (Reader *r, PickleValue v, int depth);

static void walk_items (Reader *r, PickleValue v, int depth) {
  PickleObject *o = v.object;
  int64_t step = v.kind == P_DICT ? 2 : 1;
  if (depth == DEEPEST)
    source_bad(r->source, "dictionaries lie more than %d deep", DEEPEST);
  if (o->seen && o->count > 0)
    source_bad(r->source, "what stands at '%s' stands in the file a second"
               " time", r->name->chars);
  o->seen = true;
  for (int64_t i = 0; i < o->count; i += step) {
    PickleValue key = { .kind = P_INT, .integer = i };
    size_t before = enter(r, v.kind == P_DICT ? o->item[i] : key);
    walk(r, o->item[i + step - 1], depth + 1);
    leave(r, before);
  }
}

static void walk (Reader *r, PickleValue v, int depth) {
  switch (v.kind) {
    case P_TENSOR: add_tensor(r, v); break;
    case P_TUPLE: case P_LIST: case P_DICT: walk_items(r, v, depth); break;
    case P_BOOL: case P_INT: case P_FLOAT: case P_TEXT: add_note(r, v); break;
    case P_NONE: case P_BIG: case P_GLOBAL: case P_STORAGE: break;
  }
}

/* The whole object; a tensor alone has no name. */
static void walk_object (Reader *r, PickleValue v) {
  if (v.kind == P_TENSOR) {
    r->bundle->single = true;
    bundle_add(r->bundle, "", tensor_of(r, "", v));
    return;
  }
  if (v.kind != P_DICT && v.kind != P_LIST && v.kind != P_TUPLE)
    source_bad(r->source, "holds no tensors");
  walk(r, v, 0);
}

/* ---- the archive ---- */

static zip_int64_t find_pickle (Reader *r) {
  static const char wanted[] = "data.pkl";
  zip_int64_t count = zip_get_num_entries(r->zip, 0);
  for (zip_int64_t i = 0; i < count; i++) {
    const char *name = zip_get_name(r->zip, (zip_uint64_t) i, 0);
    const char *slash = name != NULL ? strrchr(name, '/') : NULL;
    if (name == NULL || strcmp(slash ? slash + 1 : name, wanted) != 0)
      continue;
    Text *prefix = text_new();
    text_add(prefix, "%.*s", (int) (strlen(name) - strlen(wanted)), name);
    r->prefix = prefix->chars;
    return i;
  }
  raise_as(FAIL_DATA, "%s: not a file of torch.save: the archive has no entry"
           " data.pkl", r->path);
}

/* Newer archives name the order of bytes. */
static void check_order (Reader *r) {
  Text *name = text_new();
  text_add(name, "%sbyteorder", r->prefix);
  zip_int64_t i = zip_name_locate(r->zip, name->chars, 0);
  zip_stat_t about;
  if (i < 0)
    return;
  Source *s = archive_entry(r->zip, (zip_uint64_t) i, r->path, &about);
  char order[7] = "";
  if (about.size == 6)
    source_read(s, order, 6);
  if (strcmp(order, "little") != 0)
    source_bad(s, "its numbers are not in little-endian order");
}

static void read_zip (const char *path, Bundle *b, const Device *host) {
  Reader *r = reader_new(path, b, host);
  r->zip = archive_open(path, "a torch.save");
  zip_int64_t i = find_pickle(r);
  check_order(r);
  zip_stat_t about;
  r->source = archive_entry(r->zip, (zip_uint64_t) i, path, &about);
  PickleValue v = pickle_read(r->source);
  source_end(r->source);
  walk_object(r, v);
}

/* ---- the older form ---- */

static const unsigned char magic[] = {
  0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };

static void check_machine (const Reader *r, PickleValue v) {
  for (int64_t i = 0; v.kind == P_DICT && i < v.object->count; i += 2)
    if (is_text(v.object->item[i], "little_endian")) {
      PickleValue is = v.object->item[i + 1];
      if (is.kind == P_BOOL && is.integer == 1)
        return;
      source_bad(r->source, "its numbers are not in little-endian order");
    }
  source_bad(r->source, "does not say which machine wrote it");
}

static void check_start (const Reader *r) {
  PickleValue v = pickle_read(r->source);
  if (v.kind != P_BIG || v.object->count != sizeof magic
      || memcmp(v.object->text, magic, sizeof magic) != 0)
    source_bad(r->source, "not a file of torch.save");
  v = pickle_read(r->source);
  if (v.kind != P_INT || v.integer != 1001)
    source_bad(r->source, "a version of torch.save's form that is not read");
  check_machine(r, pickle_read(r->source));
}

/* Notes every storage that the object's tensors have, before the bytes of any
 * come.  Marks nothing: each container is looked at once, from a list. */
static void note_storages (Reader *r, PickleValue v, int depth) {
  if (v.kind == P_TENSOR)
    place_of(r, item(v.object, 0));
  if ((v.kind != P_DICT && v.kind != P_LIST && v.kind != P_TUPLE)
      || v.object->seen || depth > DEEPEST)
    return;
  v.object->seen = true;
  int64_t step = v.kind == P_DICT ? 2 : 1;
  for (int64_t i = step - 1; i < v.object->count; i += step)
    note_storages(r, v.object->item[i], depth + 1);
}

static void forget_seen (PickleValue v) {
  if ((v.kind != P_DICT && v.kind != P_LIST && v.kind != P_TUPLE)
      || !v.object->seen)
    return;
  v.object->seen = false;
  int64_t step = v.kind == P_DICT ? 2 : 1;
  for (int64_t i = step - 1; i < v.object->count; i += step)
    forget_seen(v.object->item[i]);
}

static void read_storages (Reader *r, PickleValue keys) {
  if (keys.kind != P_LIST)
    source_bad(r->source, "the list of its storages is damaged");
  for (int64_t i = 0; i < keys.object->count; i++) {
    const char *key = pickle_text(keys.object->item[i]);
    json_t *known = key ? json_object_get(r->places, key) : NULL;
    unsigned char count[8];
    if (known == NULL)
      source_bad(r->source, "storage %s belongs to no tensor",
                 key ? key : "without a name");
    Stored *s = &r->stored[json_integer_value(known)];
    source_read(r->source, count, sizeof count);
    if (s->data != NULL || little_endian(count, 8) != (uint64_t) s->count)
      source_bad(r->source, "storage %s comes twice or has another size than"
                 " described", key);
    read_stored(r, s, r->source);
  }
}

static void read_old (const char *path, Bundle *b, const Device *host) {
  Reader *r = reader_new(path, b, host);
  r->source = source_open(path);
  check_start(r);
  PickleValue v = pickle_read(r->source), keys = pickle_read(r->source);
  note_storages(r, v, 0);
  forget_seen(v);
  read_storages(r, keys);
  source_end(r->source);
  walk_object(r, v);
}

void pth_read (const char *path, Bundle *b, const Device *host) {
  Source *s = source_open(path);
  char start[2] = "";
  if (source_left(s) >= 2)
    source_read(s, start, 2);
  if (memcmp(start, "PK", 2) == 0)
    read_zip(path, b, host);
  else if ((unsigned char) start[0] == 0x80)
    read_old(path, b, host);
  else
    source_bad(s, "not a file of torch.save");
}
