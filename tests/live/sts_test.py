# SPDX-License-Identifier: ISC
"""packaging/mote-sts.sh: policies of MTA-STS by a web server with a certificate
of our own, under two shells."""

import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time

from authority import Issuer
from harness import Skip, Suite, contains, equal
from names import Names
from world import run_suite

SCRIPT = os.path.abspath("packaging/mote-sts.sh")
ADDRESS, NAME = "192.0.2.10", "dest.example"
POLICY = b"version: STSv1\nmode: enforce\nmx: *.dest.example\nmax_age: 86400\n"
AGE_S = 86400
OLD = POLICY.replace(b"*", b"old")
SHELLS = {"dash": ["dash"], "busybox": ["busybox", "sh"]}
suite = Suite()


class Web:
    """A web server: what it answers is set before each case."""

    def __init__(self, certificate):
        web = self
        self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                web.asked.append((self.headers["Host"], self.path))
                self.send_response(web.status)
                for field, value in web.fields.items():
                    self.send_header(field, value)
                self.send_header("Content-Length", str(len(web.body)))
                self.end_headers()
                time.sleep(web.delay_s)
                try:
                    self.wfile.write(web.body)
                except OSError:
                    pass  # it has heard enough

            def log_message(self, *_):
                pass

        self.set()
        server = http.server.ThreadingHTTPServer((ADDRESS, 443), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.chain, certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def set(self, body=POLICY, status=200, kind="text/plain", **fields):
        self.asked.clear()
        self.delay_s = 0
        self.body, self.status = body, status
        self.fields = {"Content-Type": kind, **fields}


class Setting:
    def __init__(self, world):
        if not shutil.which("curl"):
            raise Skip("no curl")
        if not shutil.which("dig") and not shutil.which("kdig"):
            raise Skip("neither dig nor kdig")
        world.resolv_conf("nameserver 127.0.0.1\n")
        self.world = world
        self.names = Names(world)
        issuer = Issuer(world)
        self.web = Web(issuer.leaf("web", f"DNS:mta-sts.{NAME}"))
        for name in (NAME, "other.example"):
            self.names.add(f"mta-sts.{name}", A=ADDRESS)
        self.folder = world.folder("home/control/mtasts", 0o755)
        self.env = {"PATH": os.environ["PATH"], "CURL_CA_BUNDLE": issuer.bundle,
                    "QMAILHOME": os.path.dirname(os.path.dirname(self.folder))}

    def path(self, name=NAME):
        return os.path.join(self.folder, name)

    def clear(self):
        for name in os.listdir(self.folder):
            os.unlink(self.path(name))

    def run(self, shell, *names, script=SCRIPT):
        if not shutil.which(SHELLS[shell][0]):
            raise Skip(f"no {shell}")
        return subprocess.run([*SHELLS[shell], script, *names], env=self.env,
                              capture_output=True, text=True, check=False)

    def record(self, *texts):
        self.names.zone.pop(f"_mta-sts.{NAME}", None)
        if texts:
            self.names.add(f"_mta-sts.{NAME}", TXT=list(texts))

    def plant(self, end, text=OLD, ident="old"):
        """As an earlier run left it."""
        self.clear()
        for name, data in ((NAME, text), (f".{NAME}.id", f"{ident} {end}\n".encode())):
            with open(self.path(name), "wb") as file:
                file.write(data)
        os.utime(self.path(), (1, 1))

    def policy(self):
        if not os.path.exists(self.path()):
            return None
        with open(self.path(), "rb") as file:
            return file.read()


def fetched(setting, shell, body=POLICY, kind="text/plain", texts=("v=STSv1; id=1a;",)):
    setting.clear()
    setting.web.set(body, kind=kind)
    setting.record(*texts)
    run = setting.run(shell, NAME.upper())
    equal((run.returncode, run.stderr), (0, ""))
    equal(setting.policy(), body)
    equal(setting.web.asked, [(f"mta-sts.{NAME}", "/.well-known/mta-sts.txt")])
    equal(sorted(os.listdir(setting.folder)), [f".{NAME}.id", NAME])


def kept(setting, shell, why, texts=("v=STSv1; id=2",), **answer):
    """A failure: the old policy stays while it has not expired, then goes."""
    setting.record(*texts)
    for end, left in ((time.time() + 1000, OLD), (time.time() - 1, None)):
        setting.plant(int(end))
        setting.web.set(**answer)
        run = setting.run(shell)
        equal(run.returncode, 1)
        contains(run.stderr, why)
        equal(setting.policy(), left)
        assert not os.path.exists(setting.path(f".{NAME}.new"))


def unchanged(setting, shell):
    """The same id: not fetched, but as young as if it had been; for half its time."""
    setting.record("v=STSv1;id=same")
    for share, asked in ((0.9, 0), (0.4, 1), (-1, 1)):
        setting.plant(int(time.time() + share * AGE_S), ident="same")
        setting.web.set()
        equal(setting.run(shell).returncode, 0)
        equal(len(setting.web.asked), asked)
        equal(setting.policy(), POLICY if asked else OLD)
        assert os.stat(setting.path()).st_mtime > time.time() - 600
    setting.plant(0, ident="same")
    equal(setting.run(shell).returncode, 0)
    equal(setting.policy(), POLICY)


def unchanged_and_gone(setting, shell):
    """A TXT record that says nothing new makes no policy older than it may be."""
    setting.record("v=STSv1;id=same")
    for share, left in ((0.4, OLD), (-1, None)):
        setting.plant(int(time.time() + share * AGE_S), ident="same")
        setting.web.set(status=404)
        equal(setting.run(shell).returncode, 1)
        equal(setting.policy(), left)
        if left:
            equal(os.stat(setting.path()).st_mtime, 1)


def changed(setting, shell):
    setting.plant(int(time.time()) + 1000)
    setting.web.set()
    setting.record("v=STSv1; id=new")
    equal(setting.run(shell).returncode, 0)
    equal(setting.policy(), POLICY)


def other_certificate(setting, shell):
    """The name of another domain is not proved."""
    setting.clear()
    setting.web.set()
    setting.names.add("_mta-sts.other.example", TXT="v=STSv1; id=1")
    run = setting.run(shell, "other.example")
    equal(run.returncode, 1)
    contains(run.stderr, "cannot be fetched")
    equal((os.listdir(setting.folder), setting.web.asked), ([], []))


def a_slow_server(setting, shell):
    """By a copy that has less patience."""
    with open(SCRIPT, encoding="ascii") as file:
        text = file.read()
    contains(text, "time_max_s=60\n")
    hasty = setting.world.file("hasty", text.replace("time_max_s=60", "time_max_s=1"))
    setting.plant(int(time.time()) + 1000)
    setting.record("v=STSv1; id=new")
    setting.web.set()
    setting.web.delay_s = 4
    run = setting.run(shell, script=hasty)
    equal(run.returncode, 1)
    contains(run.stderr, "cannot be fetched")
    equal(setting.policy(), OLD)


def odd_names(setting, shell):
    setting.clear()
    for name in ("../x", ".x", "a/b", "x y", "b\u00fccher.example", "-x", "a..b"):
        run = setting.run(shell, name)
        equal(run.returncode, 1, name)
        contains(run.stderr, "is no name of a mail domain")
        equal(os.listdir(setting.folder), [])


LINES = b"version: STSv1\nmode: enforce\nmax_age: 1\n"
GOOD = {
    "plain": {},
    "crlf": {"body": POLICY.replace(b"\n", b"\r\n")},
    "charset": {"kind": "text/plain; charset=utf-8"},
    "kind_in_capitals": {"kind": "Text/PLAIN"},
    "mode_none": {"body": b"version: STSv1\nmode: none\nmax_age: 0\n"},
    "unknown_fields": {"body": POLICY + b"more: x\nmode: odd\n"},
    "32_mx": {"body": LINES + b"mx: a.example\n" * 32},
    "other_records": {"texts": ("v=spf1 -all", "v=STSv1; id=" + "a" * 32)},
}
RECORDS = {
    "none": (), "two": ("v=STSv1; id=1", "v=STSv1; id=2"), "no_id": ("v=STSv1;",),
    "long_id": ("v=STSv1; id=" + "a" * 33,), "odd_id": ("v=STSv1; id=a-b",),
    "version": ("v=STSv2; id=1",), "space": (" v=STSv1; id=1",),
}
ANSWERS = {
    "404": ("is not there: 404", {"status": 404}),
    "redirect": ("is not there: 301", {
        "status": 301, "Location": f"https://mta-sts.{NAME}/.well-known/mta-sts.txt"}),
    "html": ("is not there: 200 text/html", {"kind": "text/html"}),
    "text_plainer": ("is not there", {"kind": "text/plainer"}),
    "64_kib": ("longer than 64 KiB", {"body": POLICY + b"x:" + b"y" * 65536}),
    "endless": ("cannot be fetched", {"body": POLICY + b"x:" + b"y" * (1 << 22)}),
    "nul": ("contains a NUL byte", {"body": POLICY + b"x: \0\n"}),
    "version_2": ("version", {"body": POLICY.replace(b"STSv1", b"STSv2")}),
    "odd_mode": ("mode must be", {"body": POLICY.replace(b"enforce", b"on")}),
    "long_age": ("max_age", {"body": POLICY.replace(b"86400", b"31557601")}),
    "no_age": ("max_age", {"body": b"version: STSv1\nmode: enforce\nmx: a.b\n"}),
    "no_mx": ("no mx", {"body": LINES}),
    "33_mx": ("too many mx", {"body": LINES + b"mx: a.b\n" * 33}),
    "address": ("mx must be", {"body": LINES + b"mx: 192.0.2.1\n"}),
    "two_stars": ("mx must be", {"body": LINES + b"mx: *.*.a\n"}),
    "no_field": ("no line", {"body": b"<html>\n" + POLICY}),
    "empty": ("version", {"body": b""}),
}

for shell in SHELLS:
    for label, options in GOOD.items():
        suite.add(f"{shell}_fetches_{label}",
                  lambda s, sh, o: fetched(s, sh, **o), shell, options)
    for label, texts in RECORDS.items():
        suite.add(f"{shell}_record_{label}", kept, shell,
                  "no single TXT record v=STSv1", texts)
    for label, (why, answer) in ANSWERS.items():
        suite.add(f"{shell}_refuses_{label}",
                  lambda s, sh, w, a: kept(s, sh, w, **a), shell, why, answer)
    for function in (unchanged, unchanged_and_gone, changed, other_certificate, a_slow_server, odd_names):
        suite.add(f"{shell}_{function.__name__}", function, shell)

if __name__ == "__main__":
    sys.exit(run_suite(suite, Setting))
