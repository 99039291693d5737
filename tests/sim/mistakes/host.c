/*
 * host.c - what the host may do wrong without any kernel: waiting, pinned
 * memory, copies, what is left at the end; and devices that are absent, full
 * or of another kind.
 */
#include "case.h"
#include "../sim.h"

static float *pinned (void) {
  float *h = NULL;
  CHECK(cudaMallocHost((void **) &h, 400) == cudaSuccess);
  memset(h, 0, 400);
  return h;
}

static cudaError_t wait (void) {
  return cudaStreamSynchronize(stream);
}

/* ---- waiting ---- */

/* Work is done as late as it may be: too early the host sees poison. */
SILENT(waits_for_copy) {
  float *h = pinned(), *x = floats(100);
  cudaMemcpyAsync(h, x, 400, cudaMemcpyDeviceToHost, stream);
  CHECK(h[7] != h[7]);
  CHECK(wait() == cudaSuccess && h[7] == 7);
  cudaFreeHost(h);
}

MISTAKE(never_waits, "unfinished,leak") {
  int *x = ints(1);
  cudaMemsetAsync(x, 0, 4, stream);
  no_clean_up = 1;
}

MISTAKE(destroys_busy_stream, "unfinished") {
  cudaStream_t other;
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaMemsetAsync(ints(1), 0, 4, other);
  cudaStreamDestroy(other);
}

SILENT(waits_for_event) {
  float *h = pinned(), *x = floats(100);
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaMemcpyAsync(h, x, 200, cudaMemcpyDeviceToHost, stream);
  cudaEventRecord(event, stream);
  cudaMemcpyAsync(h + 50, x, 200, cudaMemcpyDeviceToHost, stream);
  CHECK(cudaEventSynchronize(event) == cudaSuccess);
  CHECK(h[49] == 49 && h[50] != h[50]);
  while (cudaStreamQuery(stream) == cudaErrorNotReady)
    ;
  CHECK(h[50] == 0);
  CHECK(cudaEventQuery(event) == cudaSuccess);
  cudaEventDestroy(event);
  cudaFreeHost(h);
}

SILENT(pageable_target_waits) {
  float h[100];
  fetch(h, floats(100), 400);
  CHECK(h[99] == 99);
}

SILENT(pageable_source_is_staged) {
  float h[1] = { 5 }, y;
  int *x = ints(1);
  cudaMemcpyAsync(x, h, 4, cudaMemcpyHostToDevice, stream);
  h[0] = 6;
  fetch(&y, x, 4);
  CHECK(y == 5);
}

/* One stream waits for what is on another. */
SILENT(stream_waits_for_event) {
  cudaStream_t other;
  cudaEvent_t event;
  float y, *x = floats(1);
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaMemsetAsync(x, 0x3F, 4, stream);
  cudaEventRecord(event, stream);
  cudaStreamWaitEvent(other, event, 0);
  cudaMemcpyAsync(&y, x, 4, cudaMemcpyDeviceToHost, other);
  CHECK(y > 0.7f && y < 0.8f);
  cudaEventDestroy(event);
  cudaStreamDestroy(other);
}

MISTAKE(device_sync, "device-sync") {
  (void) cudaDeviceSynchronize();
}

SILENT_IN(device_sync_allowed, "SIM_ALLOW_DEVICE_SYNC=1") {
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
}

/* ---- pinned memory ---- */

MISTAKE(source_changed, "pinned-reuse") {
  float *h = pinned();
  cudaMemcpyAsync(ints(100), h, 400, cudaMemcpyHostToDevice, stream);
  h[99] = 1;
  wait();
  cudaFreeHost(h);
}

SILENT(source_changed_after) {
  float *h = pinned();
  int *x = ints(100);
  for (int i = 0; i < 3; i++) {
    h[99] = (float) i;
    cudaMemcpyAsync(x, h, 400, cudaMemcpyHostToDevice, stream);
    wait();
  }
  cudaFreeHost(h);
}

