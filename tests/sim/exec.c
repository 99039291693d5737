/*
 * exec.c - runs a launch: blocks one after another in random order, the warps
 * of a block in random order between barriers.
 *
 * A warp has one place for all its active lanes.  Where a branch divides them,
 * one side (chosen at random) runs until the paths meet again while the other
 * waits on a stack.  Lanes that come to a barrier or shuffle which needs others
 * wait there until all the others have come too, have returned or wait
 * elsewhere; only then is it a mistake.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SIDES = 128, SEEN = 1024 };

struct Running running;
static Warp warps[WARPS_MOST];
static uint32_t steps_most = 1u << 30;

/* ---- mistakes ---- */

void kernel_mistake (const char *kind, const Warp *w, int lane,
                     const char *format, ...) {
  static struct { const Op *op; const char *kind; } seen[SEEN];
  static int seen_count;
  for (int i = 0; i < seen_count; i++)
    if (seen[i].op == running.op && strcmp(seen[i].kind, kind) == 0)
      return;
  if (seen_count < SEEN) {
    seen[seen_count].op = running.op;
    seen[seen_count++].kind = kind;
  }
  char text[600], thread[60] = "";
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  dim3 b = running.launch->block;
  if (lane >= 0) {
    unsigned t = (unsigned) (w->index * LANES + lane);
    snprintf(thread, sizeof thread, "thread (%u,%u,%u), ", t % b.x,
             t / b.x % b.y, t / b.x / b.y);
  }
  const Kernel *k = running.launch->kernel;
  mistake(kind, "%s [kernel %s, block (%u,%u,%u), %s%s]", text, k->name,
          running.at.x, running.at.y, running.at.z, thread,
          line_text(k, running.op ? running.op->line : 0));
}

/* ---- branches ---- */

/* Goes on with lanes that wait, those at the meeting last; false if there are
 * none. */
static bool pop (Warp *w) {
  while (w->depth > 0) {
    Side s = w->side[--w->depth];
    w->active = s.mask & ~w->exited & ~w->parked;
    w->pc = s.pc;
    w->join = s.join;
    if (w->active)
      return true;
  }
  w->active = w->parked;
  w->pc = w->meeting;
  w->join = NULL;
  w->parked = 0;
  w->done = !w->active;
  return w->active;
}

static void push (Warp *w, Side s) {
  if (w->depth == SIDES) {
    kernel_mistake("divergence", w, -1, "branches that divide the warp go too "
                   "deep");
    running.stop = true;
    return;
  }
  w->side[w->depth++] = s;
}

/* Some lanes go to one place, the others to another. */
static void divide (Warp *w, const Op *join, uint32_t some, const Op *to,
                    uint32_t rest, const Op *on) {
  join = join ? join : w->join;
  if (join != w->join)
    push(w, (Side) { some | rest, join, w->join });
  w->join = join;
  Side a = { some, to, join }, b = { rest, on, join };
  if (rng_next() & 1) {
    Side c = a;
    a = b;
    b = c;
  }
  if (b.pc != join)
    push(w, b);
  w->active = a.mask;
  w->pc = a.pc;
}

static void branch (Warp *w, const Op *o, uint32_t taken) {
  uint32_t rest = w->active & ~taken;
  if (!taken)
    w->pc = o + 1;
  else if (!rest)
    w->pc = o->target;
  else
    divide(w, o->join, taken, o->target, rest, o + 1);
}

/* Lanes with the target of the first lane go there, the others come again. */
static void branch_table (Warp *w, const Op *o, uint32_t m) {
  const uint32_t *index = REG(uint32_t, w, o->a);
  uint32_t first = index[__builtin_ctz(m)], same = 0;
  if (first >= o->count) {
    kernel_mistake("divergence", w, __builtin_ctz(m), "a branch outside its "
                   "table");
    running.stop = true;
    return;
  }
  for (int i = 0; i < LANES; i++)
    same |= (uint32_t) (ON(m, i) && index[i] == first) << i;
  if (same == m)
    w->pc = o->table[first];
  else
    divide(w, o->join, same, o->table[first], m & ~same, o);
}

