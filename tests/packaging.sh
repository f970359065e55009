#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/packaging.sh: `make install` and its variants, and every file of
# packaging/ as far as Debian's tools can run it: into a folder each, which must
# then hold just what the committed list says. Run it after make.

set -u
export LC_ALL=C
umask 022
here=$(pwd)
work=$here/build/test/packaging
# What is installed is what is built already: with whatever flags a recipe
# builds, that is not done anew here.
make='make -s -o all'
unset MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
rm -rf "$work"
mkdir -p "$work"

# verdict NAME: standard input lists what is wrong
verdict() {
    found=$(cat)
    if [ -z "$found" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$found" | tr '\n' ';')"
    fi
}

skipped() {
    command -v "$1" >/dev/null && return 1
    echo "skip $2: no $1"
}

# compare FOLDER LIST: modes and names of all that is in it
compare() {
    (cd "$1" && find . -mindepth 1 -printf '%M %P %l\n') | sed 's/ $//' |
        sort -k 2 >"$1.list"
    grep -v '^#' "$2" | diff "$1.list" - | sed -n 's/^</too much:/p; s/^>/missing:/p'
}

# fresh NAME: an empty folder for what is installed; sets to
fresh() {
    to=$work/$1
    rm -rf "$to"
    mkdir "$to"
}

# ---- make install ----

plain() {
    fresh plain
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    compare "$to" packaging/files
    cmp build/qmail-remote "$to/var/qmail/bin/qmail-remote"
}

narrow_umask() {
    fresh umask
    (umask 077 && $make install DESTDIR="$to") >"$work/log" 2>&1 || cat "$work/log"
    compare "$to" packaging/files
}

# As a user who owns nothing but the folder.
without_root() {
    [ "$(id -u)" = 0 ] || { echo "skip installs_without_root: not root now" && return; }
    ! skipped setpriv installs_without_root || return 0
    fresh user
    chown 65534:65534 "$to"
    setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null ||
        { echo 'skip installs_without_root: there is no other user here' && return; }
    setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "cd '$here'" 2>/dev/null ||
        { echo "skip installs_without_root: no other user may enter $here" && return; }
    # shellcheck disable=SC2086 # words
    setpriv --reuid=65534 --regid=65534 --clear-groups $make install \
        DESTDIR="$to" >"$work/log" 2>&1
    compare "$to" packaging/files | verdict installs_without_root
}

# The stock program of the tests below says its name.
plant_stock() {
    mkdir -p "$to/var/qmail/bin"
    printf '#!/bin/sh\necho stock\n' >"$to/var/qmail/bin/qmail-remote"
    chmod 0711 "$to/var/qmail/bin/qmail-remote"
}

# Whoever has the old program open keeps it whole, and the name is never gone.
by_rename() {
    fresh rename
    plant_stock
    exec 3<"$to/var/qmail/bin/qmail-remote"
    touch "$work/watching"
    (
        while [ -e "$work/watching" ]; do
            [ -s "$to/var/qmail/bin/qmail-remote" ] || echo 'was missing for a moment'
        done
    ) >"$work/watched" &
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    rm "$work/watching"
    wait
    grep -q 'echo stock' <&3 || echo 'the old program was written over'
    exec 3<&-
    sort -u "$work/watched"
    find "$to" -name '*.new'
}

rolls_back() {
    fresh back
    plant_stock
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    cmp build/qmail-remote "$to/var/qmail/bin/qmail-remote"
    $make uninstall DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    [ "$("$to/var/qmail/bin/qmail-remote")" = stock ] || echo 'stock is not back'
    (cd "$to" && find . ! -type d ! -path ./var/qmail/bin/qmail-remote)
    [ "$(stat -c %a "$to/var/qmail/bin/qmail-remote")" = 711 ] || echo 'its mode changed'
}

# upgraded FOLDER: an upgrade of qmail has put its own program over ours.
upgraded() {
    fresh "$1"
    plant_stock
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    printf '#!/bin/sh\necho newer\n' >"$to/var/qmail/bin/qmail-remote"
}

newer_is_back() {
    $make uninstall DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    [ "$("$to/var/qmail/bin/qmail-remote")" = newer ] || echo 'an older program is back'
}

# Installed again, it is what is kept.
renews_stock() {
    upgraded renew
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    newer_is_back
}

# Without that it stays where it is.
keeps_newer() {
    upgraded newer
    newer_is_back
    grep -q '^left: ' "$work/log" || echo 'make did not say why'
    (cd "$to" && find . ! -type d ! -path './var/qmail/bin/qmail-remote*')
}

# Without another qmail-remote to put back, all stays, and make says so.
stays() {
    fresh stays
    $make install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    (cd "$to" && find . | sort) >"$work/there"
    ! $make uninstall DESTDIR="$to" >"$work/log" 2>&1 || echo 'make was content'
    grep -q '^left: ' "$work/log" || echo 'make did not say why'
    (cd "$to" && find . | sort) | diff "$work/there" -
}

# Who goes from one way to the other keeps what both have.
both_ways() {
    for way in '' -beside; do
        fresh both
        plant_stock
        $make install install-beside DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
        $make uninstall$way DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
        for file in man/man8/mote-probe.8 man/man8/mote-sts.8 doc/mote/LICENSE; do
            [ -e "$to/usr/local/share/$file" ] || echo "uninstall$way took $file along"
        done
    done
    $make uninstall DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    (cd "$to" && find . ! -type d ! -path ./var/qmail/bin/qmail-remote)
}

beside() {
    fresh beside
    plant_stock
    $make install-beside DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    [ "$("$to/var/qmail/bin/qmail-remote")" = stock ] || echo 'stock was replaced'
    rm -r "${to:?}/var"
    compare "$to" packaging/files-beside
    $make uninstall-beside DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    (cd "$to" && find . ! -type d)
}

other_places() {
    fresh places
    $make install DESTDIR="$to" QMAIL_HOME=/srv/q PREFIX=/opt >"$work/log" 2>&1 ||
        cat "$work/log"
    [ -x "$to/srv/q/bin/qmail-remote" ] || echo 'no /srv/q/bin/qmail-remote'
    [ -f "$to/opt/share/man/man8/qmail-remote.8" ] || echo 'no page under /opt'
}

# What packages run: files of the right size, mode and owner; those there are kept.
prepares() {
    [ "$(id -u)" = 0 ] || { echo "skip prepares_a_home: not root now" && return; }
    fresh prepared
    {
        ! packaging/prepare.sh "$to" 2>/dev/null || echo 'content without a home'
        QMAILR=nobody packaging/prepare.sh "$to" package || echo 'a package fails without a home'
        [ -z "$(ls "$to")" ] || echo 'made something where no home is'
        mkdir "$to/control"
        (umask 077 && QMAILR=nobody packaging/prepare.sh "$to")
        (cd "$to/run/qmail-remote" && stat -c '%n %a %U %s' -- *) | diff - /dev/fd/3 3<<'LIST'
tcpto6 644 nobody 1792
tlssessions 600 nobody 65536
LIST
        echo x >"$to/run/qmail-remote/tcpto6"
        chmod 700 "$to/run" "$to/run/qmail-remote" # by hand, under umask 077
        QMAILR=nobody packaging/prepare.sh "$to"
        [ "$(wc -c <"$to/run/qmail-remote/tcpto6")" -eq 2 ] || echo 'wrote over what was there'
        [ "$(stat -c %a "$to/run" "$to/run/qmail-remote" | sort -u)" = 755 ] || echo 'nobody can pass'
    } | verdict prepares_a_home
}

# after SCRIPT [ARGUMENT]: a package's own, with the paths of this place.
after() {
    sed "s|/usr/libexec/mote/mote-prepare|$PWD/packaging/prepare.sh|; s|/var/qmail|$to|" "$1" >"$work/after"
    shift
    QMAILR=nobody sh "$work/after" "$@"
}

prepares_as_a_package() {
    [ "$(id -u)" = 0 ] || { echo "skip packages_prepare_a_home: not root now" && return; }
    for script in packaging/debian/mote.postinst packaging/alpine/mote.post-install; do
        fresh packaged
        after "$script" configure || echo "$script fails without a home"
        [ -z "$(ls "$to")" ] || echo "$script makes something where no home is"
        mkdir "$to/control"
        after "$script" configure
        (cd "$to/run/qmail-remote" && stat -c '%n %a %U %s' -- *) | diff - /dev/fd/3 3<<'LIST'
tcpto6 644 nobody 1792
tlssessions 600 nobody 65536
LIST
    done | verdict packages_prepare_a_home
}

# ---- the packages ----

version=$(awk '/^[0-9]/ { print $1; exit }' CHANGES)

versions() {
    grep -qx "PKG_VERSION:=$version" packaging/openwrt/Makefile || echo openwrt
    grep -qx "pkgver=$version" packaging/alpine/APKBUILD || echo alpine
    grep -qx "MOTE_VERSION = $version" packaging/buildroot/mote.mk || echo buildroot
    grep -q "  mote-$version\.tar\.gz$" packaging/buildroot/mote.hash || echo hash
}

# compiles NAME ARGUMENT...: the compile step's make, told to print only, knows
# its target and hands on the cross compiler.
compiles() {
    shift
    make -s MAKE='make -n' "$@" compile >"$work/log" 2>&1 || cat "$work/log"
    grep -q '^target-gcc .*-c ' "$work/log" ||
        make -s -B MAKE='make -nB' "$@" compile 2>&1 | grep -m 1 -q 'target-gcc .*-c ' ||
        echo 'does not call target-gcc'
}

openwrt() {
    set -- -f packaging/openwrt/Makefile TOPDIR=tests/packaging
    compiles openwrt "$@"
    fresh openwrt
    make -s "$@" install DESTDIR="$to" >"$work/log" 2>&1 || cat "$work/log"
    compare "$to" packaging/openwrt/files
    make -s "$@" show >"$work/log" 2>&1 || cat "$work/log"
    grep -q "^mote $version mote-$version.tar.gz skip ISC Apache-2.0 MIT$" "$work/log" ||
        echo 'the variables are not what they should be'
    grep -qx 'conffiles /opt/qmail/control/' "$work/log" || echo 'no conffiles'
    grep -qx '/opt/qmail/bin/mote-prepare /opt/qmail package' "$to/etc/uci-defaults/mote" ||
        echo 'nothing is prepared at the first start'
    sed "s|/opt/qmail/bin/mote-probe|$to&|" packaging/openwrt/test.sh >"$work/test.sh"
    sh "$work/test.sh" mote "$version" || echo 'test.sh fails'
    ! sh "$work/test.sh" mote 9.9 || echo 'test.sh is content with another version'
}

buildroot() {
    set -- -f tests/packaging/buildroot.mk -f packaging/buildroot/mote.mk
    compiles buildroot "$@"
    fresh buildroot
    make -s "$@" MAKE="$make" TARGET_DIR="$to" install >"$work/log" 2>&1 ||
        cat "$work/log"
    compare "$to" packaging/buildroot/files
    make -s "$@" show BR2_PACKAGE_MOTE_SITE='"file:///x"' >"$work/log" 2>&1 ||
        cat "$work/log"
    grep -q "^source $version mote-$version.tar.gz file:///x$" "$work/log" ||
        echo 'the variables are not what they should be'
    # name uid group gid password home shell groups comment
    awk '$1 == "users" && (NF < 10 || $3 $5 != "-1-1" || $7 !~ /^\//)
        /^users/ { seen = 1 } END { if (!seen) print "no users" }' "$work/log"
    # name type mode uid gid and five dashes; each is there with that mode
    awk '$2 ~ /^[fd]$/ && $1 ~ /^\//' "$work/log" | while read -r name type mode rest; do
        case $name:$rest in
        */tcpto6:'qmailr qmail - - - - -' | */tlssessions:'qmailr qmail - - - - -' | *:'root qmail - - - - -') ;;
        *) echo "$name: $rest" ;;
        esac
        [ "0$(stat -c %a "$to$name")" = "$mode" ] || echo "$name: not $mode"
        case $type in
        f) [ -f "$to$name" ] ;;
        d) [ -d "$to$name" ] ;;
        esac || echo "$name: not $type"
    done
    [ "$(grep -c 'root qmail' "$work/log")" = 2 ] || echo 'no permissions'
    grep -q '/tcpto6 f 0644 qmailr qmail - - - - -$' "$work/log" || echo 'no tcpto6'
    grep -q '/tlssessions f 0600 qmailr qmail - - - - -$' "$work/log" || echo 'no tlssessions'
    [ "$(wc -c <"$to/var/qmail/run/qmail-remote/tlssessions")" -eq 65536 ] || echo 'its size'
}

