/*
 * machine.h - what the files of the simulated device share.
 *
 * fatbin.c finds the PTX that a program registers, ptx.c turns a kernel of it
 * into an array of Op, exec.c runs blocks of threads over them, a warp at a
 * time: every register is an array of 32 lanes, a predicate a mask of 32 bits.
 * alu.c computes, access.c loads and stores and checks; memory.c owns the
 * device's memory and what is known of each byte.  stream.c keeps work until
 * a synchronisation demands it, graph.c captures it, runtime.c is the public
 * API and report.c counts.
 */
#ifndef machine_h
#define machine_h

#include "sim.h"

#include <stdio.h>

enum { LANES = 32, WARPS_MOST = 32, THREADS_MOST = 1024,
       SHARED_MOST = 48 * 1024, PARAMS_MOST = 32764 };

/* ---- report.c ---- */

enum { STATUS_MISTAKE = 86 };   /* how a process with mistakes ends */

/* A mistake of a kind: the word before the text that tests look for. */
void mistake (const char *kind, const char *format, ...)
  __attribute__((format(printf, 2, 3)));
uint32_t rng_next (void);              /* by SIM_SEED */
void count_launch (const char *kernel);
void count_graph (size_t kernels);
typedef struct Counts {
  size_t launches, graph_launches, graph_kernels, host_waits, allocations,
    allocated, bytes_read, bytes_written, library_calls, library_kernels,
    library_bytes, copies, copied, instructions, blocks;
} Counts;
extern Counts counts;
const char *setting (const char *name);         /* NULL: not set, or empty */

/* ---- memory.c ---- */

typedef struct Allocation {
  char *at;
  size_t bytes;
  const char *what;             /* "cudaMalloc", or the name of a variable */
  bool live, ours;              /* ours: of a module, no leak */
} Allocation;

/* What is known of each byte. */
enum { SHADOW_NONE, SHADOW_ALLOCATED, SHADOW_INITIALISED = 3 };

/* Device addresses are never mapped for the host; the bytes, their shadow and
 * the traces of accesses lie at a fixed distance from them. */
extern struct Memory {
  char *base;                   /* of all addresses */
  size_t span, used, total;
  char *data, *shadow;          /* byte i of the device: data[i] */
  struct Trace *words, *bytes;  /* of each four bytes, of each byte */
} memory;

bool memory_start (void);
void *memory_new (size_t bytes, const char *what, bool ours);
bool memory_free (void *at);
Allocation *memory_find (const void *address);  /* the last one not above */
void memory_leaks (void);
/* Text of where an address lies, for reports. */
const char *memory_where (const void *address, size_t bytes);
void traces_forget (void);
void memory_move (void *to, const void *from, size_t bytes, const char *who);

typedef struct Pinned {
  char *at;
  size_t bytes;
  bool live;
  int pending;                  /* copies not done yet */
} Pinned;
Pinned *pinned_find (const void *address, size_t bytes);
void *pinned_new (size_t bytes);
cudaError_t pinned_free (void *at);

/* ---- traces: who touched a word last ---- */

/* Ticks count barriers and blocks: a tick is one stretch of one block between
 * barriers.  Each access of a word leaves tick, thread and flags. */
typedef struct Trace { uint64_t read, write; } Trace;

/* ---- decoded PTX ---- */

typedef struct Warp Warp;
typedef struct Op Op;
typedef void Run (Warp *w, const Op *o, uint32_t mask);

typedef enum OpKind {
  OP_PLAIN, OP_SYNC, OP_BRANCH, OP_TABLE, OP_EXIT, OP_BARRIER, OP_TRAP
} OpKind;

typedef enum Space {
  SPACE_GENERIC, SPACE_GLOBAL, SPACE_SHARED, SPACE_LOCAL, SPACE_PARAM,
  SPACE_CONST
} Space;

enum { FLAG_SIGNED = 1, FLAG_NC = 2, FLAG_RESULT = 4 };

struct Op {
  Run *run;
  OpKind kind;
  uint32_t d, a, b, c, e;       /* places in the register file, in bytes */
  uint32_t v[4];                /* of a vector; v[0]: the mask of OP_SYNC */
  int64_t offset;               /* added to an address; shifts of cvt */
  uint32_t guard;               /* predicate register; 0: none */
  bool negated;
  uint8_t size, count, space, flags, width, combine, negate_c;
  const Op *target, *join;      /* of a branch: where lanes meet again */
  const Op **table;
  uint32_t line;                /* in lines */
  const char *name;
};

typedef struct Line { int file, line, from_file, from_line; } Line;

typedef struct Param { uint32_t at, bytes, align; } Param;

typedef struct Constant { uint32_t at, size; uint64_t bits; } Constant;

typedef struct Special { uint32_t at; int which; } Special;

struct Module;

typedef struct Kernel {
  struct Module *module;
  const char *symbol;           /* mangled */
  char name[120];
  const char *text, *end;       /* of the PTX from its parameters on */
  bool entry, decoded, broken;
  Op *ops;
  size_t count;
  Param *params;
  int param_count;
  uint32_t param_bytes, file_bytes, shared_bytes, local_bytes;
  bool dynamic;                 /* has shared memory by the launch */
  uint32_t threads_most;
  Constant *constants;
  int constant_count;
  Special specials[16];
  int special_count;
  unsigned char *files;         /* registers of all warps, made once */
  int file_count;
} Kernel;

bool kernel_decode (Kernel *k);

