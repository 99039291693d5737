/*
 * thin.h - matrix products with a short side, such as those of a layer and few
 * rows, for processors with AVX2 or AVX-512.  Their weights are read once and
 * as they lie: nothing is packed or laid in another order.
 *
 * An element of y is added up by one thread, in an order that the shape alone
 * decides, not the block that it falls into.  So the blocks may follow from
 * the number of threads.
 */
#ifndef thin_h
#define thin_h

#include <stdbool.h>
#include <stdint.h>

/* y [m, n] = a [m, k] b [k, n].  Element (i, j) lies at i * row + j * column;
 * y is contiguous. */
typedef struct ThinMatrix {
  const float *at;
  int64_t row, column;
} ThinMatrix;

typedef struct Thin {
  float *y;
  ThinMatrix a, b;
  int64_t m, n, k;
} Thin;

/* Rows first .. end - 1, columns from .. to - 1 of y. */
typedef struct ThinPart { int64_t first, end, from, to; } ThinPart;

bool thin_fits (const Thin *t);
/* y is cut into so many pieces. */
int64_t thin_pieces (const Thin *t);
ThinPart thin_piece (const Thin *t, int64_t i);
void thin_product (const Thin *t, ThinPart p);       /* on this thread */

/* ---- thin_v3.c and thin_v4.c, from thin_isa.h --------------------------- */

enum { THIN_ROWS = 32, THIN_DEPTH = 128 };

typedef struct ThinIsa {
  void (*sums) (const Thin *t, ThinPart p);    /* b.column is 1 */
  void (*turned) (const Thin *t, ThinPart p);  /* b.row is 1, k THIN_DEPTH or
                                                  less */
  void (*dots) (const Thin *t, ThinPart p);    /* a.column and b.row are 1 */
} ThinIsa;

extern const ThinIsa thin_v3, thin_v4;

#endif
