/*
 * sha256.h - SHA-256 (FIPS 180-4) of bytes that come in pieces.
 */
#ifndef sha256_h
#define sha256_h

#include <stddef.h>
#include <stdint.h>

typedef struct Sha256 {
  uint32_t state[8];
  uint64_t bytes;              /* taken in so far */
  unsigned char block[64];     /* the last, unfinished one */
} Sha256;

void sha256_begin (Sha256 *s);
void sha256_add (Sha256 *s, const void *data, size_t bytes);
void sha256_end (Sha256 *s, char hex[65]);      /* lower case, ends with 0 */

#endif
