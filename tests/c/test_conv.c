/* test_conv.c - convolutions, transposed convolutions and their gradients
 * against plain loops in float64: all strides, paddings, groups and odd
 * sizes, sizes of batches that leave a short last chunk, few channels, no
 * images; NaN; the same bits for any number of threads.  All of it by the
 * kernels of every instruction set that the processor has. */
#include "kernel.h"

#include <sys/wait.h>
#include <unistd.h>

/* A convolution x -> y with its reference results. */
typedef struct Case {
  ConvShape s;
  Activation act;
  View x, y, w, by, bx;         /* bx, by: biases [C], [K] */
  View out, db;                 /* of the pass that is being checked */
  double *rx, *ry, *rw;         /* data gradient of y, forward of x, weight */
} Case;

static double *zeros (int64_t n) {
  return calloc((size_t) n + 1, sizeof(double));
}

/* One walk over all (pixel, tap, channel) triples gives all three. */
static void reference (Case *c) {
  const ConvShape *s = &c->s;
  int64_t cg = s->c / s->groups, kg = s->k / s->groups;
  c->rx = zeros(count(c->x));
  c->ry = zeros(count(c->y));
  c->rw = zeros(count(c->w));
  for (int64_t n = 0; n < s->n; n++)
    for (int64_t i = 0; i < s->oh * s->ow; i++)
      for (int64_t t = 0; t < s->kh * s->kw; t++) {
        int64_t h = i / s->ow * s->stride + t / s->kw - s->pad_h;
        int64_t w = i % s->ow * s->stride + t % s->kw - s->pad_w;
        if (h < 0 || h >= s->h || w < 0 || w >= s->w)
          continue;
        for (int64_t k = 0; k < s->k; k++)
          for (int64_t j = 0; j < cg; j++) {
            int64_t x = ((n * s->h + h) * s->w + w) * s->c + k / kg * cg + j;
            int64_t y = (n * s->oh * s->ow + i) * s->k + k;
            int64_t weight = (k * s->kh * s->kw + t) * cg + j;
            double xv = (double) f32(c->x)[x], yv = (double) f32(c->y)[y];
            double wv = (double) f32(c->w)[weight];
            c->ry[y] += xv * wv;
            c->rx[x] += yv * wv;
            c->rw[weight] += xv * yv;
          }
      }
}

static void run_conv (void *state) {
  Case *c = state;
  cpu_conv(c->out, c->x, c->w, c->by, c->s, c->act);
}

static void run_conv_back_x (void *state) {
  Case *c = state;
  cpu_conv_back_x(c->out, c->y, c->w, c->s);
}

static void run_conv_back_w (void *state) {
  Case *c = state;
  cpu_conv_back_w(c->out, c->db, c->y, c->x, c->s);
}

static void run_deconv (void *state) {
  Case *c = state;
  cpu_deconv(c->out, c->y, c->w, c->bx, c->s, c->act);
}

static void run_deconv_back_x (void *state) {
  Case *c = state;
  cpu_deconv_back_x(c->out, c->x, c->w, c->s);
}

static void run_deconv_back_w (void *state) {
  Case *c = state;
  cpu_deconv_back_w(c->out, c->db, c->x, c->y, c->s);
}

/* Runs a pass into an array like `like` and compares; bias and act are added
 * to the reference, [channels] innermost. */
static void pass (Case *c, void (*run) (void *), View like,
                  const double *plain, View bias) {
  int64_t n = count(like), channels = bias.data ? bias.size[0] : 1;
  double *want = zeros(n);
  for (int64_t i = 0; i < n; i++) {
    want[i] = plain[i] + (bias.data ? (double) f32(bias)[i % channels] : 0);
    if (bias.data && c->act == ACT_RELU && want[i] < 0)
      want[i] = 0;
  }
  c->out = like;
  c->out.data = aligned_alloc(64, ((size_t) n * 4 + 4 + 63) & ~(size_t) 63);
  ((uint32_t *) c->out.data)[n] = 0x5EED5EED;
  memset(c->out.data, 0xFF, (size_t) n * 4);
  run(c);
  double d = difference(c->out, want);
  if (!(d < 2e-5))
    fail_msg("difference %g", d);
  same_bits(c->out, run, c);
  free(want);
  drop(c->out);
}

