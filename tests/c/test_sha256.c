/* test_sha256.c - SHA-256 against the examples of FIPS 180-4, and in pieces. */
#include "base/sha256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *of (const char *text) {
  static char hex[65];
  Sha256 s;
  sha256_begin(&s);
  sha256_add(&s, text, strlen(text));
  sha256_end(&s, hex);
  return hex;
}

static void known (void **state) {
  (void) state;
  assert_string_equal(of(""), "e3b0c44298fc1c149afbf4c8996fb924"
                              "27ae41e4649b934ca495991b7852b855");
  assert_string_equal(of("abc"), "ba7816bf8f01cfea414140de5dae2223"
                                 "b00361a396177a9cb410ff61f20015ad");
  assert_string_equal(
    of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* A million times "a", added in pieces whose sizes meet every offset. */
static void pieces (void **state) {
  (void) state;
  char *a = malloc(1000), hex[65];
  memset(a, 'a', 1000);
  Sha256 s;
  sha256_begin(&s);
  for (size_t done = 0, n = 1; done < 1000000; n = n % 199 + 1) {
    size_t piece = n < 1000000 - done ? n : 1000000 - done;
    sha256_add(&s, a, piece);
    done += piece;
  }
  sha256_end(&s, hex);
  assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67"
                           "f1809a48a497200e046d39ccc7112cd0");
  free(a);
}

/* Lengths around a block's end, where padding needs one block more. */
static void padding (void **state) {
  (void) state;
  char text[130], whole[65], split[65];
  for (size_t n = 50; n < 130; n++) {
    memset(text, 'x', n);
    text[n] = 0;
    memcpy(whole, of(text), 65);
    Sha256 s;
    sha256_begin(&s);
    sha256_add(&s, text, n / 3);
    sha256_add(&s, text + n / 3, n - n / 3);
    sha256_end(&s, split);
    assert_string_equal(whole, split);
  }
  memset(text, 'a', 64);
  text[64] = 0;
  assert_string_equal(of(text), "ffe054fe7ae0cb6dc65c3af9b61d5209"
                                "f439851db43d0ba5997337df154668eb");
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(known), cmocka_unit_test(pieces),
    cmocka_unit_test(padding),
  };
  return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
