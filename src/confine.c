/* SPDX-License-Identifier: ISC */
#include "confine.h"

#include "os/os.h"

void
confine(const struct job *job)
{
    struct os_confinement c = {.directory = OS_NONE};

    if (job->anchors == JOB_ANCHORS_DIRECTORY)
        c.directory = job->anchors_fd;
    for (uint32_t i = 0; i < ADDR_FAMILY_COUNT; i++)
        c.from = c.from || job->from[i].family != ADDR_NONE;
    c.ports[c.port_count++] = job->route.port;
    for (uint32_t i = 0; i < job->dns.server_count; i++)
        c.ports[c.port_count++] = job->dns.servers[i].at.port;
    os_confine(&c);
}
