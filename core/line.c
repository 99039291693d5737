/* line.c - see line.h.
 *
 * The history is $VAELUA_HISTORY, else $XDG_STATE_HOME/vaelua/history, else
 * ~/.local/state/vaelua/history.  Each statement is appended when it is
 * entered, so that sessions beside each other and one that dies lose nothing;
 * the times that stand between statements keep those of several lines whole.
 */
#include "line.h"

#include "bind/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <readline/history.h>
#include <readline/readline.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINES = 10000 };       /* of the history's file */

static bool terminal, cleared;
static volatile sig_atomic_t continued;     /* after Ctrl-Z and fg */
static char history[PATH_MAX];     /* "": nowhere */
static const char *entered;
static Complete *complete;
static Matches found;

/* ---- keys ------------------------------------------------------------------------ */

static void handle_continue (int signal) {
  (void) signal;
  continued = 1;
}

/* The shell has had the terminal. */
static void take_terminal_back (void) {
  continued = 0;
  rl_deprep_terminal();
  rl_prep_terminal(1);
  rl_forced_update_display();
}

/* A terminal far away may answer what it can show (bind/terminal.c) after
 * nobody waits for it any more.  What begins as such an answer and not as a
 * key is read here, and thrown away if it is one. */
enum { SOON = 20, LATE = 500, LONGEST = 4096 };    /* milliseconds; bytes */

static int next_byte (FILE *in, int milliseconds) {
  struct pollfd key = { fileno(in), POLLIN, 0 };
  unsigned char c;
  if (poll(&key, 1, milliseconds) <= 0 || read(key.fd, &c, 1) != 1)
    return EOF;
  return c;
}

/* Up to ESC \, of ESC _ G ... and ESC P ... */
static void skip_string (FILE *in) {
  for (int i = 0, c = 0, before; i < LONGEST; i++) {
    before = c;
    c = next_byte(in, LATE);
    if (c == EOF || (before == '\033' && c == '\\'))
      return;
  }
}

/* Reads on behind ESC.  True if it was an answer; else what was read is to be
 * read again. */
static bool swallow_answer (FILE *in) {
  char text[32];
  int n = 0, c = next_byte(in, SOON);
  if (c == EOF)
    return false;
  text[n++] = (char) c;
  if (c == '[' || c == '_' || c == 'P') {
    int second = next_byte(in, SOON);
    if (second != EOF)
      text[n++] = (char) second;
    if ((c == '_' && second == 'G')
        || (c == 'P' && second != EOF && strchr("01>!", second))) {
      skip_string(in);
      return true;
    }
    bool numbers = c == '[' && (second == '?' || second == '6');
    while (numbers && n < (int) sizeof text) {
      int next = next_byte(in, LATE);
      if (next == EOF)
        break;
      if (next == (second == '?' ? 'c' : 't') && (second == '?' || n > 2))
        return true;
      text[n++] = (char) next;
      numbers = strchr("0123456789;", next) != NULL;
    }
  }
  for (int i = 0; i < n; i++)
    rl_stuff_char((unsigned char) text[i]);
  return false;
}

/* Waits for a key.  Ctrl-C empties the line and enters it; SIGTERM is the end
 * of the input.  (readline's own handling would wait for one more key.) */
static int wait_for_key (FILE *in) {
  struct pollfd key = { fileno(in), POLLIN, 0 };
  while (poll(&key, 1, -1) < 0) {
    rl_check_signals();                     /* a window of another size */
    if (continued)
      take_terminal_back();
    if (interrupt_term())
      return EOF;
    if (interrupt_pressed() && RL_ISSTATE(RL_STATE_COMPLETING)) {
      interrupt_clear();                    /* "all 300 possibilities?" */
      return 'n';
    }
    if (interrupt_pressed()) {
      cleared = true;
      rl_point = rl_end;                    /* of a line that is several */
      rl_redisplay();
      rl_echo_signal_char(SIGINT);
      rl_replace_line("", 0);
      return '\n';
    }
  }
  return rl_getc(in);
}

static int next_key (FILE *in) {
  int key;
  while ((key = wait_for_key(in)) == '\033' && swallow_answer(in))
    ;
  return key;
}

static bool more_waits (void) {
  struct pollfd key = { fileno(rl_instream), POLLIN, 0 };
  return poll(&key, 1, 0) > 0;
}

/* Nothing but blanks before the cursor, in the line that it stands in. */
static bool at_margin (void) {
  for (int i = rl_point - 1; i >= 0 && rl_line_buffer[i] != '\n'; i--)
    if (rl_line_buffer[i] != ' ' && rl_line_buffer[i] != '\t')
      return false;
  return true;
}

/* A Tab with more behind it was pasted by a terminal that does not say so; one
 * at the margin of a later line moves the text in. */
static int tab (int count, int key) {
  bool later = entered != NULL || memchr(rl_line_buffer, '\n',
                                         (size_t) rl_point) != NULL;
  if (rl_line_buffer != NULL && at_margin() && later) {
    rl_insert_text("  ");
    return 0;
  }
  if (more_waits())
    return rl_insert(count, '\t');
  return rl_complete(count, key);
}

