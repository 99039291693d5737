/* direct.c - see direct.h: routes, the order of weights, and the choice of an
 * instruction set. */
#include "backend/cpu/direct.h"

#include "backend/cpu/bf16.h"
#include "backend/cpu/cpu.h"
#include "base/mem.h"

#include <string.h>

enum {
  ROUTES = 128, TAPS = 64, IMAGE_MOST = 1 << 30,
  STRIP = 8                    /* filters */
};

/* One axis of the images that come out: the taps that each place has, and
 * where the first of them comes from. */
typedef struct Place {
  uint64_t taps;
  int64_t from;
} Place;

struct Route {
  RouteKind kind;
  ConvShape shape;               /* n is 0 */
  uint64_t used;
  int classes;
  DirectClass *class;
  DirectPair *pair;              /* BACK_W: tap by tap, by rows of y */
  int64_t *start;                /* [taps][oh + 1]: into pair */
  void *memory;                  /* all lists */
};

static Route route[ROUTES];
static uint64_t now;

static const DirectIsa *isa (void) {
  return bf16_tiles() ? &direct_amx : cpu_level() == 4 ? &direct_v4 :
         &direct_v3;
}

bool direct_fits (const ConvShape *s) {
  return s->groups == 1 && cpu_level() >= 3 && s->kh <= TAPS
      && s->kw <= TAPS && s->h * s->w * s->c < IMAGE_MOST
      && s->oh * s->ow * s->k < IMAGE_MOST;
}

/* ---- one axis ----------------------------------------------------------- */

/* Place `at` of the result has tap t if what it comes from exists. */
static bool comes_from (bool back, int64_t at, int64_t t, int64_t stride,
                        int64_t pad, int64_t size, int64_t *from) {
  int64_t i = back ? at + pad - t : at * stride - pad + t;
  if (back && (i < 0 || i % stride != 0))
    return false;
  *from = back ? i / stride : i;
  return *from >= 0 && *from < size;
}

static Place place_of (bool back, int64_t at, int64_t taps, int64_t stride,
                       int64_t pad, int64_t size) {
  Place p = { 0 };
  int64_t from;
  for (int64_t t = taps - 1; t >= 0; t--)
    if (comes_from(back, at, t, stride, pad, size, &from)) {
      p.taps |= (uint64_t) 1 << t;
      p.from = from;
    }
  return p;
}

/* From the place of the first tap to that of t. */
static int64_t apart (bool back, uint64_t taps, int64_t t, int64_t stride) {
  int64_t first = __builtin_ctzll(taps);
  return back ? -((t - first) / stride) : t - first;
}

/* ---- classes ------------------------------------------------------------ */

typedef struct Axes {
  bool back;
  Place *row, *column;
  int64_t rows, columns, in_columns, depth, width;
} Axes;

static int classes_of (const Place *p, int64_t n, uint64_t *found) {
  int count = 0;
  for (int64_t i = 0; i < n; i++) {
    int k = 0;
    while (k < count && found[k] != p[i].taps)
      k++;
    if (k == count)
      found[count++] = p[i].taps;
  }
  return count;
}

static void fill_class (const Axes *a, const ConvShape *s, DirectClass *c,
                        uint64_t down, uint64_t across) {
  for (int64_t i = 0; i < s->kh; i++)
    for (int64_t j = 0; j < s->kw; j++)
      if (down >> i & 1 && across >> j & 1)
        c->tap[c->taps++] = (DirectTap) {
          i * s->kw + j,
          (apart(a->back, down, i, s->stride) * a->in_columns
           + apart(a->back, across, j, s->stride)) * a->depth };
  for (int64_t i = 0; i < a->rows; i++)
    for (int64_t j = 0; j < a->columns; j++)
      if (a->row[i].taps == down && a->column[j].taps == across)
        c->pixel[c->pixels++] = (DirectPixel) {
          (int32_t) ((i * a->columns + j) * a->width),
          (int32_t) ((a->row[i].from * a->in_columns + a->column[j].from)
                     * a->depth) };
}

