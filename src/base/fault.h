/* SPDX-License-Identifier: ISC */
/*
 * Everything that can be reported: one table of class, text and status code.
 *
 * in     a fault
 * out    its class (K delivered, Z try again, D never) and its text, where
 *        {ip}, {host} and {why} stand for what the report fills in
 * bound  texts are literals; interface.md's first lines to the letter
 * fault  FAULT_OK is 0 and is no message
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/slice.h"

/*        name            class text                                   code */
#define FAULTS(X)                                                              \
    X(OK, 'K', "", "")                                                         \
    X(ACCEPTED, 'K', "{ip} accepted message.", "")                             \
    /* this machine */                                                         \
    X(USAGE, 'D', "I (qmail-remote) was invoked improperly.", "5.3.5")         \
    X(HOME, 'Z', "Unable to switch to home directory.", "4.3.0")               \
    X(CONTROL, 'Z', "Unable to read control files.", "4.3.0")                  \
    X(SYSTEM, 'Z', "System resources temporarily unavailable.", "4.3.0")       \
    X(MESSAGE, 'Z', "Unable to read message.", "4.3.0")                        \
    /* the message */                                                          \
    X(PARTIAL, 'D', "SMTP cannot transfer messages with partial final lines.", \
      "5.6.2")                                                                 \
    X(NOT_ASCII, 'D',                                                          \
      "Sorry, I can't send to or from an address that is not ASCII.", "5.6.7") \
    X(UTF8_ABSENT, 'D',                                                        \
      "Connected to {ip} but it takes no addresses that are not ASCII.",       \
      "5.6.7")                                                                 \
    X(UTF8_ABSENT_TEMP, 'Z',                                                   \
      "Connected to {ip} but it takes no addresses that are not ASCII.",       \
      "4.6.7")                                                                 \
    X(TOO_BIG, 'D',                                                            \
      "Connected to {ip} but the message is too big for it: "                  \
      "{why}.",                                                                \
      "5.3.4")                                                                 \
    X(TOO_BIG_TEMP, 'Z',                                                       \
      "Connected to {ip} but the message is too big for it: "                  \
      "{why}.",                                                                \
      "4.3.4")                                                                 \
    /* where to deliver */                                                     \
    X(DNS, 'Z', "Sorry, I couldn't find any host by that name.", "4.1.2")      \
    X(NO_HOST, 'D', "Sorry, I couldn't find any host named {host}.", "5.1.2")  \
    X(NO_EXCHANGER, 'D',                                                       \
      "Sorry, I couldn't find a mail exchanger or IP address.", "5.4.4")       \
    X(NULL_MX, 'D', "Sorry, that host does not accept mail.", "5.1.10")        \
    X(OWN, 'D',                                                                \
      "Sorry. Although I'm listed as a best-preference MX or A for that "      \
      "host,\nit isn't in my control/locals file, so I don't treat it as "     \
      "local.",                                                                \
      "5.4.6")                                                                 \
    X(RELAY_OWN, 'Z',                                                          \
      "Sorry, every address of the relay is listed in control/ipme.", "4.4.6") \
    X(DANE, 'Z', "Sorry, I couldn't look up how that host proves itself.",     \
      "4.4.3")                                                                 \
    X(DANE_LACKING, 'Z', "Sorry, that host has no TLSA records to prove it.",  \
      "4.7.5")                                                                 \
    X(STS, 'Z',                                                                \
      "Sorry, no mail exchanger of that host is in its MTA-STS policy.",       \
      "4.7.5")                                                                 \
    /* the connection */                                                       \
    X(CONNECT, 'Z', "Sorry, I wasn't able to establish an SMTP connection.",   \
      "4.4.1")                                                                 \
    X(DIED, 'Z', "Connected to {ip} but connection died.", "4.4.2")            \
    X(DUPLICATE, 'Z',                                                          \
      "Connected to {ip} but connection died. Possible duplicate!", "4.4.2")   \
    /* TLS */                                                                  \
    X(TLS_ABSENT, 'Z',                                                         \
      "Connected to {ip} but STARTTLS is required and not offered.", "4.7.4")  \
    X(TLS_REFUSED, 'Z', "Connected to {ip} but STARTTLS was refused.",         \
      "4.7.4")                                                                 \
    X(TLS_FAILED, 'Z', "Connected to {ip} but TLS failed: {why}.", "4.7.5")    \
    X(TLS_UNTRUSTED, 'Z',                                                      \
      "Connected to {ip} but its certificate was refused: {why}.", "4.7.5")    \
    /* the login */                                                            \
    X(LOGIN, 'Z', "Connected to {ip} but authentication was rejected.", "")    \
    X(LOGIN_ABSENT, 'Z',                                                       \
      "Connected to {ip} but it offers no login that I know: {why}.", "4.7.4") \
    X(LOGIN_UNPROVED, 'Z',                                                     \
      "Connected to {ip} but it must prove its name before I log in.",         \
      "4.7.11")                                                                \
    /* the session; the peer's reply follows these */                          \
    X(GREETING, 'Z', "Connected to {ip} but greeting failed.", "")             \
    X(HELLO, 'Z', "Connected to {ip} but my name was rejected.", "")           \
    X(SENDER_PERM, 'D', "Connected to {ip} but sender was rejected.", "")      \
    X(SENDER_TEMP, 'Z', "Connected to {ip} but sender was rejected.", "")      \
    X(RECIPIENTS, 'D', "Giving up on {ip}.", "")                               \
    X(RECIPIENTS_TEMP, 'Z', "Giving up on {ip}.", "")                          \
    X(DATA_PERM, 'D', "{ip} failed on DATA command.", "")                      \
    X(DATA_TEMP, 'Z', "{ip} failed on DATA command.", "")                      \
    X(BODY_PERM, 'D', "{ip} failed after I sent the message.", "")             \
    X(BODY_TEMP, 'Z', "{ip} failed after I sent the message.", "")

#define FAULT_ENUM(NAME, class, text, code) FAULT_##NAME,
enum fault { FAULTS(FAULT_ENUM) FAULT_COUNT };
#undef FAULT_ENUM

struct fault_row {
    const char *name; /* as in the table, for traces and tests */
    const char *text;
    const char *code; /* RFC 3463, or empty */
    char class;
};

/* The row of a fault; valid for ever. */
const struct fault_row *fault_row(enum fault fault);

#endif
