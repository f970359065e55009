# SPDX-License-Identifier: ISC
# make install, uninstall, install-beside, uninstall-beside, dist, check-dist.
# Part of the Makefile one folder up. Nothing here needs root or looks who is
# there: owner and group are the administrator's or the package's to set.

BIN := $(DESTDIR)$(QMAIL_HOME)/bin
BESIDE := $(DESTDIR)$(LIBEXECDIR)
MAN := $(DESTDIR)$(PREFIX)/share/man/man8
STOCK := $(BIN)/qmail-remote.stock
# The licences of all that the program contains go where it goes.
DOC := $(DESTDIR)$(PREFIX)/share/doc/mote
LICENCES := LICENSE LICENSES/Apache-2.0.txt third_party/COPYRIGHT.musl
PAGES := $(patsubst man/%,%,$(wildcard man/*.8))

# Other names the program answers to, each a link beside it; and the scripts.
LINKS := mote-probe
SCRIPTS := prepare sts
put_scripts = $(foreach name,$(SCRIPTS),$(call put_script,$(script),$(1),mote-$(name))$(newline))
script = $(wildcard packaging/$(name).sh packaging/mote-$(name).sh)

# $(call put,FILE,MODE,FOLDER,NAME): by a rename, so that NAME is never missing
# or half there: qmail bounces mail at a moment without a qmail-remote.
put = @echo "  INSTALL $(3)/$(4)" >&2; umask 022 && mkdir -p '$(3)' && \
    cp $(1) '$(3)/.$(4).new' && chmod $(2) '$(3)/.$(4).new' && \
    mv -f '$(3)/.$(4).new' '$(3)/$(4)'
link = @ln -sf qmail-remote '$(2)/$(1)'
# What no other qmail-remote contains.
is_mote = grep -q qmail-remote/tcpto6

# Likewise a script, which knows the qmail home: $(call put_script,FILE,FOLDER,NAME)
put_script = @echo "  INSTALL $(2)/$(3)" >&2; umask 022 && mkdir -p '$(2)' && \
    sed 's|/var/qmail|$(QMAIL_HOME)|' $(1) >'$(2)/.$(3).new' && \
    chmod 0755 '$(2)/.$(3).new' && mv -f '$(2)/.$(3).new' '$(2)/$(3)'

put_licences = $(foreach file,$(LICENCES),$(call put,$(file),0644,$(DOC),$(notdir $(file)))$(newline))
# What both ways of installing have: left where the other one is there.
drop_shared = rm -f $(patsubst %,'$(MAN)/%',$(filter-out qmail-remote.8,$(PAGES))) \
    $(patsubst %,'$(DOC)/%',$(notdir $(LICENCES))); rmdir '$(DOC)' 2>/dev/null || :

define newline


endef

# Another program that was there is kept as qmail-remote.stock: also when an
# upgrade of qmail has put a newer one over ours.
install: all
	@if [ -f '$(BIN)/qmail-remote' ] && \
	    ! $(is_mote) '$(BIN)/qmail-remote'; then \
	    cp -p '$(BIN)/qmail-remote' '$(STOCK).new' && mv '$(STOCK).new' '$(STOCK)'; \
	fi
	$(call put,$(OUT)/qmail-remote,0711,$(BIN),qmail-remote)
	$(foreach name,$(LINKS),$(call link,$(name),$(BIN))$(newline))
	$(call put_scripts,$(BIN))
	$(foreach page,$(PAGES),$(call put,man/$(page),0644,$(MAN),$(page))$(newline))
	$(put_licences)

# Nothing is taken away where nothing can be put back. What an upgrade of qmail has
# put there since is left, for it is newer than what was kept.
uninstall:
	@if $(is_mote) '$(BIN)/qmail-remote' 2>/dev/null && [ ! -e '$(STOCK)' ]; then \
	    echo 'left: $(BIN)/qmail-remote and all that came with it, for there is no' \
	        '$(STOCK) to put back, and without a qmail-remote mail bounces' >&2; exit 1; \
	fi
	@$(is_mote) '$(BESIDE)/qmail-remote' 2>/dev/null || { $(drop_shared); }
	rm -f $(foreach name,$(LINKS) $(SCRIPTS:%=mote-%),'$(BIN)/$(name)') '$(MAN)/qmail-remote.8'
	@if [ -e '$(BIN)/qmail-remote' ] && ! $(is_mote) '$(BIN)/qmail-remote'; then \
	    echo 'left: $(BIN)/qmail-remote, for it is not mote; what was there before' \
	        'mote, if anything was, is $(STOCK)' >&2; \
	elif [ -e '$(STOCK)' ]; then mv -f '$(STOCK)' '$(BIN)/qmail-remote'; \
	fi

# For a qmail that runs what QMAILREMOTE names: nothing of qmail is touched.
install-beside: all
	$(call put,$(OUT)/qmail-remote,0755,$(BESIDE),qmail-remote)
	$(foreach name,$(LINKS),$(call link,$(name),$(BESIDE))$(newline))
	$(call put_scripts,$(BESIDE))
	$(foreach page,$(PAGES),$(call put,man/$(page),0644,$(MAN),$(beside_page))$(newline))
	$(put_licences)
beside_page = $(patsubst qmail-remote.8,mote.8,$(page))

uninstall-beside:
	@$(is_mote) '$(BIN)/qmail-remote' 2>/dev/null || { $(drop_shared); }
	rm -f '$(BESIDE)/qmail-remote' $(foreach name,$(LINKS) $(SCRIPTS:%=mote-%),'$(BESIDE)/$(name)') '$(MAN)/mote.8'
	rmdir '$(BESIDE)' 2>/dev/null || :

# ---- the release archive: build/dist/mote-VERSION.tar.gz, its sha256, .spdx

dist:
	$(Q)packaging/dist.sh '$(MBEDTLS_DIR)' build/dist

# What is too slow for make check: the archive builds the same program in two
# folders as two users, and passes make check there without a network.
check-dist:
	$(Q)TEST_LIMIT_S=3600 tests/run tests/dist_slow.sh
