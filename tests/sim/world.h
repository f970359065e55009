/* SPDX-License-Identifier: ISC */
/*
 * The world of one run: files, names, servers and their manners, the message;
 * all of it drawn from the seed before the program starts.
 *
 * in     the stream of core.h
 * out    struct world, const from then on but for what servers note
 * bound  the counts below
 * fault  none
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/addr.h"
#include "os/os.h"
#include "sim/core.h"
#include "sim/peer.h"

enum {
    MTA_COUNT_MAX = 12, /* as many as certificates have addresses */
    NAME_COUNT_MAX = 40,
    ZONE_MX_COUNT_MAX = 800,
    ZONE_ADDRESS_COUNT_MAX = 6,
    NS_COUNT_MAX = 5,
    FILE_COUNT_MAX = 32,
    ARG_COUNT_MAX = 110,
    OWN_COUNT_MAX = 4,
    SECRET_COUNT_MAX = 24,
    LOGIN_PART_COUNT_MAX = 16,
    TEXT_SIZE = 96,
    SIM_PID = 1234,
    SIM_INTERFACE = 7 /* its index; the name: */
};

#define SIM_INTERFACE_NAME "eth0"

/* An address as it stands on the wire. */
struct place {
    uint8_t size; /* 4 or 16 */
    uint8_t bytes[16];
};

/* ---- names ---- */

enum ask { ASK_MX, ASK_A, ASK_AAAA, ASK_COUNT };

enum zone_state {
    ZONE_FINE,
    ZONE_NO_NAME,
    ZONE_BROKEN /* every server fails on it */
};

struct zone_name {
    char text[TEXT_SIZE];
    enum zone_state state;
    int alias;  /* index, or -1 */
    bool dress; /* an address where a name should be: the DNS knows none */
    uint32_t address_count;
    struct place addresses[ZONE_ADDRESS_COUNT_MAX];
    uint32_t late_ms[ASK_COUNT]; /* so long does the first answer take */
};

struct zone_mx {
    uint16_t preference;
    int target; /* index, or -1: the root */
};

struct zone {
    uint32_t name_count; /* the first is the host, the second the relay */
    struct zone_name names[NAME_COUNT_MAX];
    int mx_owner;
    bool mx_no_name; /* NXDOMAIN, asked for exchangers */
    uint32_t mx_count;
    struct zone_mx mx[ZONE_MX_COUNT_MAX];
};

enum { ZONE_HOST, ZONE_RELAY, ZONE_EXCHANGER };

/* The TLSA records of a name. */
enum tlsa_state { TLSA_ABSENT, TLSA_THERE, TLSA_SERVFAIL, TLSA_SILENT };

struct zone_tlsa {
    enum tlsa_state state;
    bool insecure;
    uint32_t pins;     /* keys of these certificates: bits; */
    bool stranger;     /* one that is nobody's; */
    uint32_t unusable; /* so many of these, */
    bool malformed;    /* or one of these */
};

struct dane {
    bool there;        /* control/dane, and AD is said */
    bool on;           /* in force */
    uint64_t insecure; /* names of the zone, by bits: never AD */
    struct zone_tlsa tlsa[NAME_COUNT_MAX];
};

enum ns_manner {
    NS_GOOD,
    NS_SILENT,
    NS_SERVFAIL,
    NS_REFUSED,
    NS_NOTIMP,    /* always */
    NS_NO_EDNS,   /* FORMERR or NOTIMP to EDNS, good without */
    NS_RUBBISH,   /* malformed, with the right id and question */
    NS_LOWER,     /* does not keep case */
    NS_TRUNCATED, /* over UDP always */
    NS_LAME,      /* sends us elsewhere */
    NS_UNREACHABLE,
    NS_BARE,        /* a header alone */
    NS_BADVERS,     /* an error that takes an OPT record to say */
    NS_DROPS_EDNS,  /* silent to EDNS, good without; the next three likewise: */
    NS_OPT_ANSWERS, /* the OPT record is among the answers */
    NS_OPT_COUNTED, /* it is counted and not there */
    NS_CUT,         /* at 512 octets, and does not say so */
    NS_NO_NAME,     /* of another horizon: there is no such name */
    NS_NO_DATA,     /* likewise, no such record */
    NS_MANNER_COUNT
};

