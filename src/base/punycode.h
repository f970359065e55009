/* SPDX-License-Identifier: ISC */
/*
 * Names beyond ASCII as name servers and certificates have them: A-labels (RFC
 * 5890 section 2.3.2.1), by Punycode (RFC 3492).
 *
 * in     labels in UTF-8 between dots
 * out    the same name; each label that is not ASCII as its A-label. ASCII
 *        letters in those are lowered, all else is taken as it is written: no
 *        tables of what may stand for what
 * bound  an A-label has at most NAME_LABEL_SIZE_MAX octets
 * fault  false: it has no such form, or no room; what was put is void
 */
#ifndef BASE_PUNYCODE_H
#define BASE_PUNYCODE_H

#include "base/slice.h"
#include "limits.h"

bool punycode_put_name(struct buf *out, struct slice name);

#endif
