# SPDX-License-Identifier: ISC
"""The cases that every complete mail server must pass: routes, families,
TLS, sizes and awkward messages. A test program calls add_cases().

The server is an object with
    address(family), port      where it listens: 25, and PORT too
    take()                     the next stored message, LF line ends
    over_tls()                 whether that message came over TLS
Names: dest4.example and dest6.example have an MX with one address each.
"""

import messages
from authority import Issuer
from checks import delivered, encrypted, in_clear, same
from harness import Skip
from nameserver import serve_names

PORT = 2525
ADDRESS = {4: "192.0.2.10", 6: "2001:db8::10"}
RECORDS = [
    "dest4 MX 10 mx4", f"mx4 A {ADDRESS[4]}",
    "dest6 MX 10 mx6", f"mx6 AAAA {ADDRESS[6]}",
]
NAMES = {
    4: f"DNS:mx4.example,IP:{ADDRESS[4]}",
    6: f"DNS:mx6.example,IP:{ADDRESS[6]}",
}
SECURITY = ("clear", "tls0", "tls2")


class Setting:
    """What the cases share: names, certificates, the qmail home."""

    def __init__(self, world):
        self.world = world
        self.resolver = serve_names(world, RECORDS)
        self.issuer = Issuer(world)
        self.certificates = {
            4: self.issuer.leaf("mx4", NAMES[4], "ecdsa"),
            6: self.issuer.leaf("mx6", NAMES[6], "rsa"),
        }
        self.home = world.home()
        self.server = None
        self.large = messages.large()

    def families(self):
        return (4, 6) if self.world.has_ipv6 else (4,)

    def controls(self, security, **values):
        """Control files for clear, tls0 or tls2."""
        if security != "clear":
            values["trustanchors"] = self.issuer.bundle
            values["tlsstrictness"] = security[-1]
        self.home.control(**values)


def bracketed(family):
    return f"[{ADDRESS[family]}]"


ROUTES = {
    "mx": lambda f: None,
    "route_host": lambda f: f"dest{f}.example:mx{f}.example",
    "route_host_port": lambda f: f"dest{f}.example:mx{f}.example:{PORT}",
    "route_address": lambda f: f"dest{f}.example:{bracketed(f)}",
    "route_address_port": lambda f: f"dest{f}.example:{bracketed(f)}:{PORT}",
    "route_suffix": lambda f: f".nowhere:bad.example\n.example:mx{f}.example",
    "route_default": lambda f: f":{bracketed(f)}:{PORT}",
    "route_empty_relay": lambda f: f"DEST{f}.example:\n:bad.example",
}


def deliver(setting, family, route, security, data, retry=False):
    """One delivery, with every check on report and stored message."""
    if family not in setting.families():
        raise Skip("no IPv6 here")
    setting.controls(security, smtproutes=ROUTES[route](family))
    host = f"dest{family}.example"
    outcome = setting.home.deliver(host, f"bob@{host}", data, retry=retry)
    delivered(outcome, ADDRESS[family])
    same(setting.server.take(), data)
    if security == "clear":
        in_clear(outcome)
    else:
        encrypted(outcome, "verified" if security == "tls2" else "unverified")
    assert setting.server.over_tls() == (security != "clear"), "TLS at the server"


def small_case(setting, family, route, security, retry=False):
    name = f"{route}.{family}.{security}.{retry}"
    deliver(setting, family, route, security, messages.small(name), retry)


def large_case(setting, family, route, security):
    deliver(setting, family, route, security, setting.large)


def awkward_case(setting, data, security):
    deliver(setting, 4, "mx", security, data)


def add_cases(suite, awkward):
    """awkward: more messages by name, those this server keeps unchanged."""
    for family in (4, 6):
        for security in SECURITY:
            for route in ("mx", "route_host", "route_address_port"):
                suite.add(f"{route}_ipv{family}_{security}_4k", small_case,
                          family, route, security)
        for route in sorted(ROUTES.keys() - {"mx", "route_host", "route_address_port"}):
            suite.add(f"{route}_ipv{family}_tls2_4k", small_case,
                      family, route, "tls2")
        for route in ("mx", "route_host"):
            for security in ("clear", "tls2"):
                suite.add(f"{route}_ipv{family}_{security}_20m", large_case,
                          family, route, security)
    for security in ("clear", "tls2"):
        suite.add(f"retry_{security}_4k", small_case, 4, "mx", security, True)
        for name, data in awkward.items():
            suite.add(f"{name}_{security}", awkward_case, data, security)
