/* optim.c - see optim.h. */
#include "nn/optim.h"

#include "autograd/op.h"
#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <string.h>

enum { STEPS, FLAG = 3, STATE };       /* places in a group's state */

const OptimKind optim_kinds[] = {
  { .name = "adam", .moments = true,
    .options = "lr=1e-3 beta1=0.9 beta2=0.999 eps=1e-8 decay=0 clip=0",
    .doc = "Adam (Kingma and Ba 2015).  decay is added to the gradient; clip "
           "is the largest norm of all gradients together.",
    .example = "adam(model, { lr = 1e-3 })" },
  { .name = "adamw", .moments = true, .decoupled = true,
    .options = "lr=1e-3 beta1=0.9 beta2=0.999 eps=1e-8 decay=0.01 clip=0",
    .doc = "AdamW (Loshchilov and Hutter 2019): Adam whose decay shrinks the "
           "weights by lr * decay, past the moments.",
    .example = "adamw(model, { lr = 1e-3, decay = 0.01 })" },
  { .name = "sgd",
    .options = "lr=1e-3 momentum=0 decay=0 clip=0",
    .doc = "Gradient descent; with momentum m = momentum m + g, p = p - lr m "
           "(Sutskever et al. 2013, as in PyTorch).",
    .example = "sgd(model, { lr = 0.1, momentum = 0.9 })" },
  { 0 }
};

const OptimKind *optim_find (const char *name) {
  for (const OptimKind *k = optim_kinds; k->name != NULL; k++)
    if (strcmp(k->name, name) == 0)
      return k;
  return NULL;
}

/* ---- making -------------------------------------------------------------- */

Optim *optim_new (void) {
  return mem_new(sizeof(Optim));
}

/* The counts are set last: what has no room yet is not looked at. */
void optim_room (Optim *o, const OptimKind *kind, int count, int groups) {
  size_t list = sizeof(Tensor *) * (size_t) (count + 1);
  o->kind = kind;
  o->p = mem_new(list);
  o->m = mem_new(list);
  o->v = mem_new(list);
  o->g = mem_new(list);
  o->group = mem_new(sizeof *o->group * (size_t) (groups + 1));
  o->count = count;
  o->groups = groups;
}

static Tensor *zeros (const Device *d, DType dtype, const Shape *shape) {
  Tensor *t = tensor_new(d, dtype, shape);
  Tensor *zero = value_new(0);
  kern(t)->fill(view(t), (Scalar) { tensor_data(zero) });
  return tensor_keep(t);
}

void optim_begin (Optim *o) {
  Shape four = { 1, { STATE } };
  assert(o->count > 0);
  for (int i = 0; i < o->count; i++) {
    const Device *d = o->p[i]->storage->device;
    o->m[i] = zeros(d, F32, &o->p[i]->shape);
    if (o->kind->moments)
      o->v[i] = zeros(d, F32, &o->p[i]->shape);
  }
  for (int i = 0; i < o->groups; i++)
    o->group[i].state = zeros(o->p[0]->storage->device, F64, &four);
}

void optim_free (Optim *o) {
  if (o == NULL)
    return;
  for (int i = 0; i < o->count; i++) {
    tensor_drop(o->p[i]);
    tensor_drop(o->m[i]);
    tensor_drop(o->v[i]);
    tensor_drop(o->g[i]);
  }
  for (int i = 0; i < o->groups; i++)
    tensor_drop(o->group[i].state);
  tensor_drop(o->loss);
  mem_free(o->p);
  mem_free(o->m);
  mem_free(o->v);
  mem_free(o->g);
  mem_free(o->group);
  mem_free(o);
}

/* ---- gradients ----------------------------------------------------------- */

static void replace (Tensor **place, Tensor *t) {
  Tensor *old = *place;
  *place = t != NULL ? tensor_keep(t) : NULL;
  tensor_drop(old);
}