static void make_classes (Route *r, const ConvShape *s) {
  bool back = r->kind == ROUTE_BACK_X;
  Axes a = { .back = back, .rows = back ? s->h : s->oh,
             .columns = back ? s->w : s->ow,
             .in_columns = back ? s->ow : s->w,
             .depth = back ? s->k : s->c, .width = back ? s->c : s->k };
  int64_t n = a.rows + a.columns, taps = s->kh * s->kw;
  cpu_reserve((size_t) n * (sizeof(Place) + sizeof(uint64_t)));
  a.row = cpu_scratch();
  a.column = a.row + a.rows;
  uint64_t *down = (uint64_t *) (a.row + n), *across = down + a.rows;
  for (int64_t i = 0; i < a.rows; i++)
    a.row[i] = place_of(back, i, s->kh, s->stride, s->pad_h,
                        back ? s->oh : s->h);
  for (int64_t j = 0; j < a.columns; j++)
    a.column[j] = place_of(back, j, s->kw, s->stride, s->pad_w,
                           a.in_columns);
  int downs = classes_of(a.row, a.rows, down);
  int acrosses = classes_of(a.column, a.columns, across);
  int count = downs * acrosses;
  /* Each class has room for all its taps; pixels are dealt out as found. */
  size_t heads = sizeof(DirectClass) * (size_t) count;
  size_t lists = sizeof(DirectTap) * (size_t) (count * taps);
  r->memory = mem_new(heads + lists + sizeof(DirectPixel)
                      * (size_t) (a.rows * a.columns));
  r->class = r->memory;
  DirectTap *tap = (DirectTap *) ((char *) r->memory + heads);
  DirectPixel *pixel = (DirectPixel *) ((char *) tap + lists);
  for (int i = 0; i < count; i++) {
    DirectClass *c = &r->class[i];
    c->tap = tap;
    c->pixel = pixel;
    fill_class(&a, s, c, down[i / acrosses], across[i % acrosses]);
    tap += taps;
    pixel += c->pixels;
  }
  r->classes = count;
}

/* ---- pairs -------------------------------------------------------------- */

static void make_pairs (Route *r, const ConvShape *s) {
  int64_t taps = s->kh * s->kw, n = 0;
  size_t starts = sizeof(int64_t) * (size_t) (taps * (s->oh + 1));
  r->memory = mem_new(starts + sizeof(DirectPair)
                      * (size_t) (taps * s->oh * s->ow));
  r->start = r->memory;
  r->pair = (DirectPair *) ((char *) r->memory + starts);
  for (int64_t t = 0; t < taps; t++) {
    int64_t *start = r->start + t * (s->oh + 1);
    for (int64_t i = 0; i < s->oh; i++) {
      int64_t h, w;
      start[i] = n;
      for (int64_t j = 0; j < s->ow; j++)
        if (comes_from(false, i, t / s->kw, s->stride, s->pad_h, s->h, &h)
            && comes_from(false, j, t % s->kw, s->stride, s->pad_w, s->w, &w))
          r->pair[n++] = (DirectPair) {
            (int32_t) ((h * s->w + w) * s->c),
            (int32_t) ((i * s->ow + j) * s->k) };
    }
    start[s->oh] = n;
  }
}

/* ---- the cache of routes ------------------------------------------------ */

const Route *direct_route (const ConvShape *s, RouteKind kind) {
  ConvShape shape = *s;
  Route *r = &route[0];
  shape.n = 0;
  for (int i = 0; i < ROUTES; i++) {
    if (route[i].memory != NULL && route[i].kind == kind
        && memcmp(&route[i].shape, &shape, sizeof shape) == 0) {
      route[i].used = ++now;
      return &route[i];
    }
    if (route[i].used < r->used)
      r = &route[i];
  }
  mem_free(r->memory);
  *r = (Route) { .kind = kind, .shape = shape };
  if (kind == ROUTE_BACK_W)
    make_pairs(r, s);
  else
    make_classes(r, s);
  r->used = ++now;
  return r;
}

/* ---- forward and data gradient ------------------------------------------ */

Direct direct_of (const ConvShape *s, bool back, bool relu) {
  const Route *r = direct_route(s, back ? ROUTE_BACK_X : ROUTE_FORWARD);
  int64_t x = s->h * s->w * s->c, y = s->oh * s->ow * s->k;
  return (Direct) {
    .class = r->class, .classes = r->classes, .taps = s->kh * s->kw,
    .depth = back ? s->k : s->c, .width = back ? s->c : s->k,
    .in_image = back ? y : x, .out_image = back ? x : y, .relu = relu };
}

/* A panel: its bias, then its taps as isa()->deal lays them. */
static int64_t tap_floats (const Direct *d) {
  const DirectIsa *on = isa();
  return chunk_count(d->depth, on->deep) * on->deep * on->panel * on->bytes
       / (int64_t) sizeof(float);
}

static int64_t panel_floats (const Direct *d) {
  return isa()->panel + d->taps * tap_floats(d);
}

static int64_t panel_count (const Direct *d) {
  return chunk_count(d->width, isa()->panel);
}

