/*
 * fatbin.c - what a program registers before main: fat binaries, kernels and
 * variables.
 *
 * A fat binary is a header and entries for architectures; only an entry with
 * PTX that is not compressed can be run here (nvcc --no-compress -gencode
 * arch=compute_75,code=compute_75).  The text of a module is scanned once for
 * its kernels, functions, variables and file names; a kernel is decoded when
 * it is first launched.
 */
#include "machine.h"
#include "lex.h"

#include <stdlib.h>
#include <string.h>

typedef struct Wrapper {        /* fatbinary_section.h */
  int magic, version;
  const unsigned char *data;
  void *file;
} Wrapper;

typedef struct Header {
  uint32_t magic;
  uint16_t version, header_size;
  uint64_t size;
} Header;

typedef struct Entry {
  uint16_t kind, version;
  uint32_t header_size;
  uint64_t size;
  uint32_t compressed, options;
  uint16_t minor, major;
  uint32_t arch, name_offset, name_size;
  uint64_t flags, zero, plain_size;
} Entry;

enum { MAGIC = 0x466243B1, KIND_PTX = 1, FLAG_COMPRESSED = 0x2000 | 0x8000 };
#define FATBIN_MAGIC 0xBA55ED50u

typedef struct Registered { const void *host; Kernel *kernel; } Registered;
static Registered *registered;
static size_t registered_count, registered_room;

static struct ModuleVariables { Module *module; Variable *at; int count; }
  *variables;
static int variables_count;

/* ---- names ---- */

/* _Z4nameIi..., _ZL4name..., _ZN12_INTERNAL_x4nameE... are all "name"; the
 * rest tells instances of templates apart and is kept when it is short. */
static void readable (char *to, size_t n, const char *symbol) {
  const char *p = symbol, *name = symbol;
  size_t length = strlen(symbol);
  if (strncmp(p, "_Z", 2) == 0) {
    p += 2;
    bool nested = *p == 'N';
    p += nested;
    p += *p == 'L';
    while (*p >= '0' && *p <= '9') {
      char *rest;
      length = strtoul(p, &rest, 10);
      name = rest;
      p = rest + length;
      if (!nested)
        break;
      p += *p == 'L';
    }
  }
  if (*p == 'I')                /* template arguments */
    snprintf(to, n, "%.*s<%.*s>", (int) length, name,
             (int) strcspn(p + 1, "Ev"), p + 1);
  else
    snprintf(to, n, "%.*s", (int) length, name);
}

/* ---- variables of a module ---- */

/* = { 1, 2 } or = 1, as elements of size bytes. */
static void initial_values (Lex *x, char *to, size_t bytes, int size) {
  size_t at = 0;
  bool list = lex_take(x, "{");
  uint64_t bits;
  while (x->n && !lex_is(x, ";") && !lex_is(x, "}")) {
    if (lex_take(x, ","))
      continue;
    if (lex_number(x, size, &bits)) {
      if (at + (size_t) size <= bytes)
        memcpy(to + at, &bits, (size_t) size);
      at += (size_t) size;
    } else {
      mistake("unknown-ptx", "initial value %.*s of a variable", (int) x->n,
              x->word);
      return;
    }
  }
  if (list)
    lex_take(x, "}");
}

static struct ModuleVariables *variables_of (Module *m) {
  for (int i = 0; i < variables_count; i++)
    if (variables[i].module == m)
      return &variables[i];
  variables = realloc(variables,
                      (size_t) (variables_count + 1) * sizeof *variables);
  variables[variables_count] = (struct ModuleVariables) { m, NULL, 0 };
  return &variables[variables_count++];
}

/* .global .align 4 .u32 name[8] = ...; from behind the space on */
static void scan_variable (Module *m, Lex *x, Space space, bool outside) {
  Variable v = { .space = space, .align = 4, .dynamic = outside };
  int size = 4;
  uint64_t number;
  while (lex_starts(x, ".")) {
    if (lex_take(x, ".align")) {
      lex_number(x, 8, &number);
      v.align = (uint32_t) number;
    } else {
      size = type_size(x->word + 1, x->n - 1);
      lex_next(x);
    }
  }
  v.name = strndup(x->word, x->n);
  v.bytes = (size_t) size;
  lex_next(x);
  while (lex_take(x, "[")) {
    if (lex_number(x, 8, &number))
      v.bytes *= number;
    else
      v.bytes = 0;
    lex_take(x, "]");
  }
  if (space != SPACE_SHARED) {
    v.at = memory_new(v.bytes, v.name, true);
    if (v.at) {
      char *data = memory.data + (v.at - memory.base);
      memset(memory.shadow + (v.at - memory.base), SHADOW_INITIALISED,
             v.bytes);
      if (lex_take(x, "="))
        initial_values(x, data, v.bytes, size);
    }
  }
  while (x->n && !lex_take(x, ";"))
    lex_next(x);
  struct ModuleVariables *all = variables_of(m);
  all->at = realloc(all->at, (size_t) (all->count + 1) * sizeof v);
  all->at[all->count++] = v;
}

