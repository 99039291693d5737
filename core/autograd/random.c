/*
 * random.c - tensors from nothing: constants, ranges, random numbers; dropout.
 *
 * Random numbers lie at the address that the binding took from the stream of
 * the model or protocol at hand (step.h): nothing here has a state.
 */
#include "autograd/op.h"

#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- constants ---------------------------------------------------------- */

static void shape_rule (const Call *c, Shape *y, DType *dtype) {
  (void) dtype;
  *y = arg_shape(c, "shape");
  for (int i = 0; i < y->rank; i++)
    if (y->size[i] < 0)
      bad_arg(c, "shape", "has the size %" PRId64 " at place %d",
              y->size[i], i + 1);
}

static void fill_with (Tensor *y, double number) {
  Tensor *value = value_new(number);
  kern(y)->fill(view(y), (Scalar) { tensor_data(value) });
}

static void zeros_forward (Call *c, Tensor *y) {
  (void) c;
  fill_with(y, 0);
}

static void ones_forward (Call *c, Tensor *y) {
  (void) c;
  fill_with(y, 1);
}

static void full_shape (const Call *c, Shape *y, DType *dtype) {
  shape_rule(c, y, dtype);
  *dtype = arg_dtype(c, "dtype");
}

static void full_forward (Call *c, Tensor *y) {
  kern(y)->fill(view(y), scalar(c, "value"));
}

static int64_t count_of (const Call *c, const char *name) {
  int64_t n = arg_int(c, name);
  if (n < 0)
    bad_arg(c, name, "must be 0 or more, got %" PRId64, n);
  return n;
}

static void eye_shape (const Call *c, Shape *y, DType *dtype) {
  (void) dtype;
  y->rank = 2;
  y->size[0] = y->size[1] = count_of(c, "n");
}

/* The diagonal is a view with stride n + 1. */
static void eye_forward (Call *c, Tensor *y) {
  int64_t n = arg_int(c, "n");
  Shape shape = { .rank = 1, .size = { n } };
  const int64_t stride[1] = { n + 1 };
  fill_with(y, 0);
  fill_with(tensor_view(y, &shape, stride, 0), 1);
}

/* ---- ranges ------------------------------------------------------------- */

static void drop_room (void *p) {
  mem_free(p);
}

/* Room on the host for the elements of y, owned by the scope. */
static void *host_room (const Tensor *y) {
  own_reserve();
  void *p = mem_new((size_t) tensor_count(y) * dtype_size(y->dtype));
  own(p, drop_room);
  return p;
}

static void upload (Tensor *y, const void *from) {
  if (tensor_count(y) > 0)
    y->storage->device->upload(tensor_data(y), from, y->storage->bytes);
}

static void arange_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t from = arg_int(c, "from"), to = arg_int(c, "to");
  int64_t step = arg_int(c, "step");
  if (step == 0)
    bad_arg(c, "step", "must not be 0");
  if (llabs(from) > INT32_MAX || llabs(to) > INT32_MAX)
    bad_arg(c, "to", "and from must fit int32, got %" PRId64 " to %" PRId64,
            from, to);
  int64_t n = (to - from) / step + 1;
  *dtype = I32;
  y->rank = 1;
  y->size[0] = (step > 0 ? to >= from : to <= from) ? n : 0;
}

static void arange_forward (Call *c, Tensor *y) {
  int64_t from = arg_int(c, "from"), step = arg_int(c, "step");
  int32_t *host = host_room(y);
  for (int64_t i = 0; i < tensor_count(y); i++)
    host[i] = (int32_t) (from + i * step);
  upload(y, host);
  if (tensor_count(y) > 0) {
    int64_t last = from + (tensor_count(y) - 1) * step;
    tensor_bound(y, from < last ? from : last, from < last ? last : from);
  }
}

/* from (1 - r) + to r with r = 0 .. 1: both ends are exact. */
static Tensor *linspace_make (Call *c) {
  int64_t n = count_of(c, "n");
  Shape shape = { .rank = 1, .size = { n } };
  Tensor *r = result_new(c, F32, &shape), *s = result_new(c, F32, &shape);
  float *up = host_room(r), *down = host_room(s);
  for (int64_t i = 0; i < n; i++) {
    up[i] = n > 1 ? (float) ((double) i / (double) (n - 1)) : 0;
    down[i] = n > 1 ? (float) ((double) (n - 1 - i) / (double) (n - 1)) : 1;
  }
  upload(r, up);
  upload(s, down);
  return op("add", op("mul", arg(c, "from"), s), op("mul", arg(c, "to"), r));
}

/* ---- random numbers ----------------------------------------------------- */

static void rand_forward (Call *c, Tensor *y) {
  kern(y)->rand(view(y), arg_address(c, "at"));
}

static void randn_forward (Call *c, Tensor *y) {
  kern(y)->randn(view(y), arg_address(c, "at"));
}

static void randint_shape (const Call *c, Shape *y, DType *dtype) {
  int64_t low = arg_int(c, "low"), high = arg_int(c, "high");
  shape_rule(c, y, dtype);
  if (low > high || low < INT32_MIN || high > INT32_MAX)
    bad_arg(c, "high", "must not be below low, both in int32; got %" PRId64
            " to %" PRId64, low, high);
  *dtype = I32;
}

