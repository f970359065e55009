# SPDX-License-Identifier: ISC
"""Which certificates count at strictness 2, for which name, and the words for
those that do not."""

import shutil
import ssl
import sys

import messages
from authority import EXPIRED, FUTURE, INTERMEDIATE, LEAF, VALID, Issuer
from checks import delivered, encrypted, failed
from harness import Skip, Suite, equal
from nameserver import serve_names
from scripted import EHLO_STARTTLS, Scripted
from world import run_suite

HOST, ADDRESS, NAME = "dest.example", "192.0.2.10", "mx.dest.example"
ADDRESS_6 = "2001:db8::10"
RECORDS = [
    f"dest MX 10 {NAME}.", f"mx.dest A {ADDRESS}", f"alone A {ADDRESS}",
    "upper MX 10 MX.Dest.EXAMPLE.", "aliased MX 10 alias", "alias CNAME mx.dest",
    f"relay A {ADDRESS}", f"deep.sub.dest A {ADDRESS}", "deep MX 10 deep.sub.dest",
]
STARTTLS = {"EHLO": EHLO_STARTTLS}
CA = INTERMEDIATE.replace(", pathlen:0", "")
NO_SAN = LEAF.replace("subjectAltName = {names}\n", "")
ENCIPHER = LEAF.replace("digitalSignature", "keyEncipherment")
CLIENT = LEAF.replace("serverAuth, clientAuth", "clientAuth")
ANY_USE = LEAF.replace("serverAuth, clientAuth", "anyExtendedKeyUsage")
NO_USE = "basicConstraints = CA:false\nsubjectAltName = {names}\n"
NOT_CA = "basicConstraints = critical, CA:false\nkeyUsage = keyCertSign\n"
NO_SIGN = "basicConstraints = critical, CA:true\nkeyUsage = critical, cRLSign\n"
MX = f"DNS:{NAME}"
NOT_FOR = "not valid for {}"
UNKNOWN = "issued by an unknown authority"
NOT_FOR_SERVERS = "its authority is not meant for servers"
FORBIDDEN = "its authority may not vouch for its names"
UNJUDGED = "its authority has name constraints that cannot be judged"
suite = Suite()


class Setting:
    def __init__(self, world):
        self.world = world
        serve_names(world, RECORDS)
        self.issuer = Issuer(world)
        self.stranger = Issuer(world, "stranger")
        self.home = world.home()
        self.number = 0

    def leaf(self, names=MX, key="ecdsa", **options):
        self.number += 1
        return self.issuer.leaf(f"leaf{self.number}", names, key, **options)

    def authority(self, name, issuer=None, extensions=CA, dates=VALID,
                  like=None, key="ecdsa"):
        """One more below issuer; `like`: with that one's key and name."""
        new = self.issuer.new(name, key)
        if like:
            shutil.copyfile(like.key, new.key)
        subject = like.subject if like else f"{name} authority"
        new.subject = subject
        self.issuer.sign(new, subject, extensions, issuer or self.issuer.root, dates)
        return new

    def deliver(self, chain, key, host=HOST, bundle=None, strictness=2, **control):
        """A delivery to a server with this chain file."""
        def upgrade(connection):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.load_cert_chain(chain, key)
            return context.wrap_socket(connection, server_side=True)

        self.home.control(trustanchors=bundle or self.issuer.bundle,
                          tlsstrictness=strictness, **control)
        address = ADDRESS_6 if ADDRESS_6 in (control.get("smtproutes") or host) \
            else ADDRESS
        with Scripted(self.world, address, STARTTLS, upgrade) as server:
            outcome = self.home.deliver(host, f"bob@{host}", messages.small())
            for session in server.settle():
                assert "MAIL" not in session.clear_verbs(), session.commands
        return outcome


def accepts(setting, leaf, **options):
    outcome = setting.deliver(leaf.chain, leaf.key, **options)
    delivered(outcome)
    encrypted(outcome, "verified")


def refuses(setting, leaf, reason, **options):
    """The reason is the whole of it, in both places; below 2 nobody minds."""
    outcome = setting.deliver(leaf.chain, leaf.key, **options)
    first = outcome.text.split("\n")[0]
    address = first.split(" ")[2]
    failed(outcome, "Z")
    equal(outcome.text, f"Connected to {address} but its certificate was refused: "
          f"{reason}. (#4.7.5)\nSTARTTLS failed: {reason};\n")


