/* SPDX-License-Identifier: ISC */
#include "base/fault.h"

#include "test.h"

/* interface.md section 2 and policy.md, first line and class of each. */
static const struct {
    enum fault fault;
    const char *line;
} expected[] = {
    {FAULT_ACCEPTED, "K{ip} accepted message."},
    {FAULT_USAGE, "DI (qmail-remote) was invoked improperly. (#5.3.5)"},
    {FAULT_HOME, "ZUnable to switch to home directory. (#4.3.0)"},
    {FAULT_CONTROL, "ZUnable to read control files. (#4.3.0)"},
    {FAULT_SYSTEM, "ZSystem resources temporarily unavailable. (#4.3.0)"},
    {FAULT_MESSAGE, "ZUnable to read message. (#4.3.0)"},
    {FAULT_PARTIAL,
     "DSMTP cannot transfer messages with partial final lines. (#5.6.2)"},
    {FAULT_NOT_ASCII, "DSorry, I can't send to or from an address that is not "
                      "ASCII. (#5.6.7)"},
    {FAULT_UTF8_ABSENT, "DConnected to {ip} but it takes no addresses that are "
                        "not ASCII. (#5.6.7)"},
    {FAULT_UTF8_ABSENT_TEMP, "ZConnected to {ip} but it takes no addresses "
                             "that are not ASCII. (#4.6.7)"},
    {FAULT_TOO_BIG,
     "DConnected to {ip} but the message is too big for it: {why}. (#5.3.4)"},
    {FAULT_TOO_BIG_TEMP,
     "ZConnected to {ip} but the message is too big for it: {why}. (#4.3.4)"},
    {FAULT_DNS, "ZSorry, I couldn't find any host by that name. (#4.1.2)"},
    {FAULT_NO_HOST, "DSorry, I couldn't find any host named {host}. (#5.1.2)"},
    {FAULT_NO_EXCHANGER,
     "DSorry, I couldn't find a mail exchanger or IP address. (#5.4.4)"},
    {FAULT_NULL_MX, "DSorry, that host does not accept mail. (#5.1.10)"},
    {FAULT_OWN,
     "DSorry. Although I'm listed as a best-preference MX or A for that host,\n"
     "it isn't in my control/locals file, so I don't treat it as local. "
     "(#5.4.6)"},
    {FAULT_RELAY_OWN, "ZSorry, every address of the relay is listed in "
                      "control/ipme. (#4.4.6)"},
    {FAULT_DANE, "ZSorry, I couldn't look up how that host proves itself. "
                 "(#4.4.3)"},
    {FAULT_STS, "ZSorry, no mail exchanger of that host is in its MTA-STS "
                "policy. (#4.7.5)"},
    {FAULT_DANE_LACKING, "ZSorry, that host has no TLSA records to prove it. "
                         "(#4.7.5)"},
    {FAULT_CONNECT,
     "ZSorry, I wasn't able to establish an SMTP connection. (#4.4.1)"},
    {FAULT_DIED, "ZConnected to {ip} but connection died. (#4.4.2)"},
    {FAULT_DUPLICATE, "ZConnected to {ip} but connection died. Possible "
                      "duplicate! (#4.4.2)"},
    {FAULT_TLS_ABSENT, "ZConnected to {ip} but STARTTLS is required and not "
                       "offered. (#4.7.4)"},
    {FAULT_TLS_REFUSED,
     "ZConnected to {ip} but STARTTLS was refused. (#4.7.4)"},
    {FAULT_TLS_FAILED, "ZConnected to {ip} but TLS failed: {why}. (#4.7.5)"},
    {FAULT_TLS_UNTRUSTED, "ZConnected to {ip} but its certificate was refused: "
                          "{why}. (#4.7.5)"},
    {FAULT_LOGIN, "ZConnected to {ip} but authentication was rejected."},
    {FAULT_LOGIN_ABSENT, "ZConnected to {ip} but it offers no login that I "
                         "know: {why}. (#4.7.4)"},
    {FAULT_LOGIN_UNPROVED, "ZConnected to {ip} but it must prove its name "
                           "before I log in. (#4.7.11)"},
    {FAULT_GREETING, "ZConnected to {ip} but greeting failed."},
    {FAULT_HELLO, "ZConnected to {ip} but my name was rejected."},
    {FAULT_SENDER_PERM, "DConnected to {ip} but sender was rejected."},
    {FAULT_SENDER_TEMP, "ZConnected to {ip} but sender was rejected."},
    {FAULT_RECIPIENTS, "DGiving up on {ip}."},
    {FAULT_RECIPIENTS_TEMP, "ZGiving up on {ip}."},
    {FAULT_DATA_PERM, "D{ip} failed on DATA command."},
    {FAULT_DATA_TEMP, "Z{ip} failed on DATA command."},
    {FAULT_BODY_PERM, "D{ip} failed after I sent the message."},
    {FAULT_BODY_TEMP, "Z{ip} failed after I sent the message."},
};