size_t direct_panel_bytes (const Direct *d) {
  return (size_t) (panel_count(d) * panel_floats(d)) * sizeof(float);
}

DirectOrder direct_order (const ConvShape *s, bool back) {
  int64_t filter = s->kh * s->kw * s->c;
  return (DirectOrder) { back ? 1 : filter, s->c, back ? filter : 1 };
}

static void deal_panel (const Direct *d, float *panel, const float *w,
                        DirectOrder o, const float *bias, int64_t channels) {
  const DirectIsa *on = isa();
  memset(panel, 0, (size_t) on->panel * sizeof *panel);
  if (bias != NULL)
    memcpy(panel, bias, (size_t) (channels < on->panel ? channels : on->panel)
                        * sizeof *panel);
  panel += on->panel;
  for (int64_t t = 0; t < d->taps; t++, panel += tap_floats(d))
    on->deal(panel, w + t * o.tap, o, channels, d->depth);
}

void direct_deal (const Direct *d, float *panels, const float *w,
                  DirectOrder o, const float *bias) {
  int64_t wide = isa()->panel, count = panel_count(d);
#pragma omp parallel for schedule(static) \
  if (worth_threads(count * panel_floats(d)))
  for (int64_t i = 0; i < count; i++)
    deal_panel(d, panels + i * panel_floats(d), w + i * wide * o.out, o,
               bias ? bias + i * wide : NULL, d->width - i * wide);
}

void direct_pass (const Direct *d, float *out, const float *in,
                  int64_t images, int64_t piece, int64_t pieces) {
  const DirectIsa *on = isa();
  for (int64_t i = 0; i < panel_count(d); i++)
    on->pass(d, out + i * on->panel, in, d->panels + i * panel_floats(d),
             d->width - i * on->panel, images, piece, pieces);
}

/* ---- weight gradient ---------------------------------------------------- */

/* Whole images, or rows of y in equal shares, with so many pixels. */
static void pass_size (const ConvShape *s, int64_t *images, int64_t *rows) {
  int64_t most = isa()->meets, passes = chunk_count(s->oh * s->ow, most);
  *rows = chunk_count(s->oh, passes);
  *images = passes > 1 ? 1 : most / (s->oh * s->ow);
}

static int64_t tap_strips (const ConvShape *s) {
  return bf16_tiles() ? 1 : chunk_count(s->k, STRIP);
}

int64_t direct_strips (const ConvShape *s) {
  return s->kh * s->kw * tap_strips(s);
}

/* Filters [first, end) of a tap that lie in the strips of a gradient. */
static void filters_of (const DirectGradient *g, int64_t tap, int64_t *first,
                        int64_t *end) {
  int64_t strips = tap_strips(g->s);
  int64_t from = g->first - tap * strips, to = g->end - tap * strips;
  *first = from < 0 ? 0 : from * STRIP;
  *end = to >= strips ? g->s->k : to * STRIP;
}

/* By lists of pairs. */
static void back_w_pairs (const DirectGradient *g) {
  const ConvShape *s = g->s;
  int64_t x_image = s->h * s->w * s->c, y_image = s->oh * s->ow * s->k;
  int64_t step = s->kh * s->kw * s->c, strips = tap_strips(s);
  int64_t most, rows, k, end;
  const DirectIsa *on = isa();
  pass_size(s, &most, &rows);
  for (int64_t t = g->first / strips; t * strips < g->end; t++)
    for (filters_of(g, t, &k, &end); k < end; k++)
      memset(g->dw + k * step + t * s->c + g->from, 0,
             (size_t) (g->to - g->from) * sizeof *g->dw);
  for (int64_t i = 0; i < g->images; i += most)
    for (int64_t top = 0; top < s->oh; top += rows)
      for (int64_t t = g->first / strips; t * strips < g->end; t++) {
        const int64_t *start = g->route->start + t * (s->oh + 1);
        int64_t pair = start[top];
        int64_t n = start[chunk_end(top / rows, rows, s->oh)] - pair;
        filters_of(g, t, &k, &end);
        on->back_w(g->dw + k * step + t * s->c + g->from, step,
                   g->y + i * y_image + k, g->x + i * x_image + g->from,
                   g->route->pair + pair, n, end - k, g->to - g->from,
                   g->images - i < most ? g->images - i : most, y_image,
                   x_image);
      }
}

size_t direct_scratch (const ConvShape *s) {
  return bf16_tiles() ? direct_amx_scratch(s) : 0;
}

void direct_back_w (const DirectGradient *g) {
  if (bf16_tiles())
    direct_amx_back_w(g);
  else
    back_w_pairs(g);
}