# ---- names: what the certificate has, whom it is asked for, the reason

def name_case(setting, names, host, reason, control, extensions=LEAF):
    leaf = setting.leaf(names, extensions=extensions)
    if host and ADDRESS_6 in f"{host}{control}" and not setting.world.has_ipv6:
        raise Skip("no IPv6 here")
    if reason:
        refuses(setting, leaf, reason, host=host, **control)
    else:
        accepts(setting, leaf, host=host, **control)


ROUTE = {"smtproutes": ":relay.example"}
ROUTE_DOT = {"smtproutes": ":relay.example."}
ROUTE_4 = {"smtproutes": f":[{ADDRESS}]"}
ROUTE_6 = {"smtproutes": f":[{ADDRESS_6}]"}
NO_NAME = f"not valid for {NAME} (it has no subjectAltName)"
NAMES = {
    "mx_name": (MX, HOST, None, {}),
    "upper_case_in_certificate": ("DNS:MX.DEST.Example", HOST, None, {}),
    "upper_case_in_dns": (MX, "upper.example", None, {}),
    "second_of_many": (f"DNS:a.example,IP:192.0.2.99,{MX}", HOST, None, {}),
    "host_itself_without_mx": ("DNS:alone.example", "alone.example", None, {}),
    "host_with_final_dot": ("DNS:alone.example", "alone.example.", None, {}),
    "host_instead_of_mx": (f"DNS:{HOST}", HOST, NOT_FOR.format(NAME), {}),
    "alias_asked_for": ("DNS:alias.example", "aliased.example", None, {}),
    "target_of_alias": (MX, "aliased.example", NOT_FOR.format("alias.example"), {}),
    "final_dot_in_certificate": (MX + ".", HOST, NOT_FOR.format(NAME), {}),
    "wildcard": ("DNS:*.dest.example", HOST, None, {}),
    "wildcard_one_label_only": ("DNS:*.dest.example", "deep.example",
                                NOT_FOR.format("deep.sub.dest.example"), {}),
    "wildcard_two_levels": ("DNS:*.*.example", HOST, NOT_FOR.format(NAME), {}),
    "wildcard_too_high": ("DNS:*.example", "alone.example",
                          NOT_FOR.format("alone.example"), {}),
    "wildcard_alone": ("DNS:*", HOST, NOT_FOR.format(NAME), {}),
    "wildcard_in_a_label": ("DNS:m*.dest.example", HOST, NOT_FOR.format(NAME), {}),
    "wildcard_not_first": ("DNS:mx.*.example", HOST, NOT_FOR.format(NAME), {}),
    "wildcard_is_not_the_domain": ("DNS:*.alone.example", "alone.example",
                                   NOT_FOR.format("alone.example"), {}),
    "longer_name": (MX + ".org", HOST, NOT_FOR.format(NAME), {}),
    "inner_name": ("DNS:x.dest.example", HOST, NOT_FOR.format(NAME), {}),
    "common_name_only": (MX, HOST, NO_NAME, {}, NO_SAN),
    "mail_and_uri_names": (f"email:x@{NAME},URI:https://{NAME}/,otherName:1.2.3;"
                           f"UTF8:{NAME}", HOST, NOT_FOR.format(NAME), {}),
    "relay": ("DNS:relay.example", HOST, None, ROUTE),
    "relay_with_final_dot": ("DNS:relay.example", HOST, None, ROUTE_DOT),
    "mx_where_a_relay_is_set": (MX, HOST, NOT_FOR.format("relay.example"), ROUTE),
    "host_where_a_relay_is_set": (f"DNS:{HOST}", HOST, NOT_FOR.format("relay.example"),
                                  ROUTE),
    "address_of_route": (f"IP:{ADDRESS}", HOST, None, ROUTE_4),
    "address_of_route_6": (f"IP:{ADDRESS_6}", HOST, None, ROUTE_6),
    "address_of_host": (f"IP:{ADDRESS}", f"[{ADDRESS}]", None, {}),
    "address_of_host_bare": (f"IP:{ADDRESS}", ADDRESS, None, {}),
    "address_of_host_6": (f"IP:{ADDRESS_6}", f"[IPv6:{ADDRESS_6}]", None, {}),
    "other_address": ("IP:192.0.2.11", HOST, NOT_FOR.format(ADDRESS), ROUTE_4),
    "other_family": (f"IP:::ffff:{ADDRESS}", HOST, NOT_FOR.format(ADDRESS), ROUTE_4),
    "address_as_dns_name": (f"DNS:{ADDRESS}", HOST, NOT_FOR.format(ADDRESS), ROUTE_4),
    "address_as_common_name": (f"DNS:{ADDRESS}", HOST, f"not valid for {ADDRESS} "
                               "(it has no subjectAltName)", ROUTE_4, NO_SAN),
    "name_where_address_is_asked": (MX, HOST, NOT_FOR.format(ADDRESS), ROUTE_4),
    "address_where_name_is_asked": (f"IP:{ADDRESS}", HOST, NOT_FOR.format(NAME), {}),
}
for name, args in NAMES.items():
    suite.add(f"name_{name}", name_case, *args)


