# SPDX-License-Identifier: ISC
"""Runs a program on a job, and believes it only if the mail server has it all."""

import json
import os
import subprocess
import time
from dataclasses import dataclass, field
from statistics import median

from places import OUT
from trips import octets, round_trips

METER = os.path.join(OUT, "meter")
LIMIT_MS = 60000
SPAN_S = 2
PATH = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Failed(Exception):
    """The program did not do the work; the text says what is missing."""


@dataclass
class Result:
    """What one run took."""

    facts: dict = field(default_factory=dict)

    def __getattr__(self, name):
        return self.facts.get(name)


class Runner:
    def __init__(self, lab):
        self.lab = lab
        self.output = os.path.join(lab.world.path, "meter.json")

    def run(self, program, job, traced=False, count=1, limit_ms=LIMIT_MS):
        """One run, checked. count: that many at once."""
        return self.watch(program, job, count, lambda: self.take(
            program, job, traced, count, limit_ms))

    def take(self, program, job, traced, count, limit_ms):
        if hasattr(program, "measure"):
            return program.measure(job, traced, count, limit_ms)
        return self.meter(program.command(job), traced, count, limit_ms)

    def watch(self, program, job, count, run):
        """run() gives the facts of a run; the Result has what was seen of it."""
        self.lab.forget()
        facts = run()
        if "nothing" not in program.abilities:
            self.check(job, count, facts)
        facts["queries"] = self.lab.questions()
        if self.lab.way == "far":
            packets = self.lab.traffic()
            facts["trips"], facts["octets"] = round_trips(packets), octets(packets)
        return Result(facts)

    def meter(self, command, traced=False, count=1, limit_ms=LIMIT_MS):
        process = self.start(command, traced, count, limit_ms)
        said, _ = process.communicate()
        with open(self.output, encoding="ascii") as file:
            facts = json.load(file)
        facts["said"] = said.decode("utf-8", "replace")
        return facts

    def start(self, command, traced=False, count=1, limit_ms=LIMIT_MS):
        options = ["-c", str(count), "-l", str(limit_ms), *(["-s"] if traced else [])]
        options += ["-i", command.stdin] if command.stdin else []
        options += ["-m", command.message] if command.message else []
        return subprocess.Popen(
            [METER, *options, self.output, *command.argv], cwd=command.cwd,
            env={**PATH, **command.env}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def check(self, job, count, facts):
        """The server has the message for every recipient, and how it came."""
        taken = [m for m in self.lab.taken() if m["host"] == job.host]
        said = " ".join(facts.get("said", "").split())[:200]
        if facts["bad"]:
            raise Failed(f"ended badly: {said}")
        recipients = sum(message["recipients"] for message in taken)
        if recipients != job.count * count:
            raise Failed(f"{recipients} of {job.count * count} recipients: {said}")
        size = os.path.getsize(job.message)
        if any(message["size"] < size for message in taken):
            raise Failed("not the whole message")
        if any(bool(message["tls"]) != (job.security != "clear") for message in taken):
            raise Failed("not as secure as asked")
        facts["tls"] = taken[0]["tls"]


def medians(results):
    """Of each number that all results have."""
    keys = set.intersection(*(set(r.facts) for r in results))
    return Result({k: median(r.facts[k] for r in results) for k in keys
                   if isinstance(results[0].facts[k], (int, float))})


def interleaved(programs, once, runs):
    """once(program) for each in turn, runs times or what fits into SPAN_S for
    one: medians by program name, and why a program has none."""
    results, failures = {p.name: [] for p in programs}, {}
    spent = dict.fromkeys(results, 0)
    for _ in range(runs):
        for program in programs:
            if program.name in failures or spent[program.name] > SPAN_S:
                continue
            began = time.monotonic()
            try:
                results[program.name].append(once(program))
            except (Failed, AssertionError) as why:
                failures[program.name] = str(why)
                program.forget()
            spent[program.name] += time.monotonic() - began
    return ({name: medians(r) for name, r in results.items()
             if r and name not in failures}, failures)
