# SPDX-License-Identifier: ISC
# Stand-in for Buildroot's package infrastructure: generic-package makes the
# targets compile, install (into TARGET_DIR) and show, for mote alone.
qstrip = $(strip $(subst ",,$(1)))
INSTALL := install
TARGET_CC := target-gcc
TARGET_CROSS := target-
TARGET_CFLAGS := -Os
TARGET_LDFLAGS :=
TARGET_MAKE_ENV := PATH="$(PATH)"

MOTE_SOURCE = mote-$(MOTE_VERSION).tar.gz

define generic-package
compile:
	$$(MOTE_BUILD_CMDS)
install:
	$$(MOTE_INSTALL_TARGET_CMDS)
show:
	$$(info source $$(MOTE_VERSION) $$(MOTE_SOURCE) $$(MOTE_SITE))
	$$(info licences $$(MOTE_LICENSE_FILES))
	$$(info users $$(MOTE_USERS))
	$$(info $$(MOTE_PERMISSIONS))
endef
