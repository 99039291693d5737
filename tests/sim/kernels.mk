# kernels.mk - the kernels of CUDA against those of the CPU, call by call, on
# the simulated device.
#
#   make test-sim-kernels

KERNELS_A := pointwise copy reduce softmax sort norm small
KERNELS_B := random loss optim index pool pairwise small
kernels = $(patsubst %,$(B)/sim/cuda/%.cu.o,$(KERNELS_$(1)))

.PHONY: test-sim-kernels
test-sim-kernels: $(B)/sim/kernels_a $(B)/sim/kernels_b
	$(Q)for t in $^; do LD_LIBRARY_PATH=$(B)/sim $$t || exit 1; done

$(B)/sim/kernels_a: $(call kernels,A)
$(B)/sim/kernels_b: $(call kernels,B)
$(B)/sim/kernels_%: tests/sim/kernels_%.c tests/sim/twin.h $(CORE) \
  $(B)/sim/libcudart.so.13
	$(call say,test)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -Werror -isystem $(CUDA_DIR)/include \
	  -o $@ $< $(filter %.o,$^) -L$(B)/sim -l:libcudart.so.13 -lstdc++ $(LIBS)
