# What vmbuild adds to CPython's own Makefile. Written into the source tree and run as `make -f vmbuild.mk TARGET`.
#
# CPython's `profile-opt` rule compiles everything twice with link-time optimisation, ignores a failed training run
# (before 3.13), and cannot be stopped between its stages. Here each stage is a target of its own, so that each can be
# watched, timed and judged. The flags are CPython's own except where said.
#
#   vmbuild-frozen         the modules that are compiled into the interpreter, as C; nothing else is left behind
#   vmbuild-collect-frozen the same, from a tree that has them, into $(VMBUILD_FROZEN_TO)
#   vmbuild-instrumented   the interpreter that counts; run the training with it next
#   vmbuild-optimised      the interpreter made from those counts
#   vmbuild-install        install into $(DESTDIR), with pip and byte code; free of its place, debug info split off
#
# Variables: VMBUILD_JOBS (processes in one link or in byte-compiling), VMBUILD_BYTE_CODE (`no` for none), VMBUILD_SLIM
# (`yes` leaves out what only developers of CPython need), VMBUILD_DEBUG (the folder for debug info), VMBUILD_LTO_PARTITION
# (how GCC is to divide the last link, where CPython's own way is bad), and CPython's own DESTDIR.

# After vmbuild-frozen nobody needs the programs that freeze. `override`, since CPython's Makefile says so otherwise, and
# prerequisites are read when it is.
VMBUILD_FROZEN := vmbuild-frozen-stamp
ifneq ($(wildcard $(VMBUILD_FROZEN)),)
override FREEZE_MODULE_BOOTSTRAP_DEPS :=
override FREEZE_MODULE_DEPS :=
# For the makes that CPython's rules start: `make install` looks at everything again, by its own Makefile.
MAKEOVERRIDES += FREEZE_MODULE_BOOTSTRAP_DEPS= FREEZE_MODULE_DEPS=
endif

include Makefile

# 3.15 works this out while it is read, when none of the stages below has said anything.
ifdef PY_CORE_EXE_LDFLAGS
PY_CORE_EXE_LDFLAGS = $(if $(CONFIGURE_EXE_LDFLAGS),$(CONFIGURE_EXE_LDFLAGS) $(PY_LDFLAGS_NODIST),$(PY_CORE_LDFLAGS))
endif

VMBUILD_JOBS ?= 1
VMBUILD_MK := vmbuild.mk

# `sys.version` tells when it was compiled. GCC reads SOURCE_DATE_EPOCH for that; Clang does so only since 16.
ifdef SOURCE_DATE_EPOCH
VMBUILD_DATE := LC_ALL=C date --utc --date=@$(SOURCE_DATE_EPOCH)
Modules/getbuildinfo.o: private PY_CORE_CFLAGS += -DDATE='"$(shell $(VMBUILD_DATE) '+%b %e %Y')"'
Modules/getbuildinfo.o: private PY_CORE_CFLAGS += -DTIME='"$(shell $(VMBUILD_DATE) +%T)"'
endif

# Before 3.12 setup.py compiles the extension modules. It takes its flags from sysconfig, and sysconfig takes
# CFLAGS_NODIST from the environment: each stage below has its own.
VMBUILD_SETUP_PY := $(wildcard $(srcdir)/setup.py)
ifneq ($(VMBUILD_SETUP_PY),)
export CFLAGS_NODIST
endif

# CPython freezes with programs made of the interpreter's own objects. So the objects of each stage had to be such that
# they can be linked without link-time optimisation, which means to generate code twice: nearly all of a compiler's time.
# Programs that run for two seconds need no optimisation at all, and without them the stages below are free.
.PHONY: vmbuild-frozen vmbuild-collect-frozen
VMBUILD_DEEPFROZEN := $(if $(DEEPFREEZE_OBJS),Python/deepfreeze/deepfreeze.c)
vmbuild-frozen: CFLAGS_NODIST := -fno-lto -O0 -g0 -U_FORTIFY_SOURCE
vmbuild-frozen: $(FROZEN_FILES_OUT) $(VMBUILD_DEEPFROZEN)
	find . -name '*.[oa]' -type f -delete
	rm -f _bootstrap_python Programs/_freeze_module
	touch $(VMBUILD_FROZEN)

