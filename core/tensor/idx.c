/*
 * idx.c - the IDX files of MNIST and its kin, and plain rows of bytes.
 *
 * Two zero bytes, the type of the numbers, the number of axes, the sizes as
 * 32-bit numbers and the numbers themselves, all big-endian; often gzipped.
 */
#include "tensor/format.h"

#include "base/error.h"

enum { TYPE_U8 = 0x08, TYPE_I32 = 0x0C, TYPE_F32 = 0x0D, TYPE_F64 = 0x0E };

static bool wire_of (int type, Wire *w) {
  switch (type) {
    case TYPE_U8: *w = WIRE_U8; return true;
    case TYPE_I32: *w = WIRE_I32; return true;
    case TYPE_F32: *w = WIRE_F32; return true;
    case TYPE_F64: *w = WIRE_F64; return true;
    default: return false;
  }
}

bool idx_begins (const unsigned char *bytes, size_t count) {
  Wire w;
  bool gzipped = count >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B;
  return gzipped || (count >= 4 && bytes[0] == 0 && bytes[1] == 0
                     && wire_of(bytes[2], &w));
}

Tensor *file_read_idx (const char *path, const char *sha256,
                       const Device *host) {
  Source *s = source_gunzip(path);
  unsigned char start[4], size[4];
  Wire w;
  source_hash(s);
  source_read(s, start, sizeof start);
  if (start[0] != 0 || start[1] != 0 || !wire_of(start[2], &w))
    source_bad(s, "not an IDX file of numbers");
  if (start[3] > MAX_RANK)
    source_bad(s, "has more than %d axes", MAX_RANK);
  Shape shape = { .rank = start[3] };
  for (int i = 0; i < shape.rank; i++) {
    source_read(s, size, sizeof size);
    shape.size[i] = (int64_t) size[0] << 24 | size[1] << 16 | size[2] << 8
                  | size[3];
  }
  Tensor *t = source_tensor(s, w, &shape, w != WIRE_U8, host);
  source_end(s);
  if (sha256 != NULL)
    source_check(s, sha256);
  return t;
}

Tensor *file_read_rows (const char *path, int64_t row_bytes,
                        const char *sha256, const Device *host) {
  Source *s = source_open(path);
  int64_t bytes = source_left(s);
  if (bytes == 0 || bytes % row_bytes != 0)
    source_bad(s, "its size of %lld bytes is not a number of rows of %lld",
               (long long) bytes, (long long) row_bytes);
  Shape shape = { .rank = 2, .size = { bytes / row_bytes, row_bytes } };
  source_hash(s);
  Tensor *t = source_tensor(s, WIRE_U8, &shape, false, host);
  source_end(s);
  if (sha256 != NULL)
    source_check(s, sha256);
  return t;
}
