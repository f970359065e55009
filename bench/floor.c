/* SPDX-License-Identifier: ISC */
/* What starting a process costs, whatever it does then. */
int
main(void)
{
    return 0;
}
