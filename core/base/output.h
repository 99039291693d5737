/*
 * output.h - files that are there whole or not at all.
 *
 * An Output writes under a temporary name in the folder of its path;
 * output_commit makes the bytes safe on the disk and renames.  The open scope
 * owns it: whatever ends the scope before the commit removes the temporary
 * file, so a failure, a full disk or a kill leaves the old file as it was.
 */
#ifndef output_h
#define output_h

#include <stddef.h>
#include <stdio.h>

typedef struct Output Output;

Output *output_new (const char *path);       /* raises if it cannot write */
void output_write (Output *o, const void *bytes, size_t count);
FILE *output_stream (Output *o);
/* The temporary name, for libraries that write files by name themselves. */
const char *output_name (const Output *o);
void output_commit (Output *o);              /* the last call */

#endif
