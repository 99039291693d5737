/*
 * archive.h - entries of a zip archive as sources of bytes.
 */
#ifndef archive_h
#define archive_h

#include "tensor/source.h"

#include <zip.h>

/* kind: what it should be, for the message.  The scope owns the archive. */
zip_t *archive_open (const char *path, const char *kind);

/* Entry i as a source of at most as many bytes as its packed ones can give
 * (1,032 to 1 with deflate). */
Source *archive_entry (zip_t *zip, zip_uint64_t i, const char *path,
                       zip_stat_t *about);

#endif
