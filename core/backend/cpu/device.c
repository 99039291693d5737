/*
 * device.c - the CPU as a device: memory, the number of threads, scratch, and
 * the table of its kernels.
 */
#include "backend/cpu/cpu.h"

#include "backend/cpu/bf16.h"
#include "backend/cpu/team.h"
#include "base/mem.h"

#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how many threads ---- */

static int threads;           /* 0: the team was not started yet */

/* The cores that the affinity mask leaves; two hyperthreads are one core,
 * known by the first of thread_siblings_list ("0-1" or "0,64"). */
static int cores (void) {
  cpu_set_t mask, seen;
  CPU_ZERO(&seen);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0)
    return 1;
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &mask))
      continue;
    char path[96];
    int first = cpu;
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/"
             "thread_siblings_list", cpu);
    FILE *f = fopen(path, "r");
    if (f != NULL) {
      if (fscanf(f, "%d", &first) != 1 || first < 0 || first >= CPU_SETSIZE)
        first = cpu;
      fclose(f);
    }
    CPU_SET(first, &seen);
  }
  return CPU_COUNT(&seen);
}

/* Reads "quota period" (v2: one file, "max 100000" is no limit; v1: two
 * files, quota -1 is no limit).  0 if there is no limit to be read. */
static double quota_of (const char *folder, bool v2) {
  char path[600];
  double quota = 0, period = 0;
  for (int part = 0; part < (v2 ? 1 : 2); part++) {
    snprintf(path, sizeof path, "%s/%s", folder, v2 ? "cpu.max" :
             part == 0 ? "cpu.cfs_quota_us" : "cpu.cfs_period_us");
    FILE *f = fopen(path, "r");
    if (f == NULL)
      return 0;
    int got = v2 ? fscanf(f, "%lf %lf", &quota, &period) :
              fscanf(f, "%lf", part == 0 ? &quota : &period);
    fclose(f);
    if (got < 1)
      return 0;
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

/* The least quota on the way from our cgroup up to the root; inside a
 * container the path of /proc/self/cgroup may not exist, its root does. */
static double cgroup_quota (void) {
  double least = 0;
  char line[400];
  FILE *f = fopen("/proc/self/cgroup", "r");
  while (f != NULL && fgets(line, sizeof line, f) != NULL) {
    line[strcspn(line, "\n")] = 0;
    char *names = strchr(line, ':');           /* "4:cpu,cpuacct:/path" */
    char *path = names ? strchr(names + 1, ':') : NULL;
    if (path == NULL)
      continue;
    *path++ = 0;
    bool v2 = names[1] == 0;
    if (!v2 && strstr(names, "cpu") == NULL)
      continue;
    for (;;) {
      char folder[500];
      snprintf(folder, sizeof folder, "/sys/fs/cgroup%s%s", v2 ? "" : "/cpu",
               path);
      double quota = quota_of(folder, v2);
      if (quota > 0 && (least == 0 || quota < least))
        least = quota;
      char *slash = strrchr(path, '/');
      if (slash == NULL)
        break;
      *slash = 0;
    }
  }
  if (f != NULL)
    fclose(f);
  return least;
}

static int default_threads (void) {
  const char *wanted = getenv("OMP_NUM_THREADS");
  int n = wanted ? atoi(wanted) : 0;
  if (n <= 0) {
    double quota = cgroup_quota();
    n = cores();
    if (quota > 0 && quota < n)
      n = quota < 1 ? 1 : (int) (quota + 0.5);
  }
  return n < 1 ? 1 : n > MAX_THREADS ? MAX_THREADS : n;
}

void cpu_set_threads (int n) {
  threads = n <= 0 ? default_threads() : n > MAX_THREADS ? MAX_THREADS : n;
  omp_set_dynamic(0);
  omp_set_num_threads(threads);
  team_start(threads);
}

int cpu_threads (void) {
  if (threads == 0)
    cpu_set_threads(0);
  return threads;
}

/* ---- scratch ---- */

static struct { void *data; size_t bytes; } scratch[MAX_THREADS];

void cpu_reserve (size_t bytes) {
  for (int i = 0; i < cpu_threads(); i++) {
    if (scratch[i].bytes >= bytes)
      continue;
    void *data = mem_block(bytes);
    mem_block_free(scratch[i].data, scratch[i].bytes);
    scratch[i].data = data;
    scratch[i].bytes = bytes;
  }
}

void *cpu_scratch (void) {
  return scratch[omp_get_thread_num()].data;
}

/* ---- the device ---- */

/* The team is started here: whoever works on tensors allocates first. */
static void *alloc (size_t bytes) {
  cpu_threads();
  return mem_block(bytes);
}

static void copy_bytes (void *to, const void *from, size_t bytes) {
  memcpy(to, from, bytes);
}

static void nothing (void) {}

static DeviceMemory memory (void) {
  MemCount c = mem_count();
  return (DeviceMemory) { .used = c.bytes, .idle = c.idle, .peak = c.peak };
}

static bool precision (Precision p) {
  bool can = p == PRECISION_FLOAT32 || p == PRECISION_BF16;
  if (can)
    cpu_precision = p;
  return can;
}

const Kernels cpu_kernels = {
#define KERNEL(name, ...) .name = cpu_##name,
#include "backend/kernels.def"
};

Device cpu_device = {
  .name = "cpu", .alloc = alloc, .free = mem_block_free,
  .upload = copy_bytes, .download = copy_bytes, .copy = copy_bytes,
  .sync = nothing, .trim = mem_trim, .memory = memory,
  .precision = precision, .kernels = &cpu_kernels,
};
