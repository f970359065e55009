/* SPDX-License-Identifier: ISC */
/*
 * Bytes in the three shapes this program knows: borrowed, owned, being read.
 *
 * in     memory of the caller; a slice or cursor must not outlive it
 * out    slice: bytes and their number; buf: what was put; cursor: what is left
 * bound  the size given at init; nothing here allocates
 * fault  sticky: buf.full after a put that does not fit (it writes nothing),
 *        cursor.bad after a take that is too short (it returns 0)
 * order  init, then any puts or takes, then test the flag once before use
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *data;
    size_t size;
};

struct buf {
    uint8_t *data;
    size_t size; /* room in all */
    size_t used;
    bool full; /* a put did not fit */
};

struct cursor {
    struct slice rest;
    bool bad; /* a take went past the end */
};

/* A string literal as a slice, without its NUL. */
#define SLICE(literal) slice_of("" literal, sizeof(literal) - 1)

struct slice slice_of(const void *data, size_t size);
struct slice slice_text(const char *text);
/* From `from` to `to`, both clipped to the slice. */
struct slice slice_part(struct slice s, size_t from, size_t to);
bool slice_equal(struct slice a, struct slice b);
/* ASCII letters alike in both cases. */
bool slice_equal_nocase(struct slice a, struct slice b);
/* Index of the first `byte`, or s.size. */
size_t slice_find(struct slice s, uint8_t byte);
/* Without white space (space, TAB, CR, LF) at its end. */
struct slice slice_chomp(struct slice s);
/* The same, and without white space at its start. */
struct slice slice_trim(struct slice s);

void buf_init(struct buf *b, void *data, size_t size);
void buf_reset(struct buf *b);
void buf_put(struct buf *b, struct slice s);
void buf_put_text(struct buf *b, const char *text);
void buf_put_byte(struct buf *b, uint8_t byte);
/* Unsigned decimal, padded with zeros to `width` digits at least. */
void buf_put_number(struct buf *b, uint64_t number, uint32_t width);
/* Likewise in hexadecimal, in lower case. */
void buf_put_hex(struct buf *b, uint64_t number, uint32_t width);
/* Its lowest `width` octets, of 4, in network byte order. */
void buf_put_network(struct buf *b, uint32_t number, uint32_t width);
struct slice buf_slice(const struct buf *b);
size_t buf_room(const struct buf *b);

void cursor_init(struct cursor *c, struct slice s);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c); /* network byte order */
uint32_t cursor_u32(struct cursor *c); /* network byte order */
struct slice cursor_take(struct cursor *c, size_t size);

#endif
