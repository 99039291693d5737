/* conv.c - placeholder while developing */
#include "backend/cuda/host.h"
