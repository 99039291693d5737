/*
 * test_file.c - readers of files meet every damage that one cut or one flipped
 * bit can do, and the damages that need a forger.
 *
 * Whatever happens, a reader ends with a tensor or with FAIL_DATA, gives back
 * what it took and asks for no more memory than the file could fill.  The
 * device here has blocks of exactly the size asked for, so that the sanitizers
 * see every byte too far.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/file.h"

#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* ---- a device of exact blocks ---- */

static size_t most_asked, alive;

static void *exact_alloc (size_t bytes) {
  if (bytes > most_asked)
    most_asked = bytes;
  alive++;
  return malloc(bytes ? bytes : 1);
}

static void exact_free (void *p, size_t bytes) {
  (void) bytes;
  alive--;
  free(p);
}

static const Device exact = {
  .name = "exact", .alloc = exact_alloc, .free = exact_free };

/* ---- files ---- */

static char folder[] = "/tmp/vaelua-file-XXXXXX";

static const char *path_of (const char *name) {
  static char ring[4][256];
  static int next;
  char *p = ring[next++ % 4];
  snprintf(p, sizeof ring[0], "%s/%s", folder, name);
  return p;
}

static void put_file (const char *path, const void *bytes, size_t count) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, count, f), count);
  fclose(f);
}

static unsigned char *get_file (const char *path, size_t *count) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  unsigned char *bytes = malloc(1 << 20);
  *count = fread(bytes, 1, 1 << 20, f);
  fclose(f);
  return bytes;
}

static int files_like (const char *pattern) {
  glob_t found;
  int status = glob(path_of(pattern), 0, NULL, &found);
  int n = status == 0 ? (int) found.gl_pathc : 0;
  globfree(&found);
  return n;
}

/* Reads a file and forgets it; the kind of the failure. */
static Fail try_read (const char *path) {
  Bundle b = { 0 };
  Frame f;
  FRAME (&f)
    file_read(path, &b, &exact);
  frame_close(&f);
  bundle_clear(&b);
  return f.fail;
}

static Fail try_write (const char *path, const Bundle *b) {
  Frame f;
  FRAME (&f)
    file_write(path, b);
  frame_close(&f);
  return f.fail;
}

static void expect_bad (const char *name, const void *bytes, size_t count,
                        const char *message) {
  const char *path = path_of(name);
  put_file(path, bytes, count);
  size_t small = mem_count().small;
  assert_int_equal(try_read(path), FAIL_DATA);
  if (strstr(failure_text(), message) == NULL)
    fail_msg("\"%s\" is not in \"%s\"", message, failure_text());
  assert_non_null(strstr(failure_text(), path));
  assert_int_equal(mem_count().small, small);
  assert_int_equal(alive, 0);
}

/* ---- tensors to write ---- */

static Tensor *counted (DType d, const Shape *shape) {
  Tensor *t = tensor_new(&exact, d, shape);
  int64_t n = tensor_count(t);
  for (int64_t i = 0; i < n; i++)
    switch (d) {
      case F32: ((float *) tensor_data(t))[i] = (float) i / 8; break;
      case F64: ((double *) tensor_data(t))[i] = (double) i / 8; break;
      case I32: ((int32_t *) tensor_data(t))[i] = (int32_t) i - 3; break;
      default: ((uint8_t *) tensor_data(t))[i] = (uint8_t) (37 * i); break;
    }
  return t;
}

static void fill_bundle (Bundle *b) {
  Shape s = shape_of(2, 3, 2), odd = shape_of(1, 5), one = shape_of(0);
  bundle_add(b, "a", counted(U8, &odd));
  bundle_add(b, "b.weight", counted(F32, &s));
  bundle_add(b, "c", counted(I32, &odd));
  bundle_add(b, "d", counted(F64, &one));
}

/* Writes one tensor under a name. */
static void write_one (const char *name, DType d, const Shape *shape) {
  Bundle b = { 0 };
  Frame f;
  FRAME (&f) {
    bundle_add(&b, "", counted(d, shape));
    b.single = true;
    file_write(path_of(name), &b);
  }
  frame_close(&f);
  bundle_clear(&b);
  assert_int_equal(f.fail, FAIL_NONE);
}

