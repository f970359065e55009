# SPDX-License-Identifier: ISC
"""Name servers that lie, stall, flood and hang up: the answer that counts is
the right one, and what comes of none is a Z in bounded time."""

import struct
import sys
import time

import messages
from checks import delivered, failed
from harness import Suite, equal
from nameserver import SilentServer
from names import (CLOSE, QR, RA, RD, REFUSED, SERVFAIL, TC, Elsewhere, Names, Raw,
                   first, late, only, rcode, record, silent, soa, wire_name)
from where_test import CLOSED, NO_EXCHANGER, ONE, OWN, TEMPORARY, TWO, Setting
from world import run_suite

suite = Suite()
CONF = "nameserver 127.0.0.1\n"
IMPATIENT = {"timeoutdns": 3}
EVIL = TWO


def evil(query, **changes):
    """What an attacker, or a broken server, would have us believe."""
    return query.reply([record(query.name, "A", EVIL)], **changes)


# ---- packets that are not the reply: ignored, the right one is waited for

def other_case(query):
    """A lie in another case than was asked. The form in lower case has none to
    keep, so there the lie is one that has the wrong identifier."""
    if query.question == query.question.lower():
        return evil(query, id=query.id ^ 1)
    return evil(query, question=query.question.swapcase())


FOREIGN = {
    "id": lambda q: evil(q, id=q.id ^ 1),
    "case": other_case,
    "name": lambda q: evil(q, question=wire_name("evil.example") + b"\0\1\0\1"),
    "type": lambda q: evil(q, question=q.question[:-4] + b"\0\5\0\1"),
    "class": lambda q: evil(q, question=q.question[:-2] + b"\0\3"),
    "no_question": lambda q: evil(q, question=b""),
    "query_not_reply": lambda q: evil(q, flags=RD),
    "opcode": lambda q: evil(q, flags=QR | RD | 0x2000),
    "source": lambda q: Elsewhere(evil(q)),
    "nxdomain_id": lambda q: q.reply(id=q.id ^ 0x8000, rcode=3),
    "bare_nxdomain": lambda q: q.reply(rcode=3, question=b""),
    "too_short": lambda q: q.data[:2] + b"\x81\x80",
}
# Packets that are the reply and malformed: listened on, the right one counts.
RUBBISH = {
    "cut": lambda q: evil(q)[:-1],
    "count_lies": lambda q: evil(q, counts=[2, 0, 0]),
    "length_lies": lambda q: q.reply([record(q.name, "A", EVIL, length=5)]),
    "length_65535": lambda q: q.reply([record(q.name, "A", EVIL, length=65535)]),
    "short_address": lambda q: q.reply([record(q.name, "A", b"\xc0\0\2")]),
    "pointer_to_itself": lambda q: q.reply(
        [record(struct.pack("!H", 0xC000 + len(q.question) + 12), "A", EVIL)]),
    "pointer_forward": lambda q: q.reply([record(b"\xff\xff", "A", EVIL)]),
    "pointer_into_the_header": lambda q: q.reply([record(b"\xc0\x04", "A", EVIL)]),
    "bad_alias": lambda q: q.reply([record(q.name, "CNAME", b"\x40x")]),
}
# Sound, but nothing to be used: it does not say no either.
USELESS = {
    "owner": lambda q: q.reply([record("evil.example", "A", EVIL)]),
    "record_class": lambda q: q.reply([record(q.name, "A", EVIL, klass=3)]),
    "record_type": lambda q: q.reply([record(q.name, "TXT", "x")]),
    "trailing_bytes": lambda q: q.reply() + b"x",
    "nxdomain_with_answer": lambda q: evil(q, rcode=3),
    "referral": lambda q: q.reply(flags=QR, authority=[
        record("example", "NS", "ns.example")]),
}


def survives(setting, bad):
    """The bad packet comes first; the good one is used."""
    host = setting.host(A=ONE)
    setting.names.rule(host, "A", first(bad))
    delivered(setting.deliver(host), ONE)


RUNS = {}


def is_temporary(setting, name):
    """Nothing but the bad packet comes. All of these are begun at once: each
    takes a second."""
    for each, bad in ({} if RUNS else {**RUBBISH, **USELESS}).items():
        host = setting.host(TXT="no MX")
        setting.names.rule(host, "A", only(bad))
        RUNS[each] = setting.home.start(host, f"bob@{host}", messages.small())
    failed(RUNS[name].finish(), "Z", TEMPORARY)


for name, bad in {**FOREIGN, **RUBBISH, **USELESS}.items():
    suite.add(f"wrong_{name}_first", survives, bad)
for name in {**RUBBISH, **USELESS}:
    suite.add(f"wrong_{name}_alone_is_temporary", is_temporary, name)