/* All is made before any is put in its place: this may run once more. */
void optim_add (Optim *o, Tensor *const *g, Tensor *loss) {
  own_reserve();
  Tensor **sum = mem_new(sizeof *sum * (size_t) (o->count + 1));
  own(sum, mem_free);
  for (int i = 0; i < o->count; i++) {
    if (g[i] == NULL)
      continue;
    sum[i] = o->g[i] != NULL ? op("add", o->g[i], g[i]) : dense(g[i]);
  }
  Tensor *total = o->loss != NULL && loss != NULL
                  ? op("add", op("sum", o->loss, NULL, false),
                       op("sum", loss, NULL, false))
                  : loss;
  if (total != NULL)
    total = op("detach", total);
  for (int i = 0; i < o->count; i++)
    if (sum[i] != NULL)
      replace(&o->g[i], sum[i]);
  if (total != NULL)
    replace(&o->loss, total);
}

/* ---- a step -------------------------------------------------------------- */

static Scalar value (double number) {
  return (Scalar) { tensor_data(value_new(number)) };
}

/* The parts of a group that have gradients; returns how many. */
static int parts_of (const Optim *o, const OptimGroup *group,
                     OptimPart *part) {
  int n = 0;
  Scalar lr = value(group->lr), decay = value(group->decay);
  for (int i = group->first; i < group->first + group->count; i++) {
    if (o->g[i] == NULL)
      continue;
    part[n++] = (OptimPart) {
      .p = view(o->p[i]), .g = view(o->g[i]), .m = view(o->m[i]),
      .v = o->v[i] != NULL ? view(o->v[i]) : (View) { 0 },
      .lr = lr, .decay = decay };
  }
  return n;
}

static void update (const Optim *o, const OptimGroup *group,
                    Parts parts, View sum, Scalar clip) {
  const Kernels *k = kern(o->p[0]);
  View state = view(group->state);
  if (o->kind->moments)
    k->adam(parts, state, sum, clip, value(group->beta1),
            value(group->beta2), value(group->eps), o->kind->decoupled);
  else
    k->sgd(parts, state, sum, clip, value(group->momentum));
}

/* Later history that has read them must not be walked. */
static void mark_changed (Optim *o) {
  for (int i = 0; i < o->count; i++)
    if (o->g[i] != NULL) {
      o->p[i]->storage->version++;
      replace(&o->g[i], NULL);
    }
  replace(&o->loss, NULL);
}

bool optim_apply (Optim *o) {
  own_reserve();
  OptimPart *part = mem_new(sizeof *part * (size_t) (o->count + 1));
  own(part, mem_free);
  own_reserve();
  int *in_group = mem_new(sizeof(int) * (size_t) (o->groups + 1)), n = 0;
  own(in_group, mem_free);
  for (int i = 0; i < o->groups; i++)
    n += in_group[i] = parts_of(o, &o->group[i], part + n);
  if (n == 0)
    return false;
  Shape one = { .rank = 0 };
  Tensor *sum = tensor_new(o->p[0]->storage->device, F64, &one);
  Scalar clip = value(o->clip);
  View loss = o->loss != NULL ? view(o->loss) : (View) { .data = NULL };
  kern(sum)->grad_check(view(sum), (Parts) { part, n }, loss);
  OptimPart *next = part;
  for (int i = 0; i < o->groups; i++) {
    if (in_group[i] > 0)
      update(o, &o->group[i], (Parts) { next, in_group[i] }, view(sum), clip);
    next += in_group[i];
  }
  mark_changed(o);
  return true;
}

/* A group that has had no gradients so far counts no steps. */
double optim_steps (const Optim *o, bool *flag) {
  double most = 0;
  *flag = false;
  for (int i = 0; i < o->groups; i++) {
    double state[STATE];
    const Tensor *t = o->group[i].state;
    t->storage->device->download(state, tensor_data(t), sizeof state);
    most = state[STEPS] > most ? state[STEPS] : most;
    *flag = *flag || state[FLAG] != 0;
  }
  return most;
}
