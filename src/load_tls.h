/* SPDX-License-Identifier: ISC */
/*
 * The part of load that says what TLS must be: tlsstrictness, tlspolicy, dane,
 * mtasts, trustanchors, the client certificate.
 *
 * in     job's route and login
 * out    job's tls_strictness, tlspolicy, mtasts, hop, anchors, client_cert,
 *        client_key
 * bound  one file at a time
 * fault  FAULT_CONTROL: a file that cannot be read, or the line that applies
 */
#ifndef LOAD_TLS_H
#define LOAD_TLS_H

#include "loader.h"

/* `survey`: load.h. */
enum fault load_tls(struct loader *l, bool survey);

#endif