/* False when the warp is done. */
static bool leave (Warp *w, const Op *o, uint32_t m) {
  w->exited |= m;
  w->active &= ~m;
  w->pc = o + 1;
  return w->active || pop(w);
}

/* ---- barriers ---- */

static void arrive (Warp *w, const Op *o, uint32_t m) {
  uint32_t alive = w->members & ~w->exited;
  if (m != alive) {
    kernel_mistake("divergent-barrier", w, __builtin_ctz(m ? m : alive),
                   "a barrier is reached by %d of %d threads of warp %d",
                   __builtin_popcount(m), __builtin_popcount(alive), w->index);
    running.stop = true;
  } else if (w->exited) {
    kernel_mistake("divergent-barrier", w, __builtin_ctz(m), "a barrier after "
                   "threads of warp %d have returned", w->index);
    running.stop = true;
  }
  w->waiting = true;
  w->pc = o;
}

/* The barrier's answer to all: how many, all, or any of the predicates. */
static void answer (const Op *o) {
  uint32_t yes = 0;
  for (int i = 0; i < running.warps; i++) {
    uint32_t p = *REG(uint32_t, &warps[i], o->a);
    p = (o->negate_c ? ~p : p) & warps[i].members;
    yes += (uint32_t) __builtin_popcount(p);
  }
  for (int i = 0; i < running.warps; i++) {
    uint32_t *d = REG(uint32_t, &warps[i], o->d);
    if (o->count == 1)
      for (int lane = 0; lane < LANES; lane++)
        d[lane] = yes;
    else
      *d = (o->count == 2 ? yes == (uint32_t) running.threads : yes != 0)
           ? ~0u : 0;
  }
}

/* All warps wait or are done: lets them go on.  False: the block is done. */
static bool release (void) {
  const Warp *some = NULL, *gone = NULL;
  for (int i = 0; i < running.warps; i++)
    if (warps[i].done)
      gone = &warps[i];
    else if (!some)
      some = &warps[i];
  if (!some)
    return false;
  running.op = some->pc;
  if (gone)
    kernel_mistake("divergent-barrier", some, -1, "warp %d waits at a barrier "
                   "and warp %d has returned", some->index, gone->index);
  for (int i = 0; i < running.warps && !gone; i++)
    if (warps[i].pc != some->pc) {
      kernel_mistake("mismatched-barrier", some, -1, "warp %d waits here and "
                     "warp %d at the barrier of %s", some->index, i,
                     line_text(running.launch->kernel, warps[i].pc->line));
      gone = some;
    }
  running.stop |= gone != NULL;
  if (some->pc->count && !running.stop)
    answer(some->pc);
  for (int i = 0; i < running.warps; i++) {
    warps[i].waiting = false;
    warps[i].age = 0;
    warps[i].pc++;
  }
  running.tick++;
  return !running.stop;
}

/* Whether the lanes at o shall wait for others that are on their way: those
 * that a barrier or the masks of a shuffle name. */
static bool waits (Warp *w, const Op *o) {
  uint32_t alive = w->members & ~w->exited, named = alive;
  if (o->guard || !(alive & ~w->active & ~w->parked)
      || (w->parked && w->meeting != o))
    return false;
  if (o->kind == OP_SYNC) {
    const uint32_t *mask = REG(uint32_t, w, o->v[0]);
    named = 0;
    for (int i = 0; i < LANES; i++)
      named |= ON(w->active, i) ? mask[i] : 0;
  }
  if (!(named & alive & ~w->active))
    return false;
  w->parked |= w->active;
  w->meeting = o;
  return true;
}

