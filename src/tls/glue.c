/* SPDX-License-Identifier: ISC */
#include "tls/glue.h"

#include <mbedtls/platform_time.h>
#include <mbedtls/platform_util.h>
#include <psa/crypto.h>
#include <string.h>
#include <time.h>

enum {
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 86400,
    EPOCH_YEAR = 1970,
    EPOCH_WEEKDAY = 4, /* Thursday */
    WEEK_DAYS = 7,
    YEAR_MONTHS = 12,
    TM_YEAR = 1900
};

static const int64_t year_9999_s = 253402300799;

static struct {
    mbedtls_ctr_drbg_context *generator;
    const uint8_t *seed; /* while it is being handed over */
    int64_t wall_s;
} glue;

static int
seed_take(void *context, unsigned char *out, size_t size)
{
    (void)context;
    if (glue.seed == NULL || size != TLS_ENTROPY_SIZE)
        return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
    memcpy(out, glue.seed, size);
    glue.seed = NULL;
    return 0;
}

bool
tls_glue_seed(mbedtls_ctr_drbg_context *generator,
              const uint8_t entropy[static TLS_ENTROPY_SIZE])
{
    int error;

    glue.generator = NULL;
    glue.seed = entropy;
    mbedtls_ctr_drbg_init(generator);
    error = mbedtls_ctr_drbg_seed(generator, seed_take, NULL, NULL, 0);
    if (error != 0 || glue.seed != NULL)
        return false;
    glue.generator = generator;
    return true;
}

void
tls_glue_clock(int64_t wall_s)
{
    glue.wall_s = wall_s < 0 ? 0 : wall_s > year_9999_s ? year_9999_s : wall_s;
}

int
tls_glue_random(void *unused, uint8_t *out, size_t size)
{
    (void)unused;
    if (glue.generator == NULL)
        return MBEDTLS_ERR_CTR_DRBG_ENTROPY_SOURCE_FAILED;
    while (size > 0) {
        size_t part = size < MBEDTLS_CTR_DRBG_MAX_REQUEST
                          ? size
                          : MBEDTLS_CTR_DRBG_MAX_REQUEST;
        int error = mbedtls_ctr_drbg_random(glue.generator, out, part);
        if (error != 0)
            return error;
        out += part;
        size -= part;
    }
    return 0;
}

psa_status_t
mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
                                uint8_t *output, size_t output_size,
                                size_t *output_length)
{
    (void)context;
    *output_length = 0;
    if (tls_glue_random(NULL, output, output_size) != 0)
        return PSA_ERROR_INSUFFICIENT_ENTROPY;
    *output_length = output_size;
    return PSA_SUCCESS;
}

int64_t
tls_glue_time(int64_t *now)
{
    if (now != NULL)
        *now = glue.wall_s;
    return glue.wall_s;
}

mbedtls_ms_time_t
mbedtls_ms_time(void)
{
    return glue.wall_s * 1000;
}

/* In the place of what mbedTLS's tables name and nothing may call. */
void
tls_glue_exit(int status)
{
    (void)status;
    __builtin_trap();
}

/* Nothing that mbedTLS would print is used here. */
int
tls_glue_snprintf(char *out, size_t out_size, const char *format, ...)
{
    (void)format;
    if (out_size > 0)
        out[0] = '\0';
    return -1;
}

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* The Gregorian calendar, counted year by year: it runs a few times a
 * connection, and tls_glue_clock keeps it below the year 10000. */
struct tm *
mbedtls_platform_gmtime_r(const mbedtls_time_t *tt, struct tm *tm_buf)
{
    static const int month_days[YEAR_MONTHS] = {31, 28, 31, 30, 31, 30,
                                                31, 31, 30, 31, 30, 31};
    int days = (int)(*tt / DAY_S);
    int seconds = (int)(*tt % DAY_S);
    int year = EPOCH_YEAR;
    int month = 0;

    memset(tm_buf, 0, sizeof(*tm_buf));
    tm_buf->tm_hour = seconds / HOUR_S;
    tm_buf->tm_min = seconds % HOUR_S / MINUTE_S;
    tm_buf->tm_sec = seconds % MINUTE_S;
    tm_buf->tm_wday = (days + EPOCH_WEEKDAY) % WEEK_DAYS;
    for (; days >= 365 + is_leap(year); year++)
        days -= 365 + is_leap(year);
    tm_buf->tm_yday = days;
    for (; days >= month_days[month] + (month == 1 && is_leap(year)); month++)
        days -= month_days[month] + (month == 1 && is_leap(year));
    tm_buf->tm_mday = days + 1;
    tm_buf->tm_mon = month;
    tm_buf->tm_year = year - TM_YEAR;
    return tm_buf;
}
