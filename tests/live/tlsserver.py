# SPDX-License-Identifier: ISC
"""The TLS stacks a scripted server can hand its connection to.

None of the TLS test servers speaks SMTP before its handshake, so
scripted.py says the first words in clear and then calls one of these. Each
returns an object with recv, sendall, close and describe (version, cipher).
"""

import ctypes
import socket
import struct
import subprocess
import threading

from aiosmtp import server_context
from harness import Skip
from scripted import IDLE_TIMEOUT_S
from world import free_port, wait_for_port, wait_until

RECORD_SIZE = 16384
OPENSSL_VERSION = {"1.2": "-tls1_2", "1.3": "-tls1_3"}
GNUTLS_PRIORITY = {
    None: "NORMAL",
    "1.2": "NORMAL:-VERS-ALL:+VERS-TLS1.2",
    "1.3": "NORMAL:-VERS-ALL:+VERS-TLS1.3",
    "1.2 without RFC 5746":
        "NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION",
}


def python_tls(certificate, context=None):
    """Python's ssl module (OpenSSL inside)."""
    context = context or server_context(certificate)

    def upgrade(connection):
        secure = context.wrap_socket(connection, server_side=True)
        secure.describe = lambda: (secure.version(), secure.cipher()[0])
        return secure

    return upgrade


def limit_idle(connection):
    """A blocking socket whose reads end after the idle time, for the code
    that uses the bare descriptor."""
    connection.settimeout(None)
    span = struct.pack("ll", IDLE_TIMEOUT_S, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, span)


def copy(source, sink):
    """Bytes from one socket to another until the end of either."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
    except OSError:
        pass
    for end, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        try:
            end.shutdown(how)
        except OSError:
            pass


def splice(connection, port):
    """Join a connection to a server on a port of 127.0.0.1, both ways.

    Waits until the server listens. Returns the two threads.
    """

    def connect():
        try:
            return socket.create_connection(("127.0.0.1", port))
        except OSError:
            return None

    inner = wait_until(connect, f"port {port}")
    pairs = ((connection, inner), (inner, connection))
    threads = [threading.Thread(target=copy, args=p, daemon=True) for p in pairs]
    for thread in threads:
        thread.start()
    return threads


class Spoken:
    """The decrypted side of `openssl s_server`: its standard streams."""

    def __init__(self, process, connection):
        self.process = process
        self.connection = connection

    def recv(self, size):
        return self.process.stdout.read1(size)

    def sendall(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        self.connection.close()

    def describe(self):
        return None


def openssl_s_server(world, certificate, version=None):
    """`openssl s_server`, one process a connection."""

    def upgrade(connection):
        limit_idle(connection)
        port = free_port()
        command = ["openssl", "s_server", "-quiet", "-naccept", "1",
                   "-accept", f"127.0.0.1:{port}", "-key", certificate.key,
                   "-cert", certificate.cert, "-cert_chain", certificate.chain]
        command += [OPENSSL_VERSION[version]] if version else []
        process = world.start("s_server", command, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
        splice(connection, port)
        return Spoken(process, connection)

    return upgrade


class GnutlsServ:
    """`gnutls-serv --echo`: it shakes hands, then repeats what it hears.

    So a delivery through it cannot succeed; the handshake is what it shows.
    """

    def __init__(self, world, certificate, version=None, name="gnutls-serv"):
        self.port = free_port()
        command = ["gnutls-serv", "--echo", "--disable-client-cert",
                   "--port", str(self.port), "--priority", GNUTLS_PRIORITY[version],
                   "--x509certfile", certificate.chain,
                   "--x509keyfile", certificate.key]
        process = world.start(name, command)
        wait_for_port("127.0.0.1", self.port, process)

    def upgrade(self, connection):
        """Join the connection to it until the client leaves."""
        limit_idle(connection)
        for thread in splice(connection, self.port):
            thread.join()
        return connection


def gnutls_library():
    try:
        library = ctypes.CDLL("libgnutls.so.30")
    except OSError as error:
        raise Skip(str(error))
    library.gnutls_record_recv.restype = ctypes.c_ssize_t
    library.gnutls_record_send.restype = ctypes.c_ssize_t
    library.gnutls_session_get_desc.restype = ctypes.c_void_p
    library.gnutls_strerror.restype = ctypes.c_char_p
    return library


class GnutlsSession:
    """A server session of libgnutls on a connected socket."""

    SERVER, PEM, CERTIFICATE = 1, 1, 1

    def __init__(self, connection, certificate, version):
        self.library = gnutls_library()
        self.connection = connection
        limit_idle(connection)
        call = self.call
        self.credentials = ctypes.c_void_p()
        call("certificate_allocate_credentials", ctypes.byref(self.credentials))
        call("certificate_set_x509_key_file", self.credentials,
             certificate.chain.encode(), certificate.key.encode(), self.PEM)
        self.session = ctypes.c_void_p()
        call("init", ctypes.byref(self.session), self.SERVER)
        call("priority_set_direct", self.session,
             GNUTLS_PRIORITY[version].encode(), None)
        call("credentials_set", self.session, self.CERTIFICATE, self.credentials)
        self.prepare()
        fd = connection.fileno()
        self.library.gnutls_transport_set_int2(self.session, fd, fd)
        call("handshake", self.session)

    def prepare(self):
        """What else is to be set before the handshake."""

    def call(self, name, *arguments):
        result = getattr(self.library, "gnutls_" + name)(*arguments)
        if result < 0:
            why = self.library.gnutls_strerror(result).decode()
            raise OSError(f"gnutls_{name}: {why}")
        return result

    def recv(self, size):
        buffer = ctypes.create_string_buffer(size)
        length = self.call("record_recv", self.session, buffer,
                           ctypes.c_size_t(size))
        return buffer.raw[:length]

    def sendall(self, data):
        while data:
            part = data[:RECORD_SIZE]
            sent = self.call("record_send", self.session, part,
                             ctypes.c_size_t(len(part)))
            data = data[sent:]

    def describe(self):
        text = self.library.gnutls_session_get_desc(self.session)
        return ctypes.cast(text, ctypes.c_char_p).value.decode()

    def close(self):
        if self.session:
            self.library.gnutls_deinit(self.session)
            self.library.gnutls_certificate_free_credentials(self.credentials)
            self.session = None
        self.connection.close()


def libgnutls(certificate, version=None):
    """GnuTLS through its library, so that a whole delivery can pass."""
    gnutls_library()

    def upgrade(connection):
        return GnutlsSession(connection, certificate, version)

    return upgrade
