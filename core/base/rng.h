/*
 * rng.h - addressed random numbers: Philox 4x32-10 (Salmon, Moraes, Dror and
 * Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * A number is addressed, not drawn: key = hash(seed, purpose, name),
 * counter = (element, call, step).  The four words of one counter serve four
 * neighbouring elements.  The same text is compiled for the CPU and for CUDA,
 * so equal addresses give equal integers everywhere.
 */
#ifndef rng_h
#define rng_h

#include <stdint.h>

#ifdef __CUDACC__
#define RNG_FN static inline __host__ __device__
#else
#define RNG_FN static inline
#endif

typedef struct Philox { uint32_t word[4]; } Philox;

/* Ten rounds of Philox 4x32 with a 64-bit key. */
RNG_FN Philox philox (Philox c, uint32_t k0, uint32_t k1) {
  for (int round = 0; round < 10; round++) {
    uint64_t a = (uint64_t) 0xD2511F53u * c.word[0];
    uint64_t b = (uint64_t) 0xCD9E8D57u * c.word[2];
    Philox d = { {
      (uint32_t) (b >> 32) ^ c.word[1] ^ k0, (uint32_t) b,
      (uint32_t) (a >> 32) ^ c.word[3] ^ k1, (uint32_t) a } };
    c = d;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}

/* Where a block of random numbers lies: four words of the value block. */
enum { ADDRESS_KEY0, ADDRESS_KEY1, ADDRESS_STEP, ADDRESS_CALL };

/* Words of elements 4 i .. 4 i + 3 of an address. */
RNG_FN Philox philox_at (const uint32_t *address, uint64_t i) {
  Philox c = { { (uint32_t) i, (uint32_t) (i >> 32),
                 address[ADDRESS_CALL], address[ADDRESS_STEP] } };
  return philox(c, address[ADDRESS_KEY0], address[ADDRESS_KEY1]);
}

/* A word as a number in [0, 1) with 24 bits, and in (0, 1]. */
RNG_FN float uniform_of (uint32_t word) {
  return (float) (word >> 8) * 0x1p-24f;
}

RNG_FN float uniform_above_zero (uint32_t word) {
  return (float) ((word >> 8) + 1) * 0x1p-24f;
}

/* Key of a stream: FNV-1a over purpose and name, mixed with the seed by the
 * finaliser of SplitMix64. */
static inline uint64_t rng_key (uint64_t seed, const char *purpose,
                                const char *name) {
  uint64_t h = 0xCBF29CE484222325u;
  for (int part = 0; part < 2; part++) {
    for (const char *p = part ? name : purpose; *p; p++)
      h = (h ^ (unsigned char) *p) * 0x100000001B3u;
    h = (h ^ 0xFF) * 0x100000001B3u;      /* "ab","c" is not "a","bc" */
  }
  h += 0x9E3779B97F4A7C15u * (seed + 1);
  h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9u;
  h = (h ^ (h >> 27)) * 0x94D049BB133111EBu;
  return h ^ (h >> 31);
}

#endif
