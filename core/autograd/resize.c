/*
 * resize.c - pictures [N,H,W,C] in another size, by the rules that feature
 * networks are fed with.
 *
 * Every rule is separable and linear: a matrix [w, W] for the columns and one
 * [h, H] for the rows, made on the host in float64.  The op is two matrix
 * products, so it runs, and has its gradient, on every device.
 */
#include "autograd/op.h"

#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- one row of a matrix: which places of the input a place takes ---- */

typedef void Rule (double *row, int64_t i, int64_t in, int64_t out);

static void between (double *row, double at, int64_t in) {
  int64_t low = (int64_t) at, high = low + 1 < in ? low + 1 : in - 1;
  row[low] += 1 - (at - (double) low);
  row[high] += at - (double) low;
}

/* TensorFlow 1's resize_bilinear without aligned corners. */
static void tf1 (double *row, int64_t i, int64_t in, int64_t out) {
  between(row, (double) i * (double) in / (double) out, in);
}

/* PyTorch's interpolate, bilinear without aligned corners. */
static void half_pixel (double *row, int64_t i, int64_t in, int64_t out) {
  double at = ((double) i + 0.5) * (double) in / (double) out - 0.5;
  between(row, at > 0 ? at : 0, in);
}

static void nearest (double *row, int64_t i, int64_t in, int64_t out) {
  row[i * in / out] = 1;
}

/* A filter stretched over all places that a shrunk pixel covers, as Pillow
 * and PyTorch's antialias do; its weights are scaled to the sum 1. */
static void filtered (double *row, int64_t i, int64_t in, int64_t out,
                      double (*filter) (double x), double support) {
  double scale = (double) in / (double) out, wide = scale > 1 ? scale : 1;
  double centre = ((double) i + 0.5) * scale, sum = 0;
  int64_t from = (int64_t) (centre - support * wide + 0.5);
  int64_t to = (int64_t) (centre + support * wide + 0.5);
  if (centre - support * wide + 0.5 < 0)
    from = 0;
  if (to > in)
    to = in;
  for (int64_t j = from; j < to; j++) {
    row[j] = filter(((double) j - centre + 0.5) / wide);
    sum += row[j];
  }
  for (int64_t j = from; j < to; j++)
    row[j] /= sum;
}

static double triangle (double x) {
  return fabs(x) < 1 ? 1 - fabs(x) : 0;
}

/* Keys (1981) with a = -0.5. */
static double cubic (double x) {
  double a = -0.5;
  x = fabs(x);
  if (x < 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static void antialias (double *row, int64_t i, int64_t in, int64_t out) {
  filtered(row, i, in, out, triangle, 1);
}

static void pil_bicubic (double *row, int64_t i, int64_t in, int64_t out) {
  filtered(row, i, in, out, cubic, 2);
}

static const struct { const char *name; Rule *row; } rules[] = {
  { "half-pixel", half_pixel }, { "antialias", antialias }, { "tf1", tf1 },
  { "pil-bicubic", pil_bicubic }, { "nearest", nearest } };

static Rule *rule_of (const Call *c) {
  const char *name = arg_text(c, "rule");
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (strcmp(rules[i].name, name) == 0)
      return rules[i].row;
  bad_arg(c, "rule", "must be \"half-pixel\", \"antialias\", \"tf1\", "
          "\"pil-bicubic\" or \"nearest\", got \"%s\"", name);
}

/* ---- the op ---- */

/* [out, in], or [in, out] for a product from the right. */
static Tensor *matrix (const Call *c, Rule *rule, int64_t in, int64_t out,
                       bool right) {
  Shape s = { 2, { right ? in : out, right ? out : in } };
  Tensor *t = result_new(c, F32, &s);
  own_reserve();
  float *all = mem_new((size_t) (in * out) * sizeof *all);
  own(all, mem_free);
  own_reserve();
  double *row = mem_new((size_t) in * sizeof *row);
  own(row, mem_free);
  for (int64_t i = 0; i < out; i++) {
    memset(row, 0, (size_t) in * sizeof *row);
    rule(row, i, in, out);
    for (int64_t j = 0; j < in; j++)
      all[right ? j * out + i : i * in + j] = (float) row[j];
  }
  if (in * out > 0)
    t->storage->device->upload(tensor_data(t), all,
                               (size_t) (in * out) * sizeof *all);
  return t;
}

static int64_t side (const Call *c, const char *name) {
  int64_t n = arg_int(c, name);
  if (n < 1 || n > 1 << 20)
    bad_arg(c, name, "must be from 1 to %d, got %" PRId64, 1 << 20, n);
  return n;
}

/* As [N C, H, W]: columns by one product from the right, rows by one from the
 * left. */
static Tensor *resize_make (Call *c) {
  need_rank(c, "x", 4);
  Rule *rule = rule_of(c);
  int64_t h = side(c, "h"), w = side(c, "w");
  Tensor *x = take_float(c, "x");
  const int64_t *size = arg(c, "x")->shape.size;
  int64_t n = size[0], in_h = size[1], in_w = size[2], channels = size[3];
  if (in_h < 1 || in_w < 1)
    bad_arg(c, "x", "has no pixels: %s", shape_text(&arg(c, "x")->shape));
  Shape first = { 4, { 1, 4, 2, 3 } }, last = { 4, { 1, 3, 4, 2 } };
  Shape planes = { 3, { n * channels, in_h, in_w } };
  Shape made = { 4, { n, channels, h, w } };
  Tensor *p = op("reshape", op("permute", x, &first), &planes);
  p = op("matmul", p, matrix(c, rule, in_w, w, true));
  p = op("matmul", matrix(c, rule, in_h, h, false), p);
  return op("permute", op("reshape", p, &made), &last);
}

const Op resize_ops[] = {
  { .name = "resize", .args = "x:tensor h:int w:int | rule:text=half-pixel",
    .composes = true, .linear = true,
    .doc = "Pictures in another size.  x: [N, H, W, C].  Result: [N, h, w, "
           "C].  rule: \"half-pixel\", bilinear as PyTorch's interpolate; "
           "\"antialias\", the same with the triangle filter stretched where "
           "it shrinks (also Pillow's bilinear); \"tf1\", TensorFlow 1's "
           "bilinear, place i from i H / h; \"pil-bicubic\", Pillow's (a = "
           "-0.5, stretched, not clipped); \"nearest\".",
    .example = "resize(randn(2, 4, 5, 3), 7, 3)",
    .cases = { "resize(randn(1, 5, 4, 2), 3, 9, { rule = \"antialias\" })",
               "resize(randn(2, 3, 4, 1), 5, 5, { rule = \"tf1\" })",
               "resize(randn(1, 6, 6, 1), 4, 9, { rule = \"pil-bicubic\" })",
               "resize(randn(1, 3, 3, 2), 5, 2, { rule = \"nearest\" })",
               "resize(randn(0, 3, 3, 2), 5, 2)",
               "resize(randn(1, 1, 1, 1), 4, 4, { rule = \"tf1\" })" },
    .bench = "resize(randn(50, 28, 28, 1), 299, 299)",
    .make = resize_make },
  { 0 }
};