Variable *module_variable (Module *m, const char *name, size_t n) {
  struct ModuleVariables *all = variables_of(m);
  for (int i = 0; i < all->count; i++)
    if (strlen(all->at[i].name) == n && memcmp(all->at[i].name, name, n) == 0)
      return &all->at[i];
  return NULL;
}

/* ---- kernels and functions of a module ---- */

static void scan_function (Module *m, Lex *x, bool entry) {
  Kernel *k = calloc(1, sizeof *k);
  k->module = m;
  k->entry = entry;
  k->text = x->word;
  if (lex_is(x, "("))                     /* results of a function */
    while (x->n && !lex_take(x, ")"))
      lex_next(x);
  k->symbol = strndup(x->word, x->n);
  readable(k->name, sizeof k->name, k->symbol);
  while (x->n && !lex_is(x, "{") && !lex_is(x, ";"))
    lex_next(x);
  if (lex_take(x, ";")) {                 /* only declared */
    free((char *) k->symbol);
    free(k);
    return;
  }
  lex_skip_braces(x);
  k->end = x->n ? x->word : x->end;
  m->kernels = realloc(m->kernels,
                       (size_t) (m->kernel_count + 1) * sizeof *m->kernels);
  m->kernels[m->kernel_count++] = k;
}

static void scan_file (Module *m, Lex *x) {
  uint64_t number = 0;
  lex_number(x, 8, &number);
  if (number < 64 && x->n > 2) {
    free(m->files[number]);
    m->files[number] = strndup(x->word + 1, x->n - 2);
  }
  lex_skip_line(x);
}

static void scan_module (Module *m) {
  Lex x = { m->text, m->text + m->bytes, NULL, 0 };
  bool outside = false;
  lex_next(&x);
  while (x.n) {
    if (lex_take(&x, ".extern"))
      outside = true;
    else if (lex_take(&x, ".visible") || lex_take(&x, ".weak")
             || lex_take(&x, ".common"))
      ;
    else {
      if (lex_take(&x, ".entry"))
        scan_function(m, &x, true);
      else if (lex_take(&x, ".func"))
        scan_function(m, &x, false);
      else if (lex_take(&x, ".global"))
        scan_variable(m, &x, SPACE_GLOBAL, outside);
      else if (lex_take(&x, ".const"))
        scan_variable(m, &x, SPACE_CONST, outside);
      else if (lex_take(&x, ".shared"))
        scan_variable(m, &x, SPACE_SHARED, outside);
      else if (lex_take(&x, ".file"))
        scan_file(m, &x);
      else if (lex_take(&x, ".section")) {
        while (x.n && !lex_is(&x, "{"))
          lex_next(&x);
        lex_skip_braces(&x);
      } else if (lex_is(&x, ".target")) {
        lex_next(&x);
        int sm = lex_starts(&x, "sm_") ? atoi(x.word + 3) : 0;
        m->major = sm / 10;
        m->minor = sm % 10;
        lex_skip_line(&x);
      } else
        lex_skip_line(&x);
      outside = false;
    }
  }
}

Kernel *module_kernel (Module *m, const char *symbol, size_t n) {
  for (int i = 0; i < m->kernel_count; i++)
    if (strlen(m->kernels[i]->symbol) == n
        && memcmp(m->kernels[i]->symbol, symbol, n) == 0)
      return m->kernels[i];
  return NULL;
}

/* ---- fat binaries ---- */

/* The PTX of the newest architecture that the device can run. */
static const Entry *find_ptx (const Header *h) {
  const unsigned char *p = (const unsigned char *) h + h->header_size;
  const unsigned char *end = p + h->size;
  const Entry *best = NULL;
  const Profile *device = profile();
  while (p < end) {
    const Entry *e = (const Entry *) p;
    if (e->kind == KIND_PTX
        && (int) e->arch <= device->major * 10 + device->minor
        && (!best || e->arch > best->arch))
      best = e;
    p += e->header_size + e->size;
  }
  return best;
}