static void write_many (const char *name, bool notes) {
  Bundle b = { 0 };
  Frame f;
  FRAME (&f) {
    fill_bundle(&b);
    if (notes) {
      bundle_note(&b, "step", "12");
      bundle_note(&b, "name", "a \"quoted\" \xC3\xA4 \xFF");
    }
    file_write(path_of(name), &b);
  }
  frame_close(&f);
  bundle_clear(&b);
  assert_int_equal(f.fail, FAIL_NONE);
}

static const unsigned char idx_bytes[] = {
  0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3,
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

static void write_gz (const char *name, const void *bytes, unsigned count) {
  gzFile gz = gzopen(path_of(name), "wb");
  assert_non_null(gz);
  assert_int_equal(gzwrite(gz, bytes, count), count);
  gzclose(gz);
}

static const char *const names[] = {
  "x.npy", "grey.png", "rgb.png", "grey.jpg", "rgb.jpeg", "all.npz",
  "all.safetensors", "idx", "idx.gz" };

enum { NAMES = sizeof names / sizeof *names };

static int make_files (void **state) {
  (void) state;
  Shape matrix = shape_of(2, 3, 5), grey = shape_of(3, 9, 7, 1),
        rgb = shape_of(3, 6, 11, 3);
  assert_non_null(mkdtemp(folder));
  write_one("x.npy", F32, &matrix);
  write_one("grey.png", U8, &grey);
  write_one("rgb.png", U8, &rgb);
  write_one("grey.jpg", U8, &grey);
  write_one("rgb.jpeg", U8, &rgb);
  write_many("all.npz", false);
  write_many("all.safetensors", true);
  put_file(path_of("idx"), idx_bytes, sizeof idx_bytes);
  write_gz("idx.gz", idx_bytes, sizeof idx_bytes);
  return 0;
}

static int drop_files (void **state) {
  (void) state;
  char command[300];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command);
}

/* ---- tests ---- */

static void same_tensors (const Bundle *a, const Bundle *b) {
  assert_int_equal(a->count, b->count);
  for (int i = 0; i < a->count; i++) {
    Tensor *s = a->item[i].tensor, *t = b->item[i].tensor;
    assert_string_equal(a->item[i].name, b->item[i].name);
    assert_int_equal(s->dtype, t->dtype);
    assert_true(shape_equal(&s->shape, &t->shape));
    assert_memory_equal(tensor_data(s), tensor_data(t),
                        (size_t) tensor_count(s) * dtype_size(s->dtype));
  }
}

/* What was written comes back, of the same type, shape and bits. */
static void comes_back_from (const char *name, int notes) {
  Bundle a = { 0 }, b = { 0 };
  Frame f;
  FRAME (&f) {
    fill_bundle(&a);
    file_read(path_of(name), &b, &exact);
    same_tensors(&a, &b);
    assert_int_equal(b.notes, notes);
    if (notes > 0) {
      assert_string_equal(b.note[0].key, "name");
      assert_string_equal(b.note[0].text,
                          "a \"quoted\" \xC3\xA4 \xEF\xBF\xBD");
    }
  }
  frame_close(&f);
  bundle_clear(&a);
  bundle_clear(&b);
  assert_int_equal(f.fail, FAIL_NONE);
}

static void comes_back (void **state) {
  (void) state;
  comes_back_from("all.npz", 0);
  comes_back_from("all.safetensors", 2);
}

static void equal_bytes (void **state) {
  (void) state;
  for (int i = 0; i < NAMES; i++) {
    size_t before, after;
    if (strncmp(names[i], "all", 3) != 0)
      continue;
    unsigned char *a = get_file(path_of(names[i]), &before);
    write_many(names[i], strstr(names[i], "safe") != NULL);
    unsigned char *b = get_file(path_of(names[i]), &after);
    assert_int_equal(before, after);
    assert_memory_equal(a, b, before);
    free(a);
    free(b);
  }
}

/* Every beginning of a file but the whole is refused. */
static void cut (void **state) {
  (void) state;
  for (int i = 0; i < NAMES; i++) {
    size_t count, small = mem_count().small;
    unsigned char *bytes = get_file(path_of(names[i]), &count);
    char name[64];
    snprintf(name, sizeof name, "cut-%s", names[i]);
    for (size_t n = 0; n < count; n++) {
      const char *path = path_of(name);
      put_file(path, bytes, n);
      if (try_read(path) != FAIL_DATA)
        fail_msg("%s, the first %zu of %zu bytes: not refused", names[i], n,
                 count);
    }
    put_file(path_of(name), bytes, count);
    assert_int_equal(try_read(path_of(name)), FAIL_NONE);
    assert_int_equal(mem_count().small, small);
    assert_int_equal(alive, 0);
    free(bytes);
  }
}

