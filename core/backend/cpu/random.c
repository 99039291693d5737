/*
 * random.c - random fills on the CPU.
 *
 * Numbers are addressed (base/rng.h): block i of an address gives elements
 * 4 i .. 4 i + 3, whoever computes them, so threads and devices agree.
 */
#include "backend/cpu/cpu.h"
#include "backend/math.h"

enum { WIDTH = 64, WORDS = 4 * WIDTH };    /* blocks that are drawn together */

/* The words of WIDTH blocks in the order of their elements. */
HOT static void words (uint32_t *restrict w, Address a, int64_t first) {
  uint32_t at[4];
  memcpy(at, a.at, sizeof at);
  for (int j = 0; j < WIDTH; j++) {
    Philox p = philox_at(at, (uint64_t) (first + j));
    w[4 * j] = p.word[0];
    w[4 * j + 1] = p.word[1];
    w[4 * j + 2] = p.word[2];
    w[4 * j + 3] = p.word[3];
  }
}

/* Makes WORDS results of as many words; x are the inputs there, or NULL. */
typedef void (*Map) (void *y, const uint32_t *w, const float *x,
                     const void *state);

/* Elements from .. to - 1; from is a multiple of 4.  What is left over of the
 * last words is thrown away. */
static void draw_chunk (float *y, const float *x, int64_t from, int64_t to,
                        Address a, Map map, const void *state) {
  uint32_t w[WORDS] __attribute__((aligned(64)));
  float in[WORDS], out[WORDS];
  for (int64_t i = from; i < to; i += WORDS) {
    bool whole = i + WORDS <= to;
    size_t bytes = (size_t) (whole ? WORDS : to - i) * sizeof(float);
    words(w, a, i / 4);
    if (!whole)
      memset(in, 0, sizeof in);
    if (!whole && x != NULL)
      memcpy(in, x + i, bytes);
    map(whole ? y + i : out, w, !whole ? in : x ? x + i : NULL, state);
    if (!whole)
      memcpy(y + i, out, bytes);
  }
}

static void draw (View y, const float *x, Address a, Map map,
                  const void *state) {
  int64_t n = view_count(&y), chunks = chunk_count(n, CHUNK);
#pragma omp parallel for schedule(static) if (worth_threads(4 * n))
  for (int64_t i = 0; i < chunks; i++)
    draw_chunk(y.data, x, i * CHUNK, chunk_end(i, CHUNK, n), a, map, state);
}

/* ---- what words become ---- */

HOT static void uniform_map (void *y, const uint32_t *w, const float *x,
                             const void *state) {
  float *out = y;
  (void) x, (void) state;
  for (int i = 0; i < WORDS; i++)
    out[i] = uniform_of(w[i]);
}

/* Pairs of words to pairs of normals, as normals_of in math.h. */
HOT static void normal_map (void *y, const uint32_t *w, const float *x,
                            const void *state) {
  float *restrict out = y;
  (void) x, (void) state;
  for (int i = 0; i < WORDS / 2; i++)
    normal_pair_(w[2 * i], w[2 * i + 1], &out[2 * i], &out[2 * i + 1]);
}

typedef struct Range {
  int64_t low;
  uint64_t count;
} Range;

/* The upper half of word * count: off by count / 2^32 from even at most. */
static void integer_map (void *y, const uint32_t *w, const float *x,
                         const void *state) {
  const Range *range = state;
  int32_t *out = y;
  (void) x;
  for (int i = 0; i < WORDS; i++)
    out[i] = (int32_t) (range->low + (int64_t) (w[i] * range->count >> 32));
}

static void word_map (void *y, const uint32_t *w, const float *x,
                      const void *state) {
  (void) x, (void) state;
  memcpy(y, w, WORDS * sizeof *w);
}

/* With p = 1 nothing is left, and nothing is divided by 0. */
HOT static void dropout_map (void *y, const uint32_t *w, const float *x,
                             const void *state) {
  float *restrict out = y, p = *(const float *) state;
  float scale = p < 1 ? 1 / (1 - p) : 0;
  for (int i = 0; i < WORDS; i++) {
    float kept = x[i] * scale;
    out[i] = uniform_of(w[i]) < p ? 0 : kept;
  }
}

void cpu_rand (View y, Address a) {
  draw(y, NULL, a, uniform_map, NULL);
}

void cpu_randn (View y, Address a) {
  draw(y, NULL, a, normal_map, NULL);
}

void cpu_randint (View y, Address a, int64_t low, int64_t high) {
  Range range = { low, (uint64_t) (high - low) + 1 };
  draw(y, NULL, a, integer_map, &range);
}

void cpu_dropout (View y, View x, Address a, Scalar p) {
  draw(y, x.data, a, dropout_map, p.at);
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
  int64_t n = view_count(&y);
  int32_t *out = y.data;
  cpu_reserve((size_t) n * 2 * sizeof(Key));
  Key *keys = cpu_scratch(), *spare = keys + n;
  draw(y, NULL, a, word_map, NULL);
  for (int64_t i = 0; i < n; i++)
    keys[i] = (Key) { (uint32_t) out[i], (int32_t) i };
  for (int shift = 0; shift < 32; shift += 16) {
    radix_pass(spare, keys, n, shift);
    radix_pass(keys, spare, n, shift + 8);
  }
  for (int64_t i = 0; i < n; i++)
    out[i] = keys[i].at + 1;
}
