# SPDX-License-Identifier: ISC
# Stand-in for OpenWrt's package.mk: BuildPackage makes the targets compile and
# install, the latter into DESTDIR, and show, what would go into the menus.
define BuildPackage
compile:
	$(Build/Compile)
install:
	$(call Package/$(1)/install,$(DESTDIR))
show:
	$$(info $(PKG_NAME) $(PKG_VERSION) $(PKG_SOURCE) $(PKG_HASH) $(PKG_LICENSE))
	$$(info $(PKG_LICENSE_FILES))
	$$(info conffiles $(Package/$(1)/conffiles))
endef
