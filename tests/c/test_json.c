/* test_json.c - JSON keeps 64-bit integers, sorts keys, mends what is not
 * UTF-8 and says where text is damaged. */
#include "base/error.h"
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* text read and written again, or the message of the failure */
static const char *turned (const char *text) {
  static char out[256];
  Frame f;
  FRAME (&f)
    snprintf(out, sizeof out, "%s",
             json_write(json_read(text, strlen(text), "it"), 0));
  frame_close(&f);
  return f.fail ? failure_text() : out;
}

static void values (void **state) {
  (void) state;
  assert_string_equal(turned("{\"b\": [1, 2.5, null], \"a\": true}"),
                      "{\"a\":true,\"b\":[1,2.5,null]}");
  assert_string_equal(turned("9223372036854775807"), "9223372036854775807");
  assert_string_equal(turned("-9007199254740993"), "-9007199254740993");
  assert_string_equal(turned("0.1"), "0.10000000000000001");
  assert_string_equal(turned("\"\\u0000x\""), "\"\\u0000x\"");
}

static void damaged (void **state) {
  (void) state;
  static const char *const text[] = {
    "", "{", "[1,", "{\"a\" 1}", "nul", "\"\\ud800\"", "1 2",
    "99999999999999999999" };
  for (size_t i = 0; i < sizeof text / sizeof *text; i++)
    assert_int_equal(strncmp(turned(text[i]), "it: not JSON: ", 14), 0);
  assert_non_null(strstr(turned("[1,\n2,\n?"), "near line 3"));
}

/* What json_text makes of bytes, as UTF-8. */
static const char *mended (const char *bytes) {
  static char out[64];
  json_t *v = json_text(bytes, strlen(bytes));
  snprintf(out, sizeof out, "%s", json_string_value(v));
  json_decref(v);
  return out;
}

static void utf8 (void **state) {
  (void) state;
  assert_string_equal(mended("gr\xC3\xBC\xC3\x9F"), "gr\xC3\xBC\xC3\x9F");
  assert_string_equal(mended("gr\xFC"), "gr\xEF\xBF\xBD");
  assert_string_equal(mended("\xC3"), "\xEF\xBF\xBD");
  assert_string_equal(mended("\xF0\x9F\x98\x80."), "\xF0\x9F\x98\x80.");
  assert_string_equal(mended("\xC0\x80"),           /* overlong */
                      "\xEF\xBF\xBD\xEF\xBF\xBD");
  assert_string_equal(mended("\xED\xA0\x80"),       /* a surrogate */
                      "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(values), cmocka_unit_test(damaged),
    cmocka_unit_test(utf8),
  };
  return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
