/*
 * memory.c - the memory of the simulated device and what is known of it.
 *
 * Device addresses come from one great range that is mapped for nobody, so
 * that a host which follows one stops at once.  The bytes themselves, a shadow
 * byte for each and the traces of accesses lie in ranges of their own; pages
 * appear as they are touched.  Addresses are never used twice: what is freed
 * stays known as freed.
 */
#include "machine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ALIGN = 256, GUARD = 256, PAGE = 4096 };

struct Memory memory;
static Allocation *allocations;
static size_t allocation_count, allocation_room;
static size_t next = PAGE;      /* offset of the next address */
static uint32_t *page_blocks;    /* live blocks that begin or end in a page */
static Pinned **pinned;
static size_t pinned_count, pinned_room;

/* ---- the ranges ---- */

static void *reserve (size_t bytes, int protection) {
  void *p = mmap(NULL, bytes, protection,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? NULL : p;
}

static bool reserve_all (size_t span) {
  int both = PROT_READ | PROT_WRITE;
  memory.base = reserve(span, PROT_NONE);
  memory.data = reserve(span, both);
  memory.shadow = reserve(span, both);
  memory.words = reserve(span / 4 * sizeof (Trace), both);
  memory.bytes = reserve(span * sizeof (Trace), both);
  page_blocks = reserve(span / PAGE * sizeof *page_blocks, both);
  memory.span = span;
  if (memory.base && memory.data && memory.shadow && memory.words
      && memory.bytes && page_blocks)
    return true;
  munmap(memory.base, span);
  munmap(memory.data, span);
  munmap(memory.shadow, span);
  munmap(memory.words, span / 4 * sizeof (Trace));
  munmap(memory.bytes, span * sizeof (Trace));
  munmap(page_blocks, span / PAGE * sizeof *page_blocks);
  return false;
}

static struct sigaction before;

/* The host touched a device address: said by name, and the end.  All else
 * goes the old way. */
static void on_fault (int sig, siginfo_t *info, void *context) {
  char *p = info->si_addr;
  (void) context;
  if (p >= memory.base && p < memory.base + memory.span) {
    mistake("host-access", "the host follows a device pointer: %s",
            memory_where(p, 1));
    _exit(STATUS_MISTAKE);
  }
  sigaction(sig, &before, NULL);
}

bool memory_start (void) {
  static bool started;
  if (started)
    return true;
  const char *text = setting("SIM_MEMORY");
  memory.total = text ? strtoull(text, NULL, 0) : (size_t) 8 << 30;
  size_t span = (size_t) 1 << 39;
  while (!reserve_all(span))
    if ((span >>= 1) < (size_t) 1 << 33) {
      mistake("memory", "no address space for the simulated device");
      return false;
    }
  struct sigaction action = { .sa_sigaction = on_fault,
                              .sa_flags = SA_SIGINFO };
  sigaction(SIGSEGV, &action, &before);
  return started = true;
}

/* ---- allocations ---- */

void *memory_new (size_t bytes, const char *what, bool ours) {
  size_t whole = (bytes + ALIGN - 1) / ALIGN * ALIGN;
  if (!memory_start() || memory.used + whole > memory.total
      || next + whole + GUARD > memory.span)
    return NULL;
  if (allocation_count == allocation_room) {
    allocation_room = allocation_room ? 2 * allocation_room : 256;
    allocations = realloc(allocations, allocation_room * sizeof *allocations);
  }
  /* A random gap: nothing may depend on where blocks lie. */
  next += ALIGN * (rng_next() % 4);
  Allocation a = { memory.base + next, bytes, what, true, ours };
  memset(memory.shadow + next, SHADOW_ALLOCATED, bytes);
  next += whole + GUARD;
  memory.used += whole;
  page_blocks[(size_t) (a.at - memory.base) / PAGE]++;
  page_blocks[(size_t) (a.at - memory.base + bytes - 1) / PAGE]++;
  allocations[allocation_count++] = a;
  return a.at;
}

Allocation *memory_find (const void *address) {
  size_t low = 0, high = allocation_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (allocations[middle].at <= (const char *) address)
      low = middle + 1;
    else
      high = middle;
  }
  return low ? &allocations[low - 1] : NULL;
}

/* Gives pages first .. last - 1 of all ranges back to the system. */
static void pages_release (size_t first, size_t last) {
  if (first >= last)
    return;
  size_t at = first * PAGE, bytes = (last - first) * PAGE;
  madvise(memory.data + at, bytes, MADV_DONTNEED);
  madvise(memory.shadow + at, bytes, MADV_DONTNEED);
  madvise((char *) memory.words + at * 4, bytes * 4, MADV_DONTNEED);
  madvise((char *) memory.bytes + at * 16, bytes * 16, MADV_DONTNEED);
}

