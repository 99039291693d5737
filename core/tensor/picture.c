/*
 * picture.c - PNG and JPEG, to and from tensors.
 *
 * Read as uint8 [H,W,1] (grey) or [H,W,3] (colours); palettes are resolved,
 * 16 bits become 8, transparency is dropped.  The libraries report errors by
 * functions that must not return: ours raise, and the open scope, which owns
 * the libraries' state, frees it.
 */
#include "tensor/format.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/output.h"

#include <jpeglib.h>
#include <math.h>
#include <png.h>

/* Deflate packs 1,032 bytes into one; a JPEG spends about a bit on 64 pixels,
 * rarely (arithmetic coding) a fraction of one. */
enum { DEFLATE_MOST = 1032, JPEG_MOST = 8192, JPEG_QUALITY = 92 };

/* An empty picture to be filled, of a size that the file can hold. */
static Tensor *picture_new (Source *s, int64_t most_pixels, int64_t height,
                            int64_t width, int channels,
                            const Device *host) {
  if (height <= 0 || width <= 0)
    source_bad(s, "a picture without pixels");
  if (height > INT32_MAX || width > INT32_MAX || height * width > most_pixels)
    source_bad(s, "too short for a picture of %lld x %lld",
               (long long) width, (long long) height);
  Shape shape = { .rank = 3, .size = { height, width, channels } };
  return tensor_new(host, U8, &shape);
}

/* ---- pictures to be written ---- */

typedef struct Picture {
  int64_t height, width;
  int channels;
  unsigned char *bytes;
} Picture;

/* NaN becomes black. */
static unsigned char byte_of (float v) {
  return (unsigned char) lrintf(255 * (v > 0 ? v < 1 ? v : 1 : 0));
}

static Picture picture_of (const char *path, Tensor *t) {
  const Shape *s = &t->shape;
  Picture p = { .channels = s->rank == 3 ? (int) s->size[2] : 1 };
  if ((s->rank != 2 && s->rank != 3) || (p.channels != 1 && p.channels != 3)
      || (s->rank == 3 && s->size[2] != p.channels) || tensor_count(t) == 0)
    raise_user("%s: a picture is [H, W], [H, W, 1] or [H, W, 3], got %s",
               path, shape_text(s));
  if (t->dtype != U8 && t->dtype != F32)
    raise_user("%s: a picture is uint8 or float32, got %s", path,
               dtype_name(t->dtype));
  p.height = s->size[0];
  p.width = s->size[1];
  if (p.height > 65500 || p.width > 65500)
    raise_user("%s: a picture of %s is too large", path, shape_text(s));
  p.bytes = tensor_data(t);
  if (t->dtype == F32) {
    const float *from = tensor_data(t);
    int64_t count = tensor_count(t);
    Tensor *bytes = tensor_new(t->storage->device, U8, s);
    p.bytes = tensor_data(bytes);
    for (int64_t i = 0; i < count; i++)
      p.bytes[i] = byte_of(from[i]);
  }
  return p;
}

static unsigned char *row_of (const Picture *p, int64_t row) {
  return p->bytes + row * p->width * p->channels;
}

/* ---- PNG ---- */

typedef struct Png {
  png_structp png;
  png_infop info;
  bool writing;
  const char *path;
  Source *source;
  Output *output;
} Png;

static void png_drop (void *thing) {
  Png *p = thing;
  if (p->png != NULL && p->writing)
    png_destroy_write_struct(&p->png, &p->info);
  else if (p->png != NULL)
    png_destroy_read_struct(&p->png, &p->info, NULL);
  mem_free(p);
}

static _Noreturn void png_failed (png_structp png, png_const_charp text) {
  Png *p = png_get_error_ptr(png);
  if (p->writing)
    raise_user("%s: cannot write: %s", p->path, text);
  raise_as(FAIL_DATA, "%s: %s", p->path, text);
}

static void png_ignored (png_structp png, png_const_charp text) {
  (void) png;
  (void) text;
}

static void png_give (png_structp png, png_bytep to, size_t bytes) {
  source_read(((Png *) png_get_io_ptr(png))->source, to, bytes);
}

static void png_take (png_structp png, png_bytep from, size_t bytes) {
  output_write(((Png *) png_get_io_ptr(png))->output, from, bytes);
}

static void png_flushed (png_structp png) {
  (void) png;
}

static Png *png_new (const char *path, bool writing) {
  own_reserve();
  Png *p = mem_new(sizeof *p);
  own(p, png_drop);
  p->writing = writing;
  p->path = path;
  p->png = (writing ? png_create_write_struct : png_create_read_struct)
             (PNG_LIBPNG_VER_STRING, p, png_failed, png_ignored);
  p->info = p->png ? png_create_info_struct(p->png) : NULL;
  if (p->info == NULL)
    raise_as(FAIL_MEMORY, "out of memory");
  return p;
}

/* Everything to 8 bits of grey or of red, green and blue. */
static int png_simplify (Png *p) {
  int kind = png_get_color_type(p->png, p->info);
  png_set_expand(p->png);
  png_set_scale_16(p->png);
  png_set_strip_alpha(p->png);
  png_set_interlace_handling(p->png);
  png_read_update_info(p->png, p->info);
  return kind & (PNG_COLOR_MASK_COLOR | PNG_COLOR_MASK_PALETTE) ? 3 : 1;
}