/* All others have come: they go on together, and nobody is left behind. */
static void meet (Warp *w, const Op *o) {
  uint32_t all = w->active | w->parked;
  if (w->parked && w->meeting == o && all == (w->members & ~w->exited)) {
    w->active = all;
    w->parked = 0;
    w->depth = 0;
    w->join = NULL;
  }
}

/* ---- a warp ---- */

/* Until it waits at a barrier or is done. */
static void run_warp (Warp *w) {
  size_t work = 0;
  uint32_t steps = 0;
  while (!running.stop) {
    const Op *o = w->pc;
    if (o == w->join) {
      if (!pop(w))
        break;
      continue;
    }
    if (o->kind == OP_SYNC || o->kind == OP_BARRIER) {
      if (waits(w, o)) {
        pop(w);
        continue;
      }
      meet(w, o);
    }
    uint32_t m = w->active;
    running.op = o;
    if (o->guard)
      m &= *REG(uint32_t, w, o->guard) ^ (o->negated ? ~0u : 0);
    work += (size_t) __builtin_popcount(m);
    if (++steps == steps_most) {
      kernel_mistake("endless", w, -1, "a loop that does not end");
      running.stop = true;
    }
    if (__builtin_expect(o->kind <= OP_SYNC, 1)) {
      w->pc = o + 1;
      if (m)
        o->run(w, o, m);
    } else if (o->kind == OP_BRANCH)
      branch(w, o, m);
    else if (m == 0)
      w->pc = o + 1;
    else if (o->kind == OP_TABLE)
      branch_table(w, o, m);
    else if (o->kind == OP_EXIT) {
      if (!leave(w, o, m))
        break;
    } else if (o->kind == OP_BARRIER) {
      arrive(w, o, m);
      break;
    } else {
      kernel_mistake("trap", w, -1, "the kernel stops itself");
      running.stop = true;
    }
  }
  counts.instructions += work;
}

/* ---- a block ---- */

static void fill (unsigned char *to, uint64_t bits, uint32_t size) {
  if (size == 1)
    *(uint32_t *) (void *) to = (uint32_t) bits;
  else
    for (int i = 0; i < LANES; i++)
      memcpy(to + (size_t) i * size, &bits, size);
}

/* Register files with constants in them; kept for later launches. */
static bool files_ready (Kernel *k, int n) {
  if (k->file_count >= n)
    return true;
  free(k->files);
  k->files = aligned_alloc(64, (size_t) n * k->file_bytes);
  if (!k->files)
    return false;
  memset(k->files, 0x5A, (size_t) n * k->file_bytes);
  for (int w = 0; w < n; w++)
    for (int i = 0; i < k->constant_count; i++)
      fill(k->files + (size_t) w * k->file_bytes + k->constants[i].at,
           k->constants[i].bits, k->constants[i].size);
  k->file_count = n;
  return true;
}

static uint32_t special_value (int which, uint32_t thread) {
  dim3 b = running.launch->block, g = running.launch->grid;
  switch (which) {
    case 0: return thread % b.x;
    case 1: return thread / b.x % b.y;
    case 2: return thread / b.x / b.y;
    case 3: return b.x;
    case 4: return b.y;
    case 5: return b.z;
    case 6: return running.at.x;
    case 7: return running.at.y;
    case 8: return running.at.z;
    case 9: return g.x;
    case 10: return g.y;
    case 11: return g.z;
    case 12: return thread % LANES;
    default: return thread / LANES;
  }
}

/* Special registers; of later blocks only those that differ. */
static void set_specials (const Kernel *k, bool first) {
  for (int s = 0; s < k->special_count; s++) {
    int which = k->specials[s].which;
    if (!first && !(which >= 6 && which <= 8))
      continue;
    for (int w = 0; w < running.warps; w++) {
      uint32_t *reg = REG(uint32_t, &warps[w], k->specials[s].at);
      for (uint32_t i = 0; i < LANES; i++)
        reg[i] = special_value(which, (uint32_t) w * LANES + i);
    }
  }
}