/* A byte more is refused too where the format says how long a file is. */
static void longer (void **state) {
  (void) state;
  const char *const exact_formats[] = { "x.npy", "all.safetensors", "idx" };
  for (int i = 0; i < 3; i++) {
    size_t count;
    unsigned char *bytes = get_file(path_of(exact_formats[i]), &count);
    char name[64];
    snprintf(name, sizeof name, "long-%s", exact_formats[i]);
    put_file(path_of(name), bytes, count + 1);
    assert_int_equal(try_read(path_of(name)), FAIL_DATA);
    free(bytes);
  }
}

static void flipped (void **state) {
  (void) state;
  for (int i = 0; i < NAMES; i++) {
    size_t count, small = mem_count().small;
    unsigned char *bytes = get_file(path_of(names[i]), &count);
    char name[64];
    snprintf(name, sizeof name, "flip-%s", names[i]);
    most_asked = 0;
    for (size_t n = 0; n < 8 * count; n++) {
      const char *path = path_of(name);
      bytes[n / 8] ^= (unsigned char) (1 << n % 8);
      put_file(path, bytes, count);
      Fail fail = try_read(path);
      if (fail != FAIL_NONE && fail != FAIL_DATA)
        fail_msg("%s, bit %zu: failure %d: %s", names[i], n, (int) fail,
                 failure_text());
      bytes[n / 8] ^= (unsigned char) (1 << n % 8);
    }
    assert_true(most_asked < (size_t) 64 << 20);
    assert_int_equal(mem_count().small, small);
    assert_int_equal(alive, 0);
    free(bytes);
  }
}

/* A safetensors file of a header and so many bytes of data. */
static void expect_bad_header (const char *header, size_t data,
                               const char *message) {
  unsigned char bytes[1024] = { 0 };
  size_t n = strlen(header);
  bytes[0] = (unsigned char) n;
  bytes[1] = (unsigned char) (n >> 8);
  memcpy(bytes + 8, header, n);
  expect_bad("forged.safetensors", bytes, 8 + n + data, message);
}

#define F32_AT(name, shape, from, to) "\"" name "\":{\"dtype\":\"F32\"," \
  "\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"

static void forged_safetensors (void **state) {
  (void) state;
  expect_bad_header("{" F32_AT("a", "[2]", 0, 8) "," F32_AT("b", "[2]", 4, 12)
                    "}", 12, "tensors a and b overlap");
  expect_bad_header("{" F32_AT("a", "[2]", 0, 8) "," F32_AT("b", "[2]", 0, 8)
                    "}", 8, "overlap");
  expect_bad_header("{" F32_AT("a", "[2]", 0, 8) "," F32_AT("b", "[1]", 12, 16)
                    "}", 16, "4 bytes before tensor b belong to nothing");
  expect_bad_header("{" F32_AT("a", "[2]", 0, 8) "}", 12,
                    "4 bytes at its end belong to nothing");
  expect_bad_header("{" F32_AT("a", "[2]", 4, 12) "}", 8, "outside the file");
  expect_bad_header("{" F32_AT("a", "[2]", 8, 0) "}", 8, "outside the file");
  expect_bad_header("{" F32_AT("a", "[3]", 0, 8) "}", 8, "too short");
  expect_bad_header("{" F32_AT("a", "[1]", 0, 8) "}", 8,
                    "shape [1] needs 4 bytes, has 8");
  expect_bad_header("{" F32_AT("a", "[4611686018427387904,4,0]", 0, 0) "}", 0,
                    "too short");
  expect_bad_header("{" F32_AT("a", "[-1]", 0, 8) "}", 8, "whole numbers");
  expect_bad_header("{" F32_AT("a", "[1.5]", 0, 8) "}", 8, "whole numbers");
  expect_bad_header("{" F32_AT("a", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4,
                    "at most 8 sizes");
  expect_bad_header("{" F32_AT("a", "[2]", 0, 8) "," F32_AT("a", "[2]", 0, 8)
                    "}", 8, "duplicate");
  expect_bad_header("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],"
                    "\"data_offsets\":[0,2]}}", 2, "holds F16");
  expect_bad_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4,
                    "needs dtype, shape and data_offsets");
  expect_bad_header("{\"a\":3}", 0, "needs dtype, shape and data_offsets");
  expect_bad_header("{\"__metadata__\":{\"a\":1}}", 0, "table of texts");
  expect_bad_header("[]", 0, "not a safetensors file");
  expect_bad("forged.safetensors", "\377\377\377\377\377\377\377\377{}", 10,
             "longer than the file");
}

