/*
 * npy.c - NumPy's arrays (.npy) and archives of them (.npz).
 *
 * A .npy file is the magic, a version, the length of a header and the header:
 * the text of a Python dictionary with the type of the numbers ('<f4'), their
 * order and the shape; then the numbers.  A .npz file is a zip archive of
 * .npy files.  An array in Fortran's order is read as it lies and seen through
 * strides.  Arrays of Python objects are refused: reading them would run code.
 */
#include "tensor/archive.h"
#include "tensor/format.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/output.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { MAGIC = 6, LONGEST_HEADER = 1 << 16 };

static const unsigned char magic[MAGIC + 1] = "\x93NUMPY";

typedef struct Header {
  Wire wire;
  bool swap, fortran;
  Shape shape;
} Header;

/* ---- the dictionary ---- */

typedef struct Cursor {
  Source *source;        /* for messages */
  const char *at;        /* the text ends with a 0 */
} Cursor;

static _Noreturn void bad_header (const Cursor *c) {
  source_bad(c->source, "its header is not a description of an array");
}

static void skip (Cursor *c) {
  while (*c->at == ' ' || *c->at == '\n' || *c->at == '\t')
    c->at++;
}

/* Goes over sign if it comes next. */
static bool next_is (Cursor *c, char sign) {
  skip(c);
  if (*c->at != sign)
    return false;
  c->at++;
  return true;
}

static void expect (Cursor *c, char sign) {
  if (!next_is(c, sign))
    bad_header(c);
}

static void read_quoted (Cursor *c, char *to, size_t room) {
  skip(c);
  char quote = *c->at;
  if (quote != '\'' && quote != '"')
    bad_header(c);
  c->at++;
  size_t n = strcspn(c->at, quote == '"' ? "\"" : "'");
  if (c->at[n] == 0 || n >= room)
    bad_header(c);
  memcpy(to, c->at, n);
  to[n] = 0;
  c->at += n + 1;
}

/* '<f4': order, kind and bytes of a number. */
static void read_type (Cursor *c, Header *h) {
  static const struct { const char *name; Wire wire; } types[] = {
    { "f4", WIRE_F32 }, { "f8", WIRE_F64 }, { "i4", WIRE_I32 },
    { "i8", WIRE_I64 }, { "u1", WIRE_U8 }, { "b1", WIRE_BOOL } };
  skip(c);
  if (*c->at == '[')
    source_bad(c->source, "holds records; only arrays of numbers are read");
  char text[16];
  read_quoted(c, text, sizeof text);
  const char *name = text + (strchr("<>|=", text[0]) != NULL && text[0] != 0);
  if (strcmp(name, "O") == 0)
    source_bad(c->source, "holds Python objects; only numbers are read");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(name, types[i].name) == 0) {
      h->wire = types[i].wire;
      h->swap = text[0] == '>';
      return;
    }
  source_bad(c->source, "holds numbers of type '%s'; read are f4, f8, i4, i8,"
             " u1 and bool", text);
}

static void read_order (Cursor *c, Header *h) {
  skip(c);
  h->fortran = strncmp(c->at, "True", 4) == 0;
  if (!h->fortran && strncmp(c->at, "False", 5) != 0)
    bad_header(c);
  c->at += h->fortran ? 4 : 5;
}

/* (3, 28, 28), (3,), () */
static void read_shape (Cursor *c, Header *h) {
  expect(c, '(');
  while (!next_is(c, ')')) {
    if (h->shape.rank == MAX_RANK)
      source_bad(c->source, "has more than %d axes", MAX_RANK);
    char *end;
    skip(c);
    long long n = strtoll(c->at, &end, 10);
    if (end == c->at || n < 0 || n == INT64_MAX)
      bad_header(c);
    c->at = end + (*end == 'L');          /* as Python 2 wrote it */
    h->shape.size[h->shape.rank++] = n;
    if (!next_is(c, ',')) {
      expect(c, ')');
      return;
    }
  }
}

static void read_dictionary (Cursor *c, Header *h) {
  static const struct {
    const char *name;
    void (*read) (Cursor *c, Header *h);
  } keys[] = { { "descr", read_type }, { "fortran_order", read_order },
               { "shape", read_shape } };
  unsigned seen = 0;
  expect(c, '{');
  while (!next_is(c, '}')) {
    char key[32];
    unsigned i = 0;
    read_quoted(c, key, sizeof key);
    while (i < 3 && strcmp(key, keys[i].name) != 0)
      i++;
    if (i == 3 || (seen & 1u << i) != 0)
      bad_header(c);
    expect(c, ':');
    keys[i].read(c, h);
    seen |= 1u << i;
    if (!next_is(c, ',')) {
      expect(c, '}');
      break;
    }
  }
  skip(c);
  if (seen != 7 || *c->at != 0)
    bad_header(c);
}

static Header read_header (Source *s) {
  unsigned char start[MAGIC + 2], size[4];
  source_read(s, start, sizeof start);
  if (memcmp(start, magic, MAGIC) != 0)
    source_bad(s, "not an npy array");
  int version = start[MAGIC];
  if (version < 1 || version > 3)
    source_bad(s, "npy version %d; read are 1 to 3", version);
  int digits = version == 1 ? 2 : 4;
  source_read(s, size, (size_t) digits);
  uint64_t length = little_endian(size, digits);
  if (length > LONGEST_HEADER)
    source_bad(s, "its header is too long");
  size_t mark = scope_open();
  Text *text = text_new();
  text_add(text, "%*s", (int) length, "");
  source_read(s, text->chars, length);
  if (strlen(text->chars) != length)
    source_bad(s, "its header is not text");
  Header h = { .wire = WIRE_F32 };
  Cursor c = { s, text->chars };
  read_dictionary(&c, &h);
  scope_close(mark);
  return h;
}

