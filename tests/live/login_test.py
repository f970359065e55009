# SPDX-License-Identifier: ISC
"""What is said to log in: the mechanism by what is offered, the user and the
secret by their octets, and nothing of them where they do not belong."""

import sys

import messages
from checks import delivered, encrypted, failed
from harness import Suite, equal
from logins import (ADDRESS, PASSWORD, REJECTED, TOKEN, USER, Setting, heard,
                    login_values, logins, offer, one_session, plain, route, wants)
from world import run_suite

XOAUTH2 = f"user={USER}\1auth=Bearer {TOKEN}\1\1".encode()
OAUTHBEARER = (f"n,a={USER},\1host=relay.example\1port=25\1"
               f"auth=Bearer {TOKEN}\1\1").encode()
ABSENT = "it offers no login that I know: {}. (#4.7.4)"
LINE_SIZE_MAX = 512  # RFC 5321 4.5.3.1.4
PLAIN_FITS = (LINE_SIZE_MAX - len("AUTH PLAIN \r\n")) // 4 * 3  # before base64
suite = Suite()


# ---- the mechanism

SAID = {
    "PLAIN": ["PLAIN", plain()],
    "LOGIN": ["LOGIN", USER.encode(), PASSWORD.encode()],
    "XOAUTH2": ["XOAUTH2", XOAUTH2],
    "OAUTHBEARER": ["OAUTHBEARER", OAUTHBEARER],
}
WITH_PASSWORD = {
    "plain_alone": (["AUTH PLAIN"], "PLAIN"),
    "login_alone": (["AUTH LOGIN"], "LOGIN"),
    "plain_before_login": (["AUTH LOGIN PLAIN"], "PLAIN"),
    "plain_among_others": (["AUTH GSSAPI CRAM-MD5 PLAIN SCRAM-SHA-256 XOAUTH2"], "PLAIN"),
    "login_among_others": (["AUTH NTLM DIGEST-MD5 LOGIN XOAUTH2"], "LOGIN"),
    "with_an_equals_sign": (["AUTH=PLAIN LOGIN"], "PLAIN"),
    "login_with_an_equals_sign": (["AUTH=LOGIN"], "LOGIN"),
    "both_spellings": (["AUTH LOGIN", "AUTH=PLAIN"], "PLAIN"),
    "in_lower_case": (["auth plain login"], "PLAIN"),
    "login_in_mixed_case": (["Auth Login"], "LOGIN"),
    "names_that_begin_alike": (["AUTH PLAINTEXT LOGIN-2 LOGIN"], "LOGIN"),
}
WITH_TOKEN = {
    "xoauth2_alone": (["AUTH XOAUTH2"], "XOAUTH2"),
    "oauthbearer_alone": (["AUTH OAUTHBEARER"], "OAUTHBEARER"),
    "xoauth2_before_oauthbearer": (["AUTH OAUTHBEARER XOAUTH2"], "XOAUTH2"),
    "oauthbearer_among_others": (["AUTH LOGIN PLAIN OAUTHBEARER"], "OAUTHBEARER"),
    "xoauth2_in_lower_case": (["auth=plain xoauth2"], "XOAUTH2"),
}
NONE_FITS = {
    "nothing_is_offered": ([], PASSWORD, "none"),
    "auth_without_a_name": (["AUTH"], PASSWORD, "none"),
    "only_what_is_not_spoken": (["AUTH CRAM-MD5 DIGEST-MD5"], PASSWORD,
                                "CRAM-MD5 DIGEST-MD5"),
    "a_password_and_tokens_are_wanted": (["AUTH XOAUTH2 OAUTHBEARER"], PASSWORD,
                                         "XOAUTH2 OAUTHBEARER"),
    "a_token_and_passwords_are_wanted": (["AUTH PLAIN LOGIN"], None, "PLAIN LOGIN"),
}


def given(setting, token):
    """What the route has for its secret: the password, or a file with a token."""
    if not token:
        return PASSWORD
    return "<" + setting.home.secret("token", f"Bearer {TOKEN}\n".encode())


