/* SPDX-License-Identifier: ISC */
#include "base/punycode.h"

#include "base/ascii.h"
#include "test.h"

enum { OUT_SIZE = 512 };

static uint8_t bytes[OUT_SIZE];

/* RFC 3492 section 7.1, (A) to (R) in order; (S) is ASCII. */
static const struct {
    const char *text, *puny;
} vectors[] = {
    /* arabic */
    {"\xd9\x84\xd9\x8a\xd9\x87\xd9\x85\xd8\xa7\xd8\xa8\xd8\xaa\xd9\x83\xd9\x84"
     "\xd9\x85\xd9\x88\xd8\xb4\xd8\xb9\xd8\xb1\xd8\xa8\xd9\x8a\xd8\x9f",
     "egbpdaj6bu4bxfgehfvwxn"},
    /* chinese, simplified */
    {"\xe4\xbb\x96\xe4\xbb\xac\xe4\xb8\xba\xe4\xbb\x80\xe4\xb9\x88\xe4\xb8\x8d"
     "\xe8\xaf\xb4\xe4\xb8\xad\xe6\x96\x87",
     "ihqwcrb4cv8a8dqg056pqjye"},
    /* chinese, traditional */
    {"\xe4\xbb\x96\xe5\x80\x91\xe7\x88\xb2\xe4\xbb\x80\xe9\xba\xbd\xe4\xb8\x8d"
     "\xe8\xaa\xaa\xe4\xb8\xad\xe6\x96\x87",
     "ihqwctvzc91f659drss3x8bo0yb"},
    /* czech */
    {"Pro\xc4\x8dprost\xc4\x9bnemluv\xc3\xad\xc4\x8d"
     "esky",
     "Proprostnemluvesky-uyb24dma41a"},
    /* hebrew */
    {"\xd7\x9c\xd7\x9e\xd7\x94\xd7\x94\xd7\x9d\xd7\xa4\xd7\xa9\xd7\x95\xd7\x98"
     "\xd7\x9c\xd7\x90\xd7\x9e\xd7\x93\xd7\x91\xd7\xa8\xd7\x99\xd7\x9d\xd7\xa2"
     "\xd7\x91\xd7\xa8\xd7\x99\xd7\xaa",
     "4dbcagdahymbxekheh6e0a7fei0b"},
    /* hindi */
    {"\xe0\xa4\xaf\xe0\xa4\xb9\xe0\xa4\xb2\xe0\xa5\x8b\xe0\xa4\x97\xe0\xa4\xb9"
     "\xe0\xa4\xbf\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xa6\xe0\xa5\x80\xe0\xa4\x95"
     "\xe0\xa5\x8d\xe0\xa4\xaf\xe0\xa5\x8b\xe0\xa4\x82\xe0\xa4\xa8\xe0\xa4\xb9"
     "\xe0\xa5\x80\xe0\xa4\x82\xe0\xa4\xac\xe0\xa5\x8b\xe0\xa4\xb2\xe0\xa4\xb8"
     "\xe0\xa4\x95\xe0\xa4\xa4\xe0\xa5\x87\xe0\xa4\xb9\xe0\xa5\x88\xe0\xa4\x82",
     "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"},
    /* japanese */
    {"\xe3\x81\xaa\xe3\x81\x9c\xe3\x81\xbf\xe3\x82\x93\xe3\x81\xaa\xe6\x97\xa5"
     "\xe6\x9c\xac\xe8\xaa\x9e\xe3\x82\x92\xe8\xa9\xb1\xe3\x81\x97\xe3\x81\xa6"
     "\xe3\x81\x8f\xe3\x82\x8c\xe3\x81\xaa\xe3\x81\x84\xe3\x81\xae\xe3\x81\x8b",
     "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"},
    /* korean */
    {"\xec\x84\xb8\xea\xb3\x84\xec\x9d\x98\xeb\xaa\xa8\xeb\x93\xa0\xec\x82\xac"
     "\xeb\x9e\x8c\xeb\x93\xa4\xec\x9d\xb4\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4"
     "\xeb\xa5\xbc\xec\x9d\xb4\xed\x95\xb4\xed\x95\x9c\xeb\x8b\xa4\xeb\xa9\xb4"
     "\xec\x96\xbc\xeb\xa7\x88\xeb\x82\x98\xec\xa2\x8b\xec\x9d\x84\xea\xb9\x8c",
     "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c"},
    /* russian */
    {"\xd0\xbf\xd0\xbe\xd1\x87\xd0\xb5\xd0\xbc\xd1\x83\xd0\xb6\xd0\xb5\xd0\xbe"
     "\xd0\xbd\xd0\xb8\xd0\xbd\xd0\xb5\xd0\xb3\xd0\xbe\xd0\xb2\xd0\xbe\xd1\x80"
     "\xd1\x8f\xd1\x82\xd0\xbf\xd0\xbe\xd1\x80\xd1\x83\xd1\x81\xd1\x81\xd0\xba"
     "\xd0\xb8",
     "b1abfaaepdrnnbgefbaDotcwatmq2g4l"},
    /* spanish */
    {"Porqu\xc3\xa9nopuedensimplementehablarenEspa\xc3\xb1ol",
     "PorqunopuedensimplementehablarenEspaol-fmd56a"},
    /* vietnamese */
    {"T\xe1\xba\xa1isaoh\xe1\xbb\x8dkh\xc3\xb4ngth\xe1\xbb\x83"
     "ch\xe1\xbb\x89n\xc3\xb3iti\xe1\xba\xbfngVi\xe1\xbb\x87t",
     "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"},
    /* artists and titles */
    {"3\xe5\xb9\xb4"
     "B\xe7\xb5\x84\xe9\x87\x91\xe5\x85\xab\xe5\x85\x88\xe7\x94\x9f",
     "3B-ww4c5e180e575a65lsy2b"},
    {"\xe5\xae\x89\xe5\xae\xa4\xe5\xa5\x88\xe7\xbe\x8e\xe6\x81\xb5-with-SUPER-"
     "MONKEYS",
     "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"},
    {"Hello-Another-Way-"
     "\xe3\x81\x9d\xe3\x82\x8c\xe3\x81\x9e\xe3\x82\x8c\xe3\x81\xae\xe5\xa0\xb4"
     "\xe6\x89\x80",
     "Hello-Another-Way--fc4qua05auwb3674vfr0b"},
    {"\xe3\x81\xb2\xe3\x81\xa8\xe3\x81\xa4\xe5\xb1\x8b\xe6\xa0\xb9\xe3\x81\xae"
     "\xe4\xb8\x8b"
     "2",
     "2-u9tlzr9756bt3uc0v"},
    {"Maji\xe3\x81\xa7Koi\xe3\x81\x99\xe3\x82\x8b"
     "5\xe7\xa7\x92\xe5\x89\x8d",
     "MajiKoi5-783gue6qz075azm5e"},
    {"\xe3\x83\x91\xe3\x83\x95\xe3\x82\xa3\xe3\x83\xbc"
     "de\xe3\x83\xab\xe3\x83\xb3\xe3\x83\x90",
     "de-jg4avhby1noc0d"},
    {"\xe3\x81\x9d\xe3\x81\xae\xe3\x82\xb9\xe3\x83\x94\xe3\x83\xbc\xe3\x83\x89"
     "\xe3\x81\xa7",
     "d9juau41awczczp"},
};

