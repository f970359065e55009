# SPDX-License-Identifier: ISC
"""A throw-away certificate authority, made with the openssl command."""

import os
import subprocess

CONF = """\
[ca]
default_ca = here
[here]
dir = {path}
database = {path}/index
serial = {path}/serial
new_certs_dir = {path}/issued
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
"""

LEAF = """\
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""

INTERMEDIATE = """\
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""

KEYS = {
    "ecdsa": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "rsa1024": ["RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
    "rsa4096": ["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
}
VALID = ("20200101000000Z", "20490101000000Z")
EXPIRED = ("20200101000000Z", "20210101000000Z")
FUTURE = ("20480101000000Z", "20490101000000Z")


def openssl(*arguments):
    run = subprocess.run(
        ["openssl", *arguments], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(arguments)}: {run.stderr}")


class Certificate:
    """Paths of a key, a certificate, and the chain a server sends."""

    def __init__(self, base):
        self.key = base + ".key"
        self.cert = base + ".crt"
        self.chain = base + ".chain"

    def join(self, *others):
        """Write the chain: this certificate, then the others."""
        with open(self.chain, "wb") as out:
            for certificate in (self, *others):
                with open(certificate.cert, "rb") as file:
                    out.write(file.read())


class Issuer:
    """A directory with a root certificate that signs others."""

    def __init__(self, world, name="ca", key="ecdsa", days=3650):
        self.path = world.folder(name)
        os.mkdir(os.path.join(self.path, "issued"))
        for file, text in (("index", ""), ("serial", "1001\n")):
            with open(os.path.join(self.path, file), "w") as out:
                out.write(text)
        self.conf = os.path.join(self.path, "conf")
        with open(self.conf, "w") as out:
            out.write(CONF.format(path=self.path))
        self.root = self.self_signed("root", f"{name} test root", key, days=days)
        self.bundle = self.root.cert

    def new(self, name, key):
        certificate = Certificate(os.path.join(self.path, name))
        openssl("genpkey", "-algorithm", *KEYS[key], "-out", certificate.key)
        return certificate

    def self_signed(self, name, subject, key, names=None, days=3650):
        """A certificate signed by itself: a root, or a bad leaf with names."""
        certificate = self.new(name, key)
        extensions = ["-extensions", "root"]
        if names:
            extensions = ["-addext", f"subjectAltName={names}"]
        openssl("req", "-new", "-x509", "-config", self.conf, *extensions,
                "-key", certificate.key, "-subj", f"/CN={subject}",
                "-days", str(days), "-out", certificate.cert)
        certificate.join()
        return certificate

    def sign(self, certificate, subject, extensions, issuer, dates,
             digest="sha256"):
        base = certificate.cert.removesuffix(".crt")
        with open(base + ".ext", "w") as out:
            out.write(extensions)
        openssl("req", "-new", "-config", self.conf, "-key", certificate.key,
                "-subj", f"/CN={subject}", "-out", base + ".csr")
        openssl("ca", "-batch", "-notext", "-config", self.conf,
                "-cert", issuer.cert, "-keyfile", issuer.key,
                "-startdate", dates[0], "-enddate", dates[1],
                "-extfile", base + ".ext", "-in", base + ".csr", "-md", digest,
                "-out", certificate.cert)

    def intermediate(self, name, key="ecdsa"):
        certificate = self.new(name, key)
        self.sign(certificate, f"{name} test authority", INTERMEDIATE,
                  self.root, VALID)
        return certificate

    def leaf(self, name, names, key="ecdsa", issuer=None, dates=VALID,
             extensions=LEAF, **options):
        """A server certificate; names as in DNS:mx.example,IP:192.0.2.1."""
        certificate = self.new(name, key)
        subject = names.split(",")[0].partition(":")[2]
        self.sign(certificate, subject, extensions.format(names=names),
                  issuer or self.root, dates, **options)
        certificate.join(*([issuer] if issuer else []))
        return certificate

    def hashed(self, name, *certificates):
        """A directory of certificates by hash of their names, as trustanchors
        takes it: the path ends in a slash."""
        folder = os.path.join(self.path, name)
        os.mkdir(folder)
        for number, certificate in enumerate(certificates):
            path = os.path.join(folder, f"{number}.pem")
            with open(certificate.cert, "rb") as file, open(path, "wb") as out:
                out.write(file.read())
        openssl("rehash", folder)
        return folder + "/"
