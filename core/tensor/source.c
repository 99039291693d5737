/* source.c - see source.h. */
#include "tensor/source.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

/* Deflate packs at most 258 bytes into two bits: 1,032 to 1. */
enum { DEFLATE_MOST = 1032 };

struct Source {
  char *name;
  int64_t left;
  void *handle;
  size_t (*read) (void *handle, void *to, size_t bytes, const char **reason);
  void (*close) (void *handle);
  bool hashed;
  Sha256 hash;
};

void source_bad (const Source *s, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  raise_as(FAIL_DATA, "%s: %s", s->name, text);
}

static void drop (void *thing) {
  Source *s = thing;
  if (s->handle != NULL)
    s->close(s->handle);
  mem_free(s->name);
  mem_free(s);
}

Source *source_new (const char *name, int64_t at_most, void *handle,
                    size_t (*read) (void *handle, void *to, size_t bytes,
                                    const char **reason),
                    void (*close) (void *handle)) {
  own_reserve();
  Source *s = mem_new(sizeof *s);
  own(s, drop);
  s->name = mem_new(strlen(name) + 1);
  strcpy(s->name, name);
  s->left = at_most;
  s->handle = handle;
  s->read = read;
  s->close = close;
  return s;
}

void source_attach (Source *s, void *handle) {
  s->handle = handle;
}

static size_t read_plain (void *handle, void *to, size_t bytes,
                          const char **reason) {
  size_t n = fread(to, 1, bytes, handle);
  if (n < bytes && ferror((FILE *) handle))
    *reason = strerror(errno);
  return n;
}

static void close_plain (void *handle) {
  fclose(handle);
}

/* A regular file: its size is known and does not depend on a partner. */
Source *source_open (const char *path) {
  Source *s = source_new(path, 0, NULL, read_plain, close_plain);
  s->handle = fopen(path, "rb");
  struct stat about;
  if (s->handle == NULL || fstat(fileno(s->handle), &about) != 0)
    source_bad(s, "cannot read: %s", strerror(errno));
  if (!S_ISREG(about.st_mode))
    source_bad(s, "cannot read: not a file");
  s->left = about.st_size;
  return s;
}

/* zlib reports a file that stops early as an error of its buffer, and only
 * at the end. */
static size_t read_gz (void *handle, void *to, size_t bytes,
                       const char **reason) {
  size_t done = 0;
  while (done < bytes) {
    size_t piece = bytes - done < 1u << 30 ? bytes - done : 1u << 30;
    int n = gzread(handle, (char *) to + done, (unsigned) piece);
    int error = Z_OK;
    const char *text = gzerror(handle, &error);
    if (n < 0 || (n == 0 && error != Z_OK)) {
      *reason = error == Z_BUF_ERROR ? "the gzip data ends early" : text;
      return done;
    }
    if (n == 0)
      return done;
    done += (size_t) n;
  }
  return done;
}

static void close_gz (void *handle) {
  gzclose(handle);
}

Source *source_gunzip (const char *path) {
  int64_t packed = source_left(source_open(path));
  Source *s = source_new(path, DEFLATE_MOST * packed + 64, NULL, read_gz,
                         close_gz);
  gzFile gz = gzopen(path, "rb");
  if (gz == NULL)
    source_bad(s, "cannot read: %s", strerror(errno));
  s->handle = gz;
  gzbuffer(gz, 1 << 17);
  return s;
}

void source_read (Source *s, void *to, size_t bytes) {
  const char *reason = "ends early";
  if (s->read(s->handle, to, bytes, &reason) != bytes)
    source_bad(s, "%s", reason);
  s->left -= (int64_t) bytes;
  if (s->hashed)
    sha256_add(&s->hash, to, bytes);
}

void source_end (Source *s) {
  char more;
  const char *reason = NULL;
  if (s->read(s->handle, &more, 1, &reason) != 0)
    source_bad(s, "has more bytes than its header says");
  if (reason != NULL)
    source_bad(s, "%s", reason);
}

int64_t source_left (const Source *s) {
  return s->left;
}

FILE *source_stream (Source *s) {
  return s->handle;
}

void source_hash (Source *s) {
  s->hashed = true;
  sha256_begin(&s->hash);
}

void source_check (Source *s, const char *sha256) {
  char hex[65];
  sha256_end(&s->hash, hex);
  if (strcasecmp(hex, sha256) != 0)
    source_bad(s, "not the expected data: SHA-256 of its bytes is %s,"
               " expected %s", hex, sha256);
}

uint64_t little_endian (const unsigned char *bytes, int count) {
  uint64_t n = 0;
  for (int i = count - 1; i >= 0; i--)
    n = n << 8 | bytes[i];
  return n;
}

/* ---- numbers ---- */

