/*
 * grad.c - see grad.h.
 *
 * Nodes are numbered as they are made, so their order is the order of the
 * walk: a node's inputs are older than itself.  The gradient that arrives at
 * a tensor waits in its node.  A gradient that came in one piece is shared
 * with whoever gave it; the first sum makes a tensor of the node's own.
 */
#include "autograd/grad.h"

#include "autograd/step.h"
#include "backend/backend.h"
#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct Visit {
  Node *node;
  Tensor *y;                 /* kept: owns the node */
} Visit;

struct Walk {
  Visit *visit;              /* ascending by seq */
  int count, room, at;
  Tensor **wanted;           /* kept */
  int wanted_count;
  uint64_t id;
  bool keep;
  bool busy;                 /* in a backward: it cannot be run once more */
  Tensor *dy;                /* of the node at hand, kept */
};

static uint64_t walks;       /* begun so far: numbers them */

Walk *walk_new (void) {
  return mem_new(sizeof(Walk));
}

/* Lets go of everything; a walk can be begun again after it. */
static void clear (Walk *w) {
  for (int i = 0; i < w->count; i++) {
    Node *n = w->visit[i].node;
    if (w->visit[i].y == NULL)
      continue;
    tensor_drop(n->grad);
    n->grad = NULL;
    n->wanted = n->needed = n->own_grad = false;
    tensor_drop(w->visit[i].y);
  }
  for (int i = 0; i < w->wanted_count; i++)
    tensor_drop(w->wanted[i]);
  tensor_drop(w->dy);
  mem_free(w->visit);
  mem_free(w->wanted);
  *w = (Walk) { 0 };
}

void walk_free (Walk *w) {
  if (w == NULL)
    return;
  clear(w);
  mem_free(w);
}

/* ---- beginning ----------------------------------------------------------- */

static void visit (Walk *w, Tensor *t) {
  Node *n = t->node;
  if (n == NULL || n->stale || n->walk == w->id)
    return;
  if (w->count == w->room) {
    int room = w->room ? 2 * w->room : 64;
    w->visit = mem_grow(w->visit, sizeof(Visit) * (size_t) room);
    w->room = room;
  }
  n->walk = w->id;
  n->wanted = n->needed = n->own_grad = false;
  w->visit[w->count++] = (Visit) { n, tensor_keep(t) };
}

/* Calls f for each tensor argument that can have a gradient. */
static void each_input (Node *n, void (*f) (void *state, Tensor *t),
                        void *state) {
  for (int i = 0; n->call.spec != NULL && i < n->call.spec->count; i++) {
    const Arg *a = &n->call.arg[i];
    if (!a->given)
      continue;
    if (a->kind == ARG_TENSORS)
      for (int k = 0; k < a->list.count; k++)
        f(state, a->list.item[k]);
    else if (a->kind < ARG_TENSORS)
      f(state, a->tensor);
  }
}

static void visit_input (void *w, Tensor *t) {
  visit(w, t);
}

static void note_needed (void *node, Tensor *t) {
  if (t->node != NULL && !t->node->stale && t->node->needed)
    ((Node *) node)->needed = true;
}

static int by_seq (const void *a, const void *b) {
  uint64_t x = ((const Visit *) a)->node->seq;
  uint64_t y = ((const Visit *) b)->node->seq;
  return x < y ? -1 : x > y;
}

/* Met from the last node on: a chain lies in the opposite order. */
static void sort (Walk *w) {
  int falling = 1;
  while (falling < w->count && by_seq(&w->visit[falling - 1],
                                      &w->visit[falling]) > 0)
    falling++;
  if (falling < w->count) {
    qsort(w->visit, (size_t) w->count, sizeof(Visit), by_seq);
    return;
  }
  for (int i = 0, k = w->count - 1; i < k; i++, k--) {
    Visit v = w->visit[i];
    w->visit[i] = w->visit[k];
    w->visit[k] = v;
  }
}

