/*
 * access.c - loads, stores and atomic operations of kernels, each checked.
 *
 * A region is memory of one kind (global or shared): bytes, a shadow byte for
 * each, and traces.  A trace holds for a word who read and who wrote it last:
 * tick, thread and flags.  Ticks grow with every block and every barrier, so
 * that an earlier access is ordered before this one if it belongs to another
 * launch, to an earlier tick of this block, or to this thread; all else is a
 * race.  Words that are touched in pieces keep a trace for each byte instead.
 */
#include "machine.h"

#include <string.h>

/* Bits of a trace: tick 32, actor 16, age of the warp 8, flags 8. */
enum {
  MANY_BLOCKS = 1,              /* an earlier block did so too */
  NC = 2,                       /* read as constant */
  ATOMIC = 4,                   /* written by an atomic operation ... */
  PLAIN = 8, EARLIER = 16,      /* ... and otherwise: in this tick, before */
  BYTES = 32                    /* the traces of single bytes count */
};
enum { ANYBODY = 0xFFFF, SOME_LANES = 0x8000 };   /* actors; | warp */

typedef enum Use { USE_READ, USE_WRITE, USE_ATOMIC } Use;

typedef struct Region {
  uint64_t low, span;
  unsigned char *data, *shadow;
  Trace *words, *bytes;
  uint32_t since;               /* older ticks are ordered */
  bool shared;
} Region;

static inline Region global_region (void) {
  return (Region) { (uint64_t) memory.base, memory.span,
                    (unsigned char *) memory.data,
                    (unsigned char *) memory.shadow, memory.words,
                    memory.bytes, running.launch_tick, false };
}

static inline Region shared_region (void) {
  return (Region) { SHARED_BASE, running.shared_size, running.shared,
                    running.shared_shadow, running.shared_words,
                    running.shared_bytes, running.block_tick, true };
}

/* ---- races ---- */

typedef struct Me { uint64_t stamp; uint32_t actor, age; } Me;

static inline Me me_of (const Warp *w, int lane) {
  uint32_t actor = (uint32_t) (w->index * LANES + lane);
  return (Me) { (uint64_t) running.tick << 32 | actor << 16
                | (uint64_t) w->age << 8, actor, w->age };
}

static inline uint32_t tick_of (uint64_t t) {
  return (uint32_t) (t >> 32);
}

static inline uint32_t actor_of (uint64_t t) {
  return t >> 16 & 0xFFFF;
}

static inline uint32_t warp_of (uint32_t actor) {
  return actor & SOME_LANES ? actor & 0x7FFF : actor / LANES;
}

/* Whether the access t of this launch is ordered before mine. */
static inline bool ordered (uint64_t t, Me me) {
  uint32_t tick = tick_of(t), actor = actor_of(t);
  if (tick < running.block_tick)
    return false;
  if (tick < running.tick || actor == me.actor)
    return true;
  return actor != ANYBODY && warp_of(actor) == warp_of(me.actor)
         && (t >> 8 & 0xFF) < me.age;
}

/* Who stands in the trace after I read too. */
static inline uint64_t joined (uint64_t r, Me me) {
  uint64_t keep = r & (MANY_BLOCKS | NC);
  if (tick_of(r) < running.block_tick)
    return me.stamp | keep | MANY_BLOCKS;
  if (tick_of(r) < running.tick || actor_of(r) == me.actor)
    return me.stamp | keep;
  uint64_t others = me.stamp & ~((uint64_t) 0xFFFF << 16);
  if (actor_of(r) != ANYBODY && warp_of(actor_of(r)) == warp_of(me.actor)) {
    if ((r >> 8 & 0xFF) < me.age)
      return me.stamp | keep;
    return others | (SOME_LANES | warp_of(me.actor)) << 16 | keep;
  }
  return others | (uint64_t) ANYBODY << 16 | keep;
}

static inline uint64_t stamp_of (uint32_t tick) {
  return (uint64_t) tick << 32;
}

