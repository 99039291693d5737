/*
 * report.c - mistakes, counters and how the process ends.
 *
 * A mistake is one line on standard error, "sim: KIND: text".  The last thing
 * that the process does is to look for leaks and work that was never waited
 * for, to write the counters where SIM_REPORT says, and to end with status 86
 * if there was a mistake.
 */
#include "machine.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINES_MOST = 60, NAMES = 1024, LABELS = 256 };

typedef struct Name { char *text; size_t count; } Name;

Counts counts;
static Counts at_mark;
static Name names[NAMES];
static int name_count;
static struct { char *label; Counts counts; } sections[LABELS];
static int section_count;
static size_t mistakes;
static uint64_t seed;
static pid_t process;

const char *setting (const char *name) {
  const char *text = getenv(name);
  return text && *text ? text : NULL;
}

/* ---- mistakes ---- */

static void report (const char *kind, const char *format, va_list args) {
  mistakes++;
  if (mistakes <= LINES_MOST) {
    char line[2000];
    int n = snprintf(line, sizeof line, "sim: %s: ", kind);
    vsnprintf(line + n, sizeof line - (size_t) n, format, args);
    fprintf(stderr, "%s\n", line);
  } else if (mistakes == LINES_MOST + 1)
    fprintf(stderr, "sim: more mistakes are counted, not shown\n");
  if (setting("SIM_ABORT")) {
    fflush(NULL);
    _exit(STATUS_MISTAKE);
  }
}

void mistake (const char *kind, const char *format, ...) {
  va_list args;
  va_start(args, format);
  report(kind, format, args);
  va_end(args);
}

void sim_mistake (const char *format, ...) {
  va_list args;
  va_start(args, format);
  report("library", format, args);
  va_end(args);
}

/* ---- random choices: SplitMix64 ---- */

uint32_t rng_next (void) {
  uint64_t z = seed += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t) ((z ^ (z >> 31)) >> 16);
}

uint32_t sim_random (void) {
  return rng_next();
}

/* ---- counters ---- */

static void count_name (const char *text) {
  for (int i = 0; i < name_count; i++)
    if (strcmp(names[i].text, text) == 0) {
      names[i].count++;
      return;
    }
  if (name_count < NAMES)
    names[name_count++] = (Name) { strdup(text), 1 };
}

void count_launch (const char *kernel) {
  counts.launches++;
  count_name(kernel);
}

void sim_count_library (const char *what, size_t bytes_moved, size_t kernels) {
  counts.library_calls++;
  counts.library_bytes += bytes_moved;
  counts.library_kernels += kernels;
  count_name(what);
}

void count_graph (size_t kernels) {
  counts.graph_launches++;
  counts.graph_kernels = kernels;
}

void simMark (const char *label) {
  if (section_count == LABELS)
    return;
  Counts now = counts;
  size_t *part = (size_t *) &now;
  const size_t *before = (const size_t *) &at_mark;
  size_t graph_kernels = now.graph_kernels;
  for (size_t i = 0; i < sizeof now / sizeof *part; i++)
    part[i] -= before[i];
  now.graph_kernels = graph_kernels;
  sections[section_count].label = strdup(label);
  sections[section_count++].counts = now;
  at_mark = counts;
}

static void write_counts (FILE *f, const Counts *c) {
  fprintf(f, "\"launches\": %zu, \"graph_launches\": %zu, "
          "\"graph_kernels\": %zu, \"host_waits\": %zu, "
          "\"allocations\": %zu, \"allocated\": %zu, "
          "\"bytes_read\": %zu, \"bytes_written\": %zu, ",
          c->launches, c->graph_launches, c->graph_kernels, c->host_waits,
          c->allocations, c->allocated, c->bytes_read, c->bytes_written);
  fprintf(f, "\"library_calls\": %zu, \"library_kernels\": %zu, "
          "\"library_bytes\": %zu, \"copies\": %zu, \"copied\": %zu, "
          "\"blocks\": %zu, \"instructions\": %zu",
          c->library_calls, c->library_kernels, c->library_bytes, c->copies,
          c->copied, c->blocks, c->instructions);
}

static void write_text (FILE *f, const char *text) {
  fputc('"', f);
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      fputc('\\', f);
    fputc(*text, f);
  }
  fputc('"', f);
}

static void write_report (const char *path) {
  FILE *f = fopen(path, "w");
  if (!f) {
    mistake("report", "cannot write %s", path);
    return;
  }
  fprintf(f, "{\n  ");
  write_counts(f, &counts);
  fprintf(f, ",\n  \"mistakes\": %zu,\n  \"kernels\": {", mistakes);
  for (int i = 0; i < name_count; i++) {
    fprintf(f, "%s\n    ", i ? "," : "");
    write_text(f, names[i].text);
    fprintf(f, ": %zu", names[i].count);
  }
  fprintf(f, "\n  },\n  \"sections\": [");
  for (int i = 0; i < section_count; i++) {
    fprintf(f, "%s\n    { \"label\": ", i ? "," : "");
    write_text(f, sections[i].label);
    fprintf(f, ", ");
    write_counts(f, &sections[i].counts);
    fprintf(f, " }");
  }
  fprintf(f, "\n  ]\n}\n");
  fclose(f);
}

/* ---- beginning and end ---- */

static void __attribute__((constructor)) begin (void) {
  const char *text = setting("SIM_SEED");
  seed = text ? strtoull(text, NULL, 0) : 1;
  process = getpid();
}

/* Runs after the destructors of all that is linked with this library, and
 * after atexit. */
static void __attribute__((destructor)) finish (void) {
  if (!device_is_lost && process == getpid()) {
    streams_unfinished();
    if (!setting("SIM_ALLOW_LEAKS"))
      memory_leaks();
    graphs_leaks();
  }
  const char *path = setting("SIM_REPORT");
  if (path && process == getpid())
    write_report(path);
  if (mistakes) {
    fprintf(stderr, "sim: %zu mistake%s\n", mistakes, mistakes > 1 ? "s" : "");
    fflush(NULL);
    _exit(STATUS_MISTAKE);
  }
}
