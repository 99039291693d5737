/*
 * cudnn_real.c - the real cuDNN behind the stand-in (cudnn_sim.h).
 *
 * Its graph library is loaded by its full path, from CUDA_HOME or from where
 * this file was built for.  It needs neither driver nor GPU up to a finalized
 * execution plan, since heuristics and plans are given a described device.
 * It remembers the first description for the whole process, so there is one:
 * SIM_DEVICE.  SIM_CUDNN=none does without the library.
 *
 * Without it, a handful of made-up engines stand in, of each kind that a
 * caller has to refuse or may take; a line on stderr says so once.
 */
#include "cudnn_sim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef CUDA_HOME
#define CUDA_HOME "/usr/local/cuda"
#endif

/* ---- loading ---- */

static struct Real {
  bool tried;
  void *library;
  size_t (*version) (void);
  const char *(*error) (cudnnStatus_t);
  void (*last) (char *, size_t);
  cudnnStatus_t (*create) (cudnnBackendDescriptorType_t, void **);
  cudnnStatus_t (*destroy) (void *);
  cudnnStatus_t (*finalize) (void *);
  cudnnStatus_t (*set) (void *, int, int, int64_t, const void *);
  cudnnStatus_t (*get) (void *, int, int, int64_t, int64_t *, void *);
} real;

static bool open_in (const char *home) {
  static const char *const place[] = { "lib64", "lib" };
  char path[1024];
  for (int i = 0; i < 2 && real.library == NULL; i++) {
    snprintf(path, sizeof path, "%s/%s/libcudnn_graph.so.9", home, place[i]);
    real.library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  }
  return real.library != NULL;
}

static bool find_all (void) {
  struct { const char *name; void *to; } all[] = {
    { "cudnnGetVersion", &real.version },
    { "cudnnGetErrorString", &real.error },
    { "cudnnGetLastErrorString", &real.last },
    { "cudnnBackendCreateDescriptor", &real.create },
    { "cudnnBackendDestroyDescriptor", &real.destroy },
    { "cudnnBackendFinalize", &real.finalize },
    { "cudnnBackendSetAttribute", &real.set },
    { "cudnnBackendGetAttribute", &real.get },
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    void *at = dlsym(real.library, all[i].name);
    if (at == NULL)
      return false;
    memcpy(all[i].to, &at, sizeof at);
  }
  return true;
}

bool real_here (void) {
  const char *home = getenv("CUDA_HOME"), *no = getenv("SIM_CUDNN");
  if (real.tried)
    return real.library != NULL;
  real.tried = true;
  if (no == NULL || strcmp(no, "none") != 0)
    if (((home != NULL && open_in(home)) || open_in(CUDA_HOME)) &&
        find_all())
      return true;
  real.library = NULL;
  fprintf(stderr, "simulated device: no real cuDNN, its engines are made "
          "up\n");
  return false;
}

const Gpu *real_gpu (void) {
  const char *name = getenv("SIM_DEVICE");
  if (name == NULL || *name == '\0')
    name = "a100";
  const Gpu *g = gpu_named(name);
  if (g != NULL)
    return g;
  sim_mistake("SIM_DEVICE: no GPU is called %s", name);
  return gpu_named("a100");
}

/* ---- without it: made-up engines, in the order of made-up heuristics ---- */

static const struct Made {
  int number, note, behaviour, cache;   /* -1: none; cache: workspace, KiB */
} made[] = {
  { 46, CUDNN_NUMERICAL_NOTE_TENSOR_CORE, -1, 3 << 10 },
  { 7, -1, CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION, 0 },
  { 20, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, -1, 0 },
  { 6, CUDNN_NUMERICAL_NOTE_WINOGRAD, -1, 1 },
  { 1, -1, -1, 513 },
  { 0, CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, -1, 0 },
};

enum { MADE = sizeof made / sizeof *made };

