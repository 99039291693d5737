/*
 * pairwise.cu - squared distances between the rows of a [N,D] and b [M,D].
 *
 * The differences themselves are squared and added, not |a|^2 + |b|^2 - 2ab,
 * which loses all digits for near rows: those are the ones that are asked
 * for.
 *
 * A block computes tiles of TILE x TILE pairs.  DEPTH columns of both sides at
 * a time lie in shared memory; a thread has SIDE x SIDE pairs and adds all
 * columns of each, DEPTH of them and then those sums, which loses less than
 * one long sum.  Zeros stand in for rows and columns that are missing.
 */
#include "backend/cuda/kernel.cuh"

enum {
  SIDE = 4, TEAM = 16, TILE = SIDE * TEAM,   /* TEAM^2 threads */
  DEPTH = 16, PAD = 4,                       /* PAD: fewer bank conflicts */
  SPLITS_MOST = 512                          /* of b's rows, at most */
};

typedef struct Tile { float row[DEPTH][TILE + PAD]; } Tile;

/* Columns from .. of rows first .. of x [n,d], transposed. */
static __device__ __forceinline__ void load_tile (Tile *t, const float *x,
                                                  int64_t first, int64_t n,
                                                  int64_t from, int64_t d) {
  for (int i = threadIdx.x; i < TILE * DEPTH; i += THREADS) {
    int row = i / DEPTH, column = i % DEPTH;
    bool inside = first + row < n && from + column < d;
    t->row[column][row] = inside ? x[(first + row) * d + from + column] : 0;
  }
}

static __device__ __forceinline__ void load_side (float v[SIDE],
                                                  const float *row,
                                                  unsigned at) {
  float4 all = *(const float4 *) (row + at * SIDE);
  v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
}

/* Rows of a of this thread's pairs in a tile: SIDE * ty .. and of b: SIDE *
 * tx .. */
static __device__ __forceinline__ unsigned ty (void) {
  return threadIdx.x / TEAM;
}

static __device__ __forceinline__ unsigned tx (void) {
  return threadIdx.x % TEAM;
}

/* Adds the pairs' distances over the columns that have been loaded. */
static __device__ __forceinline__ void add_depth (float sum[SIDE][SIDE],
                                                  const Tile *ta,
                                                  const Tile *tb) {
  float part[SIDE][SIDE] = {};
  for (int i = 0; i < DEPTH; i++) {
    float va[SIDE], vb[SIDE];
    load_side(va, ta->row[i], ty());
    load_side(vb, tb->row[i], tx());
    for (int j = 0; j < SIDE; j++)
      for (int k = 0; k < SIDE; k++) {
        float difference = va[j] - vb[k];
        part[j][k] = fmaf(difference, difference, part[j][k]);
      }
  }
  for (int j = 0; j < SIDE; j++)
    for (int k = 0; k < SIDE; k++)
      sum[j][k] += part[j][k];
}

/* The distances of a tile: rows i .. of a, j .. of b.  All threads of a block
 * come here together. */
static __device__ __forceinline__ void distances (float sum[SIDE][SIDE],
                                                  const float *a, int64_t i,
                                                  int64_t n, const float *b,
                                                  int64_t j, int64_t m,
                                                  int64_t d) {
  __shared__ __align__(16) Tile ta, tb;
  for (int k = 0; k < SIDE * SIDE; k++)
    sum[k / SIDE][k % SIDE] = 0;
  for (int64_t from = 0; from < d; from += DEPTH) {
    __syncthreads();                 /* what was there has been used */
    load_tile(&ta, a, i, n, from, d);
    load_tile(&tb, b, j, m, from, d);
    __syncthreads();
    add_depth(sum, &ta, &tb);
  }
}

static inline int64_t tile_count (int64_t n) {
  return (n + TILE - 1) / TILE;
}

/* ---- all distances ---- */

