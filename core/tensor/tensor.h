/*
 * tensor.h - storage and views of it.
 *
 * A Tensor is a shape, strides and an offset over a reference-counted
 * Storage.  tensor_new gives one reference, which the open scope owns
 * (error.h); who keeps a tensor longer calls tensor_keep, and tensor_drop when
 * done.  There are no other verbs.  Whatever needs a kernel (contiguous
 * copies, casts, printing) lives in autograd/.
 */
#ifndef tensor_h
#define tensor_h

#include "tensor/device.h"
#include "tensor/shape.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum DType { F32, I32, U8, F64, DTYPES } DType;

/* What is known of int32 elements without reading them. */
typedef struct Bounds {
  bool known;
  int32_t low, high;
  uint64_t version;        /* of the storage when it was learnt */
} Bounds;

typedef struct Storage {
  int refs;
  bool readonly;           /* x:set refuses it */
  const Device *device;
  void *data;
  size_t bytes;
  uint64_t version;        /* raised by every write in place */
  void (*release) (void *data, size_t bytes);  /* NULL: device->free */
  Bounds bounds;
  struct Place *place;     /* made in a turn of a loop (backend/turn.h) */
} Storage;

/* Who looks after the storages that are made in the turns of loops. */
typedef struct StorageWatch {
  void (*make) (Storage *s);       /* before its bytes are asked for */
  bool (*drop) (Storage *s);       /* with a place; true: its bytes stay */
  void (*use) (Storage *s);        /* with a place: a pointer is taken */
} StorageWatch;

extern StorageWatch storage_watch;

struct Node;

typedef struct Tensor {
  int refs;
  DType dtype;
  Shape shape;
  int64_t stride[MAX_RANK];   /* in elements */
  int64_t offset;             /* in elements */
  Storage *storage;
  struct Node *node;          /* NULL: not tracked (autograd/op.h) */
} Tensor;

/* What a kernel sees. */
typedef struct View {
  void *data;
  DType dtype;
  int rank;
  int64_t size[MAX_RANK];
  int64_t stride[MAX_RANK];
} View;

Tensor *tensor_new (const Device *d, DType dtype, const Shape *shape);
Tensor *tensor_keep (Tensor *t);
void tensor_drop (Tensor *t);              /* NULL is fine */

/* Another view of the same storage, owned by the scope, not tracked. */
Tensor *tensor_view (Tensor *t, const Shape *shape, const int64_t *stride,
                     int64_t offset);
/* Same elements, other shape; t must be contiguous and of equal count. */
Tensor *tensor_reshaped (Tensor *t, const Shape *shape);

View view (const Tensor *t);
/* A contiguous tensor as [rows, rest]. */
View view_rows (const Tensor *t, int64_t rows);
int64_t tensor_count (const Tensor *t);
bool tensor_contiguous (const Tensor *t);
/* True if several elements may share one place (broadcast views). */
bool tensor_overlaps_itself (const Tensor *t);
void *tensor_data (const Tensor *t);       /* first element */

/* All elements of an int32 tensor lie in low .. high; it must be the only
 * tensor of its storage so far.  Views share what is known. */
void tensor_bound (Tensor *t, int64_t low, int64_t high);
void tensor_bound_like (Tensor *t, const Tensor *from);
bool tensor_bounded (const Tensor *t, int64_t low, int64_t high);

size_t dtype_size (DType d);
const char *dtype_name (DType d);
bool dtype_find (const char *name, DType *d);

/* True while Lua's collector drops tensors: not at the same point of every
 * turn. */
extern bool tensor_collecting;

/* Called by node.c's owner when a tensor with a node dies. */
extern void (*tensor_drop_node) (struct Node *node);

/* Bytes of storages made so far; the binding steps Lua's collector by it. */
uint64_t tensor_bytes_made (void);
/* Bytes of living storages, wherever they lie. */
size_t tensor_bytes_alive (void);

#endif
