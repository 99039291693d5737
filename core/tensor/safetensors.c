/*
 * safetensors.c - named tensors in one file, without code in it.
 *
 * Eight bytes with the length of a header, the header (a JSON object: name ->
 * type, shape and the first and last byte of the data; "__metadata__" -> texts)
 * and the data.  The data must be covered exactly once: gaps and overlaps are
 * refused, as is a name that stands twice.
 *
 * Written are the wider numbers first and then by name (so that every array
 * is aligned), the keys of the header sorted, the header padded to 8 bytes.
 */
#include "tensor/format.h"

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_HEADER = 100000000 };      /* the format's own limit */

static const char notes_key[] = "__metadata__";

static const struct { const char *name; Wire wire; } types[] = {
  { "F32", WIRE_F32 }, { "F64", WIRE_F64 }, { "I32", WIRE_I32 },
  { "I64", WIRE_I64 }, { "U8", WIRE_U8 }, { "BOOL", WIRE_BOOL } };

typedef struct Place {
  const char *name;
  Wire wire;
  Shape shape;
  int64_t from, to;       /* bytes of the data */
  Tensor *tensor;
} Place;

static json_t *read_header (Source *s) {
  unsigned char size[8];
  source_read(s, size, sizeof size);
  uint64_t length = little_endian(size, 8);
  if (length > LONGEST_HEADER || (int64_t) length > source_left(s))
    source_bad(s, "its header of %" PRIu64 " bytes is longer than the file"
               " or than allowed", length);
  own_reserve();
  char *text = mem_new(length + 1);
  own(text, mem_free);
  source_read(s, text, length);
  if (text[0] != '{')
    source_bad(s, "not a safetensors file");
  json_error_t error;
  json_t *header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
  if (header == NULL)
    source_bad(s, "its header cannot be read: %s", error.text);
  return json_own(header);
}

static void read_notes (Source *s, const json_t *notes, Bundle *b) {
  const char *key;
  json_t *text;
  if (!json_is_object(notes))
    source_bad(s, "its metadata is not a table of texts");
  json_object_foreach ((json_t *) notes, key, text) {
    if (!json_is_string(text))
      source_bad(s, "its metadata is not a table of texts");
    bundle_note(b, key, json_string_value(text));
  }
}

static int64_t whole (Source *s, const json_t *n, const char *name) {
  if (!json_is_integer(n) || json_integer_value(n) < 0)
    source_bad(s, "tensor %s: sizes and places must be whole numbers", name);
  return json_integer_value(n);
}

static void read_shape (Source *s, const json_t *list, Place *p) {
  size_t rank = json_array_size(list);
  if (!json_is_array(list) || rank > MAX_RANK)
    source_bad(s, "tensor %s: its shape is not a list of at most %d sizes",
               p->name, MAX_RANK);
  p->shape.rank = (int) rank;
  for (size_t i = 0; i < rank; i++)
    p->shape.size[i] = whole(s, json_array_get(list, i), p->name);
}

static void read_place (Source *s, const json_t *entry, Place *p) {
  const char *type = json_string_value(json_object_get(entry, "dtype"));
  const json_t *ends = json_object_get(entry, "data_offsets");
  if (type == NULL || json_object_size(entry) != 3
      || json_array_size(ends) != 2)
    source_bad(s, "tensor %s: needs dtype, shape and data_offsets", p->name);
  size_t i = 0, count = sizeof types / sizeof *types;
  while (i < count && strcmp(types[i].name, type) != 0)
    i++;
  if (i == count)
    source_bad(s, "tensor %s: holds %s; read are F32, F64, I32, I64, U8 and"
               " BOOL", p->name, type);
  p->wire = types[i].wire;
  read_shape(s, json_object_get(entry, "shape"), p);
  p->from = whole(s, json_array_get(ends, 0), p->name);
  p->to = whole(s, json_array_get(ends, 1), p->name);
  int64_t need = source_need(s, p->wire, &p->shape);
  if (p->to < p->from || p->to > source_left(s))
    source_bad(s, "tensor %s: lies outside the file", p->name);
  if (p->to - p->from != need)
    source_bad(s, "tensor %s: shape %s needs %" PRId64 " bytes, has %" PRId64,
               p->name, shape_text(&p->shape), need, p->to - p->from);
}

static int by_place (const void *a, const void *b) {
  const Place *p = a, *q = b;
  if (p->from != q->from)
    return p->from < q->from ? -1 : 1;
  return p->to < q->to ? -1 : p->to > q->to;
}

static int by_name (const void *a, const void *b) {
  return strcmp(((const Place *) a)->name, ((const Place *) b)->name);
}