/* What a block leaves: the pages that it alone has, and those at its ends if
 * it was the last one there. */
static void block_release (size_t at, size_t bytes) {
  size_t first = at / PAGE, last = (at + bytes - 1) / PAGE;
  page_blocks[first]--;
  page_blocks[last]--;
  memset(memory.shadow + at, SHADOW_NONE, bytes < PAGE ? bytes : PAGE);
  if (bytes >= PAGE)
    memset(memory.shadow + last * PAGE, SHADOW_NONE,
           at + bytes - last * PAGE);
  pages_release(first + 1, last);
  if (page_blocks[first] == 0)
    pages_release(first, first + 1);
  if (page_blocks[last] == 0 && last != first)
    pages_release(last, last + 1);
}

bool memory_free (void *at) {
  Allocation *a = memory_find(at);
  if (!a || a->at != (char *) at || !a->live) {
    mistake("free", "cudaFree of %s", memory_where(at, 1));
    return false;
  }
  size_t place = (size_t) (a->at - memory.base);
  size_t whole = (a->bytes + ALIGN - 1) / ALIGN * ALIGN;
  a->live = false;
  memory.used -= whole;
  block_release(place, a->bytes);
  return true;
}

void memory_leaks (void) {
  size_t blocks = 0, bytes = 0;
  for (size_t i = 0; i < allocation_count; i++)
    if (allocations[i].live && !allocations[i].ours) {
      blocks++;
      bytes += allocations[i].bytes;
    }
  if (blocks)
    mistake("leak", "%zu blocks of device memory, %zu bytes, were never "
            "freed", blocks, bytes);
  for (blocks = 0, bytes = 0; bytes < pinned_count; bytes++)
    blocks += pinned[bytes]->live;
  if (blocks)
    mistake("leak", "%zu blocks of pinned memory were never freed", blocks);
}

/* ---- text ---- */

static const char *where_device (char *text, size_t n, const char *p,
                                 size_t bytes) {
  const Allocation *a = memory_find(p);
  if (!a)
    snprintf(text, n, "device address %p before all blocks", (void *) p);
  else {
    size_t at = (size_t) (p - a->at);
    const char *state = a->live ? "" : "freed ";
    if (at < a->bytes && at + bytes > a->bytes)
      snprintf(text, n, "bytes %zu to %zu of a %sblock of %zu bytes (%s)", at,
               at + bytes - 1, state, a->bytes, a->what);
    else if (at < a->bytes)
      snprintf(text, n, "byte %zu of a %sblock of %zu bytes (%s)", at, state,
               a->bytes, a->what);
    else
      snprintf(text, n, "%zu bytes after the end of a %sblock of %zu bytes "
               "(%s)", at - a->bytes, state, a->bytes, a->what);
  }
  return text;
}

const char *memory_where (const void *address, size_t bytes) {
  static char text[300];
  const char *p = address;
  if (p >= memory.base && p < memory.base + memory.span)
    return where_device(text, sizeof text, p, bytes);
  if ((uintptr_t) p < 65536)
    snprintf(text, sizeof text, "%s pointer %p", p ? "wild" : "null",
             (void *) p);
  else if (pinned_find(p, 1))
    snprintf(text, sizeof text, "pinned host memory %p", (void *) p);
  else
    snprintf(text, sizeof text, "host or wild pointer %p", (void *) p);
  return text;
}

/* ---- pinned memory of the host ---- */

Pinned *pinned_find (const void *address, size_t bytes) {
  const char *p = address;
  for (size_t i = 0; i < pinned_count; i++)
    if (pinned[i]->live && p >= pinned[i]->at
        && p + bytes <= pinned[i]->at + pinned[i]->bytes)
      return pinned[i];
  return NULL;
}

void *pinned_new (size_t bytes) {
  if (pinned_count == pinned_room) {
    pinned_room = pinned_room ? 2 * pinned_room : 64;
    pinned = realloc(pinned, pinned_room * sizeof *pinned);
  }
  char *at = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);
  if (!at)
    return NULL;
  memset(at, 0xA5, bytes);
  Pinned *p = malloc(sizeof *p);
  *p = (Pinned) { at, bytes, true, 0 };
  pinned[pinned_count++] = p;
  return at;
}

