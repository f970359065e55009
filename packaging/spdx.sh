#!/bin/sh
# SPDX-License-Identifier: ISC
#
# packaging/spdx.sh VERSION SOURCE_DATE_EPOCH ARCHIVE
#
# Prints what the program is made of as an SPDX 2.3 document: mote, which is the
# archive, and what is linked into it. Versions and hashes are those ./bootstrap
# pins. The same archive gives the same document.

set -eu
export LC_ALL=C TZ=UTC
cd "$(dirname "$0")/.."
version=$1 created=$(date -u -d "@$2" +%Y-%m-%dT%H:%M:%SZ)
sum=$(sha256sum <"$3" | cut -d ' ' -f 1)
pin() { sed -n "s/^$1=//p" bootstrap; }
mbedtls=$(pin mbedtls_version)
musl=$(pin musl_archive | sed 's/^musl_//; s/\.orig.*//')

# package NAME VERSION DECLARED CHOSEN COPYRIGHT FILE SHA256 [CPE]
package() {
    cat <<PACKAGE

PackageName: $1
SPDXID: SPDXRef-$1
PackageVersion: $2
PackageFileName: $6
PackageDownloadLocation: NOASSERTION
FilesAnalyzed: false
PackageChecksum: SHA256: $7
PackageLicenseConcluded: $4
PackageLicenseDeclared: $3
PackageCopyrightText: <text>$5</text>
PACKAGE
    [ -z "${8:-}" ] || echo "ExternalRef: SECURITY cpe23Type cpe:2.3:a:$8:$2:*:*:*:*:*:*:*"
}

cat <<DOCUMENT
SPDXVersion: SPDX-2.3
DataLicense: CC0-1.0
SPDXID: SPDXRef-DOCUMENT
DocumentName: mote-$version
DocumentNamespace: https://spdx.org/spdxdocs/mote-$version-$sum
Creator: Tool: mote-packaging-spdx.sh
Created: $created
DOCUMENT
package mote "$version" ISC ISC '2026 the mote authors' "${3##*/}" "$sum"
package mbedtls "$mbedtls" 'Apache-2.0 OR GPL-2.0-or-later' Apache-2.0 \
    'The Mbed TLS Contributors; of Everest: 2016-2018 INRIA and Microsoft Corporation' \
    "$(pin mbedtls_archive)" "$(pin mbedtls_sha256)" trustedfirmware:mbed_tls
package musl "$musl" MIT MIT '2005-2020 Rich Felker, et al.' \
    "$(pin musl_archive)" "$(pin musl_sha256)" musl-libc:musl
cat <<RELATIONSHIPS

Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-mote
Relationship: SPDXRef-mote STATIC_LINK SPDXRef-mbedtls
Relationship: SPDXRef-mote STATIC_LINK SPDXRef-musl
RELATIONSHIPS
