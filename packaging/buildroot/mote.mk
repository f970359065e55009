################################################################################
#
# mote
#
################################################################################

# SPDX-License-Identifier: ISC
# Copy this folder to package/mote, add its Config.in to package/Config.in, and
# set BR2_PACKAGE_MOTE_SITE. The man page goes with all others when Buildroot
# finalises the target. A skeleton with /var in memory needs another qmail home.
#
# tests/packaging.sh ran: this file under GNU make with a stand-in for
# generic-package, the build step with make -n, the install step into a folder
# that was compared with the list `files`, the tables of users and permissions
# read column by column, the licences' hashes. Not run: Buildroot's own build.
#
# Not the mbedtls package of Buildroot: its configuration has threads, files and a
# heap, and the patches of this archive are made for 3.6.7, which is in it.

MOTE_VERSION = 0.1
MOTE_SITE = $(call qstrip,$(BR2_PACKAGE_MOTE_SITE))
MOTE_LICENSE = ISC, Apache-2.0 or GPL-2.0+ (mbedTLS), Apache-2.0 (Everest), MIT (musl)
MOTE_LICENSE_FILES = \
	LICENSE \
	LICENSES/Apache-2.0.txt \
	third_party/COPYRIGHT.musl

MOTE_HOME = $(or $(call qstrip,$(BR2_PACKAGE_MOTE_QMAIL_HOME)),/var/qmail)

# Not TARGET_STRIP, which does nothing where the target is not stripped.
MOTE_OPTS = \
	CC="$(TARGET_CC)" \
	STRIP="$(TARGET_CROSS)strip" \
	CFLAGS="$(TARGET_CFLAGS)" \
	LDFLAGS="$(TARGET_LDFLAGS)" \
	SYSROOT=none \
	PREFIX=/usr \
	QMAIL_HOME=$(MOTE_HOME)

define MOTE_BUILD_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) $(MOTE_OPTS) all
endef

define MOTE_INSTALL_TARGET_CMDS
	$(TARGET_MAKE_ENV) $(MAKE) -C $(@D) $(MOTE_OPTS) \
		DESTDIR=$(TARGET_DIR) install
	$(INSTALL) -d -m 0755 $(TARGET_DIR)$(MOTE_HOME)/control \
		$(TARGET_DIR)$(MOTE_HOME)/run/qmail-remote
	dd if=/dev/zero of=$(TARGET_DIR)$(MOTE_HOME)/run/qmail-remote/tcpto6 \
		bs=28 count=64
	dd if=/dev/zero of=$(TARGET_DIR)$(MOTE_HOME)/run/qmail-remote/tlssessions \
		bs=65536 count=1
	chmod 0600 $(TARGET_DIR)$(MOTE_HOME)/run/qmail-remote/tlssessions
endef

define MOTE_USERS
	qmailr -1 qmail -1 * $(MOTE_HOME) - - sends mail to other hosts
endef

define MOTE_PERMISSIONS
	$(MOTE_HOME)/bin/qmail-remote f 0711 root qmail - - - - -
	$(MOTE_HOME)/control d 0755 root qmail - - - - -
	$(MOTE_HOME)/run/qmail-remote/tcpto6 f 0644 qmailr qmail - - - - -
	$(MOTE_HOME)/run/qmail-remote/tlssessions f 0600 qmailr qmail - - - - -
endef

$(eval $(generic-package))
