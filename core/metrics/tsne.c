/*
 * tsne.c - t-distributed stochastic neighbour embedding (van der Maaten and
 * Hinton 2008), with the tree of Barnes and Hut for the repulsion (van der
 * Maaten 2014).
 *
 * Affinities p: rows have normal weights over their neighbours, as wide as the
 * perplexity asks for, made symmetric and of sum 1.  With theta = 0 all rows
 * are neighbours and all pairs repel; else the 3 perplexity + 1 nearest (exact)
 * and cells of a tree.  Descent as in scikit-learn: start from the principal
 * directions at a spread of 1e-4, a quarter of the steps with p times 12 and
 * momentum 0.5, the rest with momentum 0.8, gains, learning rate
 * max(N / 48, 50) for the gradient with its factor 4.
 *
 * Points are sorted along a Z-curve; a tree cell is a range of that order, and
 * LANES points that follow each other walk the tree together.  Every point has
 * sums of its own in a fixed order, so the number of threads changes no bit.
 */
#include "metrics/metric.h"

#include "backend/linalg.h"
#include "base/stop.h"

#include <math.h>
#include <string.h>

enum { LANES = 8, LEAF = 8, CODE_BITS = 48, MOST_EXACT = 5000,
       PARTS = 32 };

#define EXAGGERATION 12.0
#define START_SPREAD 1e-4

/* Row i has the neighbours col[start[i]] .. col[start[i + 1] - 1]. */
typedef struct Affinity {
  int64_t n, *start, *col;
  double *p;
} Affinity;

static int64_t *whole_room (int64_t count) {
  return (int64_t *) room(count);
}

/* ---- nearest rows -------------------------------------------------------- */

/* A heap whose top is the farthest, of equal ones the latest row. */
static bool farther (const double *far, const int64_t *col, int64_t a,
                     int64_t b) {
  return far[a] > far[b] || (far[a] == far[b] && col[a] > col[b]);
}

static void sift (double *far, int64_t *col, int64_t k, int64_t at) {
  for (;;) {
    int64_t top = at, child = 2 * at + 1;
    for (int64_t c = child; c < child + 2 && c < k; c++)
      if (farther(far, col, c, top))
        top = c;
    if (top == at)
      return;
    double f = far[at];
    int64_t i = col[at];
    far[at] = far[top];
    col[at] = col[top];
    far[top] = f;
    col[top] = i;
    at = top;
  }
}

/* By the number of the row. */
static void sort_rows (double *far, int64_t *col, int64_t k) {
  for (int64_t i = 1; i < k; i++) {
    double f = far[i];
    int64_t c = col[i], at = i;
    for (; at > 0 && col[at - 1] > c; at--) {
      far[at] = far[at - 1];
      col[at] = col[at - 1];
    }
    far[at] = f;
    col[at] = c;
  }
}

/* The k rows nearest to row i, whose distances to all are given. */
static void nearest (const double *all, int64_t n, int64_t i, int64_t k,
                     double *far, int64_t *col) {
  int64_t count = 0;
  for (int64_t j = 0; j < n; j++) {
    if (j == i)
      continue;
    if (count < k) {
      far[count] = all[j];
      col[count++] = j;
      if (count == k && k < n - 1)
        for (int64_t at = k / 2 - 1; at >= 0; at--)
          sift(far, col, k, at);
    } else if (all[j] < far[0]) {
      far[0] = all[j];
      col[0] = j;
      sift(far, col, k, 0);
    }
  }
  if (k < n - 1)
    sort_rows(far, col, k);
}

/* ---- affinities ---------------------------------------------------------- */

/* Squared distances become weights exp(-b far) of sum 1 with the entropy
 * log(perplexity): b is found by bisection. */
static void weigh (double *far, int64_t k, double perplexity) {
  double low = 0, high = INFINITY, b = 1, least = far[0], goal = log(perplexity);
  for (int64_t j = 1; j < k; j++)
    least = far[j] < least ? far[j] : least;
  for (int step = 0; step < 200; step++) {
    double sum = 0, mean = 0;
    for (int64_t j = 0; j < k; j++) {
      double w = exp(-b * (far[j] - least));
      sum += w;
      mean += w * (far[j] - least);
    }
    double off = log(sum) + b * mean / sum - goal;
    if (fabs(off) < 1e-10)
      break;
    if (off > 0)
      low = b;
    else
      high = b;
    b = isinf(high) ? 2 * b : (low + high) / 2;
    if (!(b < 1e300 && b > 1e-300))
      break;                       /* equal distances have no width */
  }
  double sum = 0;
  for (int64_t j = 0; j < k; j++)
    sum += far[j] = exp(-b * (far[j] - least));
  for (int64_t j = 0; j < k; j++)
    far[j] /= sum;
}