void **__cudaRegisterFatBinary (void *fat) {
  const Wrapper *w = fat;
  Module *m = calloc(1, sizeof *m);
  const Header *h = (const Header *) w->data;
  if (w->magic != MAGIC || h->magic != FATBIN_MAGIC) {
    mistake("fatbin", "a fat binary of unknown form");
    return (void **) m;
  }
  const Entry *e = find_ptx(h);
  if (!e)
    mistake("fatbin", "a fat binary without PTX for this device: compile with "
            "-gencode arch=compute_75,code=compute_75");
  else if (e->flags & FLAG_COMPRESSED || e->compressed)
    mistake("fatbin", "the PTX is compressed: compile with --no-compress");
  else {
    m->text = strndup((const char *) e + e->header_size, e->size);
    m->bytes = strlen(m->text);
    scan_module(m);
  }
  return (void **) m;
}

/* SIM_DECODE=1: unknown PTX is found without a launch. */
void __cudaRegisterFatBinaryEnd (void **handle) {
  Module *m = (Module *) handle;
  for (int i = 0; setting("SIM_DECODE") && i < m->kernel_count; i++)
    if (m->kernels[i]->entry)
      kernel_decode(m->kernels[i]);
}

/* Kernels may be launched until the end, whatever the order of destructors. */
void __cudaUnregisterFatBinary (void **handle) {
  (void) handle;
}

char __cudaInitModule (void **handle) {
  (void) handle;
  return 1;
}

void __cudaRegisterFunction (void **handle, const char *host, char *device,
                             const char *name, int limit, uint3 *tid,
                             uint3 *bid, dim3 *block, dim3 *grid, int *size) {
  Module *m = (Module *) handle;
  (void) device, (void) limit, (void) tid, (void) bid;
  (void) block, (void) grid, (void) size;
  if (registered_count == registered_room) {
    registered_room = registered_room ? 2 * registered_room : 64;
    registered = realloc(registered, registered_room * sizeof *registered);
  }
  Kernel *k = module_kernel(m, name, strlen(name));
  if (k)
    registered[registered_count++] = (Registered) { host, k };
  else if (m->text)
    mistake("fatbin", "no PTX for kernel %s", name);
}

/* Variables are found by their names in the PTX. */
void __cudaRegisterVar (void **handle, char *host, char *device,
                        const char *name, int ext, size_t size, int constant,
                        int global) {
  (void) handle, (void) host, (void) device, (void) name, (void) ext;
  (void) size, (void) constant, (void) global;
}

void __cudaRegisterManagedVar (void **handle, void **host, char *device,
                               const char *name, int ext, size_t size,
                               int constant, int global) {
  (void) handle, (void) host, (void) device, (void) ext, (void) size;
  (void) constant, (void) global;
  mistake("unmodelled", "managed variable %s", name);
}

void __cudaRegisterHostVar (void **handle, const char *name, char *host,
                            size_t size) {
  (void) handle, (void) name, (void) host, (void) size;
}

Kernel *kernel_of (const void *host) {
  for (size_t i = 0; i < registered_count; i++)
    if (registered[i].host == host || registered[i].kernel == host)
      return registered[i].kernel;
  return NULL;
}

/* ---- lines of the source ---- */

static Line *lines;
static uint32_t line_count, line_room;

/* Place 0 is no line. */
uint32_t line_add (Line l) {
  if (line_count + 1 >= line_room) {
    line_room = line_room ? 2 * line_room : 1024;
    lines = realloc(lines, line_room * sizeof *lines);
  }
  lines[++line_count] = l;
  return line_count;
}

static const char *file_name (const Kernel *k, int file) {
  const char *path = file > 0 && file < 64 ? k->module->files[file] : NULL;
  const char *slash = path ? strrchr(path, '/') : NULL;
  return slash ? slash + 1 : path ? path : "?";
}

const char *line_text (const Kernel *k, uint32_t line) {
  static char text[2][240];
  static int turn;
  turn = !turn;
  char *to = text[turn];
  if (!line)
    return "no line";
  Line l = lines[line];
  int n = snprintf(to, sizeof text[0], "%s:%d", file_name(k, l.file), l.line);
  if (l.from_line && n > 0 && n < 120)
    snprintf(to + n, sizeof text[0] - (size_t) n, " from %s:%d",
             file_name(k, l.from_file), l.from_line);
  return to;
}
