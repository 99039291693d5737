/*
 * test_pth.c - the reader of torch.save's files meets true files of both
 * forms, every cut and flipped bit of them, thousands of random changes, and
 * what a forger would write.  It ends with tensors or FAIL_DATA, asks for no
 * more memory than the file could fill, and has nothing that could run code.
 *
 * tests/reference/make_pth.py made the true files.
 */
#include "base/error.h"
#include "base/mem.h"
#include "tensor/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

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

static char folder[] = "/tmp/vaelua-pth-XXXXXX";
static char path[64];                     /* of the file that is tried */

static const char *const truth[] = {
  "tests/reference/new.pth", "tests/reference/old.pth" };

enum { ROOM = 1 << 16 };

static size_t get_file (const char *name, unsigned char *bytes) {
  FILE *f = fopen(name, "rb");
  assert_non_null(f);
  size_t n = fread(bytes, 1, ROOM, f);
  fclose(f);
  assert_true(n < ROOM);
  return n;
}

static void put_file (const void *bytes, size_t count) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, count, f), count);
  fclose(f);
}

static Fail try_read (const char *name) {
  Bundle b = { 0 };
  Frame f;
  FRAME (&f)
    file_read(name, &b, &exact);
  frame_close(&f);
  bundle_clear(&b);
  return f.fail;
}

/* Nothing is left, whatever came of it; true if it was read. */
static bool tried (const void *bytes, size_t count) {
  size_t small = mem_count().small;
  put_file(bytes, count);
  most_asked = 0;
  Fail fail = try_read(path);
  if (fail != FAIL_NONE && fail != FAIL_DATA)
    fail_msg("failure %d: %s", (int) fail, failure_text());
  assert_true(most_asked <= 8 * count + 64);
  assert_int_equal(mem_count().small, small);
  assert_int_equal(alive, 0);
  return fail == FAIL_NONE;
}

static void expect_bad (const void *bytes, size_t count,
                        const char *message) {
  assert_false(tried(bytes, count));
  if (strstr(failure_text(), message) == NULL)
    fail_msg("\"%s\" is not in \"%s\"", message, failure_text());
  assert_non_null(strstr(failure_text(), path));
}

static int make_folder (void **state) {
  (void) state;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/x.pth", folder);
  return 0;
}

static int drop_folder (void **state) {
  (void) state;
  unlink(path);
  return rmdir(folder);
}

/* ---- true files ---- */

static Tensor *named (const Bundle *b, const char *name) {
  for (int i = 0; i < b->count; i++)
    if (strcmp(b->item[i].name, name) == 0)
      return b->item[i].tensor;
  fail_msg("no tensor %s", name);
  return NULL;
}

static double number (const Bundle *b, const char *name, DType d, int64_t i,
                      int64_t j) {
  Tensor *t = named(b, name);
  int64_t at = i * t->stride[0] + (t->shape.rank > 1 ? j * t->stride[1] : 0);
  if (t->dtype != d)
    fail_msg("%s is %s", name, dtype_name(t->dtype));
  switch (d) {
    case F32: return (double) ((float *) tensor_data(t))[at];
    case F64: return ((double *) tensor_data(t))[at];
    case I32: return ((int32_t *) tensor_data(t))[at];
    default: return ((uint8_t *) tensor_data(t))[at];
  }
}

static void check_numbers (const Bundle *b) {
  static const struct {
    const char *name; DType d; int64_t i, j; double is;
  } known[] = {
    { "state.t", F32, 5, 1, 11 }, { "state.part", F32, 1, 2, 16 },
    { "state.half", F32, 2, 0, 65504 }, { "state.half", F32, 3, 0, 0x1p-24 },
    { "state.bf", F32, 1, 0, -2 }, { "state.f64", F64, 0, 0, (double) 0.1f },
    { "state.i64", I32, 0, 0, 7 }, { "state.i16", I32, 0, 0, -5 },
    { "state.i8", I32, 0, 0, -5 }, { "state.u8", U8, 1, 0, 250 },
    { "state.bool", U8, 0, 0, 1 }, { "state.param", F32, 1, 0, 1 },
    { "list.0", F32, 0, 0, 0 } };
  for (size_t k = 0; k < sizeof known / sizeof *known; k++)
    if (number(b, known[k].name, known[k].d, known[k].i, known[k].j)
        != known[k].is)
      fail_msg("%s is wrong", known[k].name);
  assert_int_equal(tensor_count(named(b, "state.empty")), 0);
}