static void check_released (const Node *n) {
  if (n->released)
    raise_user("the history of this loss was already released by an earlier "
               "step or grad (first at %s): step losses that share a history "
               "together, va.step({ optimiser, loss }, ...), or keep it with "
               "{ keep = true }", n->call.op->name);
}

/* A needed node must still be able to give its gradient. */
static void check_node (const Node *n) {
  const Call *c = &n->call;
  if (c->op->backward == NULL && !c->op->custom)
    raise_user("%s has no gradient: %s", c->op->name,
               c->op->no_gradient ? c->op->no_gradient : "none is defined");
  for (int i = 0; i < c->spec->count; i++) {
    const Arg *a = &c->arg[i];
    if (!a->given || a->kind > ARG_TENSORS)
      continue;
    uint64_t version = 0;
    if (a->kind == ARG_TENSORS)
      for (int k = 0; k < a->list.count; k++)
        version += a->list.item[k]->storage->version;
    else
      version = a->tensor->storage->version;
    if (version != a->version)
      raise_user("argument %s of %s was changed in place after it was used: "
                 "compute the loss again after a step or set",
                 c->spec->arg[i].name, c->op->name);
  }
}

void walk_begin (Walk *w, Tensor *loss, Tensor *const *wanted, int count,
                 bool keep) {
  if (loss->dtype != F32 || tensor_count(loss) != 1)
    raise_user("a loss must be one float32 number, got %s %s (take its mean "
               "or sum)", dtype_name(loss->dtype), shape_text(&loss->shape));
  if (!tracked(loss))
    raise_user("the loss has no history: it does not depend on a parameter "
               "or va.var, or it was made in evaluation (batches, no_grad) "
               "or before the last batch was drawn, or it is itself made of "
               "gradients (there are no second derivatives)");
  clear(w);                   /* a first try may have run out of memory */
  w->keep = keep;
  w->wanted = mem_new(sizeof(Tensor *) * (size_t) (count + 1));
  for (int i = 0; i < count; i++, w->wanted_count++)
    w->wanted[i] = tensor_keep(wanted[i]);
  w->id = ++walks;
  visit(w, loss);
  for (int i = 0; i < w->count; i++) {
    check_released(w->visit[i].node);
    each_input(w->visit[i].node, visit_input, w);
  }
  bool reached = false;
  for (int i = 0; i < count; i++)
    if (tracked(wanted[i]) && wanted[i]->node->walk == w->id)
      wanted[i]->node->wanted = reached = true;
  if (!reached)
    raise_user("the loss does not depend on any of the wanted tensors (the "
               "optimiser's parameters, or what va.grad was given): it was "
               "made of other parts");
  sort(w);
  for (int i = 0; i < w->count; i++) {
    Node *n = w->visit[i].node;
    n->needed = n->wanted;
    each_input(n, note_needed, n);
    if (n->needed && !n->leaf)
      check_node(n);
  }
  Shape shape = loss->shape;
  Tensor *one = value_new(1);
  loss->node->grad = tensor_keep(
    shape.rank == 0 ? one : tensor_reshaped(one, &shape));
  w->at = w->count - 1;
}

/* ---- gradients that arrive ------------------------------------------------- */

static bool node_wants (const Tensor *t) {
  return t->node != NULL && !t->node->stale && t->node->needed;
}

static void replace_gradient (Node *n, Tensor *sum) {
  tensor_drop(n->grad);
  n->grad = tensor_keep(sum);
  n->own_grad = true;
}

/* A dense tensor of the node's own, zeros or what has arrived so far. */
static Tensor *own_gradient (Tensor *t) {
  Node *n = t->node;
  if (n->own_grad)
    return n->grad;
  Tensor *sum = tensor_new(t->storage->device, F32, &t->shape);
  if (n->grad != NULL)
    kern(t)->copy(view(sum), view(n->grad));
  else {
    Tensor *zero = value_new(0);
    kern(t)->fill(view(sum), (Scalar) { tensor_data(zero) });
  }
  replace_gradient(n, sum);
  return sum;
}

