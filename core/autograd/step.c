/*
 * step.c - see step.h.
 *
 * A level per open loop.  Its nodes hang in a ring around the level's head:
 * not a tape, for no walk reads it; it is only there to let go of what a loop
 * body has left behind.  Random numbers inside a level carry its depth and
 * mode in their key, so that an evaluation inside a training loop draws
 * others than the training.
 */
#include "autograd/step.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 16, STREAMS = 32, NAME = 64 };

typedef struct Counter {      /* calls of a stream in the step at hand */
  uint64_t key;
  uint32_t calls;
} Counter;

typedef struct Level {
  Mode mode;
  int numbers;                /* the level that counts its random numbers */
  uint32_t step;
  Node ring;
  Counter *counter;
  int counters, room;
} Level;

typedef struct Stream {
  char purpose[NAME], name[NAME];
  bool pinned;                /* has its own step and counts its own calls */
  uint32_t step, calls;
} Stream;

static Level level[DEEPEST];
static int depth;
static bool off;              /* inside a backward */
static uint64_t seed = 1;
static Stream stream[STREAMS] = { { .purpose = "noise" } };
static int streams = 1;

/* ---- modes ----------------------------------------------------------------- */

Mode mode_now (void) {
  return level[depth].mode;
}

bool recording (void) {
  return !off && level[depth].mode != MODE_EVAL;
}

bool record_off (void) {
  bool was = !off;
  off = true;
  return was;
}

void record_on (bool was) {
  off = !was;
}

int mode_depth (void) {
  return depth;
}

int mode_push (Mode m, bool own) {
  if (depth + 1 == DEEPEST)
    raise_user("loops are nested more than %d deep", DEEPEST - 1);
  depth++;
  level[depth].mode = m;
  level[depth].numbers = own ? depth : level[depth - 1].numbers;
  level[depth].step = 0;
  level[depth].counters = 0;
  return depth;
}

static void forget (Level *l) {
  while (l->ring.after != NULL && l->ring.after != &l->ring) {
    Node *n = l->ring.after;
    node_leave(n);
    node_forget(n);
  }
}

void mode_pop (int to) {
  while (depth >= to && depth > 0)
    forget(&level[depth--]);
}

void step_next (uint32_t number) {
  forget(&level[depth]);
  level[depth].step = number;
  level[depth].counters = 0;
}

/* ---- nodes of a level -------------------------------------------------------- */

void node_enter (Node *n) {
  Node *head = &level[depth].ring;
  if (head->after == NULL)
    head->after = head->before = head;
  n->after = head;
  n->before = head->before;
  n->before->after = n;
  head->before = n;
}

void node_leave (Node *n) {
  if (n->after == NULL)
    return;
  n->before->after = n->after;
  n->after->before = n->before;
  n->before = n->after = NULL;
}

/* ---- random streams ------------------------------------------------------------ */

void seed_set (uint64_t s) {
  seed = s;
  for (int i = 0; i <= depth; i++)
    level[i].counters = 0;
}

uint64_t seed_now (void) {
  return seed;
}

int stream_push (const char *purpose, const char *name) {
  if (streams == STREAMS)
    raise_user("models and protocols are nested more than %d deep", STREAMS);
  Stream *s = &stream[streams++];
  snprintf(s->purpose, NAME, "%s", purpose);
  snprintf(s->name, NAME, "%s", name);
  s->pinned = false;
  return streams;
}

int stream_pin (const char *purpose, const char *name, uint32_t step) {
  int at = stream_push(purpose, name);
  stream[at - 1].pinned = true;
  stream[at - 1].step = step;
  stream[at - 1].calls = 0;
  return at;
}

void stream_cut (int to) {
  if (to >= 2 && to <= streams)
    streams = to - 1;
}

const char *stream_purpose (void) {
  return stream[streams - 1].purpose;
}

static uint32_t count_call (Level *l, uint64_t key) {
  for (int i = 0; i < l->counters; i++)
    if (l->counter[i].key == key)
      return l->counter[i].calls++;
  if (l->counters == l->room) {
    int room = l->room ? 2 * l->room : 16;
    l->counter = mem_grow(l->counter, sizeof(Counter) * (size_t) room);
    l->room = room;
  }
  l->counter[l->counters++] = (Counter) { key, 1 };
  return 0;
}

Tensor *address_next (void) {
  Stream *s = &stream[streams - 1];
  int at = level[depth].numbers;
  Level *l = &level[at];
  uint64_t key = rng_key(seed, s->purpose, s->name);
  if (s->pinned)
    return address_new(key, s->step, s->calls++);
  if (at > 0)
    key ^= rng_key((uint64_t) at, "level",
                   l->mode == MODE_EVAL ? "eval" : "train");
  return address_new(key, l->step, count_call(l, key));
}
