#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/setup.sh: what ./bootstrap asks of a machine, in a copy of it with an apt,
# dpkg and id that only write down what they are called with. A real machine, of
# each release, is in tests/setup_slow.sh.

set -u
export LC_ALL=C
here=$(pwd)
work=$here/build/test/setup
rm -rf "$work"
mkdir -p "$work/tools"
calls=$work/calls

# verdict NAME: standard input lists what is wrong
verdict() {
    found=$(head -n 5)
    if [ -z "$found" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $(echo "$found" | tr '\n' ';')"
    fi
}

# fake NAME: a tool whose script is standard input
fake() {
    { echo '#!/bin/sh' && cat; } >"$work/tools/$1"
    chmod 755 "$work/tools/$1"
}

# A bare Debian: the tools of its essential packages, and nothing installed.
for tool in sh awk basename cat chmod cp cut dirname env find grep head ln ls mkdir \
    mv nproc rm sed sha256sum sleep sort tail tar timeout touch tr uname uniq wc xargs; do
    ln -s "$(command -v $tool)" "$work/tools/$tool"
done
echo "echo \"dpkg \$*\" >>$calls" | fake dpkg
fake dpkg-query </dev/null
fake apt-cache </dev/null
# shellcheck disable=SC2016 # the fake's
{
    echo "echo \"\$*\" >>$calls"
    cat <<'FAKE'
case " $* " in
*' --print-uris update '*)
    echo "'http://archive.example/debian/dists/bookworm/InRelease' x"
    echo "'http://archive.example/debian/dists/bookworm-security/InRelease' x" ;;
*' -c '*' update '*)
    case $* in
    *Check-Valid-Until=false*) echo 'E: not to be had' ;;
    *) echo 'E: Release file is expired (invalid since 20d).' ;;
    esac
    exit 100 ;;
*' -s '*) exit "${SIMULATION:-0}" ;;
esac
FAKE
} | fake apt-get

# bootstrap UID ARGUMENT...: in a fresh copy; its output and exit status in log
bootstrap() {
    echo "echo $1" | fake id
    shift
    rm -rf "$work/copy" "$calls"
    mkdir -p "$work/copy/packaging" "$work/copy/tests/targets"
    : >"$calls"
    cp bootstrap Makefile config.mk "$work/copy/"
    cp tests/targets/targets.mk "$work/copy/tests/targets/"
    echo ":" | fake ../copy/packaging/unpack.sh
    (cd "$work/copy" && env -i PATH="$work/tools" SIMULATION="${SIMULATION:-0}" \
        ./bootstrap "$@") >"$work/log" 2>&1
    echo "status $?" >>"$work/log"
}

servers='postfix|exim4|knot|unbound|dovecot|dnsmasq'

# Without root: one command, complete, for which nothing was called.
without_root() {
    bootstrap 1000 check
    grep -q '^status 1$' "$work/log" || echo "it went on: $(tail -n 2 "$work/log")"
    grep 'install' "$calls"
    line=$(grep 'as root run: apt-get update && apt-get install' "$work/log")
    for package in gcc make binutils libc6-dev bzip2 patch python3 openssl iproute2; do
        echo "$line " | grep -q " $package " || echo "lacks $package"
    done
    echo "$line" | grep -E "$servers|clang"
    echo "$line" | grep -q -e '--no-remove' || echo 'it may remove packages'
}

# As root: simulated first; nothing is removed, and no server is installed.
with_root() {
    bootstrap 0 demo
    grep -E '(^| )install ' "$calls" >"$work/installs"
    [ "$(wc -l <"$work/installs")" -eq 2 ] || echo "$(wc -l <"$work/installs") calls"
    head -n 1 "$work/installs" | grep -q -e ' -s install' || echo 'not simulated first'
    grep -v -e '--no-remove' "$work/installs"
    grep -E "$servers" "$work/installs"
    grep -q 'installing, with apt-get install' "$work/log" || echo 'nothing was said'
}

refuses_to_remove() {
    SIMULATION=100
    bootstrap 0 demo
    SIMULATION=0
    grep -E '(^| )install ' "$calls" | grep -v -e ' -s install' | sed 's/^/called: /'
    grep -q 'without removing others' "$work/log" || tail -n 2 "$work/log"
}

names_lists() {
    bootstrap 0 all
    grep -q 'not read: sid: not to be had' "$work/log" || tail -n 8 "$work/log"
    grep -q 'not read: trixie-security: ' "$work/log" || echo 'a suite is not named'
}

white_space() {
    mkdir -p "$work/white space"
    cp bootstrap Makefile config.mk "$work/white space/"
    for command in ./bootstrap make; do
        (cd "$work/white space" && env -u MAKEFLAGS -u MAKELEVEL $command) >"$work/log" 2>&1 && echo "$command went on"
        [ "$(wc -l <"$work/log")" -eq 1 ] && grep -q 'white space in its path' "$work/log" ||
            echo "$command: $(head -n 2 "$work/log")"
    done
}

# What no release need have is left out without a word, what cannot be had is named.
unpack() {
    rm -rf "$work/unpacked"
    env PATH="$work/tools" sh packaging/unpack.sh "$work/unpacked" server tool:some >"$work/log" 2>&1 ||
        echo "status $?"
    grep -q ': server cannot be had' "$work/log" || tail -n 2 "$work/log"
    grep 'tool.* cannot' "$work/log"
}

grep -qx 'ID="\{0,1\}debian"\{0,1\}' /etc/os-release 2>/dev/null || {
    echo 'skip bootstrap: this is not Debian'
    exit 0
}
without_root | verdict bootstrap_without_root_says_one_command
with_root | verdict bootstrap_installs_no_server_and_removes_nothing
refuses_to_remove | verdict bootstrap_stops_where_others_would_be_removed
names_lists | verdict bootstrap_names_lists_it_cannot_read
white_space | verdict bootstrap_refuses_white_space_at_once
unpack | verdict unpack_names_what_cannot_be_had