static void forged_int64 (void **state) {
  (void) state;
  static const char header[] = "{\"a\":{\"dtype\":\"I64\",\"shape\":[2],"
                               "\"data_offsets\":[0,16]}}";
  unsigned char bytes[8 + sizeof header - 1 + 16] = { sizeof header - 1 };
  memcpy(bytes + 8, header, sizeof header - 1);
  unsigned char *data = bytes + 8 + sizeof header - 1;
  memset(data, 0xFF, 8);                           /* -1 */
  put_file(path_of("i64.safetensors"), bytes, sizeof bytes);
  Bundle b = { 0 };
  Frame f;
  FRAME (&f) {
    file_read(path_of("i64.safetensors"), &b, &exact);
    assert_int_equal(b.item[0].tensor->dtype, I32);
    assert_int_equal(*(int32_t *) tensor_data(b.item[0].tensor), -1);
  }
  frame_close(&f);
  bundle_clear(&b);
  assert_int_equal(f.fail, FAIL_NONE);
  data[12] = 1;                                    /* 2^32 */
  expect_bad("i64.safetensors", bytes, sizeof bytes,
             "element 2 is 4294967296, which does not fit into int32");
}

/* A .npy file of a dictionary and so many bytes of data. */
static size_t npy_bytes (unsigned char *bytes, const char *dictionary,
                         size_t data) {
  size_t n = strlen(dictionary);
  memcpy(bytes, "\x93NUMPY\1\0", 8);
  bytes[8] = (unsigned char) n;
  bytes[9] = 0;
  memcpy(bytes + 10, dictionary, n);
  for (size_t i = 0; i < data; i++)
    bytes[10 + n + i] = (unsigned char) i;
  return 10 + n + data;
}

static void expect_bad_npy (const char *dictionary, size_t data,
                            const char *message) {
  unsigned char bytes[512];
  size_t n = npy_bytes(bytes, dictionary, data);
  expect_bad("forged.npy", bytes, n, message);
}

static void forged_npy (void **state) {
  (void) state;
  expect_bad_npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
                 8, "Python objects");
  expect_bad_npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
                 "'shape': (1,), }", 4, "records");
  expect_bad_npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }",
                 8, "type '<c8'");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }",
                 8, "not a description");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False, "
                 "'shape': (99999999999999999999,), }", 8,
                 "not a description");
  expect_bad_npy("{'descr': '<f8', 'fortran_order': False, "
                 "'shape': (4611686018427387904, 4), }", 8, "too short");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False, "
                 "'shape': (1,1,1,1,1,1,1,1,1), }", 1, "more than 8 axes");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False}", 1,
                 "not a description");
  expect_bad_npy("{'descr': '|u1', 'descr': '|u1', 'shape': (1,)}", 1,
                 "not a description");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} x",
                 1, "not a description");
  expect_bad_npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 2,
                 "more bytes");
}

/* Big-endian, Fortran's order: element (i, j) lies at i + 2 j. */
static void npy_orders (void **state) {
  (void) state;
  unsigned char bytes[512];
  size_t n = npy_bytes(bytes, "{'descr': '>i4', 'fortran_order': True, "
                              "'shape': (2, 3), }", 24);
  put_file(path_of("order.npy"), bytes, n);
  Bundle b = { 0 };
  Frame f;
  FRAME (&f) {
    file_read(path_of("order.npy"), &b, &exact);
    Tensor *t = b.item[0].tensor;
    const int32_t *x = tensor_data(t);
    assert_int_equal(t->shape.size[0], 2);
    assert_int_equal(t->shape.size[1], 3);
    assert_int_equal(x[t->stride[0] * 1 + t->stride[1] * 2], 0x14151617);
    assert_int_equal(x[t->stride[0] * 0 + t->stride[1] * 1], 0x08090A0B);
  }
  frame_close(&f);
  bundle_clear(&b);
  assert_int_equal(f.fail, FAIL_NONE);
}