static void true_files (void **state) {
  (void) state;
  for (int k = 0; k < 2; k++) {
    Bundle b = { 0 };
    Frame f;
    FRAME (&f) {
      file_read(truth[k], &b, &exact);
      check_numbers(&b);
      assert_int_equal(b.count, 13);
      assert_int_equal(b.notes, 4);       /* epoch, lr, name, list.2 */
      assert_ptr_equal(named(&b, "state.t")->storage,
                       named(&b, "state.part")->storage);
    }
    frame_close(&f);
    bundle_clear(&b);
    if (f.fail)
      fail_msg("%s", failure_text());
  }
}

/* ---- damage ---- */

static void cut (void **state) {
  (void) state;
  unsigned char bytes[ROOM];
  for (int k = 0; k < 2; k++) {
    size_t count = get_file(truth[k], bytes);
    for (size_t n = 0; n < count; n++)
      if (tried(bytes, n))
        fail_msg("%s: the first %zu bytes are taken", truth[k], n);
    assert_true(tried(bytes, count));
  }
}

/* Every third bit: each bit of a byte has its turn. */
static void flipped (void **state) {
  (void) state;
  unsigned char bytes[ROOM];
  for (int k = 0; k < 2; k++) {
    size_t count = get_file(truth[k], bytes);
    for (size_t n = 0; n < 8 * count; n += 3) {
      bytes[n / 8] ^= (unsigned char) (1 << n % 8);
      tried(bytes, count);
      bytes[n / 8] ^= (unsigned char) (1 << n % 8);
    }
  }
}

static uint32_t dice (uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}

/* Bytes changed, doubled and left out at random places, opcodes preferred. */
static void mutated (void **state) {
  static const unsigned char ops[] = "\x80\x8a\x85\x86\x87()]}tldaseuqrhjcRbQ0"
    "1.XTBUCJKMGN\x88\x89\x94\x93\x95\x8c\x8d\x8e\xff";
  (void) state;
  unsigned char from[ROOM], bytes[ROOM];
  uint32_t seed = 7;
  for (int k = 0; k < 2; k++) {
    size_t count = get_file(truth[k], from);
    for (int turn = 0; turn < 4000; turn++) {
      memcpy(bytes, from, count);
      size_t n = count;
      for (uint32_t c = 1 + dice(&seed) % 4; c > 0; c--) {
        size_t at = dice(&seed) % n, much = dice(&seed) % 16;
        switch (dice(&seed) % 4) {
          case 0: bytes[at] = (unsigned char) dice(&seed); break;
          case 1: bytes[at] = ops[dice(&seed) % (sizeof ops - 1)]; break;
          case 2:
            if (at + much < n) {
              memmove(bytes + at, bytes + at + much, n - at - much);
              n -= much;
            }
            break;
          default:
            memmove(bytes + at + much, bytes + at, n - at);
            n += much;
            break;
        }
      }
      tried(bytes, n);
    }
  }
}

/* ---- forged pickles, in the older form ---- */

static const char start[] =
  "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\2M\xe9\3."
  "\x80\2}X\x0d\0\0\0little_endian\x88s.";

typedef struct Forged {
  unsigned char bytes[ROOM];
  size_t count;
} Forged;

static void add (Forged *f, const void *bytes, size_t count) {
  assert_true(f->count + count <= ROOM);
  memcpy(f->bytes + f->count, bytes, count);
  f->count += count;
}

#define ADD(f, text) add((f), text, sizeof text - 1)

static Forged *begun (void) {
  static Forged f;
  f.count = 0;
  add(&f, start, sizeof start - 1);
  ADD(&f, "\x80\2");
  return &f;
}

#define EXPECT(message, text) do { \
    Forged *forged_ = begun(); \
    ADD(forged_, text); \
    expect_bad(forged_->bytes, forged_->count, message); \
  } while (0)

#define STORED "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "0" \
  "X\3\0\0\0cpu"
#define REBUILD "}X\1\0\0\0actorch._utils\n_rebuild_tensor_v2\n("
#define REST "\x89" "ccollections\nOrderedDict\n)RtRs.\x80\2]X\1\0\0\0" \
  "0a.\2\0\0\0\0\0\0\0\0\0\x80?\0\0\0@"
/* one tensor: the count of its storage, its offset, shape and strides */
#define TENSOR(count, offset, shape, stride) \
  REBUILD STORED count "tQ" offset shape stride REST

