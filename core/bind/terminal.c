/*
 * terminal.c - what a terminal can show, and pictures for it through libchafa:
 * core.ask_terminal and core.picture_text.
 */
#include "bind/bind.h"

#include <chafa.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* ---- asking ---------------------------------------------------------------- */

/* readline's, where the program has it: keys that are to be read again. */
extern int rl_stuff_char (int key) __attribute__((weak));

typedef struct Answer {
  char text[512];
  int count;
  bool whole;
} Answer;

/* Where the answer that ends in c begins: ESC [ ? ... c, or -1. */
static int device_attributes (const Answer *a) {
  for (int i = 0; i + 3 < a->count; i++) {
    if (memcmp(a->text + i, "\033[?", 3) != 0)
      continue;
    int k = i + 3;
    while (k < a->count && strchr("0123456789;", a->text[k]) != NULL)
      k++;
    if (k < a->count && a->text[k] == 'c')
      return i;
  }
  return -1;
}

static void read_answer (Answer *a, int milliseconds) {
  while (!a->whole && a->count < (int) sizeof a->text - 1) {
    struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
    if (poll(&in, 1, milliseconds) <= 0)
      return;
    ssize_t n = read(STDIN_FILENO, a->text + a->count,
                     sizeof a->text - 1 - (size_t) a->count);
    if (n <= 0)
      return;
    a->count += (int) n;
    a->text[a->count] = 0;
    a->whole = device_attributes(a) >= 0;
  }
}

/* The end of an answer that begins at i, or i if none does. */
static int behind_answer (const char *s, int i) {
  if (s[i] != '\033')
    return i;
  if (s[i + 1] == '_') {
    const char *end = strstr(s + i, "\033\\");
    return end ? (int) (end - s) + 2 : (int) strlen(s);
  }
  if (s[i + 1] != '[')
    return i;
  int k = i + 2 + (int) strspn(s + i + 2, "?0123456789;");
  return s[k] == 'c' || s[k] == 't' ? k + 1 : i;
}

/* What was typed meanwhile goes back to the prompt. */
static void put_back (const Answer *a) {
  for (int i = 0; i < a->count; ) {
    int k = behind_answer(a->text, i);
    if (k == i && rl_stuff_char != NULL)
      rl_stuff_char((unsigned char) a->text[i]);
    i = k > i ? k : i + 1;
  }
}

/* core.ask_terminal(question, milliseconds) -> answer; nil if keys wait or
 * there is no terminal.  The question ends with the one for the device's
 * attributes, which every terminal answers. */
static int ask (lua_State *L) {
  size_t length;
  const char *question = luaL_checklstring(L, 1, &length);
  int milliseconds = (int) luaL_checkinteger(L, 2);
  struct termios usual, raw;
  struct pollfd in = { STDIN_FILENO, POLLIN, 0 };
  if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)
      || tcgetattr(STDIN_FILENO, &usual) != 0)
    return 0;
  raw = usual;
  raw.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  Answer a = { 0 };
  bool asked = poll(&in, 1, 0) == 0
            && write(STDOUT_FILENO, question, length) == (ssize_t) length;
  if (asked)
    read_answer(&a, milliseconds);
  tcsetattr(STDIN_FILENO, TCSANOW, &usual);
  if (!asked)
    return 0;
  put_back(&a);
  lua_pushlstring(L, a.text, (size_t) a.count);
  return 1;
}

/* core.cell_size() -> width, height in pixels; nothing where unknown */
static int cell_size (lua_State *L) {
  struct winsize w;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0 || w.ws_col == 0
      || w.ws_row == 0 || w.ws_xpixel == 0 || w.ws_ypixel == 0)
    return 0;
  lua_pushinteger(L, w.ws_xpixel / w.ws_col);
  lua_pushinteger(L, w.ws_ypixel / w.ws_row);
  return 2;
}

/* ---- drawing --------------------------------------------------------------- */

typedef struct Drawing {
  Tensor *picture;            /* uint8 [H,W,1] or [H,W,3] */
  ChafaPixelMode mode;
  int width, height;          /* of a cell */
  ChafaCanvas *canvas;
  ChafaTermInfo *info;
  guint8 *rgba;
  GString *text;
} Drawing;

static int cells (int64_t pixels, int size) {
  return (int) ((pixels + size - 1) / size);
}

/* The picture in whole cells, so that nothing is scaled; what is over is
 * transparent. */