/* Each gives the access that mine conflicts with; 0: none. */
static inline uint64_t trace_read (Trace *t, Me me, uint32_t since, bool nc) {
  uint64_t w = t->write, r = t->read, found = 0;
  if (w >= stamp_of(since)
      && (nc || w & MANY_BLOCKS || !ordered(w, me)))
    found = w;
  if (r < stamp_of(since))
    t->read = me.stamp | (nc ? NC : 0);
  else if (r >> 16 != ((uint64_t) running.tick << 16 | ANYBODY)
           || (nc && !(r & NC)))
    t->read = joined(r, me) | (nc ? NC : 0);
  return found;
}

/* What the trace of a write keeps of the one before it. */
static inline uint64_t kept (uint64_t w) {
  if (tick_of(w) < running.block_tick)
    return MANY_BLOCKS;
  bool now = tick_of(w) == running.tick, plain = !(w & ATOMIC) || w & PLAIN;
  return (w & (MANY_BLOCKS | EARLIER)) | (plain ? now ? PLAIN : EARLIER : 0);
}

/* Whether atomic operations alone made the trace w, as far as I may see. */
static inline bool all_atomic (uint64_t w) {
  uint64_t plain = tick_of(w) < running.block_tick ? PLAIN | EARLIER : PLAIN;
  return w & ATOMIC && !(w & plain);
}

static inline uint64_t trace_write (Trace *t, Me me, uint32_t since,
                                    bool atomic) {
  uint64_t w = t->write, r = t->read, found = 0, flags = 0;
  if (r >= stamp_of(since)
      && (r & (NC | MANY_BLOCKS) || !ordered(r, me)))
    found = r;
  if (w >= stamp_of(since)) {
    if ((w & MANY_BLOCKS || !ordered(w, me)) && !(atomic && all_atomic(w)))
      found = w;
    flags = kept(w);
  }
  t->write = me.stamp | flags | (atomic ? ATOMIC : 0);
  return found;
}

static const char *actor_text (uint64_t t) {
  static char text[60];
  uint32_t actor = actor_of(t);
  if (tick_of(t) < running.block_tick || t & MANY_BLOCKS)
    return "another block";
  if (actor == ANYBODY)
    return "other threads";
  if (actor & SOME_LANES)
    snprintf(text, sizeof text, "threads of warp %u", actor & 0x7FFF);
  else
    snprintf(text, sizeof text, "thread %u", actor);
  return text;
}

static void __attribute__((noinline, cold))
race (const Region *g, const Warp *w, int lane, uint64_t address, Use use,
      uint64_t with, bool was_read, bool nc) {
  static const char *const verbs[] = { "reads", "writes", "updates" };
  const char *where = g->shared ? "shared memory"
                      : memory_where((void *) address, 1);
  if (nc || (was_read && with & NC))
    kernel_mistake("constant-written", w, lane, "%s %s, which this kernel %s",
                   verbs[use], where, use == USE_READ ? "writes"
                   : "reads through const __restrict__");
  else
    kernel_mistake(g->shared ? "race-shared" : "race-global", w, lane,
                   "%s %s, which %s %s with no barrier between", verbs[use],
                   where, actor_text(with), was_read ? "reads" : "writes");
}

static inline uint64_t trace_one (Trace *t, Me me, uint32_t since, Use use,
                                  bool nc) {
  return use == USE_READ ? trace_read(t, me, since, nc)
         : trace_write(t, me, since, use == USE_ATOMIC);
}

/* From now on in this launch each byte of the word has its own trace. */
static void split (const Region *g, uint64_t word) {
  Trace *t = &g->words[word], *b = &g->bytes[word * 4];
  Trace old = { tick_of(t->read) >= g->since ? t->read : 0,
                tick_of(t->write) >= g->since ? t->write : 0 };
  for (int i = 0; i < 4; i++)
    b[i] = old;
  t->write = (uint64_t) running.tick << 32 | BYTES;
}

