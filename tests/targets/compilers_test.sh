#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/targets/compilers_test.sh: what else builds the program. A compiler for
# musl that was given by CC alone: no sysroot of ours, no header of the kernel's;
# and clang for another machine. That clang and gcc build it for this machine is
# in tests/binary.sh.

set -u
work=$PWD/build/test/compilers
sysroot=$PWD/build/sysroot/$(uname -m | sed 's/aarch64/arm64/')
mkdir -p "$work"

# A compiler as those of other projects are: it knows where its musl is.
plain_compiler() {
    cat >"$work/musl-cc" <<SCRIPT
#!/bin/sh
for word; do
    case \$word in
    -c | -E | -S | -print-* | -dump*)
        exec gcc -nostdinc -isystem "$sysroot/include" \\
            -isystem "$(gcc -print-file-name=include)" "\$@" ;;
    esac
done
exec gcc -nostdlib -static "$sysroot/lib/crt1.o" "$sysroot/lib/crti.o" "\$@" \\
    "$sysroot/lib/libc.a" "$(gcc -print-libgcc-file-name)" "$sysroot/lib/libc.a" \\
    "$sysroot/lib/crtn.o"
SCRIPT
    chmod 755 "$work/musl-cc"
}

# builds NAME RUN SETTING...: RUN is in front of the program, which says without
# arguments that it was called wrongly
builds() {
    name=$1 run=$2
    shift 2
    env -u MAKEFLAGS make "$@" OUT="build/compilers/$name" >"$work/$name.log" 2>&1 || {
        echo "not ok $name: $(grep -E 'rror' "$work/$name.log" | head -n 3 | tr '\n' ' ')"
        return
    }
    said=$($run "build/compilers/$name/qmail-remote" </dev/null | tr '\0' ' ')
    case $said in
    D*invoked*) echo "ok $name" ;;
    *) echo "not ok $name: it said '$said'" ;;
    esac
}

if [ -f "$sysroot/lib/libc.a" ]; then
    plain_compiler
    builds plain_musl_compiler '' CC="$work/musl-cc" STRIP=strip SYSROOT=none
else
    echo "skip plain_musl_compiler: no $sysroot"
fi
for row in armv7:arm:arm-linux-gnueabihf arm64:aarch64:aarch64-linux-gnu; do
    target=${row%%:*} triplet=${row##*:}
    qemu=${row%:*}
    qemu=qemu-${qemu#*:}-static
    if ! command -v clang >/dev/null; then
        echo "skip clang_$target: no clang"
    elif [ ! -f "build/sysroot/$target/target.mk" ]; then
        echo "skip clang_$target: no build/sysroot/$target"
    else
        builds "clang_$target" "$qemu" TARGET="$target" CC="clang --target=$triplet"
    fi
done
