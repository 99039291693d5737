/*
 * cudnn.c - a stand-in for libcudnn.so.9 on the simulated device: the
 * functions of cuDNN's graph API (cudnn_sim.h says which file does what).
 *
 * What cuDNN calls a bad parameter is a mistake of the program here, reported
 * with its own error text; what it calls not supported is a status, for the
 * caller to go on to the next engine.
 *
 * Stricter than cuDNN: attributes that take a handle are refused (they are
 * deprecated; a device-property descriptor takes their place), and so is what
 * is not modelled.
 */
#include "cudnn_sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DESC = 0x63446573, HANDLE = 0x6348616e };

static int handles, descriptors;
static pid_t process;           /* that made them; a child has no part in it */
static char last[512];
static bool last_is_ours;

/* ---- mistakes ---- */

__attribute__((format(printf, 1, 2)))
static cudnnStatus_t bad (const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(last, sizeof last, format, args);
  va_end(args);
  last_is_ours = true;
  sim_mistake("%s", last);
  return CUDNN_STATUS_BAD_PARAM;
}

/* A status of the real library, as it goes back to the caller. */
static cudnnStatus_t passed (cudnnStatus_t status, const char *who) {
  char text[256] = "";
  last_is_ours = false;
  if (status / 1000 == CUDNN_STATUS_BAD_PARAM / 1000) {
    real_last_error(text, sizeof text);
    sim_mistake("%s: %s: %s", who, real_error(status), text);
  }
  return status;
}

static bool is_desc (const Desc *d) {
  return d != NULL && d->magic == DESC;
}

static bool is_handle (const Context *h) {
  return h != NULL && h->magic == HANDLE;
}

/* After the destructors of what is linked with this library. */
static void __attribute__((destructor)) leaks (void) {
  if ((handles > 0 || descriptors > 0) && process == getpid())
    sim_mistake("cuDNN: %d handle(s) and %d descriptor(s) not destroyed",
                handles, descriptors);
}

/* ---- versions and texts ---- */

size_t cudnnGetVersion (void) {
  return real_version();
}

size_t cudnnGetCudartVersion (void) {
  return CUDART_VERSION;
}

const char *cudnnGetErrorString (cudnnStatus_t status) {
  return real_error(status);
}

void cudnnGetLastErrorString (char *message, size_t n) {
  if (n == 0)
    return;
  if (last_is_ours)
    snprintf(message, n, "%s", last);
  else
    real_last_error(message, n);
}

cudnnStatus_t cudnnGetProperty (libraryPropertyType type, int *value) {
  int version = (int) real_version();
  if ((int) type < 0 || type > PATCH_LEVEL || value == NULL)
    return bad("cudnnGetProperty: %d", (int) type);
  *value = type == MAJOR_VERSION ? version / 10000
    : type == MINOR_VERSION ? version / 100 % 100 : version % 100;
  return CUDNN_STATUS_SUCCESS;
}

/* ---- handles ---- */

