/*
 * sim.h - the simulated CUDA device, for the stand-ins of its libraries.
 *
 * libcudart.so.13 of this folder runs the PTX that nvcc made in a checking
 * interpreter; the stand-ins of cuBLAS and cuDNN put their work on its
 * streams and reach its memory through these functions, which it exports.
 * Link with -L build/sim -l:libcudart.so.13.
 *
 * A library checks its arguments at the call.  What touches device memory
 * belongs into the run function of sim_enqueue, and goes through sim_read and
 * sim_write: memory that is freed, uninitialised or out of bounds when the
 * work runs is then reported with the name of the call.
 *
 * Variables of the environment:
 *   SIM_SEED=n        order of blocks, warps, lanes and of what queries find
 *   SIM_DEVICE=name   a100 (default), t4, rtx4090, h100, b200
 *   SIM_COUNT=n       devices; 0: none; "driver": the driver is too old
 *   SIM_MEMORY=n      bytes of device memory; default 8 GiB
 *   SIM_REPORT=file   counters at the end, as JSON; simMark closes a section
 *   SIM_LOST=n        the n-th kernel breaks the device
 *   SIM_ABORT=1       ends at the first mistake
 *   SIM_STEPS=n       instructions of a warp between barriers that are endless
 *   SIM_DECODE=1      decodes all kernels when they are registered
 *   SIM_CAPTURE_FAILS=1       captures end as broken, with no mistake
 *   SIM_ALLOW_DEVICE_SYNC=1   cudaDeviceSynchronize is no mistake
 *   SIM_ALLOW_LEAKS=1         nor is device memory that is kept to the end
 */
#ifndef sim_h
#define sim_h

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Puts work on a stream.  It runs in the stream's order, when a
 * synchronisation demands it.  run(state) executes it; drop(state) frees the
 * state afterwards.  While the stream is capturing, the work becomes a node of
 * the graph: run at every replay, dropped with the graph.  drop may be NULL.
 * After a device was lost only drop is called. */
void sim_enqueue (cudaStream_t stream, const char *what,
                  void (*run) (void *state), void (*drop) (void *state),
                  void *state);

/* bytes of device memory as the host reads and writes them.  The range must
 * lie inside one live allocation and, for reading, be initialised; sim_write
 * marks it as initialised.  A mistake is reported in the name of who, and NULL
 * returned; NULL for no bytes too.  sim_update: both, for y += x. */
const void *sim_read (const void *device, size_t bytes, const char *who);
void *sim_write (void *device, size_t bytes, const char *who);
void *sim_update (void *device, size_t bytes, const char *who);

/* For matrices with a leading dimension: rows of row bytes each, stride bytes
 * apart; only the rows' own bytes are checked and marked. */
const void *sim_read_rows (const void *device, size_t rows, size_t row,
                           size_t stride, const char *who);
void *sim_write_rows (void *device, size_t rows, size_t row, size_t stride,
                      const char *who);

/* Memory whose content is nobody's, such as a workspace: live and inside one
 * allocation; made uninitialised.  False after a report. */
bool sim_workspace (void *device, size_t bytes, const char *who);

/* Whether an address lies in live memory of the device; no report. */
bool sim_is_device (const void *address);

/* Reports a mistake of the program under test; printf's format.  The process
 * ends with status 86, at once where SIM_ABORT=1. */
void sim_mistake (const char *format, ...)
  __attribute__((format(printf, 1, 2)));

/* Counts work of a library for SIM_REPORT: its name, the bytes that it read
 * and wrote, the kernels that a device would have launched.  Call it from
 * run. */
void sim_count_library (const char *what, size_t bytes_moved, size_t kernels);

/* Whether the stream is capturing: no allocation, no synchronisation. */
bool sim_capturing (cudaStream_t stream);

/* Whether the device is lost (SIM_LOST): calls must fail. */
bool sim_lost (void);

/* A number that SIM_SEED decides, for choices that a device leaves open. */
uint32_t sim_random (void);

/* Closes a section of the counters of SIM_REPORT under a label. */
void simMark (const char *label);

#ifdef __cplusplus
}
#endif

#endif
