#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/dist_slow.sh [PART...]: what of the release archive takes minutes, all
# without a network. Run by make check-dist. The parts, all by default:
#   alone      make builds the same program in two folders as two users
#   bootstrap  so does ./bootstrap, and it is the one of this folder
#   compilers  clang, and a musl toolchain as CC in Alpine's recipe, build it
#   debian     dpkg-buildpackage makes source and package, lintian finds no error
#   image      buildah makes the container's image, and starts it
#   check      ./bootstrap check passes there
#   plain      so does make check, with the compiler's own C library

set -u
umask 022
unset MAKEFLAGS MAKELEVEL MFLAGS CC CFLAGS LDFLAGS SYSROOT MBEDTLS_DIR
version=$(awk '/^[0-9]/ { print $1; exit }' CHANGES)
name=mote-$version
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# verdict NAME: standard input lists what is wrong
verdict() {
    found=$(tail -n 30)
    if [ -z "$found" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$found" | tail -n 1)"
        echo "$found" | sed 's/^/    /'
    fi
}

# Two lists of words: a network of nothing but the loopback, and another user.
offline='unshare --net'
nobody=
if [ "$(id -u)" != 0 ]; then
    offline='unshare --user --map-root-user --net'
elif setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
fi

# run TREE COMMAND...: offline in that folder; its output only if it fails
run() {
    (
        cd "$1" && shift
        # shellcheck disable=SC2086 # words
        $offline sh -c 'ip link set lo up && exec "$@"' sh "$@"
    ) >"$work/log" 2>&1 </dev/null || cat "$work/log"
}

# unpack FOLDER [OWNER]: sets tree
unpack() {
    tree=$work/$1/$name
    [ ! -d "$tree" ] || return 0
    mkdir -p "$work/$1"
    tar -xzf "build/dist/$name.tar.gz" -C "$work/$1"
    [ -z "${2:-}" ] || chown -R "$2" "$work/$1"
}

# The second folder is another user's, with another environment and umask.
two_trees() {
    unpack one
    one=$tree
    unpack another/folder "${nobody:+65534:65534}"
    two=$tree
}
# shellcheck disable=SC2086 # words
run_two() {
    run "$two" $nobody env TZ=Asia/Tokyo LC_ALL=C.UTF-8 HOME=/nowhere USER=x \
        sh -c 'umask 077 && exec "$@"' sh "$@"
}

same_program() {
    cmp "$one/build/qmail-remote" "$two/build/qmail-remote" 2>&1
    cmp "$one/build/qmail-remote.debug" "$two/build/qmail-remote.debug" 2>&1
}

part_alone() {
    two_trees
    run "$one" make | verdict archive_builds_with_make_alone
    run_two make | verdict archive_builds_for_another_user
    same_program | verdict two_folders_two_users_one_program
}

part_bootstrap() {
    two_trees
    run "$one" ./bootstrap | verdict archive_bootstraps
    run_two ./bootstrap | verdict archive_bootstraps_for_another_user
    same_program | verdict two_folders_two_users_one_musl_program
    cmp build/qmail-remote "$one/build/qmail-remote" 2>&1 |
        verdict archive_builds_the_program_of_this_folder
}

# musl-gcc, where Debian has it, finds no kernel headers by itself.
part_compilers() {
    unpack compilers
    if command -v clang >/dev/null; then
        run "$tree" make CC=clang SYSROOT=none OUT=build/clang | verdict clang_builds_it
    else
        echo 'skip clang_builds_it: no clang'
    fi
    if ! command -v musl-gcc >/dev/null; then
        echo 'skip alpine_recipe_with_a_musl_toolchain: no musl-gcc'
        return
    fi
    mkdir "$work/kernel" "$work/pkg"
    for folder in linux asm-generic "$(gcc -print-multiarch)/asm"; do
        ln -s "/usr/include/$folder" "$work/kernel/$(basename "$folder")"
    done
    {
        # shellcheck disable=SC2016 # the inner shell's
        run "$tree" env CC="musl-gcc -idirafter $work/kernel" srcdir="$work/compilers" \
            pkgdir="$work/pkg" sh -euc '. packaging/alpine/APKBUILD
                cd "$builddir"; build; check; package'
        [ -x "$work/pkg/usr/libexec/mote/qmail-remote" ] || echo 'nothing was installed'
        nm "$tree/build/qmail-remote.debug" | grep -q ' __init_libc$' || echo 'this is not musl'
        tests/binary.sh "$tree/build/qmail-remote" | grep '^not ok'
    } | verdict alpine_recipe_with_a_musl_toolchain
}

# With debian/ where a packager puts it. Static linking is overridden in there.
part_debian() {
    if ! command -v dh >/dev/null || ! command -v lintian >/dev/null; then
        echo 'skip debian_package: no debhelper, or no lintian'
        return
    fi
    unpack debian
    cp -r "$tree/packaging/debian" "$tree/debian"
    cp "build/dist/$name.tar.gz" "$work/debian/mote_$version.orig.tar.gz"
    {
        run "$tree" dpkg-buildpackage -d -us -uc
        [ -f "$work/debian/mote_$version-1.dsc" ] || echo 'no source package'
        lintian --fail-on error "$work"/debian/mote_*.changes 2>&1 | grep '^E: '
        dpkg-deb -x "$work"/debian/mote_[0-9]*.deb "$work/package"
        (cd "$work/package" && find . ! -type d | sort) >"$work/package.list"
        diff "$work/package.list" - <<'LIST'
./usr/libexec/mote/mote-prepare
./usr/libexec/mote/mote-probe
./usr/libexec/mote/mote-sts
./usr/libexec/mote/qmail-remote
./usr/sbin/mote-probe
./usr/sbin/mote-sts
./usr/share/doc/mote/changelog.Debian.gz
./usr/share/doc/mote/changelog.gz
./usr/share/doc/mote/copyright
./usr/share/lintian/overrides/mote
./usr/share/man/man8/mote-probe.8.gz
./usr/share/man/man8/mote-sts.8.gz
./usr/share/man/man8/mote.8.gz
LIST
        "$work/package/usr/sbin/mote-probe" --version | grep -vx "mote $version"
    } | verdict debian_package
}

# In storage of its own. What is started says that it lacks arguments, as the
# user the image names.
part_image() {
    if [ "$(id -u)" != 0 ] || ! command -v buildah >/dev/null; then
        echo 'skip container_image: no buildah, or not root'
        return
    fi
    mkdir "$work/image"
    echo 'no certificates' >"$work/bundle"
    packaging/container/root.sh "$work/image/root" "$work/bundle"
    cp packaging/container/Containerfile "$work/image/"
    cat >"$work/image/try" <<'TRY'
set -eu
b="buildah --root $PWD/store --runroot $PWD/run --storage-driver vfs"
$b bud --isolation chroot -f Containerfile -t mote .
container=$($b from localhost/mote)
$b inspect --type image --format '{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}}' \
    localhost/mote >config
grep -qx '65534:65534 \[/var/qmail/bin/qmail-remote\]' config
$b run --isolation chroot "$container" -- /var/qmail/bin/qmail-remote >report </dev/null
grep -q '(#5.3.5)' report
$b rm "$container"
TRY
    run "$work/image" sh try | verdict container_image
}

# whole NAME COMMAND...: all tests in the unpacked archive, none may fail
whole() {
    case=$1
    shift
    export TEST_LIMIT_S=3000
    run "$tree" "$@" >"$work/failed"
    sum=$(grep -hE '^[0-9]+ passed, ' "$work/log")
    { grep -E '^(not ok|    line)|Error|^bootstrap:' "$work/failed" ||
        head -n 30 "$work/failed"; } | verdict "$case"
    echo "    ${sum:-no sum}"
    [ -n "$sum" ] || echo "not ok $case: it did not run to its end"
}

part_check() {
    unpack check
    whole archive_passes_bootstrap_check ./bootstrap check
}

part_plain() {
    unpack plain
    whole archive_passes_make_check make check
}

# shellcheck disable=SC2086 # words
if ! $offline true 2>/dev/null; then
    echo 'skip release_archive: no namespaces here'
    exit 0
fi
if ! make -s dist >"$work/log" 2>&1; then
    echo "not ok make_dist: $(tail -n 1 "$work/log")"
    exit 1
fi
[ $# -gt 0 ] || set -- alone bootstrap compilers debian image check plain
for part in "$@"; do
    "part_$part"
done
