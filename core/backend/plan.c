/* plan.c - see plan.h. */
#include "backend/plan.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGN = 256 };

static size_t aligned (size_t bytes) {
  return (bytes + ALIGN - 1) & ~(size_t) (ALIGN - 1);
}

/* ---- making and dropping -------------------------------------------------- */

Plan *plan_new (void) {
  return mem_new(sizeof(Plan));
}

static void item_drop (Item *i) {
  if (i == NULL || --i->users > 0)
    return;
  mem_free(i->note);
  mem_free(i->ref);
  mem_free(i);
}

void plan_free (Plan *p) {
  if (p == NULL)
    return;
  for (int i = 0; i < p->items; i++)
    item_drop(p->item[i]);
  for (int i = 0; i < p->blocks; i++)
    mem_free(p->block[i].rival);
  mem_free(p->item);
  mem_free(p->block);
  mem_free(p);
}

static Item **item_room (Plan *p) {
  if (p->items == p->item_room) {
    int room = p->item_room ? 2 * p->item_room : 64;
    p->item = mem_grow(p->item, sizeof *p->item * (size_t) room);
    p->item_room = room;
  }
  return &p->item[p->items];
}

Block *plan_block (Plan *p, size_t bytes, void *at, uint64_t born) {
  if (p->blocks == p->block_room) {
    int room = p->block_room ? 2 * p->block_room : 64;
    p->block = mem_grow(p->block, sizeof *p->block * (size_t) room);
    p->block_room = room;
  }
  Block *b = &p->block[p->blocks++];
  *b = (Block) { .bytes = bytes, .at = at, .born = born, .died = PLAN_ALIVE };
  return b;
}

void plan_begin (Plan **q, const Plan *p, int items) {
  *q = plan_new();
  for (int i = 0; i < items; i++) {
    *item_room(*q) = p->item[i];
    (*q)->items++;
    p->item[i]->users++;
  }
}

/* ---- drafting --------------------------------------------------------------- */

int plan_find (const Plan *p, const void *at) {
  for (int i = p->blocks - 1; i >= 0; i--) {
    const Block *b = &p->block[i];
    const char *from = b->at;
    size_t bytes = b->bytes ? b->bytes : 1;
    if (b->died == PLAN_ALIVE && (const char *) at >= from
        && (const char *) at < from + bytes)
      return i;
  }
  return -1;
}

typedef struct Finder {
  const Plan *plan;
  Item *item;
} Finder;

static void count_pointer (void *state, void **place) {
  (void) place;
  ((Finder *) state)->item->refs++;
}

static void refer (void *state, void **place) {
  Finder *f = state;
  int block = plan_find(f->plan, *place);
  if (block < 0)
    return;
  size_t offset = (size_t) ((char *) *place
                            - (char *) f->plan->block[block].at);
  f->item->ref[f->item->refs++] = (Ref) { place, block, offset };
}

void plan_note (Plan *p, const Note *n) {
  Item **room = item_room(p), *item = mem_new(sizeof *item);
  item->users = 1;
  *room = item;
  p->items++;                   /* the plan has it, whatever raises below */
  item->note = note_keep(n);
  Finder f = { p, item };
  note_pointers(item->note, count_pointer, &f);
  item->ref = mem_new(sizeof *item->ref * (size_t) (item->refs + 1));
  item->refs = 0;
  note_pointers(item->note, refer, &f);
}

/* ---- laying ----------------------------------------------------------------- */

/* Both alive at some time. */
static bool together (const Block *a, const Block *b) {
  return a->born < b->died && b->born < a->died;
}

static bool touch (const Block *a, const Block *b) {
  return a->upload == b->upload && a->bytes > 0 && b->bytes > 0
      && a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes;
}

static const Plan *sorted;       /* for the two orders of qsort */

static int by_bytes (const void *a, const void *b) {
  const Block *p = &sorted->block[*(const int *) a];
  const Block *q = &sorted->block[*(const int *) b];
  if (p->bytes != q->bytes)
    return p->bytes < q->bytes ? 1 : -1;
  return *(const int *) a - *(const int *) b;
}

static int by_offset (const void *a, const void *b) {
  const Block *p = &sorted->block[*(const int *) a];
  const Block *q = &sorted->block[*(const int *) b];
  return p->offset < q->offset ? -1 : p->offset > q->offset;
}

/* The lowest place that is free for as long as b lives: done holds the blocks
 * that are placed, in the order of their offsets. */