enum ns_stream {
    NS_TCP_GOOD,
    NS_TCP_REFUSED,
    NS_TCP_SILENT,
    NS_TCP_CLOSED, /* accepts, closes */
    NS_TCP_SHORT,  /* a part of it, then closes */
    NS_TCP_LENGTH, /* a length that lies, or 0 */
    NS_TCP_TC,     /* says TC here too */
    NS_TCP_COUNT
};

struct ns {
    struct place place;
    enum ns_manner manner;
    enum ns_stream stream;
    bool scoped; /* link-local: there by SIM_INTERFACE only */
    uint32_t latency_ms;
    uint32_t loss;    /* percent */
    uint32_t noise;   /* percent: forged, doubled, late packets */
    uint32_t full_ms; /* so long it refuses: a forwarder that is full */
    bool loses_first; /* the first datagram of each question */
    bool discards;    /* answers to questions that are old: Unbound does */
    /* noted: when it was asked first; -1: never */
    int64_t asked_ms[NAME_COUNT_MAX][ASK_COUNT];
};

/* ---- mail servers ---- */

enum reach {
    REACH_FINE,
    REACH_REFUSED,
    REACH_NO_ROUTE,   /* the system says so at once */
    REACH_BLACK_HOLE, /* never an answer */
    REACH_TIMEOUT     /* the system's own time-out */
};

/* Where in a session something happens. */
enum at {
    AT_GREETING,
    AT_EHLO,
    AT_HELO,
    AT_STARTTLS,
    AT_HANDSHAKE,
    AT_AUTH, /* each of its replies */
    AT_MAIL,
    AT_RCPT,
    AT_DATA,
    AT_BODY, /* in the middle of the message */
    AT_END,  /* of the message */
    AT_COUNT
};

enum mischief {
    NO_MISCHIEF,
    CLOSE,    /* instead of the reply, */
    RESET,    /* likewise, */
    SILENCE,  /* for ever */
    CUT,      /* some bytes of the reply, then one of these */
    SLOW,     /* just within the time-out: legal */
    LATE,     /* just after it */
    DRIP,     /* byte by byte, too slow as a whole */
    ODD,      /* malformed, out of a list */
    ENDLESS,  /* lines without end */
    TWICE,    /* an unasked reply behind the one asked for */
    LONG,     /* one line of a megabyte */
    CLOSING,  /* 421, then closed */
    DEAF,     /* reads nothing any more, for a while or for ever */
    FORGED,   /* AT_STARTTLS: bytes in clear behind the 220, maybe later */
    GARBLED,  /* AT_HANDSHAKE: a bit of the TLS stream, anywhere in it */
    BABBLE,   /* AT_HANDSHAKE: bytes that are no TLS */
    NAGGING,  /* records without end that ask us to answer, but no reply */
    TAKEN_OFF /* the connection ends after some bytes of the client */
};

/* What is wrong with a server's TLS, other than its certificate. */
enum tls_fault {
    TLS_FINE,
    TLS_FAULT_REFUSED,  /* 454 */
    TLS_FAULT_SENT_OFF, /* 454, and the connection ends */
    TLS_FAULT_ENDED,    /* the connection ends at STARTTLS, */
    TLS_FAULT_LOST,     /* by a reset, */
    TLS_FAULT_CLOSING,  /* by 421 */
    TLS_FAULT_SILENT,   /* no reply to STARTTLS */
    TLS_FAULT_RESET,    /* in the handshake */
    TLS_FAULT_DROPPED,  /* behind it */
    TLS_FAULT_COUNT
};