KERNEL_FN all_distances (float *y, const float *a, int64_t n, const float *b,
                         int64_t m, int64_t d) {
  int64_t across = (m + TILE - 1) / TILE;
  int64_t i = blockIdx.x / across * TILE, j = blockIdx.x % across * TILE;
  float sum[SIDE][SIDE];
  distances(sum, a, i, n, b, j, m, d);
  i += ty() * SIDE, j += tx() * SIDE;
  for (int k = 0; k < SIDE; k++)
    for (int l = 0; l < SIDE; l++)
      if (i + k < n && j + l < m)
        y[(i + k) * m + j + l] = sum[k][l];
}

cudaError_t cuda_sqdist (View y, View a, View b) {
  int64_t n = a.size[0], d = a.size[1], m = b.size[0];
  return LAUNCH_BLOCKS(all_distances, tile_count(n) * tile_count(m),
                       (float *) y.data, (const float *) a.data, n,
                       (const float *) b.data, m, d);
}

/* ---- the nearest row ---- */

typedef struct Near {
  float distance;
  int32_t at;                        /* row of b, from 0 */
} Near;

/* The lower row wins where distances are equal; NaN never wins. */
static __device__ __forceinline__ Near nearer (Near a, Near b) {
  bool second = b.distance < a.distance
                || (b.distance == a.distance && b.at < a.at);
  return second ? b : a;
}

/* The nearest among the TEAM threads that share rows of a. */
static __device__ __forceinline__ Near team_nearest (Near best) {
  for (int half = TEAM / 2; half > 0; half /= 2) {
    Near other = {
      __shfl_xor_sync(0xFFFFFFFFu, best.distance, half),
      __shfl_xor_sync(0xFFFFFFFFu, best.at, half)
    };
    best = nearer(best, other);
  }
  return best;
}

/* found[split][i]: the nearest of the rows of b in a split, which has that
 * many tiles; a block has TILE rows of a and one split. */
KERNEL_FN nearest_of (Near *found, const float *a, int64_t n, const float *b,
                      int64_t m, int64_t d, int64_t splits, int64_t tiles) {
  int64_t i = blockIdx.x / splits * TILE, split = blockIdx.x % splits;
  int64_t from = split * tiles * TILE, to = from + tiles * TILE;
  float sum[SIDE][SIDE];
  Near best[SIDE];
  for (int k = 0; k < SIDE; k++)
    best[k] = Near { INFINITY, 0 };
  for (int64_t j = from; j < to && j < m; j += TILE) {
    distances(sum, a, i, n, b, j, m, d);
    for (int k = 0; k < SIDE; k++)
      for (int l = 0; l < SIDE; l++) {
        int64_t at = j + tx() * SIDE + l;
        if (at < m && sum[k][l] < best[k].distance)
          best[k] = Near { sum[k][l], (int32_t) at };
      }
  }
  for (int k = 0; k < SIDE; k++) {
    int64_t row = i + ty() * SIDE + k;
    Near near = team_nearest(best[k]);
    if (tx() == 0 && row < n)
      found[split * n + row] = near;
  }
}

KERNEL_FN nearest_at_all (int32_t *y, const Near *found, int64_t n,
                          int64_t splits) {
  EACH_INDEX(i, n) {
    Near best = { INFINITY, 0 };
    for (int64_t s = 0; s < splits; s++)
      best = nearer(best, found[s * n + i]);
    y[i] = best.at + 1;
  }
}

/* Where a has few tiles, b is split so that all of the device works. */
cudaError_t cuda_nearest (View y, View a, View b) {
  int64_t n = a.size[0], d = a.size[1], m = b.size[0];
  if (n == 0)
    return cudaSuccess;
  int64_t down = tile_count(n), across = tile_count(m);
  int64_t wanted = 1 + SPLITS_MOST / down;
  int64_t tiles = (across + wanted - 1) / wanted;
  int64_t splits = tiles > 0 ? (across + tiles - 1) / tiles : 0;
  Near *found = (Near *) cuda_scratch((size_t) (splits * n + 1)
                                      * sizeof(Near));
  cudaError_t e = found == NULL ? cudaErrorMemoryAllocation
                  : LAUNCH_BLOCKS(nearest_of, down * splits, found,
                                  (const float *) a.data, n,
                                  (const float *) b.data, m, d, splits,
                                  tiles);
  return e != cudaSuccess ? e
         : LAUNCH(nearest_at_all, n, (int32_t *) y.data, found, n, splits);
}
