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

# run TOOL FILE...: what passed is not looked at again.
run() {
    tool=$1 && shift
    stale "$tool" "$@" | xargs -P $processes -n 1 "$0" --one "$tool" 2>&1 |
        grep -v 'generated\.$' >"$work/$tool.log"
    verdict "$tool" "$work/$tool.log" "$(stale "$tool" "$@" | wc -l)"
}

# one TOOL FILE
one() {
    case $1 in
    gcc_analyzer) eval "gcc -fanalyzer -Os $(language) -c -o /dev/null '$2'" ;;
    clang_tidy) eval "clang-tidy-14 --quiet '$2' -- $(language)" ;;
    # Left out: unusedStructMember, for the kernel reads what we only write;
    # constParameter, which clang-tidy looks for too.
    cppcheck)
        cppcheck --quiet --std=c11 --inline-suppr --error-exitcode=1 \
            --enable=warning,style,performance,portability \
            --suppress=unusedStructMember --suppress=constParameter \
            --template='{file}:{line}: {severity}: {message} [{id}]' \
            -D__linux__ -D__x86_64__ -DQMAIL_HOME='""' -DMOTE_VERSION='""' "$2"
        ;;
    esac >"$work/output.$$" 2>&1
    status=$?
    cat "$work/output.$$"
    # gcc ends well also where it warns.
    ! grep -q 'warning:' "$work/output.$$" && [ $status -eq 0 ] &&
        mkdir -p "$(dirname "$(stamp "$1" "$2")")" && touch "$(stamp "$1" "$2")"
    rm "$work/output.$$"
}

stamp() { echo "$work/$1/$2"; }

# stale TOOL FILE...: those that did not pass since they, a header, the flags or
# what is looked for changed.
stale() {
    tool=$1 && shift
    mkdir -p "$work/$tool"
    find "$flags" .clang-tidy tests/lint.sh src "$work/$tool" -type f -printf '%T@ %p\n' |
        awk -v stamps="$work/$tool/" -v asked="$*" '
            index($2, stamps) == 1 { passed[substr($2, length(stamps) + 1)] = $1; next }
            $2 ~ /\.c$/ { written[$2] = $1; next }
            $1 > newest { newest = $1 }
            END {
                count = split(asked, file, " ")
                for (i = 1; i <= count; i++)
                    if (passed[file[i]] <= newest || passed[file[i]] <= written[file[i]])
                        print file[i]
            }'
}

# Each version has an opinion of its own; these decide.
decides() {
    case $1 in
    gcc_analyzer) program=gcc version=$(gcc -dumpversion 2>&1) want='12' ;;
    clang_tidy) program=clang-tidy-14 version=14 want='14' ;;
    cppcheck) program=cppcheck version=$(cppcheck --version 2>&1) want='Cppcheck 2.10' ;;
    esac
    case $(command -v "$program"):$version in
    :*) echo "skip $1: no $program" ;;
    *:"$want" | *:"$want".*) return 0 ;;
    *) echo "skip $1: $program $version, not $want" ;;
    esac
    return 1
}

if [ "$1" = --one ]; then
    one "$2" "$3"
    exit
fi
[ -f "$flags" ] || {
    echo "not ok lint: no $flags; run make first"
    exit 1
}
for tool in gcc_analyzer clang_tidy cppcheck; do
    ! decides $tool || run $tool "$@"
done