static int64_t part_end (int64_t part, int64_t n) {
  return n * (part + 1) / PARTS;
}

/* Rows from .. to of the weights p and the neighbours col, both [n, k]. */
static void weigh_rows (Rows x, const double *columns, int64_t from,
                        int64_t to, int64_t k, double perplexity, double *all,
                        double *p, int64_t *col) {
  for (int64_t i = from; i < to; i++) {
    far_from(x.at + i * x.d, columns, x.n, x.d, all);
    nearest(all, x.n, i, k, p + i * k, col + i * k);
    weigh(p + i * k, k, perplexity);
  }
}

/* The transpose of rows of k entries: where[start[j]] .. are the places of the
 * entries whose column is j, in the order of their rows. */
static void turn_over (const int64_t *col, int64_t n, int64_t k,
                       int64_t *start, int64_t *where) {
  for (int64_t e = 0; e < n * k; e++)
    start[col[e] + 1]++;
  for (int64_t j = 0; j < n; j++)
    start[j + 1] += start[j];
  for (int64_t e = 0; e < n * k; e++)
    where[start[col[e]]++] = e;
  for (int64_t j = n; j > 0; j--)
    start[j] = start[j - 1];
  start[0] = 0;
}

/* Two ascending lists of row i joined; weights of both are added. */
static int64_t join (const int64_t *col, const double *p, int64_t i, int64_t k,
                     const int64_t *where, int64_t count, int64_t *to_col,
                     double *to_p) {
  int64_t a = 0, b = 0, size = 0;
  while (a < k || b < count) {
    int64_t left = a < k ? col[i * k + a] : INT64_MAX;
    int64_t right = b < count ? where[b] / k : INT64_MAX;
    double sum = 0;
    to_col[size] = left < right ? left : right;
    if (left <= right)
      sum += p[i * k + a++];
    if (right <= left)
      sum += p[where[b++]];
    to_p[size++] = sum / 2;
  }
  return size;
}

/* p_ij = (p_j|i + p_i|j) / 2 N. */
static Affinity affinity (Rows x, double perplexity, int64_t k) {
  int64_t n = x.n;
  double *p = room(n * k), *columns = room(n * x.d), *all = room(PARTS * n);
  int64_t *col = whole_room(n * k), *where = whole_room(n * k);
  int64_t *back = whole_room(n + 1);
  Affinity a = { n, whole_room(n + 1), whole_room(2 * n * k), room(2 * n * k) };
  columns_of(x, columns);
  #pragma omp parallel for schedule(static, 1)
  for (int64_t part = 0; part < PARTS; part++)
    if (!stop_wanted)
      weigh_rows(x, columns, part_end(part - 1, n), part_end(part, n), k,
                 perplexity, all + part * n, p, col);
  turn_over(col, n, k, back, where);
  for (int64_t i = 0; i < n; i++)
    a.start[i + 1] = a.start[i]
      + join(col, p, i, k, where + back[i], back[i + 1] - back[i],
             a.col + a.start[i], a.p + a.start[i]);
  for (int64_t e = 0; e < a.start[n]; e++)
    a.p[e] /= (double) n;
  return a;
}

/* ---- the tree ------------------------------------------------------------ */

/* The points from .. to - 1 of the order: their number and mean.  limit: so
 * far (squared) away the cell counts as one point.  The next cell that does not
 * lie in it is skip.  A cell too small to be cut is `point`. */
typedef struct Cell {
  double at[3], count, limit;
  int64_t from, to, skip;
  bool leaf, point;
} Cell;

/* y [d, n] are the points in the order of the curve; force [d, n] and mass [n]
 * are what the others do to them: the sums of q^2 (y - y_j) and of q = 1 / (1 +
 * |y - y_j|^2), the point itself included in mass. */
