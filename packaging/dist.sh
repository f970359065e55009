#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/dist.sh MBEDTLS_DIR FOLDER
#
# Makes FOLDER/mote-VERSION.tar.gz, which needs nothing but make, patch and a C
# compiler: the files of this repository, mbedTLS's library, its headers and its
# licence as third_party/mbedtls, and musl's source archive for ./bootstrap.
# Prints its sha256. The same files give the same bytes, whoever makes it where
# and when: names are sorted; owner, modes and times are set; the version comes
# from CHANGES, the time from SOURCE_DATE_EPOCH or else from the last commit. A
# copy unpacked from the archive has both in MANIFEST and makes the archive again.

set -eu
umask 022
export LC_ALL=C TZ=UTC

die() {
    printf 'dist: %s\n' "$*" >&2
    exit 1
}

cd "$(dirname "$0")/.."
mbedtls=$1 folder=$2
mkdir -p "$folder"

version=$(awk '/^[0-9]/ { print $1; exit }' CHANGES)
name=mote-$version
stage=$folder/stage/$name

# A release is what is committed, or what an archive brought.
files() {
    if [ -f MANIFEST ]; then
        grep -v -e '^#' -e '^third_party/m' MANIFEST
    else
        git ls-files -- . ':!third_party/mbedtls'
    fi | while read -r file; do
        [ ! -f "$file" ] || echo "$file"
    done
}

epoch() {
    if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        echo "$SOURCE_DATE_EPOCH"
    elif [ -f MANIFEST ]; then
        sed -n 's/^# SOURCE_DATE_EPOCH=//p' MANIFEST
    else
        git log -1 --format=%ct
    fi
}

# musl's archive as ./bootstrap keeps it, or as an archive of ours brought it.
musl() {
    pin() { sed -n "s/^musl_$1=//p" bootstrap; }
    for file in third_party/"$(pin archive)" build/src/"$(pin archive)"; do
        [ -f "$file" ] || continue
        echo "$(pin sha256)  $file" | sha256sum -c --status && echo "$file" && return
    done
    die "no $(pin archive) with the pinned sha256: run ./bootstrap first"
}

# copy FOLDER TARGET: the files that standard input names
copy() {
    mkdir -p "$2"
    tar -C "$1" -cf - -T - | tar -C "$2" -xf -
}

[ -f "$mbedtls/library/ssl_tls.c" ] || die "no mbedTLS in '$mbedtls'"
[ -n "$version" ] || die 'CHANGES names no version'
SOURCE_DATE_EPOCH=$(epoch)
[ -n "$SOURCE_DATE_EPOCH" ] || die 'no git here: set SOURCE_DATE_EPOCH'
musl=$(musl)

rm -rf "$folder/stage"
files | copy . "$stage"
(cd "$mbedtls" && find LICENSE library/*.[ch] include 3rdparty/everest -type f -name '[!.]*' \
    ! -name '*.txt' ! -path '*/vs2013/*') | copy "$mbedtls" "$stage/third_party/mbedtls"
cp "$musl" "$stage/third_party/"
(
    cd "$stage"
    find . -type f ! -path ./MANIFEST | sed 's|^\./||' | sort >../list
    {
        echo "# $name"
        echo "# SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH"
        cat ../list
    } >MANIFEST
)
{ echo MANIFEST && cat "$stage/../list"; } | sed "s|^|$name/|" | sort |
    tar -C "$folder/stage" --format=ustar --owner=0 --group=0 --numeric-owner \
        --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" -cf - -T - |
    gzip -9n >"$folder/$name.tar.gz.new"
mv "$folder/$name.tar.gz.new" "$folder/$name.tar.gz"
rm -rf "$folder/stage"
cd "$folder" && sha256sum "$name.tar.gz"