static void bias_sums (Case *c, View rows) {
  double want[600] = { 0 };
  int64_t channels = c->db.size[0];
  for (int64_t i = 0; i < count(rows); i++)
    want[i % channels] += (double) f32(rows)[i];
  assert_true(difference(c->db, want) < 2e-5);
}

static void check (void *state) {
  Case *c = state;
  const ConvShape *s = &c->s;
  View none = { 0 };
  c->x = array(F32, 4, (int) s->n, (int) s->h, (int) s->w, (int) s->c);
  c->y = array(F32, 4, (int) s->n, (int) s->oh, (int) s->ow, (int) s->k);
  c->w = array(F32, 4, (int) s->k, (int) s->kh, (int) s->kw,
               (int) (s->c / s->groups));
  c->bx = array(F32, 1, (int) s->c);
  c->by = array(F32, 1, (int) s->k);
  shuffle(c->x), shuffle(c->y), shuffle(c->w);
  shuffle(c->bx), shuffle(c->by);
  reference(c);
  pass(c, run_conv, c->y, c->ry, c->by);
  pass(c, run_conv_back_x, c->x, c->rx, none);
  pass(c, run_deconv, c->x, c->rx, c->bx);
  pass(c, run_deconv_back_x, c->y, c->ry, none);
  c->db = array(F32, 1, (int) s->k);
  pass(c, run_conv_back_w, c->w, c->rw, none);
  bias_sums(c, c->y);
  drop(c->db);
  c->db = array(F32, 1, (int) s->c);
  pass(c, run_deconv_back_w, c->w, c->rw, none);
  bias_sums(c, c->x);
  drop(c->db);
  free(c->rx), free(c->ry), free(c->rw);
  drop(c->x), drop(c->y), drop(c->w), drop(c->bx), drop(c->by);
}

/* n h w c k kh kw stride pads groups, rows that the last window leaves over */
static void oblong (int n, int h, int w, int c, int k, int kh, int kw,
                    int stride, int pad_h, int pad_w, int groups) {
  Case it = { .s = { n, h, w, c, (h + 2 * pad_h - kh) / stride + 1,
                     (w + 2 * pad_w - kw) / stride + 1, k, kh, kw, stride,
                     pad_h, pad_w, groups } };
  static int turn;
  it.act = turn++ % 2 ? ACT_RELU : ACT_NONE;
  print_message("n %d, %dx%d, %d -> %d channels, kernel %dx%d stride %d "
                "pad %dx%d groups %d\n", n, h, w, c, k, kh, kw, stride, pad_h,
                pad_w, groups);
  in_frame(check, &it);
}

static void geometry (int n, int h, int w, int c, int k, int kh, int kw,
                      int stride, int pad, int groups) {
  oblong(n, h, w, c, k, kh, kw, stride, pad, pad, groups);
}

static void vae_layers (void **state) {
  (void) state;
  /* pad 1 before and, at stride 2, none or less behind */
  for (int n = 0; n < 5; n++) {
    int images = (int[]) { 0, 1, 3, 35, 130 }[n];
    Case it = { .s = { images, 28, 28, 1, 14, 14, 32, 3, 3, 2, 1, 1, 1 },
                .act = ACT_RELU };
    in_frame(check, &it);
    Case next = { .s = { images, 14, 14, 32, 7, 7, 64, 3, 3, 2, 1, 1, 1 } };
    in_frame(check, &next);
  }
}

static void small_geometries (void **state) {
  (void) state;
  for (int stride = 1; stride <= 3; stride++)
    for (int kernel = 1; kernel <= 5; kernel++)
      for (int pad = 0; pad < kernel && pad < 3; pad++) {
        geometry(2, 7, 9, 3, 5, kernel, kernel, stride, pad, 1);
        geometry(17, 6, 5, 1, 16, kernel, kernel, stride, pad, 1);
        geometry(3, 8, 7, 4, 6, kernel, kernel, stride, pad, 2);
        geometry(18, 6, 7, 48, 8, kernel, kernel, stride, pad, 1);
      }
}

