/*
 * turn.c - see turn.h.
 *
 * While a turn is noted or compared, the functions of its device are those of
 * this file.  Whether a noted turn fits is decided call by call:
 *
 *   a kernel call     the same kernel with the same arguments, pointers too:
 *                     new tensors lie where they lay, others do not move
 *   a new tensor      of the same size, and nothing alive where it will lie
 *   bytes of the host written at once; such tensors share their place with
 *                     no other, so that earlier calls cannot undo it
 *
 * Another plan of the loop that begins alike may go on where one ends to fit.
 */
#include "backend/turn.h"

#include "backend/backend.h"
#include "backend/plan.h"
#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLANS = 8, MISSES = 3, ITEMS_MOST = 20000 };

struct Loop {
  int users;                  /* its owner, and places in its memory */
  bool closed, off;           /* off: its turns differ too much */
  uint64_t era;               /* its plans were noted in */
  bool bound;                 /* its plans point into its memory */
  Device *device;             /* of its memory */
  Plan *plan[PLANS];
  int plans, misses;
  char *arena, *uploads;
  size_t arena_bytes, upload_bytes;
};

/* Where a storage lies that was made in a turn; hangs in a ring, oldest
 * first. */
struct Place {
  Storage *storage;
  Loop *loop;                 /* whose memory it is, or NULL: its own block */
  uint64_t turn;
  int block;                  /* of the turn, -1: none yet */
  bool upload;
  struct Place *before, *after;
};

typedef struct Place Place;

typedef enum Mode { CLOSED, PLAIN, NOTE, MATCH } Mode;

static struct {
  Mode mode;
  Loop *loop;
  Device *device, real;       /* real: its own functions */
  Plan *draft;                /* what this turn does */
  Plan *plan;                 /* MATCH: what it is compared with */
  int at, given;              /* items and blocks of the plan that fitted */
  int ran;                    /* items that ran already */
  int shared;                 /* NOTE: blocks that an earlier plan has laid */
  bool void_draft;            /* the draft is of no use */
  bool uploading;             /* MATCH: the host's blocks were settled */
  Plan *longer;               /* becomes the draft when it is whole */
  uint64_t number, clock;
  Place *fresh;               /* asks for its bytes now */
} now;

static Place ring = { .before = &ring, .after = &ring };
static bool disabled, aside;
static uint64_t era;

/* Memory that was freed while calls wait that may still read it. */
static struct {
  struct { void *at; size_t bytes; } *list;
  int count, room;
} late;
static TurnCount count;

bool turn_enable (bool on) {
  bool was = !disabled;
  disabled = !on;
  return was;
}

void turn_forget (void) {
  turn_leave();
  era++;
}

void turn_aside (bool on) {
  aside = on;
}

bool turn_open (const Loop *l) {
  return now.mode != CLOSED && now.loop == l;
}

TurnCount turn_count (void) {
  return count;
}

static const Loop *launched_by;

const Note *turn_call (int i) {
  const Plan *p = NULL;
  for (int k = 0; launched_by != NULL && k < launched_by->plans; k++)
    if (p == NULL || launched_by->plan[k]->used > p->used)
      p = launched_by->plan[k];
  return p && i < p->items ? p->item[i]->note : NULL;
}

/* ---- places ------------------------------------------------------------------ */

static void drop_graphs (Loop *l) {
  for (int i = 0; i < l->plans; i++) {
    if (l->plan[i]->graph != NULL)
      l->device->release(l->plan[i]->graph);
    l->plan[i]->graph = NULL;
    l->plan[i]->captured = false;
  }
}

static void drop_plans (Loop *l) {
  drop_graphs(l);
  for (int i = 0; i < l->plans; i++)
    plan_free(l->plan[i]);
  l->plans = 0;
}

static void loop_drop (Loop *l) {
  if (--l->users > 0)
    return;
  if (launched_by == l)
    launched_by = NULL;
  drop_plans(l);
  if (l->device != NULL) {
    const Device *d = now.device == l->device && now.mode >= NOTE
                      ? &now.real : l->device;
    d->free(l->arena, l->arena_bytes);
    d->free(l->uploads, l->upload_bytes);
  }
  mem_free(l);
}