/* Legal records of TLS that bring nothing (sim/peer.h's). */
enum nag { NAG_NONE, NAG_HELLO_REQUEST, NAG_WARNING, NAG_EMPTY, NAG_COUNT };

/* How its replies are written: all of it is understood. */
enum form {
    FORM_PLAIN,
    FORM_TAB,      /* for the space */
    FORM_BARE,     /* nothing behind the code */
    FORM_CRS,      /* two CRs before the LF, */
    FORM_BARE_CRS, /* and nothing behind the code */
    FORM_CODES,    /* other codes in the lines before the last */
    FORM_COUNT
};

enum cert {
    CERT_GOOD,
    CERT_RSA,
    CERT_NAME,
    CERT_EXPIRED,
    CERT_UNKNOWN,
    CERT_SELF,
    CERT_SECOND, /* for the second exchanger's name alone */
    CERT_COUNT
};

enum {
    OFFERS_PIPELINING = 1,
    OFFERS_CHUNKING = 2,
    OFFERS_SIZE = 4,
    OFFERS_8BIT = 8,
    OFFERS_STARTTLS = 16,
    OFFERS_LOOKALIKE = 32
};

/* What AUTH is offered with; the last: none that the program knows. */
enum {
    MECHANISM_PLAIN = 1,
    MECHANISM_LOGIN = 2,
    MECHANISM_XOAUTH2 = 4,
    MECHANISM_OAUTHBEARER = 8,
    MECHANISM_OTHER = 16,
    MECHANISM_COUNT = 5,
    MECHANISMS_PASSWORD = MECHANISM_PLAIN | MECHANISM_LOGIN,
    MECHANISMS_TOKEN = MECHANISM_XOAUTH2 | MECHANISM_OAUTHBEARER
};

enum { HATES_FLIGHTS = 1, HATES_PARAMETERS = 2 };

struct mta {
    struct place place;
    enum reach reach;
    uint32_t latency_ms, jitter_ms, think_ms;
    uint32_t segment;   /* bytes it says at once, at most */
    uint32_t window;    /* bytes it takes before it has read them */
    uint32_t offers[2]; /* in clear, under TLS */
    bool knows_ehlo;
    bool close_silently; /* TLS ends without close_notify */
    uint64_t size_max;
    bool tls_first;           /* it speaks TLS from the first byte */
    uint32_t auth[2];         /* bits of mechanisms; in clear, under TLS */
    bool auth_equals;         /* written as AUTH=, */
    bool auth_lower;          /* in lower case */
    bool auth_again;          /* 334 to an initial response of PLAIN */
    bool auth_challenges;     /* 334 in front of the refusal of a token */
    uint32_t auth_picky;      /* of those it offers, it refuses these, */
    uint16_t auth_picky_code; /* so */
    bool auth_quotes;         /* what it was sent, in all replies since */
    uint16_t codes[AT_COUNT]; /* 0: the right one */
    uint32_t refused_rcpts;   /* a bit each, codes[AT_RCPT] to those only */
    uint32_t text;            /* how its replies look */
    enum mischief mischief;
    enum at mischief_at;
    bool mischief_secure; /* happens under TLS, else in clear */
    uint32_t mischief_value;
    bool mischief_once;  /* in its first session only */
    enum at clear_at;    /* in clear it refuses this, */
    uint16_t clear_code; /* so; 0: nothing */
    bool mute;           /* hangs up at EHLO, and takes HELO */
    uint32_t hates;      /* bits; */
    enum at hates_at;    /* of a flight, this command; */
    uint16_t hates_code;
    enum form form;
    enum nag nag; /* with each reply under TLS */
    enum tls_fault tls_fault;
    bool tls_fault_once;        /* on its first connection only */
    bool busy;                  /* takes one connection, and no other */
    enum cert cert, first_cert; /* now; in the first delivery */
    bool tls12, tls13, tls_retry, tls_asks;
    uint32_t tls_tickets;
    enum peer_memory tls_memory;
    bool tls_requires;    /* a client certificate */
    uint32_t tcpto_count; /* in the table at the start: so often, */
    int64_t tcpto_s;      /* then */
    uint32_t session_count;
};

