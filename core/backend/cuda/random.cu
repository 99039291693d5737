/*
 * random.cu - random fills on CUDA.
 *
 * Numbers are addressed (base/rng.h): a thread computes one block of four
 * words, elements 4 i .. 4 i + 3, so that the CPU gives the same ones.  Full
 * blocks are stored as one piece where y is aligned for it.
 *
 * A permutation is 1 .. n in the order of random words.  Words are spread
 * evenly, so their upper bits deal them into buckets of some tens each; the
 * place of an element within its bucket is the number of smaller ones there.
 * Integer atomics decide only in which order a bucket is filled, and no key
 * (word, then element) is there twice: the result is always the same.
 */
#include "backend/cuda/kernel.cuh"

static inline __host__ __device__ int64_t fours (int64_t n) {
  return (n + 3) / 4;
}

static __device__ __forceinline__ bool whole_four (const void *p, int64_t i,
                                                   int64_t n) {
  return (uintptr_t) p % sizeof(float4) == 0 && 4 * i + 4 <= n;
}

static __device__ __forceinline__ void store_four (float *y, const float v[4],
                                                   int64_t i, int64_t n) {
  if (whole_four(y, i, n))
    ((float4 *) y)[i] = make_float4(v[0], v[1], v[2], v[3]);
  else
    for (int k = 0; k < 4; k++)
      if (4 * i + k < n)
        y[4 * i + k] = v[k];
}

/* Zeros stand where x ends. */
static __device__ __forceinline__ void load_four (float v[4], const float *x,
                                                  int64_t i, int64_t n) {
  if (whole_four(x, i, n)) {
    float4 all = ((const float4 *) x)[i];
    v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w;
  } else
    for (int k = 0; k < 4; k++)
      v[k] = 4 * i + k < n ? x[4 * i + k] : 0;
}

/* ---- fills ---- */

KERNEL_FN uniforms (float *y, const uint32_t *address, int64_t n) {
  EACH_INDEX(i, fours(n)) {
    Philox p = philox_at(address, (uint64_t) i);
    float v[4];
    for (int k = 0; k < 4; k++)
      v[k] = uniform_of(p.word[k]);
    store_four(y, v, i, n);
  }
}

KERNEL_FN normals (float *y, const uint32_t *address, int64_t n) {
  EACH_INDEX(i, fours(n)) {
    float v[4];
    normals_of(philox_at(address, (uint64_t) i), v);
    store_four(y, v, i, n);
  }
}

/* The upper half of word * count, as on the CPU. */
KERNEL_FN integers (int32_t *y, const uint32_t *address, int64_t low,
                    uint64_t count, int64_t n) {
  EACH_INDEX(i, fours(n)) {
    Philox p = philox_at(address, (uint64_t) i);
    for (int k = 0; k < 4; k++)
      if (4 * i + k < n)
        y[4 * i + k] = (int32_t) (low
                                  + (int64_t) (p.word[k] * count >> 32));
  }
}

/* With p = 1 nothing is left, and nothing is divided by 0. */
KERNEL_FN drop_out (float *y, const float *x, const uint32_t *address,
                    const float *rate, int64_t n) {
  float p = *rate, scale = p < 1 ? 1 / (1 - p) : 0;
  EACH_INDEX(i, fours(n)) {
    Philox words = philox_at(address, (uint64_t) i);
    float v[4];
    load_four(v, x, i, n);
    for (int k = 0; k < 4; k++)
      v[k] = uniform_of(words.word[k]) < p ? 0 : v[k] * scale;
    store_four(y, v, i, n);
  }
}

cudaError_t cuda_rand (View y, Address a) {
  int64_t n = view_count(&y);
  return LAUNCH(uniforms, fours(n), (float *) y.data, a.at, n);
}

cudaError_t cuda_randn (View y, Address a) {
  int64_t n = view_count(&y);
  return LAUNCH(normals, fours(n), (float *) y.data, a.at, n);
}

cudaError_t cuda_randint (View y, Address a, int64_t low, int64_t high) {
  int64_t n = view_count(&y);
  uint64_t count = (uint64_t) (high - low) + 1;
  return LAUNCH(integers, fours(n), (int32_t *) y.data, a.at, low, count, n);
}

cudaError_t cuda_dropout (View y, View x, Address a, Scalar p) {
  int64_t n = view_count(&y);
  return LAUNCH(drop_out, fours(n), (float *) y.data, (const float *) x.data,
                a.at, p.at, n);
}

