#!/usr/bin/env python3
"""A registry whose layers may be made up as they are asked for: `synthetic.py IMAGES.json UPLOADS`.

IMAGES.json has `manifests`, {repository: {tag or digest: file}}, and `blobs`, {digest: what}: {"file": path},
{"pieces": directory, "order": [[piece, times], …]} (see pattern.py).  Answers ranges; takes uploads, whose
bytes it keeps in the directory UPLOADS.  Prints its address, ends when stdin does.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import re
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs
from urllib.parse import urlsplit

PIECE = 1 << 20
PATH = re.compile(r"^/v2/(?P<repository>.+)/(?P<kind>manifests|blobs/uploads|blobs)/(?P<name>[^/]*)$")


class FileBlob:
    def __init__(self, path: Path):
        self.path, self.size = path, path.stat().st_size

    def send(self, socket, begin: int, end: int) -> None:
        with open(self.path, "rb") as source:
            socket.sendfile(source, begin, end - begin)


class PieceBlob:
    """A blob of pieces; `starts` has where each run of one piece begins."""

    def __init__(self, directory: Path, order):
        self.runs, self.starts, at, held = [], [], 0, {}
        for number, times in order:
            piece = held.setdefault(number, (directory / str(number)).read_bytes())
            self.runs.append(piece)
            self.starts.append(at)
            at += len(piece) * times
        self.size = at

    def send(self, socket, begin: int, end: int) -> None:
        while begin < end:
            run = bisect.bisect_right(self.starts, begin) - 1
            piece = self.runs[run]
            inside = (begin - self.starts[run]) % len(piece)
            part = memoryview(piece)[inside : inside + min(end - begin, 4 * PIECE)]
            socket.sendall(part)
            begin += len(part)


class State:
    def __init__(self, images: dict, uploads: Path):
        self.manifests = {
            repository: {name: Path(file).read_bytes() for name, file in tags.items()}
            for repository, tags in images["manifests"].items()
        }
        self.blobs = {digest: blob_of(what) for digest, what in images["blobs"].items()}
        self.uploads = uploads
        uploads.mkdir(parents=True, exist_ok=True)

    def manifest(self, repository: str, name: str):
        held = self.manifests.get(repository, {})
        return held.get(name) or next((d for d in held.values() if digest_of(d) == name), None)


def blob_of(what: dict):
    return FileBlob(Path(what["file"])) if "file" in what else PieceBlob(Path(what["pieces"]), what["order"])


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status: int, headers=None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, str(value))
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def place(self):
        """(kind, repository, name) of what is asked for; nothing for the root."""
        found = PATH.match(urlsplit(self.path).path)
        return (found["kind"], found["repository"], found["name"]) if found else ("", "", "")

    def do_GET(self):
        kind, repository, name = self.place()
        state = self.server.state
        if kind == "manifests" and (data := state.manifest(repository, name)):
            media = json.loads(data)["mediaType"]
            self.answer(200, {"Content-Type": media, "Docker-Content-Digest": digest_of(data), "Content-Length": len(data)}, data)
        elif kind == "blobs" and name in state.blobs:
            self.give(name, state.blobs[name])
        else:
            self.answer(200 if urlsplit(self.path).path == "/v2/" else 404, {"Content-Type": "application/json"}, b"{}")

    do_HEAD = do_GET

    def give(self, digest: str, blob) -> None:
        begin, end, status = 0, blob.size, 200
        if asked := re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range", "")):
            begin, status = int(asked[1]), 206
            end = min(int(asked[2]) + 1, blob.size) if asked[2] else blob.size
            if begin >= blob.size:
                return self.answer(416, {"Content-Range": f"bytes */{blob.size}"})
        headers = {"Content-Type": "application/octet-stream", "Docker-Content-Digest": digest, "Content-Length": end - begin}
        if status == 206:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{blob.size}"
        self.answer(status, headers)
        if self.command == "GET":
            try:
                blob.send(self.connection, begin, end)
            except OSError:  # the client has seen enough
                self.close_connection = True

    def do_POST(self):
        _, repository, _ = self.place()
        self.drain(None)
        mount = parse_qs(urlsplit(self.path).query).get("mount", [""])[0]
        if mount in self.server.state.blobs:
            return self.answer(201, {"Location": f"/v2/{repository}/blobs/{mount}", "Docker-Content-Digest": mount})
        self.answer(202, {"Location": f"/v2/{repository}/blobs/uploads/{uuid.uuid4().hex}", "Range": "0-0"})

    def do_PATCH(self):
        _, repository, name = self.place()
        path = self.server.state.uploads / name
        with open(path, "ab") as out:
            self.drain(out)
        self.answer(202, {"Location": f"/v2/{repository}/blobs/uploads/{name}", "Range": f"0-{path.stat().st_size - 1}"})

    def do_PUT(self):
        kind, repository, name = self.place()
        state = self.server.state
        if kind == "manifests":
            data = self.rfile.read(int(self.headers["Content-Length"]))
            state.manifests.setdefault(repository, {})[name] = data
            return self.answer(201, {"Location": self.path, "Docker-Content-Digest": digest_of(data)})
        path, digest = state.uploads / name, parse_qs(urlsplit(self.path).query)["digest"][0]
        with open(path, "ab") as out:
            self.drain(out)
        with open(path, "rb") as source:
            found = "sha256:" + hashlib.file_digest(source, "sha256").hexdigest()
        if found != digest:
            return self.answer(400, body=b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        state.blobs[digest] = FileBlob(path)
        self.answer(201, {"Location": f"/v2/{repository}/blobs/{digest}", "Docker-Content-Digest": digest})

    def drain(self, out) -> None:
        """The request's body, of a given length or in chunks, into `out`."""
        chunked = self.headers.get("Transfer-Encoding", "") == "chunked"
        while True:
            left = int(self.rfile.readline().split(b";")[0], 16) if chunked else int(self.headers.get("Content-Length") or 0)
            more = left > 0 and chunked
            while left:
                data = self.rfile.read(min(left, PIECE))
                if not data:
                    return
                left -= len(data)
                if out:
                    out.write(data)
            if chunked:
                self.rfile.readline()
            if not more:
                return


def main() -> None:
    images, uploads = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.state = True, State(images, uploads)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("127.0.0.1:%d" % server.server_address[1], flush=True)
    sys.stdin.read()


main()
