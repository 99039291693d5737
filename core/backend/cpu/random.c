/*
 * random.c - random fills on the CPU.
 *
 * Numbers are addressed (base/rng.h): block i of an address gives elements
 * 4 i .. 4 i + 3, whoever computes them, so threads and devices agree.
 */
#include "backend/cpu/cpu.h"
#include "backend/math.h"

static int64_t count_of (const View *v) {
  int64_t n = 1;
  for (int i = 0; i < v->rank; i++)
    n *= v->size[i];
  return n;
}

/* Four results of one block of words; `state` is the kernel's own. */
typedef void (*Draw) (void *y, Philox p, const void *state);

/* Fills n elements of `size` bytes, blocks from .. to - 1; the last block may
 * be a part of one. */
static void draw_blocks (char *y, size_t size, int64_t n, Address a, Draw draw,
                         const void *state, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i++) {
    char four[16] __attribute__((aligned(16)));
    int64_t rest = n - 4 * i < 4 ? n - 4 * i : 4;
    draw(four, philox_at(a.at, (uint64_t) i), state);
    memcpy(y + (size_t) (4 * i) * size, four, (size_t) rest * size);
  }
}

/* Chunks are multiples of four elements, so blocks do not straddle them. */
static void draw_all (View y, Address a, Draw draw, const void *state) {
  int64_t n = count_of(&y), blocks = (n + 3) / 4, size = CHUNK / 4;
  int64_t chunks = chunk_count(blocks, size);
#pragma omp parallel for schedule(static) if (worth_threads(4 * n))
  for (int64_t i = 0; i < chunks; i++)
    draw_blocks(y.data, sizeof(float), n, a, draw, state, i * size,
                chunk_end(i, size, blocks));
}

static void draw_uniform (void *y, Philox p, const void *state) {
  float *out = y;
  (void) state;
  for (int k = 0; k < 4; k++)
    out[k] = uniform_of(p.word[k]);
}

static void draw_words (void *y, Philox p, const void *state) {
  (void) state;
  memcpy(y, p.word, sizeof p.word);
}

typedef struct Range {
  int64_t low;
  uint64_t count;
} Range;

/* The upper half of word * count: off by count / 2^32 from even at most. */
static void draw_integer (void *y, Philox p, const void *state) {
  const Range *range = state;
  int32_t *out = y;
  for (int k = 0; k < 4; k++)
    out[k] = (int32_t) (range->low
                        + (int64_t) (p.word[k] * range->count >> 32));
}

void cpu_rand (View y, Address a) {
  draw_all(y, a, draw_uniform, NULL);
}

void cpu_randint (View y, Address a, int64_t low, int64_t high) {
  Range range = { low, (uint64_t) (high - low) + 1 };
  draw_all(y, a, draw_integer, &range);
}

/* ---- normals ---- */

enum { WIDTH = 64 };             /* blocks of words that are mapped together */

/* Words first, then the mathematics in loops that vectorise: word k of block
 * j in w[k][j]; y[k][j] likewise.  The same as normals_of. */
HOT static void normal_blocks (float y[4][WIDTH], const uint32_t w[4][WIDTH]) {
  for (int k = 0; k < 4; k += 2)
    for (int j = 0; j < WIDTH; j++)
      normal_pair_(w[k][j], w[k + 1][j], &y[k][j], &y[k + 1][j]);
}

HOT static void words (uint32_t w[4][WIDTH], Address a, int64_t first) {
  uint32_t key[4];
  memcpy(key, a.at, sizeof key);
  for (int j = 0; j < WIDTH; j++) {
    Philox p = philox_at(key, (uint64_t) (first + j));
    for (int k = 0; k < 4; k++)
      w[k][j] = p.word[k];
  }
}

static void normal_chunk (float *y, int64_t n, Address a, int64_t from,
                          int64_t to) {
  uint32_t w[4][WIDTH];
  float z[4][WIDTH];
  for (int64_t first = from; first < to; first += WIDTH) {
    int64_t last = 4 * (first + WIDTH) < n ? 4 * (first + WIDTH) : n;
    words(w, a, first);
    normal_blocks(z, (const uint32_t (*)[WIDTH]) w);
    for (int64_t i = 4 * first; i < last; i++)
      y[i] = z[i % 4][i / 4 - first];
  }
}

void cpu_randn (View y, Address a) {
  int64_t n = count_of(&y), blocks = (n + 3) / 4, size = CHUNK / 4;
  int64_t chunks = chunk_count(blocks, size);
#pragma omp parallel for schedule(static) if (worth_threads(4 * n))
  for (int64_t i = 0; i < chunks; i++)
    normal_chunk(y.data, n, a, i * size, chunk_end(i, size, blocks));
}

/* ---- permutations ---- */

typedef struct Key {
  uint32_t key;
  int32_t at;
} Key;

/* One pass of a radix sort by eight bits; keeps the order of equal keys. */
static void radix_pass (Key *to, const Key *from, int64_t n, int shift) {
  int64_t place[256] = { 0 }, sum = 0;
  for (int64_t i = 0; i < n; i++)
    place[from[i].key >> shift & 255]++;
  for (int b = 0; b < 256; b++) {
    int64_t count = place[b];
    place[b] = sum;
    sum += count;
  }
  for (int64_t i = 0; i < n; i++)
    to[place[from[i].key >> shift & 255]++] = from[i];
}

/* 1 .. n sorted by random words; of equal words the smaller number goes
 * first.  A sort, unlike swaps one after the other, is the same on any
 * device. */
void cpu_randperm (View y, Address a) {
  int64_t n = count_of(&y);
  int32_t *out = y.data;
  cpu_reserve((size_t) n * 2 * sizeof(Key));
  Key *keys = cpu_scratch(), *spare = keys + n;
  draw_all(y, a, draw_words, NULL);
  for (int64_t i = 0; i < n; i++)
    keys[i] = (Key) { (uint32_t) out[i], (int32_t) i };
  for (int shift = 0; shift < 32; shift += 16) {
    radix_pass(spare, keys, n, shift);
    radix_pass(keys, spare, n, shift + 8);
  }
  for (int64_t i = 0; i < n; i++)
    out[i] = keys[i].at + 1;
}

/* ---- dropout ---- */

static void dropout_chunk (float *y, const float *x, int64_t n, Address a,
                           float p, int64_t from, int64_t to) {
  float scale = p < 1 ? 1 / (1 - p) : 0;
  for (int64_t i = from; i < to; i++) {
    Philox words4 = philox_at(a.at, (uint64_t) i);
    for (int k = 0; k < 4 && 4 * i + k < n; k++)
      y[4 * i + k] = uniform_of(words4.word[k]) < p ? 0 : x[4 * i + k] * scale;
  }
}

void cpu_dropout (View y, View x, Address a, Scalar p) {
  int64_t n = count_of(&y), blocks = (n + 3) / 4, size = CHUNK / 4;
  int64_t chunks = chunk_count(blocks, size);
#pragma omp parallel for schedule(static) if (worth_threads(4 * n))
  for (int64_t i = 0; i < chunks; i++)
    dropout_chunk(y.data, x.data, n, a, *p.at, i * size,
                  chunk_end(i, size, blocks));
}
