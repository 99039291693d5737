/*
 * source.h - bytes of a file that is not trusted, and the numbers in them.
 *
 * A Source knows how many bytes can still come at most, so that no header can
 * make a reader allocate more than the file could fill.  Plain files, gzipped
 * ones and entries of a zip archive look alike.  Everything raises FAIL_DATA
 * as "FILE: reason"; the open scope owns a source.
 */
#ifndef source_h
#define source_h

#include "base/sha256.h"
#include "tensor/tensor.h"

#include <stdio.h>

typedef struct Source Source;

Source *source_open (const char *path);
Source *source_gunzip (const char *path);    /* reads plain files too */
/* For other kinds of files.  read: as fread; gives fewer bytes at the end or
 * after an error, which *reason then names. */
Source *source_new (const char *name, int64_t at_most, void *handle,
                    size_t (*read) (void *handle, void *to, size_t bytes,
                                    const char **reason),
                    void (*close) (void *handle));
void source_attach (Source *s, void *handle);   /* if it was NULL there */

void source_read (Source *s, void *to, size_t bytes);   /* all of them */
void source_end (Source *s);            /* raises if there are more bytes */
int64_t source_left (const Source *s);  /* at most so many bytes follow */
FILE *source_stream (Source *s);        /* of source_open, for libraries */
void source_hash (Source *s);           /* from here on */
void source_check (Source *s, const char *sha256);   /* of what was read */

_Noreturn void source_bad (const Source *s, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

uint64_t little_endian (const unsigned char *bytes, int count);

/* Numbers as they lie in files. */
typedef enum Wire {
  WIRE_F32, WIRE_F64, WIRE_I32, WIRE_I64, WIRE_U8, WIRE_BOOL,
  WIRE_F16, WIRE_BF16, WIRE_I16, WIRE_I8, WIRES
} Wire;

size_t wire_size (Wire w);

/* Bytes of an array; raises where they are more than can follow. */
int64_t source_need (const Source *s, Wire w, const Shape *shape);

/* A contiguous tensor on the host: int64 becomes int32 where every number
 * fits and is refused otherwise; bool becomes uint8 0 or 1, the short floats
 * float32, the short integers int32.  swap: the bytes of each number are in
 * big-endian order. */
Tensor *source_tensor (Source *s, Wire w, const Shape *shape, bool swap,
                       const Device *host);

#endif
