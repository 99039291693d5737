/*
 * twister.c - see metrics/metric.h: the Mersenne Twister of 32 bits, seeded by
 * one integer, and a shuffle from the last element down whose random integers
 * are masked draws, repeated until one is small enough.
 */
#include "metrics/metric.h"

enum { WORDS = 624, SHIFT = 397 };

void twister_seed (Twister *t, uint32_t seed) {
  for (int i = 0; i < WORDS; i++) {
    t->word[i] = seed;
    seed = 1812433253u * (seed ^ (seed >> 30)) + (uint32_t) i + 1;
  }
  t->next = WORDS;
}

static void refill (Twister *t) {
  uint32_t *w = t->word;
  for (int i = 0; i < WORDS; i++) {
    uint32_t u = (w[i] & 0x80000000u) | (w[(i + 1) % WORDS] & 0x7fffffffu);
    w[i] = w[(i + SHIFT) % WORDS] ^ (u >> 1) ^ (u & 1 ? 0x9908b0dfu : 0);
  }
  t->next = 0;
}

static uint32_t draw (Twister *t) {
  if (t->next == WORDS)
    refill(t);
  uint32_t u = t->word[t->next++];
  u ^= u >> 11;
  u ^= (u << 7) & 0x9d2c5680u;
  u ^= (u << 15) & 0xefc60000u;
  return u ^ (u >> 18);
}

/* 0 to top, both included. */
static uint32_t draw_to (Twister *t, uint32_t top) {
  uint32_t mask = top, u;
  for (int shift = 1; shift < 32; shift *= 2)
    mask |= mask >> shift;
  while ((u = draw(t) & mask) > top)
    ;
  return u;
}

void twister_permutation (Twister *t, int32_t *at, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    at[i] = (int32_t) i;
  for (int64_t i = n - 1; i > 0; i--) {
    uint32_t j = draw_to(t, (uint32_t) i);
    int32_t other = at[i];
    at[i] = at[j];
    at[j] = other;
  }
}
