#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/targets/sizes.sh                   BUILDING.md's table against what was built
#                                          for the targets in TARGETS_NEEDED
# tests/targets/sizes.sh print TARGET...   the table: make sizes
#
# Upper bounds in KiB, so that not every change of the code changes them: of the
# file, and of the memory that is linked in (.data and .bss).

set -u
step=4096 # bytes, the bounds are rounded up to
armv7_file_max=212992

# figures TARGET: bytes of the file, bytes of static memory
figures() {
    program=build/$1/qmail-remote
    [ -f "$program" ] || return 1
    echo "$(wc -c <"$program") $(size -B "$program" | awk 'NR == 2 { print $2 + $3 }')"
}

rounded() {
    awk -v size="$1" -v step=$step 'BEGIN {
        print int((size + step - 1) / step) * step / 1024
    }'
}

row() {
    # shellcheck disable=SC2046 # two words
    set -- "$1" $(figures "$1")
    echo "| $1 | $(rounded "$2") | $(rounded "$3") |"
}

# The figures of BUILDING.md for a target.
stated() { awk -F ' *[|] *' -v name="$1" '$2 == name { print $3, $4 }' BUILDING.md; }

# compare TARGET FILE MEMORY FILE_KIB MEMORY_KIB
compare() {
    if [ $# -ne 5 ]; then
        echo "not ok sizes_$1: BUILDING.md has no row for it"
    elif [ "$2" -gt $(($4 * 1024)) ] || [ "$3" -gt $(($5 * 1024)) ]; then
        echo "not ok sizes_$1: $2 and $3 bytes, BUILDING.md has at most $4 and $5 KiB"
    else
        echo "ok sizes_$1"
        echo "    file $2, static memory $3 bytes"
    fi
}

if [ "${1:-}" = print ]; then
    shift
    echo '| target | file | static memory |'
    echo '|---|---|---|'
    for target in "$@"; do
        row "$target"
    done
    exit 0
fi
for target in ${TARGETS_NEEDED:-armv7}; do
    # shellcheck disable=SC2046 # a word a figure
    compare "$target" $(figures "$target") $(stated "$target")
done
[ ! -f build/armv7/qmail-remote ] || {
    size=$(wc -c <build/armv7/qmail-remote)
    if [ "$size" -le $armv7_file_max ]; then
        echo "ok armv7_at_most_$armv7_file_max"
    else
        echo "not ok armv7_at_most_$armv7_file_max: $size bytes"
    fi
}