/* ---- modules (fatbin.c) ---- */

typedef struct Module {
  char *text;
  size_t bytes;
  Kernel **kernels;
  int kernel_count;
  char *files[64];              /* names of .file */
  int major, minor;             /* .target */
} Module;

Kernel *kernel_of (const void *host_function);
Kernel *module_kernel (Module *m, const char *symbol, size_t n);
const char *line_text (const Kernel *k, uint32_t line);
uint32_t line_add (Line l);

/* Address of a variable of a module by name; space tells its kind. */
typedef struct Variable {
  char *name;
  Space space;
  uint32_t align;
  size_t bytes;
  char *at;                     /* not for shared memory */
  bool dynamic;
} Variable;
Variable *module_variable (Module *m, const char *name, size_t n);

/* ---- execution ---- */

/* Addresses in other spaces as generic addresses: not canonical, so that they
 * are neither the host's nor the device's. */
#define WINDOW_SHARED 0x7000000000000000u
#define WINDOW_LOCAL 0x7100000000000000u
#define WINDOW_PARAM 0x7200000000000000u
#define WINDOW_MASK 0xFFFF000000000000u
enum { SHARED_BASE = 1024, LOCAL_BASE = 1024 };

typedef struct Side { uint32_t mask; const Op *pc, *join; } Side;

struct Warp {
  unsigned char *file;
  const Op *pc, *join;
  uint32_t active, members, exited;
  uint32_t parked;              /* lanes that wait at meeting for the others */
  const Op *meeting;
  int index, depth;
  uint8_t age;                  /* barriers of this warp alone */
  bool waiting, done;
  Side side[128];
};

typedef struct Launch {
  Kernel *kernel;
  dim3 grid, block;
  size_t shared;                /* by the launch */
  unsigned char *params;
} Launch;

/* The block that runs at this moment. */
extern struct Running {
  const Launch *launch;
  const Op *op;                 /* the instruction at hand */
  uint32_t launch_tick, block_tick, tick;
  dim3 at;
  int threads, warps;
  unsigned char *shared, *shared_shadow, *local, *local_shadow;
  Trace *shared_words, *shared_bytes;
  size_t shared_size;
  bool stop;                    /* a mistake that ends the launch */
} running;

#define REG(T, w, at) ((T *) __builtin_assume_aligned((w)->file + (at), 64))
#define ON(m, i) ((m) >> (i) & 1)

void launch_run (const Launch *l);
/* A mistake at the instruction at hand; once for each instruction and kind.
 * lane -1: of the whole warp. */
void kernel_mistake (const char *kind, const Warp *w, int lane,
                     const char *format, ...)
  __attribute__((format(printf, 4, 5)));

/* access.c */
Run run_load, run_store, run_atomic, run_load_param, run_nothing;
/* alu.c */
typedef struct Alu {
  const char *names;            /* mnemonics, with a space between */
  Run *run;
  uint8_t d, a, b, c;           /* bytes of the operands; 1: predicate */
} Alu;
extern const Alu alu_table[];
extern const int alu_count;
Run *alu_convert (int to, int from);            /* bytes of registers */
Run run_broadcast, run_pack, run_unpack, run_shuffle, run_vote, run_compare,
  run_active, run_warp_sync;

/* ---- streams, graphs ---- */

typedef struct Work {
  const char *what;
  enum { WORK_LIBRARY, WORK_KERNEL, WORK_COPY, WORK_SET, WORK_GRAPH,
         WORK_EVENT, WORK_WAIT } kind;
  void (*run) (void *state);
  void (*drop) (void *state);
  void (*launch) (void *state);   /* at each launch of a graph, may be NULL */
  void *state;
  struct Work *next;
} Work;

struct Graph;
typedef struct Stream {
  Work *first, **last;
  size_t pushed, done;          /* numbers of work */
  struct Graph *capture;        /* being captured; NULL: none */
  bool capture_broken, live, busy, ours;
  enum cudaStreamCaptureMode mode;
  struct Stream *next;
} Stream;

Stream *stream_of (cudaStream_t s, const char *who);
bool stream_push (Stream *s, Work w);
void stream_run (Stream *s, size_t until);      /* work up to that number */
void streams_run (void);
void streams_unfinished (void);
bool stream_any_capturing (void);
/* A call that must not come during capture; breaks the capture. */
bool capture_forbids (const char *who);

typedef struct Graph {
  Work *nodes;
  size_t count, room, kernels;
  int uses;
  bool live;
  struct Graph *next;
} Graph;
void graph_add (Graph *g, Work w);
void graph_drop (Graph *g);
void graphs_leaks (void);

/* ---- the device's state (runtime.c) ---- */

typedef struct Profile {
  const char *name, *full;
  int major, minor, multiprocessors, l2_mib, shared_kib, threads;
  size_t memory_gib;
} Profile;
const Profile *profile (void);
extern bool device_is_lost;
cudaError_t failed (cudaError_t e);    /* remembers it for cudaGetLastError */
cudaError_t device_error (void);       /* absent, lost: why nothing works */
#define ALIVE \
  do { \
    cudaError_t e_ = device_error(); \
    if (e_ != cudaSuccess) \
      return e_; \
  } while (0)
void launch_done (void);               /* counts towards SIM_LOST */

/* Kernel launches (launch.c). */
cudaError_t launch_kernel (Kernel *k, dim3 grid, dim3 block, void **args,
                           size_t shared, cudaStream_t stream,
                           const char *who);

#endif
