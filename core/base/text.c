/* text.c - see text.h. */
#include "base/text.h"

#include "base/error.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 40 };   /* longer words are never misspelt names */

static void text_drop (void *thing) {
  Text *t = thing;
  mem_free(t->chars);
  mem_free(t);
}

Text *text_new (void) {
  own_reserve();
  Text *t = mem_new(sizeof *t);
  own(t, text_drop);
  t->chars = mem_new(t->room = 128);
  return t;
}

void text_add (Text *t, const char *format, ...) {
  for (;;) {
    va_list args;
    va_start(args, format);
    size_t left = t->room - t->count;
    int n = vsnprintf(t->chars + t->count, left, format, args);
    va_end(args);
    if (n < 0)
      return;
    if ((size_t) n < left) {
      t->count += (size_t) n;
      return;
    }
    size_t room = 2 * t->room + (size_t) n;
    t->chars = mem_grow(t->chars, room);
    t->room = room;
  }
}

static int min3 (int a, int b, int c) {
  int m = a < b ? a : b;
  return m < c ? m : c;
}

/* Number of insertions, deletions, changes and swaps of neighbours. */
static int distance (const char *a, size_t na, const char *b, size_t nb) {
  int row[3][LONGEST + 1];
  int *before = row[0], *above = row[1], *now = row[2];
  for (size_t j = 0; j <= nb; j++)
    above[j] = (int) j;
  for (size_t i = 1; i <= na; i++) {
    now[0] = (int) i;
    for (size_t j = 1; j <= nb; j++) {
      int other = tolower((unsigned char) a[i - 1])
               != tolower((unsigned char) b[j - 1]);
      now[j] = min3(above[j] + 1, now[j - 1] + 1, above[j - 1] + other);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
          && before[j - 2] + 1 < now[j])
        now[j] = before[j - 2] + 1;
    }
    int *spare = before;
    before = above;
    above = now;
    now = spare;
  }
  return above[nb];
}

const char *text_nearest (const char *word, const char *const *names,
                          size_t count) {
  size_t length = strlen(word);
  const char *best = NULL;
  int least = (int) (length + 2) / 3;
  if (least > 3)
    least = 3;
  if (length > LONGEST)
    return NULL;
  for (size_t i = 0; i < count; i++) {
    size_t n = strlen(names[i]);
    if (n > LONGEST)
      continue;
    int d = distance(word, length, names[i], n);
    if (d < least || (d == least && best == NULL)) {
      least = d;
      best = names[i];
    }
  }
  return best;
}
