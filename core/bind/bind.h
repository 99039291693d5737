/*
 * bind.h - between Lua and the core.
 *
 * A bound function has three phases.  (1) Read and check all arguments and
 * push the empty userdata of the results: Lua errors may fly, no frame is
 * open.  (2) bind_run opens a frame and works; nothing in there calls Lua.
 * (3) Back in Lua with filled userdata, or with an error that carries the line
 * of the user's script.
 */
#ifndef bind_h
#define bind_h

#include "autograd/op.h"
#include "base/error.h"

#include <lauxlib.h>
#include <lua.h>

/* Phase 1 */
Tensor *check_tensor (lua_State *L, int index);       /* or a Lua error */
Tensor *to_tensor (lua_State *L, int index);          /* or NULL */
Tensor **tensor_box (lua_State *L);    /* pushes an empty tensor userdata */
/* Reads arguments from stack slot first on into c, as the spec says; numbers
 * for value and operand arguments are turned into tensors in bind_run, so the
 * values lie in c->number until bind_values is called there. */
typedef struct BoundCall {
  Call call;
  double number[MAX_ARGS];     /* of those that are numbers */
  bool is_number[MAX_ARGS];
} BoundCall;
void args_read (lua_State *L, int first, const Spec *spec, BoundCall *b);
void bind_collect (lua_State *L);      /* steps the collector by bytes made */
void bind_turn (lua_State *L);         /* the same between turns of a loop */

/* Phase 2: runs work(state) in a frame; where memory runs out, collects fully
 * and runs it once more; raises a Lua error if it failed. */
void bind_run (lua_State *L, void (*work) (void *state), void *state);
Tensor *on_host (Tensor *t);           /* file.c: contiguous, in memory */
void bind_values (BoundCall *b);       /* in phase 2, first thing */

/* A Lua error of a kind (base/error.h) with the line of the user's script: the
 * innermost Lua function on the stack whose source is not vaelua's own. */
int bind_error (lua_State *L, Fail kind, const char *format, ...);
void bind_where (lua_State *L);        /* pushes that line, "FILE:LINE: " or "" */
Fail bind_last_fail (lua_State *L, const char *message);
               /* the kind of an error message that has reached the top */

/* table.name = n for the table on top of the stack. */
static inline void set_count (lua_State *L, const char *name, uint64_t n) {
  lua_pushinteger(L, (lua_Integer) n);
  lua_setfield(L, -2, name);
}

/* Each adds its functions to the core table on top of the stack. */
void bind_ops (lua_State *L);          /* registry.c: core.ops, records */
void bind_tensors (lua_State *L);      /* tensor.c: core.tensor, set, ... */
void bind_gradients (lua_State *L);    /* gradient.c: core.grad, mode, ... */
void bind_loops (lua_State *L);        /* loop.c: turns, running sums */
void bind_network (lua_State *L);      /* network.c: layers, optimisers */
void bind_files (lua_State *L);        /* file.c: tensors in files */
void bind_system (lua_State *L);       /* system.c: folders, clock, json */
void bind_terminal (lua_State *L);     /* terminal.c: pictures as text */

int luaopen_vaelua_core (lua_State *L);    /* module.c */

#endif
