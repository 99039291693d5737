/*
 * plans.c - lets the real cuDNN plan convolutions for described GPUs, by the
 * very code of the backend (core/backend/cuda/plan.c): every shape below, each
 * pass, each precision.  It needs no GPU and no driver.
 *
 * A missing plan is an error, except where the backend does without: a fused
 * bias or ReLU, and bf16 before compute 8.0.  The names inside a description
 * are not documented, so a cuDNN that refuses it means "skipped".
 *
 *   plans [-v] [gpu ...]       -v: each plan of each precision
 *
 * cuDNN keeps the first description for the whole process, so that every GPU
 * has a process of its own.
 */
#include "backend/cuda/plan.h"
#include "cudnn_gpus.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const size_t cap = (size_t) 256 << 20;

/* ---- what is planned ---- */

/* A transposed convolution has the shape of the convolution whose data
 * gradient it is. */
static const struct Work {
  const char *name;
  ConvShape s;          /* n h w c, oh ow, k kh kw, stride pads groups */
} works[] = {
  { "VAE 28, 1-32", { 128, 28, 28, 1, 14, 14, 32, 3, 3, 2, 1, 1, 1 } },
  { "VAE 28, 32-64", { 128, 14, 14, 32, 7, 7, 64, 3, 3, 2, 1, 1, 1 } },
  { "VAE 64, 3-32", { 128, 64, 64, 3, 32, 32, 32, 4, 4, 2, 1, 1, 1 } },
  { "VAE 64, 32-64", { 128, 32, 32, 32, 16, 16, 64, 4, 4, 2, 1, 1, 1 } },
  { "VAE 64, 64-128", { 128, 16, 16, 64, 8, 8, 128, 4, 4, 2, 1, 1, 1 } },
  { "VAE 64, 128-256", { 128, 8, 8, 128, 4, 4, 256, 4, 4, 2, 1, 1, 1 } },
  { "VAE 64, one image", { 1, 64, 64, 3, 32, 32, 32, 4, 4, 2, 1, 1, 1 } },
  { "conv, example", { 2, 7, 6, 3, 4, 3, 4, 3, 3, 2, 1, 1, 1 } },
  { "conv, 1 channel", { 1, 5, 5, 1, 5, 5, 16, 3, 3, 1, 1, 1, 1 } },
  { "conv, 2 groups", { 2, 8, 8, 4, 4, 4, 6, 4, 4, 2, 1, 1, 2 } },
  { "conv, 1x1 stride 3", { 9, 6, 5, 17, 2, 2, 5, 1, 1, 3, 0, 0, 1 } },
  { "conv, 1x7", { 2, 5, 9, 3, 5, 9, 4, 1, 7, 1, 0, 3, 1 } },
  { "conv, 7x1", { 2, 9, 5, 4, 9, 5, 6, 7, 1, 1, 3, 0, 2 } },
  { "conv, 3x5", { 2, 5, 7, 3, 3, 3, 2, 3, 5, 1, 0, 0, 1 } },
  { "deconv, example", { 2, 8, 6, 2, 4, 3, 5, 3, 3, 2, 1, 1, 1 } },
  { "deconv, 1 channel", { 2, 10, 10, 1, 5, 5, 16, 3, 3, 2, 1, 1, 1 } },
  { "deconv, from 1x1", { 1, 4, 4, 3, 1, 1, 6, 4, 4, 1, 0, 0, 1 } },
  { "deconv, 2 groups", { 9, 6, 8, 6, 3, 4, 4, 4, 4, 2, 1, 1, 2 } },
  { "deconv, 1x1 stride 3", { 2, 9, 9, 2, 3, 3, 2, 1, 1, 3, 0, 0, 1 } },
  { "5x5, odd sizes", { 3, 11, 13, 6, 11, 13, 10, 5, 5, 1, 2, 2, 2 } },
  { "5x5 stride 3", { 2, 13, 9, 8, 5, 3, 16, 5, 5, 3, 2, 2, 1 } },
  { "4x4, more after", { 2, 7, 5, 4, 7, 5, 6, 4, 4, 1, 1, 1, 1 } },
  { "4x4 stride 2, odd", { 2, 7, 5, 4, 4, 3, 6, 4, 4, 2, 1, 1, 1 } },
  { "3x3, each channel", { 2, 9, 9, 8, 9, 9, 8, 3, 3, 1, 1, 1, 8 } },
  { "1x1", { 7, 5, 3, 33, 5, 3, 31, 1, 1, 1, 0, 0, 1 } },
  { "all ones", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1 } },
};

static const struct Way {
  const char *name;
  PlanKind kind;
  int bias;
  Activation act;
} ways[] = {
  { "conv", PLAN_CONV, 0, ACT_NONE },
  { "back_x", PLAN_BACK_X, 0, ACT_NONE },
  { "back_w", PLAN_BACK_W, 0, ACT_NONE },
  { "conv+b", PLAN_CONV, 1, ACT_NONE },
  { "conv+b+relu", PLAN_CONV, 1, ACT_RELU },
};