static void nothing_runs (void **state) {
  (void) state;
  EXPECT("needs the Python name os.system", "cos\nsystem\nX\1\0\0\0a\x85R.");
  EXPECT("needs the Python name posix.system", "cposix\nsystem\n.");
  EXPECT("needs the Python name builtins.eval",
         "X\x8\0\0\0builtinsX\4\0\0\0eval\x93.");
  EXPECT("needs the Python name torch.load", "ctorch\nload\n.");
  EXPECT("needs the Python name torch.cuda.OrderedDict",
         "ctorch.cuda\nOrderedDict\n.");
  EXPECT("opcode 0x69", "(ios\nsystem\n.");                       /* INST */
  EXPECT("opcode 0x81", "ccollections\nOrderedDict\n)\x81.");   /* NEWOBJ */
  EXPECT("opcode 0x82", "\x82\1.");                               /* EXT1 */
  EXPECT("opcode 0x49", "I1\n.");
  EXPECT("call of torch.FloatStorage", "ctorch\nFloatStorage\n)R.");
  EXPECT("not a function", "}X\1\0\0\0a\x85R.");
  EXPECT("BUILD of something", "]}b.");
}

static void bad_stacks (void **state) {
  (void) state;
  EXPECT("takes a value where there is none", "0.");
  EXPECT("takes a value where there is none", "(0.");
  EXPECT("takes a value where there is none", "N\x86.");
  EXPECT("takes a value where there is none", "s.");
  EXPECT("takes a mark where there is none", "t.");
  EXPECT("takes memo 3", "h\3.");
  EXPECT("takes memo 4294967295", "j\xff\xff\xff\xff.");
  EXPECT("memo of more than", "Nr\xff\xff\xff\xff.");
  EXPECT("ends with 0 values", ".");
  EXPECT("ends with 2 values", "NN.");
  EXPECT("not a dictionary", "](NNu.");
  EXPECT("not a list", "}Na.");
  EXPECT("a key and no value", "(Nd.");
  EXPECT("protocol 0", "\x80\0N.");
  EXPECT("longer than the file", "X\xff\xff\xff\xff.");
  EXPECT("longer than the file",
         "\x8d\xff\xff\xff\xff\xff\xff\xff\xff.");
  EXPECT("longer than the file", "\x8a\xffx.");
  EXPECT("holds no tensors", "N.\x80\2].");
  EXPECT("neither a text nor", "})Ns.\x80\2].");
  EXPECT("neither a text nor", "}X\3\0\0\0a\0bNs.\x80\2].");
  EXPECT("a second time", "}q\0X\1\0\0\0ah\0s.\x80\2].");
}

static void bad_tensors (void **state) {
  (void) state;
  Forged *f = begun();
  ADD(f, TENSOR("K\2", "K\0", "K\2\x85", "K\1\x85"));
  assert_true(tried(f->bytes, f->count));
  EXPECT("does not fit into its storage",
         TENSOR("K\2", "K\1", "K\2\x85", "K\1\x85"));
  EXPECT("does not fit", TENSOR("K\2", "K\0", "K\2\x85", "K\2\x85"));
  EXPECT("does not fit", TENSOR("K\2", "K\3", "K\0\x85", "K\1\x85"));
  EXPECT("does not fit",
         TENSOR("K\2", "K\0", "J\xff\xff\xff\x7f\x85", "K\0\x85"));
  EXPECT("does not fit",
         TENSOR("K\2", "K\0", "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f\x85",
                "\x8a\x8\xff\xff\xff\xff\xff\xff\xff\x7f\x85"));
  EXPECT("damaged", TENSOR("K\2", "J\xff\xff\xff\xff", "K\2\x85", "K\1\x85"));
  EXPECT("damaged",
         TENSOR("K\2", "K\0", "J\xff\xff\xff\xff\x85", "K\1\x85"));
  EXPECT("damaged", TENSOR("K\2", "K\0", "K\2\x85", "J\xff\xff\xff\xff\x85"));
  EXPECT("different lengths", TENSOR("K\2", "K\0", "K\2\x85", ")"));
  EXPECT("another size", TENSOR("K\3", "K\0", "K\2\x85", "K\1\x85"));
  EXPECT("its shape is damaged", TENSOR("K\2", "K\0", "]", "K\1\x85"));
  EXPECT("more than 8 axes", TENSOR("K\2", "K\0",
         "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t"));
  EXPECT("without a storage", REBUILD "NK\0))" REST);
  EXPECT("not in the file", REBUILD STORED "K\2tQK\0K\2\x85K\1\x85"
         "\x89)tRs.\x80\2].");
  EXPECT("belongs to no tensor", "}.\x80\2]X\1\0\0\0" "0a.");
  f = begun();
  ADD(f, TENSOR("K\2", "K\0", "K\2\x85", "K\1\x85"));
  ADD(f, "x");
  expect_bad(f->bytes, f->count, "more bytes");
}

