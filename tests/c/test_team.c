/*
 * test_team.c - every share of a parallel loop is run once, whoever runs it,
 * and threads that do not run hold nothing up.
 */
#include "kernel.h"

#include "backend/cpu/team.h"

#include <dirent.h>
#include <omp.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MOST = 64 };

/* ---- shares ---- */

/* Counts who came: a share has its number, and its iterations. */
static void each_share_once (void **unused) {
  (void) unused;
  for (int round = 0; round < 20000; round++) {
    int shares = 2 + round % 7;
    int seen[MOST] = { 0 }, by[MOST];
#pragma omp parallel for schedule(static) num_threads(shares)
    for (int i = 0; i < MOST; i++) {
      seen[i]++;
      by[i] = omp_get_num_threads() == shares ? omp_get_thread_num() : -1;
    }
    for (int i = 0; i < MOST; i++)
      assert_int_equal(seen[i], 1);
    assert_int_equal(by[0], 0);
    assert_int_equal(by[MOST - 1], shares - 1);
    for (int i = 1; i < MOST; i++)
      assert_true(by[i] >= by[i - 1]);
  }
}

/* There may be fewer threads than shares, down to the caller alone: nothing
 * waits for threads that do not come. */
static void shares_need_no_threads (void **unused) {
  int seen[MOST] = { 0 };
  (void) unused;
  assert_true(cpu_threads() < MOST);
#pragma omp parallel for schedule(static, 1) num_threads(MOST)
  for (int i = 0; i < MOST; i++)
    seen[omp_get_thread_num()]++;
  for (int i = 0; i < MOST; i++)
    assert_int_equal(seen[i], 1);
}

static void inner_loops_are_alone (void **unused) {
  _Atomic int wrong = 0, sum = 0;
  (void) unused;
#pragma omp parallel for schedule(static) num_threads(4)
  for (int i = 0; i < 4; i++) {
    int outer = omp_get_thread_num();
#pragma omp parallel for schedule(static) num_threads(3)
    for (int j = 0; j < 3; j++) {
      wrong += omp_get_thread_num() != 0 || omp_get_num_threads() != 1;
      sum++;
    }
    wrong += omp_get_thread_num() != outer;
  }
  assert_int_equal(wrong, 0);
  assert_int_equal(sum, 12);
  assert_int_equal(omp_get_thread_num(), 0);
  assert_int_equal(omp_get_num_threads(), 1);
}

/* ---- threads ---- */

static int threads_of_process (void) {
  DIR *d = opendir("/proc/self/task");
  int n = 0;
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d)) != NULL;)
    n += e->d_name[0] != '.';
  closedir(d);
  return n;
}

/* libgomp, which oneDNN and OpenBLAS bring along, starts none beside ours. */
static void one_team (void **unused) {
  (void) unused;
  cpu_set_threads(3);
  int before = threads_of_process();
  assert_true(before >= 3);
  cpu_set_threads(3);
#pragma omp parallel for schedule(static) num_threads(8)
  for (int i = 0; i < 8; i++)
    usleep(1);
  View y = array(F32, 3, 1, 300, 200), x = array(F32, 3, 1, 300, 100);
  View w = array(F32, 3, 1, 100, 200);
  cpu_matmul(y, x, false, w, false);
  assert_int_equal(threads_of_process(), before);
  drop(y), drop(x), drop(w);
}

/* Members that sleep are woken, more of them than there are cores too. */
static void sleepers_come (void **unused) {
  (void) unused;
  cpu_set_threads(4);
  for (int round = 0; round < 50; round++) {
    _Atomic int sum = 0;
    usleep(1000);
#pragma omp parallel for schedule(static, 1) num_threads(4)
    for (int i = 0; i < 4; i++) {
      usleep(100);
      sum += i;
    }
    assert_int_equal(sum, 6);
  }
}

int main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_share_once),
    cmocka_unit_test(shares_need_no_threads),
    cmocka_unit_test(inner_loops_are_alone),
    cmocka_unit_test(one_team),
    cmocka_unit_test(sleepers_come),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