# ---- the leaf: what is wrong with it

LEAVES = {
    "expired": ({"dates": EXPIRED}, "certificate expired on 2021-01-01"),
    "not_yet_valid": ({"dates": FUTURE}, "certificate not valid before 2048-01-01"),
    "expired_this_century": ({"dates": ("19500101000000Z", "19991231235959Z")},
                             "certificate expired on 1999-12-31"),
    "valid_in_9999": ({"dates": ("20200101000000Z", "99991231235959Z")}, None),
    "future_in_2050": ({"dates": ("20500101000000Z", "20510101000000Z")},
                       "certificate not valid before 2050-01-01"),
    "for_clients": ({"extensions": CLIENT}, "not meant for servers"),
    "for_encipherment": ({"extensions": ENCIPHER}, "not meant for servers"),
    "for_anything": ({"extensions": ANY_USE}, None),
    "without_usage": ({"extensions": NO_USE}, None),
    "rsa_1024": ({"key": "rsa1024"}, "key too weak"),
    "rsa_2048": ({"key": "rsa"}, None),
    "rsa_4096": ({"key": "rsa4096"}, None),
    "p384": ({"key": "ecdsa384"}, None),
    "sha1": ({"digest": "sha1"}, "signed with a weak digest"),
    "sha512": ({"digest": "sha512"}, None),
    "expired_and_wrong": ({"names": "DNS:x.example", "dates": EXPIRED},
                          f"certificate expired on 2021-01-01, not valid for {NAME}"),
}


def leaf_case(setting, options, reason):
    leaf = setting.leaf(**options)
    if reason:
        refuses(setting, leaf, reason)
        for strictness in (0, 1):
            outcome = setting.deliver(leaf.chain, leaf.key, strictness=strictness)
            delivered(outcome)
            encrypted(outcome, "unverified")
    else:
        accepts(setting, leaf)


for name, args in LEAVES.items():
    suite.add(f"leaf_{name}", leaf_case, *args)


@suite.case
def self_signed(setting):
    refuses(setting, setting.issuer.self_signed("self", NAME, "ecdsa", MX),
            "self-signed certificate")


@suite.case
def self_signed_but_trusted(setting):
    """Pinned: its own certificate is the anchor."""
    pinned = setting.issuer.self_signed("pinned", NAME, "ecdsa", MX)
    accepts(setting, pinned, bundle=pinned.cert)


@suite.case
def issued_but_trusted_itself(setting):
    """Pinned, though an authority issued it that nobody knows; with what else
    the server sends, and in a hashed directory."""
    one = setting.authority("nobody", setting.stranger.root)
    leaf = setting.leaf(issuer=one)
    for chain in ((), (one,), (one, setting.stranger.root)):
        accepts(setting, joined(leaf, *chain), bundle=leaf.cert)
    accepts(setting, leaf, bundle=setting.issuer.hashed("pinned_leaf", leaf))
    refuses(setting, leaf, NOT_FOR.format("relay.example"), bundle=leaf.cert,
            smtproutes=":relay.example")
    refuses(setting, leaf, UNKNOWN, bundle=setting.leaf().cert)


