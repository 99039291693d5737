/*
 * op.c - calling ops: shape rule, forward, and the node that a call leaves.
 *
 * op_call is the one way in, for Lua and for C.  Everything that it makes
 * belongs to a scope of its own, except the result.
 */
#include "autograd/op.h"

#include "autograd/step.h"
#include "backend/backend.h"
#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

extern const Op pointwise_ops[], reduce_ops[], matmul_ops[], conv_ops[],
  norm_ops[], view_ops[], move_ops[], index_ops[], random_ops[],
  pairwise_ops[], linalg_ops[], loss_ops[], frechet_ops[],
  inception_score_ops[], image_ops[], latent_ops[], mmd_ops[], cluster_ops[],
  kid_ops[], prdc_ops[], resize_ops[], tsne_ops[];

const Op *const op_families[] = {
  pointwise_ops, reduce_ops, matmul_ops, conv_ops, norm_ops, view_ops,
  move_ops, index_ops, random_ops, pairwise_ops, linalg_ops, loss_ops,
  frechet_ops, inception_score_ops, image_ops, latent_ops, mmd_ops,
  cluster_ops, kid_ops, prdc_ops, resize_ops, tsne_ops,
  NULL
};

/* Found by a small hash of the name, filled at the first look-up. */
enum { TABLE = 1024 };
static const Op *table[TABLE];

static unsigned hash (const char *name) {
  unsigned h = 5381;
  for (; *name; name++)
    h = h * 33 + (unsigned char) *name;
  return h;
}

static void fill_table (void) {
  for (const Op *const *family = op_families; *family != NULL; family++)
    for (const Op *o = *family; o->name != NULL; o++) {
      unsigned i = hash(o->name) % TABLE;
      while (table[i] != NULL) {
        assert(strcmp(table[i]->name, o->name) != 0);
        i = (i + 1) % TABLE;
      }
      table[i] = o;
    }
}

const Op *op_find (const char *name) {
  static bool filled;
  if (!filled) {
    fill_table();
    filled = true;
  }
  for (unsigned i = hash(name) % TABLE; table[i]; i = (i + 1) % TABLE)
    if (strcmp(table[i]->name, name) == 0)
      return table[i];
  return NULL;
}

/* ---- for forwards and backwards ---------------------------------------- */

const Kernels *kern (const Tensor *t) {
  return t->storage->device->kernels;
}

/* All tensors of a call lie on one device. */
static const Device *device_of (const Call *c) {
  for (int i = 0; i < c->spec->count; i++) {
    const Arg *a = &c->arg[i];
    if (!a->given)
      continue;
    if (a->kind == ARG_TENSOR || a->kind == ARG_OPERAND)
      return a->tensor->storage->device;
    if (a->kind == ARG_TENSORS && a->list.count > 0)
      return a->list.item[0]->storage->device;
  }
  return device_now();
}

Tensor *result_new (const Call *c, DType dtype, const Shape *shape) {
  return tensor_new(device_of(c), dtype, shape);
}

static Tensor *copied (Tensor *t, DType dtype) {
  Tensor *d = tensor_new(t->storage->device, dtype, &t->shape);
  kern(t)->copy(view(d), view(t));
  return d;
}

Tensor *dense (Tensor *t) {
  return tensor_contiguous(t) ? t : copied(t, t->dtype);
}

Tensor *float_of (Tensor *t) {
  return t->dtype == F32 ? dense(t) : copied(t, F32);
}

Tensor *take_float (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  return t->dtype == F32 ? t : float_of(t);
}

void save (Call *c, int slot, Tensor *t) {
  assert(slot < MAX_SAVED);
  c->saved[slot] = t;       /* kept by the node, if the call leaves one */
}

/* ---- nodes --------------------------------------------------------------- */

static uint64_t made;

bool tracked (const Tensor *t) {
  return t->node != NULL && !t->node->stale;
}

static bool any_tracked (const Call *c) {
  for (int i = 0; i < c->spec->count; i++) {
    const Arg *a = &c->arg[i];
    if (!a->given)
      continue;
    if ((a->kind == ARG_TENSOR || a->kind == ARG_OPERAND
         || a->kind == ARG_VALUE) && tracked(a->tensor))
      return true;
    if (a->kind == ARG_TENSORS)
      for (int k = 0; k < a->list.count; k++)
        if (tracked(a->list.item[k]))
          return true;
  }
  return false;
}

static Node *node_new (Tensor *t, int args) {
  Node *n = mem_new(offsetof(Node, call.arg) + sizeof(Arg) * (size_t) args);
  n->seq = ++made;
  t->node = n;
  node_enter(n);
  return n;
}

void track_leaf (Tensor *t) {
  if (t->node == NULL)
    node_new(t, 0)->leaf = true;
}

/* Argument i of the call, kept by the node. */
static void keep_arg (Node *n, int i, const Arg *from) {
  Arg *to = &n->call.arg[i];
  if (!from->given || from->kind >= ARG_INT) {
    if (from->given && from->kind == ARG_ADDRESS) {
      *to = *from;
      tensor_keep(to->tensor);
    } else
      *to = *from;
    return;
  }
  if (from->kind != ARG_TENSORS) {
    *to = *from;
    tensor_keep(to->tensor);
    to->version = to->tensor->storage->version;
    return;
  }
  Tensor **items = mem_new(sizeof *items * (size_t) (from->list.count + 1));
  *to = *from;
  to->version = 0;
  to->list.item = items;
  for (int k = 0; k < from->list.count; k++) {
    items[k] = tensor_keep(from->list.item[k]);
    to->version += items[k]->storage->version;
  }
}

