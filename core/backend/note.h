/*
 * note.h - a kernel call as data: it can be kept, compared with a later call
 * and run again.
 *
 * Made from kernels.def by macros.  note_kernels is a table like a device's,
 * whose functions hand their arguments to note_meet instead of working.
 */
#ifndef note_h
#define note_h

#include "backend/kernels.h"

typedef enum KernelId {
#define KERNEL(name, ...) KERNEL_##name,
#include "backend/kernels.def"
  KERNEL_COUNT
} KernelId;

extern const char *const kernel_names[KERNEL_COUNT];

typedef enum FieldKind {
  FIELD_PLAIN, FIELD_VIEW, FIELD_AT, FIELD_PARTS   /* AT: Scalar and so on */
} FieldKind;

/* One argument, somewhere in the struct of all of them. */
typedef struct Field {
  FieldKind kind;
  size_t size;
  void *at;
} Field;

enum { MAX_FIELDS = 9 };

/* A call.  Of one that is met, the arguments lie in a frame of C; of one that
 * is kept, behind the struct. */
typedef struct Note Note;

struct Note {
  KernelId kernel;
  int fields;
  Field field[MAX_FIELDS];
  size_t bytes;
  void *args;
};

extern const Kernels note_kernels;
extern void (*note_meet) (const Note *n);

Note *note_keep (const Note *n);           /* a copy; drop with mem_free */
bool note_same (const Note *a, const Note *b);
void note_run (const Note *n, const Kernels *k);

/* Calls f with the place of each pointer to memory that the kernel touches;
 * views without elements have none. */
void note_pointers (const Note *n, void (*f) (void *state, void **place),
                    void *state);

#endif
