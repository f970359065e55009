# SPDX-License-Identifier: ISC
# Stand-in for OpenWrt's rules.mk: what packaging/openwrt/Makefile takes from it.
qstrip = $(strip $(subst ",,$(1)))
INSTALL_DIR := install -d -m0755
INSTALL_BIN := install -m0755
INSTALL_DATA := install -m0644
LN := ln -sf
TARGET_CC := target-gcc
TARGET_CROSS := target-
TARGET_CFLAGS := -Os -pipe
TARGET_LDFLAGS := -znow
INCLUDE_DIR := $(TOPDIR)
PKG_BUILD_DIR := $(CURDIR)