static const char *const precisions[] = { "float32", "tf32", "bf16" };

enum {
  WORKS = sizeof works / sizeof *works,
  WAYS = sizeof ways / sizeof *ways
};

/* ---- planning ---- */

typedef struct Count {
  int made, without, missing;   /* without: the backend does it otherwise */
  size_t workspace;             /* the largest */
} Count;

static bool may_miss (const Gpu *g, const PlanKey *key) {
  return key->bias || (key->precision == PRECISION_BF16 &&
                       g->capability < 800);
}

/* Prints one cell: the engine and its workspace. */
static void plan_one (const Gpu *g, cudnnBackendDescriptor_t device,
                      const PlanKey *key, Count *count, bool print,
                      const char *name) {
  char why[512], cell[64];
  Plan p;
  if (plan_make(&p, key, device, cap, why, sizeof why)) {
    snprintf(cell, sizeof cell, "%lld, %zuK", (long long) p.engine,
             (p.workspace + 1023) / 1024);
    count->made++;
    if (p.workspace > count->workspace)
      count->workspace = p.workspace;
    plan_drop(&p);
  } else if (may_miss(g, key)) {
    snprintf(cell, sizeof cell, "-");
    count->without++;
  } else {
    snprintf(cell, sizeof cell, "MISSING");
    count->missing++;
    fprintf(stderr, "%s: %s: no plan: %s\n", g->name, name, why);
  }
  if (print)
    printf(" %14s", cell);
}

static Count plan_all (const Gpu *g, cudnnBackendDescriptor_t device,
                       Precision precision, bool print) {
  Count count = { 0 };
  if (print) {
    printf("\n%-22s", precisions[precision]);
    for (int j = 0; j < WAYS; j++)
      printf(" %14s", ways[j].name);
  }
  for (int i = 0; i < WORKS; i++) {
    if (print)
      printf("\n%-22s", works[i].name);
    for (int j = 0; j < WAYS; j++) {
      PlanKey key;
      memset(&key, 0, sizeof key);
      key.kind = ways[j].kind;
      key.bias = ways[j].bias;
      key.act = ways[j].act;
      key.precision = precision;
      key.s = works[i].s;
      plan_one(g, device, &key, &count, print, works[i].name);
    }
  }
  if (print)
    putchar('\n');
  return count;
}

/* ---- one GPU ---- */

enum { FINE, MISSES, SKIPPED };

static cudnnBackendDescriptor_t described (const Gpu *g) {
  char json[2048], text[256] = "";
  int64_t n = (int64_t) gpu_json(g, json, sizeof json);
  cudnnBackendDescriptor_t d = NULL;
  cudnnStatus_t status = cudnnBackendCreateDescriptor(
    CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendSetAttribute(
      d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, n, json);
  if (status == CUDNN_STATUS_SUCCESS)
    status = cudnnBackendFinalize(d);
  if (status == CUDNN_STATUS_SUCCESS)
    return d;
  cudnnGetLastErrorString(text, sizeof text);
  printf("skipped: plans for %s: cuDNN %zu does not take its description "
         "(%s %s)\n", g->title, cudnnGetVersion(), cudnnGetErrorString(status),
         text);
  return NULL;
}

static int plan_for (const Gpu *g, bool print) {
  bool missing = false;
  cudnnBackendDescriptor_t device = described(g);
  if (device == NULL)
    return SKIPPED;
  printf("%s (cuDNN %zu):", g->title, cudnnGetVersion());
  for (int precision = 0; precision < PRECISIONS; precision++) {
    Count c = plan_all(g, device, precision, print);
    missing = missing || c.missing > 0;
    printf("%s %s %d planned, %d otherwise, %d missing, workspace up to "
           "%.1f MiB", precision > 0 && !print ? ";" : "",
           precisions[precision], c.made, c.without, c.missing,
           (double) c.workspace / (1 << 20));
  }
  putchar('\n');
  cudnnBackendDestroyDescriptor(device);
  return missing ? MISSES : FINE;
}

static int in_a_process (const Gpu *g, bool print) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    int result = plan_for(g, print);
    fflush(NULL);
    _exit(result);
  }
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
    return MISSES;
  return WEXITSTATUS(status);
}

static bool wanted (const char *name, int count, char **names) {
  bool any = false;
  for (int i = 1; i < count; i++) {
    if (strcmp(names[i], name) == 0)
      return true;
    any = any || names[i][0] != '-';
  }
  return !any;
}

int main (int argc, char **argv) {
  int count[3] = { 0 };
  bool print = argc > 1 && strcmp(argv[1], "-v") == 0;
  for (const Gpu *g = gpus; g->name != NULL; g++)
    if (wanted(g->name, argc, argv)) {
      int result = in_a_process(g, print);
      count[result <= SKIPPED ? result : MISSES]++;
    }
  printf("plans: %d GPUs planned, %d with plans missing, %d skipped\n",
         count[FINE], count[MISSES], count[SKIPPED]);
  return count[MISSES] > 0;
}
