#!/usr/bin/env python3
"""A proxy that counts: `proxy.py LISTEN UPSTREAM`, each HOST:PORT or a socket's path.

Passes every connection on without looking inside and counts what goes either way, headers and all.
Bytes move by splice(2), in the kernel, so that it costs all clients the same and next to nothing.
Prints `ready`, then for each line on stdin one line of JSON: what has passed since it was started.
Ends when stdin does.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading

PIECE = 1 << 20


class Counts:
    """What passed: `up` from the client, `down` to it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.held = {"up": 0, "down": 0, "connections": 0}

    def add(self, which: str, number: int) -> None:
        with self.lock:
            self.held[which] += number

    def line(self) -> str:
        with self.lock:
            return json.dumps(self.held)


def is_path(address: str) -> bool:
    return address.startswith("/")


def listening(address: str) -> socket.socket:
    if is_path(address):
        server = socket.socket(socket.AF_UNIX)
        server.bind(address)
    else:
        host, port = address.rsplit(":", 1)
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, int(port)))
    server.listen(128)
    return server


def connected(address: str) -> socket.socket:
    if is_path(address):
        client = socket.socket(socket.AF_UNIX)
        client.connect(address)
    else:
        host, port = address.rsplit(":", 1)
        client = socket.create_connection((host, int(port)))
    quick(client)
    return client


def quick(end: socket.socket) -> None:
    if end.family != socket.AF_UNIX:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def pass_on(source: socket.socket, sink: socket.socket, counts: Counts, which: str) -> None:
    """Until `source` ends; then `sink` is told so.  A side that breaks ends both."""
    read, write = os.pipe()
    try:
        while moved := os.splice(source.fileno(), write, PIECE):
            counts.add(which, moved)
            while moved:
                moved -= os.splice(read, sink.fileno(), moved)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
    finally:
        os.close(read)
        os.close(write)


def serve(client: socket.socket, upstream: str, counts: Counts) -> None:
    counts.add("connections", 1)
    with client:
        try:
            server = connected(upstream)
        except OSError:
            return
        with server:
            back = threading.Thread(target=pass_on, args=(server, client, counts, "down"))
            back.start()
            pass_on(client, server, counts, "up")
            back.join()


def accept(server: socket.socket, upstream: str, counts: Counts) -> None:
    while True:
        client, _ = server.accept()
        quick(client)
        threading.Thread(target=serve, args=(client, upstream, counts), daemon=True).start()


def main() -> None:
    listen, upstream = sys.argv[1:]
    counts, server = Counts(), listening(listen)
    threading.Thread(target=accept, args=(server, upstream, counts), daemon=True).start()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(counts.line(), flush=True)


main()