static void randint_forward (Call *c, Tensor *y) {
  kern(y)->randint(view(y), arg_address(c, "at"), arg_int(c, "low"),
                   arg_int(c, "high"));
}

static void randperm_shape (const Call *c, Shape *y, DType *dtype) {
  *dtype = I32;
  y->rank = 1;
  y->size[0] = count_of(c, "n");
}

static void randperm_forward (Call *c, Tensor *y) {
  kern(y)->randperm(view(y), arg_address(c, "at"));
  tensor_bound(y, 1, tensor_count(y));
}

/* ---- dropout ------------------------------------------------------------ */

static void dropout_shape (const Call *c, Shape *y, DType *dtype) {
  (void) dtype;
  need_dtype(c, "x", F32);
  *y = arg(c, "x")->shape;
}

static void dropout_forward (Call *c, Tensor *y) {
  kern(y)->dropout(view(y), view(dense(arg(c, "x"))), arg_address(c, "at"),
                   scalar(c, "p"));
}

/* The same address gives the same mask. */
static void dropout_backward (Call *c, Tensor *y, Tensor *dy) {
  Tensor *dx = result_new(c, F32, &y->shape);
  kern(y)->dropout(view(dx), view(dy), arg_address(c, "at"),
                   scalar(c, "p"));
  give(c, "x", dx);
}

const Op random_ops[] = {
  { .name = "zeros", .args = "shape:shape",
    .doc = "float32 zeros of a shape; zeros() is one number.",
    .example = "zeros(2, 3)", .cases = { "zeros()", "zeros({ 0, 4 })" },
    .shape = shape_rule, .forward = zeros_forward, .constant = true },
  { .name = "ones", .args = "shape:shape",
    .doc = "float32 ones of a shape; ones() is one number.",
    .example = "ones(2, 3)", .cases = { "ones()", "ones({ 5 })" },
    .shape = shape_rule, .forward = ones_forward, .constant = true },
  { .name = "full", .args = "shape:shape value:value dtype:dtype=float32",
    .doc = "A tensor of a shape (a list) with the same value everywhere.",
    .example = "full({ 2, 3 }, 0.5)",
    .cases = { "full({}, 3)", "full({ 4 }, 2, \"int32\")",
               "full({ 3 }, 255, \"uint8\")" },
    .shape = full_shape, .forward = full_forward, .constant = true },
  { .name = "eye", .args = "n:int",
    .doc = "The float32 identity matrix [n, n].",
    .example = "eye(3)", .cases = { "eye(0)", "eye(1)" },
    .shape = eye_shape, .forward = eye_forward, .constant = true },
  { .name = "arange", .args = "from:int to:int step:int=1",
    .doc = "int32 from, from + step, ... up to and with to, as in Lua's for.",
    .example = "arange(1, 5)",
    .cases = { "arange(5, 1, -2)", "arange(1, 0)", "arange(3, 8, 2)" },
    .shape = arange_shape, .forward = arange_forward, .constant = true },
  { .name = "linspace", .args = "from:value to:value n:int",
    .doc = "n float32 numbers at equal distances, both ends included.",
    .example = "linspace(0, 1, 5)",
    .cases = { "linspace(2, 3, 1)", "linspace(1, -1, 2)",
               "linspace(0, 1, 0)" },
    .make = linspace_make, .constant = true },
  { .name = "rand", .args = "shape:shape at:address",
    .doc = "float32 numbers, uniform in [0, 1), with 24 bits (Philox 4x32-10,"
           " addressed by seed, model, step and call).",
    .example = "rand(2, 3)", .cases = { "rand()", "rand({ 7 })" },
    .bench = "rand(128, 784)",
    .shape = shape_rule, .forward = rand_forward, .constant = true },
  { .name = "randn", .args = "shape:shape at:address",
    .doc = "float32 standard normal numbers (Box-Muller over Philox"
           " 4x32-10).",
    .example = "randn(2, 3)", .cases = { "randn()", "randn({ 7 })" },
    .bench = "randn(128, 784)",
    .shape = shape_rule, .forward = randn_forward, .constant = true },
  { .name = "randint", .args = "low:int high:int shape:shape at:address",
    .doc = "int32 numbers, uniform in low..high, both included.",
    .example = "randint(1, 6, 10)", .cases = { "randint(3, 3, { 2, 2 })" },
    .shape = randint_shape, .forward = randint_forward, .constant = true },
  { .name = "randperm", .args = "n:int at:address",
    .doc = "int32 [n]: the numbers 1..n in random order.",
    .example = "randperm(10)", .cases = { "randperm(1)", "randperm(0)" },
    .bench = "randperm(60000)",
    .shape = randperm_shape, .forward = randperm_forward, .constant = true },
  { .name = "dropout", .args = "x:tensor p:value=0.5 at:address",
    .doc = "x with each element set to 0 with probability p and the others"
           " divided by 1 - p (Srivastava et al., JMLR 2014).",
    .example = "dropout(randn(4, 7), 0.3)",
    .cases = { "dropout(randn(1), 0)", "dropout(randn(0, 3), 0.5)" },
    .shape = dropout_shape, .forward = dropout_forward,
    .backward = dropout_backward, .linear = true },
  { 0 }
};