/* ---- permutations ---- */

enum { BUCKET = 32, BITS_MOST = 16 };      /* elements of a bucket, about */

typedef struct Buckets {
  int bits;                   /* there are 2^bits */
  uint32_t *end;              /* [2^bits]: counts, then where each ends */
  uint64_t *key;              /* [n]: word, element; bucket by bucket */
} Buckets;

static __device__ __forceinline__ uint32_t bucket_of (uint64_t key,
                                                      int bits) {
  return (uint32_t) (key >> 32 >> (32 - bits));
}

static __device__ __forceinline__ uint64_t key_of (uint32_t word, int64_t i) {
  return (uint64_t) word << 32 | (uint64_t) i;
}

KERNEL_FN clear_buckets (Buckets b) {
  EACH_INDEX(i, (int64_t) 1 << b.bits)
    b.end[i] = 0;
}

KERNEL_FN count_words (Buckets b, const uint32_t *address, int64_t n) {
  EACH_INDEX(i, fours(n)) {
    Philox p = philox_at(address, (uint64_t) i);
    for (int k = 0; k < 4; k++)
      if (4 * i + k < n)
        atomicAdd(&b.end[bucket_of(key_of(p.word[k], 0), b.bits)], 1u);
  }
}

/* Counts become starts, in one block: each thread has a run of buckets. */
KERNEL_FN start_buckets (Buckets b) {
  __shared__ uint32_t sum[THREADS];
  int64_t count = (int64_t) 1 << b.bits;
  int64_t run = (count + THREADS - 1) / THREADS, from = threadIdx.x * run;
  int64_t to = from + run < count ? from + run : count;
  uint32_t here = 0, before = 0;
  for (int64_t i = from; i < to; i++)
    here += b.end[i];
  sum[threadIdx.x] = here;
  __syncthreads();
  for (unsigned i = 0; i < threadIdx.x; i++)
    before += sum[i];
  for (int64_t i = from; i < to; i++) {
    uint32_t size = b.end[i];
    b.end[i] = before;
    before += size;
  }
}

/* Starts become ends. */
KERNEL_FN deal_words (Buckets b, const uint32_t *address, int64_t n) {
  EACH_INDEX(i, fours(n)) {
    Philox p = philox_at(address, (uint64_t) i);
    for (int k = 0; k < 4; k++)
      if (4 * i + k < n) {
        uint64_t key = key_of(p.word[k], 4 * i + k);
        b.key[atomicAdd(&b.end[bucket_of(key, b.bits)], 1u)] = key;
      }
  }
}

KERNEL_FN rank_words (int32_t *y, Buckets b, int64_t n) {
  EACH_INDEX(i, n) {
    uint64_t key = b.key[i];
    uint32_t bucket = bucket_of(key, b.bits);
    int64_t start = bucket > 0 ? b.end[bucket - 1] : 0, end = b.end[bucket];
    int64_t rank = start;
    for (int64_t j = start; j < end; j++)
      rank += b.key[j] < key;
    y[rank] = (int32_t) ((uint32_t) key + 1);
  }
}

/* Fewest bits that make buckets small. */
static int bucket_bits (int64_t n) {
  int bits = 0;
  while (bits < BITS_MOST && n >> bits > BUCKET)
    bits++;
  return bits;
}

cudaError_t cuda_randperm (View y, Address a) {
  int64_t n = view_count(&y);
  if (n == 0)
    return cudaSuccess;
  int bits = bucket_bits(n);
  size_t keys = (size_t) n * sizeof(uint64_t);
  size_t ends = sizeof(uint32_t) << bits;
  uint64_t *key = (uint64_t *) cuda_scratch(keys + ends);
  if (key == NULL)
    return cudaErrorMemoryAllocation;
  Buckets b = { bits, (uint32_t *) (key + n), key };
  cudaError_t e = LAUNCH(clear_buckets, (int64_t) 1 << bits, b);
  if (e == cudaSuccess)
    e = LAUNCH(count_words, fours(n), b, a.at, n);
  if (e == cudaSuccess)
    e = LAUNCH_BLOCKS(start_buckets, 1, b);
  if (e == cudaSuccess)
    e = LAUNCH(deal_words, fours(n), b, a.at, n);
  return e == cudaSuccess ? LAUNCH(rank_words, n, (int32_t *) y.data, b, n)
                          : e;
}
