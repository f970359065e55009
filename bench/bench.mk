# SPDX-License-Identifier: ISC
# make bench: mote and its peers on the same work, side by side. Part of the
# Makefile one folder up. BENCH="small far" measures only these.

BENCH_OUT := build/bench
BENCH_TOOLS := $(addprefix $(BENCH_OUT)/,delay meter witness.so floor unconfined)

$(BENCH_OUT)/%: bench/%.c
	$(SAY)
	$(Q)$(HOSTCC) $(TEST_WARN) -O2 -static -o $@ $<
$(BENCH_OUT)/%.so: bench/%.c
	$(SAY)
	$(Q)$(HOSTCC) $(TEST_WARN) -O2 -shared -fPIC -o $@ $<
$(OBJ)/bench/%.o: bench/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) $(OURS) $(CFLAGS) $(CODE) -c -o $@ $<
$(BENCH_OUT)/floor: $(OBJ)/bench/floor.o
	$(SAY)
	$(Q)$(CC) $(LINK) $(LDFLAGS) -s -o $@ $^ $(LIBC)
$(BENCH_OUT)/unconfined: $(OBJ)/bench/unconfined.o $(SRC:%.c=$(OBJ)/%.o) \
    $(MBEDTLS:%=$(OBJ)/mbedtls/%.o)
	$(SAY)
	$(Q)$(CC) $(LINK) -Wl,--wrap=sandbox_apply $(LDFLAGS) -o $@ $^ $(LIBC)

bench: all $(BENCH_TOOLS)
	$(Q)bench/fetch-peers
	$(Q)/usr/bin/python3 -B bench/bench.py $(BENCH)
