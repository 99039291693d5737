/*
 * team.h - the threads that share the CPU's parallel loops.
 *
 * gcc turns each `#pragma omp parallel for` into calls of libgomp, which gives
 * every thread its share and waits for all of them.  Where another process is
 * busy, a thread that the system does not run yet then holds up every loop for
 * a slice of time.  So these calls of the program come here (the linker's
 * --wrap; oneDNN and OpenBLAS keep libgomp): whoever is awake claims the next
 * share, and a loop waits only for shares that a thread has begun.
 *
 * A share's number is what omp_get_thread_num gives; the loop's static
 * schedule makes it the same iterations, whoever runs it.
 */
#ifndef team_h
#define team_h

/* Starts threads until there are so many, the caller's own counted.  Where the
 * system has none left there are fewer. */
void team_start (int threads);

#endif
