/*
 * host.h - what the C files of the CUDA backend share among themselves; .cu
 * files know cuda.h alone.
 *
 * Everything here that can fail raises (Host.raise), except what returns a
 * cudaError_t.  While a graph is being captured nothing allocates, waits or
 * uploads; a kernel that fails then spoils the capture instead of raising,
 * since a jump would leave the stream capturing.
 */
#ifndef cuda_host_h
#define cuda_host_h

#include "backend/cuda/cuda.h"
#include "backend/plugin.h"

#include <stdbool.h>
#include <stddef.h>

/* ---- device.c ---- */

extern Host cuda_host;
extern Precision cuda_precision;    /* of products and convolutions */
extern int cuda_compute;            /* 75, 80, 86, 89, 90, 100, 120 */
extern char cuda_name[16];          /* "cuda:0" */

/* When the process ends: each file gives back what it has. */
void cuda_alloc_close (void);
void cuda_transfer_close (void);
void cuda_blas_close (void);
void cuda_conv_close (void);

/* ---- table.c ---- */

extern const Kernels cuda_kernels;

/* ---- error.c ---- */

/* Notes a launch for the report of a lost device. */
void cuda_note (const char *kernel);
void cuda_note_view (const View *v);

/* Raises unless e is cudaSuccess; doing: what failed, for the message. */
void cuda_check (cudaError_t e, const char *doing);
/* The end of a launch: raises, or spoils the capture that is going on. */
void cuda_launched (cudaError_t e);
/* Raises if the device was lost earlier, with the same message. */
void cuda_alive (void);
bool cuda_lost (void);
_Noreturn void cuda_raise (Fail kind, const char *format, ...)
  __attribute__((format(printf, 2, 3)));
/* "an illegal memory access was encountered (cudaErrorIllegalAddress)", or
 * what cuda_failed was told since the last launch. */
const char *cuda_text (cudaError_t e);
/* For clean-ups: an error of theirs is that of earlier work, and will show
 * again. */
static inline void cuda_ignore (cudaError_t e) {
  if (e != cudaSuccess)
    (void) cudaGetLastError();
}
/* VAELUA_CUDA_SYNC=1: every kernel is waited for. */
bool cuda_waits (void);

/* ---- alloc.c ---- */

void *cuda_alloc (size_t bytes);
void cuda_free (void *p, size_t bytes);
void cuda_trim (void);
DeviceMemory cuda_memory (void);
/* cudaMalloc, idle blocks given back if it must be; never raises.  Not while
 * capturing. */
cudaError_t cuda_driver_memory (void **p, size_t bytes);
/* bytes 0: what the driver refused last. */
_Noreturn void cuda_out_of_memory (size_t bytes);

/* ---- transfer.c ---- */

cudaError_t cuda_transfer_open (void);
void cuda_upload (void *to, const void *from, size_t bytes);
void cuda_download (void *to, const void *from, size_t bytes);
void cuda_copy_bytes (void *to, const void *from, size_t bytes);
void cuda_sync (void);
/* Issues what uploads have gathered; before anything that reads it. */
void cuda_flush (void);
/* Before memory is given back to the driver. */
void cuda_flush_range (const void *p, size_t bytes);

/* ---- graph.c ---- */

void *cuda_capture (void (*run) (void *state), void *state, char *why,
                    size_t n);
void cuda_launch (void *graph);
void cuda_release (void *graph);
bool cuda_capturing (void);
/* The capture cannot succeed any more, because of this. */
void cuda_spoil (const char *text);
/* Ends a capture that is left by a jump. */
void cuda_capture_abandon (void);

#endif