@suite.case
def unknown_authority(setting):
    refuses(setting, setting.stranger.leaf("strange", MX), UNKNOWN)


@suite.case
def same_name_other_key(setting):
    """An authority of the anchor's name, with a key of its own."""
    twin = Issuer(setting.world, "twin")
    twin_root = twin.self_signed("ca", "ca test root", "ecdsa")
    refuses(setting, twin.leaf("twinned", MX, issuer=twin_root), UNKNOWN)


# ---- the chain

def joined(leaf, *others):
    leaf.join(*others)
    return leaf


@suite.case
def chain_of_two(setting):
    one = setting.authority("one")
    accepts(setting, setting.leaf(issuer=one))
    two = setting.authority("two", one)
    leaf = setting.leaf(issuer=two)
    accepts(setting, joined(leaf, two, one))
    accepts(setting, joined(leaf, one, two))  # any order
    accepts(setting, joined(leaf, two, one, setting.issuer.root))
    accepts(setting, joined(leaf, setting.stranger.root, two, two, one))
    refuses(setting, joined(leaf, two), UNKNOWN)
    refuses(setting, joined(leaf, one), UNKNOWN)
    refuses(setting, joined(leaf), UNKNOWN)


@suite.case
def chain_with_trusted_intermediate(setting):
    """The missing one is among the anchors; or it is the only anchor."""
    one = setting.authority("kept")
    leaf = joined(setting.leaf(issuer=one))
    accepts(setting, leaf, bundle=one.cert)


@suite.case
def chain_cross_signed(setting):
    """The authority has a certificate of a stranger too; both are sent."""
    known = setting.authority("known")
    foreign = setting.authority("foreign", setting.stranger.root, like=known)
    leaf = setting.leaf(issuer=known)
    accepts(setting, joined(leaf, known, foreign))
    accepts(setting, joined(leaf, foreign, known))
    accepts(setting, joined(leaf, foreign, known), bundle=setting.stranger.bundle)
    refuses(setting, joined(leaf, foreign), UNKNOWN)


@suite.case
def chain_root_cross_signed(setting):
    """As Let's Encrypt had it: the root is an anchor, and the server sends it
    as signed by an older root that is unknown, or has expired."""
    root = setting.issuer.root
    root.subject = "ca test root"
    one = setting.authority("under")
    leaf = setting.leaf(issuer=one)
    crossed = setting.authority("crossed", setting.stranger.root, like=root)
    accepts(setting, joined(leaf, one, crossed))
    past = setting.authority("past", setting.stranger.root, like=root, dates=EXPIRED)
    accepts(setting, joined(leaf, one, past))
    with open(setting.issuer.bundle, encoding="ascii") as ours, \
         open(setting.stranger.bundle, encoding="ascii") as theirs:
        both = setting.world.file("both.pem", theirs.read() + ours.read())
    accepts(setting, joined(leaf, one, past), bundle=both)


@suite.case
def chain_loop(setting):
    """Two authorities that signed each other, and no root."""
    first = setting.issuer.self_signed("first", "first", "ecdsa")
    second = setting.issuer.self_signed("second", "second", "ecdsa")
    first.subject, second.subject = "first", "second"
    one = setting.authority("loop1", second, like=first)
    two = setting.authority("loop2", first, like=second)
    leaf = setting.leaf(issuer=one)
    refuses(setting, joined(leaf, one, two, one, two), UNKNOWN)


@suite.case
def chain_of_eight_and_more(setting):
    """Eight intermediates are verified; more are too many, but no crash."""
    chain = []
    for depth in range(10):
        above = chain[0] if chain else None
        chain.insert(0, setting.authority(f"depth{depth}", above))
        if len(chain) in (8, 9, 10):
            leaf = joined(setting.leaf(issuer=chain[0]), *chain)
            if len(chain) == 8:
                accepts(setting, leaf)
            else:
                failed(setting.deliver(leaf.chain, leaf.key), "Z",
                       "but its certificate was refused: ",
                       "too long" if len(chain) == 9 else "more than 10 certificates")


