"""Tests of the benchmark's own parts: what it makes up is valid, and what it counts is what passed.

    python3 -m unittest bench/test_bytes.py
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import socket
import sys
import tarfile
import tempfile
import threading
import unittest
import zlib
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "bytes"), str(HERE.parent / "fixtures")]

import blobs  # noqa: E402
import pattern  # noqa: E402
import registry  # noqa: E402
import services  # noqa: E402
import subject  # noqa: E402
from oci_tar import Layer  # noqa: E402
from oci_tar import Noise  # noqa: E402


def text(size: int, seed: int) -> bytes:
    """Something that compresses by a half or so."""
    return bytes(random.Random(seed).choices(range(32), k=size))


class Made(unittest.TestCase):
    """A layer of pieces, small."""

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.home = Path(held.name)
        slice_was, pattern.SLICE = pattern.SLICE, 1 << 16
        self.addCleanup(setattr, pattern, "SLICE", slice_was)
        self.wanted = text(70_001, 2)

        def make(pieces):
            pattern.ballast(pieces, "opt/ballast", text(pattern.SLICE, 1), 500_000)
            return {"span": pattern.whole_file(pieces, "opt/wanted", self.wanted)}

        self.layer = pattern.kept(self.home / "pieces", make)
        place = self.home / "pieces"
        self.bytes = b"".join((place / str(n)).read_bytes() * times for n, times in self.layer["order"])

    def test_is_a_gzipped_tar_of_these_digests(self):
        plain = gzip.decompress(self.bytes)
        self.assertEqual(self.layer["digest"], "sha256:" + hashlib.sha256(self.bytes).hexdigest())
        self.assertEqual(self.layer["diff_id"], "sha256:" + hashlib.sha256(plain).hexdigest())
        self.assertEqual((self.layer["size"], self.layer["tar_size"]), (len(self.bytes), len(plain)))
        with tarfile.open(fileobj=io.BytesIO(plain)) as members:
            self.assertEqual(members.extractfile("opt/wanted").read(), self.wanted)
            self.assertGreater(len(members.getnames()), 2)

    def test_the_span_of_the_wanted_file_inflates_to_it_alone(self):
        begin, end = self.layer["span"]
        found = zlib.decompressobj(-15).decompress(self.bytes[begin:end])
        self.assertEqual(found[: len(self.wanted)], self.wanted)
        self.assertLess(len(found), len(self.wanted) + 512)

    def test_served_in_whole_and_in_ranges_and_counted(self):
        layers = {image: [self.layer] for image in ("base", "donor")}
        images = subject.served(self.home, "x", layers)
        with services.ours(images, self.home / "up") as upstream, services.proxy(free(), upstream) as counted:
            there = registry.Registry(counted.address, "bench/donor")
            self.assertEqual(there.manifest("x")["layers"][0]["digest"], self.layer["digest"])
            before = counted.counts()["down"]
            self.assertEqual(there.blob(self.layer["digest"]).read(), self.bytes)
            passed = counted.counts()["down"] - before
            self.assertTrue(len(self.bytes) < passed < len(self.bytes) + 1000, passed)
            for begin, end in ((0, 1), (9, 11), (65_000, 400_000), (len(self.bytes) - 3, len(self.bytes))):
                asked = {"Range": f"bytes={begin}-{end - 1}"}
                answer = there._ask("GET", f"/v2/bench/donor/blobs/{self.layer['digest']}", headers=asked)
                self.assertEqual((answer.status, answer.read()), (206, self.bytes[begin:end]))

    def test_takes_what_is_pushed_and_refuses_another_digest(self):
        images = subject.served(self.home, "x", {image: [self.layer] for image in ("base", "donor")})
        with services.ours(images, self.home / "up") as address:
            there = registry.Registry(address, "bench/out")
            digest = there.upload_bytes(b"pushed")["digest"]
            self.assertEqual(there.blob(digest).read(), b"pushed")
            with self.assertRaises(OSError):
                there._upload("sha256:" + "0" * 64, b"other", 5)


class Spans(unittest.TestCase):
    def test_compressed_spans_are_where_the_decoder_is(self):
        layer = Layer().file("/a", Noise(300_000)).file("/b", text(200_000, 3)).file("/c", b"end")
        with tempfile.TemporaryDirectory() as home:
            packed = Path(home) / "layer"
            blob = blobs.pack(layer, packed, ["a", "b"])
            data = packed.read_bytes()
        (_, a_end), (b_begin, b_end) = blob.spans["a"], blob.spans["b"]
        self.assertTrue(a_end <= b_begin < b_end <= blob.size == len(data))
        # by sums, not by what was printed: noise does not shrink, and one of 32 letters takes 5 bits and a little
        self.assertAlmostEqual(a_end, 300_000, delta=2_000)
        self.assertAlmostEqual(b_end - b_begin, 200_000 * 5 / 8, delta=10_000)
        plain = 512 + 300_032 + 512 + 200_000
        found = len(zlib.decompressobj(31).decompress(data[:b_end]))
        self.assertTrue(plain <= found < plain + 300, found)


class Counting(unittest.TestCase):
    def test_both_ways_to_the_byte_through_sockets_of_both_kinds(self):
        with tempfile.TemporaryDirectory() as home, socket.socket(socket.AF_UNIX) as server:
            server.bind(f"{home}/s")
            server.listen()

            def answer():
                client, _ = server.accept()
                with client:
                    while client.recv(1 << 16):
                        pass
                    client.sendall(bytes(3_000_000))

            threading.Thread(target=answer, daemon=True).start()
            with services.proxy(f"{home}/p", f"{home}/s") as counted, socket.socket(socket.AF_UNIX) as client:
                client.connect(f"{home}/p")
                client.sendall(bytes(1_234_567))
                client.shutdown(socket.SHUT_WR)
                got = 0
                while piece := client.recv(1 << 16):
                    got += len(piece)
                counts = counted.counts()
        self.assertEqual((got, counts["up"], counts["down"]), (3_000_000, 1_234_567, 3_000_000))


def free() -> str:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{found.getsockname()[1]}"


if __name__ == "__main__":
    unittest.main()
