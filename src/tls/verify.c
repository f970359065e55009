/* SPDX-License-Identifier: ISC */
#include "tls/verify.h"

#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/sha256.h>
#include <string.h>

#include "base/ascii.h"
#include "base/assert.h"
#include "tls/constraints.h"
#include "tls/dane.h"
#include "tls/der.h"
#include "tls/match.h"
#include "tls/reason.h"
#include "tls/resume.h"
#include "tls/time.h"

/* RFC 9325 section 4: no SHA-1, no RSA below 2048 bits. */
static const mbedtls_x509_crt_profile profile = {
    MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
    MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSA) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_RSASSA_PSS) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECKEY) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_PK_ECDSA),
    MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
        MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1),
    2048,
};

/* What mbedTLS does not look at, among its MBEDTLS_X509_BADCERT_... */
enum {
    AUTHORITY_NOT_FOR_SERVERS = 1 << 28,
    NAME_FORBIDDEN = 1 << 29,
    CONSTRAINTS_BAD = 1 << 30
};

/* What was found wrong, over the whole chain. */
struct verdict {
    uint32_t flags;
    /* The chain that mbedTLS built, the leaf first. */
    const mbedtls_x509_crt *path[TLS_CHAIN_COUNT_MAX];
    int path_count;
    struct slice meant; /* a name, or a literal's octets */
    bool name_wrong;
    bool name_absent; /* no subjectAltName at all */
    /* The certificate nearest to the leaf, and whether it is the leaf. */
    const mbedtls_x509_crt *expired, *future;
    bool expired_leaf, future_leaf;
    struct tls_core *core;
};

static struct slice
slice_der(const mbedtls_x509_buf *b)
{
    return slice_of(b->p, b->len);
}

static bool
issuer_known(const struct tls *t, const struct tls_name_hash *hash)
{
    for (uint32_t i = 0; i < t->issuer_count; i++)
        if (memcmp(t->issuers[i].sha1, hash->sha1, sizeof(hash->sha1)) == 0)
            return true;
    return false;
}