typedef struct Tree {
  int64_t n, d, cells;
  double theta, side;
  uint64_t *code, *code2;
  int64_t *order, *order2;
  double *y, *force, *mass;
  Cell *cell;
} Tree;

static Tree tree_new (int64_t n, int64_t d, double theta) {
  int64_t padded = n + LANES;
  return (Tree) { n, d, 0, theta, 0,
    (uint64_t *) room(n), (uint64_t *) room(n), whole_room(n), whole_room(n),
    room(d * padded), room(d * padded), room(padded),
    (Cell *) room((int64_t) (2 * (size_t) n * sizeof(Cell) / sizeof(double))) };
}

/* The bits of the d coordinates in turn, the highest first. */
static uint64_t interleave (const uint64_t *cell, int64_t d, int bits) {
  uint64_t code = 0;
  for (int b = bits - 1; b >= 0; b--)
    for (int64_t k = 0; k < d; k++)
      code = code << 1 | (cell[k] >> b & 1);
  return code;
}

static int bits_of (int64_t d) {
  return d == 1 ? 32 : CODE_BITS / (int) d;
}

/* y [n, d] lies in the cube from low; codes are places in a grid of it. */
static void encode (Tree *t, const double *y, const double *low) {
  int bits = bits_of(t->d);
  double scale = t->side > 0 ? ldexp(1, bits) / t->side : 0;
  double most = ldexp(1, bits) - 1;
  #pragma omp parallel for
  for (int64_t i = 0; i < t->n; i++) {
    uint64_t cell[3];
    for (int64_t k = 0; k < t->d; k++) {
      double place = (y[i * t->d + k] - low[k]) * scale;
      cell[k] = (uint64_t) (place > most ? most : place > 0 ? place : 0);
    }
    t->code[i] = interleave(cell, t->d, bits);
    t->order[i] = i;
  }
}

/* By code; equal ones stay in the order of their rows. */
static void sort_codes (Tree *t) {
  for (int shift = 0; shift < CODE_BITS; shift += 8) {
    int64_t count[257] = { 0 };
    for (int64_t i = 0; i < t->n; i++)
      count[(t->code[i] >> shift & 255) + 1]++;
    for (int b = 0; b < 256; b++)
      count[b + 1] += count[b];
    for (int64_t i = 0; i < t->n; i++) {
      int64_t to = count[t->code[i] >> shift & 255]++;
      t->code2[to] = t->code[i];
      t->order2[to] = t->order[i];
    }
    uint64_t *code = t->code;
    int64_t *order = t->order;
    t->code = t->code2;
    t->order = t->order2;
    t->code2 = code;
    t->order2 = order;
  }
}

/* Cells of the points from .. to - 1, in the order of a walk.  Levels at which
 * all lie in one cell are passed over. */
static void grow (Tree *t, int64_t from, int64_t to) {
  Cell *c = &t->cell[t->cells++];
  uint64_t differ = t->code[from] ^ t->code[to - 1];
  int high = differ == 0 ? -1 : 63 - __builtin_clzll(differ);
  int d = (int) t->d, level = bits_of(t->d) - 1 - high / d;
  int64_t stride = t->n + LANES;
  double side = high < 0 ? 0 : ldexp(t->side, -level);
  double limit = t->theta > 0 ? side / t->theta * (side / t->theta) : INFINITY;
  *c = (Cell) { { 0 }, (double) (to - from), limit, from, to, 0, false, high < 0 };
  c->leaf = c->point || to - from <= LEAF;
  for (int64_t k = 0; k < t->d; k++) {
    for (int64_t i = from; i < to; i++)
      c->at[k] += t->y[k * stride + i];
    c->at[k] /= c->count;
  }
  if (!c->leaf) {
    int shift = high / d * d;
    for (int64_t start = from; start < to; ) {
      int64_t end = start + 1;
      uint64_t part = t->code[start] >> shift;
      while (end < to && t->code[end] >> shift == part)
        end++;
      grow(t, start, end);
      start = end;
    }
  }
  c->skip = t->cells;
}

