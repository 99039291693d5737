/* thin.c - see thin.h. */
#include "backend/cpu/thin.h"

#include "backend/cpu/cpu.h"

static const ThinIsa *isa (void) {
  return cpu_level() == 4 ? &thin_v4 : &thin_v3;
}

static bool by_rows (const Thin *t) {
  return t->b.column == 1;
}

/* Columns of b are short: they are turned into rows, where that pays. */
static bool by_turning (const Thin *t) {
  return t->k <= THIN_DEPTH && (t->m > 2 || t->a.column != 1);
}

/* Longer sides are left to a library, whose blocks are laid out for all
 * caches. */
bool thin_fits (const Thin *t) {
  enum { SHORT = 32, TINY = 8192 };
  if (cpu_level() < 3)
    return false;
  bool fits = t->m <= SHORT || t->m * t->n * t->k <= TINY;
  return by_rows(t) ? fits || t->k <= SHORT
                    : fits && (by_turning(t) || t->a.column == 1);
}

/* How y is cut: a piece for each thread, if it repays the waking. */
typedef struct Cut { int64_t rows, columns; } Cut;

static int64_t share (int64_t n, int64_t pieces, int64_t unit) {
  return chunk_count(chunk_count(n, pieces), unit) * unit;
}

static Cut cut_of (const Thin *t) {
  enum { WORTH = 16384, TALL = 8, WIDE = 16, FEW = 4 };
  int64_t work = t->m * t->n * t->k, pieces = work / WORTH;
  pieces = pieces > cpu_threads() ? cpu_threads() : pieces < 1 ? 1 : pieces;
  if (t->m >= TALL * pieces)
    return (Cut) { share(t->m, pieces, FEW), t->n };
  return (Cut) { t->m, share(t->n, pieces, by_rows(t) || by_turning(t)
                                           ? WIDE : FEW) };
}

int64_t thin_pieces (const Thin *t) {
  Cut c = cut_of(t);
  return chunk_count(t->m, c.rows) * chunk_count(t->n, c.columns);
}

ThinPart thin_piece (const Thin *t, int64_t i) {
  Cut c = cut_of(t);
  int64_t across = chunk_count(t->n, c.columns);
  int64_t row = i / across, column = i % across;
  return (ThinPart) { row * c.rows, chunk_end(row, c.rows, t->m),
                      column * c.columns,
                      chunk_end(column, c.columns, t->n) };
}

void thin_product (const Thin *t, ThinPart p) {
  if (by_rows(t))
    isa()->sums(t, p);
  else if (by_turning(t))
    isa()->turned(t, p);
  else
    isa()->dots(t, p);
}