# Kconfig's words at the start of lines, its symbols, and as many ends as ifs.
buildroot_config() {
    awk '/^#/ || /^$/ || help && /^\t  / { next }
        { help = 0 }
        /^\thelp$/ { help = 1; next }
        /^config BR2_PACKAGE_MOTE(_[A-Z_]+)?$/ { next }
        /^if / { open++; next }
        /^endif$/ { open--; next }
        /^comment ".*"$/ || /^\t(bool|string) ".*"$/ || /^\tdefault ".*"$/ { next }
        /^\t# / || /^\tdepends on / || /^\t\t!?\(?BR2_/ { next }
        { print FILENAME ":" FNR ": " $0 }
        END { if (open) print "if without endif" }' packaging/buildroot/Config.in
}

buildroot_hashes() {
    [ -f LICENSE ] || echo 'no LICENSE'
    grep '^sha256 ' packaging/buildroot/mote.hash | while read -r _ sum name; do
        file=$name
        [ -f "$file" ] || file=build/src/${name#third_party/}
        [ "$(sha256sum <"$file" | cut -d ' ' -f 1)" = "$sum" ] || echo "$name"
    done
}

alpine() {
    sh -n packaging/alpine/APKBUILD 2>&1
    fresh alpine
    # shellcheck disable=SC1091,SC2154,SC2317 # APKBUILD is looked at by itself
    (
        # What abuild provides; the program is built already.
        export srcdir="$work" pkgdir="$to"
        . packaging/alpine/APKBUILD
        make() { command $make "$@"; }
        [ "$source $builddir" = "mote-$version.tar.gz $work/mote-$version" ] ||
            echo 'the variables are not what they should be'
        check || echo 'check() fails'
        package
    ) 2>"$work/log" || cat "$work/log"
    compare "$to" packaging/alpine/files
}

# abuild's variables are used by abuild; it also has `local`, and gives srcdir.
alpine_shellcheck() {
    shellcheck -s sh -e SC2034,SC2154 -f gcc packaging/alpine/APKBUILD
}

container() {
    fresh container
    echo 'no certificates' >"$work/bundle"
    packaging/container/root.sh "$to" "$work/bundle" >"$work/log" 2>&1 || cat "$work/log"
    compare "$to" packaging/container/files
    # Instructions the file knows; what it copies and runs is in the list.
    awk '!/^#/ && NF && !/^(FROM scratch|COPY root\/ \/|USER [0-9]+:[0-9]+)$/ &&
        !/^WORKDIR \/[a-z\/]+$/ && !/^ENTRYPOINT \["\/var\/qmail\/bin\/qmail-remote"\]$/' \
        packaging/container/Containerfile
}

plain | verdict installs_what_the_list_says
narrow_umask | verdict installs_the_same_under_umask_077
without_root
by_rename | verdict takes_its_place_by_rename
rolls_back | verdict uninstall_puts_stock_back
renews_stock | verdict upgrade_of_qmail_renews_stock
keeps_newer | verdict uninstall_keeps_what_an_upgrade_has_put_there
stays | verdict uninstall_leaves_no_hole
both_ways | verdict uninstall_leaves_what_the_other_way_has
beside | verdict installs_beside_and_overwrites_nothing
other_places | verdict installs_where_it_is_told
prepares
prepares_as_a_package
versions | verdict packages_have_the_version_of_CHANGES
openwrt | verdict openwrt
buildroot | verdict buildroot
buildroot_config | verdict buildroot_config
buildroot_hashes | verdict buildroot_hashes
alpine | verdict alpine
# As in tests/tidy.sh, one version decides.
case $(shellcheck --version 2>/dev/null | sed -n 's/^version: //p') in
0.9.*) alpine_shellcheck | verdict alpine_shellcheck ;;
*) echo 'skip alpine_shellcheck: no shellcheck 0.9' ;;
esac
container | verdict container
