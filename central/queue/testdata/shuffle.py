#!/usr/bin/env python3
"""Recomputes a shuffle file with nothing but Python's standard library.

python3 shuffle.py FILE prints, for each place in line, the number that has it.
"""
import hashlib
import json
import struct
import sys


def chacha20_block(key, counter):
    state = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key)) + [counter, 0, 0, 0]
    w = state[:]

    def rotate(x, n):
        return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            w[x] = (w[x] + w[y]) & 0xFFFFFFFF
            w[z] = rotate(w[z] ^ w[x], n)

    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return [(a + b) & 0xFFFFFFFF for a, b in zip(w, state)]


def words(key):
    counter = 0
    while True:
        yield from chacha20_block(key, counter)
        counter += 1


def shuffle(event, seed, entries, beacon, people):
    key = hashlib.sha256(b"conting queue shuffle v1\n%d\n" % event + seed + entries + beacon.encode()).digest()
    draw = words(key)
    order = list(range(1, people + 1))
    for i in range(people - 1, 0, -1):
        limit = 2**32 - 2**32 % (i + 1)
        x = next(draw)
        while x >= limit:
            x = next(draw)
        j = x % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def main(name):
    with open(name, encoding="utf-8") as f:
        head = json.loads(f.readline())
        keys = [bytes.fromhex(line.strip()) for line in f]
    entries = hashlib.sha256(b"conting queue list v1\n%d\n" % head["event"] + b"".join(keys)).digest()
    seed = bytes.fromhex(head["seed"])
    assert len(keys) == head["people"], "length of the list"
    assert entries.hex() == head["list"], "hash of the list"
    assert hashlib.sha256(b"conting queue seed v1\n%d\n%s\n" % (head["event"], seed.hex().encode())).hexdigest() == head["commitment"], "commitment"
    for number in shuffle(head["event"], seed, entries, head["beacon"], head["people"]):
        print(number)


if __name__ == "__main__":
    main(sys.argv[1])
