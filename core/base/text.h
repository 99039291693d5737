/*
 * text.h - growing text, and the nearest name to a misspelt one.
 */
#ifndef text_h
#define text_h

#include <stddef.h>

/* Text grows as needed and is owned by the scope in which text_new made it. */
typedef struct Text {
  char *chars;          /* always ends with a 0 */
  size_t count, room;
} Text;

Text *text_new (void);
void text_add (Text *t, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* The name of the list that is most like word, or NULL if none is near
 * (Damerau-Levenshtein distance at most a third of its length, and 3). */
const char *text_nearest (const char *word, const char *const *names,
                          size_t count);

#endif
