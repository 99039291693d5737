/*
 * onednn.h - oneDNN as matmul.c and conv.c use it: primitives for one thread,
 * cached, each run by many threads at once on different data.
 *
 * Three traps of oneDNN 2.6 are closed here and nowhere else.  The number of
 * threads is baked into a primitive when it is made, so all are made while
 * that number is 1.  A primitive shared by threads with the library's own
 * scratchpad gives wrong numbers silently, so scratch is ours, one buffer a
 * thread.  A primitive that runs in a team of one thread would fork again, so
 * the number of threads is 1 while primitives run (prim_begin).
 */
#ifndef onednn_h
#define onednn_h

#include <dnnl.h>
#include <stddef.h>
#include <stdint.h>

typedef enum PrimKind {
  PRIM_PRODUCT, PRIM_CONV, PRIM_CONV_BACK_X, PRIM_CONV_BACK_W,
  PRIM_DEAL, PRIM_COLLECT       /* weights into and out of oneDNN's order */
} PrimKind;

/* What a primitive is made from; unused numbers are 0. */
typedef struct PrimKey {
  int64_t kind;
  int64_t n[14];
} PrimKey;

typedef struct Prim {
  PrimKey key;
  struct Prim *next;                 /* of the same bucket */
  uint64_t used;                     /* when last, to drop the oldest */
  dnnl_primitive_t primitive;
  int arg[3];                        /* DNNL_ARG_ names: in, in, out */
  dnnl_memory_desc_t md[3];          /* as the primitive wants them */
  size_t scratch;                    /* bytes that each thread needs */
  dnnl_memory_t (*memory)[4];        /* of each thread; the last: scratch */
  int lanes;                         /* threads that have some */
} Prim;

/* Fills p->arg (0: has none) and makes the primitive's descriptor; raises
 * nothing.  of: what prim_find was given. */
typedef dnnl_status_t PrimMaker (const PrimKey *key, const void *of, Prim *p,
                                 dnnl_primitive_desc_t *pd);

/* The primitive of a key, made at its first use.  May raise; not in parallel
 * loops.  Valid until the end of the kernel that asked. */
Prim *prim_find (const PrimKey *key, PrimMaker *make, const void *of);

/* Runs it on this thread; scratch: p->scratch bytes.  A NULL argument that
 * the primitive does not have. */
void prim_run (const Prim *p, const void *a, const void *b, void *y,
               void *scratch);

/* Around the parallel loop in which primitives run; the loop is opened with
 * num_threads(prim_begin(chunks)). */
int prim_begin (int64_t chunks);
void prim_end (void);

/* For the makers. */
dnnl_engine_t prim_engine (void);
dnnl_primitive_attr_t prim_attr (void);        /* scratch is ours */

#endif
