# SPDX-License-Identifier: ISC
"""Boxes between the program and its resolver that know no EDNS, or lower-case
the question, or let no TCP through: the right answer comes all the same, and
soon."""

import struct
import sys
import time

import messages
from checks import delivered, failed
from harness import Suite, equal
from names import (CLOSE, FORMERR, NOTIMP, NXDOMAIN, QR, RA, RD, SERVFAIL, TC, Names,
                   Query, Raw, record, soa)
from scripted import Scripted
from world import run_suite

ADDRESS = "192.0.2.10"
NO_HOST = "Sorry, I couldn't find any host named absent.example. (#5.1.2)\n"
BOUND_S = 6  # twice what it may take
PLAIN_SIZE = 512
suite = Suite()


class Box(Names):
    """A healthy server behind a box: what comes of a question is box(query)."""

    box = None

    def actions(self, data, tcp):
        query = Query(self, data, tcp)
        self.queries.append(query)
        whole = self.healthy(query, 1232 if query.edns else PLAIN_SIZE)
        return [whole] if tcp and self.box not in OVER_TCP else self.box(query, whole)


class Setting:
    def __init__(self, world):
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.home = world.home()
        self.server = Scripted(world, ADDRESS)
        self.names = Box(world)
        self.names.add("mx.example", A=ADDRESS)
        self.names.add("few.example", MX=(10, "mx.example"))
        self.names.add("alone.example", A=ADDRESS)
        # Over 512 octets, and below 1232.
        self.names.add("many.example", MX=[
            (10, "mx.example"), *((20, f"a-long-name-{n}.example") for n in range(20))])

    def deliver(self, host, box, **control):
        self.names.box = box
        self.names.forget()
        self.home.control(**control)
        began = time.monotonic()
        outcome = self.home.deliver(host, f"bob@{host}", messages.small())
        self.took_s = time.monotonic() - began
        return outcome


def counts(message):
    return list(struct.unpack("!4H", message[4:12]))


def with_counts(message, changed):
    return message[:4] + struct.pack("!4H", *changed) + message[12:]


def with_opt(query, message, counted, first=True):
    """The record of EDNS copied in front of the answers, or behind them all;
    `counted`: by which count, if any."""
    changed = counts(message)
    if counted is not None:
        changed[counted] += 1
    at = 12 + len(query.question) if first else len(message)
    opt = record(b"\0", "OPT", b"", 1232)
    return with_counts(message[:at] + opt + message[at:], changed)


ANSWER, ADDITIONAL = 1, 3


# ---- boxes: what they make of a question and its healthy answer

def drops_questions(query, whole):
    return [] if query.edns else [whole]


def drops_long_answers(_query, whole):
    return [whole] if len(whole) <= PLAIN_SIZE else []


def copies_the_record(query, whole):
    return [with_opt(query, whole, ANSWER) if query.edns else whole]


def copies_it_uncounted(query, whole):
    return [with_opt(query, whole, None) if query.edns else whole]


def copies_it_miscounted(query, whole):
    return [with_opt(query, whole, ADDITIONAL) if query.edns else whole]


def keeps_it_uncounted(query, whole):
    return [with_opt(query, whole, None, first=False) if query.edns else whole]


def keeps_the_count(query, whole):
    changed = counts(whole)
    changed[ADDITIONAL] += 1
    return [with_counts(whole, changed) if query.edns else whole]


def cuts(_query, whole):
    return [whole[:PLAIN_SIZE]]


def code(number, bare=False):
    def box(query, whole):
        if not query.edns:
            return [whole]
        return [query.reply(rcode=number, **({"question": b""} if bare else {}))]

    return box


def truncates(query, whole):
    """TC on all with EDNS, and no TCP."""
    if query.tcp:
        return [CLOSE]
    return [query.reply(flags=QR | TC | RD | RA) if query.edns else whole]


def truncates_and_stalls(query, whole):
    return [Raw(b""), 9.0] if query.tcp else truncates(query, whole)


def lower_cases(query, whole):
    question = query.question[:-4].lower() + query.question[-4:]
    return [whole[:12] + question + whole[12 + len(question):]]


def upper_cases(query, whole):
    question = query.question[:-4].upper() + query.question[-4:]
    return [whole[:12] + question + whole[12 + len(question):]]


def drops_mixed_case(query, whole):
    return [whole] if query.name == query.name.lower() else []


def reflects(query, whole):
    return [query.data] if query.edns else [whole]


OVER_TCP = {truncates, truncates_and_stalls}
BOXES = {
    "drops_questions": drops_questions,
    "drops_long_answers": drops_long_answers,
    "copies_the_record": copies_the_record,
    "copies_it_uncounted": copies_it_uncounted,
    "copies_it_miscounted": copies_it_miscounted,
    "keeps_it_uncounted": keeps_it_uncounted,
    "keeps_the_count": keeps_the_count,
    "cuts": cuts,
    "formerr": code(FORMERR),
    "formerr_bare": code(FORMERR, True),
    "notimp": code(NOTIMP),
    "servfail": code(SERVFAIL),
    "truncates": truncates,
    "truncates_and_stalls": truncates_and_stalls,
    "lower_cases": lower_cases,
    "upper_cases": upper_cases,
    "drops_mixed_case": drops_mixed_case,
    "reflects": reflects,
}


def arrives(setting, box):
    """To an exchanger, to one of many, and to the host itself."""
    hosts = ["few.example", "alone.example"]
    if box not in OVER_TCP:
        hosts.append("many.example")
    for host in hosts:
        delivered(setting.deliver(host, box), ADDRESS)
        assert setting.took_s < BOUND_S, f"{host}: {setting.took_s:.1f} s"
    assert any(not q.edns for q in setting.names.queries) or box in HARMLESS


def bounces(setting, box):
    """A "no" comes through as well, and is one."""
    failed(setting.deliver("absent.example", box), "D", NO_HOST)
    assert setting.took_s < BOUND_S, f"{setting.took_s:.1f} s"


HARMLESS = {drops_long_answers, cuts, copies_the_record, keeps_it_uncounted}
for name, box in BOXES.items():
    suite.add(f"{name}_and_it_arrives", arrives, box)
    suite.add(f"{name}_and_it_bounces", bounces, box)


def at_once(setting, box):
    """No second is waited for where the answer says what is wrong."""
    delivered(setting.deliver("few.example", box, timeoutdns=1), ADDRESS)
    forms = [q.edns for q in setting.names.asked("few.example", "MX")]
    equal(forms, [True, False])


for name in ("lower_cases", "upper_cases", "copies_it_uncounted",
             "copies_it_miscounted", "keeps_the_count", "formerr", "formerr_bare",
             "notimp"):
    suite.add(f"{name}_and_is_asked_at_once_without", at_once, BOXES[name])


@suite.case
def healthy_servers_are_asked_once(setting):
    delivered(setting.deliver("many.example", lambda _query, whole: [whole]), ADDRESS)
    asked = setting.names.asked("many.example", "MX")
    equal([q.edns for q in asked], [True])


@suite.case
def a_no_that_only_looks_spoilt_is_asked_again(setting):
    """NXDOMAIN with an answer section of nothing that belongs there, with EDNS
    only: what is said without counts."""
    def box(query, whole):
        if not query.edns:
            return [whole]
        return [query.reply([record("else.example", "A", ADDRESS)], NXDOMAIN,
                            authority=[soa()])]

    delivered(setting.deliver("few.example", box), ADDRESS)


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