/* Sorted by place, each begins where the one before it ends. */
static void check_cover (Source *s, const Place *place, int count) {
  int64_t at = 0;
  for (int i = 0; i < count; i++) {
    if (place[i].from < at)
      source_bad(s, "tensors %s and %s overlap", place[i - 1].name,
                 place[i].name);
    if (place[i].from > at)
      source_bad(s, "%" PRId64 " bytes before tensor %s belong to nothing",
                 place[i].from - at, place[i].name);
    at = place[i].to;
  }
  if (at != source_left(s))
    source_bad(s, "%" PRId64 " bytes at its end belong to nothing",
               source_left(s) - at);
}

void safetensors_read (const char *path, Bundle *b, const Device *host) {
  Source *s = source_open(path);
  json_t *header = read_header(s), *entry;
  own_reserve();
  Place *place = mem_new((json_object_size(header) + 1) * sizeof *place);
  own(place, mem_free);
  int count = 0;
  const char *name;
  json_object_foreach (header, name, entry) {
    if (strcmp(name, notes_key) == 0) {
      read_notes(s, entry, b);
      continue;
    }
    place[count].name = name;
    read_place(s, entry, &place[count++]);
  }
  qsort(place, (size_t) count, sizeof *place, by_place);
  check_cover(s, place, count);
  for (int i = 0; i < count; i++)
    place[i].tensor = source_tensor(s, place[i].wire, &place[i].shape, false,
                                    host);
  qsort(place, (size_t) count, sizeof *place, by_name);
  for (int i = 0; i < count; i++)
    bundle_add(b, place[i].name, place[i].tensor);
}

/* ---- writing ---- */

static int wide_first (const void *a, const void *b) {
  const Place *p = a, *q = b;
  size_t m = wire_size(p->wire), n = wire_size(q->wire);
  return m != n ? m > n ? -1 : 1 : strcmp(p->name, q->name);
}

static Place *places_of (const Bundle *b) {
  static const Wire wires[DTYPES] = {
    [F32] = WIRE_F32, [F64] = WIRE_F64, [I32] = WIRE_I32, [U8] = WIRE_U8 };
  own_reserve();
  Place *place = mem_new(((size_t) b->count + 1) * sizeof *place);
  own(place, mem_free);
  for (int i = 0; i < b->count; i++) {
    Tensor *t = b->item[i].tensor;
    place[i] = (Place) { .name = b->item[i].name, .wire = wires[t->dtype],
                         .shape = t->shape, .tensor = t };
  }
  qsort(place, (size_t) b->count, sizeof *place, wide_first);
  int64_t at = 0;
  for (int i = 0; i < b->count; i++) {
    place[i].from = at;
    at += tensor_count(place[i].tensor) * (int64_t) wire_size(place[i].wire);
    place[i].to = at;
  }
  return place;
}

static const char *type_name (Wire w) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].wire == w)
      return types[i].name;
  return NULL;
}

static json_t *entry_of (const Place *p) {
  json_t *shape = json_array();
  for (int i = 0; i < p->shape.rank; i++)
    json_array_append_new(shape, json_integer(p->shape.size[i]));
  return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_name(p->wire),
                   "shape", shape, "data_offsets", (json_int_t) p->from,
                   (json_int_t) p->to);
}

static void put (json_t *object, const char *key, json_t *value) {
  json_t *name = json_text(key, strlen(key));
  const char *utf8 = json_string_value(name);
  int failed = utf8 == NULL || json_object_set_new(object, utf8, value);
  json_decref(name);
  if (failed)
    raise_as(FAIL_MEMORY, "out of memory");
}

static const char *header_of (const Bundle *b, const Place *place) {
  json_t *header = json_own(json_object());
  if (b->notes > 0) {
    json_t *notes = json_object();
    put(header, notes_key, notes);
    for (int i = 0; i < b->notes; i++)
      put(notes, b->note[i].key,
          json_text(b->note[i].text, strlen(b->note[i].text)));
  }
  for (int i = 0; i < b->count; i++) {
    if (strcmp(place[i].name, notes_key) == 0)
      raise_user("a tensor cannot have the name %s", notes_key);
    put(header, place[i].name, entry_of(&place[i]));
  }
  return json_write(header, 0);
}

void safetensors_write (const char *path, const Bundle *b) {
  Place *place = places_of(b);
  const char *header = header_of(b, place);
  size_t count = strlen(header), padded = (count + 7) / 8 * 8;
  unsigned char size[8];
  for (int i = 0; i < 8; i++)
    size[i] = (unsigned char) ((uint64_t) padded >> 8 * i);
  Output *o = output_new(path);
  output_write(o, size, sizeof size);
  output_write(o, header, count);
  output_write(o, "       ", padded - count);
  for (int i = 0; i < b->count; i++)
    output_write(o, tensor_data(place[i].tensor),
                 (size_t) (place[i].to - place[i].from));
  output_commit(o);
}
