/*
 * stream.c - streams and events: work in order, done as late as possible.
 *
 * Whatever is put on a stream waits there until a synchronisation demands it;
 * a program that forgets one reads what was there before.  Queries do some of
 * the work, by chance.  While a stream is captured its work becomes nodes of
 * a graph instead.
 */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Event {
  Stream *stream;               /* where it was recorded last; NULL: never */
  size_t number;                /* of the stream's work before it */
  bool live, captured, timing;
  double at;                    /* when it was reached */
  struct Event *next;
} Event;

static Stream *streams;
static Event *events;

/* ---- streams ---- */

static Stream *stream_new (void) {
  Stream *s = calloc(1, sizeof *s);
  s->last = &s->first;
  s->live = true;
  s->next = streams;
  return streams = s;
}

/* The default stream waits for all others: never meant here. */
static Stream *default_stream (const char *who) {
  static Stream *s;
  mistake("default-stream", "%s on the default stream", who);
  if (!s) {
    s = stream_new();
    s->ours = true;
  }
  return s;
}

Stream *stream_of (cudaStream_t stream, const char *who) {
  if (stream == NULL || stream == cudaStreamLegacy
      || stream == cudaStreamPerThread)
    return default_stream(who);
  for (Stream *s = streams; s; s = s->next)
    if (s == (Stream *) stream && s->live)
      return s;
  mistake("stream", "%s on a stream that does not exist", who);
  return NULL;
}

static void drop (Work *w) {
  if (w->drop)
    w->drop(w->state);
}

/* False, with the work dropped, where the device is lost. */
bool stream_push (Stream *s, Work w) {
  if (device_is_lost || !s) {
    drop(&w);
    return false;
  }
  if (s->capture) {
    graph_add(s->capture, w);
    return true;
  }
  if (w.launch)
    w.launch(w.state);
  Work *new = malloc(sizeof *new);
  *new = w;
  new->next = NULL;
  *s->last = new;
  s->last = &new->next;
  s->pushed++;
  return true;
}

void stream_run (Stream *s, size_t until) {
  if (s->busy) {
    mistake("stream", "a stream waits for itself");
    return;
  }
  s->busy = true;
  while (s->first && s->done < until) {
    Work *w = s->first;
    s->first = w->next;
    if (!s->first)
      s->last = &s->first;
    if (!device_is_lost)
      w->run(w->state);
    drop(w);
    free(w);
    s->done++;
  }
  s->busy = false;
}

void streams_run (void) {
  for (Stream *s = streams; s; s = s->next)
    stream_run(s, s->pushed);
}

bool stream_any_capturing (void) {
  for (Stream *s = streams; s; s = s->next)
    if (s->capture && s->mode != cudaStreamCaptureModeRelaxed)
      return true;
  return false;
}

bool capture_forbids (const char *who) {
  if (!stream_any_capturing())
    return false;
  mistake("capture", "%s while a stream is captured", who);
  for (Stream *s = streams; s; s = s->next)
    s->capture_broken |= s->capture != NULL;
  return true;
}

bool sim_capturing (cudaStream_t stream) {
  Stream *s = stream_of(stream, "sim_capturing");
  return s && s->capture;
}

void sim_enqueue (cudaStream_t stream, const char *what, void (*run) (void *),
                  void (*drop_state) (void *), void *state) {
  stream_push(stream_of(stream, what),
              (Work) { .what = what, .kind = WORK_LIBRARY, .run = run,
                       .drop = drop_state, .state = state });
}

void streams_unfinished (void) {
  size_t left = 0, alive = 0;
  const char *what = "";
  for (Stream *s = streams; s; s = s->next) {
    left += s->pushed - s->done;
    what = s->first ? s->first->what : what;
    alive += s->live && !s->ours;
    if (s->capture)
      mistake("capture", "a capture was never ended");
  }
  if (left)
    mistake("unfinished", "%zu pieces of work, the first of them %s, were "
            "never waited for", left, what);
  if (alive)
    mistake("leak", "%zu streams were never destroyed", alive);
  alive = 0;
  for (Event *e = events; e; e = e->next)
    alive += e->live;
  if (alive)
    mistake("leak", "%zu events were never destroyed", alive);
}

cudaError_t cudaStreamCreateWithFlags (cudaStream_t *stream, unsigned flags) {
  ALIVE;
  if (flags != cudaStreamNonBlocking)
    mistake("default-stream", "cudaStreamCreateWithFlags makes a stream that "
            "waits for the default stream");
  *stream = (cudaStream_t) stream_new();
  return cudaSuccess;
}

cudaError_t cudaStreamCreate (cudaStream_t *stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy (cudaStream_t stream) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamDestroy");
  if (!s)
    return failed(cudaErrorInvalidResourceHandle);
  if (s->pushed > s->done)
    mistake("unfinished", "cudaStreamDestroy of a stream whose work was never "
            "waited for");
  stream_run(s, s->pushed);
  s->live = false;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize (cudaStream_t stream) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamSynchronize");
  if (!s)
    return failed(cudaErrorInvalidResourceHandle);
  if (capture_forbids("cudaStreamSynchronize"))
    return failed(cudaErrorStreamCaptureUnsupported);
  counts.host_waits++;
  stream_run(s, s->pushed);
  ALIVE;
  return cudaSuccess;
}