/* Sorted and grown anew over y [n, d]. */
static void plant (Tree *t, const double *y) {
  double low[3], high[3];
  int64_t d = t->d, stride = t->n + LANES;
  for (int64_t k = 0; k < d; k++)
    low[k] = high[k] = y[k];
  for (int64_t i = 0; i < t->n * d; i++) {
    low[i % d] = y[i] < low[i % d] ? y[i] : low[i % d];
    high[i % d] = y[i] > high[i % d] ? y[i] : high[i % d];
  }
  t->side = 0;
  for (int64_t k = 0; k < d; k++)
    t->side = high[k] - low[k] > t->side ? high[k] - low[k] : t->side;
  encode(t, y, low);
  sort_codes(t);
  for (int64_t k = 0; k < d; k++)
    for (int64_t i = 0; i < stride; i++)
      t->y[k * stride + i] = y[t->order[i < t->n ? i : t->n - 1] * d + k];
  t->cells = 0;
  grow(t, 0, t->n);
}

/* count points at `at` act on LANES points y [d][LANES]. */
#define ACT(at_k, times)                                                      \
  do {                                                                        \
    double far[LANES] = { 0 };                                                \
    for (int64_t k = 0; k < d; k++)                                           \
      for (int l = 0; l < LANES; l++)                                         \
        far[l] += (y[k][l] - (at_k)) * (y[k][l] - (at_k));                    \
    double q[LANES];                                                          \
    for (int l = 0; l < LANES; l++) {                                         \
      q[l] = 1 / (1 + far[l]);                                                \
      mass[l] += (times) * q[l];                                              \
      q[l] *= (times) * q[l];                                                 \
    }                                                                         \
    for (int64_t k = 0; k < d; k++)                                           \
      for (int l = 0; l < LANES; l++)                                         \
        force[k][l] += q[l] * (y[k][l] - (at_k));                             \
  } while (0)

/* True if one of the points is nearer than the limit (squared). */
static inline bool close_by (const double y[][LANES], const Cell *c, int64_t d) {
  int any = 0;
  double far[LANES] = { 0 };
  for (int64_t k = 0; k < d; k++)
    for (int l = 0; l < LANES; l++)
      far[l] += (y[k][l] - c->at[k]) * (y[k][l] - c->at[k]);
  for (int l = 0; l < LANES; l++)
    any |= far[l] <= c->limit;
  return any;
}

/* A cell that holds one of the points themselves is always opened. */
static inline __attribute__((always_inline))
void walk (const Tree *t, int64_t first, const int64_t d) {
  double y[3][LANES], force[3][LANES] = { { 0 } }, mass[LANES] = { 0 };
  int64_t stride = t->n + LANES, last = first + LANES;
  for (int64_t k = 0; k < d; k++)
    for (int l = 0; l < LANES; l++)
      y[k][l] = t->y[k * stride + first + l];
  for (int64_t i = 0; i < t->cells; ) {
    const Cell *c = &t->cell[i];
    bool own = c->from < last && c->to > first;
    if (c->point || !(own || close_by(y, c, d))) {
      ACT(c->at[k], c->count);
      i = c->skip;
    } else if (c->leaf) {
      for (int64_t j = c->from; j < c->to; j++)
        ACT(t->y[k * stride + j], 1);
      i = c->skip;
    } else
      i++;
  }
  for (int l = 0; l < LANES; l++) {
    t->mass[first + l] = mass[l];
    for (int64_t k = 0; k < d; k++)
      t->force[k * stride + first + l] = force[k][l];
  }
}

CLONES static void walk1 (const Tree *t, int64_t first) { walk(t, first, 1); }
CLONES static void walk2 (const Tree *t, int64_t first) { walk(t, first, 2); }
CLONES static void walk3 (const Tree *t, int64_t first) { walk(t, first, 3); }

/* Forces and masses of all; returns the sum of q over pairs of rows. */
static double repel (Tree *t, const double *y) {
  plant(t, y);
  #pragma omp parallel for schedule(static, 16)
  for (int64_t first = 0; first < t->n; first += LANES)
    (t->d == 1 ? walk1 : t->d == 2 ? walk2 : walk3)(t, first);
  double sum = 0;
  for (int64_t i = 0; i < t->n; i++)
    sum += t->mass[i] - 1;
  return sum;
}

/* ---- descent ------------------------------------------------------------- */

