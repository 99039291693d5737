/* json.c - see json.h. */
#include "base/json.h"

#include "base/error.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static void drop_value (void *thing) {
  json_decref(thing);
}

json_t *json_own (json_t *value) {
  if (value == NULL)
    raise_as(FAIL_MEMORY, "out of memory");
  own(value, drop_value);
  return value;
}

json_t *json_read (const char *text, size_t length, const char *what) {
  own_reserve();
  json_error_t error;
  json_t *v = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL,
                         &error);
  if (v == NULL)
    raise_as(FAIL_DATA, "%s: not JSON: %s near line %d", what, error.text,
             error.line);
  return json_own(v);
}

char *json_print (const json_t *value, int indent) {
  size_t flags = JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17);
  flags |= indent > 0 ? (size_t) JSON_INDENT(indent) : JSON_COMPACT;
  return json_dumps(value, flags);
}

const char *json_write (const json_t *value, int indent) {
  own_reserve();
  char *text = json_print(value, indent);
  if (text == NULL)
    raise_as(FAIL_MEMORY, "out of memory");
  own(text, free);
  return text;
}

/* Length of the UTF-8 sequence at p, or 0 if there is none: RFC 3629, without
 * overlong forms and surrogates. */
static size_t sequence (const unsigned char *p, size_t left) {
  if (p[0] < 0x80)
    return 1;
  size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (p[0] < 0xC2 || p[0] > 0xF4 || n > left)
    return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80)
      return 0;
  bool overlong = (p[0] == 0xE0 && p[1] < 0xA0)
               || (p[0] == 0xF0 && p[1] < 0x90);
  bool beyond = (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF4 && p[1] > 0x8F);
  return overlong || beyond ? 0 : n;
}

json_t *json_text (const char *bytes, size_t length) {
  json_t *v = json_stringn(bytes, length);
  if (v != NULL)
    return v;
  char *mended = malloc(3 * length + 1), *to = mended;
  if (mended == NULL)
    raise_as(FAIL_MEMORY, "out of memory");
  for (size_t i = 0; i < length; ) {
    size_t n = sequence((const unsigned char *) bytes + i, length - i);
    memcpy(to, n ? bytes + i : "\xEF\xBF\xBD", n ? n : 3);
    to += n ? n : 3;
    i += n ? n : 1;
  }
  v = json_stringn(mended, (size_t) (to - mended));
  free(mended);
  return v;
}