static const struct { size_t size; DType dtype; } wires[WIRES] = {
  [WIRE_F32] = { 4, F32 }, [WIRE_F64] = { 8, F64 },
  [WIRE_I32] = { 4, I32 }, [WIRE_I64] = { 8, I32 },
  [WIRE_U8] = { 1, U8 }, [WIRE_BOOL] = { 1, U8 },
  [WIRE_F16] = { 2, F32 }, [WIRE_BF16] = { 2, F32 },
  [WIRE_I16] = { 2, I32 }, [WIRE_I8] = { 1, I32 },
};

size_t wire_size (Wire w) {
  return wires[w].size;
}

/* An empty axis counts as 1 here: even the strides of an empty array must be
 * numbers. */
int64_t source_need (const Source *s, Wire w, const Shape *shape) {
  int64_t bytes = (int64_t) wires[w].size;
  bool empty = false, beyond = false;
  for (int i = 0; i < shape->rank; i++) {
    int64_t size = shape->size[i];
    if (size < 0)
      source_bad(s, "an axis has the size %" PRId64, size);
    empty |= size == 0;
    beyond |= __builtin_mul_overflow(bytes, size ? size : 1, &bytes);
  }
  if (beyond || (!empty && bytes > s->left))
    source_bad(s, "too short for an array of shape %s", shape_text(shape));
  return empty ? 0 : bytes;
}

static void swap_bytes (unsigned char *p, int64_t count, size_t size) {
  for (int64_t i = 0; i < count; i++, p += size)
    for (size_t a = 0, b = size - 1; a < b; a++, b--) {
      unsigned char kept = p[a];
      p[a] = p[b];
      p[b] = kept;
    }
}

/* IEEE half precision: 5 bits of exponent, 10 of fraction. */
static float half_float (uint16_t h) {
  uint32_t sign = (uint32_t) (h & 0x8000) << 16, exponent = h >> 10 & 31;
  uint32_t fraction = h & 0x3FF, bits;
  float f;
  if (exponent == 0) {
    f = (float) fraction * 0x1p-24f;
    return sign ? -f : f;
  }
  bits = sign | fraction << 13
       | (exponent == 31 ? 0x7F800000u : (exponent + 112) << 23);
  memcpy(&f, &bits, sizeof f);
  return f;
}

static float bfloat_float (uint16_t h) {
  uint32_t bits = (uint32_t) h << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static int32_t int64_int32 (const Source *s, int64_t n, int64_t place) {
  if (n < INT32_MIN || n > INT32_MAX)
    source_bad(s, "element %" PRId64 " is %" PRId64
               ", which does not fit into int32", place, n);
  return (int32_t) n;
}

/* Number `from` of those of a file as the number `to` of the tensor's. */
static void convert (const Source *s, Wire w, void *to, const void *from,
                     int64_t place) {
  int64_t wide;
  uint16_t two;
  memcpy(&wide, from, w == WIRE_I64 ? sizeof wide : 0);
  memcpy(&two, from, w == WIRE_I64 || w == WIRE_I8 ? 0 : sizeof two);
  switch (w) {
    case WIRE_I64: *(int32_t *) to = int64_int32(s, wide, place); break;
    case WIRE_F16: *(float *) to = half_float(two); break;
    case WIRE_BF16: *(float *) to = bfloat_float(two); break;
    case WIRE_I16: *(int32_t *) to = (int16_t) two; break;
    default: *(int32_t *) to = *(const int8_t *) from; break;
  }
}

static bool converted (Wire w) {
  return w == WIRE_I64 || w >= WIRE_F16;
}

/* Through a small buffer, so that no second copy of the array is needed. */
static void read_converted (Source *s, Wire w, unsigned char *to,
                            int64_t count, bool swap) {
  unsigned char buffer[4096];
  size_t size = wires[w].size, wide = dtype_size(wires[w].dtype);
  int64_t most = (int64_t) (sizeof buffer / size);
  for (int64_t i = 0; i < count; ) {
    int64_t n = count - i < most ? count - i : most;
    source_read(s, buffer, (size_t) n * size);
    if (swap)
      swap_bytes(buffer, n, size);
    for (int64_t j = 0; j < n; j++, i++)
      convert(s, w, to + (size_t) i * wide, buffer + (size_t) j * size,
              i + 1);
  }
}

Tensor *source_tensor (Source *s, Wire w, const Shape *shape, bool swap,
                       const Device *host) {
  int64_t bytes = source_need(s, w, shape);
  Tensor *t = tensor_new(host, wires[w].dtype, shape);
  int64_t count = tensor_count(t);
  unsigned char *to = tensor_data(t);
  if (converted(w)) {
    read_converted(s, w, to, count, swap);
    return t;
  }
  if (bytes > 0)
    source_read(s, to, (size_t) bytes);
  if (swap)
    swap_bytes(to, count, wires[w].size);
  for (int64_t i = 0; w == WIRE_BOOL && i < count; i++)
    to[i] = to[i] != 0;
  return t;
}