/* The pull on row i: sum of p q (y_i - y_j). */
static inline __attribute__((always_inline))
void pull (const Affinity *a, const double *y, int64_t i, const int64_t d,
           double *out) {
  double sum[3] = { 0 };
  for (int64_t e = a->start[i]; e < a->start[i + 1]; e++) {
    const double *other = y + a->col[e] * d;
    double gap[3], far = 1;
    for (int64_t k = 0; k < d; k++) {
      gap[k] = y[i * d + k] - other[k];
      far += gap[k] * gap[k];
    }
    double pq = a->p[e] / far;
    for (int64_t k = 0; k < d; k++)
      sum[k] += pq * gap[k];
  }
  for (int64_t k = 0; k < d; k++)
    out[k] = sum[k];
}

/* Gradient [n, d] of the KL divergence with p times `more`; returns the sum of
 * q over pairs. */
static double gradient (const Affinity *a, Tree *t, const double *y,
                        double more, double *g) {
  int64_t d = t->d, stride = t->n + LANES;
  double total = repel(t, y);
  #pragma omp parallel for schedule(static, 64)
  for (int64_t place = 0; place < t->n; place++) {
    int64_t i = t->order[place];
    double *out = g + i * d;
    if (d == 1)
      pull(a, y, i, 1, out);
    else if (d == 2)
      pull(a, y, i, 2, out);
    else
      pull(a, y, i, 3, out);
    for (int64_t k = 0; k < d; k++)
      out[k] = 4 * (more * out[k] - t->force[k * stride + place] / total);
  }
  return total;
}

/* Steps whose momentum and gains begin anew. */
typedef struct Descent {
  double *g, *speed, *gain, rate;
} Descent;

static void descend (const Affinity *a, Tree *t, double *y, Descent s,
                     int64_t steps, double momentum, double more) {
  int64_t count = t->n * t->d;
  for (int64_t i = 0; i < count; i++) {
    s.speed[i] = 0;
    s.gain[i] = 1;
  }
  for (int64_t step = 0; step < steps && !stop_wanted; step++) {
    gradient(a, t, y, more, s.g);
    for (int64_t i = 0; i < count; i++) {
      bool turned = s.speed[i] * s.g[i] < 0;
      double gain = turned ? s.gain[i] + 0.2 : s.gain[i] * 0.8;
      s.gain[i] = gain > 0.01 ? gain : 0.01;
      s.speed[i] = momentum * s.speed[i] - s.rate * s.gain[i] * s.g[i];
      y[i] += s.speed[i];
    }
  }
}

/* ---- the start ----------------------------------------------------------- */

/* A number in -1 .. 1 that belongs to a place (SplitMix64, Steele, Lea and
 * Flood 2014). */
static double scattered (uint64_t place) {
  uint64_t z = (place + 1) * 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (double) ((z ^ z >> 31) >> 11) * 0x1p-52 - 1;
}

/* Column k of y: the rows along one direction, whose largest entry counts as
 * positive. */
static void project (Rows x, const double *mean, const double *vectors,
                     int64_t column, double *y, int64_t d) {
  double largest = 0;
  for (int64_t j = 0; j < x.d; j++) {
    double v = vectors[j * x.d + column];
    largest = fabs(v) > fabs(largest) * (1 + 1e-9) ? v : largest;
  }
  for (int64_t i = 0; i < x.n; i++) {
    double sum = 0;
    for (int64_t j = 0; j < x.d; j++)
      sum += (x.at[i * x.d + j] - mean[j]) * vectors[j * x.d + column];
    y[i * d] = largest < 0 ? -sum : sum;
  }
}

/* Principal directions; where the rows have no spread left, scattered. */
static void start (const Call *c, Rows x, double *y, int64_t d) {
  double *mean = room(x.d), *v = room(x.d * x.d), *w = room(x.d), square = 0;
  RowSource source = rows_source(c, "z");
  covariance(&source, mean, v);
  linalg_eigh(x.d, v, w, true);
  for (int64_t k = 0; k < d; k++) {
    int64_t column = x.d - 1 - k;
    if (column >= 0 && w[column] > 1e-12 * w[x.d - 1])
      project(x, mean, v, column, y + k, d);
    else
      for (int64_t i = 0; i < x.n; i++)
        y[i * d + k] = sqrt(w[x.d - 1]) * scattered((uint64_t) (i * d + k));
  }
  for (int64_t i = 0; i < x.n; i++)
    square += y[i * d] * y[i * d];
  double scale = START_SPREAD / sqrt(square / (double) x.n);
  for (int64_t i = 0; i < x.n * d; i++)
    y[i] *= scale;
}

