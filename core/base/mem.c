/* mem.c - see mem.h.  Size classes of blocks are four steps to each power of
 * two, so that at most a fifth of a block is wasted; each class has a free
 * list whose links lie in the idle blocks themselves.  What lies idle is at
 * most as much as was ever in use, or IDLE_MOST: steps that repeat take
 * nothing new.  Small things have a class for every STEP bytes, and say in
 * front of them which: a call of an op makes and drops some ten of them. */
#include "base/mem.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SMALLEST = 64, CLASSES = 4 * 48, IDLE_MOST = 256 << 20 };

typedef struct Idle { struct Idle *next; } Idle;

static Idle *idle[CLASSES];

/* With address checks every thing is the system's own. */
#ifdef __SANITIZE_ADDRESS__
enum { STEP = 64, SMALL_CLASSES = 0 };
#else
enum { STEP = 64, SMALL_CLASSES = 32 };
#endif

/* In front of a small thing; steps: its size class, 0: none. */
typedef struct Head { _Alignas(16) size_t steps; } Head;

static Idle *small[SMALL_CLASSES + 1];
static MemCount count;
static uint64_t fail_at;      /* 0: never */

static void check (size_t bytes) {
  count.allocations++;
  if (fail_at != 0 && count.allocations == fail_at)
    raise_as(FAIL_MEMORY, "out of memory (%zu bytes asked)", bytes);
}

void mem_fail_at (uint64_t n) {
  fail_at = n ? count.allocations + n : 0;
}

static _Noreturn void none_left (size_t bytes) {
  raise_as(FAIL_MEMORY, "out of memory (%zu bytes asked)", bytes);
}

static Head *head_of (void *p) {
  return (Head *) p - 1;
}

static void *take (size_t bytes) {
  size_t steps = bytes / STEP + 1;
  if (steps <= SMALL_CLASSES && small[steps] != NULL) {
    void *p = small[steps];
    small[steps] = small[steps]->next;
    return p;
  }
  if (steps > SMALL_CLASSES)
    steps = 0;
  Head *h = malloc(sizeof *h + (steps ? steps * STEP : bytes));
  if (h == NULL)
    none_left(bytes);
  h->steps = steps;
  return h + 1;
}

static void give_back (void *p) {
  Head *h = head_of(p);
  if (h->steps == 0) {
    free(h);
    return;
  }
  ((Idle *) p)->next = small[h->steps];
  small[h->steps] = p;
}

void *mem_new (size_t bytes) {
  check(bytes);
  void *p = memset(take(bytes), 0, bytes);
  count.small++;
  return p;
}

void *mem_grow (void *old, size_t bytes) {
  check(bytes);
  if (old == NULL) {
    void *p = take(bytes);
    count.small++;
    return p;
  }
  Head *h = head_of(old);
  if (h->steps == 0) {
    h = realloc(h, sizeof *h + bytes);
    if (h == NULL)
      none_left(bytes);
    return h + 1;
  }
  size_t had = h->steps * STEP;
  if (bytes <= had)
    return old;
  void *p = memcpy(take(bytes), old, had);
  give_back(old);
  return p;
}

void mem_free (void *p) {
  if (p == NULL)
    return;
  count.small--;
  give_back(p);
}

/* The number of the class that holds bytes, and its block size. */
static int class_of (size_t bytes, size_t *size) {
  size_t base = SMALLEST;
  int class = 0;
  while (base * 2 < bytes) {
    base *= 2;
    class += 4;
  }
  for (int step = 0; step <= 4; step++) {
    *size = base + base / 4 * step;
    if (*size >= bytes)
      return class + step;
  }
  return class + 4;
}

/* Large blocks are of huge pages where the system has them: fewer faults when
 * they are first written. */
static void *fresh (size_t size) {
  enum { HUGE = 2 << 20 };
  size_t align = size >= 2 * (size_t) HUGE ? HUGE : 64;
  size_t whole = (size + align - 1) / align * align;
  void *p = aligned_alloc(align, whole);
  if (p != NULL && align == HUGE)
    madvise(p, whole, MADV_HUGEPAGE);
  return p;
}

void *mem_block (size_t bytes) {
  size_t size;
  int class = class_of(bytes, &size);
  check(bytes);
  void *p = NULL;
  if (class < CLASSES && idle[class] != NULL) {
    p = idle[class];
    idle[class] = idle[class]->next;
    count.idle -= size;
  } else if (class < CLASSES) {
    p = fresh(size);
    if (p == NULL) {
      mem_trim();
      p = fresh(size);
    }
  }
  if (p == NULL)
    raise_as(FAIL_MEMORY, "out of memory: %.1f MB asked, %.1f MB held by "
             "tensors", (double) bytes / 1e6, (double) count.bytes / 1e6);
  count.blocks++;
  count.bytes += size;
  if (count.bytes > count.peak)
    count.peak = count.bytes;
  return p;
}

void mem_block_free (void *p, size_t bytes) {
  size_t size;
  int class = class_of(bytes, &size);
  if (p == NULL)
    return;
  count.blocks--;
  count.bytes -= size;
  if (count.idle + size > IDLE_MOST && count.idle + size > count.peak) {
    free(p);
    return;
  }
  ((Idle *) p)->next = idle[class];
  idle[class] = p;
  count.idle += size;
}

void mem_trim (void) {
  for (int i = 0; i <= SMALL_CLASSES; i++)
    while (small[i] != NULL) {
      Idle *next = small[i]->next;
      free(head_of(small[i]));
      small[i] = next;
    }
  for (int i = 0; i < CLASSES; i++)
    while (idle[i] != NULL) {
      Idle *next = idle[i]->next;
      free(idle[i]);
      idle[i] = next;
    }
  count.idle = 0;
}

MemCount mem_count (void) {
  return count;
}