void op_record (const Call *c, Tensor *y) {
  if (y->dtype != F32 || !recording() || !any_tracked(c))
    return;
  /* y owns it: a raise below loses nothing */
  Node *n = node_new(y, c->spec->count);
  n->call.op = c->op;
  n->call.spec = c->spec;
  n->call.node = n;
  for (int i = 0; i < c->spec->count; i++)
    keep_arg(n, i, &c->arg[i]);
  for (int i = 0; i < MAX_SAVED; i++)
    if (c->saved[i] != NULL)
      n->call.saved[i] = tensor_keep(c->saved[i]);
}

/* Drops all that a node holds.  What it holds may own further nodes. */
static void let_go (Node *n) {
  Call *c = &n->call;
  for (int i = 0; c->spec != NULL && i < c->spec->count; i++) {
    Arg a = c->arg[i];
    c->arg[i].given = false;
    if (!a.given)
      continue;
    if (a.kind == ARG_TENSORS) {
      for (int k = 0; k < a.list.count; k++)
        tensor_drop(a.list.item[k]);
      mem_free(a.list.item);
    } else if (a.kind < ARG_TENSORS || a.kind == ARG_ADDRESS)
      tensor_drop(a.tensor);
  }
  for (int i = 0; i < MAX_SAVED; i++) {
    Tensor *saved = c->saved[i];
    c->saved[i] = NULL;
    tensor_drop(saved);
  }
}

void node_forget (Node *n) {
  if (n->leaf)
    return;
  n->stale = true;
  let_go(n);
}

void node_release (Node *n) {
  if (n->leaf)
    return;
  n->released = true;
  let_go(n);
}

/* Nodes wait in a list while one is being dropped, so that a long history
 * does not become a deep recursion. */
static void node_drop (Node *n) {
  static Node *pending;
  static bool busy;
  node_leave(n);
  n->after = pending;
  pending = n;
  if (busy)
    return;
  busy = true;
  while (pending != NULL) {
    Node *next = pending;
    pending = next->after;
    let_go(next);
    tensor_drop(next->grad);
    mem_free(next);
  }
  busy = false;
}

__attribute__((constructor)) static void connect (void) {
  tensor_drop_node = node_drop;
}

/* ---- calls --------------------------------------------------------------- */

static Tensor *run (const Op *o, Call *c) {
  if (o->make != NULL)
    return o->make(c);
  Shape shape = { 0 };
  DType dtype = F32;
  o->shape(c, &shape, &dtype);
  Tensor *y = result_new(c, dtype, &shape);
  o->forward(c, y);
  return y;
}

typedef struct Meeting {
  const Call *call;
  const Device *device;          /* of the first tensor */
  int first;                     /* its argument */
} Meeting;

static void meet_device (Meeting *m, int i, const Tensor *t) {
  const Device *d = t->storage->device;
  if (m->device == NULL) {
    m->device = d;
    m->first = i;
  } else if (d != m->device) {
    const ArgSpec *a = m->call->spec->arg;
    raise_user("%s: %s lies on %s, but %s on %s: bring them together with "
               "x:to(\"%s\")", m->call->spec->name, a[m->first].name,
               m->device->name, a[i].name, d->name, device_now()->name);
  }
}

/* Numbers and addresses lie where new tensors are made. */
static void need_one_device (const Call *c) {
  Meeting m = { .call = c };
  for (int i = 0; i < c->spec->count; i++) {
    const Arg *a = &c->arg[i];
    if (a->given && a->kind == ARG_TENSORS)
      for (int k = 0; k < a->list.count; k++)
        meet_device(&m, i, a->list.item[k]);
    else if (a->given && (a->kind < ARG_TENSORS || a->kind == ARG_ADDRESS))
      meet_device(&m, i, a->tensor);
  }
}

Tensor *op_call (const Op *o, Call *c) {
  size_t mark = scope_open();
  const char *outer = device_doing;
  c->op = o;
  need_one_device(c);
  device_doing = o->name;
  Tensor *y = run(o, c);
  device_doing = outer;
  if (y->node == NULL && !o->constant && !o->composes)
    op_record(c, y);
  return scope_return(mark, y);
}

/* One argument of a C call. */
static void read_c_arg (Arg *a, const ArgSpec *s, va_list *args) {
  a->kind = s->kind;
  a->given = true;
  switch (s->kind) {
    case ARG_TENSOR: case ARG_OPERAND:
      a->tensor = va_arg(*args, Tensor *);
      a->given = a->tensor != NULL;
      break;
    case ARG_VALUE:
      a->tensor = value_new(va_arg(*args, double));
      break;
    case ARG_TENSORS:
      a->list.item = va_arg(*args, Tensor **);
      a->list.count = va_arg(*args, int);
      break;
    case ARG_TEXT:
      a->text = va_arg(*args, const char *);
      a->given = a->text != NULL;
      break;
    case ARG_AXES: case ARG_SHAPE: case ARG_INTS: {
      const Shape *shape = va_arg(*args, const Shape *);
      a->given = shape != NULL;
      if (a->given)
        a->shape = *shape;
      break;
    }
    case ARG_ADDRESS:
      a->tensor = address_next();
      break;
    default:
      a->integer = va_arg(*args, int);
  }
}

Tensor *op (const char *name, ...) {
  const Op *o = op_find(name);
  assert(o != NULL);
  Call c;
  call_begin(&c, o, spec_of(o->name, o->args));
  size_t mark = scope_open();
  va_list args;
  va_start(args, name);
  for (int i = 0; i < c.spec->count; i++)
    read_c_arg(&c.arg[i], &c.spec->arg[i], &args);
  va_end(args);
  return scope_return(mark, op_call(o, &c));
}