def spoofs(query):
    """All of them; the wrong case is none of a question in lower case."""
    return [bad(query) for name, bad in FOREIGN.items() if name != "case"]


@suite.case
def spoofed_packets_alone_are_temporary(setting):
    host = setting.host(TXT="no MX")
    setting.names.rule(host, "A", spoofs)
    failed(setting.deliver(host, {"timeoutdns": 2}), "Z", TEMPORARY)


@suite.case
def records_outside_the_answer_are_not_used(setting):
    host = setting.host()

    def act(query):
        extra = [record(query.name, "A", EVIL), record(query.name, "MX", (1, "two.example"))]
        return [query.reply(authority=[soa()], additional=extra)]

    setting.names.rule(host, "*", act)
    failed(setting.deliver(host), "D", NO_EXCHANGER)


@suite.case
def records_of_others_beside_the_answer_are_not_used(setting):
    host = setting.host(MX=(10, "one.example"))

    def act(query):
        glue = [record("one.example", "A", EVIL)]
        return [query.reply([record(query.name, "MX", (10, "one.example")), *glue],
                            additional=glue)]

    setting.names.rule(host, "MX", act)
    delivered(setting.deliver(host), ONE)


@suite.case
def a_flood_extends_no_deadline(setting):
    """Junk for six seconds; the look-up may take two."""
    host = setting.host(TXT="no MX")

    def flood(query):
        end = time.monotonic() + 6
        while time.monotonic() < end:
            yield from spoofs(query)
            yield 0.001

    setting.names.rule(host, "A", flood)
    began = time.monotonic()
    failed(setting.deliver(host, {"timeoutdns": 2}), "Z", TEMPORARY)
    took = time.monotonic() - began
    assert 2 <= took < 5.5, took


@suite.case
def the_answer_behind_a_flood(setting):
    """No more than a socket's buffer holds: what is lost is asked anew."""
    host = setting.host(A=ONE)
    setting.names.rule(host, "A", lambda q: [
        *(bad for _ in range(20) for bad in spoofs(q)), q.server.healthy(q)])
    delivered(setting.deliver(host), ONE)


@suite.case
def lower_case_is_asked_for_at_once(setting):
    """A server that answers in lower case is asked so, within a second."""
    host = setting.host(A=ONE)

    def lower(query):
        return [query.reply([record(query.name, "A", ONE)],
                            question=query.question.lower())]

    setting.names.rule(host, "A", lower)
    delivered(setting.deliver(host, {"timeoutdns": 1}), ONE)
    asked = setting.names.asked(host, "A")
    assert len(asked) == 2 and asked[1].name == host, [q.name for q in asked]


@suite.case
def case_counts_in_the_first_question_only(setting):
    """In the one that is asked in lower case any other is as good."""
    host = setting.host(A=ONE)

    def upper(query):
        if query.edns:
            return []
        return [query.reply([record(query.name, "A", ONE)],
                            question=query.question[:-4].upper() + query.question[-4:])]

    setting.names.rule(host, "A", upper)
    delivered(setting.deliver(host), ONE)


@suite.case
def ids_ports_and_case_are_random(setting):
    host = setting.host(TXT="x")
    for _ in range(12):
        failed(setting.deliver(host), "D", NO_EXCHANGER)
    asked = setting.names.asked(host)
    assert len({q.id for q in asked}) > 30, "ids"
    assert len({q.name for q in asked}) > 8, "case"


# ---- truncation and streams

def truncated(query):
    return query.reply(flags=QR | TC | RD | RA)


def by_stream(act):
    """Truncated over UDP; act over TCP."""
    return lambda query: act(query) if query.tcp else [truncated(query)]


def framed(data):
    return struct.pack("!H", len(data)) + data


def stream_in_pieces(query):
    whole = framed(query.server.healthy(query))
    for byte in whole[:6]:
        yield Raw(bytes([byte]))
        yield 0.02
    yield Raw(whole[6:])


def stream_of(*actions):
    return lambda query: actions


STREAM_FAULTS = {
    "closed": stream_of(CLOSE),
    "length_0": stream_of(Raw(b"\0\0"), CLOSE),
    "length_65535_short": stream_of(Raw(b"\xff\xff" + b"x" * 100), CLOSE),
    "length_65535_of_junk": stream_of(Raw(b"\xff\xff" + b"x" * 65535)),
    "half_a_length": stream_of(Raw(b"\1"), CLOSE),
    "cut": lambda q: [Raw(framed(q.server.healthy(q))[:-1]), CLOSE],
    "truncated": only(truncated),
    "wrong_id": only(lambda q: evil(q, id=q.id ^ 1)),
    "wrong_question": only(FOREIGN["name"]),
    "servfail": rcode(SERVFAIL),
    "stalled": stream_of(Raw(b"\0"), 9.0),
}


