/*
 * file.h - tensors in files: npy, npz, safetensors, pth, png, jpeg, IDX.
 *
 * Files are not trusted: sizes are held against the real size of the file
 * before anything is allocated, and whatever is wrong raises FAIL_DATA with
 * "FILE: reason".  Writers are atomic (base/output.h) and give equal bytes
 * for equal tensors.
 */
#ifndef file_h
#define file_h

#include "tensor/tensor.h"

/* Named tensors in order, with notes (texts).  Begins as zeros; holds a
 * reference to each tensor until bundle_clear. */
typedef struct Bundle {
  struct { char *name; Tensor *tensor; } *item;
  int count, room;
  struct { char *key, *text; } *note;
  int notes, notes_room;
  bool single;           /* one tensor without a name: npy, png, jpeg, IDX */
} Bundle;

void bundle_clear (Bundle *b);
void bundle_add (Bundle *b, const char *name, Tensor *t);
void bundle_note (Bundle *b, const char *key, const char *text);

/* By the end of the name, and for other names by the first bytes (IDX, plain
 * or gzipped).  host: the device whose memory the CPU can write. */
void file_read (const char *path, Bundle *b, const Device *host);
/* By the end of the name.  Tensors must be contiguous and on the host. */
void file_write (const char *path, const Bundle *b);

/* An IDX file, plain or gzipped; sha256: of the bytes after unpacking, in
 * hexadecimal, or NULL. */
Tensor *file_read_idx (const char *path, const char *sha256,
                       const Device *host);
/* A file of rows of row_bytes bytes each -> uint8 [N, row_bytes]. */
Tensor *file_read_rows (const char *path, int64_t row_bytes,
                        const char *sha256, const Device *host);

#endif