static void __attribute__((noinline))
trace_bytes (const Region *g, const Warp *w, int lane, uint64_t at,
             uint32_t n, Use use, bool nc) {
  Me me = me_of(w, lane);
  uint64_t word = at / 4;
  Trace *t = &g->words[word];
  if (!(t->write & BYTES) || tick_of(t->write) < g->since)
    split(g, word);
  for (uint32_t i = 0; i < n; i++) {
    Trace *b = &g->bytes[at + i];
    uint64_t read = b->read, found = trace_one(b, me, g->since, use, nc);
    if (found) {
      race(g, w, lane, g->low + at + i, use, found, found == read, nc);
      return;
    }
  }
}

/* Pieces of a word that are read as constants leave their trace in the word:
 * a byte of data is cheap, 16 bytes of traces for it are not. */
static inline __attribute__((always_inline)) void
trace_all (const Region *g, const Warp *w, int lane, uint64_t at, uint32_t n,
           Use use, bool nc) {
  if (n < 4 && !nc) {
    trace_bytes(g, w, lane, at, n, use, nc);
    return;
  }
  Me me = me_of(w, lane);
  for (uint32_t i = 0; i < n; i += 4) {
    Trace *t = &g->words[(at + i) / 4];
    if (__builtin_expect(t->write & BYTES
                         && tick_of(t->write) >= g->since, 0)) {
      trace_bytes(g, w, lane, at + i, n < 4 ? n : 4, use, nc);
      continue;
    }
    uint64_t read = t->read, found = trace_one(t, me, g->since, use, nc);
    if (__builtin_expect(found != 0, 0)) {
      race(g, w, lane, g->low + at + i, use, found, found == read, nc);
      return;
    }
  }
}

/* ---- one access ---- */

static void __attribute__((noinline, cold))
fault_global (const Warp *w, int lane, uint64_t address, uint32_t n, Use use) {
  const char *verb = use == USE_READ ? "reads" : "writes";
  const char *p = (const char *) address;
  const char *where = memory_where(p, n);
  const Allocation *a = memory_find(p);
  if (p < memory.base || p >= memory.base + memory.span)
    kernel_mistake(address < 65536 ? "out-of-bounds" : "host-pointer", w, lane,
                   "%s %u bytes at %s", verb, n, where);
  else if (!a || p + n > a->at + a->bytes)
    kernel_mistake("out-of-bounds", w, lane, "%s %u bytes, %s", verb, n,
                   where);
  else if (!a->live)
    kernel_mistake("use-after-free", w, lane, "%s %u bytes, %s", verb, n,
                   where);
  else if (address % n)
    kernel_mistake("misaligned", w, lane, "%s %u bytes, %s", verb, n, where);
  else
    kernel_mistake("uninitialised", w, lane, "reads %u bytes that nobody "
                   "wrote, %s", n, where);
}

static void __attribute__((noinline, cold))
fault_shared (const Warp *w, int lane, uint64_t address, uint32_t n, Use use) {
  const char *verb = use == USE_READ ? "reads" : "writes";
  int64_t at = (int64_t) (address - SHARED_BASE);
  if (at < 0 || (uint64_t) at + n > running.shared_size)
    kernel_mistake("out-of-bounds", w, lane, "%s %u bytes at byte %lld of %zu "
                   "bytes of shared memory", verb, n, (long long) at,
                   running.shared_size);
  else if (at % n)
    kernel_mistake("misaligned", w, lane, "%s %u bytes at byte %lld of shared "
                   "memory", verb, n, (long long) at);
  else
    kernel_mistake("uninitialised", w, lane, "reads %u bytes of shared memory "
                   "that nobody wrote, at byte %lld", n, (long long) at);
}

static inline uint64_t bytes_at (const unsigned char *p, uint32_t n) {
  uint64_t x = 0;
  switch (n) {
    case 1: return *p;
    case 2: memcpy(&x, p, 2); return x;
    case 4: memcpy(&x, p, 4); return x;
    default: memcpy(&x, p, 8); return x;
  }
}

static inline void set_bytes (unsigned char *p, uint64_t x, uint32_t n) {
  switch (n) {
    case 1: *p = (unsigned char) x; break;
    case 2: memcpy(p, &x, 2); break;
    case 4: memcpy(p, &x, 4); break;
    default: memcpy(p, &x, 8);
  }
}

