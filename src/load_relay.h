/* SPDX-License-Identifier: ISC */
/*
 * The part of load that says where the mail goes, as whom, and from where:
 * authsenders, smtproutes, the files with secrets; outgoingip, outgoingip6.
 *
 * in     job's host and sender
 * out    job's route, login, from
 * bound  one line at a time; what a secret has been in is wiped
 * fault  FAULT_CONTROL: a file that cannot be read, or the line that applies
 * order  load_relay, then load_tls.h; load_from at any time
 */
#ifndef LOAD_RELAY_H
#define LOAD_RELAY_H

#include "loader.h"

enum fault load_relay(struct loader *l);
enum fault load_from(struct loader *l);

#endif
