# rules.mk - the simulated device (tests/sim), where nvcc is installed.

CUDA ?= /usr/local/cuda
NVCC ?= $(firstword $(wildcard $(CUDA)/bin/nvcc) $(shell command -v nvcc))
SIM := $(B)/sim
SIM_FILES := $(addprefix tests/sim/,report.c memory.c lex.c fatbin.c ptx.c \
  instruction.c alu.c access.c exec.c stream.c graph.c copy.c launch.c \
  runtime.c)
SIM_OBJECTS := $(SIM_FILES:tests/sim/%.c=$(SIM)/%.o)
# Lanes become vectors of AVX2; the maths must not be fused or reordered.
SIM_CFLAGS := -std=gnu11 -D_GNU_SOURCE= -O3 -g -march=x86-64-v3 \
  -ffp-contract=off -fno-math-errno -fno-trapping-math -fPIC \
  -fvisibility=default -isystem $(CUDA)/include $(WARN)

.PHONY: test-sim
test-sim: $(SIM)/libcudart.so.13

$(SIM)/%.o: tests/sim/%.c
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(SIM_CFLAGS) -MMD -MP -c -o $@ $<

# Functions of the real library that the simulator does not have report their
# own name when they are called.
$(SIM)/unmodelled.c: $(SIM_OBJECTS)
	$(Q){ echo 'void mistake (const char *kind, const char *format, ...);'; \
	  nm $(SIM_OBJECTS) | awk '$$2 == "T" { print $$3 }' | sort > $@.ours; \
	  nm -D --defined-only $(CUDA)/lib64/libcudart.so.13 \
	    | awk '$$2 == "T" { sub(/@.*/, "", $$3); print $$3 }' | sort \
	    | comm -23 - $@.ours \
	    | sed 's/.*/int & (void) { mistake("unmodelled", "&"); return 801; }/'; \
	} > $@

$(SIM)/libcudart.so.13: $(SIM_OBJECTS) $(SIM)/unmodelled.c tests/sim/cudart.map
	$(call say,link)
	$(Q)$(CC) $(SIM_CFLAGS) -shared -Wl,-soname,libcudart.so.13 -Wl,-z,defs \
	  -Wl,-z,nodelete -Wl,--version-script,tests/sim/cudart.map -o $@ \
	  $(SIM_OBJECTS) $(SIM)/unmodelled.c -lm

-include $(SIM_OBJECTS:.o=.d)
