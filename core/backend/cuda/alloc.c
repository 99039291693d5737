/*
 * alloc.c - device memory.
 *
 * Freed blocks are kept by size class and handed out again, so that a steady
 * training step never calls cudaMalloc.  Everything runs on one stream, so a
 * block may be reused at once, whatever is still queued that reads it.
 * Classes are eight steps to each power of two, an eighth of waste at most.
 * Blocks up to SMALL are cut from slabs, which stay; larger ones are a
 * cudaMalloc each, given back by trim and before memory runs out.
 *
 * VAELUA_CUDA_ALLOC=direct makes every tensor a cudaMalloc of its exact size:
 * only so can a checker see a kernel that runs over the end.
 */
#include "backend/cuda/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  LEAST = 256, FINE = 2048,           /* steps of LEAST up to FINE */
  SMALL = 1 << 20, SLAB = 8 << 20, CLASSES = 8 + 8 * 40, SCRATCHES = 64
};

typedef struct Class {
  void **idle;
  size_t count, room, made;           /* room >= made: free never fails */
} Class;

static Class classes[CLASSES];
static DeviceMemory held;
static size_t refused;                /* bytes that were asked for last */
static Class slabs;                   /* all slabs, as if idle */
static char *slab;                    /* the rest of the newest slab */
static size_t slab_left;

/* ---- classes ---- */

static size_t round_up (size_t n, size_t step) {
  return (n + step - 1) / step * step;
}

/* The class that holds bytes and the size of its blocks; NULL: too large. */
static Class *class_of (size_t bytes, size_t *size) {
  if (bytes <= FINE) {
    *size = bytes ? round_up(bytes, LEAST) : LEAST;
    return &classes[*size / LEAST - 1];
  }
  size_t base = FINE, first = 8;
  while (bytes > base * 2 && first < CLASSES - 8) {
    base *= 2;
    first += 8;
  }
  if (bytes > base * 2)
    return NULL;
  size_t step = base / 8;
  *size = base + round_up(bytes - base, step);
  return &classes[first + (*size - base) / step - 1];
}

static bool make_room (Class *c) {
  if (c->room > c->made)
    return true;
  size_t room = c->room ? c->room * 2 : 16;
  void **idle = realloc(c->idle, room * sizeof *idle);
  if (idle == NULL)
    return false;
  c->idle = idle;
  c->room = room;
  return true;
}

/* ---- from the driver ---- */

static bool direct (void) {
  static int is = -1;
  if (is < 0) {
    const char *how = getenv("VAELUA_CUDA_ALLOC");
    is = how != NULL && strcmp(how, "direct") == 0;
  }
  return is;
}

cudaError_t cuda_driver_memory (void **p, size_t bytes) {
  if (cuda_capturing())
    return cuda_failed("memory was asked for while a step was captured");
  cudaError_t e = cudaMalloc(p, bytes);
  if (e == cudaErrorMemoryAllocation) {
    (void) cudaGetLastError();
    cuda_trim();
    e = cudaMalloc(p, bytes);
  }
  if (e == cudaErrorMemoryAllocation) {
    (void) cudaGetLastError();
    refused = bytes;
  }
  return e;
}

/* NULL: out of memory. */
static void *from_driver (size_t bytes) {
  void *p = NULL;
  cudaError_t e = cuda_driver_memory(&p, bytes);
  if (e == cudaErrorMemoryAllocation)
    return NULL;
  cuda_check(e, "cudaMalloc");
  return p;
}

static void to_driver (void *p, size_t bytes) {
  if (cuda_lost())
    return;
  cuda_flush_range(p, bytes);
  cuda_ignore(cudaFree(p));
}

static void *cut (size_t size) {
  if (slab_left < size) {
    char *fresh = make_room(&slabs) ? from_driver(SLAB) : NULL;
    if (fresh == NULL)
      return NULL;
    slabs.idle[slabs.made++] = fresh;
    held.idle += SLAB;
    slab = fresh;
    slab_left = SLAB;
  }
  void *p = slab;
  slab += size;
  slab_left -= size;
  held.idle -= size;
  return p;
}

/* ---- the allocator ---- */

static void count (size_t size) {
  held.used += size;
  if (held.used > held.peak)
    held.peak = held.used;
}

