/*
 * transfer.c - bytes between host and device.
 *
 * All uploads go through a ring of pinned memory, cut into segments.  Small
 * ones whose places on the device are neighbours - the slots of the value
 * block - are gathered and put out as one copy before whatever is launched
 * next.  A segment is written again only after the event behind its last copy
 * has happened.  The caller's bytes may change as soon as upload returns.
 *
 * Downloads wait for the stream; small ones, the losses that a script reads,
 * land in pinned memory first.
 */
#include "backend/cuda/host.h"

#include <string.h>

enum {
  SEGMENT = 1 << 20, SEGMENTS = 4,
  ALIGN = 16,
  LANDING = 64 << 10              /* bytes of a small download */
};

static char *ring, *landing;      /* pinned */
static struct { cudaEvent_t left; bool recorded; } segments[SEGMENTS];
static int segment;               /* being written */
static size_t used;               /* bytes of it */

/* Gathered and not put out: the bytes before ring + segment + used. */
static struct { char *to; const char *from; size_t bytes; } waiting;

cudaError_t cuda_transfer_open (void) {
  void *p = NULL;
  cudaError_t e = cudaHostAlloc(&p, SEGMENT * SEGMENTS + LANDING,
                                cudaHostAllocDefault);
  ring = p;
  landing = ring + SEGMENT * SEGMENTS;
  for (int i = 0; i < SEGMENTS && e == cudaSuccess; i++)
    e = cudaEventCreateWithFlags(&segments[i].left, cudaEventDisableTiming);
  return e;
}

void cuda_transfer_close (void) {
  for (int i = 0; i < SEGMENTS; i++)
    cuda_ignore(cudaEventDestroy(segments[i].left));
  cuda_ignore(cudaFreeHost(ring));
}

void cuda_flush (void) {
  if (waiting.bytes == 0)
    return;
  size_t bytes = waiting.bytes;
  waiting.bytes = 0;
  cuda_check(cudaMemcpyAsync(waiting.to, waiting.from, bytes,
                             cudaMemcpyHostToDevice, cuda_stream), "upload");
}

void cuda_flush_range (const void *p, size_t bytes) {
  const char *from = p;
  if (waiting.bytes > 0 && waiting.to < from + bytes
      && from < waiting.to + waiting.bytes)
    cuda_flush();
}

/* Goes to the next segment, which may have to be waited for. */
static void turn_segment (void) {
  cuda_flush();
  cuda_check(cudaEventRecord(segments[segment].left, cuda_stream), "upload");
  segments[segment].recorded = true;
  segment = (segment + 1) % SEGMENTS;
  used = 0;
  if (segments[segment].recorded)
    cuda_check(cudaEventSynchronize(segments[segment].left), "upload");
  segments[segment].recorded = false;
}

/* At most a segment. */
static void gather (char *to, const char *from, size_t bytes) {
  bool neighbour = waiting.bytes > 0 && to == waiting.to + waiting.bytes
                && used + bytes <= SEGMENT;
  if (!neighbour) {
    cuda_flush();
    used = (used + ALIGN - 1) / ALIGN * ALIGN;
    if (used + bytes > SEGMENT)
      turn_segment();
    waiting.to = to;
    waiting.from = ring + (size_t) segment * SEGMENT + used;
  }
  memcpy(ring + (size_t) segment * SEGMENT + used, from, bytes);
  used += bytes;
  waiting.bytes += bytes;
}

void cuda_upload (void *to, const void *from, size_t bytes) {
  cuda_alive();
  if (cuda_capturing())
    cuda_raise(FAIL_DEVICE, "%s: an upload while a step was captured",
               cuda_name);
  for (size_t done = 0; done < bytes; done += SEGMENT)
    gather((char *) to + done, (const char *) from + done,
           bytes - done < SEGMENT ? bytes - done : SEGMENT);
}

void cuda_download (void *to, const void *from, size_t bytes) {
  void *at = bytes <= LANDING ? landing : to;
  cuda_alive();
  if (bytes == 0)
    return;
  cuda_flush();
  cuda_check(cudaMemcpyAsync(at, from, bytes, cudaMemcpyDeviceToHost,
                             cuda_stream), "download");
  cuda_check(cudaStreamSynchronize(cuda_stream), "download");
  if (at != to)
    memcpy(to, at, bytes);
}

void cuda_copy_bytes (void *to, const void *from, size_t bytes) {
  cuda_alive();
  cuda_flush();
  if (bytes > 0)
    cuda_check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice,
                               cuda_stream), "copy");
}

void cuda_sync (void) {
  cuda_alive();
  cuda_flush();
  cuda_check(cudaStreamSynchronize(cuda_stream), "sync");
}
