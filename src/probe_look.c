/* SPDX-License-Identifier: ISC */
#include "probe_look.h"

#include "base/wipe.h"
#include "os/os.h"

/* Of a file, or of a line of it. */
static void
say(struct root *r, const char *path, uint32_t line,
    struct qmail_tell_word what)
{
    struct qmail_tell *t = say_begin(&r->say, "look");

    qmail_tell_text(t, "look: ", "file", path);
    qmail_tell_number(t, ":", "line", line > 0 ? line : TELL_NO_NUMBER);
    qmail_tell_word(t, " ", "what", what);
    say_end(&r->say);
}

/* ---- lists that may have secrets ---- */

static bool
has_password(struct root *r, struct slice value)
{
    struct qmail_login *login = &r->work.load.routes[KEY_HOST].login;
    struct slice relay;
    bool has = qmail_login_parse(value, &relay, login) == PROBLEM_NONE &&
               login->kind == LOGIN_PASSWORD;

    wipe(login, sizeof(*login));
    return has;
}

/* `all`: a line of it that is no route is an error, and not a habit. */
static void
look_at_routes(struct root *r, const char *path, bool all)
{
    struct file *f = &r->work.load.file;
    bool others = false, password = false;
    struct os_file info;
    struct slice line;

    file_open(f, path, &r->deliver.attempt.detail);
    if (f->present && !f->bad && f->fd != OS_NONE)
        others = os_stat(f->fd, &info) && info.others;
    while (file_next(f, &line) == FILE_LINE) {
        size_t colon = qmail_key_find(line, SLICE(":"));

        if (qmail_control_skip(line))
            continue;
        if (colon < line.size)
            password = password ||
                       has_password(r, slice_part(line, colon + 1, line.size));
        else if (all)
            say(r, path, f->lines.number,
                TELL_WORD("has no colon: it is not used", "no_colon"));
    }
    wipe(f->bytes, sizeof(f->bytes));
    wipe(f->lines.line, sizeof(f->lines.line));
    if (others && password)
        say(r, path, 0,
            TELL_WORD(
                "has a password and others can read it: chgrp qmail, chmod "
                "640",
                "password_readable"));
}

/* ---- files of other patches ---- */

static bool
is_there(const char *path)
{
    int fd = os_open(OS_NONE, path, false);

    if (fd >= 0)
        os_close(fd);
    return fd != OS_MISSING;
}

static void
look_at_strangers(struct root *r)
{
    static const struct {
        const char *path, *what;
    } strangers[] = {
        {"control/tlshosts",
         "is not used; write \"NAME:2\" into control/tlspolicy"},
        {"control/notlshosts",
         "is not used; write \"NAME:none\" into control/tlspolicy"},
        {"control/tlsdestinations",
         "is not used; write \"NAME:2\" into control/tlspolicy"},
        {"control/domaincerts",
         "is not used; write paths into control/clientcert and clientkey"},
        {"control/clientcert.pem",
         "is not used; write its path into control/clientcert and clientkey"},
    };

    for (uint32_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        if (is_there(strangers[i].path))
            say(r, strangers[i].path, 0,
                TELL_WORD(strangers[i].what, "not_used"));
}

void
probe_look(struct root *r)
{
    outcome_init(&r->deliver.attempt);
    look_at_routes(r, "control/smtproutes", false);
    look_at_routes(r, "control/authsenders", true);
    look_at_strangers(r);
    if (r->job.anchors == JOB_ANCHORS_NONE && is_there("control/mtasts"))
        say(r, "control/mtasts", 0,
            TELL_WORD("needs control/trustanchors: mail to these hosts waits",
                      "no_anchors"));
    if (r->job.dane && !dns_conf_is_believable(&r->job.dns))
        say(r, "control/dane", 0,
            TELL_WORD("has no effect: a name server is on another machine, and "
                      "resolv.conf does not say trust-ad",
                      "not_believed"));
}