static void begin_block (const Launch *l) {
  const Kernel *k = l->kernel;
  running.block_tick = ++running.tick;
  for (int i = 0; i < running.warps; i++) {
    Warp *w = &warps[i];
    int left = running.threads - i * LANES;
    w->members = left >= LANES ? ~0u : (1u << left) - 1;
    w->file = k->files + (size_t) i * k->file_bytes;
    w->pc = k->ops;
    w->join = NULL;
    w->active = w->members;
    w->exited = 0;
    w->index = i;
    w->parked = 0;
    w->depth = 0;
    w->age = 0;
    w->waiting = w->done = false;
  }
  if (running.shared_size) {
    memset(running.shared_shadow, SHADOW_ALLOCATED, running.shared_size);
    memset(running.shared, 0x5A, running.shared_size);
  }
  if (k->local_bytes)
    memset(running.local_shadow, 0,
           (size_t) running.warps * LANES * k->local_bytes);
}

static void run_block (void) {
  int order[WARPS_MOST];
  for (int i = 0; i < running.warps; i++)
    order[i] = i;
  counts.blocks++;
  do {
    for (int i = running.warps - 1; i >= 0; i--) {
      int j = (int) (rng_next() % (uint32_t) (i + 1)), chosen = order[j];
      order[j] = order[i];
      order[i] = chosen;
      if (!warps[chosen].done && !running.stop)
        run_warp(&warps[chosen]);
    }
  } while (!running.stop && release());
}

/* ---- a launch ---- */

static void room_for (size_t threads, const Kernel *k) {
  static size_t local_room;
  static Trace words[SHARED_MOST / 4 + 4], bytes[SHARED_MOST + 16];
  static unsigned char data[SHARED_MOST + 16], shadow[SHARED_MOST + 16];
  size_t need = threads * k->local_bytes;
  if (need > local_room) {
    running.local = realloc(running.local, need);
    running.local_shadow = realloc(running.local_shadow, need);
    local_room = need;
  }
  running.shared = data;
  running.shared_shadow = shadow;
  running.shared_words = words;
  running.shared_bytes = bytes;
}

/* Blocks in the order start + i * step, which meets each of n once. */
static uint64_t step_for (uint64_t n) {
  for (;;) {
    uint64_t step = rng_next() % n + (n == 1), a = step, b = n;
    while (b) {
      uint64_t c = a % b;
      a = b;
      b = c;
    }
    if (a == 1)
      return step;
  }
}

void launch_run (const Launch *l) {
  Kernel *k = l->kernel;
  const char *steps = setting("SIM_STEPS");
  uint64_t blocks = (uint64_t) l->grid.x * l->grid.y * l->grid.z;
  steps_most = steps ? (uint32_t) strtoul(steps, NULL, 0) : 1u << 30;
  running.launch = l;
  running.op = NULL;
  running.stop = false;
  running.threads = (int) (l->block.x * l->block.y * l->block.z);
  running.warps = (running.threads + LANES - 1) / LANES;
  running.shared_size = k->shared_bytes + l->shared;
  if (running.tick > 0xC0000000u - blocks % 0x10000000u) {
    traces_forget();
    running.tick = 0;
  }
  running.launch_tick = ++running.tick;
  if (!kernel_decode(k) || !files_ready(k, running.warps))
    return;
  room_for((size_t) running.warps * LANES, k);
  uint64_t step = step_for(blocks), at = rng_next() % blocks;
  for (uint64_t i = 0; i < blocks && !running.stop; i++) {
    running.at = (dim3) { (unsigned) (at % l->grid.x),
                          (unsigned) (at / l->grid.x % l->grid.y),
                          (unsigned) (at / l->grid.x / l->grid.y) };
    begin_block(l);
    set_specials(k, i == 0);
    run_block();
    at = (at + step) % blocks;
  }
}
