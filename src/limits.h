/* SPDX-License-Identifier: ISC */
/*
 * Every size, count and wait of the program, with its reason.
 *
 * in     nothing
 * out    constants; names end in the unit: _size bytes, _count items, _ms
 *        milliseconds, _s seconds; _max is inclusive
 * bound  the relations are asserted at the end
 * fault  input over a limit gets a fault of its own, never silent truncation
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

enum {
    /* Text */
    ASCII_NUMBER_SIZE_MAX = 20, /* 2^64 - 1 in decimal */

    /* Addresses */
    ADDR_IPV4_SIZE = 4,
    ADDR_SIZE_MAX = 16,
    ADDR_FAMILY_COUNT = 2,
    ADDR_TEXT_SIZE_MAX = 45,     /* RFC 4291 2.2, with an IPv4 tail */
    ENDPOINT_TEXT_SIZE_MAX = 53, /* [address]:65535 */

    /* Names (RFC 1035 2.3.4): 255 octets on the wire are 253 in text */
    NAME_WIRE_SIZE_MAX = 255,
    NAME_TEXT_SIZE_MAX = 253,
    NAME_LABEL_SIZE_MAX = 63,

    /* Mail addresses. RFC 5321 4.5.3.1: a path has 256 octets with its angle
     * brackets. Its 64 octets for a local part are not enforced: senders of
     * lists (VERP) are longer, and the RFC lets a client try. */
    ADDRESS_SIZE_MAX = 254,
    RECIPIENT_COUNT_MAX = 100, /* RFC 5321 4.5.3.1.8; rspawn passes one */

    /* Control files */
    CONTROL_LINE_SIZE_MAX = 1023, /* a path of PATH_MAX/4, a route of 4 names */
    CONTROL_KEPT_SIZE_MAX = 9216, /* of a line: that, and more than a secret */
    CONTROL_CHUNK_SIZE = 4096,    /* read at once: a page */
    CONTROL_SECONDS_MAX = INT32_MAX / 1000, /* 24 days; fits in ms */
    /* second line of a report: a file, the path in it, a reason */
    CONTROL_DETAIL_SIZE_MAX = 1151,

    IPME_COUNT_MAX = 256,       /* a whole /24 on one machine */
    CONNECT_TIMEOUT_S = 60,     /* stock's timeoutconnect */
    CONNECT_WHY_SIZE_MAX = 127, /* cannot send from ADDRESS: a system's text */
    REMOTE_TIMEOUT_S = 1200,    /* stock's timeoutremote */
    SMTP_PORT = 25,
    SUBMISSIONS_PORT = 465, /* TLS from the first byte: RFC 8314 section 7.3 */
    LOGIN_USER_SIZE_MAX = 255,    /* a mail address, or less */
    LOGIN_SECRET_SIZE_MAX = 8192, /* a token; its line of base64 fits the 12288
                                     octets of RFC 4954 section 4 */
    LOGIN_FILE_SIZE_MAX = LOGIN_SECRET_SIZE_MAX + 2, /* and a line end */
    PIN_COUNT_MAX = 8, /* of a hop: keys now, and those to come */
    /* MTA-STS: RFC 8461 sections 3.2 and 3.3 */
    MTASTS_SIZE_MAX = 65536,
    MTASTS_PATH_SIZE_MAX = 15 + NAME_TEXT_SIZE_MAX, /* control/mtasts/NAME */
    MTASTS_MX_COUNT_MAX = 32,    /* as many as there are candidates */
    MTASTS_AGE_S_MAX = 31557600, /* a year */
    /* tcpto: stock's numbers (interface.md section 4) */
    TCPTO_RECORD_COUNT_MAX = 64,
    TCPTO_TAIL_SIZE = 12, /* of a record, behind the address */
    TCPTO_SIZE_MAX = TCPTO_RECORD_COUNT_MAX * (ADDR_SIZE_MAX + TCPTO_TAIL_SIZE),
    TCPTO_SKIP_COUNT = 2,        /* time-outs before an address is skipped */
    TCPTO_SKIP_S = 60 * 64,      /* for this long, about an hour, ... */
    TCPTO_SKIP_STEP_S = 64,      /* ... and 0 to 31 steps, by process id */
    TCPTO_REPEAT_S = 120,        /* of deliveries at once, one counts */
    TCPTO_COUNT_MAX = 10,        /* time-outs counted */
    TCPTO_COUNT_WEIGHT_S = 1024, /* a time-out's worth when one must go */
    TCPTO_LOCK_TRY_COUNT = 10,   /* who holds the lock writes 16 bytes, ... */
    TCPTO_LOCK_PAUSE_MS = 10,    /* ... or is stuck: not worth a delivery */
    SESSION_DIGEST_SIZE = 32,    /* SHA-256 */
    SESSION_STATE_SIZE_MAX = 1920,
    SESSION_RECORD_SIZE = 2048, /* that, and what is known of it */
    SESSION_RECORD_COUNT = 32,  /* a file of 64 KB */
    SESSION_SHARE_COUNT = 24,   /* of these one proof of a server may have */
    SESSION_READ_COUNT = 2,     /* records read at once */
    SESSION_AGE_S = 86400,      /* what was proved counts for a day */

    /* DNS */
    DNS_PORT = 53,
    DNS_SERVER_COUNT_MAX = 4, /* all are asked within the first round */
    DNS_SCHEDULE_MS = 60000,  /* a minute for a look-up, in rounds of ... */
    DNS_ROUND_STEP_MS = 1000, /* ... 1, 2, 3 ... s, up to ... */
    DNS_ROUND_MS_MAX = 5000,  /* ... this: a resolver may answer only repeated
                                 questions, Unbound none that is 1.9 s old: */
    DNS_AGAIN_MS = 3000,      /* so long into such a round the silent are asked
                                 once more; what is known soon then is heard */
    DNS_HEDGE_MS = 300,       /* next server of a round */
    DNS_PAUSE_MS = 1000,      /* behind a round in which all answered badly */
    DNS_BUSY_MS = 10000,      /* a forwarder that is full is asked for so long:
                                 dnsmasq refuses beyond 150 open questions, and
                                 gives up those that are 10 s old */
    DNS_JITTER_STEP_MS = 4,   /* pauses for it are up to 255 of these longer */
    DNS_STREAM_MS = 5000,     /* to connect, ask and be told over TCP; as long
                                 as a round if others wait for their turn */
    DNS_EDNS_SIZE = 1232,     /* DNS flag day 2020: fits an IPv6 MTU */
    DNS_UDP_SIZE_MAX = 4096,  /* what a datagram may bring */
    DNS_TCP_SIZE_MAX = 65535, /* RFC 1035 4.2.2 */
    DNS_TCP_PREFIX_SIZE = 2,  /* RFC 1035 4.2.2: the length in front */
    DNS_HEADER_SIZE = 12,     /* RFC 1035 4.1.1 */
    DNS_POINTER_COUNT_MAX = 127, /* a name of 255 octets has 127 labels */
    DNS_CNAME_COUNT_MAX = 8,     /* hops of an alias chain, over all answers */
    DNS_MX_COUNT_MAX = 20,       /* best exchangers looked up */
    DNS_ADDRESS_COUNT_MAX = 32,  /* addresses kept of one answer */
    DNS_QUESTION_COUNT_MAX = 3 + 2 * DNS_MX_COUNT_MAX,
    DNS_PENDING_COUNT_MAX = 15, /* questions asked at a time */
    /* Sockets: two for a question at a server, and a stream */
    DNS_ATTEMPT_COUNT_MAX =
        DNS_PENDING_COUNT_MAX * DNS_SERVER_COUNT_MAX * 2 + 1,
    DNS_QUERY_SIZE_MAX = 12 + 255 + 4 + 11, /* header, question, OPT */
    DNS_RANDOM_SIZE = 18, /* id, and one case bit for 128 letters */
    DNS_CASE_SIZE = DNS_RANDOM_SIZE - 2,
    DNS_HOST_BURST_COUNT = 5, /* exchangers asked for at once: with 20, a */
    DNS_BURST_COUNT_MAX = 14, /* dozen deliveries fill dnsmasq, which
                                 refuses beyond 150 open questions */
    DNS_PATIENCE_MS = 4000,   /* how long a better exchanger is waited for */
    DANE_HOST_COUNT_MAX = 8,  /* best exchangers that may prove themselves so */
    TLSA_COUNT_MAX = 16,      /* records of a host: keys now, and to come */
    TLSA_SHA256_SIZE = 32,
    TLSA_SHA512_SIZE = 64,
    TLSA_DATA_SIZE_MAX =
        2560, /* theirs: 16 digests, or two whole certificates */
    DNS_INTERFACE_SIZE_MAX = 15, /* a scope's name: IFNAMSIZ, without NUL */

    /* The system */
    OS_RETRY_COUNT_MAX = 1000, /* a call interrupted so often in a row fails */
    OS_RANDOM_PAUSE_MS = 20,   /* a kernel without randomness is asked again */

    /* The sandbox */
    OS_FILE_COUNT_MAX = 256,  /* an attempt each, and a dozen others */
    OS_FILE_SIZE_MAX = 65536, /* a tcpto table; reports are not held to it */
    OS_PORT_COUNT_MAX = DNS_SERVER_COUNT_MAX + 1,

    /* Candidates */
    CANDIDATE_COUNT_MAX = 32,
    CANDIDATE_GRACE_MS = 50, /* for what is still unknown: RFC 8305 section 3 */
    OS_POLL_COUNT_MAX = DNS_ATTEMPT_COUNT_MAX + CANDIDATE_COUNT_MAX,
    SESSION_COUNT_MAX = 5,      /* a pass over the candidates */
    POLICY_PASS_EXTRA_MS = 250, /* a second of timeoutremote: course.h */
    RACE_STAGGER_MS = 250,      /* the next address: RFC 8305 section 5 */
    RACE_SLOW_MS = 3000,        /* two SYNs without an answer: RFC 6298 */

    /* SMTP */
    REPLY_LINE_COUNT_MAX = 1000,
    REPLY_SIZE_MAX = 65536,
    REPLY_TEXT_SIZE_MAX = 5000, /* kept of a reply, for the report */
    REPLY_LINE_SIZE_MAX = 512,  /* RFC 5321 4.5.3.1.5; a keyword and its
                                   parameters: all that Cyrus SASL can do has
                                   over 200 octets */
    SMTP_QUOTE_SIZE_MAX = 200,  /* of a line that is no reply */
    SMTP_WHY_SIZE_MAX = SMTP_QUOTE_SIZE_MAX + 48, /* in a sentence */
    SMTP_RX_SIZE = 4096,
    SMTP_TX_SIZE = 65536,           /* a write: what the kernel sends at once */
    SMTP_SECURE_TX_SIZE = 16384,    /* a full record (RFC 8446 5.1) */
    SMTP_COMMAND_SIZE_MAX = 512,    /* RFC 5321 4.5.3.1.4 */
    SMTP_AUTH_NAMES_SIZE_MAX = 200, /* told of mechanisms that are offered */
    SMTP_AUTH_USER_SIZE_MAX = 3 * LOGIN_USER_SIZE_MAX, /* of commas, as =2C */
    /* OAUTHBEARER's: 37 octets around the rest */
    SMTP_AUTH_RESPONSE_SIZE_MAX = SMTP_AUTH_USER_SIZE_MAX + NAME_TEXT_SIZE_MAX +
                                  LOGIN_SECRET_SIZE_MAX + 37,
    SMTP_AUTH_LINE_SIZE_MAX = (SMTP_AUTH_RESPONSE_SIZE_MAX + 2) / 3 * 4 + 2,
    /* So many octets in a row a reply must not quote of a login. Fewer would
     * hide text that is a piece of it by chance: a token has thousands. */
    SMTP_HIDE_PASSWORD_RUN = 4,
    SMTP_HIDE_TOKEN_RUN = 6,
    SMTP_HIDE_FILTER_SIZE = 1024, /* a bit for each in a reply, at half load */
    MESSAGE_CHUNK_SIZE = 32768,   /* a read: twice as much gains 2 % */

    /* The queue's first retry comes after 400 s; the rest is for a queue that
     * was slow to begin. */
    MESSAGE_RETRY_AGE_S = 300,

    /* TLS */
    TLS_ARENA_SIZE = 112 * 1024, /* least: 45 KiB, hard chains 98 KiB */
    TLS_RX_SIZE = 4096,
    TLS_ENTROPY_SIZE = 48,    /* CTR_DRBG with AES-256: key and nonce */
    TLS_CHAIN_COUNT_MAX = 10, /* mbedTLS verifies 8 intermediates */
    TLS_ISSUER_COUNT_MAX = TLS_CHAIN_COUNT_MAX + 1, /* and the leaf itself */
    ANCHORS_LINK_COUNT_MAX = 16, /* certificates under one name hash */
    TLS_ANCHOR_COUNT_MAX = 32,   /* anchors kept for one chain */
    TLS_DER_SIZE_MAX = 8192,     /* one certificate of the anchors */
    TLS_PEM_SIZE_MAX = 16384,    /* client certificate chain, or key */
    TLS_REASON_SIZE_MAX = 511,
    TLS_NOTE_SIZE_MAX = 127, /* of a reason, kept for a second session */
    TLS_LINE_SIZE_MAX = TLS_REASON_SIZE_MAX + 32, /* STARTTLS failed: ...; */
    TLS_NAME_SIZE_MAX = 1024, /* a distinguished name in canonical form */
    TLS_RDN_COUNT_MAX = 8,    /* attributes in one part of such a name */
    TLS_SHA1_SIZE = 20,
    TLS_SHA1_STATE = 5,                   /* words of 32 bits, and ... */
    TLS_SHA1_WORDS = 16,                  /* ... those of one block, */
    TLS_SHA1_BLOCK_SIZE = 64,             /* of so many octets */
    TLS_PIN_SIZE = 32,                    /* SHA-256, ... */
    TLS_PIN_TEXT_SIZE = 2 * TLS_PIN_SIZE, /* ... in hexadecimal */
    TLS_DANE_NAME_COUNT_MAX = 2, /* the next hop, and its alias's end */
    PROBE_TLSA_SIZE = 8, /* octets of a record that the probe shows, ... */
    PROBE_TLSA_TEXT_SIZE = 2 * PROBE_TLSA_SIZE, /* ... in hexadecimal */
    TLS_DIGEST_SIZE = SESSION_DIGEST_SIZE,
    TLS_CIPHER_SIZE_MAX = 47, /* the longest of ours has 45 */
    TLS_PEM_LINE_SIZE = 64,   /* RFC 7468 2: a line of base64; any label */
    TLS_TIMES_SIZE = 48, /* 2026-01-02T03:04:05Z twice; years of 5 digits */
    /* A ticket of OpenSSL's has 200 octets; with a client's certificate in it
     * 2000. A server sends one to four (RFC 8446 section C.4). */
    TLS_SESSION_SIZE_MAX = 1920,
    TLS_SESSION_COUNT_MAX = 4,
    TLS_CLOCK_MIN_S = 1577836800, /* 2020-01-01: a clock before it is wrong */

    /* The probe */
    TELL_VALUE_SIZE_MAX = 1024,          /* told of a reply, an error, a name */
    TELL_SIZE = 6 * TELL_VALUE_SIZE_MAX, /* a line end can take 5 bytes */
    CERTIFICATE_TEXT_SIZE_MAX = 127,     /* told of a name in a certificate */

    /* Report */
    REPORT_SIZE_MAX = 65536,
    REPORT_TRY_COUNT_MAX = 1000 /* in a row: the pipe says ready, and is not */
};

