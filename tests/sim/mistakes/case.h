/*
 * case.h - the form of the programs that test the simulated device: each file
 * is a program of many cases, each case a process of its own.
 *
 *   MISTAKE(name, "kind") { ... }       must give reports of that kind alone
 *   SILENT(name) { ... }                must give none
 *
 * A comment with the case's name at the end of a line says that the report
 * must name that line.  MISTAKE_IN and SILENT_IN set a variable of the
 * environment first ("SIM_LOST=2").  Without an argument a program lists its
 * cases for tests/sim/run.sh; with a name it runs that one.
 */
#ifndef case_h
#define case_h

#include <cuda_runtime_api.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Case {
  const char *name, *kind, *environment;
  void (*run) (void);
} Case;

static Case cases[100];
static int case_count;

__attribute__((unused))
static void case_add (const char *name, const char *kind,
                      const char *environment, void (*run) (void)) {
  Case c = { name, kind, environment, run };
  cases[case_count++] = c;
}

#define CASE(name, kind, environment) \
  static void name (void); \
  __attribute__((constructor)) static void add_##name (void) { \
    case_add(#name, kind, environment, name); \
  } \
  static void name (void)
#define MISTAKE(name, kind) CASE(name, kind, "")
#define SILENT(name) CASE(name, "silent", "")
#define MISTAKE_IN(name, kind, environment) CASE(name, kind, environment)
#define SILENT_IN(name, environment) CASE(name, "silent", environment)

/* Fails the case unless what is true. */
#define CHECK(what) \
  do { \
    if (!(what)) { \
      printf("line %d: not %s\n", __LINE__, #what); \
      exit(1); \
    } \
  } while (0)

/* ---- one stream and memory that is freed at the end ---- */

static cudaStream_t stream;
static void *kept[16];
static int kept_count;

__attribute__((unused)) static void *raw (size_t bytes) {
  void *p = NULL;
  CHECK(cudaMalloc(&p, bytes) == cudaSuccess);
  return kept[kept_count++] = p;
}

/* n numbers: 0, 1, 2 ... */
__attribute__((unused)) static float *floats (int n) {
  float *p = (float *) raw((size_t) n * 4);
  float *h = (float *) malloc((size_t) n * 4);
  for (int i = 0; i < n; i++)
    h[i] = (float) i;
  CHECK(cudaMemcpyAsync(p, h, (size_t) n * 4, cudaMemcpyHostToDevice, stream)
        == cudaSuccess);
  free(h);
  return p;
}

__attribute__((unused)) static int *ints (int n) {
  int *p = (int *) raw((size_t) n * 4);
  CHECK(cudaMemsetAsync(p, 0, (size_t) n * 4, stream) == cudaSuccess);
  return p;
}

__attribute__((unused)) static void fetch (void *to, const void *from,
                                           size_t bytes) {
  CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream)
        == cudaSuccess);
}

/* Makes the device lost to the end of the case. */
static int no_clean_up;

int main (int argc, char **argv) {
  if (argc < 2) {
    for (int i = 0; i < case_count; i++)
      printf("%s %s %s\n", cases[i].name, cases[i].kind,
             cases[i].environment);
    return 0;
  }
  for (int i = 0; i < case_count; i++) {
    if (strcmp(cases[i].name, argv[1]) != 0)
      continue;
    (void) cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    cases[i].run();
    if (no_clean_up)
      return 0;
    (void) cudaStreamSynchronize(stream);
    for (int k = 0; k < kept_count; k++)
      if (kept[k])
        (void) cudaFree(kept[k]);
    (void) cudaStreamDestroy(stream);
    return 0;
  }
  return 2;
}

#endif
