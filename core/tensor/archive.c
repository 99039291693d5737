/* archive.c - see archive.h. */
#include "tensor/archive.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

static void drop_archive (void *zip) {
  zip_discard(zip);
}

zip_t *archive_open (const char *path, const char *kind) {
  source_open(path);                   /* a missing file has its own message */
  own_reserve();
  int code;
  zip_t *zip = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &code);
  if (zip == NULL) {
    zip_error_t error;
    char text[128];
    zip_error_init_with_code(&error, code);
    snprintf(text, sizeof text, "%s", zip_error_strerror(&error));
    zip_error_fini(&error);
    raise_as(FAIL_DATA, "%s: not %s archive: %s", path, kind, text);
  }
  own(zip, drop_archive);
  return zip;
}

static size_t read_entry (void *handle, void *to, size_t bytes,
                          const char **reason) {
  zip_int64_t n = zip_fread(handle, to, bytes);
  if (n < 0)
    *reason = zip_file_strerror(handle);
  return n < 0 ? 0 : (size_t) n;
}

static void close_entry (void *handle) {
  zip_fclose(handle);
}

Source *archive_entry (zip_t *zip, zip_uint64_t i, const char *path,
                       zip_stat_t *about) {
  zip_uint64_t known = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE
                     | ZIP_STAT_COMP_METHOD;
  if (zip_stat_index(zip, i, 0, about) != 0
      || (about->valid & known) != known)
    raise_as(FAIL_DATA, "%s: entry %d: cannot be read", path, (int) i + 1);
  if (about->comp_method != ZIP_CM_STORE
      && about->comp_method != ZIP_CM_DEFLATE)
    raise_as(FAIL_DATA, "%s: entry %s: packed in a way that is not read",
             path, about->name);
  int64_t most = about->comp_size > INT64_MAX / 2048 ? INT64_MAX
               : (int64_t) about->comp_size * 1032 + 64;
  if (about->size < (zip_uint64_t) most)
    most = (int64_t) about->size;
  Text *name = text_new();
  text_add(name, "%s: %s", path, about->name);
  Source *s = source_new(name->chars, most, NULL, read_entry, close_entry);
  zip_file_t *file = zip_fopen_index(zip, i, 0);
  if (file == NULL)
    source_bad(s, "%s", zip_strerror(zip));
  source_attach(s, file);
  return s;
}
