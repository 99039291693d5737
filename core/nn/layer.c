/*
 * layer.c - finding layers, printing them, and what their records share.
 *
 * Every pointwise op of one tensor is a layer too (relu, silu, exp):
 * its record is made here from the op's, so that an activation is one line of
 * pointwise.def and nothing else.
 */
#include "nn/layer.h"

#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

extern const Layer linear_layers[], conv_layers[], norm_layers[];
extern const Op pointwise_ops[];

/* ---- activations --------------------------------------------------------- */

/* "x:tensor slope:value=0.01" without the tensor; NULL if the op is not of
 * one tensor and numbers that may be left out. */
static const char *arguments_after_x (const Op *o) {
  const Spec *s = spec_of(o->name, o->args);
  if (s->count == 0 || s->arg[0].kind != ARG_TENSOR)
    return NULL;
  for (int i = 1; i < s->count; i++)
    if (s->arg[i].kind != ARG_VALUE || !s->arg[i].has_default)
      return NULL;
  const char *rest = strchr(o->args, ' ');
  return rest ? rest + 1 : o->args + strlen(o->args);
}

static Tensor *activation_forward (const LayerRun *r) {
  const Op *o = op_find(r->call->layer->name);
  Call c = { .op = o, .spec = spec_of(o->name, o->args) };
  c.arg[0] = (Arg) { .kind = ARG_TENSOR, .given = true, .tensor = r->x };
  for (int i = 1; i < c.spec->count; i++)
    c.arg[i] = (Arg) { .kind = ARG_VALUE, .given = true,
                       .tensor = value_new(r->call->number[i - 1]) };
  return op_call(o, &c);
}

/* The op has the slope as its second operand. */
static Tensor *lrelu_forward (const LayerRun *r) {
  return op("lrelu", r->x, value_new(layer_number(r->call, "slope")));
}

static const Layer slope_layers[] = {
  { .name = "lrelu", .args = "slope:value=0.01",
    .doc = "x above 0, slope times x below (Maas, Hannun and Ng 2013).",
    .example = "nn.chain(4, { nn.lrelu(0.2) })(randn(3, 4))",
    .shape = same_shape, .forward = lrelu_forward },
  { 0 }
};

/* One layer for each such op, in the order of the ops; ends with no name. */
static const Layer *activations (void) {
  static Layer *list;
  if (list != NULL)
    return list;
  int count = 0;
  while (pointwise_ops[count].name != NULL)
    count++;
  list = mem_new(sizeof *list * (size_t) (count + 1));
  Layer *next = list;
  for (const Op *o = pointwise_ops; o->name != NULL; o++) {
    const char *args = arguments_after_x(o);
    if (args != NULL)
      *next++ = (Layer) { .name = o->name, .args = args, .doc = o->doc,
                          .shape = same_shape,
                          .forward = activation_forward };
  }
  return list;
}

const Layer *const layer_families[] = {
  linear_layers, conv_layers, norm_layers, slope_layers, NULL
};

/* ---- finding ------------------------------------------------------------- */

const Layer *layer_at (int i) {
  for (const Layer *const *family = layer_families; *family; family++)
    for (const Layer *l = *family; l->name != NULL; l++)
      if (i-- == 0)
        return l;
  for (const Layer *l = activations(); l->name != NULL; l++)
    if (i-- == 0)
      return l;
  return NULL;
}

const Layer *layer_find (const char *name) {
  const Layer *l;
  for (int i = 0; (l = layer_at(i)) != NULL; i++)
    if (strcmp(l->name, name) == 0)
      return l;
  return NULL;
}

/* ---- text ---------------------------------------------------------------- */

/* Adds to out, of which *used are taken; what does not fit is cut. */
__attribute__((format(printf, 4, 5)))
static void add (char *out, size_t room, size_t *used, const char *format,
                 ...) {
  va_list args;
  va_start(args, format);
  int n = vsnprintf(out + *used, room - *used, format, args);
  va_end(args);
  *used += (size_t) n < room - *used ? (size_t) n : room - *used - 1;
}

static void value_text (const LayerCall *l, int i, char *out, size_t room) {
  const Arg *a = &l->call.arg[i];
  size_t used = 0;
  switch (a->kind) {
    case ARG_VALUE: add(out, room, &used, "%.7g", l->number[i]); return;
    case ARG_BOOL:
      add(out, room, &used, "%s", a->integer ? "true" : "false");
      return;
    case ARG_SHAPE:
      if (a->shape.rank == 1) {
        add(out, room, &used, "%" PRId64, a->shape.size[0]);
        return;
      }
      for (int k = 0; k < a->shape.rank; k++)
        add(out, room, &used, "%s%" PRId64, k ? ", " : "{ ",
            a->shape.size[k]);
      add(out, room, &used, "%s", a->shape.rank ? " }" : "{}");
      return;
    default: add(out, room, &used, "%" PRId64, a->integer);
  }
}

/* An option that says what is so anyway is not printed. */
static bool is_default (const LayerCall *l, int i) {
  const ArgSpec *s = &l->call.spec->arg[i];
  if (!l->call.arg[i].given)
    return true;
  return s->has_default
      && s->number == (s->kind == ARG_VALUE
                       ? l->number[i] : (double) l->call.arg[i].integer);
}

void layer_text (const LayerCall *l, char *out, size_t room) {
  const Spec *s = l->call.spec;
  size_t used = 0;
  int shown = 0, options = 0;
  char value[128];
  add(out, room, &used, "%s", l->layer->name);
  for (int i = 0; i < s->count; i++) {
    if ((s->arg[i].named || s->arg[i].has_default) && is_default(l, i))
      continue;
    value_text(l, i, value, sizeof value);
    add(out, room, &used, "%s", shown++ ? ", " : "(");
    if (s->arg[i].named)
      add(out, room, &used, "%s%s = ", options++ ? "" : "{ ", s->arg[i].name);
    add(out, room, &used, "%s", value);
  }
  if (shown)
    add(out, room, &used, "%s", options ? " })" : ")");
}

/* ---- for the records ----------------------------------------------------- */

double layer_number (const LayerCall *l, const char *name) {
  for (int i = 0; i < l->call.spec->count; i++)
    if (strcmp(l->call.spec->arg[i].name, name) == 0)
      return l->number[i];
  assert(!"no such argument");
  return 0;
}

void layer_bad (const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  raise_user("%s", text);
}

void same_shape (const LayerCall *l, const Shape *in, Shape *out) {
  (void) l;
  *out = *in;
}

void need_picture (const Shape *in) {
  if (in->rank != 3)
    layer_bad("needs rows with height, width and channels, got %s%s",
              shape_text(in), in->rank == 1 ? "; nn.linear { height, width, "
              "channels } before it makes such rows" : "");
}

int64_t need_positive (const LayerCall *l, const char *name) {
  int64_t n = arg_int(&l->call, name);
  if (n < 1)
    layer_bad("%s must be at least 1, got %" PRId64, name, n);
  return n;
}

Shape batch_shape (const Tensor *x, const Shape *row) {
  Shape s = { .rank = row->rank + 1 };
  s.size[0] = x->shape.rank > 0 ? x->shape.size[0] : 1;
  for (int i = 0; i < row->rank; i++)
    s.size[i + 1] = row->size[i];
  return s;
}
