/* error.c - see error.h.  One list of owned things serves all frames and
 * scopes; each remembers the length of the list at its opening. */
#include "base/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Owned {
  void *thing;
  void (*drop) (void *thing);
} Owned;

static Owned *owned;
static size_t owned_count, owned_room;
static Frame *top;
static char text[2048];

void frame_open (Frame *f) {
  f->below = top;
  f->mark = owned_count;
  f->fail = FAIL_NONE;
  top = f;
}

void frame_close (Frame *f) {
  assert(top == f);
  scope_close(f->mark);
  top = f->below;
}

size_t frame_depth (void) {
  size_t n = 0;
  for (Frame *f = top; f != NULL; f = f->below)
    n++;
  return n;
}

static _Noreturn void jump (Fail kind, const char *format, va_list args) {
  vsnprintf(text, sizeof text, format, args);
  if (top == NULL) {                 /* only a C test can get here */
    fprintf(stderr, "vaelua: %s\n", text);
    abort();
  }
  top->fail = kind;
  longjmp(top->jump, 1);
}

void raise_user (const char *format, ...) {
  va_list args;
  va_start(args, format);
  jump(FAIL_USER, format, args);
}

void raise_as (Fail kind, const char *format, ...) {
  va_list args;
  va_start(args, format);
  jump(kind, format, args);
}

const char *failure_text (void) {
  return text;
}

void own_reserve (void) {
  if (owned_count < owned_room)
    return;
  size_t room = owned_room ? owned_room * 2 : 256;
  Owned *more = realloc(owned, room * sizeof *more);
  if (more == NULL)
    raise_as(FAIL_MEMORY, "out of memory");
  owned = more;
  owned_room = room;
}

void own (void *thing, void (*drop) (void *thing)) {
  assert(owned_count < owned_room);
  owned[owned_count++] = (Owned) { thing, drop };
}

size_t scope_open (void) {
  return owned_count;
}

/* An entry leaves the list before it is dropped, so that a drop may look at
 * the list. */
void scope_close (size_t mark) {
  while (owned_count > mark) {
    Owned last = owned[--owned_count];
    last.drop(last.thing);
  }
}

void *scope_return (size_t mark, void *kept) {
  Owned passed = { NULL, NULL };
  while (owned_count > mark) {
    Owned last = owned[--owned_count];
    if (last.thing == kept && passed.thing == NULL)
      passed = last;
    else
      last.drop(last.thing);
  }
  if (passed.thing != NULL)
    owned[owned_count++] = passed;
  return kept;
}