static void place_drop (Place *p) {
  Loop *l = p->loop;
  p->before->after = p->after;
  p->after->before = p->before;
  p->storage->place = NULL;
  if (now.fresh == p)
    now.fresh = NULL;
  mem_free(p);
  if (l != NULL)
    loop_drop(l);
}

/* A storage is being made; its bytes are asked for next. */
static void watch_make (Storage *s) {
  if (now.mode < NOTE || s->device != now.device || aside)
    return;
  Place *p = mem_new(sizeof *p);
  *p = (Place) { .storage = s, .turn = now.number, .block = -1,
                 .before = ring.before, .after = &ring };
  p->before->after = p->after->before = p;
  s->place = now.fresh = p;
}

/* The last user of a storage is gone.  When Lua's collector gets there is not
 * the same in every turn, so such a block counts as alive to the end. */
static bool watch_drop (Storage *s) {
  Place *p = s->place;
  bool ours = p->loop != NULL;
  if (now.mode >= NOTE && p->turn == now.number && p->block >= 0) {
    Block *b = &now.draft->block[p->block];
    b->died = tensor_collecting ? PLAN_COLLECTED : ++now.clock;
  }
  place_drop(p);
  return ours;
}

/* Moves a storage out of the loop's memory. */
static void move_out (Place *p) {
  Storage *s = p->storage;
  const Device *d = now.mode >= NOTE && s->device == now.device ? &now.real
                                                                : s->device;
  void *own = d->alloc(s->bytes);
  d->copy(own, s->data, s->bytes);
  s->data = own;
  place_drop(p);
  count.moved++;
}

/* A storage of an earlier turn is used in this one. */
static void watch_use (Storage *s) {
  if (now.mode >= NOTE && s->place->turn != now.number
      && s->place->loop != NULL)
    move_out(s->place);
}

/* Everything of earlier turns that lies in the loop's memory (with uploads:
 * only what lies among the host's blocks).  The ring has it in front. */
static void settle (const Loop *l, bool uploads) {
  for (Place *p = ring.after; p != &ring && p->turn != now.number;) {
    Place *next = p->after;
    if (p->loop == l && (!uploads || p->upload))
      move_out(p);
    p = next;
  }
}

/* ---- running what is noted ---------------------------------------------------- */

/* Without room for the list the block is lost, but never overwritten. */
static void turn_free (void *p, size_t bytes) {
  if (now.mode != MATCH || p == NULL) {
    (now.mode >= NOTE ? now.real.free : now.device->free)(p, bytes);
    return;
  }
  if (late.count == late.room) {
    int room = late.room ? 2 * late.room : 256;
    void *more = realloc(late.list, sizeof *late.list * (size_t) room);
    if (more == NULL)
      return;
    late.list = more;
    late.room = room;
  }
  late.list[late.count].at = p;
  late.list[late.count++].bytes = bytes;
}

/* No call waits any more. */
static void free_late (void) {
  while (late.count > 0) {
    late.count--;
    now.real.free(late.list[late.count].at, late.list[late.count].bytes);
  }
}

static void run_to (Plan *p, int end) {
  for (; now.ran < end; now.ran++)
    note_run(p->item[now.ran]->note, now.real.kernels);
  free_late();
}

static void run_captured (void *plan) {
  Plan *p = plan;
  for (int i = 0; i < p->items; i++)
    note_run(p->item[i]->note, now.real.kernels);
}

static char text[512];           /* the line for the user, or "" */

/* The work ran once call by call, so that whatever the device makes at a
 * first call is there. */
static void capture (Plan *p) {
  char why[256] = "";
  p->captured = true;
  if (now.real.capture == NULL)
    return;
  p->graph = now.real.capture(run_captured, p, why, sizeof why);
  if (p->graph == NULL)
    snprintf(text, sizeof text, "a training step cannot be launched as one "
             "graph (%s): it runs call by call", why);
}

