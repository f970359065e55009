# SPDX-License-Identifier: ISC
"""The table of addresses that timed out, from the facts alone: 64 records of
address, failure count (1 byte), 3 unused, time (4, little-endian), 4 unused.
IPv4 tables have records of 16 bytes, IPv6 ones of 28."""

import socket

COUNT = 64
TAIL = 12


def packed(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_pton(family, address)


def record(address, count, when, unused=b"\xaa\xbb\xcc", rest=b"\x11\x22\x33\x44"):
    return packed(address) + bytes([count]) + unused + when.to_bytes(4, "little") + rest


class Table:
    """The bytes of a file, and what the rules make of them."""

    def __init__(self, data, address_size=4):
        self.data = bytearray(data)
        self.address_size = address_size
        self.size = address_size + TAIL

    def records(self):
        whole = min(len(self.data) // self.size, COUNT)
        return [bytes(self.data[i * self.size:(i + 1) * self.size])
                for i in range(whole)]

    def count(self, index):
        return self.records()[index][self.address_size]

    def time(self, index):
        at = self.address_size + 4
        return int.from_bytes(self.records()[index][at:at + 4], "little")

    def find(self, address):
        wanted = packed(address)
        for index, one in enumerate(self.records()):
            if one[:self.address_size] == wanted:
                return index
        return None

    def skips(self, address, now, pid):
        index = self.find(address)
        if index is None or self.count(index) < 2:
            return False
        return now - self.time(index) < (60 + (pid & 31)) * 64

    def write(self, index, count, now, address=None):
        at = index * self.size
        if address:
            self.data[at:at + self.address_size] = packed(address)
        at += self.address_size
        self.data[at] = count
        self.data[at + 4:at + 8] = now.to_bytes(4, "little")

    def timed_out(self, address, now):
        index = self.find(address)
        if index is None:
            index = self.place()
            if index is not None:
                self.write(index, 1, now, address)
            return
        if self.count(index) and now - self.time(index) < 120:
            return
        self.write(index, min(self.count(index) + 1, 10), now)

    def place(self):
        """Where a new address goes: the first free record, else the first of
        those with the smallest time + count * 1024."""
        indexes = range(len(self.records()))
        for index in indexes:
            if self.count(index) == 0:
                return index
        return min(indexes, key=lambda i: self.time(i) + self.count(i) * 1024,
                   default=None)

    def answered(self, address):
        index = self.find(address)
        if index is not None:
            self.data[index * self.size + self.address_size] = 0
