/* profile.c - see profile.h. */
#include "backend/profile.h"

#include "backend/backend.h"
#include "backend/note.h"
#include "backend/turn.h"
#include "base/mem.h"

#include <string.h>
#include <time.h>

static struct {
  Device *device;              /* NULL: none has begun */
  const Kernels *real;
  bool turns;                  /* were on */
  ProfileRow *row;
  int rows, room;
} now;

static double seconds (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

/* ---- the work of a call -------------------------------------------------- */

static double count_of (const View *v) {
  return (double) view_count(v);
}

/* Products and sums that a call asks for; 0 of one that has no products. */
static double flop_of (const Note *n) {
  const View *y = n->field[0].at, *a = n->field[1].at;
  switch (n->kernel) {
    case KERNEL_matmul:                 /* y [B,M,N], a [B,M,K] */
      return 2 * count_of(y) * (double) (a->size[1] * a->size[2])
             / (double) (y->size[1] ? y->size[1] : 1);
    case KERNEL_linear: case KERNEL_sqdist:
      return 2 * count_of(y) * (double) a->size[1];
    case KERNEL_nearest:
      return 2 * count_of(a) * (double) ((const View *) n->field[2].at)->size[0];
    default:
      break;
  }
  for (int i = 0; i < n->fields; i++)
    if (n->field[i].size == sizeof(ConvShape)
        && n->field[i].kind == FIELD_PLAIN) {
      const ConvShape *s = n->field[i].at;
      return 2.0 * (double) (s->n * s->oh * s->ow * s->k) * (double)
             (s->kh * s->kw * s->c) / (double) (s->groups ? s->groups : 1);
    }
  return 0;
}

/* Of a broadcast axis there is one element. */
static double bytes_of_view (const View *v) {
  static const int size[DTYPES] = { [F32] = 4, [I32] = 4, [U8] = 1, [F64] = 8 };
  double n = v->data == NULL ? 0 : size[v->dtype];
  for (int i = 0; i < v->rank; i++)
    if (v->stride[i] != 0 || v->size[i] == 0)
      n *= (double) v->size[i];
  return n;
}

static double bytes_of (const Note *n) {
  double bytes = 0;
  for (int i = 0; i < n->fields; i++)
    if (n->field[i].kind == FIELD_VIEW)
      bytes += bytes_of_view(n->field[i].at);
    else if (n->field[i].kind == FIELD_PARTS) {
      const Parts *parts = n->field[i].at;
      for (int k = 0; k < parts->count; k++)
        bytes += bytes_of_view(&parts->at[k].p)
               + bytes_of_view(&parts->at[k].g)
               + bytes_of_view(&parts->at[k].m)
               + bytes_of_view(&parts->at[k].v);
    }
  return bytes;
}

/* ---- rows ---------------------------------------------------------------- */

static ProfileRow *row_of (const char *op, const char *kernel) {
  for (int i = 0; i < now.rows; i++)
    if (now.row[i].op == op && now.row[i].kernel == kernel)
      return &now.row[i];
  if (now.rows == now.room) {
    now.room = now.room ? 2 * now.room : 64;
    now.row = mem_grow(now.row, sizeof *now.row * (size_t) now.room);
  }
  now.row[now.rows] = (ProfileRow) { .op = op, .kernel = kernel };
  return &now.row[now.rows++];
}

static void meet (const Note *n) {
  ProfileRow *row = row_of(device_doing ? device_doing : "",
                           kernel_names[n->kernel]);
  double start = seconds();
  note_run(n, now.real);
  now.device->sync();
  row->seconds += seconds() - start;
  row->calls++;
  row->flop += flop_of(n);
  row->bytes += bytes_of(n);
}

/* ---- begin and end ------------------------------------------------------- */

bool profile_begin (void) {
  if (now.device != NULL)
    return false;
  turn_leave();
  Device *d = (Device *) device_now();
  now.turns = turn_enable(false);
  now.rows = 0;
  now.device = d;
  now.real = d->kernels;
  note_meet = meet;
  d->kernels = &note_kernels;
  return true;
}

const ProfileRow *profile_end (int *count) {
  if (now.device != NULL) {
    now.device->kernels = now.real;
    turn_enable(now.turns);
    now.device = NULL;
  }
  *count = now.rows;
  return now.row;
}
