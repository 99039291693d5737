/*
 * error.c - what is said when CUDA fails.
 *
 * Work is asynchronous, so an error of a kernel shows at a later call.  The
 * last launches are kept in a ring - kernel, op, shapes - and printed when
 * the device is lost; VAELUA_CUDA_SYNC=1 waits for each kernel, so that the
 * error names the very op and the line of the script.
 *
 * After an error that CUDA cannot recover from, every call fails with the
 * message of the first; freeing is silent.
 */
#include "backend/cuda/host.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RING = 32, SHOWN = 4 };

typedef struct Launch {
  const char *kernel;
  char op[32];                     /* a copy: a name may die before us */
  int views;
  View view[SHOWN];
} Launch;

static Launch ring[RING];
static uint64_t launches;
static char detail[500];           /* why the last launch failed */
static char lost[1000];            /* not empty: the device is gone */

bool cuda_waits (void) {
  static int waits = -1;
  if (waits < 0) {
    const char *text = getenv("VAELUA_CUDA_SYNC");
    waits = text != NULL && text[0] != 0 && strcmp(text, "0") != 0;
  }
  return waits;
}

/* ---- the ring ---- */

void cuda_note (const char *kernel) {
  Launch *l = &ring[launches++ % RING];
  const char *op = *cuda_host.doing;
  l->kernel = kernel;
  l->views = 0;
  detail[0] = 0;
  snprintf(l->op, sizeof l->op, "%s", op ? op : "");
}

void cuda_note_view (const View *v) {
  Launch *l = &ring[(launches - 1) % RING];
  if (l->views < SHOWN)
    l->view[l->views++] = *v;
}

/* "conv (op conv2d) [128, 14, 14, 64] [128, 28, 28, 32]" */
static void describe (const Launch *l, char *to, size_t n) {
  static const char *const types[] = {
    [F32] = "", [I32] = " int32", [U8] = " uint8", [F64] = " float64" };
  size_t at = (size_t) snprintf(to, n, "%s", l->kernel);
  if (l->op[0] != 0 && at < n)
    at += (size_t) snprintf(to + at, n - at, " (op %s)", l->op);
  for (int i = 0; i < l->views && at < n; i++) {
    const View *v = &l->view[i];
    at += (size_t) snprintf(to + at, n - at, " [");
    for (int a = 0; a < v->rank && at < n; a++)
      at += (size_t) snprintf(to + at, n - at, "%s%" PRId64, a ? ", " : "",
                              v->size[a]);
    if (at < n)
      at += (size_t) snprintf(to + at, n - at, "]%s", types[v->dtype]);
  }
}

static void last_launch (char *to, size_t n) {
  snprintf(to, n, "no kernel so far");
  if (launches > 0)
    describe(&ring[(launches - 1) % RING], to, n);
}

static void print_ring (void) {
  char line[500], text[400];
  uint64_t from = launches > RING ? launches - RING : 0;
  snprintf(line, sizeof line, "%s: the last %d launches, newest last:",
           cuda_name, (int) (launches - from));
  cuda_host.say(line);
  for (uint64_t i = from; i < launches; i++) {
    describe(&ring[i % RING], text, sizeof text);
    snprintf(line, sizeof line, "  %" PRIu64 "  %s", i + 1, text);
    cuda_host.say(line);
  }
}

/* ---- texts ---- */

cudaError_t cuda_failed (const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
  return cudaErrorUnknown;
}

const char *cuda_text (cudaError_t e) {
  static char text[600];
  if (detail[0] != 0)
    snprintf(text, sizeof text, "%s", detail);
  else
    snprintf(text, sizeof text, "%s (%s)", cudaGetErrorString(e),
             cudaGetErrorName(e));
  return text;
}

/* ---- raising ---- */

bool cuda_lost (void) {
  return lost[0] != 0;
}

void cuda_raise (Fail kind, const char *format, ...) {
  char text[1900];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  cuda_capture_abandon();
  cuda_host.raise(kind, text);
}

void cuda_alive (void) {
  if (lost[0] != 0)
    cuda_raise(FAIL_DEVICE, "%s", lost);
}

/* Whether the device can go on after an error: a lost one answers every
 * question with its error. */
static bool gone (void) {
  cudaError_t now;
  (void) cudaGetLastError();
  now = cudaStreamQuery(cuda_stream);
  return now != cudaSuccess && now != cudaErrorNotReady;
}

static _Noreturn void fail (cudaError_t e, const char *doing) {
  char last[400];
  last_launch(last, sizeof last);
  if (e == cudaErrorMemoryAllocation)
    cuda_out_of_memory(0);
  if (!gone()) {
    const char *text = cuda_text(e);
    cuda_raise(FAIL_DEVICE, "%s: %s: %s", cuda_name, doing ? doing : last,
               text);
  }
  snprintf(lost, sizeof lost, "%s is lost: %s, noticed at %s%s", cuda_name,
           cuda_text(e), doing ? doing : last, cuda_waits() ? "" :
           "   VAELUA_CUDA_SYNC=1 names the kernel that did it");
  print_ring();
  cuda_raise(FAIL_DEVICE, "%s", lost);
}

void cuda_check (cudaError_t e, const char *doing) {
  if (e != cudaSuccess)
    fail(e, doing);
}

void cuda_launched (cudaError_t e) {
  if (e == cudaSuccess && cuda_waits() && !cuda_capturing())
    e = cudaStreamSynchronize(cuda_stream);
  if (e == cudaSuccess)
    return;
  if (cuda_capturing())
    cuda_spoil(cuda_text(e));
  else
    fail(e, NULL);
}