_Static_assert(ENDPOINT_TEXT_SIZE_MAX >= ADDR_TEXT_SIZE_MAX + 8,
               "brackets, colon and port");
_Static_assert(NAME_TEXT_SIZE_MAX + 2 == NAME_WIRE_SIZE_MAX,
               "first length octet and root label");
_Static_assert(CONTROL_KEPT_SIZE_MAX >
                   CONTROL_LINE_SIZE_MAX + LOGIN_SECRET_SIZE_MAX,
               "a secret that is too long is seen to be");
_Static_assert(DNS_EDNS_SIZE <= DNS_UDP_SIZE_MAX, "answers fit");
_Static_assert((DNS_SERVER_COUNT_MAX - 1) * DNS_HEDGE_MS < DNS_ROUND_STEP_MS,
               "the first round asks them all");
_Static_assert(DNS_ROUND_STEP_MS < DNS_AGAIN_MS &&
                   DNS_AGAIN_MS < DNS_ROUND_MS_MAX,
               "all of a round were asked by then, and it goes on");
_Static_assert(DNS_BURST_COUNT_MAX < DNS_PENDING_COUNT_MAX,
               "exchangers' questions can be asked");
_Static_assert(TLSA_DATA_SIZE_MAX >= TLSA_COUNT_MAX * TLSA_SHA512_SIZE,
               "digests fit");
