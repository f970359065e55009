#!/bin/sh
# SPDX-License-Identifier: ISC
#
# make mutants: plants each mistake of tests/mutants/list into a copy of src/,
# one at a time, and wants the simulator to find it. Called by make, which
# hands its variables on. MUTANT='name ...' runs only those.

set -u
list=tests/mutants/list
out=build/mutants
only=${MUTANT:-}
alive=0 total=0

# sim SEEDS: runs as many of the mutated program
sim() {
    make -s -f tests/sim/Makefile sim SRCDIR=$out/src OUT=$out \
        SEED= SEEDS="$1" FROM=1 FAILED=1 >$out/log 2>&1
}

# Whether the simulator finds it; the cheap way first.
is_killed() {
    for seeds in 500 5000 40000; do
        sim $seeds && continue
        grep -q 'violates invariant' $out/log && return 0
        echo "not ok $1: it does not build"
        cat $out/log
        exit 2
    done
    return 1
}

rm -rf $out/src
mkdir -p $out
cp -R src $out/src
if ! sim 500; then
    echo "not ok mutants: the program itself fails"
    cat $out/log
    exit 2
fi
while IFS= read -r head && IFS= read -r program; do
    case $head in
    '#'*) head=$program; IFS= read -r program ;;
    esac
    name=${head%% *} file=${head#* }
    case " ${only:-$name} " in
    *" $name "*) ;;
    *) continue ;;
    esac
    total=$((total + 1))
    sed "$program" "src/$file" >$out/mutated
    if cmp -s $out/mutated "src/$file"; then
        echo "not ok $name: nothing changes in src/$file"
        alive=$((alive + 1))
        continue
    fi
    cp $out/mutated "$out/src/$file"
    if is_killed "$name" </dev/null; then
        echo "ok $name: $(grep -m 1 -o 'seed [0-9]* violates invariant [0-9]*: .\{0,60\}' $out/log)"
    else
        echo "not ok $name: no seed finds it"
        alive=$((alive + 1))
    fi
    cp -p "src/$file" "$out/src/$file"
    touch "$out/src/$file"
done <$list
echo "$total mutants, $alive alive"
[ $alive -eq 0 ]
