# SPDX-License-Identifier: ISC
"""Where things are, and the numbers of the lab."""

import os

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HERE = os.path.join(TOP, "bench")
LIVE = os.path.join(TOP, "tests/live")
OUT = os.path.join(TOP, "build/bench")
PEERS = os.path.join(OUT, "peers")  # what fetch-peers unpacked

ROUND_TRIP_MS = 50

# The far side's addresses (RFC 5737, RFC 3849). What nobody has there is a
# black hole: packets to it vanish.
NAMES, NO_NAMES = "192.0.2.53", "192.0.2.54"
CLEAR, TLS = "192.0.2.10", "192.0.2.11"
CLEAR_HOLD, TLS_HOLD = "192.0.2.12", "192.0.2.13"
HOLE, HOLE_6 = "192.0.2.66", "2001:db8::66"
SERVED = (NAMES, CLEAR, TLS, CLEAR_HOLD, TLS_HOLD)
OVER_TLS = (TLS, TLS_HOLD)
HOLDING = (CLEAR_HOLD, TLS_HOLD)