/* ---- the records --------------------------------------------------------- */

static int64_t rows_count (const Call *c) {
  return arg(c, "z")->shape.size[0];
}

/* Exact up to 1,000 rows, unless theta says how. */
static double theta_of (const Call *c) {
  double theta = arg_given(c, "theta") ? number_of(c, "theta")
                                       : rows_count(c) <= 1000 ? 0 : 0.5;
  if (!(theta >= 0 && theta <= 1))
    bad_arg(c, "theta", "must lie in 0..1, got %g", theta);
  if (theta == 0 && rows_count(c) > MOST_EXACT)
    bad_arg(c, "theta", "0 compares all pairs, which is for at most %d rows, "
            "got %lld; 0.5 is usual", MOST_EXACT, (long long) rows_count(c));
  return theta;
}

/* 30, or a third of the other rows where they are few. */
static double perplexity_of (const Call *c) {
  double rest = (double) rows_count(c) - 1, usual = rest / 3;
  usual = usual > 30 ? 30 : usual < 1 ? 1 : usual;
  double p = arg_given(c, "perplexity") ? number_of(c, "perplexity") : usual;
  if (!(p >= 1 && p < rest))
    bad_arg(c, "perplexity", "must be at least 1 and less than the %g other "
            "rows, got %g", rest, p);
  return p;
}

static int64_t neighbours_of (double perplexity, double theta, int64_t n) {
  int64_t k = (int64_t) (3 * perplexity + 1);
  return theta == 0 || k > n - 1 ? n - 1 : k;
}

static void need_codes (const Call *c) {
  need_rank(c, "z", 2);
  if (rows_count(c) < 3 || arg(c, "z")->shape.size[1] < 1)
    bad_arg(c, "z", "needs at least 3 rows, got %s",
            shape_text(&arg(c, "z")->shape));
}

static void tsne_shape (const Call *c, Shape *y, DType *dtype) {
  need_codes(c);
  int64_t d = arg_int(c, "d");
  if (d < 1 || d > 3)
    bad_arg(c, "d", "must be 1, 2 or 3, got %lld", (long long) d);
  if (arg_int(c, "steps") < 1)
    bad_arg(c, "steps", "must be at least 1, got %lld",
            (long long) arg_int(c, "steps"));
  *y = shape_of(2, (int) rows_count(c), (int) d);
  *dtype = F32;
}

/* Rows that are all the same have no direction to start from. */
static void need_spread (const Call *c, Rows z) {
  for (int64_t i = z.d; i < z.n * z.d; i++)
    if (z.at[i] != z.at[i - z.d])
      return;
  bad_arg(c, "z", "has %lld equal rows: there is nothing to arrange",
          (long long) z.n);
}

static void tsne_forward (Call *c, Tensor *out) {
  Rows z = rows_finite(c, "z");
  double theta = theta_of(c), perplexity = perplexity_of(c);
  int64_t d = arg_int(c, "d"), steps = arg_int(c, "steps"), count = z.n * d;
  need_spread(c, z);
  double *y = room(count), rate = (double) z.n / EXAGGERATION / 4;
  start(c, z, y, d);
  Affinity a = affinity(z, perplexity, neighbours_of(perplexity, theta, z.n));
  Tree t = tree_new(z.n, d, theta);
  Descent s = { room(count), room(count), room(count), rate > 50 ? rate : 50 };
  descend(&a, &t, y, s, steps / 4, 0.5, EXAGGERATION);
  descend(&a, &t, y, s, steps - steps / 4, 0.8, 1);
  put(out, y);
}

static void need_map (const Call *c) {
  need_codes(c);
  need_rank(c, "y", 2);
  const Shape *y = &arg(c, "y")->shape;
  if (y->size[0] != rows_count(c) || y->size[1] < 1 || y->size[1] > 3)
    bad_arg(c, "y", "must be [%lld, 1..3], a row for each of z, got %s",
            (long long) rows_count(c), shape_text(y));
}

