#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/dist.sh: the release archive has the same bytes whoever makes it and
# where, and what must be in it is. Run it after make. What takes minutes is in
# tests/dist_slow.sh.

set -u
export LC_ALL=C
umask 022
unset SOURCE_DATE_EPOCH MAKEFLAGS MAKELEVEL MFLAGS
version=$(awk '/^[0-9]/ { print $1; exit }' CHANGES)
name=mote-$version
work=$(pwd)/build/test/dist
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT
rm -rf "$work"
mkdir -p "$work"

# verdict NAME: standard input lists what is wrong
verdict() {
    found=$(head -n 20)
    if [ -z "$found" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$found" | tr '\n' ';')"
    fi
}

# A copy without git and without MANIFEST is no place to make one.
if ! [ -f MANIFEST ] && ! git rev-parse HEAD >/dev/null 2>&1; then
    for case in archive_same_bytes_elsewhere archive_is_plain archive_is_complete \
        archive_is_the_same_from_any_tar archive_has_an_spdx_document archive_obeys_source_date_epoch; do
        echo "skip $case: neither git nor MANIFEST here"
    done
    exit 0
fi
make -s dist >"$work/log" 2>&1 || {
    echo "not ok make_dist: $(tail -n 1 "$work/log")"
    exit 1
}
archive=$(pwd)/build/dist/$name.tar.gz
tar -xzf "$archive" -C "$elsewhere"

# As another user where that is possible, from files that are newer, in another
# time zone and language, with a umask of one's own.
as_another() {
    if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null &&
        setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
        chown -R 65534:65534 "$elsewhere"
        set -- setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
    fi
    (cd "$elsewhere/$name" && umask 077 && TZ=Asia/Tokyo LC_ALL=C.UTF-8 "$@")
}

same_bytes() {
    find "$elsewhere/$name" -name '*.[ch]' -exec touch {} +
    as_another make -s dist 2>&1 | grep -v "  $name.tar.gz$"
    cmp "$archive" "$elsewhere/$name/build/dist/$name.tar.gz" 2>&1
}

obeys_epoch() {
    as_another env SOURCE_DATE_EPOCH=86400 make -s dist 2>&1 | grep -v "  $name.tar.gz$"
    tar -tzvf "$elsewhere/$name/build/dist/$name.tar.gz" --utc | head -n 1 |
        grep -q ' 1970-01-02 00:00 ' || echo 'the time is not the one of SOURCE_DATE_EPOCH'
}

# Files only, in order, all below one folder, of nobody, at one time.
plain() {
    tar -tzvf "$archive" --numeric-owner --full-time --utc >"$work/list"
    awk -v name="$name" '
        $1 !~ /^-rw[x-]r-[x-]r-[x-]$/ { print "mode " $1 ": " $6 }
        $2 != "0/0" { print "owner " $2 ": " $6 }
        NR == 1 { time = $4 $5 }
        $4 $5 != time { print "time " $4 " " $5 ": " $6 }
        index($6, name "/") != 1 || $6 ~ /\.\./ { print "place: " $6 }' "$work/list"
    awk '{ print $6 }' "$work/list" | sort -c 2>&1
}

# As its rules are: tags and values, one document, each package with what it must
# have; the sum is the archive's. Made elsewhere it is the same.
spdx() {
    document=build/dist/$name.spdx
    grep -qx "PackageChecksum: SHA256: $(sha256sum <"$archive" | cut -d ' ' -f 1)" "$document" ||
        echo 'not the sum of the archive'
    [ "$(grep -c '^PackageName: ' "$document")" = 3 ] || echo 'not three packages'
    for tag in SPDXID PackageVersion PackageDownloadLocation PackageLicenseConcluded \
        PackageLicenseDeclared PackageCopyrightText PackageChecksum; do
        count=$(grep -c "^$tag: ." "$document")
        [ "$count" -ge 3 ] || echo "$tag $count times"
    done
    grep -vE '^$|^[A-Z][A-Za-z]*: .' "$document"
    cmp "$document" "$elsewhere/$name/build/dist/$name.spdx" 2>&1
}

# In which versions of tar differ; so the fields must be empty. Those of the
# first file stand for all.
no_devices() {
    gzip -dc "$archive" | dd bs=1 skip=329 count=16 2>/dev/null | tr -d '\0' |
        sed 's/^/device numbers: /'
}

has_all() {
    awk '{ print $6 }' "$work/list" | sed "s|^$name/||" >"$work/names"
    for file in LICENSE MANIFEST third_party/mbedtls/LICENSE \
        third_party/mbedtls/library/ssl_tls.c \
        third_party/mbedtls/library/psa_crypto_driver_wrappers.h \
        third_party/mbedtls/include/mbedtls/ssl.h third_party/musl_*.tar.gz; do
        case $file in
        *'*'*) grep -q '^third_party/musl_.*\.tar\.gz$' "$work/names" ;;
        *) grep -qxF "$file" "$work/names" ;;
        esac || echo "lacks $file"
    done
    if [ -f MANIFEST ]; then cat MANIFEST; else git ls-files -- . ':!third_party/mbedtls'; fi |
        grep -v '^#' | while read -r file; do [ ! -f "$file" ] || echo "$file"; done |
        sort >"$work/kept"
    sort "$work/names" | comm -23 "$work/kept" - | sed 's/^/lacks /'
    sed '/^#/d' "$elsewhere/$name/MANIFEST" | sort | comm -3 - "$work/names" |
        grep -vx '[[:space:]]*MANIFEST' | sed 's/^/not as in MANIFEST: /'
}

plain | verdict archive_is_plain
has_all | verdict archive_is_complete
no_devices | verdict archive_is_the_same_from_any_tar
same_bytes | verdict archive_same_bytes_elsewhere
spdx | verdict archive_has_an_spdx_document
obeys_epoch | verdict archive_obeys_source_date_epoch
