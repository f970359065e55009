/* SPDX-License-Identifier: ISC */
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mta.h"

static bool
is_in_flight(const struct session *s)
{
    return s->pending > 0 || s->more;
}

/* What it says for its manners' sake, whatever it is configured to say. */
static uint32_t
code_unasked(struct session *s, enum at at, uint32_t normal)
{
    const struct mta *m = s->mta;
    bool hated =
        (m->hates & HATES_FLIGHTS && at == m->hates_at && is_in_flight(s)) ||
        (m->hates & HATES_PARAMETERS && at == AT_MAIL && s->parameters);

    if (hated) {
        s->hated = true;
        return m->hates_code;
    }
    if (m->clear_code && at == m->clear_at && !s->secure)
        return m->clear_code;
    return normal;
}

static uint32_t
code_for(struct session *s, enum at at, uint32_t normal)
{
    return code_unasked(s, at, s->mta->codes[at] ? s->mta->codes[at] : normal);
}

static void
complain(const struct session *s, const char *what, const char *line)
{
    if (s->dirty && s->mta->mischief == TWICE)
        return; /* it takes an unasked reply for the one it waits for */
    violated(CHECK_CLIENT, "the client %s: %s (session %s%s)", what,
             quoted(line, strlen(line)), place_text(&s->mta->place),
             s->secure ? ", TLS" : "");
}

static void
answer(struct session *s, enum at at, uint32_t code)
{
    s->last_asked = at;
    say(s, at, code);
}

/* ---- hello ---- */

static void
hear_hello(struct session *s, const char *line)
{
    bool extended = line[0] == 'E';
    enum at at = extended ? AT_EHLO : AT_HELO;
    uint32_t code = code_for(s, at, 250);

    if (strcmp(line + 5, world.helo) != 0)
        complain(s, "says another name than its own", line);
    s->helo = !extended && s->last_asked != AT_EHLO;
    if (s->helo)
        check_helo(s);
    if (s->mail_asked || (extended && s->hello))
        complain(s, "says hello out of turn", line);
    if (extended && s->mta->mute) {
        end_session(s, s->mta->mischief_value & 1);
        return;
    }
    if (extended && !s->mta->knows_ehlo)
        code = 502;
    s->hello = code == 250;
    s->offers = extended && s->hello ? s->mta->offers[s->secure] : 0;
    answer(s, at, code);
}

static void
hear_starttls(struct session *s, const char *line)
{
    if (s->secure || s->mail_asked || !(s->offers & OFFERS_STARTTLS))
        complain(s, "wants TLS that was not offered", line);
    if (!world.anchors)
        complain(s, "wants TLS without trust anchors", line);
    s->starttls = true;
    s->last_asked = AT_STARTTLS;
    if (has_tls_fault(s, TLS_FAULT_ENDED) || has_tls_fault(s, TLS_FAULT_LOST))
        end_session(s, s->mta->tls_fault == TLS_FAULT_LOST);
    else if (has_tls_fault(s, TLS_FAULT_REFUSED) ||
             has_tls_fault(s, TLS_FAULT_SENT_OFF))
        answer(s, AT_STARTTLS, 454);
    else if (has_tls_fault(s, TLS_FAULT_CLOSING))
        answer(s, AT_STARTTLS, 421);
    else if (!has_tls_fault(s, TLS_FAULT_SILENT))
        answer(s, AT_STARTTLS, code_for(s, AT_STARTTLS, 220));
}

/* ---- the envelope ---- */

/* What may stand behind the path; exactly what was offered and is known. */
static void
put_parameters(const struct session *s, struct bytes *b)
{
    if (world.message_pipe || check_careful(s))
        return;
    if (s->offers & OFFERS_SIZE)
        bytes_text(b, " SIZE=%zu", world.expected.size);
    if (s->offers & OFFERS_8BIT && world.eight_bit)
        bytes_text(b, " BODY=8BITMIME");
}

static bool
is_line(const char *line, const struct bytes *wanted)
{
    return strlen(line) == wanted->size &&
           memcmp(line, wanted->data, wanted->size) == 0;
}