cudnnStatus_t cudnnCreate (cudnnHandle_t *handle) {
  if (handle == NULL)
    return bad("cudnnCreate: NULL");
  if (sim_lost())
    return CUDNN_STATUS_NOT_INITIALIZED;
  process = getpid();
  *handle = calloc(1, sizeof **handle);
  (*handle)->magic = HANDLE;
  handles++;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDestroy (cudnnHandle_t h) {
  if (!is_handle(h))
    return bad("cudnnDestroy: not a live handle");
  h->magic = 0;
  free(h);
  handles--;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream (cudnnHandle_t h, cudaStream_t stream) {
  if (!is_handle(h))
    return bad("cudnnSetStream: not a live handle");
  if (stream == NULL)
    return bad("cudnnSetStream: the default stream");
  h->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetStream (cudnnHandle_t h, cudaStream_t *stream) {
  if (!is_handle(h) || stream == NULL)
    return bad("cudnnGetStream: not a live handle");
  *stream = h->stream;
  return CUDNN_STATUS_SUCCESS;
}

/* ---- attributes ---- */

const Attr *attr_of (const Desc *d, int name) {
  for (const Attr *a = d->attrs; a != NULL; a = a->next)
    if (a->name == name)
      return a;
  return NULL;
}

int64_t attr_int (const Desc *d, int name, int64_t otherwise) {
  const Attr *a = attr_of(d, name);
  if (a == NULL || a->count < 1)
    return otherwise;
  if (a->type == CUDNN_TYPE_INT64)
    return *(int64_t *) a->data;
  if (a->type == CUDNN_TYPE_BOOLEAN)
    return *(bool *) a->data;
  return *(int32_t *) a->data;
}

Desc *attr_desc (const Desc *d, int name) {
  const Attr *a = attr_of(d, name);
  bool one = a != NULL && a->type == CUDNN_TYPE_BACKEND_DESCRIPTOR &&
             a->count == 1;
  return one ? *(Desc **) a->data : NULL;
}

static size_t element_size (int type) {
  switch (type) {
  case CUDNN_TYPE_HANDLE: case CUDNN_TYPE_INT64: case CUDNN_TYPE_DOUBLE:
  case CUDNN_TYPE_VOID_PTR: case CUDNN_TYPE_BACKEND_DESCRIPTOR:
    return 8;
  case CUDNN_TYPE_BOOLEAN: case CUDNN_TYPE_CHAR:
    return 1;
  case CUDNN_TYPE_FRACTION:
    return 16;
  default:
    return 4;
  }
}

static void forget (Attr *a) {
  free(a->data);
  free(a);
}

static Attr *remember (Desc *d, int name, int type, int64_t count,
                       const void *data) {
  size_t bytes = element_size(type) * (size_t) count;
  Attr *a = calloc(1, sizeof *a), **at = &d->attrs;
  *a = (Attr) { name, type, count, malloc(bytes + 1), NULL };
  memcpy(a->data, data, bytes);
  while (*at != NULL && (*at)->name != name)
    at = &(*at)->next;
  if (*at != NULL) {
    a->next = (*at)->next;
    forget(*at);
  }
  *at = a;
  return a;
}

static cudnnStatus_t check_set (const Desc *d, int name, int type,
                                int64_t count, const void *data) {
  const char *who = "cudnnBackendSetAttribute";
  if (!is_desc(d))
    return bad("%s: not a live descriptor", who);
  if (d->finalized)
    return bad("%s %d: the descriptor is finalized", who, name);
  if (count < 0 || (data == NULL && count > 0))
    return bad("%s %d: %lld elements at %p", who, name, (long long) count,
               data);
  if (type == CUDNN_TYPE_HANDLE)
    return bad("%s %d: a handle is deprecated, a device-property descriptor "
               "takes its place", who, name);
  bool parts = type == CUDNN_TYPE_BACKEND_DESCRIPTOR;
  for (int64_t i = 0; parts && i < count; i++) {
    const Desc *of = ((Desc *const *) data)[i];
    if (!is_desc(of))
      return bad("%s %d: element %lld is not a live descriptor", who, name,
                 (long long) i);
    if (!of->finalized)
      return bad("%s %d: element %lld is not finalized", who, name,
                 (long long) i);
  }
  return CUDNN_STATUS_SUCCESS;
}

/* The number of the simulated device becomes the description of a GPU. */
static cudnnStatus_t set_device (Desc *d, int type, const void *data) {
  char json[2048];
  int count = 0;
  if (type != CUDNN_TYPE_INT32)
    return bad("CUDNN_ATTR_DEVICEPROP_DEVICE_ID: type %d is not INT32", type);
  int32_t index = *(const int32_t *) data;
  if (cudaGetDeviceCount(&count) != cudaSuccess || index < 0 ||
      index >= count)
    return bad("CUDNN_ATTR_DEVICEPROP_DEVICE_ID: there is no device %d",
               index);
  int64_t n = (int64_t) gpu_json(real_gpu(), json, sizeof json);
  const Attr *a = remember(d, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                           CUDNN_TYPE_CHAR, n, json);
  return passed(real_set(d, a), "device properties");
}

cudnnStatus_t cudnnBackendSetAttribute (cudnnBackendDescriptor_t descriptor,
                                        cudnnBackendAttributeName_t name,
                                        cudnnBackendAttributeType_t type,
                                        int64_t count, const void *data) {
  Desc *d = descriptor;
  char who[64];
  cudnnStatus_t status = check_set(d, name, type, count, data);
  if (status != CUDNN_STATUS_SUCCESS)
    return status;
  if (name == CUDNN_ATTR_DEVICEPROP_DEVICE_ID)
    return set_device(d, type, data);
  snprintf(who, sizeof who, "cudnnBackendSetAttribute %d", (int) name);
  const Attr *a = remember(d, name, type, count, data);
  return passed(real_set(d, a), who);
}

/* What the library fills in counts as finalized. */
cudnnStatus_t cudnnBackendGetAttribute (cudnnBackendDescriptor_t descriptor,
                                        cudnnBackendAttributeName_t name,
                                        cudnnBackendAttributeType_t type,
                                        int64_t asked, int64_t *count,
                                        void *data) {
  Desc *d = descriptor, **part = data;
  int64_t n = 0;
  if (!is_desc(d) || !d->finalized)
    return bad("cudnnBackendGetAttribute %d: not a live, finalized descriptor",
               (int) name);
  bool parts = type == CUDNN_TYPE_BACKEND_DESCRIPTOR;
  for (int64_t i = 0; parts && i < asked; i++)
    if (!is_desc(part[i]) || part[i]->finalized)
      return bad("cudnnBackendGetAttribute %d: element %lld must be a "
                 "descriptor that is created only", (int) name, (long long) i);
  cudnnStatus_t status = real_get(d, name, type, asked, &n, data);
  if (count != NULL)
    *count = n;
  for (int64_t i = 0; status == CUDNN_STATUS_SUCCESS && parts && i < n &&
       i < asked; i++) {
    part[i]->finalized = true;
    part[i]->graph = graph_keep(d->graph);
  }
  return passed(status, "cudnnBackendGetAttribute");
}

/* ---- descriptors ---- */

/* Their shells are kept, so that a use after the end is seen. */
static Desc *dead;

cudnnStatus_t cudnnBackendCreateDescriptor (cudnnBackendDescriptorType_t type,
                                            cudnnBackendDescriptor_t *to) {
  if (to == NULL || (int) type < 0)
    return bad("cudnnBackendCreateDescriptor: type %d", (int) type);
  process = getpid();
  Desc *d = calloc(1, sizeof *d);
  d->magic = DESC;
  d->type = type;
  cudnnStatus_t status = real_create(d);
  if (status != CUDNN_STATUS_SUCCESS) {
    free(d);
    return passed(status, "cudnnBackendCreateDescriptor");
  }
  descriptors++;
  *to = d;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendDestroyDescriptor (cudnnBackendDescriptor_t at) {
  Desc *d = at;
  if (!is_desc(d))
    return bad("cudnnBackendDestroyDescriptor: not a live descriptor");
  while (d->attrs != NULL) {
    Attr *a = d->attrs;
    d->attrs = a->next;
    forget(a);
  }
  graph_drop(d->graph);
  real_destroy(d);
  d->magic = 0;
  d->graph = (void *) dead;
  dead = d;
  descriptors--;
  return CUDNN_STATUS_SUCCESS;
}

/* The live descriptor under an attribute that is needed; NULL after a
 * report. */
static Desc *needed (const Desc *d, int name, const char *what) {
  Desc *of = attr_desc(d, name);
  if (is_desc(of))
    return of;
  bad("cudnnBackendFinalize: %s is missing", what);
  return NULL;
}

/* Which graph a descriptor is about.  False after a report. */
static bool find_graph (Desc *d) {
  const Desc *from = NULL;
  switch ((int) d->type) {
  case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
    d->graph = graph_read(d);
    return d->graph != NULL;
  case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
    if (needed(d, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, "its DEVICEPROP") != NULL)
      from = needed(d, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, "its graph");
    break;
  case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
    from = needed(d, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, "its graph");
    break;
  case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
    from = needed(d, CUDNN_ATTR_ENGINECFG_ENGINE, "its engine");
    break;
  case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
    if (needed(d, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, "its DEVICEPROP")
        != NULL)
      from = needed(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                    "its configuration");
    break;
  default:
    return true;
  }
  if (from != NULL)
    d->graph = graph_keep(from->graph);
  return from != NULL;
}

cudnnStatus_t cudnnBackendFinalize (cudnnBackendDescriptor_t descriptor) {
  Desc *d = descriptor;
  char who[64];
  if (!is_desc(d))
    return bad("cudnnBackendFinalize: not a live descriptor");
  if (d->finalized)
    return bad("cudnnBackendFinalize: done before");
  if (!find_graph(d))
    return CUDNN_STATUS_BAD_PARAM;
  snprintf(who, sizeof who, "cudnnBackendFinalize of a descriptor of type %d",
           (int) d->type);
  cudnnStatus_t status = real_finalize(d);
  d->finalized = status == CUDNN_STATUS_SUCCESS;
  if (d->finalized && d->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR)
    real_plan(d, attr_desc(d, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG));
  return passed(status, who);
}

cudnnStatus_t cudnnBackendExecute (cudnnHandle_t h,
                                   cudnnBackendDescriptor_t plan,
                                   cudnnBackendDescriptor_t pack) {
  const Desc *p = plan, *v = pack;
  const char *who = "cudnnBackendExecute";
  if (!is_handle(h) || h->stream == NULL)
    return bad("%s: no live handle with a stream", who);
  if (!is_desc(p) || p->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR ||
      !p->finalized)
    return bad("%s: not a finalized execution plan", who);
  if (!is_desc(v) || v->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR ||
      !v->finalized)
    return bad("%s: not a finalized variant pack", who);
  if (sim_lost())
    return CUDNN_STATUS_EXECUTION_FAILED;
  return run_plan(h, p, v);
}