# Whoever trains compiles all objects of an interpreter without link-time optimisation anyway: there the programs that
# freeze are made of those, by CPython's own rules, and what they made is taken from there. The whole folder: getpath.h is
# in none of CPython's lists.
vmbuild-collect-frozen:
	mkdir -p $(VMBUILD_FROZEN_TO)
	cp -R --parents -t $(VMBUILD_FROZEN_TO) Python/frozen_modules $(VMBUILD_DEEPFROZEN)
	touch $(VMBUILD_FROZEN_TO)/$(VMBUILD_FROZEN)

.PHONY: vmbuild-instrumented vmbuild-optimised vmbuild-final vmbuild-install

# CPython before 3.14 asks for -flto-partition=none: one process optimises all of libpython. In balanced parts it takes a
# fraction of the time. GCC's lto-wrapper obeys `none` wherever it stands, so a word after it does not help.
ifneq ($(VMBUILD_LTO_PARTITION),)
VMBUILD_CONFIGURED := $(filter-out -flto-partition=none,$(CONFIGURE_LDFLAGS_NODIST))
CONFIGURE_LDFLAGS_NODIST = $(VMBUILD_CONFIGURED) -flto-partition=$(VMBUILD_LTO_PARTITION)
endif

# Hardening comes through configure's CFLAGS_NODIST and LDFLAGS_NODIST (CONFIGURE_CFLAGS_NODIST here), which the stages
# below leave alone. What differs from file to file is said here, and so is not in the installed Makefile.
CONFIGURE_LDFLAGS_NODIST += $(VMBUILD_LINK)

# The interpreter finds libpython from wherever it was unpacked to. DT_RPATH, not DT_RUNPATH as linkers write by
# default: LD_LIBRARY_PATH beats the latter, and whoever has another Python's folder in it would run that one's library.
# Extension modules link no libpython and need neither.
$(BUILDPYTHON): private VMBUILD_LINK = -pie -Wl,--disable-new-dtags,-rpath,'$$ORIGIN/../lib'
libpython3.so: private VMBUILD_LINK = -Wl,--disable-new-dtags,-rpath,'$$ORIGIN'

# GCC puts its counters in after the early passes. What comes later changes no count, is run for seconds, and is half of
# the compilation. A count that does not fit the code it is used for is an error of the optimised stage
# (-Wcoverage-mismatch), so a GCC in which one of these comes early would not go unnoticed.
VMBUILD_LATE_PASSES := tree-pre code-hoisting tree-vectorize tree-slp-vectorize tree-slsr store-merging gcse \
	schedule-insns2 crossjumping reorder-blocks cse-follow-jumps rerun-cse-after-loop ipa-cp ipa-sra ipa-icf \
	tree-loop-optimize tree-loop-im ivopts tree-loop-distribution unswitch-loops split-loops peel-loops
VMBUILD_IS_GCC := $(findstring -fprofile-correction,$(PGO_PROF_USE_FLAG))

# Counting neither needs link-time optimisation nor debugging symbols, and both cost minutes. The later of two
# contradicting options wins, and CFLAGS_NODIST comes last. Counters are updated atomically: threads that lose updates
# leave counts that contradict each other, and GCC has died on those (CPython issue 145801). GCC writes the time of the
# compilation into each file of counts unless it is given a seed.
vmbuild-instrumented: CFLAGS_NODIST := $(PGO_PROF_GEN_FLAG) -fprofile-update=atomic -fno-lto -g0 \
	$(if $(VMBUILD_IS_GCC),-frandom-seed=vmbuild $(addprefix -fno-,$(VMBUILD_LATE_PASSES)))
vmbuild-instrumented: LDFLAGS_NODIST := $(PGO_PROF_GEN_FLAG) -fno-lto
vmbuild-instrumented: build_all vmbuild-steady.so

# Preloaded while that interpreter is trained; says itself what for.
vmbuild-steady.so: steady.c
	$(CC) -O1 -fPIC -shared -o $@ $<

# CPython's rules would train again unless profile-run-stamp says that it was done: `make install` depends on them.
vmbuild-optimised: vmbuild-final
ifneq ($(VMBUILD_SETUP_PY),)
	@# Once more without the exported flags: what is installed must not tell extensions to use our profile.
	rm -f pybuilddir.txt
	$(MAKE) -f $(VMBUILD_MK) pybuilddir.txt
endif
	touch profile-run-stamp

