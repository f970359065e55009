# SPDX-License-Identifier: ISC
"""aiosmtpd as a mail server that keeps the bytes of each message."""

import queue
import ssl

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import SMTP, AuthResult
except ImportError:
    Controller = SMTP = AuthResult = None

from harness import Skip


def server_context(certificate, minimum=None, maximum=None):
    """A TLS server context of Python's ssl for an authority.Certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    context.minimum_version = minimum or ssl.TLSVersion.TLSv1_2
    context.maximum_version = maximum or ssl.TLSVersion.TLSv1_3
    return context


class Handler:
    """Puts (sender, recipients, content, cipher) of each message in a queue."""

    def __init__(self):
        self.messages = queue.Queue()
        self.events = []  # "TLS", "MAIL" and "AUTH PLAIN USER", as they happen

    def handle_STARTTLS(self, _server, _session, _envelope):
        self.events.append("TLS")
        return True

    async def handle_MAIL(self, _server, _session, envelope, address, options):
        self.events.append("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 sender ok"

    async def handle_DATA(self, _server, session, envelope):
        cipher = session.ssl and session.ssl["cipher"]
        self.messages.put(
            (envelope.mail_from, envelope.rcpt_tos, envelope.content, cipher)
        )
        return "250 kept"


class AioServer:
    """aiosmtpd in a thread of this process. Several may share a handler.

    With users, passwords by name, it begins with TLS and wants a login.
    """

    def __init__(self, world, address, certificate=None, port=25, handler=None,
                 users=None):
        if Controller is None:
            raise Skip("aiosmtpd is not installed")
        context = server_context(certificate) if certificate else None
        first, later = (context, None) if users else (None, context)

        class Long(SMTP):
            line_length_limit = 1 << 20

        def judge(_server, _session, _envelope, mechanism, data):
            user = data.login.decode()
            self.handler.events.append(f"AUTH {mechanism} {user}")
            return AuthResult(success=users.get(user) == data.password.decode())

        class LongController(Controller):
            def factory(self):
                return Long(self.handler, tls_context=later,
                            data_size_limit=None, hostname="aio.example",
                            auth_required=bool(users), auth_require_tls=False,
                            authenticator=judge if users else None)

        self.handler = handler or Handler()
        controller = LongController(
            self.handler, hostname=address, port=port, ready_timeout=20,
            ssl_context=first)
        controller.start()
        world.closers.append(controller.stop)

    def take(self):
        """The next message: sender, recipients, content, cipher or None.

        The cipher is Python's (name, version, bits).
        """
        try:
            return self.handler.messages.get(timeout=20)
        except queue.Empty:
            raise AssertionError("the server has kept no message")