cudaError_t pinned_free (void *at) {
  Pinned *p = pinned_find(at, 0);
  if (!p || p->at != (char *) at) {
    mistake("free", "cudaFreeHost of %s", memory_where(at, 1));
    return cudaErrorInvalidValue;
  }
  if (p->pending)
    mistake("pinned-reuse", "pinned memory is freed before a copy that uses "
            "it was waited for");
  p->live = false;
  if (!p->pending)
    free(at);
  return cudaSuccess;
}

/* ---- for libraries ---- */

bool sim_is_device (const void *address) {
  const Allocation *a = memory_find(address);
  return a && a->live && (const char *) address < a->at + a->bytes;
}

static char *reach (const void *device, size_t bytes, const char *who,
                    const char *verb) {
  const Allocation *a = memory_find(device);
  const char *p = device;
  if (!a || p >= memory.base + memory.span || p + bytes > a->at + a->bytes) {
    mistake(p >= memory.base && p < memory.base + memory.span
            ? a && !a->live && p < a->at + a->bytes ? "use-after-free"
            : "out-of-bounds" : "host-pointer",
            "%s %s %zu bytes at %s", who, verb, bytes,
            memory_where(device, bytes));
    return NULL;
  }
  if (!a->live) {
    mistake("use-after-free", "%s %s %zu bytes at %s", who, verb, bytes,
            memory_where(device, bytes));
    return NULL;
  }
  return memory.data + (p - memory.base);
}

/* The first byte of the range that nobody wrote; bytes if there is none. */
static size_t uninitialised (const void *device, size_t bytes) {
  const char *s = memory.shadow + ((const char *) device - memory.base);
  size_t i = 0;
  for (uint64_t eight; i + 8 <= bytes; i += 8) {
    memcpy(&eight, s + i, 8);
    if (eight != 0x0303030303030303u)
      break;
  }
  while (i < bytes && s[i] == SHADOW_INITIALISED)
    i++;
  return i;
}

const void *sim_read (const void *device, size_t bytes, const char *who) {
  if (bytes == 0)
    return NULL;
  char *p = reach(device, bytes, who, "reads");
  if (!p)
    return NULL;
  size_t i = uninitialised(device, bytes);
  if (i < bytes) {
    mistake("uninitialised", "%s reads %zu bytes; nobody wrote %s", who,
            bytes, memory_where((const char *) device + i, 1));
    return NULL;
  }
  return p;
}

void *sim_write (void *device, size_t bytes, const char *who) {
  if (bytes == 0)
    return NULL;
  char *p = reach(device, bytes, who, "writes");
  if (p)
    memset(memory.shadow + ((char *) device - memory.base),
           SHADOW_INITIALISED, bytes);
  return p;
}

void *sim_update (void *device, size_t bytes, const char *who) {
  return (void *) sim_read(device, bytes, who);
}

const void *sim_read_rows (const void *device, size_t rows, size_t row,
                           size_t stride, const char *who) {
  const void *first = NULL;
  for (size_t r = 0; r < rows; r++) {
    const void *p = sim_read((const char *) device + r * stride, row, who);
    if (!p)
      return NULL;
    first = r ? first : p;
  }
  return first;
}

void *sim_write_rows (void *device, size_t rows, size_t row, size_t stride,
                      const char *who) {
  void *first = NULL;
  for (size_t r = 0; r < rows; r++) {
    void *p = sim_write((char *) device + r * stride, row, who);
    if (!p)
      return NULL;
    first = r ? first : p;
  }
  return first;
}

bool sim_workspace (void *device, size_t bytes, const char *who) {
  if (bytes == 0)
    return true;
  char *p = reach(device, bytes, who, "works in");
  if (p) {
    memset(memory.shadow + ((char *) device - memory.base), SHADOW_ALLOCATED,
           bytes);
    memset(p, 0xA5, bytes);
  }
  return p != NULL;
}

/* ---- for exec.c and copies ---- */

/* All accesses so far are ordered before what comes. */
void traces_forget (void) {
  madvise(memory.words, memory.span / 4 * sizeof (Trace), MADV_DONTNEED);
  madvise(memory.bytes, memory.span * sizeof (Trace), MADV_DONTNEED);
}

/* A copy within the device takes along what is known of each byte. */
void memory_move (void *to, const void *from, size_t bytes, const char *who) {
  char *target = reach(to, bytes, who, "writes");
  const char *source = reach(from, bytes, who, "reads");
  if (!target || !source)
    return;
  memmove(target, source, bytes);
  memmove(memory.shadow + (target - memory.data),
          memory.shadow + (source - memory.data), bytes);
}
