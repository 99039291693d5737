/*
 * image.c - distances between pictures, one number for each: PSNR and SSIM
 * (Wang, Bovik, Sheikh and Simoncelli 2004).
 *
 * SSIM as torchmetrics computes it: Gaussian window of sigma 1.5 and 11 taps,
 * k1 = 0.01, k2 = 0.03, reflected border, the mean over pixels and channels.
 * Since its 1.4.2 the border stays in the mean and variances are not below 0;
 * up to 1.4.1 the pixels whose window reaches over the border were left out.
 */
#include "metrics/metric.h"

#include "base/error.h"

#include <math.h>
#include <string.h>

enum { TAPS = 11, PAD = TAPS / 2, MAPS = 5 };

static void pair_shape (const Call *c, Shape *y, DType *dtype) {
  need_axes(c, "x", 2);
  need_shape(c, "y", &arg(c, "x")->shape);
  need_count(c, "x", 1);
  if (number_of(c, "range") <= 0)
    bad_arg(c, "range", "must be above 0, got %g", number_of(c, "range"));
  *y = shape_of(1, (int) arg(c, "x")->shape.size[0]);
  *dtype = F32;
}

static void psnr_forward (Call *c, Tensor *y) {
  Rows a = rows_of(c, "x"), b = rows_of(c, "y");
  double range = number_of(c, "range"), *out = room(a.n);
  for (int64_t i = 0; i < a.n; i++) {
    double sum = 0;
    for (int64_t j = i * a.d; j < (i + 1) * a.d; j++)
      sum += (a.at[j] - b.at[j]) * (a.at[j] - b.at[j]);
    out[i] = 10 * log10(range * range * (double) a.d / sum);
  }
  put(y, out);
}

static void ssim_shape (const Call *c, Shape *y, DType *dtype) {
  need_rank(c, "x", 4);
  pair_shape(c, y, dtype);
  const Shape *s = &arg(c, "x")->shape;
  if (arg_bool(c, "crop")
      && (s->size[1] <= 2 * PAD || s->size[2] <= 2 * PAD))
    bad_arg(c, "x", "must have at least %d rows and columns, so that "
            "something is left without its border, got %s", 2 * PAD + 1,
            shape_text(s));
  if (s->size[1] <= PAD || s->size[2] <= PAD)
    bad_arg(c, "x", "must have at least %d rows and columns, so that its "
            "border can be reflected, got %s", PAD + 1, shape_text(s));
}

/* Index i of a line of n pixels with its border reflected (the edge pixel is
 * not repeated). */