/* In Fortran's order the first axis lies closest: the array is that of the
 * reversed shape, with its axes taken backwards. */
static Tensor *read_fortran (Source *s, const Header *h, const Device *host) {
  int rank = h->shape.rank;
  Shape lying = { .rank = rank };
  int64_t stride[MAX_RANK], reversed[MAX_RANK];
  for (int i = 0; i < rank; i++)
    lying.size[i] = h->shape.size[rank - 1 - i];
  Tensor *t = source_tensor(s, h->wire, &lying, h->swap, host);
  shape_strides(&lying, stride);
  for (int i = 0; i < rank; i++)
    reversed[i] = stride[rank - 1 - i];
  return tensor_view(t, &h->shape, reversed, 0);
}

Tensor *npy_read (Source *s, const Device *host) {
  Header h = read_header(s);
  Tensor *t = h.fortran && h.shape.rank > 1
            ? read_fortran(s, &h, host)
            : source_tensor(s, h.wire, &h.shape, h.swap, host);
  source_end(s);
  return t;
}

/* ---- writing ---- */

/* Magic, version 1, length and dictionary, padded to a multiple of 64. */
static Text *header_text (const Tensor *t) {
  static const char *const names[DTYPES] = {
    [F32] = "<f4", [F64] = "<f8", [I32] = "<i4", [U8] = "|u1" };
  Text *d = text_new();
  text_add(d, "{'descr': '%s', 'fortran_order': False, 'shape': (",
           names[t->dtype]);
  for (int i = 0; i < t->shape.rank; i++)
    text_add(d, "%s%" PRId64 "%s", i ? " " : "", t->shape.size[i],
             i == 0 || i < t->shape.rank - 1 ? "," : "");
  text_add(d, "), }");
  size_t used = MAGIC + 4 + d->count + 1;
  text_add(d, "%*s\n", (int) ((64 - used % 64) % 64), "");
  return d;
}

/* The bytes before the numbers, owned by the scope. */
static Text *header_bytes (const Tensor *t) {
  Text *d = header_text(t), *all = text_new();
  text_add(all, "%*s%s", MAGIC + 4, "", d->chars);
  memcpy(all->chars, magic, MAGIC);
  memcpy(all->chars + MAGIC, (unsigned char[]) { 1, 0,
         (unsigned char) d->count, (unsigned char) (d->count >> 8) }, 4);
  return all;
}

static size_t bytes_of (const Tensor *t) {
  return (size_t) tensor_count(t) * dtype_size(t->dtype);
}

void npy_write (const char *path, Tensor *t) {
  Output *o = output_new(path);
  Text *header = header_bytes(t);
  output_write(o, header->chars, header->count);
  output_write(o, tensor_data(t), bytes_of(t));
  output_commit(o);
}

/* ---- archives ---- */

void npz_read (const char *path, Bundle *b, const Device *host) {
  zip_t *zip = archive_open(path, "an npz");
  zip_int64_t count = zip_get_num_entries(zip, 0);
  for (zip_int64_t i = 0; i < count; i++) {
    zip_stat_t about;
    Source *s = archive_entry(zip, (zip_uint64_t) i, path, &about);
    size_t length = strlen(about.name);
    if (length < 5 || strcmp(about.name + length - 4, ".npy") != 0)
      source_bad(s, "not an npy array");
    Text *name = text_new();
    text_add(name, "%.*s", (int) length - 4, about.name);
    bundle_add(b, name->chars, npy_read(s, host));
  }
}

static _Noreturn void not_written (const char *path, zip_t *zip) {
  raise_user("%s: cannot write: %s", path, zip_strerror(zip));
}

/* The archive reads the bytes of an entry when it is closed; they are owned
 * by the scope until then. */
static void add_entry (zip_t *zip, const char *path, const char *name,
                       const Tensor *t) {
  Text *header = header_bytes(t), *entry = text_new();
  size_t count = header->count + bytes_of(t);
  own_reserve();
  char *bytes = mem_new(count);
  own(bytes, mem_free);
  memcpy(bytes, header->chars, header->count);
  memcpy(bytes + header->count, tensor_data(t), bytes_of(t));
  text_add(entry, "%s.npy", name);
  zip_source_t *from = zip_source_buffer(zip, bytes, count, 0);
  if (from == NULL)
    not_written(path, zip);
  zip_int64_t i = zip_file_add(zip, entry->chars, from, ZIP_FL_ENC_UTF_8);
  if (i < 0) {
    zip_source_free(from);
    not_written(path, zip);
  }
  /* 1980-01-01 00:00, so that equal tensors give equal bytes */
  zip_set_file_compression(zip, (zip_uint64_t) i, ZIP_CM_STORE, 0);
  zip_file_set_dostime(zip, (zip_uint64_t) i, 0, 1 << 5 | 1, 0);
}

typedef struct Archive { zip_t *zip; } Archive;

static void drop_writing (void *thing) {
  Archive *a = thing;
  if (a->zip != NULL)
    zip_discard(a->zip);
  mem_free(a);
}

void npz_write (const char *path, const Bundle *b) {
  Output *o = output_new(path);
  own_reserve();
  Archive *a = mem_new(sizeof *a);
  own(a, drop_writing);
  int code;
  a->zip = zip_open(output_name(o), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (a->zip == NULL)
    raise_user("%s: cannot write an archive", path);
  for (int i = 0; i < b->count; i++)
    add_entry(a->zip, path, b->item[i].name, b->item[i].tensor);
  if (zip_close(a->zip) != 0)
    not_written(path, a->zip);
  a->zip = NULL;
  output_commit(o);
}