/* Deep, many, and shared so that a walk would never end. */
static void bombs (void **state) {
  (void) state;
  Forged *f = begun();
  for (int i = 0; i < 30000; i++)
    ADD(f, "]");
  for (int i = 1; i < 30000; i++)
    ADD(f, "a");
  ADD(f, ".\x80\2].");
  expect_bad(f->bytes, f->count, "more than 32 deep");
  f = begun();
  ADD(f, "]q\0");                             /* each holds the last twice */
  for (int i = 1; i < 200; i++) {
    unsigned char twice[] = { ']', 'q', (unsigned char) i, 'h',
                              (unsigned char) (i - 1), 'a', 'h',
                              (unsigned char) (i - 1), 'a' };
    add(f, twice, sizeof twice);
  }
  ADD(f, "(h\x1et\x85.\x80\2].");
  assert_false(tried(f->bytes, f->count));
  f = begun();
  ADD(f, "]q\0(");                            /* a list in itself */
  for (int i = 0; i < 20000; i++)
    ADD(f, "h\0");
  ADD(f, "e.\x80\2].");
  expect_bad(f->bytes, f->count, "a second time");
  f = begun();
  for (int i = 0; i < 60000; i++)
    ADD(f, "(");
  assert_false(tried(f->bytes, f->count));
}

/* ---- forged archives ---- */

/* Copies the true archive, each entry packed in a way; without one name. */
static void repack (zip_int32_t method, const char *without) {
  int code;
  zip_t *from = zip_open(truth[0], ZIP_RDONLY, &code);
  unlink(path);
  zip_t *to = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
  assert_non_null(from);
  assert_non_null(to);
  zip_int64_t n = zip_get_num_entries(from, 0);
  for (zip_int64_t i = 0; i < n; i++) {
    const char *name = zip_get_name(from, (zip_uint64_t) i, 0);
    if (without != NULL && strstr(name, without) != NULL)
      continue;
    zip_source_t *s = zip_source_zip(to, from, (zip_uint64_t) i, 0, 0, -1);
    zip_int64_t k = zip_file_add(to, name, s, 0);
    assert_true(k >= 0);
    zip_set_file_compression(to, (zip_uint64_t) k, method, 0);
  }
  assert_int_equal(zip_close(to), 0);
  zip_discard(from);
}

static void forged_archives (void **state) {
  (void) state;
  repack(ZIP_CM_STORE, NULL);
  assert_int_equal(try_read(path), FAIL_NONE);
  repack(ZIP_CM_DEFLATE, NULL);
  Fail packed = try_read(path);         /* refused, or too small to pack */
  assert_true(packed == FAIL_NONE || packed == FAIL_DATA);
  repack(ZIP_CM_STORE, "data.pkl");
  assert_int_equal(try_read(path), FAIL_DATA);
  assert_non_null(strstr(failure_text(), "no entry data.pkl"));
  repack(ZIP_CM_STORE, "data/0");
  assert_int_equal(try_read(path), FAIL_DATA);
  assert_non_null(strstr(failure_text(), "has no entry"));
  assert_int_equal(alive, 0);
  unsigned char bytes[ROOM];
  size_t n = get_file(truth[0], bytes);
  for (size_t i = 0; i + 4 < n; i++)    /* 23.0f, the last of storage 0 */
    if (memcmp(bytes + i, "\0\0\xb8\x41", 4) == 0) {
      bytes[i + 3] ^= 1;
      expect_bad(bytes, n, "CRC");
      break;
    }
  expect_bad("PK\3\4 and nothing else", 22, "not a torch.save archive");
  expect_bad("hello", 5, "not a file of torch.save");
  expect_bad("\x80\2N.", 4, "not a file of torch.save");
  expect_bad("", 0, "not a file of torch.save");
}

/* The n-th allocation fails, for every n. */
static void without_memory (void **state) {
  (void) state;
  for (int k = 0; k < 2; k++) {
    size_t small = mem_count().small;
    Fail fail = FAIL_MEMORY;
    for (uint64_t n = 1; fail == FAIL_MEMORY; n++) {
      mem_fail_at(n);
      fail = try_read(truth[k]);
      mem_fail_at(0);
      assert_int_equal(mem_count().small, small);
      assert_int_equal(alive, 0);
    }
    assert_int_equal(fail, FAIL_NONE);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(true_files), cmocka_unit_test(cut),
    cmocka_unit_test(flipped), cmocka_unit_test(mutated),
    cmocka_unit_test(nothing_runs), cmocka_unit_test(bad_stacks),
    cmocka_unit_test(bad_tensors), cmocka_unit_test(bombs),
    cmocka_unit_test(forged_archives), cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