static void fill (Drawing *d, const Tensor *t, int width, int height) {
  int64_t h = t->shape.size[0], w = t->shape.size[1], c = t->shape.size[2];
  const guint8 *from = tensor_data(t);
  d->rgba = g_malloc0((gsize) width * (gsize) height * 4);
  for (int64_t i = 0; i < h; i++)
    for (int64_t j = 0; j < w; j++, from += c) {
      guint8 *to = d->rgba + (i * width + j) * 4;
      to[0] = from[0];
      to[1] = from[c / 2];
      to[2] = from[c - 1];
      to[3] = 255;
    }
}

static void draw_work (void *state) {
  Drawing *d = state;
  Tensor *t = on_host(d->picture);
  if (t->dtype != U8 || t->shape.rank != 3
      || (t->shape.size[2] != 1 && t->shape.size[2] != 3)
      || tensor_count(t) == 0 || t->shape.size[0] > 16384
      || t->shape.size[1] > 16384)
    raise_user("a picture for the terminal is uint8 [H, W, 1] or [H, W, 3]");
  int columns = cells(t->shape.size[1], d->width);
  int rows = cells(t->shape.size[0], d->height);
  ChafaCanvasConfig *c = chafa_canvas_config_new();
  chafa_canvas_config_set_pixel_mode(c, d->mode);
  chafa_canvas_config_set_canvas_mode(c, CHAFA_CANVAS_MODE_TRUECOLOR);
  chafa_canvas_config_set_geometry(c, columns, rows);
  chafa_canvas_config_set_cell_geometry(c, d->width, d->height);
  chafa_canvas_config_set_dither_mode(c, CHAFA_DITHER_MODE_NONE);
  chafa_canvas_config_set_preprocessing_enabled(c, FALSE);
  d->canvas = chafa_canvas_new(c);
  chafa_canvas_config_unref(c);
  d->info = chafa_term_db_get_fallback_info(chafa_term_db_get_default());
  int width = columns * d->width, height = rows * d->height;
  fill(d, t, width, height);
  chafa_canvas_draw_all_pixels(d->canvas, CHAFA_PIXEL_RGBA8_UNASSOCIATED,
                               d->rgba, width, height, width * 4);
  d->text = chafa_canvas_print(d->canvas, d->info);
}

static void drop_drawing (Drawing *d) {
  if (d->canvas != NULL)
    chafa_canvas_unref(d->canvas);
  if (d->info != NULL)
    chafa_term_info_unref(d->info);
  if (d->text != NULL)
    g_string_free(d->text, TRUE);
  g_free(d->rgba);
  *d = (Drawing) { 0 };
}

static int drop (lua_State *L) {
  drop_drawing(lua_touserdata(L, 1));
  return 0;
}

/* core.picture_text(picture, "kitty" or "sixel", cell's width, cell's height)
 * -> text.  A cell has at least 6 pixels each way, as a band of sixels has. */
static int picture_text (lua_State *L) {
  static const char *const names[] = { "kitty", "sixel", NULL };
  Tensor *picture = check_tensor(L, 1);
  int sixel = luaL_checkoption(L, 2, NULL, names);
  lua_Integer width = luaL_checkinteger(L, 3);
  lua_Integer height = luaL_checkinteger(L, 4);
  luaL_argcheck(L, width >= 6 && width <= 256, 3, "6..256");
  luaL_argcheck(L, height >= 6 && height <= 256, 4, "6..256");
  Drawing *d = lua_newuserdatauv(L, sizeof *d, 0);
  *d = (Drawing) { .picture = picture, .width = (int) width,
                   .height = (int) height };
  if (sixel)
    d->height = 6;              /* chafa would scale to a multiple of it */
  d->mode = sixel ? CHAFA_PIXEL_MODE_SIXELS : CHAFA_PIXEL_MODE_KITTY;
  if (luaL_newmetatable(L, "vaelua.drawing")) {
    lua_pushcfunction(L, drop);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  bind_run(L, draw_work, d);
  lua_pushlstring(L, d->text->str, d->text->len);
  drop_drawing(d);
  return 1;
}

static const luaL_Reg functions[] = {
  { "ask_terminal", ask }, { "cell_size", cell_size },
  { "picture_text", picture_text }, { NULL, NULL }
};

void bind_terminal (lua_State *L) {
  luaL_setfuncs(L, functions, 0);
}