static inline uint64_t shadow_word (const unsigned char *s, uint32_t n) {
  return n == 16 ? bytes_at(s, 8) & bytes_at(s + 8, 8) : bytes_at(s, n);
}

#define EVERY(n, byte) \
  ((byte) * (0x0101010101010101u >> 8 * (8 - ((n) < 8 ? (n) : 8))))

/* The bytes behind an address, or NULL after a report. */
static inline __attribute__((always_inline)) unsigned char *
touch (const Region *g, const Warp *w, int lane, uint64_t address, uint32_t n,
       Use use, bool nc) {
  uint64_t at = address - g->low;
  uint64_t need = use == USE_WRITE ? EVERY(n, 1u) : EVERY(n, 3u);
  if (__builtin_expect(at >= g->span || g->span - at < n || at & (n - 1)
                       || (shadow_word(g->shadow + at, n) & need) != need,
                       0)) {
    if (g->shared)
      fault_shared(w, lane, address, n, use);
    else
      fault_global(w, lane, address, n, use);
    return NULL;
  }
  trace_all(g, w, lane, at, n, use, nc);
  if (use == USE_WRITE) {
    set_bytes(g->shadow + at, EVERY(n, 3u), n < 8 ? n : 8);
    if (n == 16)
      set_bytes(g->shadow + at + 8, EVERY(8, 3u), 8);
  }
  return g->data + at;
}

/* Memory of one thread: no races. */
static unsigned char *touch_local (const Warp *w, int lane, uint64_t address,
                                   uint32_t n, Use use) {
  uint64_t size = running.launch->kernel->local_bytes;
  uint64_t at = address - LOCAL_BASE;
  size_t base = (size_t) (w->index * LANES + lane) * size;
  if (at >= size || size - at < n) {
    kernel_mistake("out-of-bounds", w, lane, "%s %u bytes outside its local "
                   "variables", use == USE_READ ? "reads" : "writes", n);
    return NULL;
  }
  if (at % n) {
    kernel_mistake("misaligned", w, lane, "%u bytes at byte %llu of local "
                   "memory", n, (unsigned long long) at);
    return NULL;
  }
  unsigned char *s = running.local_shadow + base + at;
  if (use == USE_READ && memchr(s, 0, n)) {
    kernel_mistake("uninitialised", w, lane, "reads %u bytes of a local "
                   "variable that was not set", n);
    return NULL;
  }
  memset(s, 1, n);
  return running.local + base + at;
}

static unsigned char *touch_param (const Warp *w, int lane, uint64_t at,
                                   uint32_t n, Use use) {
  if (use != USE_READ || at + n > running.launch->kernel->param_bytes) {
    kernel_mistake("out-of-bounds", w, lane, "touches byte %llu of the "
                   "parameters", (unsigned long long) at);
    return NULL;
  }
  return running.launch->params + at;
}

/* The space of a generic address, which becomes an address of that space. */
static Space space_at (uint64_t *address) {
  uint64_t window = *address & WINDOW_MASK;
  Space space = window == WINDOW_SHARED ? SPACE_SHARED
                : window == WINDOW_LOCAL ? SPACE_LOCAL
                : window == WINDOW_PARAM ? SPACE_PARAM : SPACE_GLOBAL;
  *address -= space == SPACE_GLOBAL ? 0 : window;
  return space;
}

static unsigned char *touch_any (const Warp *w, int lane, Space space,
                                 uint64_t address, uint32_t n, Use use,
                                 bool nc) {
  if (space == SPACE_GENERIC)
    space = space_at(&address);
  Region g;
  switch (space) {
    case SPACE_SHARED:
      g = shared_region();
      return touch(&g, w, lane, address, n, use, false);
    case SPACE_LOCAL: return touch_local(w, lane, address, n, use);
    case SPACE_PARAM: return touch_param(w, lane, address, n, use);
    default:
      g = global_region();
      return touch(&g, w, lane, address, n, use, nc || space == SPACE_CONST);
  }
}

/* ---- addresses of lanes ---- */