Tensor *png_read (const char *path, const Device *host) {
  Source *s = source_open(path);
  int64_t file_bytes = source_left(s);
  unsigned char start[8];
  source_read(s, start, sizeof start);
  if (png_sig_cmp(start, 0, sizeof start) != 0)
    source_bad(s, "not a PNG picture");
  Png *p = png_new(path, false);
  p->source = s;
  png_set_read_fn(p->png, p, png_give);
  png_set_sig_bytes(p->png, sizeof start);
  png_read_info(p->png, p->info);
  int64_t height = png_get_image_height(p->png, p->info);
  int64_t width = png_get_image_width(p->png, p->info);
  int bits = png_get_bit_depth(p->png, p->info)
           * png_get_channels(p->png, p->info);
  int channels = png_simplify(p);
  Tensor *t = picture_new(s, (file_bytes * DEFLATE_MOST + 4096) * 8 / bits,
                          height, width, channels, host);
  if (png_get_rowbytes(p->png, p->info) != (size_t) (width * channels))
    source_bad(s, "its pixels have an unknown form");
  own_reserve();
  png_bytep *rows = mem_new((size_t) height * sizeof *rows);
  own(rows, mem_free);
  for (int64_t i = 0; i < height; i++)
    rows[i] = (png_bytep) tensor_data(t) + i * width * channels;
  png_read_image(p->png, rows);
  png_read_end(p->png, NULL);
  return t;
}

void png_write (const char *path, Tensor *t) {
  Picture picture = picture_of(path, t);
  Output *o = output_new(path);
  Png *p = png_new(path, true);
  p->output = o;
  png_set_write_fn(p->png, p, png_take, png_flushed);
  png_set_IHDR(p->png, p->info, (png_uint_32) picture.width,
               (png_uint_32) picture.height, 8,
               picture.channels == 3 ? PNG_COLOR_TYPE_RGB
                                     : PNG_COLOR_TYPE_GRAY,
               PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  png_write_info(p->png, p->info);
  for (int64_t i = 0; i < picture.height; i++)
    png_write_row(p->png, row_of(&picture, i));
  png_write_end(p->png, NULL);
  output_commit(o);
}

/* ---- JPEG ---- */

typedef struct Jpeg {
  union {
    struct jpeg_common_struct any;
    struct jpeg_decompress_struct reader;
    struct jpeg_compress_struct writer;
  };
  struct jpeg_error_mgr errors;
  bool begun, writing;
  const char *path;
} Jpeg;

static void jpeg_drop (void *thing) {
  Jpeg *j = thing;
  if (j->begun)
    jpeg_destroy(&j->any);
  mem_free(j);
}

static _Noreturn void jpeg_failed (j_common_ptr any) {
  Jpeg *j = any->client_data;
  char text[JMSG_LENGTH_MAX];
  any->err->format_message(any, text);
  if (j->writing)
    raise_user("%s: cannot write: %s", j->path, text);
  raise_as(FAIL_DATA, "%s: %s", j->path, text);
}

/* The library calls damage a warning and fills the rest with grey. */
static void jpeg_warned (j_common_ptr any, int level) {
  if (level < 0)
    jpeg_failed(any);
}

static Jpeg *jpeg_new (const char *path, bool writing) {
  own_reserve();
  Jpeg *j = mem_new(sizeof *j);
  own(j, jpeg_drop);
  j->path = path;
  j->writing = writing;
  j->any.err = jpeg_std_error(&j->errors);
  j->errors.error_exit = jpeg_failed;
  j->errors.emit_message = jpeg_warned;
  j->any.client_data = j;
  if (writing)
    jpeg_create_compress(&j->writer);
  else
    jpeg_create_decompress(&j->reader);
  j->begun = true;
  return j;
}

Tensor *jpeg_read (const char *path, const Device *host) {
  Source *s = source_open(path);
  int64_t file_bytes = source_left(s);
  Jpeg *j = jpeg_new(path, false);
  struct jpeg_decompress_struct *r = &j->reader;
  jpeg_stdio_src(r, source_stream(s));
  jpeg_read_header(r, TRUE);
  bool grey = r->jpeg_color_space == JCS_GRAYSCALE;
  r->out_color_space = grey ? JCS_GRAYSCALE : JCS_RGB;
  int channels = grey ? 1 : 3;
  int64_t width = r->image_width;
  Tensor *t = picture_new(s, file_bytes * JPEG_MOST, r->image_height, width,
                          channels, host);
  unsigned char *bytes = tensor_data(t);
  jpeg_start_decompress(r);
  while (r->output_scanline < r->output_height) {
    JSAMPROW row = bytes + (int64_t) r->output_scanline * width * channels;
    jpeg_read_scanlines(r, &row, 1);
  }
  jpeg_finish_decompress(r);
  return t;
}

void jpeg_write (const char *path, Tensor *t) {
  Picture picture = picture_of(path, t);
  Output *o = output_new(path);
  Jpeg *j = jpeg_new(path, true);
  struct jpeg_compress_struct *w = &j->writer;
  jpeg_stdio_dest(w, output_stream(o));
  w->image_width = (JDIMENSION) picture.width;
  w->image_height = (JDIMENSION) picture.height;
  w->input_components = picture.channels;
  w->in_color_space = picture.channels == 3 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(w);
  jpeg_set_quality(w, JPEG_QUALITY, TRUE);
  jpeg_start_compress(w, TRUE);
  while (w->next_scanline < w->image_height) {
    JSAMPROW row = row_of(&picture, w->next_scanline);
    jpeg_write_scanlines(w, &row, 1);
  }
  jpeg_finish_compress(w);
  output_commit(o);
}
