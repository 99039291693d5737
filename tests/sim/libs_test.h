/*
 * libs_test.h - what the tests of the library stand-ins share: arrays on the
 * simulated device, and cases that must be reported, each in a process of its
 * own, since a report ends it.
 */
#ifndef libs_test_h
#define libs_test_h

#include <cuda_runtime_api.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static cudaStream_t stream;
static int cases, wrong;

#define MUST(call) do { \
    int status_ = (int) (call); \
    if (status_ != 0) { \
      fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #call, status_); \
      exit(1); \
    } \
  } while (0)

/* A test that fails says so, ten times at most. */
#define CHECK(ok, ...) do { \
    cases++; \
    if (!(ok) && wrong++ < 10) { \
      fprintf(stderr, "wrong: " __VA_ARGS__); \
      fputc('\n', stderr); \
    } \
  } while (0)

static inline void *device_new (size_t bytes) {
  void *p = NULL;
  MUST(cudaMalloc(&p, bytes > 0 ? bytes : 1));
  return p;
}

static inline void *device_of (const void *from, size_t bytes) {
  void *p = device_new(bytes);
  if (bytes > 0)
    MUST(cudaMemcpyAsync(p, from, bytes, cudaMemcpyHostToDevice, stream));
  MUST(cudaStreamSynchronize(stream));
  return p;
}

static inline void host_of (void *to, const void *p, size_t bytes) {
  if (bytes > 0)
    MUST(cudaMemcpyAsync(to, p, bytes, cudaMemcpyDeviceToHost, stream));
  MUST(cudaStreamSynchronize(stream));
}

/* Numbers in (-1, 1), the same in every run. */
static inline float number (void) {
  static uint32_t state = 12345;
  state = state * 1664525u + 1013904223u;
  return (float) (state >> 8) / 8388608.0f - 1.0f;
}

static inline float *numbers (int64_t n) {
  float *x = malloc((size_t) (n + 1) * sizeof *x);
  for (int64_t i = 0; i < n; i++)
    x[i] = number();
  return x;
}

static inline bool near (float got, double want, double scale) {
  if (isnan(want))
    return isnan(got);
  return fabs(got - want) <= scale * (1 + fabs(want));
}

/* Runs one case in a process of its own and looks for the words in what it
 * says; it must end with the status of a mistake. */
static inline void reported (void (*run) (void), const char *words) {
  char text[8192];
  size_t n = 0;
  int end[2], status = 0;
  ssize_t got;
  MUST(pipe(end));
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    dup2(end[1], 2);
    close(end[0]);
    close(end[1]);
    run();
    exit(0);
  }
  close(end[1]);
  while (n < sizeof text - 1 &&
         (got = read(end[0], text + n, sizeof text - 1 - n)) > 0)
    n += (size_t) got;
  text[n] = '\0';
  close(end[0]);
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 86 &&
        strstr(text, words) != NULL,
        "a mistake was to be reported (%s), the status is %d and the text\n%s",
        words, status, text);
}

#endif
