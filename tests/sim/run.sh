#!/bin/sh
# SPDX-License-Identifier: ISC
#
# tests/sim/run.sh: a fixed set of simulated runs, for tests/run. The set fits
# into 10 seconds of one processor, and half a minute if the simulator has to be
# built; `make sim` runs more of them.

seeds=${SIM_SEEDS:-4500}
if make -s sim SEEDS="$seeds" FROM=1 JOBS=1; then
    echo "ok ${seeds}_simulated_runs_keep_every_invariant"
else
    echo "not ok simulated_runs: see the seeds above, and make sim SEED=n"
    exit 1
fi
