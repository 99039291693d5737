/*
 * profile.h - where the time goes: every kernel call between two points, timed
 * and added up by op and kernel.
 *
 * Loops run call by call meanwhile, and a device is waited for after each
 * call, so the whole takes longer than it would.
 */
#ifndef profile_h
#define profile_h

#include <stdbool.h>
#include <stdint.h>

typedef struct ProfileRow {
  const char *op, *kernel;     /* op: "" outside of any */
  int64_t calls;
  double seconds;
  double flop, bytes;          /* of products; of all arguments, once each */
} ProfileRow;

bool profile_begin (void);     /* may raise; false: one has begun already */
/* The rows, until the next begin. */
const ProfileRow *profile_end (int *count);

#endif
