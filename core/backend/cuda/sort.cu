/*
 * sort.cu - the order of the elements of rows on CUDA: argmax and argsort.
 *
 * An element is one 64-bit number, its key above its place, so that no two are
 * equal and any sort is stable.  Tiles of 2,048 elements are sorted in shared
 * memory (bitonic: Batcher 1968), several rows in a tile where they are short.
 * Longer rows are merged then: each element finds its place in the other half
 * by bisection.
 */
#include "backend/cuda/kernel.cuh"

enum { TILE = 2048 };

typedef unsigned long long Item;

/* Keys whose order as unsigned numbers is the order of x; -0 equals 0. */
static __device__ __forceinline__ uint32_t order_of (float x) {
  uint32_t b = bits_(x + 0.0f);
  return b >> 31 ? ~b : b | 0x80000000u;
}

/* ---- argmax ---- */

/* The best has the largest key; the earlier one is the larger item.  NaN is
 * better than all else. */
KERNEL_FN argmax (int team, int32_t *y, const float *x, bool least,
                  int64_t rows, int64_t n) {
  EACH_ROW(r, rows, team) {
    Item best = 0xFFFFFFFFu;       /* element 0, worse than all */
    EACH_OF_ROW(i, n, team) {
      float v = x[r * n + i];
      uint32_t order = order_of(v);
      uint32_t key = v != v ? 0xFFFFFFFFu : least ? ~order : order;
      Item item = (Item) key << 32 | (uint32_t) ~i;
      best = item > best ? item : best;
    }
    best = team_join(JoinMax(), best, team);
    if (threadIdx.x % (unsigned) team == 0)
      y[r] = (int32_t) ~(uint32_t) best + 1;
  }
}

cudaError_t cuda_argmax (View y, View x, bool least) {
  Rows r = rows_of(x);
  return LAUNCH_TEAMS(argmax, r, (int32_t *) y.data, (const float *) x.data,
                      least);
}

/* ---- argsort ---- */

typedef struct Sort {
  const float *x;
  int64_t rows, columns;
  int64_t segments;            /* of a row: pieces of `length` elements */
  int length;                  /* a power of two, at most TILE */
  bool descending;
} Sort;

/* NaN last in both directions. */
static __device__ __forceinline__ Item item_of (const Sort &s, int64_t row,
                                                int64_t column) {
  float x = s.x[row * s.columns + column];
  uint32_t order = order_of(x), key = s.descending ? ~order : order;
  return (Item) (x != x ? 0xFFFFFFFFu : key) << 32 | (uint32_t) column;
}

static __device__ __forceinline__ int32_t place_of (Item item) {
  return (int32_t) (uint32_t) item + 1;
}

/* Sorts each segment in the tile; behind the last element of a row lie items
 * that are larger than all others. */
static __device__ __forceinline__ void sort_tile (Item *room, int length) {
  for (int size = 2; size <= length; size *= 2)
    for (int step = size / 2; step > 0; step /= 2) {
      __syncthreads();
      for (int k = (int) threadIdx.x; k < TILE / 2; k += THREADS) {
        int i = 2 * k - (k & (step - 1));
        Item a = room[i], b = room[i + step];
        bool up = (i & (length - 1) & size) == 0;
        if ((a > b) == up) {
          room[i] = b;
          room[i + step] = a;
        }
      }
    }
}

/* To y if a row is one segment, else to items. */
KERNEL_FN sort_tiles (Sort s, int64_t tiles, Item *items, int32_t *y) {
  __shared__ Item room[TILE];
  int in_tile = TILE / s.length;
  for (int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int64_t first = tile * in_tile;
    __syncthreads();               /* the last tile has been written */
    for (int k = (int) threadIdx.x; k < TILE; k += THREADS) {
      int64_t segment = first + k / s.length, row = segment / s.segments;
      int64_t column = (segment - row * s.segments) * s.length
                       + k % s.length;
      room[k] = row < s.rows && column < s.columns ? item_of(s, row, column)
                                                   : ~(Item) 0;
    }
    sort_tile(room, s.length);
    __syncthreads();
    for (int k = (int) threadIdx.x; k < TILE; k += THREADS) {
      int64_t segment = first + k / s.length, row = segment / s.segments;
      int64_t column = (segment - row * s.segments) * s.length
                       + k % s.length;
      if (row >= s.rows || column >= s.columns)
        continue;
      if (s.segments == 1)
        y[row * s.columns + column] = place_of(room[k]);
      else
        items[row * s.columns + column] = room[k];
    }
  }
}

/* How many of the sorted items from .. to - 1 are smaller. */
static __device__ __forceinline__ int64_t smaller (const Item *items,
                                                   int64_t from, int64_t to,
                                                   Item item) {
  int64_t begin = from;
  while (from < to) {
    int64_t middle = from + (to - from) / 2;
    if (items[middle] < item)
      from = middle + 1;
    else
      to = middle;
  }
  return from - begin;
}

/* Merges sorted runs two by two; y is written by the last merge. */
KERNEL_FN merge (Item *to, int32_t *y, const Item *from, int64_t run,
                 int64_t count, int64_t n) {
  EACH_INDEX(i, count) {
    int64_t row = i / n * n, at = i - row;
    int64_t start = at / (2 * run) * (2 * run);
    int64_t middle = start + run < n ? start + run : n;
    int64_t end = middle + run < n ? middle + run : n;
    const Item *items = from + row;
    Item item = items[at];
    int64_t place = at < middle ? at + smaller(items, middle, end, item)
                                : start + at - middle
                                  + smaller(items, start, middle, item);
    if (2 * run >= n)
      y[row + place] = place_of(item);
    else
      to[row + place] = item;
  }
}

static Sort sort_of (const View &x, bool descending) {
  Rows r = rows_of(x);
  Sort s = { (const float *) x.data, r.rows, r.columns, 1, 1, descending };
  while (s.length < s.columns && s.length < TILE)
    s.length *= 2;
  if (s.columns > s.length)
    s.segments = (s.columns + s.length - 1) / s.length;
  return s;
}

cudaError_t cuda_argsort (View y, View x, bool descending) {
  Sort s = sort_of(x, descending);
  int64_t count = s.rows * s.columns, in_tile = TILE / s.length;
  int64_t tiles = (s.rows * s.segments + in_tile - 1) / in_tile;
  Item *a = NULL, *b = NULL;
  if (count == 0)
    return cudaSuccess;
  if (s.segments > 1) {
    a = (Item *) cuda_scratch((size_t) count * 2 * sizeof(Item));
    if (a == NULL)
      return cudaErrorMemoryAllocation;
    b = a + count;
  }
  cudaError_t error = LAUNCH(sort_tiles, tiles * THREADS, s, tiles, a,
                             (int32_t *) y.data);
  for (int64_t run = TILE; run < s.columns && error == cudaSuccess; run *= 2) {
    error = LAUNCH(merge, count, b, (int32_t *) y.data, a, run, count,
                   s.columns);
    Item *spare = a;
    a = b;
    b = spare;
  }
  return error;
}