static void run_whole (void) {
  Plan *p = now.plan;
  settle(now.loop, false);
  if (p->graph != NULL && now.ran == 0) {
    now.real.launch(p->graph);
    now.ran = p->items;
    free_late();
  } else {
    run_to(p, p->items);
    if (!p->captured)
      capture(p);
  }
  p->used = now.number;
  now.loop->misses = 0;
  launched_by = now.loop;
  count.launched++;
}

/* ---- ways on ------------------------------------------------------------------- */

static void hand_back (void) {
  *now.device = now.real;
}

static void go_plain (void) {
  if (now.mode >= NOTE)
    hand_back();
  now.mode = PLAIN;
}

static bool complete (const Plan *p) {
  return now.at == p->items && now.given == p->blocks;
}

static bool fits_block (const Plan *p, size_t bytes) {
  if (now.given >= p->blocks || p->block[now.given].bytes != bytes)
    return false;
  const Block *b = &p->block[now.given];
  for (int i = 0; i < b->rivals; i++)
    if (now.draft->block[b->rival[i]].died == PLAN_ALIVE)
      return false;
  return true;
}

static bool fits_note (const Plan *p, const Note *n) {
  return now.at < p->items && note_same(p->item[now.at]->note, n);
}

/* Another plan that begins alike and goes on with this call (note), this
 * block, or (neither) ends here. */
static bool change_plan (const Note *note, const size_t *bytes) {
  for (int i = now.loop->plans - 1; i >= 0; i--) {
    Plan *p = now.loop->plan[i];
    if (p == now.plan)
      continue;
    bool fits = note ? fits_note(p, note) : bytes ? fits_block(p, *bytes)
                                                  : complete(p);
    if (fits && plan_alike(p, now.plan, now.at, now.given)) {
      now.plan = p;
      return true;
    }
  }
  return false;
}

/* The draft becomes one of all that fitted so far. */
static void note_on (void) {
  plan_free(now.longer);        /* of a try that had no memory */
  now.longer = NULL;
  plan_begin(&now.longer, now.plan, now.at);
  for (int i = 0; i < now.given; i++) {
    const Block *b = &now.draft->block[i];
    Block *c = plan_block(now.longer, b->bytes, b->at, b->born);
    c->died = b->died;
    c->offset = now.plan->block[i].offset;
    c->upload = now.plan->block[i].upload;
  }
  plan_free(now.draft);
  now.draft = now.longer;
  now.longer = NULL;
  now.shared = now.given;
  now.mode = NOTE;
}

/* No plan fits: the work so far runs, and the rest is noted. */
static void leave_plan (void) {
  Loop *l = now.loop;
  settle(l, false);
  run_to(now.plan, now.at);
  count.partly++;
  if (++l->misses >= MISSES && !l->off) {
    l->off = true;
    snprintf(text, sizeof text, "the turns of this loop differ from each "
             "other (last time %s): they run call by call",
             now.at < now.plan->items
             ? kernel_names[now.plan->item[now.at]->note->kernel]
             : "at their end");
  }
  if (l->off) {
    go_plain();
    return;
  }
  note_on();
}

/* ---- the device's functions in a turn --------------------------------------------- */

/* Whoever asked has the draft's last block. */
static void hand_out (void) {
  if (now.fresh != NULL) {
    now.fresh->block = now.draft->blocks - 1;
    now.fresh = NULL;
  }
}

/* A raise in between leaves a draft that is not what the turn did. */
static void *note_alloc (size_t bytes) {
  bool was_void = now.void_draft;
  now.void_draft = true;
  Block *b = plan_block(now.draft, bytes, NULL, ++now.clock);
  b->died = 0;
  b->at = now.real.alloc(bytes);
  b->died = PLAN_ALIVE;
  now.void_draft = was_void;
  hand_out();
  return b->at;
}

static void *place_alloc (size_t bytes) {
  Loop *l = now.loop;
  Place *place = now.fresh;
  void *at = plan_place(now.plan, now.given, l->arena, l->uploads);
  plan_block(now.draft, bytes, at, ++now.clock);
  hand_out();
  if (place != NULL) {
    place->loop = l;
    place->upload = now.plan->block[now.given].upload;
    l->users++;
  }
  now.given++;
  return at;
}

