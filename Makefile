# Makefile - builds vaelua.  Everything made lies under build/.
#
#   make            the program build/vaelua and the module build/vaelua.so
#   make compare    installs what is missing, builds, runs the first experiment
#   make test       installs what is missing, builds, runs all tests
#   make bench      timings in turn with PyTorch's, in one run; ALL=yes also the
#                   comparison as a whole, ONLY=part, README=yes its table
#   make lint       luacheck, warnings of clang and nvcc
#   make docs       annotations for editors, reference page, man page, completion
#   make gpu-check  where a GPU is: CUDA against the CPU, and its speed
#   make deps       installs the Debian packages that are missing
#   make install    PREFIX=/usr/local DESTDIR=
#   make SAN=1 ...  the same with address and undefined-behaviour checks
#   make AVX2=1     build/avx2/vaelua, which leaves AVX-512 alone: for bench
#
# There are no lists of files here: whatever lies in core/ and lua/ is built
# and embedded, whatever lies in tests/ is run.

ifeq ($(origin CC),default)
CC := gcc
endif
PREFIX  ?= /usr/local
VERSION := 0.1.0

B := build
ifdef SAN
B := build/san
endif
ifdef AVX2
B := build/avx2
endif

# -- flags ---------------------------------------------------------------

# Debian's OpenBLAS is the pthread build; its OpenMP build has the same
# SONAME, so it is found through the rpath and never through the cache.
TRIPLE  := $(shell $(CC) -print-multiarch)
BLAS    := /usr/lib/$(TRIPLE)/openblas-openmp
LUA_INC := /usr/include/lua5.4

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes
CHAFA_INC := /usr/include/chafa /usr/lib/$(TRIPLE)/chafa/include \
  /usr/include/glib-2.0 /usr/lib/$(TRIPLE)/glib-2.0/include
CPPFLAGS += -D_GNU_SOURCE= -Icore -I$(B)/gen -isystem $(LUA_INC) \
  $(addprefix -isystem ,$(CHAFA_INC)) $(if $(AVX2),-DLEVEL_MAX=3)
CFLAGS  ?= -O3 -g
# Every machine from x86-64-v2 on runs the program: hot loops choose AVX2 or
# AVX-512 when it starts.  The maths flags keep NaN, infinities and the bits.
ALL_CFLAGS = -std=gnu11 $(CFLAGS) -march=x86-64-v2 -ffp-contract=off \
  -fno-math-errno -fno-trapping-math -fopenmp -fvisibility=hidden -fPIC $(WARN)
ifdef SAN
CFLAGS  := -O1 -g
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer
LDFLAGS += -fsanitize=address,undefined
endif

# The program's own parallel loops come to core/backend/cpu/team.c.
comma := ,
WRAP := $(addprefix -Wl$(comma)--wrap=,GOMP_parallel omp_get_thread_num \
  omp_get_num_threads)
LIBS := $(WRAP) -ldnnl -L$(BLAS) -Wl,-rpath,$(BLAS) -lopenblas -ljansson -lpng \
  -ljpeg -lzip -lz -lchafa -lglib-2.0 -lm -ldl
# The whole of Lua is linked and exported, for modules written in C.
LUA  := -Wl,-E -Wl,--whole-archive -l:liblua5.4.a -Wl,--no-whole-archive

# -- files ---------------------------------------------------------------