/* ---- completion ------------------------------------------------------------------ */

static void drop_matches (void) {
  for (size_t i = 0; i < found.count; i++)
    free(found.name[i]);
  free(found.name);
  found = (Matches) { .count = 0 };
}

/* Asks for the matches, and says where the word before the cursor begins. */
static char *word_breaks (void) {
  static char in_code[] = " \t\n\"'`@$><=;|&{}(.:[],+-*/%^#~?!\\";
  size_t before = entered != NULL ? strlen(entered) + 1 : 0;
  char *text = malloc(before + (size_t) rl_point + 1);
  drop_matches();
  if (text == NULL)
    return in_code;
  if (before > 0) {
    memcpy(text, entered, before - 1);
    text[before - 1] = '\n';
  }
  memcpy(text + before, rl_line_buffer, (size_t) rl_point);
  text[before + (size_t) rl_point] = 0;
  complete(text, &found);
  free(text);
  return found.breaks[0] ? found.breaks : in_code;
}

/* readline frees what it is given. */
static char *next_match (const char *word, int again) {
  static size_t i;
  (void) word;
  if (!again)
    i = 0;
  return i < found.count ? strdup(found.name[i++]) : NULL;
}

static char **matches (const char *word, int start, int end) {
  (void) start;
  (void) end;
  rl_attempted_completion_over = 1;         /* no file names of readline's */
  rl_completion_suppress_quote = 1;
  rl_completion_append_character = found.behind;
  return found.count > 0 ? rl_completion_matches(word, next_match) : NULL;
}

/* ---- history --------------------------------------------------------------------- */

/* Makes the folders and the file. */
static void make_history (void) {
  for (char *p = history; *p; p++)
    if (*p == '/' && p > history) {
      *p = 0;
      mkdir(history, 0700);
      *p = '/';
    }
  int file = open(history, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (file < 0)
    history[0] = 0;
  else
    close(file);
}

static void open_history (void) {
  const char *own = getenv("VAELUA_HISTORY"), *home = getenv("HOME");
  const char *state = getenv("XDG_STATE_HOME");
  if (own != NULL)
    snprintf(history, sizeof history, "%s", own);
  else if (state != NULL && state[0] == '/')
    snprintf(history, sizeof history, "%s/vaelua/history", state);
  else if (home != NULL && home[0])
    snprintf(history, sizeof history, "%s/.local/state/vaelua/history", home);
  using_history();
  history_comment_char = '#';
  history_write_timestamps = 1;
  if (history[0])
    make_history();
  if (history[0]) {
    history_truncate_file(history, MOST_LINES);
    read_history(history);
  }
}

void line_remember (const char *statement) {
  if (!terminal || statement[strspn(statement, " \t\n")] == 0)
    return;
  HIST_ENTRY *last = history_length > 0
                     ? history_get(history_base + history_length - 1) : NULL;
  if (last != NULL && strcmp(last->line, statement) == 0)
    return;
  char now[32];
  snprintf(now, sizeof now, "#%lld", (long long) time(NULL));
  add_history(statement);
  add_history_time(now);
  if (history[0])
    append_history(1, history);
}

/* ---- lines ----------------------------------------------------------------------- */

bool line_terminal (void) {
  return terminal;
}

bool line_cleared (void) {
  return cleared;
}

void line_size (int *rows, int *columns) {
  *rows = *columns = 0;
  if (!terminal || !isatty(STDOUT_FILENO))
    return;
  rl_reset_screen_size();
  rl_get_screen_size(rows, columns);
}

static char *plain_line (void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n < 0) {
    free(line);
    return NULL;
  }
  if (n > 0 && line[n - 1] == '\n')
    line[n - 1] = 0;
  return line;
}

char *line_read (const char *prompt, const char *so_far) {
  cleared = false;
  entered = so_far;
  continued = 0;
  interrupt_clear();
  interrupt_hold(true);
  char *line = terminal ? readline(prompt) : plain_line();
  interrupt_hold(false);
  entered = NULL;
  if (interrupt_term()) {
    free(line);
    return NULL;
  }
  interrupt_clear();
  return line;
}

void line_open (Complete *f) {
  terminal = isatty(STDIN_FILENO);
  complete = f;
  if (!terminal)
    return;
  rl_readline_name = "vaelua";
  rl_catch_signals = 0;
  rl_getc_function = next_key;
  rl_completion_word_break_hook = word_breaks;
  rl_attempted_completion_function = matches;
  rl_basic_quote_characters = "";
  rl_variable_bind("show-all-if-ambiguous", "on");
  rl_variable_bind("enable-bracketed-paste", "on");
  rl_add_defun("vaelua-tab", tab, '\t');
  rl_initialize();
  struct sigaction a = { .sa_handler = handle_continue };
  sigaction(SIGCONT, &a, NULL);
  open_history();
}

void line_close (void) {
  if (!terminal)
    return;
  drop_matches();
  rl_deprep_terminal();
}
