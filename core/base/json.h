/*
 * json.h - JSON text to and from values, on jansson (whose integers keep 64
 * bits).  Values are owned by the open scope; failures are raised.
 */
#ifndef json_h
#define json_h

#include <jansson.h>
#include <stddef.h>

/* Reads length bytes.  what names the text in the message of FAIL_DATA:
 * "WHAT: not JSON: REASON near line 3". */
json_t *json_read (const char *text, size_t length, const char *what);

/* Keys sorted, so that equal values give equal bytes; indent 0: one line.
 * The text is owned by the scope. */
const char *json_write (const json_t *value, int indent);
char *json_print (const json_t *value, int indent);   /* the caller frees */

/* Takes over one reference, which the scope drops: json_own(json_object())
 * after own_reserve().  NULL raises FAIL_MEMORY. */
json_t *json_own (json_t *value);

/* A string from any bytes: what is not UTF-8 becomes U+FFFD. */
json_t *json_text (const char *bytes, size_t length);

#endif