static void *pooled (size_t bytes) {
  size_t size;
  void *p = NULL;
  Class *c = class_of(bytes, &size);
  if (c == NULL || !make_room(c))
    cuda_out_of_memory(bytes);
  if (c->count > 0) {
    held.idle -= size;
    p = c->idle[--c->count];
  } else {
    p = size <= SMALL ? cut(size) : from_driver(size);
    if (p == NULL)
      cuda_out_of_memory(bytes);
    c->made++;
  }
  count(size);
  return p;
}

void *cuda_alloc (size_t bytes) {
  cuda_alive();
  if (!direct())
    return pooled(bytes);
  void *p = from_driver(bytes ? bytes : 1);
  if (p == NULL)
    cuda_out_of_memory(bytes);
  count(bytes);
  return p;
}

void cuda_free (void *p, size_t bytes) {
  size_t size = bytes;
  if (p == NULL)
    return;
  if (direct())
    to_driver(p, bytes);
  else {
    Class *c = class_of(bytes, &size);
    c->idle[c->count++] = p;
    held.idle += size;
  }
  held.used -= size;
}

void cuda_trim (void) {
  for (size_t i = 0; i < CLASSES; i++) {
    Class *c = &classes[i];
    size_t size = i < 8 ? 0 : ((size_t) FINE << (i / 8 - 1)) / 8 *
                  (8 + i % 8 + 1);
    if (size <= SMALL)
      continue;
    c->made -= c->count;
    held.idle -= c->count * size;
    while (c->count > 0)
      to_driver(c->idle[--c->count], size);
  }
}

DeviceMemory cuda_memory (void) {
  DeviceMemory m = held;
  if (cuda_lost() || cuda_capturing()
      || cudaMemGetInfo(&m.free, &m.total) != cudaSuccess)
    m.free = m.total = 0;
  return m;
}

/* ---- scratch ---- */

static struct { void *data; size_t bytes; } block[SCRATCHES];
static int blocks;

/* Old blocks are kept: graphs that were captured point at them.  Called from
 * frames of nvcc, hence never raises. */
void *cuda_scratch (size_t bytes) {
  size_t now = blocks ? block[blocks - 1].bytes : 0;
  if (bytes <= now)
    return block[blocks - 1].data;
  size_t more = direct() ? bytes : bytes > 2 * now ? bytes : 2 * now;
  void *data = NULL;
  if (blocks == SCRATCHES || cuda_driver_memory(&data, more) != cudaSuccess)
    return NULL;
  held.idle += more;
  block[blocks].data = data;
  block[blocks++].bytes = more;
  return data;
}

enum { KEPT = 4 };
static void *kept[KEPT];

/* For the few files that need memory of their own; never raises either. */
void *cuda_keep (size_t bytes) {
  for (int i = 0; i < KEPT; i++)
    if (kept[i] == NULL)
      return cuda_driver_memory(&kept[i], bytes) == cudaSuccess ? kept[i]
                                                                : NULL;
  return NULL;
}

void cuda_alloc_close (void) {
  cuda_trim();
  while (slabs.made > 0)
    cuda_ignore(cudaFree(slabs.idle[--slabs.made]));
  for (int i = 0; i < KEPT; i++) {
    cuda_ignore(cudaFree(kept[i]));
    kept[i] = NULL;
  }
  while (blocks > 0)
    cuda_ignore(cudaFree(block[--blocks].data));
}

/* ---- out of memory ---- */

void cuda_out_of_memory (size_t bytes) {
  char advice[100] = "";
  bytes = bytes ? bytes : refused;
  DeviceMemory m = cuda_memory();
  double mega = 1e6, have = (double) (m.used + m.free);
  double need = (double) (m.used + bytes);
  if (m.total > 0 && need > have)
    snprintf(advice, sizeof advice, "   a batch of less than %d%% of this one "
             "may fit", (int) (100 * have / need));
  cuda_raise(FAIL_DEVICE_MEMORY, "out of memory on %s: %.1f MB asked, %.1f MB held "
             "by tensors, %.1f MB kept for reuse, %.1f MB free of %.1f MB%s",
             cuda_name, (double) bytes / mega, (double) m.used / mega,
             (double) m.idle / mega, (double) m.free / mega,
             (double) m.total / mega, advice);
}
