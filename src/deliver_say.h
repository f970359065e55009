/* SPDX-License-Identifier: ISC */
/*
 * A session's verdict and what the server said to it.
 *
 * in     the session, ended; how it was held
 * out    d->attempt
 * bound  struct outcome's
 * fault  none
 */
#ifndef DELIVER_SAY_H
#define DELIVER_SAY_H

#include "deliver.h"

void deliver_say_session(struct deliver *d);

#endif