/* Shared and local addresses may be 32 bits wide: width tells. */
static inline uint64_t address_of (const Warp *w, const Op *o, int lane) {
  uint64_t base = !o->a ? 0 : o->width & 16 ? REG(uint32_t, w, o->a)[lane]
                  : REG(uint64_t, w, o->a)[lane];
  return base + (uint64_t) o->offset;
}

static void count_bytes (const Op *o, uint32_t m, bool is_read) {
  size_t n = (size_t) __builtin_popcount(m) * o->size * o->count;
  if (o->space == SPACE_GLOBAL || o->space == SPACE_GENERIC) {
    counts.bytes_read += is_read ? n : 0;
    counts.bytes_written += is_read ? 0 : n;
  }
}

/* ---- loads ---- */

/* The low size bytes of x, of a signed type or not, into a register. */
static inline void put_lane (Warp *w, uint32_t reg, int lane, uint64_t x,
                             uint32_t size, uint32_t width, bool is_signed) {
  if (is_signed && size < width) {
    int unused = 64 - 8 * (int) size;
    x = (uint64_t) ((int64_t) (x << unused) >> unused);
  }
  switch (width) {
    case 2: REG(uint16_t, w, reg)[lane] = (uint16_t) x; break;
    case 4: REG(uint32_t, w, reg)[lane] = (uint32_t) x; break;
    default: REG(uint64_t, w, reg)[lane] = x;
  }
}

static inline uint64_t get_lane (const Warp *w, uint32_t reg, int lane,
                                 uint32_t width) {
  switch (width) {
    case 2: return REG(uint16_t, w, reg)[lane];
    case 4: return REG(uint32_t, w, reg)[lane];
    default: return REG(uint64_t, w, reg)[lane];
  }
}

#define EACH_LANE(i, m) \
  for (uint32_t left_ = (m), i; \
       left_ && (i = (uint32_t) __builtin_ctz(left_), 1); left_ &= left_ - 1)

/* One register of n bytes from memory of one kind: the usual case. */
static inline __attribute__((always_inline)) void
load_one (Warp *w, const Op *o, uint32_t m, const Region *g, uint32_t n) {
  bool nc = o->flags & FLAG_NC || o->space == SPACE_CONST;
  bool is_signed = o->flags & FLAG_SIGNED;
  uint32_t width = o->width & 15;
  EACH_LANE(i, m) {
    const unsigned char *p = touch(g, w, (int) i, address_of(w, o, (int) i), n,
                                   USE_READ, nc);
    uint64_t x = p ? bytes_at(p, n) : 0;
    if (n >= 4 && width == n)
      put_lane(w, o->v[0], (int) i, x, n, n, false);
    else
      put_lane(w, o->v[0], (int) i, x, n, width, is_signed);
  }
}

static void load_many (Warp *w, const Op *o, uint32_t m) {
  uint32_t n = (uint32_t) o->size * o->count;
  EACH_LANE(i, m) {
    const unsigned char *p = touch_any(w, (int) i, o->space,
                                       address_of(w, o, (int) i), n, USE_READ,
                                       o->flags & FLAG_NC);
    for (uint32_t k = 0; k < o->count; k++)
      if (o->v[k])
        put_lane(w, o->v[k], (int) i, p ? bytes_at(p + k * o->size, o->size)
                 : 0, o->size, o->width & 15, o->flags & FLAG_SIGNED);
  }
}

void run_load (Warp *w, const Op *o, uint32_t m) {
  bool shared = o->space == SPACE_SHARED;
  count_bytes(o, m, true);
  if (o->count > 1
      || !(shared || o->space == SPACE_GLOBAL || o->space == SPACE_CONST)) {
    load_many(w, o, m);
    return;
  }
  Region g = shared ? shared_region() : global_region();
  switch (o->size) {
    case 1: load_one(w, o, m, &g, 1); break;
    case 2: load_one(w, o, m, &g, 2); break;
    case 4: load_one(w, o, m, &g, 4); break;
    default: load_one(w, o, m, &g, 8);
  }
}

