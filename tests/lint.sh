#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/lint.sh [FILE...]: what three static analysers find in src/, one result
# a tool; a tool that is missing is skipped by name. .clang-tidy has the checks
# of clang-tidy, below are those of the others. What one file must do all the
# same is suppressed there, with the reason. Scripts: tests/tidy.sh.

set -u
flags=build/obj/flags
work=build/test/lint
processes=2
mkdir -p "$work"
[ $# -gt 0 ] || set -- src/*.c src/*/*.c # all without arguments

# The language and the headers of the build, without what only gcc knows.
language() {
    head -n 1 "$flags" | awk '{
        for (i = 1; i <= NF; i++) {
            if ($i ~ /^-(iquote|isystem|idirafter)$/) { print $i, $(i + 1); i++ }
            else if ($i ~ /^-(D|std=|nostdinc|m)/ && $i !~ /^-malign-data/) print $i
        }
        print "-D_GNU_SOURCE"
    }' | tr '\n' ' '
}

# verdict NAME OUTPUT: its findings, a line each
verdict() {
    why=$(grep -E '(warning|error|style|performance|portability):' "$2" |
        sort -u | tee "$work/found" | head -n 5 | tr '\n' '|')
    if [ -n "$why" ]; then
        echo "not ok $1: $(wc -l <"$work/found") findings: $why"
        cat "$2"
    elif [ "$3" -ne 0 ]; then
        echo "not ok $1: exit code or files left: $3"
        cat "$2"
    else
        echo "ok $1"
    fi
}

# skipped TOOL NAME: says so where the tool is not installed
skipped() {
    command -v "$1" >/dev/null && return 1
    echo "skip $2: no $1"
}

gcc_analyzer() {
    ! skipped gcc gcc_analyzer || return 0
    case $(gcc -dumpversion) in
    12*) ;;
    *) echo "skip gcc_analyzer: gcc $(gcc -dumpversion), not 12" && return ;;
    esac
    printf '%s\n' "$@" | eval "xargs -P $processes -n 1 \
        gcc -fanalyzer -Os $(language) -c -o /dev/null" >"$work/gcc" 2>&1
    verdict gcc_analyzer "$work/gcc" $?
}

# By far the slowest, half a minute for all: what passed is not looked at again.
clang_tidy() {
    ! skipped clang-tidy-14 clang_tidy || return 0
    stale "$@" | xargs -P $processes -n 1 "$0" --one 2>&1 |
        grep -v 'generated\.$' >"$work/clang-tidy"
    verdict clang_tidy "$work/clang-tidy" "$(stale "$@" | wc -l)"
}

clang_tidy_one() {
    eval "clang-tidy-14 --quiet '$1' -- $(language)" && touch "$(stamp "$1")"
}

stamp() { echo "$work/$(echo "$1" | tr / _)"; }

# The files that did not pass since they, a header or the checks changed.
stale() {
    for file in "$@"; do
        changed=$(find "$file" "$flags" .clang-tidy src -type f \
            ! \( -name '*.c' ! -path "$file" \) \
            -newer "$(stamp "$file")" 2>&1)
        [ -z "$changed" ] || echo "$file"
    done
}

# Left out: unusedStructMember, for the kernel reads what we only write;
# constParameter, which clang-tidy looks for too.
# Each version has an opinion of its own; this one decides.
cppcheck_all() {
    ! skipped cppcheck cppcheck || return 0
    case $(cppcheck --version) in
    'Cppcheck 2.10' | 'Cppcheck 2.10.'*) ;;
    *) echo "skip cppcheck: $(cppcheck --version), not 2.10" && return ;;
    esac
    cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 \
        --enable=warning,style,performance,portability \
        --suppress=unusedStructMember --suppress=constParameter \
        --template='{file}:{line}: {severity}: {message} [{id}]' \
        -D__linux__ -D__x86_64__ -DQMAIL_HOME='""' -DMOTE_VERSION='""' "$@" >"$work/cppcheck" 2>&1
    verdict cppcheck "$work/cppcheck" $?
}

if [ "$1" = --one ]; then
    clang_tidy_one "$2"
    exit
fi
[ -f "$flags" ] || {
    echo "not ok lint: no $flags; run make first"
    exit 1
}
gcc_analyzer "$@"
clang_tidy "$@"
cppcheck_all "$@"
