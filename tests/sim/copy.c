/*
 * copy.c - copies and fills on a stream, with the host's side of the bargain.
 *
 * Pinned memory belongs to the copy until it was waited for: a source must
 * still be what it was when the copy was asked for, a target is filled with
 * poison until then.  Pageable sources are staged at once; a pageable target
 * makes the host wait, as CUDA does.  In a graph each launch counts as asking.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum { POISON = 0xFF };

/* What pinned memory looked like at one launch. */
typedef struct Seen {
  unsigned char *copy;          /* of a source; NULL for a target */
  size_t writes;                /* by copies before */
  struct Seen *next;
} Seen;

typedef struct Copy {
  void *to;
  const void *from;
  size_t bytes;
  enum cudaMemcpyKind kind;
  unsigned char *staged;        /* of a pageable source */
  Pinned *pinned;
  size_t pinned_index;
  Seen *seen, **last;
} Copy;

/* ---- pinned memory ---- */

static size_t writes;           /* copies to the host that were done */

static void look (void *state) {
  Copy *c = state;
  if (!c->pinned)
    return;
  Seen *s = calloc(1, sizeof *s);
  s->writes = writes;
  if (c->kind == cudaMemcpyHostToDevice) {
    s->copy = malloc(c->bytes);
    memcpy(s->copy, c->from, c->bytes);
  } else
    memset(c->to, POISON, c->bytes);
  c->pinned->pending++;
  *c->last = s;
  c->last = &s->next;
}

static bool still_poison (const unsigned char *p, size_t n) {
  return n == 0 || (*p == POISON && memcmp(p, p + 1, n - 1) == 0);
}

/* Compares with what was seen; skipped where another copy wrote there. */
static void compare (Copy *c) {
  Seen *s = c->seen;
  if (!s)
    return;
  c->seen = s->next;
  if (!c->seen)
    c->last = &c->seen;
  c->pinned->pending--;
  if (s->writes == writes) {
    if (s->copy && memcmp(s->copy, c->from, c->bytes) != 0)
      mistake("pinned-reuse", "pinned memory was changed before the copy of "
              "%zu bytes from it was waited for", c->bytes);
    if (!s->copy && !still_poison(c->to, c->bytes))
      mistake("pinned-reuse", "the host wrote into pinned memory before the "
              "copy of %zu bytes to it was waited for", c->bytes);
  }
  free(s->copy);
  free(s);
}

/* ---- copies ---- */

static void run_copy (void *state) {
  static const char who[] = "cudaMemcpyAsync";
  Copy *c = state;
  const void *from = c->staged ? c->staged : c->from;
  void *to = c->to;
  compare(c);
  counts.copies++;
  counts.copied += c->bytes;
  if (c->kind == cudaMemcpyDeviceToDevice) {
    memory_move(c->to, c->from, c->bytes, who);
    return;
  }
  if (c->kind == cudaMemcpyHostToDevice)
    to = sim_write(c->to, c->bytes, who);
  else {
    from = sim_read(c->from, c->bytes, who);
    writes++;
  }
  if (to && from)
    memcpy(to, from, c->bytes);
}

static void drop_copy (void *state) {
  Copy *c = state;
  while (c->seen) {
    Seen *s = c->seen;
    c->seen = s->next;
    free(s->copy);
    free(s);
  }
  free(c->staged);
  free(c);
}

static enum cudaMemcpyKind kind_of (const void *to, const void *from,
                                    enum cudaMemcpyKind kind) {
  if (kind != cudaMemcpyDefault)
    return kind;
  return sim_is_device(to)
         ? sim_is_device(from) ? cudaMemcpyDeviceToDevice
           : cudaMemcpyHostToDevice
         : sim_is_device(from) ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost;
}

/* The host's pointer must be the host's, the device's the device's. */
static bool sides_hold (const void *to, const void *from, size_t bytes,
                        enum cudaMemcpyKind kind) {
  bool to_device = kind == cudaMemcpyHostToDevice
                   || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost
                     || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyHostToHost) {
    mistake("unmodelled", "cudaMemcpyAsync from host to host");
    return false;
  }
  const char *base = memory.base;
  bool to_is = (const char *) to >= base
               && (const char *) to < base + memory.span;
  bool from_is = (const char *) from >= base
                 && (const char *) from < base + memory.span;
  if (to_is == to_device && from_is == from_device)
    return true;
  const void *wrong = to_is != to_device ? to : from;
  mistake("copy-kind", "cudaMemcpyAsync of kind %d with %s", (int) kind,
          memory_where(wrong, bytes));
  return false;
}

cudaError_t cudaMemcpyAsync (void *to, const void *from, size_t bytes,
                             enum cudaMemcpyKind kind, cudaStream_t stream) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaMemcpyAsync");
  if (bytes == 0)
    return cudaSuccess;
  kind = kind_of(to, from, kind);
  if (!s || !memory_start() || !sides_hold(to, from, bytes, kind))
    return failed(cudaErrorInvalidValue);
  const void *host = kind == cudaMemcpyHostToDevice ? from : to;
  Pinned *p = kind == cudaMemcpyDeviceToDevice ? NULL
              : pinned_find(host, bytes);
  bool pageable = kind != cudaMemcpyDeviceToDevice && !p;
  if (pageable && s->capture) {
    capture_forbids("cudaMemcpyAsync with pageable memory");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  Copy *c = calloc(1, sizeof *c);
  *c = (Copy) { .to = to, .from = from, .bytes = bytes, .kind = kind,
                .pinned = p };
  c->last = &c->seen;
  if (pageable && kind == cudaMemcpyHostToDevice) {
    c->staged = malloc(bytes);
    memcpy(c->staged, from, bytes);
  }
  stream_push(s, (Work) { .what = "cudaMemcpyAsync", .kind = WORK_COPY,
                          .run = run_copy, .drop = drop_copy, .launch = look,
                          .state = c });
  if (pageable && kind == cudaMemcpyDeviceToHost) {
    counts.host_waits++;
    stream_run(s, s->pushed);
    if (device_is_lost)
      return failed(cudaErrorLaunchFailure);
  }
  return cudaSuccess;
}

cudaError_t cudaMemcpy (void *to, const void *from, size_t bytes,
                        enum cudaMemcpyKind kind) {
  (void) to, (void) from, (void) bytes, (void) kind;
  mistake("default-stream", "cudaMemcpy uses the default stream");
  return failed(cudaErrorNotSupported);
}

/* ---- fills ---- */

typedef struct Set { void *to; int value; size_t bytes; } Set;

static void run_set (void *state) {
  Set *s = state;
  void *p = sim_write(s->to, s->bytes, "cudaMemsetAsync");
  if (p)
    memset(p, s->value, s->bytes);
}

cudaError_t cudaMemsetAsync (void *to, int value, size_t bytes,
                             cudaStream_t stream) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaMemsetAsync");
  if (!s)
    return failed(cudaErrorInvalidResourceHandle);
  if (bytes == 0)
    return cudaSuccess;
  Set *set = malloc(sizeof *set);
  *set = (Set) { to, value, bytes };
  stream_push(s, (Work) { .what = "cudaMemsetAsync", .kind = WORK_SET,
                          .run = run_set, .drop = free, .state = set });
  return cudaSuccess;
}

cudaError_t cudaMemset (void *to, int value, size_t bytes) {
  (void) to, (void) value, (void) bytes;
  mistake("default-stream", "cudaMemset uses the default stream");
  return failed(cudaErrorNotSupported);
}
