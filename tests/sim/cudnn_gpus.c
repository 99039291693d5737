/*
 * cudnn_gpus.c - GPUs that are only described (cudnn_gpus.h).  The numbers
 * are those of cudaDeviceGetAttribute on such a card.  The names of the JSON's
 * members are not documented; cuDNN's error texts name what it misses.
 */
#include "cudnn_gpus.h"

#include <stdio.h>
#include <string.h>

#define MIB (1LL << 20)
#define GIB (1LL << 30)

const Gpu gpus[] = {
  { "t4", "Tesla T4", 750, 40, 65536, 0, 16, 1024, 1590000, 5001000,
    4 * MIB, 15 * GIB },
  { "a100", "NVIDIA A100-SXM4-40GB", 800, 108, 166912, 1024, 32, 2048,
    1410000, 1215000, 40 * MIB, 40 * GIB },
  { "rtx4090", "NVIDIA GeForce RTX 4090", 890, 128, 101376, 1024, 24, 1536,
    2520000, 10501000, 72 * MIB, 24 * GIB },
  { "h100", "NVIDIA H100 80GB HBM3", 900, 132, 232448, 1024, 32, 2048,
    1980000, 2619000, 50 * MIB, 80 * GIB },
  { "b200", "NVIDIA B200", 1000, 148, 232448, 1024, 32, 2048, 1965000,
    3996000, 126 * MIB, 180 * GIB },
  { 0 }
};

const Gpu *gpu_named (const char *name) {
  for (const Gpu *g = gpus; g->name != NULL; g++)
    if (strcmp(g->name, name) == 0)
      return g;
  return NULL;
}

size_t gpu_json (const Gpu *g, char *to, size_t n) {
  int length = snprintf(to, n,
    "{\"maxGridSize\":[2147483647,65535,65535],"
    "\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,"
    "\"multiProcessorCount\":%d,\"warpSize\":32,"
    "\"maxSharedMemoryPerBlock\":49152,"
    "\"maxSharedMemoryPerBlockOptin\":%d,"
    "\"reservedSharedMemoryPerBlock\":%d,\"maxRegistersPerSM\":65536,"
    "\"maxCtasPerSM\":%d,\"maxThreadsPerBlock\":1024,"
    "\"maxThreadsPerSM\":%d,\"pciDeviceId\":0,\"isTccDriver\":0,"
    "\"supportCoopLaunch\":1,\"totalGlobalMem\":%lld,"
    "\"smClockRateKHz\":%d,\"memClockRateKHz\":%d,\"l2CacheSize\":%lld,"
    "\"cudaDeviceId\":0,\"deviceVer\":%d,\"driverVer\":13000,"
    "\"deviceName\":\"%s\"}", g->cores, g->shared, g->reserved, g->blocks,
    g->threads, g->memory, g->core_khz, g->memory_khz, g->cache,
    g->capability, g->title);
  return (size_t) length;
}
