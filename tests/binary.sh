#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/binary.sh [PROGRAM]: what the finished program must be, read from its
# headers and symbols, and from the system calls of a short run; and that a
# second compiler builds it.

set -u
program=${1:-build/qmail-remote}
debug=$program.debug
size_max=278528
work=build/test/binary
mkdir -p "$work"

# Symbols of a heap, of stdio, of other programs. Each is also refused with
# leading underscores or a "64" at its end.
banned='malloc calloc realloc free aligned_alloc posix_memalign brk sbrk mmap
    mremap fopen fdopen fwrite fprintf printf vfprintf snprintf vsnprintf puts
    getaddrinfo gethostbyname res_query fork vfork execve posix_spawn system
    popen dlopen'

# Some is promised for musl only: another C library brings its own heap along.
# skipped_without_musl NAME
skipped_without_musl() {
    ! nm "$debug" | grep -q ' __init_libc$' || return 1
    echo "skip $1: the C library of this build is not musl"
}

# verdict NAME WHY: "ok" when there is nothing to complain of
verdict() {
    if [ -z "$2" ]; then
        echo "ok $1"
    else
        echo "not ok $1: $2" | tr '\n' ' '
        echo
    fi
}

static() {
    readelf -W -h -l -S "$program" >"$work/headers" || {
        verdict static "$program cannot be read"
        exit 1
    }
    why=
    grep -q 'Class: *ELF64' "$work/headers" || why='not ELF64'
    grep -q 'Machine: .*X86-64' "$work/headers" || why='not x86_64'
    grep -q 'Type: *EXEC' "$work/headers" || why='not a fixed-position program'
    ! grep -Eq '^ +(INTERP|DYNAMIC) ' "$work/headers" ||
        why='needs an interpreter or a dynamic linker'
    verdict static_elf64_x86_64 "$why"
}

stripped() {
    why=$(grep -Eo ' \.(symtab|debug_info|comment)' "$work/headers")
    verdict stripped "${why:+has sections$why}"
}

small() {
    ! skipped_without_musl "at_most_${size_max}_bytes" || return 0
    size=$(wc -c <"$program")
    why=
    [ "$size" -le $size_max ] || why="$size bytes are more than $size_max"
    verdict "at_most_${size_max}_bytes" "$why"
}

hardened() {
    stack=$(awk '$1 == "GNU_STACK" { print $7 }' "$work/headers")
    stack=${stack:-missing}
    [ "$stack" != RW ] || stack=
    verdict stack_not_executable "${stack:+GNU_STACK is $stack}"
    why=
    # Or there are none to be protected once they are done.
    readelf -rW "$program" | grep -q 'no relocations' ||
        grep -q '^ *GNU_RELRO ' "$work/headers" || why='no GNU_RELRO'
    verdict relocations_read_only "$why"
    why=$(awk '$1 == "LOAD" && $0 ~ / RWE / { print "a segment is writable and executable" }' \
        "$work/headers")
    ! grep -q TEXTREL "$work/headers" || why='text relocations'
    verdict no_writable_code "$why"
    why=
    nm "$debug" | grep -q ' __stack_chk_fail$' || why='no __stack_chk_fail'
    verdict stack_protector "$why"
}

no_banned_symbols() {
    nm "$debug" | grep -q " T main$" || {
        verdict no_heap_no_stdio_no_exec "$debug has no symbols to look at"
        return
    }
    ! skipped_without_musl no_heap_no_stdio_no_exec || return 0
    why=$(nm "$debug" | awk -v banned="$banned" '
        BEGIN { count = split(banned, word, /[ \n]+/)
                for (i = 1; i <= count; i++) bad[word[i]] = 1 }
        { name = $NF; sub(/^_+/, "", name); sub(/64$/, "", name)
          sub(/^libc_/, "", name) }
        name in bad { print $NF }')
    verdict no_heap_no_stdio_no_exec "$why"
}

# After execve the program starts with the memory it was linked with, and that
# is all it ever has. Run here with no arguments at all; the live tests watch
# real deliveries.
no_memory_calls() {
    name=no_brk_no_mmap
    ! skipped_without_musl $name || return 0
    command -v strace >/dev/null || {
        echo "skip $name: no strace"
        return
    }
    strace -o "$work/probe" true 2>/dev/null || {
        echo "skip $name: strace may not trace here"
        return
    }
    strace -f -o "$work/trace" "$program" >/dev/null 2>&1 </dev/null
    grep -q 'execve(.* = 0' "$work/trace" || {
        verdict $name "$program did not start"
        return
    }
    verdict $name "$(grep -E '\<(brk|mmap|mmap2|mremap)\(' "$work/trace" | head -n 3)"
}

# The other compiler builds the same program, warnings being errors there too.
second_compiler() {
    if ! command -v clang >/dev/null; then
        echo 'skip clang_builds_it: no clang'
        return
    fi
    why=
    env -u MAKEFLAGS make CC=clang OUT=build/clang >"$work/clang" 2>&1 ||
        why=$(grep -E 'error|Error' "$work/clang" | head -n 3)
    verdict clang_builds_it "$why"
}

static
stripped
small
hardened
no_banned_symbols
no_memory_calls
[ "$program" != build/qmail-remote ] || second_compiler
