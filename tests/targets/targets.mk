# SPDX-License-Identifier: ISC
# Included by the Makefile. make check-targets [TARGETS="mips ppc"]: what a
# target must show under qemu's user mode; make sizes: the table in BUILDING.md.

TARGETS ?= x86_64 i386 armv5 armv7 arm64 mips mipsel riscv64 ppc ppc64le
# What make check tries of it: deliveries by a big-endian machine, a 32-bit
# little-endian and a 64-bit one, and the unit tests on the first.
SUBMITTED := mips armv7 arm64
UNITS := mips

.PHONY: check-targets target-tests sizes

# ---- one target's test programs, of the very objects its qmail-remote is made
# of; those of src/os confine themselves, which qemu's user mode cannot show

TRY := build/$(TARGET)/try
TRY_UNIT := $(patsubst tests/unit/%.c,$(TRY)/%,$(filter-out tests/unit/os_%,$(wildcard \
    tests/unit/*_test.c)))
TRY_CORPORA := $(FUZZERS:%=$(TRY)/%_corpus)
TRY_TLS := $(filter $(TRY)/tls_%,$(TRY_UNIT) $(TRY_CORPORA))
# armv5 reads something else where a pointer is not aligned, and qemu does not
# show it (on mips it does): there the corpora meet engines that look themselves.
TRAPPED := $(filter armv5,$(TARGET))
TRAPS := -fsanitize=undefined -fsanitize-undefined-trap-on-error

$(TRY)/tests/%.o: tests/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) -iquote tests $(filter-out -W% -pedantic,$(OURS)) -w $(CFLAGS) $(CODE) \
	    -MMD -MP -c -o $@ $<
$(TRY)/traps/%.o: %.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) $(OURS) -w $(CFLAGS) $(CODE) $(TRAPS) -MMD -MP -c -o $@ $<
$(TRY)/engines.a: $(ENGINES:%.c=$(OBJ)/%.o)
$(TRY)/tls.a: $(patsubst %.c,$(OBJ)/%.o,$(wildcard src/tls/*.c))
$(TRY)/mbedtls.a: $(MBEDTLS:%=$(OBJ)/mbedtls/%.o)
$(TRY)/trapped.a: $(patsubst %.c,$(TRY)/traps/%.o,$(ENGINES) $(wildcard src/tls/*.c))
$(TRY)/%.a:
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(TRY_UNIT): $(TRY)/%: $(TRY)/tests/unit/%.o $(TRY)/engines.a
$(TRY_CORPORA): $(TRY)/%_corpus: $(TRY)/tests/fuzz/%_fuzz.o $(TRY)/tests/fuzz/replay.o \
    $(if $(TRAPPED),$(TRY)/trapped.a) $(TRY)/engines.a
$(TRY_TLS): $(TRY)/tls.a $(TRY)/mbedtls.a
$(TRY)/unaligned: $(TRY)/$(if $(TRAPPED),traps/)tests/targets/unaligned.o
$(TRY_UNIT) $(TRY_CORPORA) $(TRY)/unaligned:
	$(Q)$(CC) $(LINK) -o $@ $(filter %.o,$^) -Wl,-\( $(filter %.a,$^) -Wl,-\) $(LIBC)

target-tests: build/$(TARGET)/qmail-remote $(TRY_UNIT) $(TRY_CORPORA) $(TRY)/unaligned

# ---- all of them

# The arguments of tests/run: whose unit tests, whose deliveries.
target_runs = $(1:%=tests/targets/units_test.py@%) $(2:%=tests/targets/delivery_test.py@%)
# make check tries only what ./bootstrap has prepared; this machine's objects are
# made by one make at a time.
PREPARED := $(foreach t,$(SUBMITTED),$(if $(wildcard build/sysroot/$t/target.mk),$t))
PREPARED_TESTS := $(patsubst target-tests-$(HOST_TARGET),target-tests, \
    $(patsubst %,target-tests-%,$(filter $(UNITS),$(PREPARED))) \
    $(patsubst %,target-%,$(filter-out $(UNITS) $(HOST_TARGET),$(PREPARED))))

check-targets: $(TEST)/targets/kernel $(TARGETS:%=target-tests-%)
	$(Q)TARGETS_NEEDED='$(TARGETS)' TEST_LIMIT_S=1200 tests/run $(call target_runs,$(TARGETS),$(TARGETS)) \
	    tests/targets/sizes.sh tests/targets/compilers_test.sh tests/torture/filter_test.py
sizes: $(TARGETS:%=target-%)
	$(Q)tests/targets/sizes.sh print $(TARGETS)
target-tests-%: FORCE ; $(Q)$(MAKE) -s TARGET=$* target-tests
target-%: FORCE ; $(Q)$(MAKE) -s TARGET=$* all

$(TEST)/targets/kernel: tests/targets/kernel.c
	$(SAY)
	$(Q)$(HOSTCC) $(TEST_WARN) -O1 -o $@ $<

-include $(wildcard $(TRY)/tests/*/*.d $(TRY)/traps/src/*/*.d)
