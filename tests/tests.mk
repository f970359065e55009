# SPDX-License-Identifier: ISC
# make check, unit, lint, tidy, torture, demo, budget: how the tests are built and
# run. Part of the Makefile one folder up.

# ---- unit tests: engines for the host's libc, under sanitizers (gcc then warns
# in vain: -w). What confines itself must not need what a sanitizer needs: it
# ends at once.

UNIT := $(patsubst tests/unit/%.c,$(TEST)/%,$(wildcard tests/unit/*_test.c))
HELPERS := $(filter-out %_test.c,$(wildcard tests/unit/*.c))
SANITIZE := -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
$(TEST)/src/os/%.o $(TEST)/tests/unit/os_%.o $(TEST)/os_%: SANITIZE = -g -O1 $(TRAPS)
TEST_WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wno-format-truncation -Werror

$(TEST)/src/%.o: src/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(HOSTCC) $(DEFINE) $(OURS) -w $(SANITIZE) -MMD -MP -c -o $@ $<

# What they need of the engines is built like them.
$(TEST)/plain/%.o: src/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(HOSTCC) $(DEFINE) $(OURS) -w -g -O1 $(TRAPS) -MMD -MP -c -o $@ $<

$(TEST)/tests/%.o: tests/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(HOSTCC) $(DEFINE) -iquote tests $(filter-out -W% -pedantic,$(OURS)) $(TEST_WARN) \
	    $(SANITIZE) -MMD -MP -c -o $@ $<

$(TEST)/mbedtls/%.o: $(LIBRARY)/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(HOSTCC) $(DEFINE) $(THEIRS) $(SEAM_$*) -O1 -MMD -MP -c -o $@ $<

$(TEST)/engines.a: $(ENGINES:%.c=$(TEST)/%.o)
$(TEST)/tls.a: $(patsubst %.c,$(TEST)/%.o,$(wildcard src/tls/*.c))
$(TEST)/mbedtls.a: $(MBEDTLS:%=$(TEST)/mbedtls/%.o)
$(TEST)/%.a:
	@rm -f $@
	$(Q)ar rcs $@ $^

$(filter $(TEST)/tls_%,$(UNIT)): $(TEST)/tls.a $(TEST)/engines.a $(TEST)/mbedtls.a
$(filter $(TEST)/os_%,$(UNIT)): $(patsubst %.c,$(TEST)/%.o,$(wildcard src/os/*.c)) \
    $(patsubst %,$(TEST)/plain/base/%.o,addr ascii slice)
$(UNIT): $(TEST)/%: $(TEST)/tests/unit/%.o $(HELPERS:%.c=$(TEST)/%.o) $(TEST)/engines.a
	$(Q)$(HOSTCC) $(SANITIZE) -o $@ $(filter %.o,$^) -Wl,-\( $(filter %.a,$^) -Wl,-\)

include tests/fuzz/fuzz.mk
include tests/targets/targets.mk

# ---- torture: what the runs are spoilt with

TORTURE := $(TEST)/torture/short $(TEST)/torture/qmail-remote
TORTURE_TEST := $(wildcard tests/torture/*_test.py)

$(TEST)/torture/%: tests/torture/%.c
	$(SAY)
	$(Q)$(HOSTCC) $(TEST_WARN) -O1 -o $@ $<
$(OBJ)/tests/torture/%.o: tests/torture/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) $(TEST_WARN) $(CFLAGS) $(CODE) -c -o $@ $<
$(TEST)/torture/qmail-remote: $(SRC:%.c=$(OBJ)/%.o) $(MBEDTLS:%=$(OBJ)/mbedtls/%.o) \
    $(OBJ)/tests/torture/allocation.o
	$(SAY)
	$(Q)$(CC) $(LINK) $(NEVER) -Wl,--wrap=mbedtls_calloc $(LDFLAGS) -o $@ $^ $(LIBC)

# make check-calls: all deliveries of the live tests by a program that dies of a
# call its filter does not name, instead of seeing it fail.
$(OBJ)/tests/killing.o: src/os/sandbox.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) -D_GNU_SOURCE -DSANDBOX_REFUSAL=0x80000000 $(OURS) $(CFLAGS) $(CODE) -c -o $@ $<
$(TEST)/killing/qmail-remote: $(filter-out %/sandbox.o,$(SRC:%.c=$(OBJ)/%.o)) \
    $(MBEDTLS:%=$(OBJ)/mbedtls/%.o) $(OBJ)/tests/killing.o
	@mkdir -p $(@D); $(TELL) "  LINK $@" >&2
	$(Q)$(CC) $(LINK) $(NEVER) $(LDFLAGS) -s -o $@ $^ $(LIBC)
check-calls: all $(TEST)/killing/qmail-remote
	$(Q)MOTE=$(TEST)/killing/qmail-remote tests/run \
	    $(wildcard tests/live/*_test.py)

# ---- everything

# Begun first, so that none is left alone at the end: those that reckon and those that
# wait by turns.
LONG := tests/lint.sh tests/live/edges_test.py $(call target_runs,$(UNITS),$(SUBMITTED)) \
    $(patsubst %,tests/live/%_test.py,probe control anchors where late) tests/binary.sh \
    $(patsubst %,tests/live/%_test.py,stall bound dnsfaults) tests/tidy.sh \
    $(patsubst %,tests/live/%_test.py,relay authsenders certificates boxes sessions) \
    tests/torture/torture_test.py $(patsubst %,tests/live/%_test.py,stops_reading \
    failedtls next cut login)

# Every string of six over CR, LF, dot and a letter at every edge; make check takes
# those of five.
edges: all
	$(Q)EDGES=6 TEST_LIMIT_S=1200 tests/run tests/live/edges_test.py
unit: $(UNIT)
	$(Q)tests/run $(UNIT)
check: all $(UNIT) $(CORPORA) build/bench/unconfined $(TORTURE) $(TEST)/targets/kernel $(PREPARED_TESTS)
	$(Q)QUIET=1 tests/run $(LONG) $(filter-out $(LONG), \
	    $(wildcard tests/live/*_test.py) $(TORTURE_TEST) tests/budget.sh tests/stack.py \
	    tests/readme.sh tests/sim/run.sh tests/packaging.sh tests/dist.sh tests/setup.sh \
	    $(UNIT) $(CORPORA)) -- tests/promises.sh
torture: all $(TORTURE)
	$(Q)TORTURE='$(or $(RUN),all)' /usr/bin/python3 -B tests/torture/torture_test.py
lint: all
	$(Q)tests/run tests/tidy.sh tests/lint.sh
tidy:
	$(Q)tests/run tests/tidy.sh
demo: all
	$(Q)/usr/bin/python3 tests/live/demo.py $(OUT)/qmail-remote
sim mutants: $(LIBRARY)/stamp
	$(Q)$(MAKE) -s -f tests/sim/Makefile $@ MBEDTLS_DIR="$(MBEDTLS_DIR)" \
	    LIBRARY="$(LIBRARY)" MBEDTLS="$(MBEDTLS)" HOSTCC="$(HOSTCC)"
budget: all $(TEST)/tls_tls_arena_test
	$(Q)tests/budget.sh print

-include $(wildcard $(addsuffix /*.d,$(TEST)/mbedtls $(TEST)/src $(TEST)/src/* \
    $(TEST)/tests/unit))