/* ---- files ---- */

struct sim_file {
    char path[TEXT_SIZE];
    enum os_kind kind;
    struct bytes content; /* of a directory: names, each ended by NUL */
    int64_t modified_s;
    uint64_t number, changed_ns;
    bool unreadable;
    bool others; /* can read it */
    bool locked; /* by another process */
};

/* ---- the next hop ---- */

enum proof { PROOF_NONE, PROOF_NAME, PROOF_PIN };

/* What control/smtproutes, authsenders, tlspolicy and outgoingip say of it. */
struct hop {
    bool login, token;    /* it wants a login; by an access token */
    bool right;           /* it knows the one that is configured */
    bool unsafe;          /* proved or not */
    bool loopback;        /* it is this machine */
    bool implicit;        /* TLS from the first byte */
    bool never;           /* no TLS at all */
    bool listed;          /* a policy of MTA-STS alone wants a proof */
    enum proof proof;     /* what it must prove under TLS, */
    uint32_t pins;        /* by one of these certificates' keys: bits; */
    char name[TEXT_SIZE]; /* its name; empty: its own */
    struct bytes user, secret;
    struct place source[2]; /* our address, IPv4 and IPv6; size 0: any */
    bool source_here[2];    /* the machine has it */
};

/* ---- all of it ---- */

/* Between the first delivery and the next. */
enum change {
    CHANGE_NONE,
    CHANGE_STRICTER, /* tlsstrictness 2, and not 0 */
    CHANGE_ANCHORS,  /* who has proved its name with them proves nothing now */
    CHANGE_CERTS,    /* those of all servers are bad now */
    CHANGE_KEYS,     /* none of them knows its tickets any more */
    CHANGE_CLOCK,    /* ours was set back */
    CHANGE_COUNT
};

struct world {
    uint64_t seed;
    uint32_t delivery, delivery_count; /* in the same world; from 0 */
    enum change change;
    uint32_t ticket_life_s;
    struct dane dane;
    uint64_t sts_excluded; /* names of the zone, by bits: not in the policy */
    int arg_count;
    char *args[ARG_COUNT_MAX + 4];
    char *environment[4];
    char host[2 * TEXT_SIZE]; /* as in args */
    char sender_wire[2 * TEXT_SIZE];
    uint32_t recipient_count;
    const char *recipient_wires[ARG_COUNT_MAX];
    bool bad_args;  /* D is right */
    bool not_ascii; /* likewise */

    struct bytes message, expected; /* as written; as the wire has it */
    bool message_pipe, message_partial, eight_bit;
    int64_t message_modified_s;

    char helo[TEXT_SIZE];
    int64_t connect_timeout_ms, remote_timeout_ms, dns_timeout_ms;
    bool bad_control;
    /* Of the next hop, whatever made it so: 2 is TLS or nothing, 1 TLS where
     * anybody has it, 0 TLS where it is offered; `anchors`: or never. */
    uint32_t strictness;
    bool anchors, client_cert;
    bool submits; /* to a relay that wants a login */
    struct hop hop;
    uint32_t login_part_count;
    struct bytes login_parts[LOGIN_PART_COUNT_MAX]; /* of its secret */
    uint32_t secret_count;
    struct bytes
        secrets[SECRET_COUNT_MAX]; /* parts of them; none may be seen */
    uint32_t own_count;
    struct place own[OWN_COUNT_MAX];
    uint32_t file_count;
    struct sim_file files[FILE_COUNT_MAX];

