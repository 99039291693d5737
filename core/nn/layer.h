/*
 * layer.h - records of layers, and layers with their arguments.
 *
 * A layer call such as nn.conv(32, 3) describes: a LayerCall holds the record
 * and the arguments, no weights.  The chain that it is put in asks it for the
 * shape of its output and for the parameters that it needs, makes these, and
 * hands them over at each run.  Shapes are those of one row, without the
 * batch axis: a picture is [H, W, C].
 *
 * The argument lines are those of ops (autograd/op.h).  Value arguments (eps,
 * p, slope) are kept as numbers: they go to the value block at each run.
 */
#ifndef layer_h
#define layer_h

#include "autograd/op.h"
#include "nn/init.h"

enum { MAX_PARAMS = 4 };

typedef struct LayerCall {
  const struct Layer *layer;
  Call call;                  /* op NULL; spec of the layer's argument line */
  double number[MAX_ARGS];    /* of the value arguments */
} LayerCall;

typedef struct Param {
  const char *name;           /* "weight", "bias", "mean", "var" */
  Shape shape;
  Init init;
  bool buffer;                /* saved, but not trained */
} Param;

typedef struct LayerRun {
  const LayerCall *call;
  Tensor *x;                  /* [N, ...] of the shape that was built for */
  Tensor **param;             /* in the order of build */
  int params;
  bool training;
  const char *act;            /* "relu" if the chain fused one, else "none" */
} LayerRun;

typedef struct Layer {
  const char *name, *args, *doc, *example;
  const char *cases[MAX_CASES];
  bool fuses;                 /* forward applies run->act itself */
  /* The shape of the output for one of the input; raise_user if it cannot. */
  void (*shape) (const LayerCall *l, const Shape *in, Shape *out);
  /* Declares the parameters; returns how many.  NULL: none. */
  int (*build) (const LayerCall *l, const Shape *in, Param *list);
  Tensor *(*forward) (const LayerRun *r);
} Layer;

/* The list of families, each ends with a layer without a name.  Activations
 * are not in it: they are made from the pointwise ops. */
extern const Layer *const layer_families[];

/* By index, to walk over all of them, activations included; NULL at the end.
 * By name; NULL if there is none. */
const Layer *layer_at (int i);
const Layer *layer_find (const char *name);

/* "conv(32, 3, { stride = 2 })": what the user wrote, in one form. */
void layer_text (const LayerCall *l, char *out, size_t room);

/* For the records. */
double layer_number (const LayerCall *l, const char *name);
_Noreturn void layer_bad (const char *format, ...)
  __attribute__((format(printf, 1, 2)));        /* "needs ..., got ..." */
void same_shape (const LayerCall *l, const Shape *in, Shape *out);
/* Raises unless the input has height, width and channels. */
void need_picture (const Shape *in);
/* An argument that counts something: at least 1. */
int64_t need_positive (const LayerCall *l, const char *name);
/* The shape of x for rows of that shape: [N, ...]. */
Shape batch_shape (const Tensor *x, const Shape *row);

#endif