static void kl_shape (const Call *c, Shape *y, DType *dtype) {
  need_map(c);
  *y = shape_of(0);
  *dtype = F64;
}

static void kl_forward (Call *c, Tensor *out) {
  Rows z = rows_finite(c, "z"), y = rows_finite(c, "y");
  double theta = theta_of(c), perplexity = perplexity_of(c), sum = 0;
  Affinity a = affinity(z, perplexity, neighbours_of(perplexity, theta, z.n));
  Tree t = tree_new(z.n, y.d, theta);
  double total = repel(&t, y.at);
  for (int64_t i = 0; i < z.n; i++)
    for (int64_t e = a.start[i]; e < a.start[i + 1]; e++) {
      double far = 1;
      for (int64_t k = 0; k < y.d; k++) {
        double gap = y.at[i * y.d + k] - y.at[a.col[e] * y.d + k];
        far += gap * gap;
      }
      if (a.p[e] > 0)
        sum += a.p[e] * log(a.p[e] * far * total);
    }
  put(out, &sum);
}

static void slope_shape (const Call *c, Shape *y, DType *dtype) {
  need_map(c);
  *y = arg(c, "y")->shape;
  *dtype = F64;
}

static void slope_forward (Call *c, Tensor *out) {
  Rows z = rows_finite(c, "z"), y = rows_finite(c, "y");
  double theta = theta_of(c), perplexity = perplexity_of(c);
  Affinity a = affinity(z, perplexity, neighbours_of(perplexity, theta, z.n));
  Tree t = tree_new(z.n, y.d, theta);
  double *g = room(y.n * y.d);
  gradient(&a, &t, y.at, 1, g);
  put(out, g);
}

const Op tsne_ops[] = {
  { .name = "tsne",
    .args = "z:tensor | d:int=2 perplexity:value? theta:value? steps:int=1000",
    .doc = "Map of the rows of z in which neighbours stay together: t-SNE, "
           "started from the principal directions and the same for every "
           "run.  z: [N, Z], N at least 3.  d: 1, 2 or 3.  perplexity: how "
           "many neighbours count (30, or (N - 1) / 3 if that is less).  theta: "
           "0 compares all pairs (up to 1,000 rows the default, at most "
           "5,000), else cells of a tree stand for points that are far away "
           "(0.5, Barnes-Hut) and p has 3 perplexity + 1 neighbours a row.  "
           "Distances in the map between clusters mean little.  Result: "
           "[N, d].  van der Maaten and Hinton 2008; van der Maaten 2014.",
    .example = "tsne(randn(12, 3), { steps = 20 })",
    .cases = { "tsne(randn(30, 1), { steps = 8, theta = 0.5 })",
               "tsne(randn(40, 4), { d = 3, perplexity = 4, theta = 0.5, "
               "steps = 8 })",
               "tsne(randn(3, 2), { d = 1, steps = 4 })" },
    .bench = "tsne(randn(2000, 20), { steps = 50 })",
    .shape = tsne_shape, .forward = tsne_forward, .no_gradient = "a metric" },
  { .name = "tsne_kl",
    .args = "z:tensor y:tensor | perplexity:value? theta:value?",
    .doc = "The KL divergence that t-SNE makes small, of a map y of the rows "
           "of z, in nats.  z: [N, Z]; y: [N, 1..3].  perplexity, theta: as in "
           "tsne.  Result: one float64 number.",
    .example = "tsne_kl(randn(12, 3), randn(12, 2))",
    .cases = { "tsne_kl(randn(30, 3), randn(30, 3), { perplexity = 5, "
               "theta = 0.5 })" },
    .shape = kl_shape, .forward = kl_forward, .no_gradient = "a metric" },
  { .name = "tsne_gradient",
    .args = "z:tensor y:tensor | perplexity:value? theta:value?",
    .doc = "The gradient of tsne_kl in y.  z: [N, Z]; y: [N, 1..3].  "
           "perplexity, theta: as in tsne.  Result: the shape of y, float64.",
    .example = "tsne_gradient(randn(12, 3), randn(12, 2))",
    .cases = { "tsne_gradient(randn(30, 3), randn(30, 1), { theta = 0.5 })" },
    .shape = slope_shape, .forward = slope_forward, .no_gradient = "a metric" },
  { 0 }
};