def good_stream(setting, act):
    host = setting.host(A=ONE)
    setting.names.rule(host, "A", by_stream(act))
    delivered(setting.deliver(host), ONE)


def bad_stream(setting, act):
    host = setting.host(TXT="no MX")
    setting.names.rule(host, "A", by_stream(act))
    failed(setting.deliver(host, IMPATIENT), "Z", TEMPORARY)


suite.add("stream", good_stream, lambda q: [q.server.healthy(q)])
suite.add("stream_in_pieces", good_stream, stream_in_pieces)
suite.add("stream_late", good_stream, late(0.5))
suite.add("stream_with_more_behind", good_stream,
          lambda q: [Raw(framed(q.server.healthy(q)) + framed(evil(q)))])
for name, act in STREAM_FAULTS.items():
    suite.add(f"stream_{name}_is_temporary", bad_stream, act)


@suite.case
def a_stream_that_fails_once(setting):
    host = setting.host(A=ONE)
    count = []

    def act(query):
        count.append(1)
        return [CLOSE] if len(count) == 1 else [query.server.healthy(query)]

    setting.names.rule(host, "A", by_stream(act))
    delivered(setting.deliver(host), ONE)


@suite.case
def a_truncated_answer_is_never_used(setting):
    host = setting.host(A=ONE)
    setting.names.rule(host, "A", by_stream(lambda q: [q.server.healthy(q)]))
    setting.names.rule(host, "MX", lambda q: [
        q.server.healthy(q) if q.tcp else
        q.reply([record(q.name, "MX", (0, "."))], flags=QR | TC | RD | RA)])
    delivered(setting.deliver(host), ONE)


@suite.case
def use_vc_asks_by_stream(setting):
    host = setting.host(MX=(10, "one.example"))
    setting.names.forget()
    with_conf(setting, CONF + "options use-vc\n", host, ONE)
    assert all(q.tcp for q in setting.names.queries)


# ---- aliases over several answers

@suite.case
def aliases_one_answer_each(setting):
    """A server that does not follow them: we ask on."""
    def one_step(query):
        name = query.name.lower()
        alias = query.server.zone[name].get("CNAME")
        if alias:
            return [query.reply([record(query.name, "CNAME", alias[0])])]
        return [query.server.healthy(query)]

    end = setting.host(A=ONE)
    names = [end]
    for _ in range(3):
        names.append(setting.host(CNAME=names[-1]))
    for name in names:
        setting.names.rule(name, "*", one_step)
    delivered(setting.deliver(names[-1]), ONE)


@suite.case
def an_alias_loop_over_several_answers(setting):
    one, two = setting.host(), setting.host()
    for name, other in ((one, two), (two, one)):
        setting.names.rule(name, "*", lambda q, o=other: [
            q.reply([record(q.name, "CNAME", o)])])
    failed(setting.deliver(one), "Z", TEMPORARY)


# ---- several servers

def with_conf(setting, conf, host, want, **options):
    setting.world.resolv_conf(conf)
    try:
        outcome = setting.deliver(host, **options)
    finally:
        setting.world.resolv_conf(CONF)
    if isinstance(want, tuple):
        failed(outcome, *want)
    else:
        delivered(outcome, want)


def conf_of(*addresses):
    return "".join(f"nameserver {a}\n" for a in addresses)


@suite.case
def three_dead_servers_before_a_live_one(setting):
    """All are asked within the first second: 300 ms apart, not one after the
    other's time-out."""
    dead = [SilentServer(setting.world, f"192.0.2.{n}") for n in (30, 31, 32)]
    host = setting.host(MX=(10, "one.example"))
    setting.names.forget()
    with_conf(setting, conf_of("192.0.2.30", "192.0.2.31", "192.0.2.32", "127.0.0.1"),
              host, ONE)
    equal(len(setting.names.asked(host, "MX")), 1)
    # MX, A, AAAA of the host, each once a server; those of the exchanger go to
    # the one that answered.
    equal([server.asked() for server in dead], [3, 3, 3])


@suite.case
def refusing_servers_cost_no_wait(setting):
    others = [Names(setting.world, f"192.0.2.{n}") for n in (33, 34)]
    host = setting.host(MX=(10, "one.example"))
    for other in others:
        other.rule(host, "*", rcode(REFUSED))
        other.rule("one.example", "*", rcode(SERVFAIL))
    with_conf(setting, conf_of("192.0.2.33", "192.0.2.34", "127.0.0.1"), host, ONE)
    equal([len(o.asked(host, "MX")) for o in others], [1, 1])


@suite.case
def a_slow_server_is_still_listened_to(setting):
    """The other one is dead; the answer comes after the hedge."""
    SilentServer(setting.world, "192.0.2.35")
    host = setting.host(A=ONE)
    setting.names.rule(host, "MX", late(0.8))
    with_conf(setting, conf_of("127.0.0.1", "192.0.2.35"), host, ONE)
    equal(len(setting.names.asked(host, "MX")), 1)