static void
hear_mail(struct session *s, const char *line)
{
    struct bytes wanted = {0};
    uint32_t code = 0;

    s->parameters = strstr(line, "> ") != NULL;
    code = code_for(s, AT_MAIL, 250);
    if (!s->hello || s->mail_asked)
        complain(s, "says MAIL out of turn", line);
    bytes_text(&wanted, "MAIL FROM:<%s>", world.sender_wire);
    put_parameters(s, &wanted);
    if (!is_line(line, &wanted) && !(check_may_be_careful(s) && !s->parameters))
        complain(s, "names another sender, or wrong parameters", line);
    check_mail(s);
    s->mail_asked = true;
    s->mail_good = code / 100 == 2;
    s->undone = s->undone || code >= 400;
    answer(s, AT_MAIL, code);
}

static void
hear_rcpt(struct session *s, const char *line)
{
    uint32_t index = s->rcpt_count++;
    uint32_t code = 250;
    struct bytes wanted = {0};

    if (!s->mail_asked)
        complain(s, "says RCPT out of turn", line);
    if (index >= world.recipient_count) {
        complain(s, "names more recipients than there are", line);
        return;
    }
    bytes_text(&wanted, "RCPT TO:<%s>", world.recipient_wires[index]);
    if (!is_line(line, &wanted))
        complain(s, "names another recipient", line);
    if (!s->mail_good)
        code = 503;
    else if (s->mta->refused_rcpts >> index % 32 & 1)
        code = code_for(s, AT_RCPT, 550);
    else
        code = code_unasked(s, AT_RCPT, 250);
    s->rcpt_good += code / 100 == 2;
    s->rcpt_refused += code >= 400;
    s->undone = s->undone || s->rcpt_refused == world.recipient_count;
    s->rcpt_verdicts[index] = code < 400                           ? 'r'
                              : code < 500 || is_about_login(code) ? 's'
                                                                   : 'h';
    answer(s, AT_RCPT, code);
}

/* ---- the message ---- */

static void
hear_data(struct session *s, const char *line)
{
    uint32_t code = code_for(s, AT_DATA, 354);

    if (s->rcpt_count != world.recipient_count)
        complain(s, "says DATA out of turn", line);
    if (s->rcpt_good == 0 || !s->mail_good)
        code = s->mail_good && s->mta->text & 128 ? 354 : 503;
    /* Only a server that waits for it hears a message. */
    s->line_start = true;
    answer(s, AT_DATA, code);
    if (code == 354 && s->state == SESSION_COMMAND)
        s->state = SESSION_BODY;
}

static void
hear_quit(struct session *s)
{
    s->quit = true;
    if (s->pending == 0) /* else what is on its way goes first */
        say_goodbye(s);
}

/* RFC 2920: what may come before the replies to what went before it. */
static void
check_flight(struct session *s, const char *line)
{
    bool middle = memcmp(line, "RCPT", 4) == 0 || memcmp(line, "DATA", 4) == 0;

    /* One reply too many looks like the one that was waited for. */
    if (s->pending == 0 || s->dirty)
        return;
    if (!(s->offers & OFFERS_PIPELINING) || check_careful(s))
        complain(s, "does not wait for a reply", line);
    else if (memcmp(line, "QUIT", 4) != 0 &&
             !(middle &&
               (s->last_asked == AT_MAIL || s->last_asked == AT_RCPT)))
        complain(s, "pipelines what cannot be", line);
}

void
hear_command(struct session *s, const char *line)
{
    trace("    %s%s hears: %s", place_text(&s->mta->place),
          s->secure ? " tls" : "", quoted(line, strlen(line)));
    if (strlen(line) < 4) {
        complain(s, "speaks no SMTP", line);
        return;
    }
    check_flight(s, line);
    if (s->forged_ignored && strcmp(line, "QUIT") != 0)
        violated(CHECK_FORGED, "goes on behind forged bytes");
    if (s->quit)
        complain(s, "goes on behind QUIT", line);
    else if (memcmp(line, "EHLO ", 5) == 0 || memcmp(line, "HELO ", 5) == 0)
        hear_hello(s, line);
    else if (strcmp(line, "STARTTLS") == 0)
        hear_starttls(s, line);
    else if (memcmp(line, "MAIL ", 5) == 0)
        hear_mail(s, line);
    else if (memcmp(line, "RCPT ", 5) == 0)
        hear_rcpt(s, line);
    else if (strcmp(line, "DATA") == 0)
        hear_data(s, line);
    else if (strcmp(line, "QUIT") == 0)
        hear_quit(s);
    else
        complain(s, "says what is no command of ours", line);
}