enum {
    EXPECTED_COUNT = sizeof(expected) / sizeof(expected[0]),
    LINE_SIZE = 256
};

TEST(every_text_is_to_the_letter)
{
    for (size_t i = 0; i < EXPECTED_COUNT; i++) {
        const struct fault_row *row = fault_row(expected[i].fault);
        char line[LINE_SIZE];

        if (row->code[0])
            snprintf(line, sizeof(line), "%c%s (#%s)", row->class, row->text,
                     row->code);
        else
            snprintf(line, sizeof(line), "%c%s", row->class, row->text);
        CHECK(strcmp(line, expected[i].line) == 0);
    }
}

TEST(every_fault_is_expected_above_once)
{
    /* All but FAULT_OK, which is no message. */
    CHECK(EXPECTED_COUNT == FAULT_COUNT - 1);
    for (int fault = 1; fault < FAULT_COUNT; fault++) {
        int seen = 0;

        for (size_t i = 0; i < EXPECTED_COUNT; i++)
            seen += expected[i].fault == (enum fault)fault;
        CHECK(seen == 1);
    }
}

TEST(ok_is_zero)
{
    CHECK(FAULT_OK == 0);
    CHECK(strcmp(fault_row(FAULT_OK)->name, "OK") == 0);
}

/* A code that contradicts the class sends mail the wrong way at readers. */
TEST(codes_agree_with_classes)
{
    for (int i = 1; i < FAULT_COUNT; i++) {
        const struct fault_row *row = fault_row((enum fault)i);

        CHECK(row->name[0] != '\0');
        CHECK(row->class == 'K' || row->class == 'Z' || row->class == 'D');
        if (row->code[0])
            CHECK(row->code[0] == (row->class == 'D' ? '5' : '4'));
    }
}

/* Invariant 5 of threats.md: what is the fault of this machine, of DNS, of the
 * network or of TLS never bounces mail. */
TEST(only_words_of_others_bounce)
{
    static const enum fault never[] = {
        FAULT_HOME,        FAULT_CONTROL,      FAULT_SYSTEM,
        FAULT_MESSAGE,     FAULT_DNS,          FAULT_RELAY_OWN,
        FAULT_DANE,        FAULT_DANE_LACKING, FAULT_CONNECT,
        FAULT_DIED,        FAULT_DUPLICATE,    FAULT_TLS_ABSENT,
        FAULT_TLS_REFUSED, FAULT_TLS_FAILED,   FAULT_TLS_UNTRUSTED,
        FAULT_GREETING,    FAULT_HELLO,        FAULT_STS,
    };

    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        CHECK(fault_row(never[i])->class == 'Z');
}

#define CASES(X)                          \
    X(every_text_is_to_the_letter)        \
    X(every_fault_is_expected_above_once) \
    X(ok_is_zero)                         \
    X(codes_agree_with_classes)           \
    X(only_words_of_others_bounce)

TEST_MAIN(CASES)