static cudnnStatus_t give (int64_t asked, int64_t *count, void *at,
                           const void *value, size_t bytes) {
  *count = 1;
  if (asked > 0)
    memcpy(at, value, bytes);
  return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t give_note (int64_t asked, int64_t *count, void *at,
                                int note) {
  *count = 0;
  return note < 0 ? CUDNN_STATUS_SUCCESS
                  : give(asked, count, at, &note, sizeof note);
}

/* bf16 has no engine before compute 8.0, as in the library. */
static int engines_for (const Desc *heur) {
  const Tensor *t = &heur->graph->tensor[heur->graph->output];
  return t->type == CUDNN_DATA_BFLOAT16 && real_gpu()->capability < 800 ? 0
                                                                        : MADE;
}

static cudnnStatus_t get_made (Desc *d, int name, int64_t asked,
                               int64_t *count, void *at) {
  const struct Made *e = &made[d->engine];
  int64_t number = e->number, workspace = (int64_t) e->cache << 10;
  bool all = name == CUDNN_ATTR_ENGINEHEUR_RESULTS &&
    attr_int(d, CUDNN_ATTR_ENGINEHEUR_MODE, 0) != CUDNN_HEUR_MODE_FALLBACK;
  Desc **part = at;
  switch (name) {
  case CUDNN_ATTR_ENGINEHEUR_RESULTS:
    *count = all || engines_for(d) == 0 ? engines_for(d) : 1;
    if (asked > 0 && *count > asked)
      *count = asked;
    for (int64_t i = 0; i < *count && i < asked; i++)
      part[i]->engine = all ? (int) i : MADE - 1;
    return CUDNN_STATUS_SUCCESS;
  case CUDNN_ATTR_ENGINECFG_ENGINE:
    *count = 1;
    if (asked > 0)
      part[0]->engine = d->engine;
    return CUDNN_STATUS_SUCCESS;
  case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    return give(asked, count, at, &number, sizeof number);
  case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
    return give_note(asked, count, at, e->note);
  case CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
    return give_note(asked, count, at, e->behaviour);
  case CUDNN_ATTR_ENGINECFG_WORKSPACE_SIZE:
  case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
    return give(asked, count, at, &workspace, sizeof workspace);
  default:
    sim_mistake("cuDNN: attribute %d is not modelled", name);
    return CUDNN_STATUS_NOT_SUPPORTED;
  }
}

/* ---- the calls ---- */

size_t real_version (void) {
  return real_here() ? real.version() : CUDNN_VERSION;
}

const char *real_error (cudnnStatus_t status) {
  if (real_here())
    return real.error(status);
  switch (status / 1000) {
  case 0: return "CUDNN_STATUS_SUCCESS";
  case 1: return "CUDNN_STATUS_NOT_INITIALIZED";
  case 2: return "CUDNN_STATUS_BAD_PARAM";
  case 3: return "CUDNN_STATUS_NOT_SUPPORTED";
  case 5: return "CUDNN_STATUS_EXECUTION_FAILED";
  default: return "CUDNN_STATUS_INTERNAL_ERROR";
  }
}

void real_last_error (char *to, size_t n) {
  to[0] = '\0';
  if (real_here())
    real.last(to, n);
}

cudnnStatus_t real_create (Desc *d) {
  return real_here() ? real.create(d->type, &d->real) : CUDNN_STATUS_SUCCESS;
}

void real_destroy (Desc *d) {
  if (d->real != NULL)
    real.destroy(d->real);
  d->real = NULL;
}

/* Descriptors become those of the real library. */
static void **translated (int64_t count, Desc *const *part) {
  void **to = malloc((size_t) (count + 1) * sizeof *to);
  for (int64_t i = 0; i < count; i++)
    to[i] = part[i]->real;
  return to;
}

cudnnStatus_t real_set (Desc *d, const Attr *a) {
  if (!real_here())
    return CUDNN_STATUS_SUCCESS;
  if (a->type != CUDNN_TYPE_BACKEND_DESCRIPTOR)
    return real.set(d->real, a->name, a->type, a->count, a->data);
  void **part = translated(a->count, a->data);
  cudnnStatus_t status = real.set(d->real, a->name, a->type, a->count, part);
  free(part);
  return status;
}

cudnnStatus_t real_finalize (Desc *d) {
  if (real_here())
    return real.finalize(d->real);
  const Desc *config = attr_desc(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
  if (d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
    d->engine = config->engine;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t real_get (Desc *d, int name, int type, int64_t asked,
                        int64_t *count, void *at) {
  if (!real_here())
    return get_made(d, name, asked, count, at);
  if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR || asked == 0)
    return real.get(d->real, name, type, asked, count, at);
  void **part = translated(asked, at);
  cudnnStatus_t status = real.get(d->real, name, type, asked, count, part);
  free(part);
  return status;
}

static bool noted (const int *note, int64_t n, int which) {
  for (int64_t i = 0; i < n; i++)
    if (note[i] == which)
      return true;
  return false;
}

void real_plan (Desc *plan, Desc *config) {
  int note[64];
  int64_t n = 0;
  Desc engine = { .type = CUDNN_BACKEND_ENGINE_DESCRIPTOR }, *part = &engine;
  real_get(plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64,
           1, &n, &plan->workspace);
  real_create(&engine);
  real_get(config, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR,
           1, &n, &part);
  if (real_get(&engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE,
               CUDNN_TYPE_NUMERICAL_NOTE, 64, &n, note)
      != CUDNN_STATUS_SUCCESS)
    n = 0;
  plan->tensor_cores = noted(note, n, CUDNN_NUMERICAL_NOTE_TENSOR_CORE);
  plan->keeps_nan = noted(note, n, CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP);
  real_destroy(&engine);
}