static void forged_idx (void **state) {
  (void) state;
  unsigned char big[] = { 0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255,
                          255, 255, 255, 255, 0 };
  expect_bad("big", big, sizeof big, "too short for an array");
  write_gz("big.gz", big, sizeof big);
  assert_int_equal(try_read(path_of("big.gz")), FAIL_DATA);
  expect_bad("nine", (unsigned char[]) { 0, 0, 8, 9, 0 }, 5,
             "more than 8 axes");
  expect_bad("other", "hello, file", 11, "not a known kind of file");
  assert_int_equal(try_read(path_of("missing.npy")), FAIL_DATA);
  assert_non_null(strstr(failure_text(), "No such file"));
  assert_int_equal(try_read(folder), FAIL_DATA);
}

static void checksums (void **state) {
  (void) state;
  Frame f;
  FRAME (&f)
    file_read_idx(path_of("idx.gz"), "cafe", &exact);
  frame_close(&f);
  assert_int_equal(f.fail, FAIL_DATA);
  assert_non_null(strstr(failure_text(), "SHA-256"));
}

/* A failed write leaves the old file, and nothing beside it. */
static void writes_are_whole (void **state) {
  (void) state;
  Bundle b = { 0 };
  Frame f;
  FRAME (&f) {
    Shape s = shape_of(3, 4, 4, 2);
    bundle_add(&b, "", counted(U8, &s));
    b.single = true;
  }
  frame_close(&f);
  size_t before, after;
  unsigned char *old = get_file(path_of("grey.png"), &before);
  assert_int_equal(try_write(path_of("grey.png"), &b), FAIL_USER);
  unsigned char *now = get_file(path_of("grey.png"), &after);
  assert_int_equal(before, after);
  assert_memory_equal(old, now, before);
  assert_int_equal(try_write(path_of("none/x.npy"), &b), FAIL_USER);
  assert_int_equal(try_write(path_of("x.gif"), &b), FAIL_USER);
  mkdir(path_of("x.d.npy"), 0777);           /* the rename fails */
  assert_int_equal(try_write(path_of("x.d.npy"), &b), FAIL_USER);
  assert_int_equal(files_like("*.??????"), 0);
  bundle_clear(&b);
  free(old);
  free(now);
}

/* The n-th allocation fails, for every n, in every reader and writer. */
static void without_memory (void **state) {
  (void) state;
  for (int i = 0; i < NAMES; i++) {
    size_t small = mem_count().small;
    Fail fail = FAIL_MEMORY;
    for (uint64_t n = 1; fail == FAIL_MEMORY; n++) {
      mem_fail_at(n);
      fail = try_read(path_of(names[i]));
      mem_fail_at(0);
      assert_int_equal(mem_count().small, small);
      assert_int_equal(alive, 0);
    }
    assert_int_equal(fail, FAIL_NONE);
  }
  for (int k = 0; k < 2; k++) {
    Bundle b = { 0 };
    Frame f;
    FRAME (&f)
      fill_bundle(&b);
    frame_close(&f);
    size_t small = mem_count().small;
    Fail fail = FAIL_MEMORY;
    for (uint64_t n = 1; fail == FAIL_MEMORY; n++) {
      mem_fail_at(n);
      fail = try_write(path_of(k ? "m.npz" : "m.safetensors"), &b);
      mem_fail_at(0);
      assert_int_equal(mem_count().small, small);
    }
    assert_int_equal(fail, FAIL_NONE);
    assert_int_equal(files_like("m.*.*"), 0);
    bundle_clear(&b);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(comes_back), cmocka_unit_test(equal_bytes),
    cmocka_unit_test(cut), cmocka_unit_test(longer),
    cmocka_unit_test(flipped), cmocka_unit_test(forged_safetensors),
    cmocka_unit_test(forged_int64), cmocka_unit_test(forged_npy),
    cmocka_unit_test(npy_orders), cmocka_unit_test(forged_idx),
    cmocka_unit_test(checksums), cmocka_unit_test(writes_are_whole),
    cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, make_files, drop_files);
}