# CPython asks for its thread state all the time, and since 3.12 that is a thread-local variable. In a shared library each
# use calls __tls_get_addr, which costs a tenth of the interpreter's speed, and more with a glibc before 2.39 that has
# loaded many libraries (glibc bug 19924). Its few bytes fit into what glibc keeps free for libraries that are loaded
# late, so a program can still dlopen libpython.
vmbuild-final: CFLAGS_NODIST := $(PGO_PROF_USE_FLAG) -ftls-model=initial-exec
ifneq ($(VMBUILD_IS_GCC),)
# Objects hold no machine code, only what the link optimises; so `ar` must be the compiler's.
vmbuild-final: CFLAGS_NODIST += -fno-fat-lto-objects
vmbuild-final: AR := gcc-ar
endif
vmbuild-final: CONFIGURE_LDFLAGS_NODIST += -flto=$(VMBUILD_JOBS)
vmbuild-final: build_all

# What CPython's rule byte-compiles three times (plain, -O, -OO) we compile once: the rest, 30 MB of the artifact, is
# hardly ever read. So its rule gets no interpreter. It also makes the tables of lib2to3, where there is one; those are
# made below.
libinstall: private PYTHON_FOR_BUILD := true
VMBUILD_TABLES := $(wildcard $(srcdir)/Lib/lib2to3/*Grammar.txt)

# pip comes from the wheels in CPython's own tree, without network. `ensurepip` would do the same, but it drops every
# PIP_ variable, so it can be told neither that root is right here nor to leave byte-compiling. ENSUREPIP_OPTIONS is
# what pip itself looks at to name its commands: pip3 and pip3.x, no bare pip.
VMBUILD_BUNDLED := $(srcdir)/Lib/ensurepip/_bundled
VMBUILD_WHEELS := $(sort $(foreach wheel,$(notdir $(wildcard $(VMBUILD_BUNDLED)/*.whl)),$(firstword $(subst -, ,$(wheel)))))
VMBUILD_PIP := $(lastword $(sort $(wildcard $(VMBUILD_BUNDLED)/pip-*.whl)))
VMBUILD_PYTHON := $(BINDIR)/python$(VERSION) -IB
VMBUILD_DEBUG ?= $(abs_builddir)/debug
VMBUILD_SLIM_WORDS := $(if $(filter yes,$(VMBUILD_SLIM)),--slim)

# The tree is finished by its own interpreter, reached by a link at the place it will have: older pips look whether
# there is one before they name it in their scripts, and byte code holds the path of its source.
#
# Byte code is not tied to its source's time: an artifact gives all files the same one, so none of it would be used. Nor
# to its source's hash: nobody edits an installed library. Left out: tests of files that are no Python.
vmbuild-install: install
	test -n "$(VMBUILD_PIP)"
	mkdir -p $(dir $(prefix))
	ln -sfnT $(DESTDIR)$(prefix) $(prefix)
	ENSUREPIP_OPTIONS=install $(VMBUILD_PYTHON) $(VMBUILD_PIP)/pip install --isolated --no-compile --no-index \
		--no-cache-dir --find-links=$(VMBUILD_BUNDLED) --root-user-action=ignore --no-warn-script-location $(VMBUILD_WHEELS)
	$(foreach table,$(notdir $(VMBUILD_TABLES)),$(VMBUILD_PYTHON) -m lib2to3.pgen2.driver $(LIBDEST)/lib2to3/$(table) &&) true
	$(VMBUILD_PYTHON) $(srcdir)/finish.py $(prefix) --build-folder=$(abs_builddir) --debug=$(VMBUILD_DEBUG) $(VMBUILD_SLIM_WORDS)
ifneq ($(VMBUILD_BYTE_CODE),no)
	$(VMBUILD_PYTHON) -Wi -m compileall -q -f -o 0 -j $(VMBUILD_JOBS) --invalidation-mode unchecked-hash \
		-x 'bad_coding|badsyntax|lib2to3/tests/data' $(LIBDEST)
endif
	rm $(prefix)

# An interpreter that watches its memory says at its end what was never freed, and fails: CPython frees little then, by
# design. So leaks are looked for only if ASAN_OPTIONS asks for it. Declared first: CPython wants prototypes.
ifneq ($(findstring -fsanitize=address,$(CONFIGURE_LDFLAGS) $(LDFLAGS)),)
Programs/python.o: private PY_CORE_CFLAGS += -include vmbuild-asan.h
Programs/python.o: vmbuild-asan.h
vmbuild-asan.h:
	printf '%s\n' 'const char *__asan_default_options(void);' \
		'const char *__asan_default_options(void) { return "detect_leaks=0"; }' > $@
endif
