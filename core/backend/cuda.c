/*
 * cuda.c - finds and opens the CUDA backend, a shared object of its own.
 *
 * vaelua_cuda.so lies beside the program or the module that this core is part
 * of, or where `make install` puts it; a folder of LD_LIBRARY_PATH that has
 * one comes first.  Everything that may be missing is named: the plugin, the
 * driver, a library; the plugin itself tells what is wrong with versions and
 * devices.  Where there is no plugin or no driver this costs well below a
 * millisecond.
 */
#include "backend/backend.h"
#include "backend/plugin.h"
#include "base/mem.h"
#include "abi.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLUGIN "vaelua_cuda.so"

Device cuda_device;

/* ---- where it lies ---- */

/* The folder of the object that contains this function. */
static bool own_folder (char *path) {
  Dl_info info;
  struct link_map *map;
  const char *object = "/proc/self/exe";
  if (dladdr1((void *) own_folder, &info, (void **) &map, RTLD_DL_LINKMAP)
      && map->l_name != NULL && map->l_name[0] != 0)
    object = map->l_name;
  if (realpath(object, path) == NULL)
    return false;
  *strrchr(path, '/') = 0;
  return true;
}

static bool there (char *path, const char *folder, size_t length,
                   const char *below) {
  snprintf(path, PATH_MAX, "%.*s%s/%s", (int) length, folder, below, PLUGIN);
  return access(path, R_OK) == 0;
}

static bool on_library_path (char *path) {
  const char *folders = getenv("LD_LIBRARY_PATH");
  while (folders != NULL && *folders) {
    size_t length = strcspn(folders, ":");
    if (length > 0 && there(path, folders, length, ""))
      return true;
    folders += length + (folders[length] == ':');
  }
  return false;
}

const char *cuda_plugin (void) {
  /* The build, its tests; the program installed, the module installed. */
  static const char *const below[] = {
    "", "/..", "/../lib/vaelua", "/../../vaelua" };
  static char path[PATH_MAX];
  char folder[PATH_MAX];
  if (path[0] != 0 || on_library_path(path))
    return path;
  if (own_folder(folder))
    for (size_t i = 0; i < sizeof below / sizeof *below; i++)
      if (there(path, folder, strlen(folder), below[i]))
        return path;
  path[0] = 0;
  return NULL;
}

/* ---- what the plugin may ask of us ---- */

static _Noreturn void raise_text (Fail kind, const char *text) {
  raise_as(kind, "%s", text);
}

static void say (const char *text) {
  fflush(stdout);
  fprintf(stderr, "%s\n", text);
}

static const Host host = {
  .raise = raise_text, .mem_new = mem_new, .mem_free = mem_free, .say = say,
  .doing = &device_doing,
};

/* ---- opening ---- */

/* The driver's library is asked for first, since it is small and quickly
 * found missing; CUDA's own libraries take hundreds of megabytes. */
static bool driver_there (void) {
  const char *how = getenv("VAELUA_CUDA_DRIVER");
  if (how != NULL && strcmp(how, "skip") == 0)
    return true;
  return dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != NULL;
}

/* "libcudnn.so.9: cannot open shared object file: ..." in other words. */
static void load_error (char *why, size_t n) {
  const char *text = dlerror();
  const char *rest = text ? strstr(text, ": cannot open shared object") : NULL;
  if (rest != NULL)
    snprintf(why, n, "the library %.*s is missing", (int) (rest - text), text);
  else
    snprintf(why, n, "%s", text ? text : PLUGIN " cannot be loaded");
}

static PluginDevice *load (const char *path, char *why, size_t n) {
  static void *plugin;
  if (plugin == NULL)
    plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL) {
    load_error(why, n);
    return NULL;
  }
  PluginDevice *entry;
  *(void **) &entry = dlsym(plugin, PLUGIN_ENTRY);
  if (entry == NULL)
    snprintf(why, n, "%s is no backend of vaelua", path);
  return entry;
}

bool cuda_open (int index, char *why, size_t n) {
  static int open_index;
  if (cuda_device.name != NULL) {
    if (index != open_index)
      snprintf(why, n, "this process uses %s, and one CUDA device is all that "
               "it can use", cuda_device.name);
    return index == open_index;
  }
  const char *path = cuda_plugin();
  if (path == NULL) {
    snprintf(why, n, "this build has no CUDA backend");
    return false;
  }
  if (!driver_there()) {
    snprintf(why, n, "driver not found");
    return false;
  }
  PluginDevice *entry = load(path, why, n);
  if (entry == NULL)
    return false;
  Host with = host;
  Device device = { 0 };
  with.index = index;
  if (entry(BACKEND_ABI, &with, &device, why, n) != 0)
    return false;
  open_index = index;
  cuda_device = device;
  return true;
}