static void *turn_alloc (size_t bytes) {
  if (aside)
    return now.real.alloc(bytes);
  if (now.mode == MATCH && !fits_block(now.plan, bytes)
      && !change_plan(NULL, &bytes))
    leave_plan();
  if (now.mode == PLAIN) {
    if (now.fresh != NULL)
      place_drop(now.fresh);
    return now.device->alloc(bytes);
  }
  return now.mode == NOTE ? note_alloc(bytes) : place_alloc(bytes);
}

/* What raises is tried again by who called, and noted again. */
static void note_call (const Note *n) {
  bool was_void = now.void_draft;
  now.void_draft = true;
  if (now.draft->items < ITEMS_MOST)
    plan_note(now.draft, n);
  else
    was_void = now.loop->off = true;
  note_run(n, now.real.kernels);
  now.void_draft = was_void;
}

static void turn_meet (const Note *n) {
  if (now.mode == MATCH) {
    if (fits_note(now.plan, n) || change_plan(n, NULL)) {
      now.at++;
      return;
    }
    leave_plan();
  }
  if (now.mode == NOTE)
    note_call(n);
  else
    note_run(n, now.device->kernels);
}

/* Where a turn writes to what it has not made, or to what earlier turns let
 * kernels alone write, it is not compared again. */
static void note_upload (void *to) {
  int block = plan_find(now.draft, to);
  if (block >= now.shared)
    now.draft->block[block].upload = true;
  else if (block < 0 || !now.draft->block[block].upload)
    now.void_draft = true;
}

static void turn_upload (void *to, const void *from, size_t bytes) {
  const Loop *l = now.loop;
  Device *d = now.device;
  bool ours = (char *) to >= l->uploads
           && (char *) to < l->uploads + l->upload_bytes;
  if (bytes == 0)
    return;
  if (now.mode == MATCH && !ours)
    leave_plan();
  else if (now.mode == MATCH && !now.uploading) {
    settle(l, true);
    now.uploading = true;
  }
  if (now.mode == NOTE)
    note_upload(to);
  (now.mode >= NOTE ? now.real.upload : d->upload)(to, from, bytes);
}

static void turn_download (void *to, const void *from, size_t bytes) {
  Device *d = now.device;
  if (now.mode == MATCH)
    turn_flush();
  (now.mode >= NOTE ? now.real.download : d->download)(to, from, bytes);
}

static void turn_sync (void) {
  Device *d = now.device;
  if (now.mode == MATCH)
    turn_flush();
  (now.mode >= NOTE ? now.real.sync : d->sync)();
}

void turn_flush (void) {
  if (now.mode != MATCH)
    return;
  if (now.at == now.plan->items)
    run_whole();
  else {
    settle(now.loop, false);
    run_to(now.plan, now.at);
    count.partly++;
  }
  go_plain();
}

void turn_leave (void) {
  turn_flush();
  if (now.mode != NOTE)
    return;
  now.void_draft = true;
  go_plain();
}

/* ---- turns ------------------------------------------------------------------------ */

Loop *loop_new (void) {
  Loop *l = mem_new(sizeof *l);
  l->users = 1;
  return l;
}

/* A larger block in place of an old one. */
static void grow (Device *d, char **memory, size_t *bytes, size_t wanted) {
  char *more = d->alloc(wanted);
  d->free(*memory, *bytes);
  *memory = more;
  *bytes = wanted;
}

/* Memory for all plans of the loop. */
static void make_room (Loop *l, Device *d) {
  size_t arena = 1, uploads = 1;
  for (int i = 0; i < l->plans; i++) {
    const Plan *p = l->plan[i];
    arena = p->arena > arena ? p->arena : arena;
    uploads = p->uploads > uploads ? p->uploads : uploads;
  }
  if (arena <= l->arena_bytes && uploads <= l->upload_bytes)
    return;
  settle(l, false);
  drop_graphs(l);
  l->bound = false;
  d->trim();
  if (arena > l->arena_bytes)
    grow(d, &l->arena, &l->arena_bytes, arena);
  if (uploads > l->upload_bytes)
    grow(d, &l->uploads, &l->upload_bytes, uploads);
}