def bad_authority(setting, reason, options):
    setting.number += 1
    bad = setting.authority(f"bad{setting.number}", **options)
    refuses(setting, setting.leaf(issuer=bad), reason)


for name, args in {
    "expired": ("its authority expired on 2021-01-01", {"dates": EXPIRED}),
    "not_yet_valid": ("its authority is not valid before 2048-01-01",
                      {"dates": FUTURE}),
    "not_an_authority": (UNKNOWN, {"extensions": NOT_CA}),
    "may_not_sign": (UNKNOWN, {"extensions": NO_SIGN}),
    "weak_key": ("key too weak", {"key": "rsa1024"}),
}.items():
    suite.add(f"authority_{name}", bad_authority, *args)


# ---- what an authority is for, and for which names

def limited(setting, extension, reason, names=MX):
    """As intermediate, above another one, and as anchor."""
    setting.number += 1
    number = setting.number
    extensions = f"{CA}{extension}\n"
    judge = (lambda *a, **o: refuses(*a[:2], reason, **o)) if reason else accepts
    one = setting.authority(f"limited{number}", extensions=extensions)
    judge(setting, setting.leaf(names, issuer=one))
    two = setting.authority(f"limitedbelow{number}", one)
    judge(setting, joined(setting.leaf(names, issuer=two), two, one))
    judge(setting, setting.leaf(names, issuer=one), bundle=one.cert)


for name, args in {
    "for_servers": ("extendedKeyUsage = serverAuth", None),
    "for_anything": ("extendedKeyUsage = anyExtendedKeyUsage", None),
    "for_clients": ("extendedKeyUsage = clientAuth", NOT_FOR_SERVERS),
    "for_mail": ("extendedKeyUsage = emailProtection", NOT_FOR_SERVERS),
    "for_code": ("extendedKeyUsage = codeSigning", NOT_FOR_SERVERS),
    "for_this_domain": ("nameConstraints = permitted;DNS:dest.example", None),
    "for_another_domain": ("nameConstraints = permitted;DNS:dest.org", FORBIDDEN),
    "but_for_this_domain": ("nameConstraints = excluded;DNS:Dest.Example",
                            FORBIDDEN),
    "but_for_another_domain": ("nameConstraints = excluded;DNS:org", None),
    "for_one_of_two_names": ("nameConstraints = permitted;DNS:dest.example",
                             FORBIDDEN, f"{MX},DNS:www.example.org"),
    "for_addresses": ("nameConstraints = permitted;IP:192.0.2.0/255.255.255.0",
                      None),
    "but_for_a_name_of_the_star": (f"nameConstraints = excluded;DNS:{NAME}",
                                   FORBIDDEN, "DNS:*.dest.example"),
    "for_mailboxes": ("nameConstraints = permitted;email:dest.org", None),
    "critical_for_this_domain":
        ("nameConstraints = critical, permitted;DNS:dest.example", None),
    "critical_for_another_domain":
        ("nameConstraints = critical, permitted;DNS:dest.org", FORBIDDEN),
    "beyond_judgement": ("nameConstraints = permitted;DNS:dest.example.",
                         UNJUDGED),
    "malformed": ("nameConstraints = DER:3006a00430028210", UNJUDGED),
}.items():
    suite.add(f"authority_{name}", limited, *args)


@suite.case
def anchor_that_cannot_be_used(setting):
    """It bears the right name, and something nobody here understands."""
    odd = setting.authority("oddanchor",
                            extensions=CA + "1.2.3.4.5 = critical, DER:0500\n")
    refuses(setting, joined(setting.leaf(issuer=odd)), UNKNOWN + ", a trust anchor "
            "cannot be used: certificate has an unknown critical extension",
            bundle=odd.cert)


@suite.case
def authority_over_its_path_length(setting):
    short = setting.authority("pathlen", extensions=INTERMEDIATE)
    below = setting.authority("below", short)
    refuses(setting, joined(setting.leaf(issuer=below), below, short), UNKNOWN)


@suite.case
def anchor_expired(setting):
    """A root past its date is no anchor (its own dates count)."""
    old = setting.authority("oldroot", extensions=CA, dates=EXPIRED)
    refuses(setting, setting.leaf(issuer=old), "its authority expired on 2021-01-01",
            bundle=old.cert)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
