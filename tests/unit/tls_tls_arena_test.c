/* SPDX-License-Identifier: ISC */
#include "tls_peer.h"

#include "test.h"

/* How much of the arena the hardest chains that are meant to work need: found
 * by making it smaller until they do not. What is worse than these ends as a
 * failure of TLS: tls_verify_test.c and runs_out_of_memory_cleanly. */

enum {
    STEP_SIZE = 128,      /* how exactly the least size is found */
    HEADROOM_SIZE = 4096, /* at least as much is left by the hardest */
    BUDGET_LINE_SIZE = 128
};

/* All keys are one: making RSA keys takes seconds. Ten certificates are as
 * many as a chain may have, with its anchor. */
static const char script[] =
    "key rsa rsa4096\n"
    "for one in root c1 c2 c3 c4 c5 c6 c7 c8 leaf many client; do\n"
    "  cp rsa.key $one.key\n"
    "done\n"
    "top='/C=US/O=Some Certificate Authority Incorporated/CN='\n"
    "sign root - \"${top}Root\" \"$ca\"\n"
    "up=root; >deep.pem\n"
    "for i in 1 2 3 4 5 6 7 8; do\n"
    "  sign c$i $up \"${top}Intermediate $i\" \"$ca\"; up=c$i\n"
    "  cat c$i.pem deep.pem >tmp; mv tmp deep.pem\n"
    "done\n"
    "cat c2.pem c1.pem >chain.pem\n"
    "sign leaf c8 /CN=mx.example.net \"$san\"\n"
    "{ printf '%s' \"$san\"; i=0; while [ $i -lt 100 ]; do\n"
    "  printf ',DNS:mail-%d.some-hosting-provider.example.net' $i\n"
    "  i=$((i + 1)); done; } >names\n"
    "sign many c2 /CN=mx.example.net \"$(cat names)\"\n"
    "sign client c2 /CN=client.example.net\n"
    "cat client.pem c2.pem >client_chain.pem\n"
    "sign small - /CN=mx.example.net \"$san\"\n";

#define DEEP "-rev -cert leaf.pem -key leaf.key -cert_chain deep.pem "
#define MANY "-rev -cert many.pem -key many.key -cert_chain chain.pem "
#define SMALL "-rev -cert small.pem -key small.key "
#define ASKS "-Verify 10 "

static struct peer peer;
static size_t high_water;

/* One connection in an arena of that size, up to a line and its echo. */
static bool
suffices(size_t size, const char *anchors, bool client)
{
    bool done = false;

    peer_arena_size = size;
    if (!peer_init(&peer_tls, true, client ? "client_chain.pem" : NULL,
                   client ? "client.key" : NULL))
        return false;
    done = peer_verify(&peer, &peer_tls, "mx.example.net", anchors) &&
           peer_talk(&peer, &peer_tls, "hello\n");
    tls_end(&peer_tls);
    close(peer.fd);
    return done;
}

/* The least size that suffices; 0 where the whole arena does not. */
static size_t
least(const char *options, const char *anchors, bool client)
{
    size_t low = 0, high = sizeof(peer_arena);

    peer_start(&peer, options);
    if (!suffices(high, anchors, client)) {
        peer_reason(&peer_tls, "?");
        high = 0;
    }
    while (high > low + STEP_SIZE) {
        size_t middle = low + (high - low) / 2;

        if (suffices(middle, anchors, client))
            high = middle;
        else
            low = middle;
    }
    peer.fd = -1;
    peer_stop(&peer);
    printf("    %zu bytes for %s%s\n", high, options,
           client ? "by a client" : "");
    if (high > high_water)
        high_water = high;
    return high;
}

/* A figure of the file BUDGET; all there is where it has none. */
static size_t
budget(const char *name)
{
    char line[BUDGET_LINE_SIZE], key[BUDGET_LINE_SIZE];
    size_t size = 0, found = sizeof(peer_arena);
    FILE *file = fopen("BUDGET", "r");

    if (file == NULL)
        return found;
    while (fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "%127s %zu", key, &size) == 2 && !strcmp(key, name))
            found = size;
    fclose(file);
    return found;
}

TEST(has_room_for_a_small_chain)
{
    CHECK(least(SMALL, "small.pem", false) > 0);
}

TEST(has_room_for_deep_chains)
{
    CHECK(least(DEEP "-tls1_2", "root.pem", false) > 0);
    CHECK(least(DEEP "-tls1_3", "root.pem", false) > 0);
}

TEST(has_room_for_many_names)
{
    CHECK(least(MANY "-tls1_3 -groups P-384", "root.pem", false) > 0);
}

TEST(has_room_for_a_client_certificate_too)
{
    CHECK(least(MANY ASKS "-tls1_2", "root.pem", true) > 0);
    CHECK(least(DEEP ASKS "-tls1_3", "root.pem", true) > 0);
}

/* BUDGET is for the machine it was made on, not for those of tests/targets. */
TEST(stays_within_its_budget)
{
    printf("    arena_high_water %zu\n", high_water);
    CHECK(getenv("MOTE_TARGET") || high_water <= budget("arena_high_water"));
    CHECK(high_water + HEADROOM_SIZE <= TLS_ARENA_SIZE);
}

#define CASES(X)                             \
    X(has_room_for_a_small_chain)            \
    X(has_room_for_deep_chains)              \
    X(has_room_for_many_names)               \
    X(has_room_for_a_client_certificate_too) \
    X(stays_within_its_budget)

PEER_TEST_MAIN(CASES)
