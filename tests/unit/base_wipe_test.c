/* SPDX-License-Identifier: ISC */
#include "base/wipe.h"

#include "test.h"

TEST(wipes_so_many_bytes)
{
    char bytes[] = "secret!";

    wipe(bytes, 0);
    CHECK(strcmp(bytes, "secret!") == 0);
    wipe(bytes, 6);
    CHECK(memcmp(bytes, "\0\0\0\0\0\0!", sizeof(bytes)) == 0);
}

#define CASES(X) X(wipes_so_many_bytes)

TEST_MAIN(CASES)
