/*
 * format.h - the file formats behind file.h, one C file each.
 */
#ifndef format_h
#define format_h

#include "tensor/file.h"
#include "tensor/source.h"

/* npy.c: NumPy's format, versions 1 to 3, and archives of it */
Tensor *npy_read (Source *s, const Device *host);
void npy_write (const char *path, Tensor *t);
void npz_read (const char *path, Bundle *b, const Device *host);
void npz_write (const char *path, const Bundle *b);

/* pth.c: what PyTorch's torch.save wrote */
void pth_read (const char *path, Bundle *b, const Device *host);

/* safetensors.c */
void safetensors_read (const char *path, Bundle *b, const Device *host);
void safetensors_write (const char *path, const Bundle *b);

/* picture.c: uint8 [H,W,1] or [H,W,3]; written also from [H,W] and from
 * float32, taken as 0 to 1 */
Tensor *png_read (const char *path, const Device *host);
void png_write (const char *path, Tensor *t);
Tensor *jpeg_read (const char *path, const Device *host);
void jpeg_write (const char *path, Tensor *t);

/* idx.c: see file.h */
bool idx_begins (const unsigned char *bytes, size_t count);

#endif
