/* file.c - see file.h: bundles, and the format that a name asks for. */
#include "tensor/format.h"

#include "base/error.h"
#include "base/mem.h"

#include <string.h>
#include <strings.h>

/* ---- bundles ---- */

void bundle_clear (Bundle *b) {
  for (int i = 0; i < b->count; i++) {
    mem_free(b->item[i].name);
    tensor_drop(b->item[i].tensor);
  }
  for (int i = 0; i < b->notes; i++) {
    mem_free(b->note[i].key);
    mem_free(b->note[i].text);
  }
  mem_free(b->item);
  mem_free(b->note);
  *b = (Bundle) { 0 };
}

static char *copy_of (const char *text) {
  size_t bytes = strlen(text) + 1;
  return memcpy(mem_new(bytes), text, bytes);
}

/* Whatever fails in here, bundle_clear frees what is there. */
void bundle_add (Bundle *b, const char *name, Tensor *t) {
  if (b->count == b->room) {
    int room = 2 * b->room + 8;
    b->item = mem_grow(b->item, (size_t) room * sizeof *b->item);
    b->room = room;
  }
  b->item[b->count].name = copy_of(name);
  b->item[b->count++].tensor = tensor_keep(t);
}

void bundle_note (Bundle *b, const char *key, const char *text) {
  if (b->notes == b->notes_room) {
    int room = 2 * b->notes_room + 8;
    b->note = mem_grow(b->note, (size_t) room * sizeof *b->note);
    b->notes_room = room;
  }
  b->note[b->notes].text = NULL;
  b->note[b->notes].key = copy_of(key);
  b->notes++;
  b->note[b->notes - 1].text = copy_of(text);
}

/* ---- formats ---- */

static Tensor *read_npy (const char *path, const Device *host) {
  return npy_read(source_open(path), host);
}

/* Formats of one tensor have read_one and write_one, the others read_all and
 * write_all. */
typedef struct Format {
  const char *ending;
  Tensor *(*read_one) (const char *path, const Device *host);
  void (*write_one) (const char *path, Tensor *t);
  void (*read_all) (const char *path, Bundle *b, const Device *host);
  void (*write_all) (const char *path, const Bundle *b);
} Format;

static const Format formats[] = {
  { ".npy", read_npy, npy_write, NULL, NULL },
  { ".png", png_read, png_write, NULL, NULL },
  { ".jpg", jpeg_read, jpeg_write, NULL, NULL },
  { ".jpeg", jpeg_read, jpeg_write, NULL, NULL },
  { ".npz", NULL, NULL, npz_read, npz_write },
  { ".pth", NULL, NULL, pth_read, NULL },
  { ".pt", NULL, NULL, pth_read, NULL },
  { ".safetensors", NULL, NULL, safetensors_read, safetensors_write },
};

static const char written[] = "npy, npz, safetensors, png, jpg and jpeg";

static const Format *format_of (const char *path) {
  size_t length = strlen(path);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    size_t n = strlen(formats[i].ending);
    if (length > n && strcasecmp(path + length - n, formats[i].ending) == 0)
      return &formats[i];
  }
  return NULL;
}

static bool is_idx (const char *path) {
  unsigned char start[4];
  Source *s = source_open(path);
  if (source_left(s) < (int64_t) sizeof start)
    return false;
  source_read(s, start, sizeof start);
  return idx_begins(start, sizeof start);
}

void file_read (const char *path, Bundle *b, const Device *host) {
  const Format *f = format_of(path);
  bundle_clear(b);
  if (f == NULL && !is_idx(path))
    raise_as(FAIL_DATA, "%s: not a known kind of file; read are %s, pth and"
             " pt, and IDX files under any name", path, written);
  if (f != NULL && f->read_all != NULL) {
    f->read_all(path, b, host);
    return;
  }
  b->single = true;
  bundle_add(b, "", f == NULL ? file_read_idx(path, NULL, host)
                              : f->read_one(path, host));
}

void file_write (const char *path, const Bundle *b) {
  const Format *f = format_of(path);
  if (f == NULL)
    raise_user("%s: not a known kind of file; written are %s", path, written);
  if (f->write_one == NULL && f->write_all == NULL)
    raise_user("%s: %s files are read, not written; written are %s", path,
               f->ending + 1, written);
  if (b->single && f->write_one == NULL)
    raise_user("%s: %s files hold named tensors: give a table name -> tensor",
               path, f->ending + 1);
  if (!b->single && f->write_all == NULL)
    raise_user("%s: %s files hold one tensor: give a tensor", path,
               f->ending + 1);
  if (b->notes > 0 && f->write_all != safetensors_write)
    raise_user("%s: only safetensors files hold metadata", path);
  if (b->count == 0 && f->write_all == npz_write)
    raise_user("%s: an npz file needs at least one tensor", path);
  if (b->single)
    f->write_one(path, b->item[0].tensor);
  else
    f->write_all(path, b);
}