static void other_geometries (void **state) {
  (void) state;
  geometry(2, 5, 5, 6, 6, 3, 3, 1, 1, 6);           /* depthwise */
  geometry(3, 5, 6, 16, 32, 3, 3, 1, 1, 16);
  geometry(2, 9, 8, 1, 1, 3, 3, 2, 1, 1);
  geometry(2, 9, 8, 2, 48, 3, 2, 2, 0, 1);          /* oblong kernels */
  geometry(2, 8, 9, 7, 3, 1, 4, 2, 0, 1);
  oblong(3, 9, 7, 20, 33, 1, 7, 1, 0, 3, 1);
  oblong(17, 7, 9, 33, 20, 7, 1, 1, 3, 0, 1);
  oblong(3, 9, 8, 3, 32, 3, 5, 2, 1, 2, 1);
  oblong(3, 8, 9, 1, 16, 5, 2, 2, 2, 0, 1);
  oblong(3, 7, 8, 6, 4, 2, 3, 1, 0, 1, 2);
  geometry(20, 4, 4, 3, 32, 4, 4, 2, 1, 1);
  geometry(20, 8, 8, 4, 16, 5, 5, 2, 2, 1);
  geometry(33, 1, 1, 64, 32, 1, 1, 1, 0, 1);
  geometry(18, 2, 2, 130, 17, 3, 3, 1, 1, 1);
  geometry(1, 40, 40, 33, 65, 7, 7, 1, 3, 1);
  geometry(3, 16, 16, 1, 96, 11, 11, 4, 2, 1);
  geometry(150, 3, 3, 8, 8, 3, 3, 1, 1, 1);
}

/* The weights of many channels are added in rounds. */
static void large_weights (void **state) {
  (void) state;
  geometry(64, 2, 2, 512, 520, 3, 3, 1, 1, 1);
}

static void no_channels (void **state) {
  (void) state;
  Case it = { .s = { 2, 5, 5, 0, 5, 5, 4, 3, 3, 1, 1, 1, 1 } };
  in_frame(check, &it);
}

static void nan_stays (void **state) {
  (void) state;
  for (int c = 1; c <= 8; c += 7) {
    Case it = { .s = { 2, 8, 8, c, 8, 8, 16, 3, 3, 1, 1, 1, 1 },
                .act = ACT_RELU };
    it.x = array(F32, 4, 2, 8, 8, c);
    it.out = array(F32, 4, 2, 8, 8, 16);
    it.w = array(F32, 4, 16, 3, 3, c);
    it.by = array(F32, 1, 16);
    shuffle(it.x), shuffle(it.w), shuffle(it.by);
    f32(it.x)[(3 * 8 + 3) * c] = NAN;
    in_frame(run_conv, &it);
    for (int i = 0; i < 2 * 64 * 16; i++) {
      int h = i / 16 / 8, w = i / 16 % 8;
      bool near = h >= 2 && h <= 4 && w >= 2 && w <= 4;
      assert_int_equal(isnan(f32(it.out)[i]) != 0, near);
    }
    drop(it.x), drop(it.out), drop(it.w), drop(it.by);
  }
}

/* What was chosen once stays, so each level has a process of its own. */
int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(vae_layers), cmocka_unit_test(small_geometries),
    cmocka_unit_test(other_geometries), cmocka_unit_test(large_weights),
    cmocka_unit_test(no_channels), cmocka_unit_test(nan_stays),
  };
  for (int level = 2; level < cpu_level(); level++) {
    pid_t child = fork();
    if (child == 0) {
      cpu_set_level(level);
      return cmocka_run_group_tests(tests, NULL, NULL);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
      return 1;
  }
  return run_in_each_precision(tests);
}
