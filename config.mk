# SPDX-License-Identifier: ISC
# All that a user or packager sets, here, on make's command line or in the
# environment. Flags the code cannot do without are added in the Makefile.

# The qmail home compiled in; at run time QMAILHOME replaces it.
QMAIL_HOME ?= /var/qmail

# Where `make install` puts the manual pages. DESTDIR goes before all of these.
PREFIX ?= /usr/local

# Where `make install-beside` puts the program.
LIBEXECDIR ?= $(PREFIX)/libexec/mote

# The machine to build for, a name of the table in ./bootstrap; and this one.
HOST_TARGET := $(shell uname -m | \
    sed 's/^aarch64$$/arm64/; s/^i.86$$/i386/; s/^armv7.*/armv7/; s/^armv[56].*/armv5/')
TARGET ?= $(HOST_TARGET)

# The C library: a folder with lib/libc.a and include/ as ./bootstrap makes it.
# Where it is empty or absent, CC's own C library is linked statically.
SYSROOT ?= build/sysroot/$(TARGET)

# The source of mbedTLS: the submodule, else what ./bootstrap unpacked.
MBEDTLS_DIR ?= $(patsubst %/library/ssl_tls.c,%,$(firstword $(wildcard \
    third_party/mbedtls/library/ssl_tls.c build/src/mbedtls/library/ssl_tls.c)))

# What is changed in a copy of it before it is compiled; each file says why.
PATCHES ?= $(sort $(wildcard third_party/patches/*.patch))

# The compiler for the program (the sysroot names one for its target), and the
# host's for the tests.
-include $(SYSROOT)/target.mk
ifeq ($(origin CC),default)
CC = $(or $(TARGET_CC),gcc)
endif
ifeq ($(origin AR),default)
AR = $(or $(TARGET_AR),ar)
endif
STRIP ?= $(or $(TARGET_STRIP),strip)
HOSTCC ?= cc

# Optimisation of all code, of the cryptography that dominates run time, and of
# the rest of mbedTLS: what the compiler knows of these (gcc 12 does).
known = $(foreach flag,$1,$(shell $(CC) -Werror $(flag) -E -x c /dev/null >/dev/null 2>&1 && \
    echo $(flag)))
CFLAGS ?= -Os
HOT_CFLAGS ?= -O2
SMALL_CFLAGS := $(call known,-Oz -fno-inline-small-functions)
LDFLAGS ?=