SOURCES := $(filter-out core/bind/inside.c, \
             $(wildcard core/*/*.c core/backend/cpu/*.c))
OBJECTS := $(SOURCES:core/%.c=$(B)/obj/%.o)
PROGRAM := $(patsubst core/%.c,$(B)/obj/%.o,$(wildcard core/*.c))
INSIDE  := $(B)/obj/bind/inside.o
# Folders without bind/: what the C tests are linked with.
CORE    := $(filter-out $(B)/obj/bind/%,$(OBJECTS))

LUA_FILES := $(shell find lua/vaelua -name '*.lua' | LC_ALL=C sort)
C_TESTS   := $(patsubst tests/c/%.c,$(B)/test/c/%,$(wildcard tests/c/test_*.c))

.PHONY: all cuda compare test bench deps lint install uninstall clean FORCE
.DELETE_ON_ERROR:

# A sanitized module cannot be loaded by a stock interpreter.
all: $(B)/vaelua $(if $(SAN)$(AVX2),,$(B)/vaelua.so cuda)

# make V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)  $@")

$(B)/vaelua: $(PROGRAM) $(OBJECTS)
	$(call say,link)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LUA) $(LIBS) -lreadline

# Its threads (team.c) outlive the interpreter's state: it is never unloaded.
$(B)/vaelua.so: $(OBJECTS)
	$(call say,link)
	$(Q)$(CC) $(ALL_CFLAGS) -shared -Wl,-z,nodelete -o $@ $^ $(LDFLAGS) $(LIBS)

# The program with doors for tests (core/bind/inside.c).
$(B)/test/vaelua: $(PROGRAM) $(OBJECTS) $(INSIDE)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $^ $(LDFLAGS) $(LUA) $(LIBS) -lreadline

$(B)/test/c/%: tests/c/%.c $(CORE)
	@mkdir -p $(@D)
	$(call say,test)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(CORE) \
	  $(LDFLAGS) $(LIBS) -lcmocka

# A plugin that plays the CUDA backend, and one that lacks a library.
$(B)/test/plugin/vaelua_cuda.so: tests/plugin/fake.c $(B)/gen/abi.h
	@mkdir -p $(@D)/missing
	$(call say,test)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -shared -o $@ $<
	$(Q)$(CC) -shared -x c /dev/null -Wl,-soname,libnot_there.so.1 \
	  -o $(@D)/missing/other.so
	$(Q)$(CC) -shared -x c /dev/null -x none -Wl,--no-as-needed \
	  $(@D)/missing/other.so -o $(@D)/missing/vaelua_cuda.so
	@rm $(@D)/missing/other.so

$(B)/obj/%.o: core/%.c
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

-include $(PROGRAM:.o=.d) $(OBJECTS:.o=.d) $(INSIDE:.o=.d) $(C_TESTS:=.d)

# -- CUDA ----------------------------------------------------------------

# The backend is a shared object of its own, built where nvcc is.  C files by
# gcc, .cu files by nvcc for every architecture and as PTX for later ones.
# make CUDA_ARCH=sm_86 builds for one alone.
NVCC ?= $(firstword $(shell command -v nvcc 2> /dev/null) \
          $(wildcard /usr/local/cuda/bin/nvcc))
CUDA_DIR := $(patsubst %/bin/nvcc,%,$(realpath $(NVCC)))
CUDA_ALL := 75 80 86 89 90 100 120
CUDA_GEN  = $(if $(CUDA_ARCH),-arch=$(CUDA_ARCH), \
  $(foreach a,$(CUDA_ALL),-gencode=arch=compute_$a,code=sm_$a) \
  -gencode=arch=compute_$(lastword $(CUDA_ALL)),code=compute_$(lastword \
  $(CUDA_ALL)))

# Products and sums are rounded apart, as on the CPU: equal bits.
CUDA_INC    = -Icore -I$(B)/gen -isystem $(CUDA_DIR)/include
NVCC_FLAGS  = -std=c++17 -O3 --fmad=false -t 2 $(CUDA_INC) \
  -Xcompiler -fPIC,-fvisibility=hidden,-fno-exceptions,-fno-threadsafe-statics \
  $(if $(STRICT),$(NVCC_LINT))
CUDA_CFLAGS = -std=gnu11 -D_GNU_SOURCE= $(CUDA_INC) -O2 -g \
  -march=x86-64-v2 -ffp-contract=off -fvisibility=hidden -fPIC $(WARN) \
  -include core/backend/cuda/must_use.h -Werror=unused-result

CUDA_SOURCES := $(wildcard core/backend/cuda/*.c)
CUDA_KERNELS := $(wildcard core/backend/cuda/*.cu)
CUDA_C  := $(CUDA_SOURCES:core/backend/cuda/%.c=$(B)/cuda/%.o)
CUDA_CU := $(CUDA_KERNELS:core/backend/cuda/%.cu=$(B)/cuda/%.cu.o)

# Functions whose result is a text or a version, is thrown away to clear an
# error, or tells nothing.
RESULTLESS := cudaGetLastError cudaGetErrorString cudaGetErrorName \
  cublasGetStatusString cudnnGetErrorString cudnnGetLastErrorString \
  cudnnGetVersion cudnnBackendDestroyDescriptor

ifeq ($(NVCC),)
cuda:
	@echo "  no nvcc: without the CUDA backend"
else ifeq ($(shell printf '\043include <cudnn_version.h>\n' | $(CC) -E \
             -isystem $(CUDA_DIR)/include - > /dev/null 2>&1 && echo yes),)
cuda:
	@echo "  no headers of cuDNN: without the CUDA backend"
else
CUDA_THERE := yes
cuda: $(B)/vaelua_cuda.so
endif

# $(call link_cuda,objects): the libraries lie where nvcc is, if nowhere else.
link_cuda = $(CC) -shared -o $@ $(1) -Wl,-z,defs \
  -Wl,--enable-new-dtags,-rpath,$(CUDA_DIR)/lib64 -L$(CUDA_DIR)/lib64 \
  -lcudart -lcublas -lcudnn

$(B)/vaelua_cuda.so: $(CUDA_C) $(CUDA_CU)
	$(call say,link)
	$(Q)$(call link_cuda,$^)

$(B)/cuda/%.o: core/backend/cuda/%.c
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(CUDA_CFLAGS) -MMD -MP -c -o $@ $<

# Other architectures than last time: all kernels anew.
$(CUDA_CU): $(B)/gen/architectures
$(B)/gen/architectures: FORCE
	@mkdir -p $(@D)
	@echo '$(CUDA_GEN)' > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/cuda/%.cu.o: core/backend/cuda/%.cu
	@mkdir -p $(@D)
	$(call say,nvcc)
	$(Q)$(NVCC) $(NVCC_FLAGS) $(CUDA_GEN) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

# The plugin for the simulated device, which executes PTX: only the kernels are
# compiled another way (tests/sim).
SIM_CU := $(CUDA_KERNELS:core/backend/cuda/%.cu=$(B)/sim/cuda/%.cu.o)

$(B)/sim/vaelua_cuda.so: $(CUDA_C) $(SIM_CU)
	$(call say,link)
	$(Q)$(call link_cuda,$^)

$(B)/sim/cuda/%.cu.o: core/backend/cuda/%.cu
	@mkdir -p $(@D)
	$(call say,nvcc)
	$(Q)$(NVCC) $(NVCC_FLAGS) -gencode=arch=compute_75,code=compute_75 \
	  --no-compress -lineinfo -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(CUDA_C:.o=.d) $(CUDA_CU:.o=.d) $(SIM_CU:.o=.d)
-include tests/sim/rules.mk tests/sim/libs.mk tests/sim/kernels.mk

# -- generated -----------------------------------------------------------

# Small headers, rewritten only when their text changes: what is built
# (version, commit, flags), the list of Lua files that embed.c includes, and a
# hash of all that program and plugin must agree on.
$(B)/obj/bind/program.o: $(B)/gen/build.h
$(B)/obj/backend/cuda.o $(B)/cuda/device.o: $(B)/gen/abi.h
$(B)/obj/bind/embed.o: $(B)/gen/lua_files.def $(LUA_FILES)

$(B)/gen/build.h: FORCE
	@mkdir -p $(@D)
	@{ printf '#define BUILD_VERSION "%s"\n' '$(VERSION)'; \
	   printf '#define BUILD_COMMIT "%s"\n' \
	     "$$(GIT_OPTIONAL_LOCKS=0 git describe --always --dirty --abbrev=12 2>/dev/null)"; \
	   printf '#define BUILD_FLAGS "%s"\n' '$(CFLAGS)$(if $(SAN), SAN)$(if $(AVX2), AVX2)'; \
	 } > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(B)/gen/lua_files.def: FORCE
	@mkdir -p $(@D)
	@n=0; for f in $(LUA_FILES); do \
	   name=$${f#lua/}; printf 'EMBED(%d, "%s", "%s")\n' $$n "$$f" "$$name"; \
	   n=$$((n + 1)); done > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

SEAM := $(addprefix core/,backend/kernels.def backend/kernels.h \
  backend/pointwise.def backend/plugin.h base/error.h tensor/device.h \
  tensor/shape.h tensor/tensor.h)

$(B)/gen/abi.h: $(SEAM)
	@mkdir -p $(@D)
	@printf '#define BACKEND_ABI 0x%su\n' \
	  "$$(cat $(SEAM) | sha256sum | cut -c 1-8)" > $@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

FORCE:

# What the program tells about itself: annotations for editors (meta/, in the
# repository, so that they need no build); the page, the manual and the
# completion of shells under build/.
.PHONY: docs
docs: $(B)/vaelua
	@VAELUA=$(B)/vaelua $(B)/vaelua -e \
	  'require "vaelua.reference".write("$(B)/docs", ".")'
	@echo "  docs  meta/vaelua.d.lua $(B)/docs/reference.html"

$(B)/docs/vaelua.1: $(B)/vaelua $(LUA_FILES)
	$(call say,docs)
	$(Q)VAELUA=$(B)/vaelua $(B)/vaelua -e \
	  'require "vaelua.reference".write "$(B)/docs"'

# -- packages ------------------------------------------------------------

BUILD_PACKAGES := gcc libc6-dev liblua5.4-dev libdnnl-dev \
  libopenblas-openmp-dev zlib1g-dev libjansson-dev libpng-dev \
  libjpeg62-turbo-dev libzip-dev libreadline-dev libchafa-dev \
  libglib2.0-dev gnuplot-nox dataset-fashion-mnist
TEST_PACKAGES := lua5.4 libcmocka-dev lua-busted lua-check valgrind chromium \
  mandoc tmux

# $(call need,packages): asks for root only when one is missing.
define need
@missing=; \
 if command -v dpkg-query > /dev/null; then for p in $(1); do \
   dpkg-query -W -f '$${Status}' $$p 2> /dev/null \
     | grep -q 'ok installed' || missing="$$missing $$p"; done; \
 else echo "not a Debian system: needed are $(1)"; fi; \
 if [ -n "$$missing" ]; then echo "installing:$$missing"; \
   as=; [ "$$(id -u)" = 0 ] || as=sudo; \
   $$as apt-get update -q && $$as env DEBIAN_FRONTEND=noninteractive \
     apt-get install -q -y --no-install-recommends $$missing; fi
endef

deps:
	$(call need,$(BUILD_PACKAGES) $(TEST_PACKAGES))

# -- running -------------------------------------------------------------

compare:
	$(call need,$(BUILD_PACKAGES))
	+$(MAKE) all
	$(B)/vaelua experiments/compare.lua $(SETTINGS)

# make test DEVICE=cuda: on that device.
ifdef DEVICE
export VAELUA_DEVICE := $(DEVICE)
endif

# Tests build with warnings, spilled registers and local memory as errors.
test: deps
	+$(MAKE) test-run STRICT=1

# The C tests run a second time with sanitizers: the readers of files meet
# damaged ones there.  The last line of the runner is "N passed, N failed".
.PHONY: test-run test-c
test-c: $(C_TESTS)

test-run: all $(B)/test/vaelua $(B)/test/plugin/vaelua_cuda.so test-c \
  $(if $(CUDA_THERE),$(addprefix $(B)/sim/,vaelua_cuda.so libcudart.so.13 \
    libcublas.so.13 libcudnn.so.9 kernels_a kernels_b cublas_test cudnn_test \
    plans) lint-must-use)
	$(if $(SAN),,+@$(MAKE) SAN=1 test-c)
	@$(B)/vaelua tests/run.lua $(B) $(ONLY)

# Where a GPU is: the description of it that cuDNN has, device against CPU, the
# captured step, timings.  Elsewhere it says what is missing.
.PHONY: gpu-check
gpu-check: all $(B)/test/vaelua $(if $(CUDA_THERE),$(B)/test/gpu_properties)
	$(if $(CUDA_THERE),,@echo "no CUDA backend was built"; exit 4)
	@$(B)/vaelua doctor | grep -E 'CUDA|backend'
	@$(B)/vaelua --device cuda -e ''
	-@$(B)/test/gpu_properties > $(B)/gpu.json \
	  && echo "the device as cuDNN describes it: $(B)/gpu.json"
	@VAELUA_TEST_DEVICE=cuda VAELUA_TEST_BITS=1 $(B)/test/vaelua \
	  tests/spec.lua tests/device/compare_spec.lua
	@$(B)/vaelua --progress none tests/gpu/check.lua

$(B)/test/gpu_properties: tests/gpu/properties.c
	@mkdir -p $(@D)
	$(call say,test)
	$(Q)$(CC) -std=gnu11 $(CUDA_INC) -o $@ $< -L$(CUDA_DIR)/lib64 -lcudnn \
	  -Wl,-rpath,$(CUDA_DIR)/lib64

# Peers: python3-torch, and the Python named by BENCH_PYTHON.  The second
# program is for the row of AVX2.
bench:
	$(call need,$(BUILD_PACKAGES))
	+$(MAKE) all
	+$(MAKE) AVX2=1 build/avx2/vaelua
	$(B)/vaelua tests/bench/run.lua $(foreach v,ONLY ALL README THREADS, \
	  $(if $($v),$(shell echo $v | tr A-Z a-z)=$($v)))

lint: lint-cuda lint-must-use
	luacheck -q lua experiments examples tests
	@for f in core/*.c $(SOURCES); do \
	   clang -fsyntax-only $(CPPFLAGS) -std=gnu11 -march=x86-64-v2 -fopenmp \
	     $(WARN) -Wno-unknown-warning-option -Werror $$f || exit 1; done

# Kernels for every architecture without a warning, a spilled register or local
# memory; every function of CUDA that host code calls is in must_use.h, so that
# no result of one is forgotten.
NVCC_LINT := -Werror all-warnings -Xcompiler -Wall,-Wextra,-Wshadow,-Werror \
  -Xptxas -Werror,-warn-spills,-warn-lmem-usage

.PHONY: lint-cuda lint-must-use
lint-cuda:
ifneq ($(CUDA_THERE),)
	@mkdir -p $(B)/lint
	@for f in $(CUDA_KERNELS); do \
	   $(NVCC) $(NVCC_FLAGS) $(NVCC_LINT) $(CUDA_GEN) -c -o $(B)/lint/cu.o $$f \
	   || exit 1; done
endif

lint-must-use: $(if $(CUDA_THERE),$(CUDA_C))
ifneq ($(CUDA_THERE),)
	@mkdir -p $(B)/lint
	@nm -u $(CUDA_C) | sed -n 's/^ *U \(cu[dabnrtls]*[A-Z][A-Za-z0-9]*\).*/\1/p' \
	   | sort -u > $(B)/lint/used
	@{ sed -n 's/^MUST_USE(\(.*\));/\1/p' core/backend/cuda/must_use.h; \
	   printf '%s\n' $(RESULTLESS); } | sort -u > $(B)/lint/listed
	@comm -23 $(B)/lint/used $(B)/lint/listed > $(B)/lint/forgotten; \
	 if [ -s $(B)/lint/forgotten ]; then \
	   echo "not in core/backend/cuda/must_use.h:"; \
	   cat $(B)/lint/forgotten; exit 1; fi
endif

# -- installing ----------------------------------------------------------

BIN   := $(DESTDIR)$(PREFIX)/bin
CLIB  := $(DESTDIR)$(PREFIX)/lib/lua/5.4
SHARE := $(DESTDIR)$(PREFIX)/share/vaelua
PLUGIN := $(DESTDIR)$(PREFIX)/lib/vaelua
DATA   := $(DESTDIR)$(PREFIX)/share
# What describes the program: file of build/docs -> where it goes.
PAGES  := vaelua.1:man/man1/vaelua.1 reference.html:doc/vaelua/reference.html \
  vaelua.bash:bash-completion/completions/vaelua \
  _vaelua:zsh/site-functions/_vaelua \
  vaelua.fish:fish/vendor_completions.d/vaelua.fish

install: all $(B)/docs/vaelua.1
	install -d $(BIN) $(CLIB) $(SHARE)
	install -m 755 $(B)/vaelua $(BIN)/vaelua
	install -m 755 $(B)/vaelua.so $(CLIB)/vaelua.so
	$(if $(CUDA_THERE),install -D -m 755 $(B)/vaelua_cuda.so \
	  $(PLUGIN)/vaelua_cuda.so)
	install -D -m 644 meta/vaelua.d.lua $(SHARE)/meta/vaelua.d.lua
	@for p in $(PAGES); do \
	   install -D -m 644 $(B)/docs/$${p%%:*} $(DATA)/$${p#*:}; done
	@for f in $$(find experiments examples -name '*.lua') \
	   $$(cd lua/vaelua && find . -name '*.safetensors'); do \
	   from=$$f; [ -e "$$f" ] || from=lua/vaelua/$$f; \
	   install -D -m 644 "$$from" "$(SHARE)/$${f#./}"; done

uninstall:
	rm -f $(BIN)/vaelua $(CLIB)/vaelua.so $(PLUGIN)/vaelua_cuda.so
	rm -f $(foreach p,$(PAGES),$(DATA)/$(lastword $(subst :, ,$p)))
	-rmdir $(PLUGIN) $(DATA)/doc/vaelua 2> /dev/null
	rm -rf $(SHARE)

clean:
	rm -rf build
