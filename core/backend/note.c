/* note.c - see note.h. */
#include "backend/note.h"

#include "base/mem.h"

#include <string.h>

void (*note_meet) (const Note *n);

/* ---- from kernels.def ---------------------------------------------------- */

const char *const kernel_names[KERNEL_COUNT] = {
#define KERNEL(name, ...) #name,
#include "backend/kernels.def"
};

#define PAIR_MEMBER(type, name) type name
#define PAIR_ASSIGN(type, name) all.name = name
#define PAIR_FIELD(type, name) { KIND(all.name), sizeof all.name, &all.name }
#define PAIR_TAKE(type, name) all->name
#define KIND(x) _Generic((x), View: FIELD_VIEW, Parts: FIELD_PARTS, \
  Scalar: FIELD_AT, Whole: FIELD_AT, Address: FIELD_AT, default: FIELD_PLAIN)

/* The arguments of a kernel; a function that takes them and hands them to
 * note_meet; one that calls the kernel with them. */
#define KERNEL(name, ...) \
  typedef struct Args_##name { \
    EACH(PAIR_MEMBER, SEMICOLON, __VA_ARGS__); \
  } Args_##name; \
  static void meet_##name (PARAMS(__VA_ARGS__)) { \
    Args_##name all; \
    EACH(PAIR_ASSIGN, SEMICOLON, __VA_ARGS__); \
    const Field field[] = { EACH(PAIR_FIELD, COMMA, __VA_ARGS__) }; \
    Note n = { KERNEL_##name, sizeof field / sizeof *field, { { 0 } }, \
               sizeof all, &all }; \
    memcpy(n.field, field, sizeof field); \
    note_meet(&n); \
  } \
  static void run_##name (const Kernels *k, const void *args) { \
    const Args_##name *all = args; \
    k->name(EACH(PAIR_TAKE, COMMA, __VA_ARGS__)); \
  }
#include "backend/kernels.def"

const Kernels note_kernels = {
#define KERNEL(name, ...) .name = meet_##name,
#include "backend/kernels.def"
};

static void (*const runs[KERNEL_COUNT]) (const Kernels *k,
                                         const void *args) = {
#define KERNEL(name, ...) run_##name,
#include "backend/kernels.def"
};

void note_run (const Note *n, const Kernels *k) {
  runs[n->kernel](k, n->args);
}

/* ---- keeping ------------------------------------------------------------- */

static const Parts *parts_of (const Note *n) {
  for (int i = 0; i < n->fields; i++)
    if (n->field[i].kind == FIELD_PARTS)
      return n->field[i].at;
  return NULL;
}

static size_t aligned (size_t bytes) {
  return (bytes + 15) & ~(size_t) 15;
}

Note *note_keep (const Note *n) {
  const Parts *parts = parts_of(n);
  size_t list = parts ? sizeof(OptimPart) * (size_t) parts->count : 0;
  size_t head = aligned(sizeof *n), body = aligned(n->bytes);
  Note *kept = mem_new(head + body + list);
  *kept = *n;
  kept->args = (char *) kept + head;
  memcpy(kept->args, n->args, n->bytes);
  for (int i = 0; i < n->fields; i++)
    kept->field[i].at = (char *) kept->args
                        + ((char *) n->field[i].at - (char *) n->args);
  if (parts != NULL) {
    OptimPart *copy = (OptimPart *) ((char *) kept->args + body);
    memcpy(copy, parts->at, list);
    ((Parts *) parts_of(kept))->at = copy;
  }
  return kept;
}

/* ---- comparing ----------------------------------------------------------- */

static bool view_same (const View *a, const View *b) {
  if (a->data != b->data || a->dtype != b->dtype || a->rank != b->rank)
    return a->dtype == b->dtype && a->rank == b->rank
        && view_count(a) == 0 && view_count(b) == 0
        && memcmp(a->size, b->size, sizeof *a->size * (size_t) a->rank) == 0;
  size_t bytes = sizeof *a->size * (size_t) a->rank;
  return memcmp(a->size, b->size, bytes) == 0
      && memcmp(a->stride, b->stride, bytes) == 0;
}

static bool parts_same (const Parts *a, const Parts *b) {
  if (a->count != b->count)
    return false;
  for (int i = 0; i < a->count; i++) {
    const OptimPart *p = &a->at[i], *q = &b->at[i];
    if (!view_same(&p->p, &q->p) || !view_same(&p->g, &q->g)
        || !view_same(&p->m, &q->m) || !view_same(&p->v, &q->v)
        || p->lr.at != q->lr.at || p->decay.at != q->decay.at)
      return false;
  }
  return true;
}

static bool field_same (const Field *a, const Field *b) {
  switch (a->kind) {
    case FIELD_VIEW: return view_same(a->at, b->at);
    case FIELD_PARTS: return parts_same(a->at, b->at);
    default: return memcmp(a->at, b->at, a->size) == 0;
  }
}

bool note_same (const Note *a, const Note *b) {
  if (a->kernel != b->kernel)
    return false;
  for (int i = 0; i < a->fields; i++)
    if (!field_same(&a->field[i], &b->field[i]))
      return false;
  return true;
}

/* ---- pointers ------------------------------------------------------------ */

static void view_pointer (View *v, void (*f) (void *, void **), void *state) {
  if (v->data != NULL && view_count(v) > 0)
    f(state, &v->data);
}

static void at_pointer (Scalar *s, void (*f) (void *, void **), void *state) {
  if (s->at != NULL)
    f(state, (void **) &s->at);
}

static void parts_pointers (const Parts *parts, void (*f) (void *, void **),
                            void *state) {
  for (int i = 0; i < parts->count; i++) {
    OptimPart *p = (OptimPart *) &parts->at[i];
    view_pointer(&p->p, f, state);
    view_pointer(&p->g, f, state);
    view_pointer(&p->m, f, state);
    view_pointer(&p->v, f, state);
    at_pointer(&p->lr, f, state);
    at_pointer(&p->decay, f, state);
  }
}

void note_pointers (const Note *n, void (*f) (void *, void **), void *state) {
  for (int i = 0; i < n->fields; i++) {
    const Field *field = &n->field[i];
    if (field->kind == FIELD_VIEW)
      view_pointer(field->at, f, state);
    else if (field->kind == FIELD_AT)
      at_pointer(field->at, f, state);
    else if (field->kind == FIELD_PARTS)
      parts_pointers(field->at, f, state);
  }
}
