/*
 * mem.h - counted host memory.
 *
 * Small things (structs, lists) come from mem_new, tensor bytes from
 * mem_block: 64-byte aligned blocks that are kept in size classes and handed
 * out again.  All raise FAIL_MEMORY when there is none left.  Tests can make
 * the n-th allocation fail.  Not for worker threads.
 */
#ifndef mem_h
#define mem_h

#include <stddef.h>
#include <stdint.h>

void *mem_new (size_t bytes);                  /* zeroed */
void *mem_grow (void *old, size_t bytes);      /* as realloc */
void mem_free (void *p);                       /* NULL is fine */

void *mem_block (size_t bytes);                /* not zeroed, 64-aligned */
void mem_block_free (void *p, size_t bytes);
void mem_trim (void);                          /* gives idle blocks back */

typedef struct MemCount {
  uint64_t allocations;   /* calls so far, mem_new, mem_grow and mem_block */
  size_t small;           /* things from mem_new that are alive */
  size_t blocks, bytes;   /* blocks in use and their bytes */
  size_t idle;            /* bytes kept for the next block */
  size_t peak;            /* highest bytes so far */
} MemCount;

MemCount mem_count (void);
void mem_fail_at (uint64_t n);   /* the n-th allocation from now; 0: never */

#endif
