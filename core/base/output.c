/* output.c - see output.h. */
#include "base/output.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct Output {
  char *path, *temporary;
  FILE *stream;
  bool begun;           /* the temporary file exists */
};

static void drop (void *thing) {
  Output *o = thing;
  if (o->stream != NULL)
    fclose(o->stream);
  if (o->begun)
    unlink(o->temporary);
  mem_free(o->path);
  mem_free(o->temporary);
  mem_free(o);
}

static _Noreturn void failed (const Output *o, const char *what) {
  raise_user("%s: cannot %s: %s", o->path, what, strerror(errno));
}

/* mkstemp makes a file that only its owner may read; ours get the usual
 * rights. */
static void usual_rights (int file) {
  mode_t mask = umask(0);
  umask(mask);
  if (fchmod(file, 0666 & ~mask) != 0)
    return;                     /* a file system without rights */
}

Output *output_new (const char *path) {
  own_reserve();
  Output *o = mem_new(sizeof *o);
  own(o, drop);
  size_t room = strlen(path) + sizeof ".XXXXXX";
  o->path = mem_new(room);
  strcpy(o->path, path);
  o->temporary = mem_new(room);
  snprintf(o->temporary, room, "%s.XXXXXX", path);
  int file = mkstemp(o->temporary);
  if (file < 0)
    failed(o, "write");
  o->begun = true;
  usual_rights(file);
  o->stream = fdopen(file, "wb");
  if (o->stream == NULL) {
    close(file);
    failed(o, "write");
  }
  return o;
}

void output_write (Output *o, const void *bytes, size_t count) {
  if (count > 0 && fwrite(bytes, 1, count, o->stream) != count)
    failed(o, "write");
}

FILE *output_stream (Output *o) {
  return o->stream;
}

const char *output_name (const Output *o) {
  return o->temporary;
}

/* By name: a library may have put another file in its place. */
static bool synced (const char *name, int flags) {
  int file = open(name, flags | O_CLOEXEC);
  if (file < 0)
    return false;
  bool good = fsync(file) == 0;
  int error = errno;
  close(file);
  errno = error;
  return good;
}

/* The new name itself is safe when its folder is.  Some file systems cannot
 * sync folders; the file is whole all the same. */
static void sync_folder (const char *path) {
  const char *slash = strrchr(path, '/');
  if (slash == NULL) {
    synced(".", O_RDONLY | O_DIRECTORY);
    return;
  }
  size_t count = (size_t) (slash - path);
  char *folder = mem_new(count + 2);
  memcpy(folder, count ? path : "/", count ? count : 1);
  synced(folder, O_RDONLY | O_DIRECTORY);
  mem_free(folder);
}

void output_commit (Output *o) {
  FILE *stream = o->stream;
  o->stream = NULL;
  bool written = ferror(stream) == 0;
  if (fclose(stream) != 0 || !written || !synced(o->temporary, O_RDONLY))
    failed(o, "write");
  if (rename(o->temporary, o->path) != 0)
    failed(o, "write");
  o->begun = false;
  sync_folder(o->path);
}