/* For what core->reason says: TLS_REFUSED, or TLS_FAILED. */
static void
refuse(struct tls *t, enum tls_state state, uint8_t alert)
{
    if (t->tell) {
        t->reason = buf_slice(&t->core->reason);
        t->verified = true;
        t->state = TLS_HANDSHAKE;
        /* Of a later failure the reason is another one. */
        buf_reset(&t->core->reason);
        return;
    }
    tls_give_up(t, state);
    /* Its result does not matter: the connection is over. */
    (void)mbedtls_ssl_send_alert_message(&t->core->ssl,
                                         MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
}

static void
want_issuer(struct tls *t, const mbedtls_x509_buf *name)
{
    struct tls_name_hash hash;

    if (tls_name_hash(slice_der(name), &hash) && !issuer_known(t, &hash))
        t->issuers[t->issuer_count++] = hash;
}

/* Without RFC 5746 what we say may be put behind words of someone else, who
 * spoke to the server first and let us renegotiate. */
static bool
may_be_spliced(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_2 &&
           ssl->MBEDTLS_PRIVATE(secure_renegotiation) !=
               MBEDTLS_SSL_SECURE_RENEGOTIATION;
}

void
tls_verify_pin(struct tls *t)
{
    const mbedtls_x509_crt *leaf = tls_chain(t->core);

    memset(t->pin, 0, sizeof(t->pin));
    if (leaf != NULL && leaf->raw.p != NULL)
        /* It has no hardware that could fail, and no heap. */
        (void)mbedtls_sha256(leaf->pk_raw.p, leaf->pk_raw.len, t->pin, 0);
}

void
tls_verify_begin(struct tls *t)
{
    const mbedtls_x509_crt *cert = tls_chain(t->core);
    uint32_t count = 0;

    tls_verify_pin(t);
    if (may_be_spliced(&t->core->ssl)) {
        buf_put_text(&t->core->reason,
                     "no secure renegotiation (RFC 5746) at the peer");
        refuse(t, TLS_FAILED, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
        return;
    }
    if (tls_resume_is(t) && t->pin_count == 0 && !t->dane) {
        t->verified = true;
        return;
    }
    if (cert == NULL || cert->raw.p == NULL) {
        buf_put_text(&t->core->reason, "the peer showed no certificate");
        refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_NO_CERT);
        return;
    }
    t->state = TLS_ANCHORS;
    if (t->pin_count > 0 || t->dane)
        return;
    want_issuer(t, &cert->subject_raw); /* it may be trusted itself */
    for (; cert != NULL; cert = cert->next) {
        if (count++ == TLS_CHAIN_COUNT_MAX) {
            buf_put_text(&t->core->reason, "more than ");
            buf_put_number(&t->core->reason, TLS_CHAIN_COUNT_MAX, 0);
            buf_put_text(&t->core->reason, " certificates");
            refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
            return;
        }
        want_issuer(t, &cert->issuer_raw);
    }
}

static bool
anchor_known(const struct tls_core *core, struct slice der)
{
    const mbedtls_x509_crt *anchor = &core->anchors;

    for (; anchor != NULL && anchor->raw.p != NULL; anchor = anchor->next)
        if (slice_equal(slice_der(&anchor->raw), der))
            return true;
    return false;
}

static void
add_anchor(struct tls *t, struct slice der)
{
    struct tls_core *core = t->core;
    int error;

    if (core->anchor_count > TLS_ANCHOR_COUNT_MAX || anchor_known(core, der))
        return;
    error = mbedtls_x509_crt_parse_der(&core->anchors, der.data, der.size);
    if (error == 0)
        core->anchor_count++;
    else if (tls_reason_is_memory(error))
        tls_fail(t, error);
    else
        core->anchor_error = error;
}

void
tls_anchor(struct tls *t, struct slice der)
{
    struct slice subject;
    struct tls_name_hash hash;

    if (t->state == TLS_ANCHORS && tls_name_subject(der, &subject) &&
        tls_name_hash(subject, &hash) && issuer_known(t, &hash))
        add_anchor(t, der);
}

static bool
is_for_servers(const mbedtls_x509_crt *cert)
{
    return mbedtls_x509_crt_check_extended_key_usage(
               cert, MBEDTLS_OID_SERVER_AUTH,
               MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) == 0;
}

/* mbedTLS shows every certificate of the chain it built, the root first. */
static int
note_certificate(void *context, mbedtls_x509_crt *cert, int depth,
                 uint32_t *flags)
{
    struct verdict *v = context;
    const mbedtls_x509_crt *anchor = &v->core->anchors;

    assert(depth < TLS_CHAIN_COUNT_MAX);
    v->path[depth] = cert;
    if (depth >= v->path_count)
        v->path_count = depth + 1;
    if (depth > 0 && !is_for_servers(cert))
        *flags |= AUTHORITY_NOT_FOR_SERVERS;
    for (; anchor != NULL; anchor = anchor->next)
        if (anchor == cert)
            v->core->anchor = cert;
    if (*flags & MBEDTLS_X509_BADCERT_EXPIRED) {
        v->expired = cert;
        v->expired_leaf = depth == 0;
    }
    if (*flags & MBEDTLS_X509_BADCERT_FUTURE) {
        v->future = cert;
        v->future_leaf = depth == 0;
    }
    return 0;
}

/* The certificate is for this name, or this literal (RFC 9525). */
static bool
has_name(const struct tls *t, const mbedtls_x509_crt *leaf, struct slice name)
{
    const mbedtls_x509_sequence *san = &leaf->subject_alt_names;

    for (; san != NULL && san->buf.p != NULL; san = san->next) {
        struct slice value = slice_of(san->buf.p, san->buf.len);

        if (t->literal.family != ADDR_NONE
                ? tls_match_address((uint8_t)san->buf.tag, value, &t->literal)
                : tls_match_name((uint8_t)san->buf.tag, value, name))
            return true;
    }
    return false;
}

/* Names of any that a peer may be known by are as good. */
static void
check_name(const struct tls *t, const mbedtls_x509_crt *leaf, struct verdict *v)
{
    uint32_t count = t->dane ? t->dane->name_count : 0;

    v->meant = t->literal.family == ADDR_NONE
                   ? slice_text(t->name)
                   : slice_of(t->literal.bytes, addr_size(&t->literal));
    v->name_absent = leaf->subject_alt_names.buf.p == NULL;
    v->name_wrong = !has_name(t, leaf, v->meant);
    for (uint32_t i = 0; i < count && v->name_wrong; i++) {
        v->name_wrong = !has_name(t, leaf, t->dane->names[i]);
        if (!v->name_wrong)
            v->meant = t->dane->names[i];
    }
}

/* What mbedTLS checks inside a handshake only. */
static void
check_leaf(const struct tls *t, const mbedtls_x509_crt *leaf, struct verdict *v)
{

    if (mbedtls_x509_crt_check_key_usage(
            leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        v->flags |= MBEDTLS_X509_BADCERT_KEY_USAGE;
    if (!is_for_servers(leaf))
        v->flags |= MBEDTLS_X509_BADCERT_EXT_KEY_USAGE;
    check_name(t, leaf, v);
}

static void
note_judgement(struct verdict *v, enum tls_constraints judgement)
{
    if (judgement == TLS_CONSTRAINTS_FORBID)
        v->flags |= NAME_FORBIDDEN;
    if (judgement == TLS_CONSTRAINTS_BAD)
        v->flags |= CONSTRAINTS_BAD;
}

/* An authority's constraints, against all names below it, but those of
 * authorities that issued to themselves (RFC 5280 section 6.1.3). And against
 * the name that is meant: it may be one of those that a `*` stands for. */
static void
check_names(const struct tls *t, struct verdict *v, int depth,
            struct slice constraints)
{
    bool is_name = t->literal.family == ADDR_NONE;

    note_judgement(v, tls_constraints_judge(constraints,
                                            is_name ? TLS_DER_DNS_NAME
                                                    : TLS_DER_IP_ADDRESS,
                                            v->meant));
    for (int i = 0; i < depth; i++) {
        const mbedtls_x509_crt *cert = v->path[i];
        const mbedtls_x509_sequence *san = &cert->subject_alt_names;

        if (i > 0 && slice_equal(slice_der(&cert->issuer_raw),
                                 slice_der(&cert->subject_raw)))
            continue;
        for (; san != NULL && san->buf.p != NULL; san = san->next)
            note_judgement(v, tls_constraints_judge(constraints,
                                                    (uint8_t)san->buf.tag,
                                                    slice_der(&san->buf)));
    }
}

static void
check_constraints(const struct tls *t, struct verdict *v)
{
    for (int depth = 1; depth < v->path_count; depth++) {
        struct slice constraints;
        enum tls_constraints found = tls_constraints_find(
            slice_der(&v->path[depth]->v3_ext), &constraints);

        if (found == TLS_CONSTRAINTS_ALLOW)
            check_names(t, v, depth, constraints);
        else
            note_judgement(v, found);
    }
}

static void
put_and(struct buf *out)
{
    if (out->used > 0)
        buf_put_text(out, ", ");
}

static void
explain_dates(const struct tls *t, struct buf *out, const struct verdict *v)
{
    mbedtls_x509_time now;

    if (v->expired != NULL) {
        put_and(out);
        buf_put_text(out, v->expired_leaf ? "certificate expired on "
                                          : "its authority expired on ");
        tls_time_put_day(out, &v->expired->valid_to);
    }
    if (v->future != NULL) {
        put_and(out);
        buf_put_text(out, v->future_leaf
                              ? "certificate not valid before "
                              : "its authority is not valid before ");
        tls_time_put_day(out, &v->future->valid_from);
    }
    if (v->future != NULL && t->wall_s < TLS_CLOCK_MIN_S &&
        mbedtls_x509_time_gmtime(t->wall_s < 0 ? 0 : t->wall_s, &now) == 0) {
        put_and(out);
        buf_put_text(out, "the clock of this machine says ");
        tls_time_put_day(out, &now);
    }
}

static void
explain(const struct tls *t, struct buf *out, const struct verdict *v)
{
    static const struct {
        uint32_t flags;
        const char *text;
    } rows[] = {
        {MBEDTLS_X509_BADCERT_BAD_KEY, "key too weak"},
        {MBEDTLS_X509_BADCERT_BAD_MD, "signed with a weak digest"},
        {MBEDTLS_X509_BADCERT_BAD_PK, "signed with a weak algorithm"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE,
         "not meant for servers"},
        {AUTHORITY_NOT_FOR_SERVERS, "its authority is not meant for servers"},
        {NAME_FORBIDDEN, "its authority may not vouch for its names"},
        {CONSTRAINTS_BAD, "its authority has name constraints that cannot be "
                          "judged"},
    };
    const mbedtls_x509_crt *leaf = tls_chain(t->core);

    explain_dates(t, out, v);
    /* A signature that is too weak was not looked at, which says nothing
     * about the authority. */
    if ((v->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) &&
        !(v->flags & MBEDTLS_X509_BADCERT_BAD_MD)) {
        put_and(out);
        buf_put_text(out, slice_equal(slice_der(&leaf->issuer_raw),
                                      slice_der(&leaf->subject_raw))
                              ? "self-signed certificate"
                              : "issued by an unknown authority");
        if (t->core->anchor_error != 0) {
            buf_put_text(out, ", a trust anchor cannot be used: ");
            tls_reason_error(out, t->core->anchor_error);
        }
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (v->flags & rows[i].flags) {
            put_and(out);
            buf_put_text(out, rows[i].text);
        }
    }
    if (v->name_wrong) {
        put_and(out);
        buf_put_text(out, "not valid for ");
        if (t->literal.family != ADDR_NONE)
            addr_print(out, &t->literal);
        else
            tls_reason_name(out, slice_text(t->name));
        if (v->name_absent)
            buf_put_text(out, " (it has no subjectAltName)");
    }
    if (out->used == 0)
        buf_put_text(out, "it cannot be verified");
}

static uint8_t
alert_for(const struct verdict *v)
{
    if (v->expired != NULL)
        return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
    if (v->flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
        return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
    return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
}

/* The first of a list with this subject, or its end. */
static mbedtls_x509_crt **
find_subject(mbedtls_x509_crt **link, const mbedtls_x509_buf *subject)
{
    while (*link != NULL &&
           !slice_equal(slice_der(&(*link)->subject_raw), slice_der(subject)))
        link = &(*link)->next;
    return link;
}

/* The link to the issuer of `cert` behind it: of several that were signed by
 * different authorities (cross-signed) the one that an anchor signed. */
static mbedtls_x509_crt **
find_issuer(mbedtls_x509_crt *cert, mbedtls_x509_crt **anchors)
{
    mbedtls_x509_crt **first = find_subject(&cert->next, &cert->issuer_raw);
    mbedtls_x509_crt **link = first;

    while (*link != NULL) {
        if (*find_subject(anchors, &(*link)->issuer_raw) != NULL)
            return link;
        link = find_subject(&(*link)->next, &cert->issuer_raw);
    }
    return first;
}

/* mbedTLS looks for an issuer further down the chain only, and takes the first
 * of the name; but servers send chains in any order (RFC 8446 section 4.4.2).
 * Puts issuers behind what they issued. */
static void
sort_chain(mbedtls_x509_crt *leaf, mbedtls_x509_crt *anchors)
{
    for (mbedtls_x509_crt *cert = leaf; cert->next; cert = cert->next) {
        mbedtls_x509_crt **link = find_issuer(cert, &anchors);
        mbedtls_x509_crt *issuer = *link;

        if (issuer == NULL)
            return;
        *link = issuer->next;
        issuer->next = cert->next;
        cert->next = issuer;
    }
}

/* RFC 5280 section 6. What the administrator trusts needs no chain, whoever
 * issued it. */
static int
verify_path(struct tls_core *core, mbedtls_x509_crt *leaf, struct verdict *v)
{
    mbedtls_x509_crt *others = leaf->next;
    bool trusted = anchor_known(core, slice_der(&leaf->raw));
    mbedtls_x509_crt *anchors =
        trusted || core->anchor_count == 0 ? NULL : &core->anchors;
    int error;

    if (trusted)
        leaf->next = NULL;
    else
        sort_chain(leaf, anchors);
    error = mbedtls_x509_crt_verify_with_profile(
        leaf, anchors, NULL, &profile, NULL, &v->flags, note_certificate, v);
    if (trusted) {
        leaf->next = others;
        v->flags &= ~(uint32_t)MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    }
    return error;
}

static int64_t
end_of(const struct verdict *v)
{
    int64_t end_s = INT64_MAX;

    for (int i = 0; i < v->path_count; i++) {
        int64_t s = tls_time_seconds(&v->path[i]->valid_to);

        if (s < end_s)
            end_s = s;
    }
    return end_s;
}

static void
decide_by_pins(struct tls *t)
{
    struct buf *reason = &t->core->reason;

    for (uint32_t i = 0; i < t->pin_count; i++)
        t->verified =
            t->verified || memcmp(t->pins[i], t->pin, sizeof(t->pin)) == 0;
    if (t->verified) {
        t->state = TLS_HANDSHAKE;
        return;
    }
    if (t->pin_count == 1) {
        buf_put_text(reason, "its key is not the pinned one");
    } else {
        buf_put_text(reason, "its key is none of the ");
        buf_put_number(reason, t->pin_count, 0);
        buf_put_text(reason, " pinned ones");
    }
    refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
}

/* All is decided by the peer's own certificate; or the anchors are those of its
 * message that an authority's record names. */
static bool
decide_by_dane(struct tls *t)
{
    const struct tlsa_set *records = t->dane->records;
    mbedtls_x509_crt *cert = tls_chain(t->core);

    t->tlsa_index = tls_dane_find(records, TLSA_DANE_EE, cert);
    if (t->tlsa_index < records->count) {
        t->verified = true;
        t->state = TLS_HANDSHAKE;
        return true;
    }
    t->tlsa_index = TLSA_COUNT_MAX;
    while ((cert = cert->next) != NULL) {
        uint32_t index = tls_dane_find(records, TLSA_DANE_TA, cert);

        if (index == records->count)
            continue;
        t->tlsa_index = index;
        add_anchor(t, slice_der(&cert->raw));
    }
    if (t->tlsa_index < records->count || t->state != TLS_ANCHORS)
        return t->state != TLS_ANCHORS;
    buf_put_text(&t->core->reason, "none of its ");
    buf_put_number(&t->core->reason, records->count, 0);
    buf_put_text(&t->core->reason, " TLSA records matches");
    refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
    return true;
}

void
tls_verify_decide(struct tls *t)
{
    struct tls_core *core = t->core;
    struct verdict v = {.core = core};
    mbedtls_x509_crt *leaf = tls_chain(core);
    int error;

    if (t->pin_count > 0) {
        decide_by_pins(t);
        return;
    }
    if (t->dane && decide_by_dane(t))
        return;
    if (core->anchor_count > TLS_ANCHOR_COUNT_MAX) {
        buf_put_text(&core->reason, "too many trust anchors of one name");
        refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA);
        return;
    }
    error = verify_path(core, leaf, &v);
    if (error != 0 && error != MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
        tls_reason_error(&core->reason, error);
        refuse(t, TLS_REFUSED, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
        return;
    }
    check_leaf(t, leaf, &v);
    check_constraints(t, &v);
    if (v.flags == 0 && !v.name_wrong) {
        t->until_s = end_of(&v);
        t->verified = true;
        t->state = TLS_HANDSHAKE;
        return;
    }
    explain(t, &core->reason, &v);
    refuse(t, TLS_REFUSED, alert_for(&v));
}
