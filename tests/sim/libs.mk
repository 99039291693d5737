# libs.mk - the stand-ins for cuBLAS and cuDNN, their tests, and the plans that
# the real cuDNN makes for described GPUs.
#
#   make test-sim-libs    the stand-ins against naive loops; wrong arguments
#   make plans            every convolution planned for every described GPU
#
# libcudart.so.13 of the simulated device comes from elsewhere in this folder.

B  ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
NVCC_PATH := $(shell command -v nvcc 2> /dev/null)
CUDA_HOME ?= $(if $(NVCC_PATH),$(patsubst %/bin/nvcc,%,$(realpath \
  $(NVCC_PATH))),/usr/local/cuda)

S := $(B)/sim
SIM_CFLAGS := -std=gnu11 -O2 -g -fPIC -Wall -Wextra -Wshadow -Werror \
  -ffp-contract=off -Icore -Itests/sim -isystem $(CUDA_HOME)/include \
  -DCUDA_HOME='"$(CUDA_HOME)"'
# A library with the versioned names of the real one.
sim_lib = $(CC) $(SIM_CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,defs \
  -Wl,--version-script,$(S)/$(@F).map -o $@ $(filter %.c,$^) -L$(S) \
  -l:libcudart.so.13 -lm -ldl

CUDNN_SIM := $(addprefix tests/sim/,cudnn.c cudnn_graph.c cudnn_real.c \
  cudnn_run.c cudnn_gpus.c)
SIM_HEADERS := $(wildcard tests/sim/*.h core/backend/cuda/plan.h)

.PHONY: test-sim-libs plans

$(S)/libcublas.so.13: tests/sim/cublas.c tests/sim/cudnn_gpus.c \
  $(SIM_HEADERS) $(S)/libcudart.so.13
	@mkdir -p $(@D)
	@printf '$(@F) { global: cublas*; local: *; };\n' > $@.map
	$(sim_lib)

$(S)/libcudnn.so.9: $(CUDNN_SIM) $(SIM_HEADERS) $(S)/libcudart.so.13
	@mkdir -p $(@D)
	@printf '$(@F) { global: cudnn*; local: *; };\n' > $@.map
	$(sim_lib)

# Linked with the stand-ins, to which the names without versions lead.
$(S)/cublas_test: tests/sim/cublas_test.c $(S)/libcublas.so.13 $(SIM_HEADERS)
	$(CC) $(SIM_CFLAGS) -o $@ $< -L$(S) -l:libcublas.so.13 \
	  -l:libcudart.so.13 -lm

$(S)/cudnn_test: tests/sim/cudnn_test.c core/backend/cuda/plan.c \
  $(S)/libcudnn.so.9 $(SIM_HEADERS)
	$(CC) $(SIM_CFLAGS) -o $@ $(filter %.c,$^) -L$(S) -l:libcudnn.so.9 \
	  -l:libcudart.so.13 -lm

test-sim-libs: $(S)/cublas_test $(S)/cudnn_test
	LD_LIBRARY_PATH=$(S) $(S)/cublas_test
	LD_LIBRARY_PATH=$(S) $(S)/cudnn_test
	LD_LIBRARY_PATH=$(S) SIM_CUDNN=none $(S)/cudnn_test
	LD_LIBRARY_PATH=$(S) SIM_DEVICE=h100 $(S)/cudnn_test

# Linked with the real library.
$(S)/plans: tests/sim/plans.c tests/sim/cudnn_gpus.c core/backend/cuda/plan.c \
  $(SIM_HEADERS)
	@mkdir -p $(@D)
	$(CC) $(SIM_CFLAGS) -o $@ $(filter %.c,$^) -L$(CUDA_HOME)/lib64 \
	  -Wl,-rpath,$(CUDA_HOME)/lib64 -lcudnn

plans: $(if $(wildcard $(CUDA_HOME)/include/cudnn_graph.h),$(S)/plans)
	$(if $^,$(S)/plans,@echo "skipped: plans: no cuDNN in $(CUDA_HOME)")
