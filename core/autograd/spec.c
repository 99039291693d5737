/*
 * spec.c - argument lines.
 *
 * The grammar is at the top of op.h.  A line is parsed when a function is
 * first called or described; the result is kept for the life of the program,
 * found again by the address of the line.
 */
#include "autograd/op.h"

#include "base/error.h"
#include "base/mem.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[ARG_KINDS] = {
  [ARG_TENSOR] = "tensor", [ARG_OPERAND] = "operand", [ARG_VALUE] = "value",
  [ARG_TENSORS] = "tensors", [ARG_INT] = "int", [ARG_AXIS] = "axis",
  [ARG_AXES] = "axes", [ARG_SHAPE] = "shape", [ARG_INTS] = "ints",
  [ARG_BOOL] = "bool", [ARG_TEXT] = "text", [ARG_DTYPE] = "dtype",
  [ARG_ADDRESS] = "address",
};

typedef struct Parsed {
  Spec spec;
  struct Parsed *next;
} Parsed;

enum { BUCKETS = 512 };
static Parsed *bucket[BUCKETS];

static ArgKind kind_of (const char *word, size_t length) {
  for (int i = 0; i < ARG_KINDS; i++)
    if (strlen(kind_names[i]) == length
        && strncmp(kind_names[i], word, length) == 0)
      return (ArgKind) i;
  assert(!"unknown kind in an argument line");
  return ARG_TENSOR;
}

/* The value behind the "=": kept as a number where the kind asks for one. */
static void read_default (ArgSpec *a, const char *from, size_t length) {
  char *word = mem_new(length + 1);
  memcpy(word, from, length);
  a->has_default = true;
  a->text = word;                 /* never freed, like the whole spec */
  if (a->kind == ARG_BOOL)
    a->number = strcmp(word, "true") == 0;
  else if (a->kind == ARG_DTYPE) {
    DType d = F32;
    bool found = dtype_find(word, &d);
    assert(found);
    (void) found;
    a->number = d;
  } else if (a->kind != ARG_TEXT)
    a->number = strtod(word, NULL);
}

/* One "name:kind?=default"; returns what follows it. */
static const char *read_arg (ArgSpec *a, const char *p) {
  size_t n = strcspn(p, ":");
  assert(n < sizeof a->name);
  memcpy(a->name, p, n);
  p += n + 1;
  n = strcspn(p, " ?=");
  a->kind = kind_of(p, n);
  p += n;
  if (*p == '?') {
    a->optional = true;
    p++;
  }
  if (*p == '=') {
    n = strcspn(++p, " ");
    read_default(a, p, n);
    p += n;
  }
  return p;
}

static void parse (Spec *s) {
  bool named = false;
  for (const char *p = s->line; *p; ) {
    if (*p == ' ' || *p == '|') {
      named = named || *p == '|';
      p++;
      continue;
    }
    assert(s->count < MAX_ARGS);
    ArgSpec *a = &s->arg[s->count++];
    a->named = named;
    p = read_arg(a, p);
    if (!named)
      s->positional++;
  }
}

const Spec *spec_of (const char *name, const char *line) {
  Parsed **place = &bucket[((uintptr_t) line >> 3) % BUCKETS];
  for (Parsed *p = *place; p != NULL; p = p->next)
    if (p->spec.line == line && p->spec.name == name)
      return &p->spec;
  Parsed *p = mem_new(sizeof *p);
  p->spec.name = name;
  p->spec.line = line;
  parse(&p->spec);
  p->next = *place;
  *place = p;
  return &p->spec;
}