    enum { TO_EXCHANGERS, TO_RELAY, TO_ADDRESS } route;
    bool relayed; /* smtproutes says so */
    struct place route_place;
    uint16_t port;

    struct zone zone;
    bool use_vc; /* all questions go by TCP, one at a time */
    uint32_t ns_count;
    struct ns ns[NS_COUNT_MAX];
    uint32_t mta_count;
    struct mta mtas[MTA_COUNT_MAX];

    int64_t wall_s; /* when the run begins */
    bool wall_jumps;
    const char *scene; /* one trouble among healthy servers; or NULL: */
    uint32_t scene_number, scene_levels; /* bits: strictness; 8: no TLS */
    bool crowded;                        /* as many servers as can be */
    bool bulky;                          /* a large message */
    bool focused;        /* all before the first session goes well */
    bool racing;         /* few can be connected to, and tcpto says so */
    uint32_t slow;       /* percent: calls that take time */
    bool stops;          /* SIGSTOP and SIGCONT: long pauses */
    uint32_t fail_call;  /* number of the call that fails, 0: none */
    uint32_t fail_write; /* likewise, of those to mail servers */
    bool fail_for_ever;
    bool short_reads, short_writes;
    bool lumps;      /* what arrives at one time is seen at once */
    uint32_t greedy; /* octets a full socket still takes at once */
    int64_t keys_ms; /* when the kernel has randomness for keys */
    bool tcpto_used;

    /* Nothing above keeps the first name server, or a whole delivery, from
     * working as it should. */
    bool calm;      /* no failing calls, no stops */
    bool dns_clean; /* the first name server says the truth at once, */
    bool dns_true;  /* or in time, and nobody says anything else */
};

extern struct world world;

/* Fills `world`; `load_fixtures` once before. */
void world_make(uint64_t seed);
void load_fixtures(const char *directory);
void world_tell(void); /* into the trace */
struct sim_file *world_file(const char *path);

/* world_mail.c: the message, argv. world_net.c: servers, where to;
 * world_zone.c: names and who tells them. world_scene.c: one of its scenes. */
void world_make_message(void);
void world_make_args(void);
void world_make_net(void);
/* world_hop.c: what the next hop must be, once all else is made. */
void world_make_hop(void);
/* A policy of MTA-STS; whether it is in force. */
bool world_make_sts(void);
/* DANE, once all else is made. */
void world_make_dane(void);
void world_put_base64(struct bytes *b, const void *data, size_t size);
void world_add_secret(const void *data, size_t size);
struct sim_file *world_add_file(const char *path);
bool world_is_barred(const struct place *p); /* no address of ours to it */
void world_make_zone(void);
void world_make_ns(void);
enum { LATE_MS_MAX = 20001 };
void world_make_late(uint32_t percent, uint32_t ms_max);
void world_judge_ns(void);
int zone_add_name(const char *format, uint32_t number);
void zone_make_alias(int index);
int zone_add_dress(const struct place *p);
void zone_add_address(int index, const struct place *p);
void zone_add_mx(uint32_t preference, int target);
void world_heal(struct mta *m);
void world_demand_tls(struct mta *m);
/* world_again.c: time for the next delivery, behind the one that has ended. */
void world_again(void);
void world_replace_anchors(struct sim_file *f); /* world.c's */
bool world_has_changed(enum change change);
/* First of all; then, once all else is made. */
void world_draw_scene(void);
void world_make_scene(void);

bool place_equal(const struct place *a, const struct place *b);
/* The address a name server's record means: mapped IPv4 is IPv4. */
struct place place_plain(const struct place *p);
struct place place_of(const struct addr *a);
bool place_is_own(const struct place *p, bool named_by_others);
bool place_is_loopback(const struct place *p); /* a plain one */
bool place_is_usable(const struct place *p);
const char *place_text(const struct place *p); /* one of some buffers */
struct place place_make(uint32_t index, bool six);
struct place place_make_local(uint32_t index);

#endif
