/* SPDX-License-Identifier: ISC */
#include "tls/time.h"

#include "tls/reason.h"

void
tls_time_put_day(struct buf *out, const mbedtls_x509_time *time)
{
    tls_reason_day(out,
                   (struct tls_reason_day){time->year, time->mon, time->day});
}

int64_t
tls_time_seconds(const mbedtls_x509_time *time)
{
    static const int before[] = {0,   31,  59,  90,  120, 151,
                                 181, 212, 243, 273, 304, 334};
    int64_t year = time->mon > 2 ? time->year : time->year - 1; /* leap days */
    int64_t days = (time->year - 1970) * 365LL + year / 4 - year / 100 +
                   year / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400) +
                   before[time->mon - 1] + time->day - 1;

    return ((days * 24 + time->hour) * 60 + time->min) * 60 + time->sec;
}