@suite.case
def all_servers_refuse_then_one_round_decides(setting):
    """Two questions a server, a second apart, then Z."""
    other = Names(setting.world, "192.0.2.36")
    host = setting.host(A=ONE)
    for server in (setting.names, other):
        server.rule(host, "MX", rcode(SERVFAIL))
    began = time.monotonic()
    with_conf(setting, conf_of("127.0.0.1", "192.0.2.36"), host, ("Z", TEMPORARY))
    assert time.monotonic() - began >= 1
    for server in (setting.names, other):
        times = [q.time for q in server.asked(host, "MX")]
        equal(len(times), 2)
        assert times[1] - times[0] >= 0.9, times


@suite.case
def a_full_server_is_asked_on(setting):
    """It refuses three times, as a forwarder does that has no room: it is asked
    again, a second apart or more."""
    host = setting.host(A=ONE)
    setting.names.rule(host, "MX", rcode(REFUSED, 3))
    delivered(setting.deliver(host), ONE)
    times = [q.time for q in setting.names.asked(host, "MX")]
    equal(len(times), 4)
    assert all(b - a >= 0.9 for a, b in zip(times, times[1:])), times


@suite.case
def everything_is_asked_at_once(setting):
    """MX, A and AAAA of the host; then all addresses of all exchangers."""
    hosts = [setting.host(A=CLOSED[n]) for n in range(5)]
    host = setting.host(MX=[(n, h) for n, h in enumerate(hosts)])
    setting.names.rule(host, "MX", late(0.3))
    for name in hosts:
        setting.names.rule(name, "A", late(0.5))
        setting.names.rule(name, "AAAA", late(0.5))
    setting.names.forget()
    assert setting.deliver(host).letter == "Z"
    first_asked = {(q.name.lower(), q.type): q.time for q in
                   reversed(setting.names.queries)}
    begin = min(first_asked.values())
    for kind in ("MX", "A", "AAAA"):
        assert first_asked[host, kind] - begin < 0.25, kind
    mx = [t for (name, _), t in first_asked.items() if name in hosts]
    equal(len(mx), 10)
    assert max(mx) - min(mx) < 0.4, mx


@suite.case
def a_better_exchanger_is_waited_for(setting):
    """Its address comes late, that of the worse one at once."""
    best = setting.host(A=ONE)
    setting.names.rule(best, "A", late(2.0))
    host = setting.host(MX=[(10, best), (20, "two.example")])
    delivered(setting.deliver(host), ONE)


@suite.case
def but_not_for_ever(setting):
    best = setting.host(A=ONE)
    setting.names.rule(best, "*", silent)
    host = setting.host(MX=[(10, best), (20, "two.example")])
    began = time.monotonic()
    delivered(setting.deliver(host, {"timeoutdns": 0}), TWO)
    took = time.monotonic() - began
    assert 3.9 <= took < 40, took


@suite.case
def an_own_address_and_a_silent_better_one(setting):
    best = setting.host(A=ONE)
    setting.names.rule(best, "*", silent)
    host = setting.host(MX=[(10, best), (20, "own.example")])
    failed(setting.deliver(host, {"timeoutdns": 2}), "Z", TEMPORARY)
    host = setting.host(MX=[(10, "own.example"), (20, best)])
    failed(setting.deliver(host, {"timeoutdns": 2}), "D", OWN)


# ---- resolv.conf

@suite.case
def odd_resolv_confs(setting):
    host = setting.host(MX=(10, "one.example"))
    for conf in (
        "nameserver 127.0.0.1",
        "\r\nnameserver 127.0.0.1\r\n",
        "nameserver\t 127.0.0.1 # here\n",
        "nameserver fe80::1%lo\nnameserver bad\nnameserver\nnameserver 127.0.0.1\n",
        "name\0server 1\n\0\nnameserver 127.0.0.1\n",
        "options timeout:1 attempts:1 rotate trust-ad edns0 inet6\n" + CONF,
        CONF + conf_of(*CLOSED * 4),
        "# x\n" * 100000 + CONF,
        "x" * 10000000 + "\n" + CONF,
        "",
    ):
        with_conf(setting, conf, host, ONE)


@suite.case
def dnscacheip_replaces_the_list(setting):
    host = setting.host(MX=(10, "one.example"))
    other = Names(setting.world, "192.0.2.37", 5300)
    other.zone = setting.names.zone
    setting.names.forget()
    env = {"DNSCACHEIP": "[192.0.2.37]:5300"}
    with_conf(setting, CONF, host, ONE, env=env)
    equal(setting.names.queries, [])
    assert other.asked(host, "MX")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
