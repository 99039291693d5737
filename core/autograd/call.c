/* call.c - reading the arguments of a call, and the checks that shape rules
 * make.  Looking up a name that the line does not have is our own mistake. */
#include "autograd/op.h"

#include "base/error.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void call_begin (Call *c, const Op *o, const Spec *spec) {
  memset(c, 0, offsetof(Call, arg) + sizeof *c->arg * (size_t) spec->count);
  c->op = o;
  c->spec = spec;
}

/* Names are short: a call of strcmp would cost more. */
static bool same (const char *a, const char *b) {
  for (; *a == *b; a++, b++)
    if (*a == 0)
      return true;
  return false;
}

int arg_place (const Call *c, const char *name) {
  for (int i = 0; i < c->spec->count; i++)
    if (same(c->spec->arg[i].name, name))
      return i;
  assert(!"no such argument");
  return -1;
}

Tensor *arg (const Call *c, const char *name) {
  const Arg *a = &c->arg[arg_place(c, name)];
  return a->given ? a->tensor : NULL;
}

Tensor *const *arg_list (const Call *c, const char *name, int *count) {
  const Arg *a = &c->arg[arg_place(c, name)];
  *count = a->given ? a->list.count : 0;
  return a->list.item;
}

int64_t arg_int (const Call *c, const char *name) {
  return c->arg[arg_place(c, name)].integer;
}

bool arg_bool (const Call *c, const char *name) {
  return arg_int(c, name) != 0;
}

const char *arg_text (const Call *c, const char *name) {
  const Arg *a = &c->arg[arg_place(c, name)];
  return a->given ? a->text : NULL;
}

DType arg_dtype (const Call *c, const char *name) {
  return (DType) arg_int(c, name);
}

Shape arg_shape (const Call *c, const char *name) {
  const Arg *a = &c->arg[arg_place(c, name)];
  return a->given ? a->shape : (Shape) { 0 };
}

bool arg_given (const Call *c, const char *name) {
  return c->arg[arg_place(c, name)].given;
}

Scalar scalar (const Call *c, const char *name) {
  Tensor *t = arg(c, name);
  assert(t != NULL && t->dtype == F32);
  return (Scalar) { tensor_data(t) };
}

Address arg_address (const Call *c, const char *name) {
  return (Address) { tensor_data(arg(c, name)) };
}

void bad_arg (const Call *c, const char *name, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  raise_user("%s: %s %s", c->spec->name, name, text);
}

void need_rank (const Call *c, const char *name, int rank) {
  Tensor *t = arg(c, name);
  if (t->shape.rank != rank)
    bad_arg(c, name, "must have %d axes, got %s", rank,
            shape_text(&t->shape));
}

void need_axes (const Call *c, const char *name, int at_least) {
  Tensor *t = arg(c, name);
  if (t->shape.rank < at_least)
    bad_arg(c, name, "must have at least %d %s, got %s", at_least,
            at_least == 1 ? "axis" : "axes", shape_text(&t->shape));
}

void need_dtype (const Call *c, const char *name, DType dtype) {
  Tensor *t = arg(c, name);
  if (t->dtype != dtype)
    bad_arg(c, name, "must be %s, got %s %s (convert it with :as(\"%s\"))",
            dtype_name(dtype), dtype_name(t->dtype), shape_text(&t->shape),
            dtype_name(dtype));
}

/* Integers are fine: take_float converts them. */
void need_float (const Call *c, const char *name) {
  if (arg(c, name)->dtype == F64)
    bad_arg(c, name, "is float64, which is for data and metrics: convert it "
            "with :as(\"float32\")");
}

void need_shape (const Call *c, const char *name, const Shape *wanted) {
  Tensor *t = arg(c, name);
  if (!shape_equal(&t->shape, wanted))
    bad_arg(c, name, "must have shape %s, got %s", shape_text(wanted),
            shape_text(&t->shape));
}

void need_count (const Call *c, const char *name, int64_t at_least) {
  Tensor *t = arg(c, name);
  if (tensor_count(t) < at_least)
    bad_arg(c, name, "must have at least %" PRId64 " elements, got %s",
            at_least, shape_text(&t->shape));
}