def by(setting, lines, mechanism, token=False):
    """The server asks by LOGIN's two prompts; the others need none."""
    script = wants(*lines)
    if mechanism == "LOGIN":
        script.update({"tls AUTH": "334 VXNlcm5hbWU6",
                       "tls answer": ["334 UGFzc3dvcmQ6", "235 welcome"]})
    data = messages.small()
    with setting.server(script) as server:
        outcome = setting.deliver(route(secret=given(setting, token)),
                                  TOKEN if token else PASSWORD, data=data)
        session = one_session(server)
    delivered(outcome, ADDRESS)
    encrypted(outcome, "verified")
    equal(heard(session), SAID[mechanism])
    equal(messages.as_received(session.contents[0]), data)
    equal([v for v in session.verbs() if v != "ANSWER"],
          ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"])
    for line in session.commands:
        if line.startswith("tls MAIL"):
            assert "AUTH" not in line, line


for name, (lines, mechanism) in WITH_PASSWORD.items():
    suite.add(f"offer_{name}", by, lines, mechanism)
for name, (lines, mechanism) in WITH_TOKEN.items():
    suite.add(f"offer_{name}", by, lines, mechanism, True)


def none_fits(setting, lines, secret, names):
    """Nothing was refused, so nothing is said; the text has what was offered."""
    token = secret is None
    with setting.server(wants(*lines)) as server:
        outcome = setting.deliver(route(secret=given(setting, token)),
                                  TOKEN if token else PASSWORD)
        failed(outcome, "Z", ABSENT.format(names))
        assert "MAIL" not in one_session(server).verbs()
        equal(logins(server), 0)


for name, parts in NONE_FITS.items():
    suite.add(f"offer_{name}", none_fits, *parts)


@suite.case
def offer_only_inside_tls(setting):
    """As the table of offers has it; and here LOGIN outside means nothing."""
    script = {**wants("AUTH PLAIN"), "EHLO": offer("STARTTLS", "AUTH LOGIN")}
    with setting.server(script) as server:
        delivered(setting.deliver(route(), PASSWORD), ADDRESS)
        equal(heard(one_session(server)), SAID["PLAIN"])


@suite.case
def offer_only_outside_tls(setting):
    script = {**wants(), "EHLO": offer("STARTTLS", "AUTH PLAIN LOGIN")}
    with setting.server(script) as server:
        outcome = setting.deliver(route(), PASSWORD)
        failed(outcome, "Z", ABSENT.format("none"))
        equal(logins(server), 0)


@suite.case
def offer_is_made_safe_and_short(setting):
    """Of names without end, what is told is bounded; control octets are not."""
    many = " ".join(f"X-MECHANISM-{n}" for n in range(300))
    with setting.server(wants("AUTH X\1\xff " + many)) as server:
        outcome = setting.deliver(route(), PASSWORD)
        equal(logins(server), 0)
    failed(outcome, "Z", "it offers no login that I know: X??")
    first = outcome.text.split("\n")[0]
    assert len(first) < 400, first
    assert all(32 <= octet < 127 for octet in outcome.output.rstrip(b"\0\n")
               if octet != 10), outcome.output


# ---- the steps

@suite.case
def nothing_is_sent_behind_a_login(setting):
    """PIPELINING is offered; MAIL waits for the reply to AUTH all the same."""
    script = wants("PIPELINING", "AUTH LOGIN", AUTH="334 ",
                   answer=["334 ", "235 welcome"])
    with setting.server(script) as server:
        delivered(setting.deliver(route(), PASSWORD), ADDRESS)
        session = one_session(server)
    assert not {"AUTH", "ANSWER"} & set(session.ahead), session.ahead
    assert "MAIL" in session.ahead, session.ahead


@suite.case
def a_retry_logs_in_too(setting):
    with setting.server(wants("PIPELINING", "AUTH PLAIN")) as server:
        delivered(setting.deliver(route(), PASSWORD, retry=True), ADDRESS)
        session = one_session(server)
    equal(heard(session), SAID["PLAIN"])
    equal(session.ahead, [])


@suite.case
def plain_that_is_asked_twice(setting):
    """334 to an initial response: the line once more."""
    script = wants("AUTH PLAIN", AUTH="334 ", answer="235 welcome")
    with setting.server(script) as server:
        delivered(setting.deliver(route(), PASSWORD), ADDRESS)
        equal(heard(one_session(server)), ["PLAIN", plain(), plain()])


@suite.case
def plain_that_is_asked_three_times(setting):
    script = wants("AUTH PLAIN", AUTH="334 ", answer=["334 ", "501 5.5.2 cancelled"])
    with setting.server(script) as server:
        outcome = setting.deliver(route(), PASSWORD)
        failed(outcome, "Z", REJECTED, "501 5.5.2 cancelled")
        session = one_session(server)
        equal(heard(session), ["PLAIN", plain(), plain(), "*"])
        assert "MAIL" not in session.verbs(), session.commands


def asked_for_ever(setting, mechanism, answers):
    """334 beyond what the mechanism has: it is cancelled, and all ends soon."""
    script = wants(f"AUTH {mechanism}", AUTH="334 ", answer="334 again")
    token = mechanism in ("XOAUTH2", "OAUTHBEARER")
    with setting.server(script) as server:
        outcome = setting.deliver(route(secret=given(setting, token)), PASSWORD, TOKEN)
        failed(outcome, "Z", f"Connected to {ADDRESS} but ")
        session = one_session(server)
    equal(heard(session)[0], mechanism)
    said = [line.removeprefix("answer ") for line in session.logins()[1:]]
    equal(said.count("*"), 1, f"cancelled: {said}")
    assert len(said) <= answers + 1, said
    assert "MAIL" not in session.verbs(), session.commands


for mechanism, answers in (("PLAIN", 1), ("LOGIN", 2), ("XOAUTH2", 1), ("OAUTHBEARER", 1)):
    suite.add(f"asked_for_ever_{mechanism.lower()}", asked_for_ever, mechanism, answers)


@suite.case
def a_challenge_of_12_kb(setting):
    """RFC 4954 4 has a client take 12288 octets; LOGIN's prompts are not read."""
    prompt = "334 " + "A" * 12288
    script = wants("AUTH LOGIN", AUTH=prompt, answer=[prompt, "235 welcome"])
    with setting.server(script) as server:
        delivered(setting.deliver(route(), PASSWORD), ADDRESS)
        equal(heard(one_session(server)), SAID["LOGIN"])


def bad_token(setting, mechanism, answer):
    """An error in JSON comes first, then, once it is answered, the refusal."""
    error = "334 eyJzdGF0dXMiOiI0MDEifQ=="
    script = wants(f"AUTH {mechanism}", AUTH=error, answer="535 5.7.8 token expired")
    with setting.server(script) as server:
        outcome = setting.deliver(route(secret=given(setting, True)), TOKEN)
        failed(outcome, "Z", REJECTED, "535 5.7.8 token expired")
        session = one_session(server)
    equal(heard(session), [*SAID[mechanism], answer])


suite.add("error_of_xoauth2", bad_token, "XOAUTH2", b"")
suite.add("error_of_oauthbearer", bad_token, "OAUTHBEARER", b"\1")


# ---- the octets of user and secret

FORMS = {
    "blanks": ("carol", "three blind mice"),
    "bars": ("e=mc2", "a|b:c d||"),
    "colons": ("carol", ":a:b:587:"),
    "less_than": ("carol", "a<b<c<d"),
    "hash": ("carol", "#not a comment#"),
    "quotes": ("carol", '"quoted" \'twice\' \\'),
    "octet_255": ("carol", b"caf\xff\xe9\xfe-secret"),
    "user_with_blank": ("carol of troy", "password"),
    "user_of_255": ("u" * 255, "password"),
    "octets_1023": ("carol", "0123456789" * 102 + "xyz"),
    "octets_8192": ("carol", "abcdefgh" * 1024),
    "fits_one_line": ("carol", "p" * (PLAIN_FITS - len("\0carol\0"))),
    "one_too_many": ("carol", "p" * (PLAIN_FITS - len("\0carol\0") + 1)),
}


def as_it_is(setting, user, secret, place):
    """The same octets, wherever they are written."""
    values = login_values(setting, place, user, secret)
    script = wants("AUTH PLAIN", AUTH=lambda line: "334 " if line.endswith(" PLAIN")
                   else "235 welcome")
    with setting.server(script) as server:
        delivered(setting.deliver(*values.pop("args"), **values), ADDRESS)
        session = one_session(server)
    equal(heard(session), ["PLAIN", plain(user, secret)])
    one_line = len(plain(user, secret)) <= PLAIN_FITS
    equal(len(session.logins()), 1 if one_line else 2, "lines")
    if one_line:
        assert len(session.logins()[0]) + 2 <= LINE_SIZE_MAX


for name, (user, secret) in FORMS.items():
    for place in ("smtproutes", "authsenders", "file"):
        suite.add(f"secret_{name}_in_{place}", as_it_is, user, secret, place)


@suite.case
def secret_by_blanks(setting):
    """The form of eQmail and qmail-ldap, and the port behind a semicolon."""
    for value, said in ((f"relay.example {USER} p q|r s", plain(USER, "p q|r s")),
                        (f"relay.example;25|{USER}|p q|r s", plain(USER, "p q|r s"))):
        with setting.server(wants("AUTH PLAIN")) as server:
            delivered(setting.deliver(value, "p q|r s"), ADDRESS)
            equal(heard(one_session(server)), ["PLAIN", said])


def too_long(setting, user, secret, why):
    with setting.server(wants("AUTH PLAIN")) as server:
        outcome = setting.deliver(route(user=user, secret=secret), secret)
        failed(outcome, "Z", "Unable to read control files. (#4.3.0)\n",
               f"control/smtproutes:1: {why}")
        equal(server.settle(), [], "connections")


suite.add("secret_of_8193", too_long, USER, "abcdefgh" * 1024 + "i", "password too long")
suite.add("user_of_256", too_long, "u" * 256, PASSWORD, "user too long")


# ---- the questions

@suite.case
def no_question_has_the_login(setting):
    """What cannot be a relay is not asked of the DNS, whoever it is for."""
    user, word = "carol", "correct-horse"  # each could be a part of a name
    for value in (f"relay.example|{user}|{word}", f"relay.example {user} {word}",
                  f"relay_x!|{user}|{word}", f"|{user}|{word}",
                  f"relay.example:x|{user}|{word}", f"relay.example|{user}|",
                  f"relay.example|{user}"):
        setting.names.forget()
        with setting.server(wants("AUTH PLAIN")):
            setting.deliver(value, word)
        for query in setting.names.asked():
            equal(query.name.lower(), "relay.example")


if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
