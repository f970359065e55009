# SPDX-License-Identifier: ISC
# make, make check, make demo, make install. What may be set is in config.mk;
# Q= shows the commands. Nothing here needs the network, git or root.

ifneq ($(words $(CURDIR)),1)
$(error make cannot work in a folder with white space in its path: $(CURDIR))
endif
include config.mk

OUT := $(if $(filter $(HOST_TARGET),$(TARGET)),build,build/$(TARGET))
OBJ := $(OUT)/obj
LIBRARY := $(OUT)/mbedtls
TEST := build/test
Q := @
# What is built is named, but for make check, which speaks of what is wrong.
export TELL ?= $(if $(filter check,$(MAKECMDGOALS)),:,echo)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: all check unit lint tidy torture demo budget sim mutants bench edges clean distclean FORCE \
    install uninstall install-beside uninstall-beside dist check-dist check-calls

all: $(OUT)/qmail-remote $(OUT)/mote-probe

# ---- sources: all of ours, and what the configuration uses of mbedTLS

SRC := $(sort $(wildcard src/*.c src/*/*.c))
ENGINES := $(wildcard $(patsubst %,src/%/*.c,base dns policy qmail smtp))
MBEDTLS := aes aesce aesni asn1parse asn1write bignum bignum_core bignum_mod bignum_mod_raw \
    block_cipher chacha20 chachapoly cipher cipher_wrap constant_time ctr_drbg ecdh ecdsa ecp \
    ecp_curves gcm hkdf md oid pk pk_ecc pk_wrap pkparse pkwrite platform platform_util poly1305 \
    psa_crypto psa_crypto_aead psa_crypto_cipher psa_crypto_client \
    psa_crypto_driver_wrappers_no_static psa_crypto_ecp psa_crypto_hash psa_crypto_mac \
    psa_crypto_rsa psa_crypto_slot_management psa_util rsa rsa_alt_helpers sha1 sha256 sha512 \
    ssl_ciphersuites ssl_client ssl_msg ssl_tls ssl_tls12_client ssl_tls13_client \
    ssl_tls13_generic ssl_tls13_keys x509 x509_crt Hacl_Curve25519_joined
# What these call of src/tls/curve.h in the place of mbedTLS's own, by object.
export SEAM_ecdh := -D'mbedtls_ecp_mul(g,r,m,p,f,c)=tls_curve_multiply(g,r,m,p)' \
    -D'mbedtls_ecp_mul_restartable(g,r,m,p,f,c,s)=tls_curve_multiply(g,r,m,p)'
export SEAM_psa_crypto_ecp := $(SEAM_ecdh)
export SEAM_ecp := -Dmbedtls_mpi_gcd_modinv_odd=tls_curve_invert
export SEAM_ecdsa := $(SEAM_ecp)
# No calls to copy five limbs, no more values at once than registers (gcc's flags).
export SEAM_Hacl_Curve25519_joined := -DMBEDTLS_ECDH_VARIANT_EVEREST_ENABLED -w \
    $(call known,-fno-tree-loop-distribute-patterns -fno-schedule-insns)
# Measured: elsewhere more code is not faster, for the inner loops are assembly.
HOT := aes aesni chacha20 gcm poly1305 $(if $(filter mips%,$(TARGET)),bignum_core) \
    $(if $(filter arm64 armv7 mips%,$(TARGET)),bignum) $(if $(filter armv7 mips%,$(TARGET)),Hacl_Curve25519_joined)

# ---- flags the code needs, whatever CFLAGS and LDFLAGS say

WARN := -Wall -Wextra -pedantic -Wconversion -Wshadow -Wvla \
    -Wstrict-prototypes -Wmissing-prototypes -Werror -Werror=return-type
# -iquote, not -I: src/limits.h must not hide <limits.h>.
VERSION := $(shell awk '/^[0-9]/ { print $$1; exit }' CHANGES)
DEFINE := -std=c11 -iquote src -DQMAIL_HOME='"$(QMAIL_HOME)"' -DMOTE_VERSION='"$(VERSION)"' \
    -DMBEDTLS_CONFIG_FILE='"tls/mbedtls_config.h"'
OURS := -isystem $(MBEDTLS_DIR)/include $(WARN)
THEIRS := -I$(MBEDTLS_DIR)/include -I$(LIBRARY)
# For tests/stack.py; clang has no such thing.
CALL_GRAPH := $(shell $(CC) -fcallgraph-info=su -E -x c /dev/null >/dev/null 2>&1 && \
    echo -fcallgraph-info=su)
# The same bytes in every folder, those of debugging included.
SAME_PATHS := -ffile-prefix-map=$(MBEDTLS_DIR)=mbedtls \
    -ffile-prefix-map=$(LIBRARY)=mbedtls/library -ffile-prefix-map=$(CURDIR)=.
# Arrays of gcc's on x86 are aligned to 32 where the ABI wants less: 1.5 KB.
CODE := $(TARGET_FLAGS) -g -ffunction-sections -fdata-sections -fno-pie -fstack-protector \
    -fno-unwind-tables -fno-asynchronous-unwind-tables -fstack-usage $(CALL_GRAPH) $(SAME_PATHS) \
    $(call known,-malign-data=abi)
# The data follow the code in the file, not at its next page: up to 4 KB.
LINK := -static -Wl,--gc-sections -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,noseparate-code \
    -Wl,--build-id=none -Wl,-z,common-page-size=64
# mbedTLS's table of RSA names what a client never calls: 2 KB; and it reads
# addresses in the name to verify, of which it is given none: 0.6 KB.
NEVER := -Wl,--defsym=mbedtls_rsa_pkcs1_decrypt=tls_glue_exit \
    -Wl,--defsym=mbedtls_rsa_pkcs1_encrypt=tls_glue_exit -Wl,--defsym=inet_pton=tls_glue_exit

# With a sysroot nothing of the compiler's own C library is used: headers,
# start files and libc.a are named one by one, for any compiler alike. musl never
# protects what is RELRO in a static program; its padding is a page of the file.
ifneq ($(and $(SYSROOT),$(wildcard $(SYSROOT)/lib/libc.a)),)
CODE += -nostdinc -isystem $(SYSROOT)/include -isystem $(shell $(CC) -print-file-name=include)
LIB := $(SYSROOT)/lib
LINK += $(TARGET_FLAGS) $(TARGET_LDFLAGS) -Wl,-z,norelro -nostdlib $(LIB)/crt1.o $(LIB)/crti.o
LIBC := $(LIB)/libc.a $(shell $(CC) $(TARGET_FLAGS) -print-libgcc-file-name) \
    $(LIB)/libc.a $(LIB)/crtn.o
endif

# ---- the program

$(OUT)/qmail-remote: $(OUT)/qmail-remote.debug
	$(Q)$(STRIP) -s -R .comment -o $@ $<
	@$(TELL) "  $@: $$(wc -c <$@) bytes" >&2

ifeq ($(OUT),build)
all: build/$(TARGET)/qmail-remote
build/$(TARGET)/qmail-remote: build/qmail-remote
	@mkdir -p $(@D); ln -f $< $@
endif
# Its other name.
$(OUT)/mote-probe: $(OUT)/qmail-remote
	$(Q)ln -sf $(<F) $@

$(OUT)/qmail-remote.debug: $(SRC:%.c=$(OBJ)/%.o) $(MBEDTLS:%=$(OBJ)/mbedtls/%.o)
	@$(TELL) "  LINK $@" >&2
	$(Q)$(CC) $(LINK) $(NEVER) $(LDFLAGS) -o $@ $^ $(LIBC)

# 64 bits for times and sizes: musl has no others, glibc asks.
$(OBJ)/src/os/%.o $(TEST)/src/os/%.o: DEFINE += -D_GNU_SOURCE \
    -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64
$(HOT:%=$(OBJ)/mbedtls/%.o): HOT_NOW = $(HOT_CFLAGS)
SAY = @mkdir -p $(@D); $(TELL) "  CC $<" >&2

$(OBJ)/src/%.o: src/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) $(OURS) $(CFLAGS) $(SMALL_CFLAGS) $(CODE) -MMD -MP -c -o $@ $<

$(OBJ)/mbedtls/%.o: $(LIBRARY)/%.c $(OBJ)/flags
	$(SAY)
	$(Q)$(CC) $(DEFINE) $(THEIRS) $(SEAM_$*) $(CFLAGS) $(or $(HOT_NOW),$(SMALL_CFLAGS)) $(CODE) -MMD -MP -c -o $@ $<

# mbedTLS's library with our patches, and its Everest: a copy, its files newer than the stamp.
EVEREST := $(MBEDTLS_DIR)/3rdparty/everest
$(LIBRARY)/stamp: $(PATCHES) $(wildcard $(MBEDTLS_DIR)/library/*.[ch] $(EVEREST)/library/*.c) $(OBJ)/flags
	@command -v patch >/dev/null || { echo 'the program patch is not installed' >&2; exit 1; }
	@rm -rf $(@D); mkdir -p $(@D); touch $@; cp -r $(MBEDTLS_DIR)/library/*.[ch] \
	    $(EVEREST)/library/* $(EVEREST)/include/everest/* $(@D)
	@for patch in $(abspath $(PATCHES)); do $(TELL) "  PATCH $${patch##*/}" >&2; \
	    (cd $(@D) && patch -p2 >patched.log) <"$$patch" || { cat $(@D)/patched.log; \
	    echo "it does not fit MBEDTLS_DIR: BUILDING.md, PATCHES" >&2; exit 1; }; done
$(MBEDTLS:%=$(LIBRARY)/%.c): $(LIBRARY)/stamp ;

# Everything anew when a flag, the compiler or mbedTLS's configuration changes.
export FLAGS_NOW := $(CC) $(DEFINE) $(OURS) $(CFLAGS) $(HOT) $(HOT_CFLAGS) $(SMALL_CFLAGS) $(CODE) \
    $(LINK) $(NEVER) $(LDFLAGS) $(PATCHES) $(shell cat Makefile src/tls/*_config.h | cksum)
$(OBJ)/flags: FORCE
	@test -f '$(MBEDTLS_DIR)/library/ssl_tls.c' || \
	    { echo "no mbedTLS in MBEDTLS_DIR='$(MBEDTLS_DIR)': run ./bootstrap" >&2; exit 1; }
	@test '$(TARGET)' = '$(HOST_TARGET)' || test '$(origin TARGET_CC) $(origin CC)' != 'undefined file' || \
	    { echo "no SYSROOT and no CC for $(TARGET): run ./bootstrap TARGET=$(TARGET)" >&2; exit 1; }
	@mkdir -p $(@D); echo "$$FLAGS_NOW" | cmp -s - $@ || echo "$$FLAGS_NOW" >$@

include tests/tests.mk bench/bench.mk packaging/packaging.mk

# ---- clearing away

clean: ; rm -rf $(filter-out build/src build/sysroot build/debian,$(wildcard build/*))
distclean: ; rm -rf build

-include $(wildcard $(addsuffix /*.d,$(OBJ)/mbedtls $(OBJ)/src $(OBJ)/src/*))
