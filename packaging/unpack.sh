#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/unpack.sh FOLDER PACKAGE...
#
# Unpacks Debian packages, and what they need that is not installed, into
# FOLDER/root; nothing is installed, so nothing of this machine is removed,
# started or set to start, and packages that would put each other out can be
# there side by side (of a file that two have the first one's stays). FOLDER/bin
# then has their programs. What is installed is left to the machine, what is
# unpacked already is kept. Needs no root: apt's lists and archives lie in
# FOLDER/apt meanwhile. A package that cannot be had is named, and left out;
# PACKAGE:some is one that only some releases have.

set -eu
umask 022
export LC_ALL=C
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
root=$folder/root

say() { printf 'unpack: %s\n' "$*"; }

# apt with lists of its own, from where this machine has its packages
apt() {
    program=$1
    shift
    "$program" -q -c "$folder/apt/apt.conf" "$@"
}

open_lists() {
    mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
    cat >"$folder/apt/apt.conf" <<CONF
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Sandbox::User "";
Dir::State::lists "$folder/apt/lists";
Dir::Cache "$folder/apt";
Acquire::Languages "none";
Acquire::Retries "2";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
CONF
    updated=yes
    apt apt-get update -o APT::Update::Error-Mode=any >"$folder/log" 2>&1 || {
        updated=
        say 'not all package lists could be fetched; trying with the others'
    }
}

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = 'ii ' ]
}

# needed PACKAGE: itself and all that is not installed of what it depends on
needed() {
    apt apt-get -s --no-install-recommends install "$1" 2>>"$folder/log" |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p'
}

# add PACKAGE: its files into the tree, without the rights of other users
add() {
    [ ! -e "$folder/have/$1" ] || return 0
    rm -f "$folder"/apt/*.deb
    (cd "$folder/apt" && apt apt-get download "$1") >>"$folder/log" 2>&1 || return 1
    for deb in "$folder"/apt/*.deb; do
        dpkg-deb --fsys-tarfile "$deb" |
            tar -C "$root" -x --skip-old-files --no-same-owner -f - || return 1
        dpkg-deb --fsys-tarfile "$deb" | tar -t -f - >"$folder/have/$1.new"
    done
    mv "$folder/have/$1.new" "$folder/have/$1"
}

get() {
    names=$(needed "$1")
    if [ -z "$names" ]; then
        [ -z "$updated" ] || : >"$folder/absent/$1"
        return 1
    fi
    for name in $names; do
        add "$name" || return 1
    done
}

# Where libraries are that the machine has not got.
library_path() {
    find "$root" -name '*.so*' -printf '%h\n' | sort -u |
        sed "s|^$root|\$root|" | tr '\n' ':' | sed 's/:$//'
}

# offer PROGRAM: under its name in FOLDER/bin
offer() {
    [ -f "$root$1" ] && [ -x "$root$1" ] || return 0
    name=$folder/bin.new/${1##*/}
    if ! ldd "$root$1" 2>/dev/null | grep -q 'not found'; then
        ln -s "../root$1" "$name"
        return
    fi
    cat >"$name" <<SCRIPT
#!/bin/sh
root=\${0%/*}/../root
LD_LIBRARY_PATH=$libraries exec "\$root$1" "\$@"
SCRIPT
    chmod 755 "$name"
}

offer_all() {
    rm -rf "$folder/bin.new"
    mkdir -p "$folder/bin.new"
    libraries=$(library_path)
    # First of what was asked for, then of what that is made of: a package can be
    # nothing but the way to another.
    for asked in "$@" "$folder"/have/*; do
        package=${asked##*/}
        package=${package%:some}
        [ -e "$folder/have/$package" ] || continue
        sed -n 's|^\.\(\(/usr\)\{0,1\}/s\{0,1\}bin/[^/]*\)$|\1|p' "$folder/have/$package"
    done | while read -r program; do
        [ -e "$folder/bin.new/${program##*/}" ] || offer "$program"
    done
    mv "$folder/bin.new" "$folder/bin"
}

# ---- what is asked for, less what is there ----

# shellcheck disable=SC1091 # of the machine
release=$(. /etc/os-release && echo "$ID ${VERSION_CODENAME:-} $(dpkg --print-architecture)")
if [ "$(cat "$folder/release" 2>/dev/null)" != "$release" ]; then
    rm -rf "$root" "$folder/have" "$folder/absent"
    mkdir -p "$root" "$folder/have" "$folder/absent"
    echo "$release" >"$folder/release"
fi
missing=
for asked in "$@"; do
    package=${asked%:some}
    installed "$package" || [ -e "$folder/have/$package" ] ||
        [ -e "$folder/absent/$package" ] || missing="$missing $asked"
done
[ -n "$missing" ] || [ ! -d "$folder/bin" ] || exit 0
rm -rf "${folder:?}/bin" # made last: it says that all is there
say "unpacking below $folder, installing nothing:$missing"
open_lists
for asked in $missing; do
    package=${asked%:some}
    get "$package" || [ "$package" != "$asked" ] ||
        say "$package cannot be had (see $folder/log); what needs it is skipped"
done
offer_all "$@"
rm -rf "$folder/apt"
