# libs.mk - the stand-ins for cuBLAS and cuDNN, their tests, and the plans that
# the real cuDNN makes for described GPUs.
#
#   make test-sim-libs    the stand-ins against naive loops; wrong arguments
#   make plans            every convolution planned for every described GPU
#
# libcudart.so.13 of the simulated device comes from rules.mk.

LIBS_CFLAGS := -std=gnu11 -D_GNU_SOURCE= -O3 -g -fPIC \
  -march=x86-64-v3 -ffp-contract=off $(WARN) -Icore -Itests/sim -isystem $(CUDA)/include \
  -DCUDA_HOME='"$(CUDA)"'
# A library with the versioned names of the real one.
sim_lib = $(Q)$(CC) $(LIBS_CFLAGS) -shared -Wl,-soname,$(@F) -Wl,-z,defs \
  -Wl,--version-script,$(SIM)/$(@F).map -o $@ $(filter %.c,$^) -L$(SIM) \
  -l:libcudart.so.13 -lm -ldl

CUDNN_SIM := $(addprefix tests/sim/,cudnn.c cudnn_graph.c cudnn_real.c \
  cudnn_run.c cudnn_gpus.c)
LIBS_HEADERS := $(wildcard tests/sim/*.h core/backend/cuda/plan.h)

.PHONY: test-sim-libs plans

$(SIM)/libcublas.so.13: tests/sim/cublas.c tests/sim/cudnn_gpus.c \
  $(LIBS_HEADERS) $(SIM)/libcudart.so.13
	@mkdir -p $(@D)
	@printf '$(@F) { global: cublas*; local: *; };\n' > $@.map
	$(call say,link)
	$(sim_lib)

$(SIM)/libcudnn.so.9: $(CUDNN_SIM) $(LIBS_HEADERS) $(SIM)/libcudart.so.13
	@mkdir -p $(@D)
	@printf '$(@F) { global: cudnn*; local: *; };\n' > $@.map
	$(call say,link)
	$(sim_lib)

# Linked with the stand-ins, to which the names without versions lead.
$(SIM)/cublas_test: tests/sim/cublas_test.c $(SIM)/libcublas.so.13 \
  $(LIBS_HEADERS)
	$(call say,test)
	$(Q)$(CC) $(LIBS_CFLAGS) -o $@ $< -L$(SIM) -l:libcublas.so.13 \
	  -l:libcudart.so.13 -lm

$(SIM)/cudnn_test: tests/sim/cudnn_test.c core/backend/cuda/plan.c \
  $(SIM)/libcudnn.so.9 $(LIBS_HEADERS)
	$(call say,test)
	$(Q)$(CC) $(LIBS_CFLAGS) -o $@ $(filter %.c,$^) -L$(SIM) -l:libcudnn.so.9 \
	  -l:libcudart.so.13 -lm

test-sim-libs: $(SIM)/cublas_test $(SIM)/cudnn_test
	LD_LIBRARY_PATH=$(SIM) $(SIM)/cublas_test
	LD_LIBRARY_PATH=$(SIM) $(SIM)/cudnn_test
	LD_LIBRARY_PATH=$(SIM) SIM_CUDNN=none $(SIM)/cudnn_test
	LD_LIBRARY_PATH=$(SIM) SIM_DEVICE=h100 $(SIM)/cudnn_test

# Linked with the real library.
$(SIM)/plans: tests/sim/plans.c tests/sim/cudnn_gpus.c \
  core/backend/cuda/plan.c $(LIBS_HEADERS)
	@mkdir -p $(@D)
	$(call say,test)
	$(Q)$(CC) $(LIBS_CFLAGS) -o $@ $(filter %.c,$^) -L$(CUDA)/lib64 \
	  -Wl,-rpath,$(CUDA)/lib64 -lcudnn

plans: $(if $(wildcard $(CUDA)/include/cudnn_graph.h),$(SIM)/plans)
	$(if $^,$(SIM)/plans,@echo "skipped: plans: no cuDNN in $(CUDA)")
