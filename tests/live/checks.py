# SPDX-License-Identifier: ISC
"""What tests assert of an outcome."""

import re

from harness import contains, equal
from messages import difference

TLS_LINE = re.compile(
    r"STARTTLS proto=(TLSv1\.[23]); cipher=(TLS_[A-Z0-9_]+); "
    r"verify=(verified|unverified|pinned|dane);"
)


def delivered(outcome, address=None):
    """One recipient, accepted: a K as qmail-rspawn sees it."""
    equal(outcome.letter, "K", outcome.text)
    equal(outcome.recipients, "r" * len(outcome.recipients))
    start = f"K{address} accepted message.\nRemote host said: 2" if address else "K"
    assert outcome.message.startswith(start), repr(outcome.message)


def in_clear(outcome):
    assert "STARTTLS" not in outcome.text, repr(outcome.text)


def encrypted(outcome, verify, version=None, cipher=None):
    """The last line tells of TLS; returns (version, cipher)."""
    match = TLS_LINE.fullmatch(outcome.last_line)
    assert match, f"last line {outcome.last_line!r} in {outcome.text!r}"
    equal(match[3], verify)
    if version:
        equal(match[1], f"TLSv{version}")
    if cipher:
        equal(openssl_name(match[2]), cipher)
    return match[1], match[2]


def openssl_name(cipher):
    """OpenSSL's name of a suite for the registered one."""
    if "_WITH_" not in cipher:
        return cipher  # TLS 1.3: the same in both
    name = cipher.removeprefix("TLS_").replace("_WITH_", "_")
    name = name.replace("AES_128", "AES128").replace("AES_256", "AES256")
    name = name.replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305")
    return name.replace("_", "-")


def failed(outcome, letter, *parts):
    """Z or D with each of parts in the text, and nothing accepted."""
    equal(outcome.letter, letter, outcome.text)
    for part in parts:
        contains(outcome.text, part)
    equal(outcome.status, 0, "exit status")


def same(stored, sent):
    """The stored message is the one sent, byte for byte."""
    why = difference(stored, sent)
    assert not why, why
