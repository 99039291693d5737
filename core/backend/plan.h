/*
 * plan.h - the work of one turn of a loop: its kernel calls in order, and
 * where each tensor that the turn makes lies in the loop's memory.
 *
 * A turn is drafted while it runs: plan_block and plan_note are told what
 * happens.  plan_lay gives every block its place: blocks that are never alive
 * together share bytes.  The places of the first blocks can be prescribed,
 * so that turns that begin alike are laid alike.
 */
#ifndef plan_h
#define plan_h

#include "backend/note.h"

/* Memory that the turn asks for. */
typedef struct Block {
  size_t bytes, offset;
  void *at;               /* in the turn that is drafted */
  uint64_t born, died;    /* by the turn's clock; PLAN_ALIVE: at its end */
  bool upload;            /* written by the host: has its bytes to itself */
  int *rival, rivals;     /* blocks before it that share bytes with it, but
                             for those that a later one of them covers */
} Block;

#define PLAN_ALIVE UINT64_MAX
#define PLAN_COLLECTED (PLAN_ALIVE - 1)    /* dead, at no fixed time */

/* A pointer of a note that leads into a block. */
typedef struct Ref {
  void **place;
  int block;
  size_t offset;
} Ref;

/* A note and its pointers; shared by plans that begin alike. */
typedef struct Item {
  int users;
  Note *note;
  Ref *ref;
  int refs;
} Item;

typedef struct Plan {
  Block *block;
  Item **item;
  int blocks, items, block_room, item_room;
  size_t arena, uploads;  /* bytes that the blocks need together */
  uint64_t used;          /* number of the turn that used it last */
  void *graph;            /* of the device, or NULL */
  bool captured;          /* it was tried */
} Plan;

Plan *plan_new (void);
void plan_free (Plan *p);                      /* NULL is fine */
/* A new plan, *q from the first moment on, with the first items of p. */
void plan_begin (Plan **q, const Plan *p, int items);

Block *plan_block (Plan *p, size_t bytes, void *at, uint64_t born);
int plan_find (const Plan *p, const void *at);      /* living block, or -1 */
void plan_note (Plan *p, const Note *n);

/* Places the blocks from first on; those before it keep their offsets. */
void plan_lay (Plan *p, int first);
/* Points all notes into the memory of the loop. */
void plan_bind (Plan *p, char *arena, char *uploads);
void *plan_place (const Plan *p, int block, char *arena, char *uploads);

/* True if both begin with these items and blocks, laid alike. */
bool plan_alike (const Plan *p, const Plan *q, int items, int blocks);

#endif