static void arrive (Tensor *t, Tensor *dx) {
  Node *n = t->node;
  if (!node_wants(t))
    return;
  assert(dx->dtype == F32 && shape_equal(&dx->shape, &t->shape));
  if (n->grad == NULL)
    n->grad = tensor_keep(dx);
  else if (n->own_grad)
    kern(t)->copy_add(view(n->grad), view(dx));
  else {
    Tensor *sum = tensor_new(t->storage->device, F32, &t->shape);
    kern(t)->binary(BINARY_add, view(sum), view(n->grad), view(dx));
    replace_gradient(n, sum);
  }
}

static const Arg *input (const Call *c, const char *name) {
  return &c->arg[arg_place(c, name)];
}

bool wants (const Call *c, const char *name) {
  const Arg *a = input(c, name);
  return a->given && node_wants(a->tensor);
}

bool wants_item (const Call *c, const char *name, int i) {
  return node_wants(input(c, name)->list.item[i]);
}

void give (Call *c, const char *name, Tensor *dx) {
  const Arg *a = input(c, name);
  if (a->given)
    arrive(a->tensor, dx);
}

void give_item (Call *c, const char *name, int i, Tensor *dx) {
  arrive(input(c, name)->list.item[i], dx);
}

Tensor *grad (Call *c, const char *name) {
  const Arg *a = input(c, name);
  assert(a->given && node_wants(a->tensor));
  return own_gradient(a->tensor);
}

/* The node and the walk have one reference each.  A single number may be the
 * 1 that the walk began with, a value. */
bool spare (const Call *c, const Tensor *dy) {
  const Node *n = c->node;
  return n->grad == dy && !n->wanted && dy->refs == 2
      && dy->storage->refs == 1 && tensor_count(dy) > 1;
}

/* ---- the walk -------------------------------------------------------------- */

/* The node at hand is done. */
static void pass (Walk *w) {
  Visit *v = &w->visit[w->at];
  Tensor *dy = w->dy;
  w->dy = NULL;
  tensor_drop(dy);
  if (!v->node->wanted) {
    tensor_drop(v->node->grad);
    v->node->grad = NULL;
  }
  if (v->node->needed && !w->keep)
    node_release(v->node);
  if (!v->node->wanted) {
    Tensor *y = v->y;
    v->y = NULL;
    v->node->needed = false;
    tensor_drop(y);
  }
  w->at--;
}

Node *walk_run (Walk *w) {
  if (w->busy)
    raise_as(FAIL_MEMORY, "out of memory while gradients were computed");
  bool recorded = record_off();
  for (; w->at >= 0; pass(w)) {
    Node *n = w->visit[w->at].node;
    if (w->dy != NULL)              /* a custom op that was answered */
      continue;
    if (!n->needed || n->leaf || n->grad == NULL)
      continue;
    size_t mark = scope_open();
    w->dy = tensor_keep(dense(n->grad));
    if (n->call.op->custom) {
      record_on(recorded);
      scope_close(mark);
      return n;
    }
    w->busy = true;
    device_doing = n->call.op->name;
    n->call.op->backward(&n->call, w->visit[w->at].y, w->dy);
    device_doing = NULL;
    w->busy = false;
    scope_close(mark);
  }
  record_on(recorded);
  return NULL;
}

Tensor *walk_result (Walk *w) {
  return w->visit[w->at].y;
}

Tensor *walk_gradient (Walk *w) {
  return w->dy;
}

void walk_give (Walk *w, int argument, Tensor *dx) {
  const Call *c = &w->visit[w->at].node->call;
  Tensor *x = c->arg[0].list.item[argument];
  if (!shape_equal(&dx->shape, &x->shape) || dx->dtype != F32)
    raise_user("backward of %s must return a float32 gradient of shape %s "
               "for argument %d, got %s %s", c->op->name,
               shape_text(&x->shape), argument + 1, dtype_name(dx->dtype),
               shape_text(&dx->shape));
  arrive(x, dx);
}

Tensor *walk_take (Walk *w, int i) {
  Node *n = w->wanted[i]->node;
  return n != NULL && n->wanted ? n->grad : NULL;
}
