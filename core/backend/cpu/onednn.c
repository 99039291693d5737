/* onednn.c - see onednn.h. */
#include "backend/cpu/onednn.h"

#include "backend/cpu/cpu.h"
#include "base/error.h"
#include "base/mem.h"

#include <omp.h>
#include <string.h>

/* PRIMS is enough for the layers of several networks in two batch sizes; the
 * machine code of a primitive is some 10 KB. */
enum { BUCKETS = 256, PRIMS = 512 };

static Prim *bucket[BUCKETS];
static int count;
static uint64_t now;                 /* calls of prim_find so far */

static dnnl_engine_t engine;
static dnnl_stream_t stream[MAX_THREADS];
static dnnl_primitive_attr_t attr;

static void check (dnnl_status_t status) {
  if (status == dnnl_out_of_memory)
    raise_as(FAIL_MEMORY, "out of memory in oneDNN");
  if (status != dnnl_success)
    raise_as(FAIL_DEVICE, "oneDNN cannot compute this shape on this machine "
             "(status %d)", (int) status);
}

dnnl_engine_t prim_engine (void) {
  if (engine == NULL) {
    dnnl_set_primitive_cache_capacity(0);      /* the cache is ours */
    if (LEVEL_MAX < 4)
      dnnl_set_max_cpu_isa(dnnl_cpu_isa_avx2);
    check(dnnl_engine_create(&engine, dnnl_cpu, 0));
  }
  return engine;
}

dnnl_primitive_attr_t prim_attr (void) {
  if (attr == NULL) {
    check(dnnl_primitive_attr_create(&attr));
    dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user);
  }
  return attr;
}

/* ---- the cache ---- */

static Prim **bucket_of (const PrimKey *key) {
  uint64_t h = 0;
  const int64_t *word = (const int64_t *) key;
  for (size_t i = 0; i < sizeof *key / sizeof *word; i++)
    h = (h ^ (uint64_t) word[i]) * 0x9E3779B97F4A7C15u;
  return &bucket[(h >> 40) % BUCKETS];
}

static void drop (Prim *p) {
  for (int i = 0; i < p->lanes; i++)
    for (int j = 0; j < 4; j++)
      dnnl_memory_destroy(p->memory[i][j]);
  mem_free(p->memory);
  dnnl_primitive_destroy(p->primitive);
  mem_free(p);
  count--;
}

static void drop_oldest (void) {
  Prim **oldest = NULL;
  for (int i = 0; i < BUCKETS; i++)
    for (Prim **at = &bucket[i]; *at != NULL; at = &(*at)->next)
      if (oldest == NULL || (*at)->used < (*oldest)->used)
        oldest = at;
  Prim *p = *oldest;
  *oldest = p->next;
  drop(p);
}

/* What the primitive settled on. */
static void ask (Prim *p, const_dnnl_primitive_desc_t pd) {
  for (int j = 0; j < 3; j++)
    if (p->arg[j] != 0)
      p->md[j] = *dnnl_primitive_desc_query_md(
        pd, dnnl_query_exec_arg_md, p->arg[j]);
  p->scratch = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(
    pd, dnnl_query_scratchpad_md, 0));
}

static Prim *prim_new (const PrimKey *key, PrimMaker *make, const void *of) {
  prim_engine();
  prim_attr();
  Prim *p = mem_new(sizeof *p);
  p->key = *key;
  count++;
  dnnl_primitive_desc_t pd = NULL;
  omp_set_num_threads(1);
  dnnl_status_t status = make(key, of, p, &pd);
  if (status == dnnl_success) {
    ask(p, pd);
    status = dnnl_primitive_create(&p->primitive, pd);
    dnnl_primitive_desc_destroy(pd);
  }
  omp_set_num_threads(cpu_threads());
  if (status != dnnl_success) {
    drop(p);
    check(status);
  }
  return p;
}

/* The memory objects of one thread, without data as yet. */
static void lane_make (Prim *p, dnnl_memory_t *memory) {
  dnnl_memory_desc_t bytes;
  dnnl_dims_t size = { (int64_t) p->scratch };
  dnnl_memory_desc_init_by_tag(&bytes, 1, size, dnnl_u8, dnnl_a);
  memset(memory, 0, 4 * sizeof *memory);
  dnnl_status_t status = dnnl_success;
  for (int j = 0; j < 4 && status == dnnl_success; j++)
    status = dnnl_memory_create(&memory[j], j < 3 ? &p->md[j] : &bytes,
                                engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success)
    return;
  for (int j = 0; j < 4; j++)
    dnnl_memory_destroy(memory[j]);
  check(status);
}

static void lanes_make (Prim *p) {
  p->memory = mem_grow(p->memory,
                       (size_t) cpu_threads() * sizeof *p->memory);
  for (; p->lanes < cpu_threads(); p->lanes++) {
    if (stream[p->lanes] == NULL)
      check(dnnl_stream_create(&stream[p->lanes], engine,
                               dnnl_stream_default_flags));
    lane_make(p, p->memory[p->lanes]);
  }
}

Prim *prim_find (const PrimKey *key, PrimMaker *make, const void *of) {
  Prim **at = bucket_of(key);
  Prim *p = *at;
  while (p != NULL && memcmp(&p->key, key, sizeof *key) != 0)
    p = p->next;
  if (p == NULL) {
    if (count >= PRIMS)
      drop_oldest();
    p = prim_new(key, make, of);
    p->next = *at;
    *at = p;
  }
  if (p->lanes < cpu_threads())
    lanes_make(p);
  p->used = ++now;
  return p;
}

/* ---- running ---- */

void prim_run (const Prim *p, const void *a, const void *b, void *y,
               void *scratch) {
  int lane = omp_get_thread_num(), n = 0;
  const void *data[4] = { a, b, y, scratch };
  dnnl_exec_arg_t args[4];
  for (int j = 0; j < 4; j++) {
    int name = j < 3 ? p->arg[j] : DNNL_ARG_SCRATCHPAD;
    if (name == 0)
      continue;
    dnnl_memory_t m = p->memory[lane][j];
    dnnl_memory_set_data_handle(m, (void *) (uintptr_t) data[j]);
    args[n].arg = name;
    args[n++].memory = m;
  }
  dnnl_primitive_execute(p->primitive, stream[lane], n, args);
}

int prim_begin (int64_t chunks) {
  int n = cpu_threads();
  omp_set_num_threads(1);
  return chunks > 1 ? n : 1;   /* never fewer: the idle ones would exit */
}

void prim_end (void) {
  omp_set_num_threads(cpu_threads());
}