MISTAKE(source_freed, "pinned-reuse") {
  float *h = pinned();
  cudaMemcpyAsync(ints(100), h, 400, cudaMemcpyHostToDevice, stream);
  cudaFreeHost(h);
}

MISTAKE(target_written, "pinned-reuse") {
  float *h = pinned();
  cudaMemcpyAsync(h, ints(100), 400, cudaMemcpyDeviceToHost, stream);
  h[3] = 4;
  wait();
  cudaFreeHost(h);
}

SILENT(there_and_back) {
  float *h = pinned(), *x = floats(100);
  cudaMemcpyAsync(h, x, 400, cudaMemcpyDeviceToHost, stream);
  cudaMemcpyAsync(x, h, 400, cudaMemcpyHostToDevice, stream);
  cudaMemcpyAsync(h, x, 400, cudaMemcpyDeviceToHost, stream);
  wait();
  CHECK(h[5] == 5);
  cudaFreeHost(h);
}

/* ---- copies ---- */

MISTAKE(copy_behind, "out-of-bounds") {
  float h[101];
  fetch(h, floats(100), 404);
}

MISTAKE(set_behind, "out-of-bounds") {
  cudaMemsetAsync(ints(10), 0, 41, stream);
}

MISTAKE(copy_of_nothing, "uninitialised") {
  float h[10];
  fetch(h, raw(40), 40);
}

/* A copy within the device takes along what was never written. */
MISTAKE(copy_of_copy_of_nothing, "uninitialised") {
  float h[10], *x = floats(10);
  cudaMemcpyAsync(x, raw(40), 40, cudaMemcpyDeviceToDevice, stream);
  fetch(h, x, 40);
}

MISTAKE(copy_of_freed, "use-after-free") {
  float h[10], *x = floats(10);
  cudaFree(x);
  kept[0] = NULL;
  fetch(h, x, 40);
}

MISTAKE(wrong_way, "copy-kind") {
  float h[10] = { 0 };
  cudaMemcpyAsync(floats(10), h, 40, cudaMemcpyDeviceToHost, stream);
}

MISTAKE(host_as_device, "copy-kind") {
  float h[10] = { 0 }, g[10];
  cudaMemcpyAsync(g, h, 40, cudaMemcpyDeviceToDevice, stream);
}

SILENT(any_way) {
  float h[10], *x = floats(10), *y = (float *) raw(40);
  cudaMemcpyAsync(y, x, 40, cudaMemcpyDefault, stream);
  cudaMemcpyAsync(h, y, 40, cudaMemcpyDefault, stream);
  CHECK(h[9] == 9);
}

MISTAKE(blocking_copy, "default-stream") {
  float h[10];
  (void) cudaMemcpy(h, floats(10), 40, cudaMemcpyDeviceToHost);
}

MISTAKE(copy_on_default_stream, "default-stream,uninitialised") {
  float h[10];
  cudaMemcpyAsync(h, floats(10), 40, cudaMemcpyDeviceToHost, NULL);
}

MISTAKE(blocking_stream, "default-stream") {
  cudaStream_t other;
  cudaStreamCreateWithFlags(&other, cudaStreamDefault);
  cudaStreamDestroy(other);
}

MISTAKE(host_reads_device, "host-access") {
  float *x = floats(10);
  wait();
  printf("%g\n", (double) x[0]);
}

/* ---- freeing ---- */

MISTAKE(freed_twice, "free") {
  float *x = floats(10);
  cudaFree(x);
  CHECK(cudaFree(x) != cudaSuccess);
  kept[0] = NULL;
}

MISTAKE(freed_inside, "free") {
  CHECK(cudaFree(floats(10) + 1) != cudaSuccess);
}

MISTAKE(freed_host, "free") {
  static float h[10];
  CHECK(cudaFree(h) != cudaSuccess);
}

MISTAKE(unpinned_freed, "free") {
  static float h[10];
  CHECK(cudaFreeHost(h) != cudaSuccess);
}

SILENT(nothing_freed) {
  CHECK(cudaFree(NULL) == cudaSuccess && cudaFreeHost(NULL) == cudaSuccess);
}