static Plan *newest (const Loop *l) {
  Plan *best = NULL;
  for (int i = 0; i < l->plans; i++)
    if (best == NULL || l->plan[i]->used > best->used)
      best = l->plan[i];
  return best;
}

static void take_over (Device *d) {
  now.device = d;
  now.real = *d;
  note_meet = turn_meet;
  d->alloc = turn_alloc;
  d->free = turn_free;
  d->upload = turn_upload;
  d->download = turn_download;
  d->sync = turn_sync;
  d->kernels = &note_kernels;
}

bool turn_begin (Loop *l) {
  Device *d = (Device *) device_now();
  if (now.mode != CLOSED)
    return false;
  now.number++;
  count.turns++;
  text[0] = 0;
  now.loop = l;
  if (disabled || l->off || l->closed || (l->device && l->device != d)) {
    now.device = d;
    now.mode = PLAIN;
    return true;
  }
  l->device = d;
  if (l->era != era)
    drop_plans(l);
  l->era = era;
  make_room(l, d);
  for (int i = 0; i < l->plans && !l->bound; i++)
    plan_bind(l->plan[i], l->arena, l->uploads);
  l->bound = true;
  now.draft = plan_new();
  now.plan = newest(l);
  now.at = now.given = now.ran = now.shared = 0;
  now.void_draft = now.uploading = false;
  now.clock = 0;
  take_over(d);
  now.mode = now.plan != NULL ? MATCH : NOTE;
  return true;
}

/* The draft becomes a plan, in the place of the one that was not used for the
 * longest time if there are many. */
static void keep_draft (void) {
  Loop *l = now.loop;
  int at = l->plans;
  if (at == PLANS) {
    at = 0;
    for (int i = 1; i < PLANS; i++)
      if (l->plan[i]->used < l->plan[at]->used)
        at = i;
    if (l->plan[at]->graph != NULL)
      now.real.release(l->plan[at]->graph);
    plan_free(l->plan[at]);
  } else
    l->plans++;
  l->plan[at] = now.draft;
  l->bound = false;
  now.draft->used = now.number;
  now.draft = NULL;
  count.noted++;
}

static void forget_places (void) {
  for (Place *p = ring.before; p != &ring && p->turn == now.number;) {
    Place *before = p->before;
    if (p->loop == NULL)
      place_drop(p);
    p = before;
  }
}

static void end_match (bool failed) {
  if (!failed && (complete(now.plan) || change_plan(NULL, NULL))) {
    run_whole();
    return;
  }
  settle(now.loop, false);
  run_to(now.plan, now.at);
  count.partly++;
}

static void close_turn (void) {
  if (now.mode >= NOTE) {
    free_late();
    hand_back();
  }
  forget_places();
  plan_free(now.draft);
  plan_free(now.longer);
  now.draft = now.longer = NULL;
  now.mode = CLOSED;
}

const char *turn_end (const Loop *l, bool failed) {
  if (!turn_open(l))
    return NULL;
  if (now.mode == MATCH)
    end_match(failed);
  if (now.mode == NOTE && !failed && !now.void_draft) {
    plan_lay(now.draft, now.shared);
    keep_draft();
  }
  close_turn();
  return text[0] ? text : NULL;
}

void turn_drop (const Loop *l) {
  if (turn_open(l))
    close_turn();
}

void loop_close (Loop *l) {
  l->closed = true;
  settle(l, false);
  for (Place *p = ring.after; p != &ring;) {
    Place *next = p->after;
    if (p->loop == l)
      move_out(p);
    p = next;
  }
}

/* A loop that was left without a word, its iterator called by hand: what its
 * turn has asked for is done. */
void loop_free (Loop *l) {
  if (l == NULL)
    return;
  if (turn_open(l)) {
    Frame f;
    FRAME (&f)
      turn_end(l, true);
    frame_close(&f);
    turn_drop(l);
  }
  loop_drop(l);
}

__attribute__((constructor)) static void connect (void) {
  storage_watch = (StorageWatch) { watch_make, watch_drop, watch_use };
}