/* By chance some of the work is done meanwhile. */
static bool reached (Stream *s, size_t until) {
  if (s->done < until)
    stream_run(s, s->done + 1 + rng_next() % 8);
  return s->done >= until;
}

cudaError_t cudaStreamQuery (cudaStream_t stream) {
  ALIVE;
  Stream *s = stream_of(stream, "cudaStreamQuery");
  if (!s)
    return failed(cudaErrorInvalidResourceHandle);
  if (capture_forbids("cudaStreamQuery"))
    return failed(cudaErrorStreamCaptureUnsupported);
  bool is_done = reached(s, s->pushed);
  ALIVE;
  return is_done ? cudaSuccess : cudaErrorNotReady;
}

/* ---- events ---- */

static Event *event_of (cudaEvent_t event, const char *who) {
  for (Event *e = events; e; e = e->next)
    if (e == (Event *) event && e->live)
      return e;
  mistake("event", "%s of an event that does not exist", who);
  return NULL;
}

cudaError_t cudaEventCreateWithFlags (cudaEvent_t *event, unsigned flags) {
  ALIVE;
  Event *e = calloc(1, sizeof *e);
  e->live = true;
  e->timing = !(flags & cudaEventDisableTiming);
  e->next = events;
  events = e;
  *event = (cudaEvent_t) e;
  return cudaSuccess;
}

cudaError_t cudaEventCreate (cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventDestroy (cudaEvent_t event) {
  ALIVE;
  Event *e = event_of(event, "cudaEventDestroy");
  if (!e)
    return failed(cudaErrorInvalidResourceHandle);
  e->live = false;
  return cudaSuccess;
}

static void pass_event (void *state) {
  Event *e = state;
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  e->at = (double) t.tv_sec * 1e3 + (double) t.tv_nsec * 1e-6;
}

cudaError_t cudaEventRecord (cudaEvent_t event, cudaStream_t stream) {
  ALIVE;
  Event *e = event_of(event, "cudaEventRecord");
  Stream *s = stream_of(stream, "cudaEventRecord");
  if (!e || !s)
    return failed(cudaErrorInvalidResourceHandle);
  e->captured = s->capture != NULL;
  stream_push(s, (Work) { .what = "cudaEventRecord", .kind = WORK_EVENT,
                          .run = pass_event, .state = e });
  e->stream = s;
  e->number = s->pushed;
  return cudaSuccess;
}

static bool captured (const Event *e, const char *who) {
  if (e->captured)
    mistake("capture", "%s of an event that was recorded in a capture", who);
  return e->captured || capture_forbids(who);
}

cudaError_t cudaEventQuery (cudaEvent_t event) {
  ALIVE;
  Event *e = event_of(event, "cudaEventQuery");
  if (!e)
    return failed(cudaErrorInvalidResourceHandle);
  if (captured(e, "cudaEventQuery"))
    return failed(cudaErrorCapturedEvent);
  bool is_done = !e->stream || reached(e->stream, e->number);
  ALIVE;
  return is_done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize (cudaEvent_t event) {
  ALIVE;
  Event *e = event_of(event, "cudaEventSynchronize");
  if (!e)
    return failed(cudaErrorInvalidResourceHandle);
  if (captured(e, "cudaEventSynchronize"))
    return failed(cudaErrorCapturedEvent);
  counts.host_waits++;
  if (e->stream)
    stream_run(e->stream, e->number);
  ALIVE;
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime (float *ms, cudaEvent_t start,
                                  cudaEvent_t end) {
  ALIVE;
  Event *a = event_of(start, "cudaEventElapsedTime");
  Event *b = event_of(end, "cudaEventElapsedTime");
  if (!a || !b || !a->stream || !b->stream || !a->timing || !b->timing)
    return failed(cudaErrorInvalidResourceHandle);
  if (a->stream->done < a->number || b->stream->done < b->number)
    return failed(cudaErrorNotReady);
  *ms = (float) (b->at - a->at);
  return cudaSuccess;
}

typedef struct Wait { Stream *stream; size_t number; } Wait;

static void wait_for (void *state) {
  Wait *w = state;
  if (w->stream->done < w->number)
    stream_run(w->stream, w->number);
}

cudaError_t cudaStreamWaitEvent (cudaStream_t stream, cudaEvent_t event,
                                 unsigned flags) {
  ALIVE;
  (void) flags;
  Event *e = event_of(event, "cudaStreamWaitEvent");
  Stream *s = stream_of(stream, "cudaStreamWaitEvent");
  if (!e || !s)
    return failed(cudaErrorInvalidResourceHandle);
  if (!e->stream || e->stream == s)
    return cudaSuccess;
  if (e->captured || s->capture) {
    mistake("unmodelled", "cudaStreamWaitEvent between captured streams");
    return failed(cudaErrorStreamCaptureUnsupported);
  }
  Wait *w = malloc(sizeof *w);
  *w = (Wait) { e->stream, e->number };
  stream_push(s, (Work) { .what = "cudaStreamWaitEvent", .kind = WORK_WAIT,
                          .run = wait_for, .drop = free, .state = w });
  return cudaSuccess;
}