MISTAKE(memory_leaked, "leak") {
  raw(10);
  kept_count = 0;
}

SILENT_IN(memory_kept, "SIM_ALLOW_LEAKS=1") {
  raw(10);
  kept_count = 0;
}

MISTAKE(pinned_leaked, "leak") {
  pinned();
}

MISTAKE(event_leaked, "leak") {
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
}

MISTAKE(stream_leaked, "leak") {
  cudaStream_t other;
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
}

MISTAKE(dead_stream, "stream") {
  cudaStream_t other;
  cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking);
  cudaStreamDestroy(other);
  CHECK(cudaStreamSynchronize(other) != cudaSuccess);
}

MISTAKE(dead_event, "event") {
  cudaEvent_t event;
  cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
  cudaEventDestroy(event);
  CHECK(cudaEventRecord(event, stream) != cudaSuccess);
}

MISTAKE(unmodelled_call, "unmodelled") {
  (void) cudaDeviceGetDefaultMemPool(NULL, 0);
}

/* ---- work of libraries ---- */

static int drops;

static void run_library (void *state) {
  void **ends = (void **) state;
  const float *x = (const float *) sim_read(ends[1], 40, "library");
  float *y = (float *) sim_write(ends[0], 40, "library");
  for (int i = 0; x && y && i < 10; i++)
    y[i] = 2 * x[i];
  sim_count_library("library", 80, 1);
}

static void drop_library (void *state) {
  (void) state;
  drops++;
}

SILENT(library_work) {
  float y[10];
  void *ends[2] = { raw(40), floats(10) };
  sim_enqueue(stream, "library", run_library, drop_library, ends);
  CHECK(drops == 0);
  fetch(y, ends[0], 40);
  CHECK(y[4] == 8 && drops == 1);
}

MISTAKE(library_reads_nothing, "uninitialised") {
  void *ends[2] = { raw(40), raw(40) };
  sim_enqueue(stream, "library", run_library, drop_library, ends);
  wait();
}

MISTAKE(library_too_far, "out-of-bounds") {
  void *ends[2] = { raw(36), floats(10) };
  sim_enqueue(stream, "library", run_library, drop_library, ends);
  wait();
}

/* ---- devices ---- */

SILENT_IN(no_device, "SIM_COUNT=0") {
  int n = 5;
  void *p;
  CHECK(cudaGetDeviceCount(&n) == cudaErrorNoDevice && n == 0);
  CHECK(cudaMalloc(&p, 4) == cudaErrorNoDevice);
  no_clean_up = 1;
}

SILENT_IN(old_driver, "SIM_COUNT=driver") {
  int n = 5;
  CHECK(cudaGetDeviceCount(&n) == cudaErrorInsufficientDriver && n == 0);
  CHECK(strstr(cudaGetErrorString(cudaErrorInsufficientDriver), "driver"));
  no_clean_up = 1;
}

SILENT_IN(full_device, "SIM_MEMORY=1000000") {
  void *p;
  size_t available, total;
  CHECK(cudaMalloc(&p, 900000) == cudaSuccess);
  CHECK(cudaMemGetInfo(&available, &total) == cudaSuccess);
  CHECK(total == 1000000 && available < 100001 && available > 99000);
  void *q;
  CHECK(cudaMalloc(&q, 200000) == cudaErrorMemoryAllocation && !q);
  CHECK(cudaGetLastError() == cudaErrorMemoryAllocation);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(cudaFree(p) == cudaSuccess);
  CHECK(cudaMalloc(&q, 200000) == cudaSuccess);
  CHECK(cudaFree(q) == cudaSuccess);
}

SILENT_IN(other_device, "SIM_DEVICE=h100") {
  struct cudaDeviceProp p;
  CHECK(cudaGetDeviceProperties(&p, 0) == cudaSuccess);
  CHECK(p.major == 9 && p.multiProcessorCount == 132);
  CHECK(cudaGetDeviceProperties(&p, 1) == cudaErrorInvalidDevice);
  int major;
  CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0)
        == cudaSuccess && major == 9);
}