/* The name's form, or NULL. */
static const char *
name_of(const char *text)
{
    struct buf out;

    buf_init(&out, bytes, sizeof(bytes) - 1);
    if (!punycode_put_name(&out, slice_text(text)))
        return NULL;
    bytes[out.used] = 0;
    return (const char *)bytes;
}

static bool
is(const char *text, const char *name)
{
    const char *got = name_of(text);

    return got && strcmp(got, name) == 0;
}

/* Letters are lowered; the Korean one is too long for a label. */
TEST(the_vectors_of_the_standard)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char want[OUT_SIZE] = "xn--";
        size_t size = 4;

        for (const char *p = vectors[i].puny; *p; p++)
            want[size++] = (char)ascii_lower((uint8_t)*p);
        if (size > NAME_LABEL_SIZE_MAX)
            CHECK(!name_of(vectors[i].text));
        else
            CHECK(is(vectors[i].text, want));
    }
}

TEST(each_label_has_its_form)
{
    CHECK(is("b\xc3\xbc"
             "cher.example",
             "xn--bcher-kva.example"));
    CHECK(is("a.b\xc3\xbc"
             "cher.m\xc3\xbc"
             "nchen",
             "a.xn--bcher-kva.xn--mnchen-3ya"));
    CHECK(is("\xc3\xbc", "xn--tda"));
    CHECK(is(".\xc3\xbc.", ".xn--tda."));
    CHECK(is("..\xc3\xbc", "..xn--tda"));
    CHECK(is("\xf0\x9f\x92\xa9.la", "xn--ls8h.la"));
    CHECK(is("\xf4\x8f\xbf\xbf", "xn--dn32g"));
}

