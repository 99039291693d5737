# rules.mk - the simulated device (tests/sim), where nvcc is installed.
#
#   make test-sim    builds it and proves it: planted mistakes, numbers
#
# make test runs the same programs by way of tests/run.lua.

SIM := $(B)/sim
.PHONY: test-sim sim-programs

ifeq ($(CUDA_THERE)$(SAN),yes)

SIM_FILES := $(addprefix tests/sim/,report.c memory.c lex.c fatbin.c ptx.c \
  instruction.c alu.c access.c exec.c stream.c graph.c copy.c launch.c \
  runtime.c)
SIM_OBJECTS := $(SIM_FILES:tests/sim/%.c=$(SIM)/%.o)
# Lanes become vectors of AVX2; the maths must not be fused or reordered.
SIM_RT_CFLAGS := -std=gnu11 -D_GNU_SOURCE= -O3 -g -march=x86-64-v3 \
  -ffp-contract=off -fno-math-errno -fno-trapping-math -fPIC \
  -fvisibility=default -isystem $(CUDA_DIR)/include $(WARN)

$(SIM_OBJECTS): $(SIM)/%.o: tests/sim/%.c
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(SIM_RT_CFLAGS) -MMD -MP -c -o $@ $<

# Functions of the real library that the simulator does not have report their
# own name when they are called.
$(SIM)/unmodelled.c: $(SIM_OBJECTS)
	$(Q){ echo 'void mistake (const char *kind, const char *format, ...);'; \
	  nm $(SIM_OBJECTS) | awk '$$2 == "T" { print $$3 }' | sort > $@.ours; \
	  nm -D --defined-only $(CUDA_DIR)/lib64/libcudart.so \
	    | awk '$$2 == "T" { sub(/@.*/, "", $$3); print $$3 }' | sort \
	    | comm -23 - $@.ours \
	    | sed 's/.*/int & (void) { mistake("unmodelled", "&"); return 801; }/'; \
	} > $@

$(SIM)/libcudart.so.13: $(SIM_OBJECTS) $(SIM)/unmodelled.c tests/sim/cudart.map
	$(call say,link)
	$(Q)$(CC) $(SIM_RT_CFLAGS) -shared -Wl,-soname,libcudart.so.13 -Wl,-z,defs \
	  -Wl,-z,nodelete -Wl,--version-script,tests/sim/cudart.map -o $@ \
	  $(SIM_OBJECTS) $(SIM)/unmodelled.c -lm

-include $(SIM_OBJECTS:.o=.d)

# -- what proves it ------------------------------------------------------

# The kernels' PTX lies in the object, uncompressed and with lines.
SIM_NVCC := $(NVCC) -gencode arch=compute_75,code=compute_75 --no-compress \
  -lineinfo -cudart shared -Icore -O3 -Xcompiler -O1
SIM_CASES := $(patsubst tests/sim/mistakes/%.cu,$(SIM)/mistakes/%,\
  $(wildcard tests/sim/mistakes/*.cu)) $(SIM)/mistakes/host
SIM_NUMBERS := $(SIM)/numbers $(SIM)/numbers_fused

$(SIM)/mistakes/%: tests/sim/mistakes/%.cu tests/sim/mistakes/case.h
	@mkdir -p $(@D)
	$(call say,nvcc)
	$(Q)$(SIM_NVCC) -o $@ $<

$(SIM)/mistakes/host: tests/sim/mistakes/host.c tests/sim/mistakes/case.h \
    tests/sim/sim.h $(SIM)/libcudart.so.13
	@mkdir -p $(@D)
	$(call say,test)
	$(Q)$(CC) -std=gnu11 -O1 -g $(WARN) -isystem $(CUDA_DIR)/include -o $@ $< \
	  -L$(SIM) -l:libcudart.so.13

# Arithmetic: the device's side by nvcc, the host's as the program is built.
$(SIM)/numbers_host.o: $(addprefix tests/sim/numbers/,host.c numbers.def \
    numbers.h) $(wildcard core/backend/*.def) core/backend/math.h
	@mkdir -p $(@D)
	$(call say,test)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(SIM)/numbers: SIM_HOW := --fmad=false
$(SIM)/numbers_fused: SIM_HOW := -DONLY_OPS
$(SIM_NUMBERS): tests/sim/numbers/numbers.cu $(SIM)/numbers_host.o
	$(call say,nvcc)
	$(Q)$(SIM_NVCC) -diag-suppress 550 $(SIM_HOW) -o $@ $^

sim-programs: $(SIM)/libcudart.so.13 $(SIM_CASES) $(SIM_NUMBERS)

test-run: sim-programs

test-sim: sim-programs
	@sh tests/sim/run.sh $(B)

else

test-sim sim-programs:
	@echo "  no nvcc: without the simulated device"

endif