/* A parameter at a fixed place is the same in all lanes. */
void run_load_param (Warp *w, const Op *o, uint32_t m) {
  const unsigned char *p = running.launch->params + o->offset;
  for (uint32_t k = 0; k < o->count; k++) {
    uint64_t x = bytes_at(p + k * o->size, o->size);
    if (o->v[k])
      EACH_LANE(i, m)
        put_lane(w, o->v[k], (int) i, x, o->size, o->width & 15,
                 o->flags & FLAG_SIGNED);
  }
}

/* ---- stores ---- */

static inline __attribute__((always_inline)) void
store_one (Warp *w, const Op *o, uint32_t m, const Region *g, uint32_t n) {
  uint32_t width = o->width & 15;
  EACH_LANE(i, m) {
    unsigned char *p = touch(g, w, (int) i, address_of(w, o, (int) i), n,
                             USE_WRITE, false);
    if (p)
      set_bytes(p, get_lane(w, o->v[0], (int) i, width), n);
  }
}

static void store_many (Warp *w, const Op *o, uint32_t m) {
  uint32_t n = (uint32_t) o->size * o->count, width = o->width & 15;
  EACH_LANE(i, m) {
    unsigned char *p = touch_any(w, (int) i, o->space,
                                 address_of(w, o, (int) i), n, USE_WRITE,
                                 false);
    for (uint32_t k = 0; p && k < o->count; k++)
      set_bytes(p + k * o->size, get_lane(w, o->v[k], (int) i, width),
                o->size);
  }
}

void run_store (Warp *w, const Op *o, uint32_t m) {
  bool shared = o->space == SPACE_SHARED;
  count_bytes(o, m, false);
  if (o->count > 1 || !(shared || o->space == SPACE_GLOBAL)) {
    store_many(w, o, m);
    return;
  }
  Region g = shared ? shared_region() : global_region();
  switch (o->size) {
    case 1: store_one(w, o, m, &g, 1); break;
    case 2: store_one(w, o, m, &g, 2); break;
    case 4: store_one(w, o, m, &g, 4); break;
    default: store_one(w, o, m, &g, 8);
  }
}

/* ---- atomic operations ---- */

const char *const atomic_names[] = {
  "add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec", NULL };

static uint64_t combine (int how, uint64_t old, uint64_t x, uint64_t y,
                         bool is_signed) {
  bool below = is_signed ? (int64_t) x < (int64_t) old : x < old;
  switch (how) {
    case 0: return old + x;
    case 1: return below ? x : old;
    case 2: return below ? old : x;
    case 3: return old & x;
    case 4: return old | x;
    case 5: return old ^ x;
    case 6: return x;
    case 7: return old == x ? y : old;
    case 8: return old >= x ? 0 : old + 1;
    default: return old == 0 || old > x ? x : old - 1;
  }
}

static uint64_t fetch (const void *p, uint32_t size, bool is_signed) {
  uint64_t x = 0;
  memcpy(&x, p, size);
  return is_signed && size == 4 ? (uint64_t) (int64_t) (int32_t) x : x;
}

/* count: the operation.  Lanes come in an order that nobody may rely on. */
void run_atomic (Warp *w, const Op *o, uint32_t m) {
  uint32_t size = o->size, start = rng_next(), step = rng_next() | 1;
  bool is_signed = o->flags & FLAG_SIGNED;
  for (uint32_t k = 0; k < LANES; k++) {
    int i = (int) ((start + k * step) % LANES);
    if (!ON(m, i))
      continue;
    unsigned char *p = touch_any(w, i, o->space, address_of(w, o, i), size,
                                 USE_ATOMIC, false);
    uint64_t old = 0;
    if (p) {
      old = fetch(p, size, is_signed);
      uint64_t x = fetch(w->file + o->b + i * size, size, is_signed);
      uint64_t y = o->c ? fetch(w->file + o->c + i * size, size, is_signed)
                   : 0;
      uint64_t result = combine(o->count, old, x, y, is_signed);
      memcpy(p, &result, size);
    }
    if (o->d)
      memcpy(w->file + o->d + i * size, &old, size);
  }
}