static int64_t reflect (int64_t i, int64_t n) {
  return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

/* sum over taps of the window times from, from + stride, ... */
CLONES
static void slide (double *to, const double *const *from, int64_t count,
                   const double *window) {
  for (int64_t j = 0; j < count; j++)
    to[j] = window[0] * from[0][j];
  for (int t = 1; t < TAPS; t++)
    for (int64_t j = 0; j < count; j++)
      to[j] += window[t] * from[t][j];
}

/* map [h, w, k] is blurred along both axes, by way of spare (as large) and of
 * line, a row with its border: [w + 2 PAD, k]. */
static void blur (double *map, double *spare, double *line, const Shape *s,
                  const double *window) {
  int64_t h = s->size[1], w = s->size[2], k = s->size[3];
  const double *from[TAPS];
  for (int64_t i = 0; i < h; i++) {
    for (int t = 0; t < TAPS; t++)
      from[t] = map + reflect(i + t - PAD, h) * w * k;
    slide(spare + i * w * k, from, w * k, window);
  }
  for (int t = 0; t < TAPS; t++)
    from[t] = line + t * k;
  for (int64_t i = 0; i < h; i++) {
    for (int64_t j = 0; j < w + 2 * PAD; j++)
      memcpy(line + j * k, spare + (i * w + reflect(j - PAD, w)) * k,
             (size_t) k * sizeof *line);
    slide(map + i * w * k, from, w * k, window);
  }
}

typedef struct Ssim {
  double window[TAPS], range;
  bool crop;
} Ssim;

/* Whether element i of a picture counts. */
static bool counts (const Ssim *o, const Shape *s, int64_t i) {
  int64_t row = i / (s->size[2] * s->size[3]);
  int64_t column = i / s->size[3] % s->size[2];
  return !o->crop || (row >= PAD && row < s->size[1] - PAD
                      && column >= PAD && column < s->size[2] - PAD);
}

/* SSIM of one picture; work holds MAPS + 2 pictures, the
 * last of them for a line. */
static double ssim_of (const double *x, const double *y, double *work,
                       const Shape *s, const Ssim *o) {
  int64_t d = s->size[1] * s->size[2] * s->size[3], count = 0;
  double range = o->range;
  double *ex = work, *ey = ex + d, *exx = ey + d, *eyy = exx + d,
         *exy = eyy + d, *spare = exy + d, *line = spare + d, sum = 0;
  double c1 = 0.01 * range * 0.01 * range, c2 = 0.03 * range * 0.03 * range;
  for (int64_t i = 0; i < d; i++) {
    ex[i] = x[i];
    ey[i] = y[i];
    exx[i] = x[i] * x[i];
    eyy[i] = y[i] * y[i];
    exy[i] = x[i] * y[i];
  }
  for (int m = 0; m < MAPS; m++)
    blur(work + m * d, spare, line, s, o->window);
  for (int64_t i = 0; i < d; i++) {
    if (!counts(o, s, i))
      continue;
    double mx = ex[i], my = ey[i], vx = exx[i] - mx * mx;
    double vy = eyy[i] - my * my, cov = exy[i] - mx * my;
    if (!o->crop) {
      vx = vx < 0 ? 0 : vx;        /* NaN stays NaN */
      vy = vy < 0 ? 0 : vy;
    }
    count++;
    sum += (2 * mx * my + c1) * (2 * cov + c2)
         / ((mx * mx + my * my + c1) * (vx + vy + c2));
  }
  return sum / (double) count;
}

static void gaussian_window (double *window) {
  double sum = 0;
  for (int t = 0; t < TAPS; t++) {
    double u = (t - PAD) / 1.5;
    sum += window[t] = exp(-u * u / 2);
  }
  for (int t = 0; t < TAPS; t++)
    window[t] /= sum;
}

/* Pictures are cut into as many parts as there are work areas; a picture's
 * number does not depend on its part. */
static void ssim_forward (Call *c, Tensor *y) {
  enum { PARTS = 64 };
  Rows a = rows_of(c, "x"), b = rows_of(c, "y");
  const Shape *s = &arg(c, "x")->shape;
  Ssim o = { { 0 }, number_of(c, "range"), arg_bool(c, "crop") };
  double *out = room(a.n);
  double *work = room(PARTS * (MAPS + 2) * a.d);
  gaussian_window(o.window);
  #pragma omp parallel for
  for (int part = 0; part < PARTS; part++)
    for (int64_t i = part; i < a.n; i += PARTS)
      out[i] = ssim_of(a.at + i * a.d, b.at + i * a.d,
                       work + part * (MAPS + 2) * a.d, s, &o);
  put(y, out);
}

const Op image_ops[] = {
  { .name = "psnr", .args = "x:tensor y:tensor | range:value=1",
    .doc = "Peak signal-to-noise ratio 10 log10(range^2 / mean squared "
           "difference) of each pair of pictures, in decibels.  x, y: "
           "[N, ...].  Result: [N]; infinite for equal pictures.",
    .example = "psnr(rand(3, 8, 8, 1), rand(3, 8, 8, 1))",
    .cases = { "psnr(rand(1, 1), rand(1, 1), { range = 2 })" },
    .shape = pair_shape, .forward = psnr_forward,
    .no_gradient = "a metric" },
  { .name = "ssim",
    .args = "x:tensor y:tensor | range:value=1 crop:bool=false",
    .doc = "Structural similarity of each pair of pictures: Gaussian window "
           "of sigma 1.5 and 11 taps, k1 = 0.01, k2 = 0.03, reflected border. "
           " x, y: [N, H, W, C], H and W at least 6 (with crop 11).  The "
           "border stays in the mean, as in torchmetrics since 1.4.2; with "
           "crop it does not, as up to 1.4.1.  Result: [N], at most 1.  Wang "
           "et al. 2004.",
    .example = "ssim(rand(2, 9, 12, 1), rand(2, 9, 12, 1))",
    .cases = { "ssim(rand(1, 6, 6, 3), rand(1, 6, 6, 3))",
               "ssim(rand(2, 11, 12, 2), rand(2, 11, 12, 2), { crop = true })",
               "ssim(rand(65, 7, 6, 2), rand(65, 7, 6, 2), { range = 255 })" },
    .bench = "ssim(rand(1000, 28, 28, 1), rand(1000, 28, 28, 1))",
    .shape = ssim_shape, .forward = ssim_forward,
    .no_gradient = "a metric" },
  { 0 }
};