/* No letter beyond ASCII stands for another: a capital stays one. */
TEST(ascii_is_lowered_and_nothing_else)
{
    CHECK(is("B\xc3\xbc"
             "CHER.Example",
             "xn--bcher-kva.Example"));
    CHECK(is("B\xc3\x9c"
             "CHER",
             "xn--bcher-2pa"));
    CHECK(is("XN--BCHER-KVA", "XN--BCHER-KVA"));
    CHECK(is("", ""));
    CHECK(is("-> $1.00 <-", "-> $1.00 <-"));
}

TEST(what_is_not_utf8_has_no_form)
{
    CHECK(!name_of("\xff"));
    CHECK(!name_of("a.b\xc3.c"));
    CHECK(!name_of("\xed\xa0\x80"));
    CHECK(!name_of("ok.\xc0\xaf"));
}

/* The longest: 63 octets with xn-- in front. */
TEST(a_label_is_bounded_to_the_octet)
{
    char text[OUT_SIZE];

    for (size_t size = 50; size <= 300; size++) {
        const char *name = NULL;

        memset(text, 'a', size);
        memcpy(text + size, "\xc3\xbc", sizeof("\xc3\xbc"));
        name = name_of(text);
        CHECK((name != NULL) == (size <= 55));
        CHECK(!name || strlen(name) == size + 8);
    }
    memset(text, 'a', 100);
    text[100] = 0;
    CHECK(is(text, text));
}

TEST(characters_of_a_label_are_bounded)
{
    char text[OUT_SIZE] = "";

    for (uint32_t count = 1; count <= 120; count++) {
        memcpy(text + strlen(text), "\xc3\xbc", sizeof("\xc3\xbc"));
        CHECK((name_of(text) != NULL) == (count <= 57));
    }
}

TEST(no_room_is_no_form)
{
    struct buf out;

    for (size_t size = 0; size < 21; size++) {
        buf_init(&out, bytes, size);
        CHECK(!punycode_put_name(&out, SLICE("b\xc3\xbc"
                                             "cher.example")));
    }
    buf_init(&out, bytes, 21);
    CHECK(punycode_put_name(&out, SLICE("b\xc3\xbc"
                                        "cher.example")));
}

#define CASES(X)                         \
    X(the_vectors_of_the_standard)       \
    X(each_label_has_its_form)           \
    X(ascii_is_lowered_and_nothing_else) \
    X(what_is_not_utf8_has_no_form)      \
    X(a_label_is_bounded_to_the_octet)   \
    X(characters_of_a_label_are_bounded) \
    X(no_room_is_no_form)

TEST_MAIN(CASES)
