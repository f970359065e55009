/* SPDX-License-Identifier: ISC */
/*
 * What must be true whatever a peer, a file or the system does.
 *
 * in     a condition
 * out    nothing
 * bound  two instructions; the C library's assert keeps the text of each
 *        condition and its place in the program, where nobody can print them
 * fault  the program ends by a signal before it reported anything
 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#define assert(condition) ((condition) ? (void)0 : __builtin_trap())

#endif