_Static_assert(SMTP_COMMAND_SIZE_MAX >= ADDRESS_SIZE_MAX + 80, "MAIL fits");
_Static_assert(SMTP_SECURE_TX_SIZE >= 2 * SMTP_COMMAND_SIZE_MAX,
               "a command fits");
_Static_assert(SMTP_SECURE_TX_SIZE >= SMTP_AUTH_LINE_SIZE_MAX,
               "the longest response fits");
_Static_assert(SMTP_AUTH_LINE_SIZE_MAX >= 12288,
               "what a server must take: RFC 4954 section 4");
_Static_assert(SMTP_SECURE_TX_SIZE <= SMTP_TX_SIZE, "it is part of the buffer");
_Static_assert(OS_FILE_COUNT_MAX >= DNS_ATTEMPT_COUNT_MAX + CANDIDATE_COUNT_MAX,
               "every socket has a number");
_Static_assert(OS_FILE_SIZE_MAX >= TCPTO_SIZE_MAX, "a table is written");
_Static_assert(SESSION_STATE_SIZE_MAX >= TLS_SESSION_SIZE_MAX,
               "what TLS keeps fits in a record");
_Static_assert(OS_FILE_SIZE_MAX >= SESSION_RECORD_COUNT * SESSION_RECORD_SIZE,
               "every record is written");
_Static_assert(REPORT_SIZE_MAX >= 2 * REPLY_TEXT_SIZE_MAX, "a report fits");

#endif
