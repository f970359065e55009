#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/budget.sh          each figure of the build against the file BUDGET
# tests/budget.sh print    the figures as they are: a new BUDGET
#
# BUDGET has "name bytes" a line. The figures are upper bounds and hold for one
# compiler, which its first line names. Two are measured by other tests, which
# compare them themselves: the arena's, and that of the stack in use.

set -u
program=build/qmail-remote
debug=$program.debug
objects=build/obj
object_size_min=1025 # static objects above 1 KiB have a line each

# Not the program's own section: that names the one of the C library first.
compiler() {
    readelf -p .comment "$objects/src/main.o" |
        sed -n 's/^ *\[ *[0-9]*\] *//p' | head -n 1
}

sections() {
    echo "file $(wc -c <"$program")"
    size -B "$program" |
        awk 'NR == 2 { print "text " $1; print "data " $2; print "bss " $3 }'
}

# The largest stack frame of any function that may be linked in.
frames() {
    find "$objects" -name '*.su' -exec cat {} + |
        awk -F '\t' '$2 > largest { largest = $2 }
            END { print "stack_frame_max " largest + 0 }'
}

# The longest path of calls, by tests/stack.py.
stack_bound() { /usr/bin/python3 tests/stack.py bound; }

# The largest figure of that name that a test program prints while it runs.
measured() {
    name=$1
    shift
    "$@" 2>/dev/null | awk -v name="$name" '
        $1 == name && $2 > largest { largest = $2 }
        END { if (largest) print name " " largest }'
}

measurements() {
    measured arena_high_water build/test/tls_tls_arena_test
    measured stack_measured /usr/bin/python3 tests/live/memory_test.py 'stack_*'
}

# Members of struct root, from the debugging information of main.c.
members() {
    [ -f "$objects/src/main.o" ] || return 0
    readelf --debug-dump=info "$objects/src/main.o" 2>/dev/null | awk '
        function value() { sub(/^.*: */, ""); sub(/[ \t]+$/, ""); return $0 }
        function close_member() {
            if (name != "") { count++; names[count] = name; at[count] = place }
            name = ""
        }
        /Abbrev Number/ {
            depth = $0; sub(/^ *</, "", depth); sub(/>.*/, "", depth)
            if (within && depth <= level) { close_member(); exit }
            if (within) close_member()
            struct = /DW_TAG_structure_type/
            member = within && depth == level + 1 && /DW_TAG_member/
            place = 0
            next
        }
        struct && /DW_AT_name/ && value() == "root" {
            within = 1; level = depth; next
        }
        struct && within && /DW_AT_byte_size/ { total = value() + 0 }
        member && /DW_AT_name/ { name = value() }
        member && /DW_AT_data_member_location/ { place = value() + 0 }
        END {
            if (!within) exit
            print "root " total
            for (i = 1; i <= count; i++)
                print "root." names[i], \
                    (i < count ? at[i + 1] : total) - at[i]
        }'
}

# Everything large that is written to, by its name.
static_objects() {
    nm -S -t d "$debug" | awk -v min=$object_size_min '
        NF == 4 && $3 ~ /^[bBdD]$/ && $2 + 0 >= min {
            print "object." $4, $2 + 0
        }' | sort
}

figures() {
    sections
    frames
    stack_bound
    members
    static_objects
}

compare() {
    figures | awk '
        NR == FNR { if ($1 !~ /^#/) bound[$1] = $2; next }
        !($1 in bound) { print "not ok " $1 ": " $2 " bytes, not in BUDGET"; next }
        $2 > bound[$1] {
            print "not ok " $1 ": " $2 " bytes, BUDGET has " bound[$1]; next
        }
        { print "ok " $1; print "    " $2 " of " bound[$1] " bytes" }
    ' BUDGET -
}

# No frame may have a size that is known at run time only.
bounded_frames() {
    why=$(find "$objects" -name '*.su' -exec cat {} + |
        awk -F '\t' '$3 == "dynamic" { print $1 }' | tr '\n' ' ')
    if [ -n "$why" ]; then
        echo "not ok stack_frames_bounded: $why"
    else
        echo 'ok stack_frames_bounded'
    fi
}

if [ "${1:-}" = print ]; then
    echo "# compiler $(compiler)"
    echo '# upper bounds in bytes, made by: make budget >BUDGET'
    figures
    measurements
    exit 0
fi
bounded_frames
if [ ! -f BUDGET ]; then
    echo 'not ok budget: there is no file BUDGET (make budget >BUDGET)'
    exit 1
fi
bound_for=$(sed -n 's/^# compiler //p' BUDGET)
if [ "$bound_for" != "$(compiler)" ]; then
    echo "skip budget: BUDGET is for $bound_for, this build is by $(compiler)"
    exit 0
fi
if ! grep -q -- ' -nostdinc ' $objects/flags; then
    echo "skip budget: BUDGET is for bootstrap's musl, this build is without"
    exit 0
fi
compare
