/*
 * line.h - the line that is typed: editing, history and completion, on
 * readline.  Knows nothing of Lua; where the standard input is no terminal,
 * lines are read as they come.
 */
#ifndef line_h
#define line_h

#include <stdbool.h>
#include <stddef.h>

/* What may stand in place of the word before the cursor. */
typedef struct Matches {
  char **name;            /* count of them, each of malloc; freed by line.c */
  size_t count;
  char breaks[16];        /* what words end at; "": as in code */
  char behind;            /* written behind the only match; 0: nothing */
} Matches;

/* before: the statement up to the cursor, with the lines entered already. */
typedef void Complete (const char *before, Matches *into);

void line_open (Complete *complete);
void line_close (void);

bool line_terminal (void);

/* Rows and columns of the terminal; 0 where there is none. */
void line_size (int *rows, int *columns);

/* A line of malloc; NULL at the end of the input.  entered: the lines of the
 * statement so far, or NULL.  After Ctrl-C line_cleared() is true. */
char *line_read (const char *prompt, const char *entered);
bool line_cleared (void);

/* Puts a statement, of one line or several, into the history, on the disk
 * too. */
void line_remember (const char *statement);

#endif