static size_t lowest (const Plan *p, const Block *b, const int *done,
                      int count) {
  size_t at = 0;
  for (int i = 0; i < count; i++) {
    const Block *c = &p->block[done[i]];
    if (!together(b, c) || c->offset + c->bytes <= at)
      continue;
    if (c->offset >= at + b->bytes)
      break;
    at = aligned(c->offset + c->bytes);
  }
  return at;
}

static void insert (Plan *p, int *done, int count, int i) {
  int k = count;
  for (; k > 0 && p->block[done[k - 1]].offset > p->block[i].offset; k--)
    done[k] = done[k - 1];
  done[k] = i;
}

/* Blocks of the host one behind the other; large ones of the rest first. */
static void place_all (Plan *p, int first, int *done, int *wait) {
  int placed = 0, waiting = 0;
  for (int i = 0; i < p->blocks; i++) {
    Block *b = &p->block[i];
    if (b->upload) {
      if (i >= first)
        b->offset = p->uploads;
      p->uploads = aligned(b->offset + b->bytes);
    } else if (i < first)
      done[placed++] = i;
    else
      wait[waiting++] = i;
  }
  sorted = p;
  qsort(done, (size_t) placed, sizeof *done, by_offset);
  qsort(wait, (size_t) waiting, sizeof *wait, by_bytes);
  for (int i = 0; i < waiting; i++) {
    Block *b = &p->block[wait[i]];
    b->offset = lowest(p, b, done, placed);
    insert(p, done, placed++, wait[i]);
  }
  for (int i = 0; i < placed; i++) {
    const Block *b = &p->block[done[i]];
    size_t end = aligned(b->offset + b->bytes);
    p->arena = end > p->arena ? end : p->arena;
  }
}

/* Whether c covers all bytes that a and b share. */
static bool covers (const Block *c, const Block *a, const Block *b) {
  size_t from = a->offset > b->offset ? a->offset : b->offset;
  size_t a_end = a->offset + a->bytes, b_end = b->offset + b->bytes;
  return c->offset <= from
      && c->offset + c->bytes >= (a_end < b_end ? a_end : b_end);
}

static bool covered (const Plan *p, const Block *b, const Block *old,
                     const int *list, int count) {
  for (int i = 0; i < count; i++)
    if (covers(&p->block[list[i]], b, old))
      return true;
  return false;
}

/* When a later rival was placed, what it covers was dead already.  list: room
 * for as many as there are blocks. */
static void find_rivals (Plan *p, int i, int *list) {
  Block *b = &p->block[i];
  int count = 0;
  for (int k = i - 1; k >= 0 && !b->upload; k--) {
    if (!touch(b, &p->block[k]) || covered(p, b, &p->block[k], list, count))
      continue;
    list[count++] = k;
    if (covers(&p->block[k], b, b))
      break;
  }
  mem_free(b->rival);
  b->rivals = 0;
  b->rival = NULL;
  b->rival = mem_new(sizeof *list * (size_t) (count + 1));
  memcpy(b->rival, list, sizeof *list * (size_t) count);
  b->rivals = count;
}

void plan_lay (Plan *p, int first) {
  own_reserve();
  size_t mark = scope_open();
  int *lists = mem_new(sizeof(int) * 2 * (size_t) (p->blocks + 1));
  own(lists, mem_free);
  p->arena = p->uploads = 0;
  place_all(p, first, lists, lists + p->blocks);
  for (int i = 0; i < p->blocks; i++)
    find_rivals(p, i, lists);
  scope_close(mark);
}

void *plan_place (const Plan *p, int block, char *arena, char *uploads) {
  const Block *b = &p->block[block];
  return (b->upload ? uploads : arena) + b->offset;
}

void plan_bind (Plan *p, char *arena, char *uploads) {
  for (int i = 0; i < p->items; i++) {
    Item *item = p->item[i];
    for (int k = 0; k < item->refs; k++) {
      const Ref *r = &item->ref[k];
      *r->place = (char *) plan_place(p, r->block, arena, uploads)
                  + r->offset;
    }
  }
}

bool plan_alike (const Plan *p, const Plan *q, int items, int blocks) {
  if (p->items < items || q->items < items || p->blocks < blocks
      || q->blocks < blocks)
    return false;
  for (int i = 0; i < blocks; i++)
    if (p->block[i].bytes != q->block[i].bytes
        || p->block[i].offset != q->block[i].offset
        || p->block[i].upload != q->block[i].upload)
      return false;
  for (int i = 0; i < items; i++)
    if (p->item[i] != q->item[i]
        && !note_same(p->item[i]->note, q->item[i]->note))
      return false;
  return true;
}
