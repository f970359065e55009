# SPDX-License-Identifier: ISC
# Included by the Makefile. make fuzz [FUZZ_SECONDS=n | RUNS=n] [FUZZERS=...],
# make fuzz-merge (new finds into the committed corpora), make coverage.
# QUICK=1 doubles the executions a second: nothing learnt from comparisons and no
# weighing of rare features, for corpora that have them already.

FUZZ := build/fuzz
COVER := build/coverage
FUZZ_CC ?= $(firstword $(shell command -v clang-14) clang)
FUZZ_SECONDS ?= 10
RUNS ?=
FUZZERS ?= $(sort $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c)))
CORPORA := $(FUZZERS:%=$(TEST)/%_corpus)
FUZZ_FLAGS := -g -O2 -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_TRACE := -fsanitize=fuzzer-no-link $(if $(QUICK),-fno-sanitize-coverage=trace-cmp)

.PHONY: fuzz fuzz-merge coverage

# ---- replayed by make check: the host's compiler, no libFuzzer

$(CORPORA): $(TEST)/%_corpus: $(TEST)/tests/fuzz/%_fuzz.o $(TEST)/tests/fuzz/replay.o \
    $(TEST)/engines.a
	$(Q)$(HOSTCC) $(SANITIZE) -o $@ $(filter %.o,$^) -Wl,-\( $(filter %.a,$^) -Wl,-\)
$(filter $(TEST)/tls_%,$(CORPORA)): $(TEST)/tls.a $(TEST)/mbedtls.a

# ---- libFuzzer; only the engines' coverage leads it, not the slow readings'

FUZZ_PROGRAMS := $(FUZZERS:%=$(FUZZ)/%_fuzz)

$(FUZZ)/src/%.o: src/%.c tests/fuzz/fuzz.mk
	$(SAY)
	$(Q)$(FUZZ_CC) $(DEFINE) $(OURS) -w $(FUZZ_FLAGS) \
	    $(FUZZ_TRACE) -MMD -MP -c -o $@ $<
$(FUZZ)/tests/%.o: tests/%.c tests/fuzz/fuzz.mk
	$(SAY)
	$(Q)$(FUZZ_CC) $(DEFINE) -iquote tests $(filter-out -W% -pedantic,$(OURS)) \
	    $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<
$(FUZZ)/engines.a: $(ENGINES:%.c=$(FUZZ)/%.o)
$(FUZZ)/tls.a: $(patsubst %.c,$(FUZZ)/%.o,$(wildcard src/tls/*.c))
$(FUZZ)/%.a:
	@rm -f $@
	$(Q)ar rcs $@ $^
$(FUZZ_PROGRAMS): $(FUZZ)/%: $(FUZZ)/tests/fuzz/%.o $(FUZZ)/engines.a
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) \
	    -Wl,-\( $(filter %.a,$^) -Wl,-\)
$(filter $(FUZZ)/tls_%,$(FUZZ_PROGRAMS)): $(FUZZ)/tls.a $(TEST)/mbedtls.a

fuzz: $(FUZZ_PROGRAMS)
	$(Q)FUZZ_SECONDS='$(FUZZ_SECONDS)' RUNS='$(RUNS)' QUICK='$(QUICK)' tests/fuzz/run fuzz $(FUZZERS)
fuzz-merge: $(FUZZ_PROGRAMS)
	$(Q)tests/fuzz/run merge $(FUZZERS)

# ---- lines of the engines that the committed corpora reach (gcc and its gcov)

COVER_PROGRAMS := $(FUZZERS:%=$(COVER)/%_corpus)
COVERED := $(ENGINES)

$(COVER)/%.o: %.c
	$(SAY)
	$(Q)gcc $(DEFINE) -iquote tests $(filter-out -W% -pedantic,$(OURS)) -w -O0 -g \
	    $(if $(filter src/%,$<),--coverage) -MMD -MP -c -o $@ $<
$(COVER)/engines.a: $(ENGINES:%.c=$(COVER)/%.o)
	@rm -f $@
	$(Q)ar rcs $@ $^
$(COVER_PROGRAMS): $(COVER)/%_corpus: $(COVER)/tests/fuzz/%_fuzz.o $(COVER)/tests/fuzz/replay.o \
    $(COVER)/engines.a
	$(Q)gcc --coverage -o $@ $(filter %.o,$^) -Wl,-\( $(filter %.a,$^) -Wl,-\)
$(filter $(COVER)/tls_%,$(COVER_PROGRAMS)): $(TEST)/tls.a $(TEST)/mbedtls.a

coverage: $(filter-out $(COVER)/tls_%,$(COVER_PROGRAMS))
	$(Q)tests/fuzz/coverage $(COVER) $(filter %_corpus,$^) -- $(COVERED)

-include $(wildcard $(addsuffix /*.d,$(FUZZ)/src/* $(FUZZ)/tests/fuzz \
    $(TEST)/tests/fuzz $(COVER)/src/* $(COVER)/tests/fuzz))
