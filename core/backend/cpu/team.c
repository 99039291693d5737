/* team.c - see team.h. */
#include "backend/cpu/team.h"

#include "backend/cpu/cpu.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Looks at a word before a thread sleeps, some 200 us: as long as a script
 * takes to ask for the work of a step. */
enum { LOOKS = 4000 };

/* What is left to claim: the number of the loop, its shares, and the next of
 * them, which only grows.  One word, so that a thread that comes late cannot
 * claim a share of another loop than it looked at. */
typedef uint64_t Claims;

#define CLAIMS(loop, shares) ((Claims) (loop) << 32 | (Claims) (shares) << 16)
#define SHARES(c) ((int) ((c) >> 16 & 0xffff))
#define NEXT(c) ((int) ((c) & 0xffff))

static _Atomic Claims claims;
static void (*work) (void *);           /* of the loop; still while it runs */
static void *state;
static _Atomic uint32_t finished;       /* shares */
static _Atomic uint32_t bell;           /* loops so far; sleepers hear it */
static _Atomic int sleepers, waiting;   /* waiting: the caller sleeps */
static int members = 1;

static _Thread_local int number, count = 1;
static _Thread_local bool inside;

int __wrap_omp_get_thread_num (void);
int __wrap_omp_get_num_threads (void);
void __wrap_GOMP_parallel (void (*f) (void *), void *data, unsigned threads,
                           unsigned flags);

int __wrap_omp_get_thread_num (void) {
  return number;
}

int __wrap_omp_get_num_threads (void) {
  return count;
}

/* ---- sleeping ----------------------------------------------------------- */

static void sleep_while (_Atomic uint32_t *word, uint32_t value) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void wake_all (_Atomic uint32_t *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
}

/* Returns when *word is not value any more; sleeper says that it sleeps. */
static void await (_Atomic uint32_t *word, uint32_t value,
                   _Atomic int *sleeper) {
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load(word) != value)
      return;
    _mm_pause();
  }
  atomic_fetch_add(sleeper, 1);
  while (atomic_load(word) == value)
    sleep_while(word, value);
  atomic_fetch_sub(sleeper, 1);
}

/* ---- shares ------------------------------------------------------------- */

static void run_share (void (*f) (void *), void *data, int share, int shares) {
  int was_number = number, was_count = count;
  bool was_inside = inside;
  number = share;
  count = shares;
  inside = true;
  f(data);
  number = was_number;
  count = was_count;
  inside = was_inside;
}

/* What a share is of cannot change before it is finished. */
static bool claim (void) {
  Claims c = atomic_load(&claims);
  while (NEXT(c) < SHARES(c))
    if (atomic_compare_exchange_weak(&claims, &c, c + 1)) {
      run_share(work, state, NEXT(c), SHARES(c));
      atomic_fetch_add(&finished, 1);
      return true;
    }
  return false;
}

static void *member (void *unused) {
  uint32_t heard = 0;
  (void) unused;
  omp_set_num_threads(1);               /* of the libraries that it calls */
  for (;;) {
    await(&bell, heard, &sleepers);
    heard = atomic_load(&bell);
    while (claim())
      if (atomic_load(&waiting) > 0)
        wake_all(&finished);
  }
  return NULL;
}

/* Ctrl-C and SIGTERM always reach the main thread. */
void team_start (int threads) {
  sigset_t block, old;
  pthread_attr_t attr;
  pthread_t thread;
  sigemptyset(&block);
  sigaddset(&block, SIGINT);
  sigaddset(&block, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &block, &old);
  pthread_attr_init(&attr);
  pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
  while (members < threads
         && pthread_create(&thread, &attr, member, NULL) == 0)
    members++;
  pthread_attr_destroy(&attr);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* A loop in a loop, and one of a single thread, is its caller's alone. */
void __wrap_GOMP_parallel (void (*f) (void *), void *data, unsigned threads,
                           unsigned flags) {
  uint32_t shares = threads ? threads : (uint32_t) omp_get_max_threads();
  (void) flags;
  if (inside || shares < 2) {
    run_share(f, data, 0, 1);
    return;
  }
  work = f;
  state = data;
  atomic_store(&finished, 0);
  uint32_t loop = atomic_load(&bell) + 1;
  atomic_store(&claims, CLAIMS(loop, shares));
  atomic_store(&bell, loop);
  if (atomic_load(&sleepers) > 0)
    wake_all(&bell);
  while (claim()) {}
  for (uint32_t n; (n = atomic_load(&finished)) < shares;)
    await(&finished, n, &waiting);
}
