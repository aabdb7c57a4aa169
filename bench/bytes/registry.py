"""The little of the registry's protocol that puts an image there and looks at one."""

from __future__ import annotations

import hashlib
import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """One repository at HOST:PORT, without TLS and accounts."""

    def __init__(self, address: str, repository: str):
        self.address, self.repository = address, repository

    def _ask(self, method: str, path: str, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=600)
        connection.request(method, path, body, {"Connection": "close", **(headers or {})})
        return connection.getresponse()

    def _done(self, method: str, path: str, status: int, body=None, headers=None):
        answer = self._ask(method, path, body, headers)
        data = answer.read()
        if answer.status != status:
            raise OSError(f"{method} {path}: {answer.status} {data[:300]!r}")
        return answer, data

    def has(self, digest: str) -> bool:
        answer = self._ask("HEAD", f"/v2/{self.repository}/blobs/{digest}")
        answer.read()
        return answer.status == 200

    def _upload(self, digest: str, body, size: int) -> None:
        begun, _ = self._done("POST", f"/v2/{self.repository}/blobs/uploads/", 202, b"")
        place = urlsplit(begun.headers["Location"])
        query = f"{place.query}&" if place.query else ""
        self._done(
            "PUT", f"{place.path}?{query}digest={digest}", 201, body,
            {"Content-Length": str(size), "Content-Type": "application/octet-stream"},
        )  # fmt: skip

    def upload_file(self, digest: str, path: Path) -> None:
        with open(path, "rb") as body:
            self._upload(digest, body, path.stat().st_size)

    def upload_bytes(self, data: bytes) -> dict:
        """Returns digest and size, as descriptors have them."""
        digest = digest_of(data)
        if not self.has(digest):
            self._upload(digest, data, len(data))
        return {"digest": digest, "size": len(data)}

    def mount(self, digest: str, source: str) -> None:
        path = f"/v2/{self.repository}/blobs/uploads/?mount={digest}&from={source}"
        self._done("POST", path, 201, b"")

    def put_manifest(self, tag: str, data: bytes) -> None:
        self._done("PUT", f"/v2/{self.repository}/manifests/{tag}", 201, data, {"Content-Type": MANIFEST})

    def manifest(self, tag: str) -> dict:
        path = f"/v2/{self.repository}/manifests/{tag}"
        return json.loads(self._done("GET", path, 200, headers={"Accept": f"{MANIFEST}, {DOCKER}"})[1])

    def blob(self, digest: str):
        """A response to read from."""
        answer = self._ask("GET", f"/v2/{self.repository}/blobs/{digest}")
        if answer.status != 200:
            raise OSError(f"blob {digest}: {answer.status}")
        return answer


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def dump(value) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def image(layers: list[dict], config: dict, names: list[str]) -> tuple[bytes, dict]:
    """(config, manifest without it) of an image; `layers` have digest, size and diff_id."""
    created = "2023-11-14T22:13:20Z"
    document = {
        "created": created, "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
        "history": [{"created": created, "created_by": name} for name in names],
    }  # fmt: skip
    described = [{"mediaType": LAYER, "digest": l["digest"], "size": l["size"]} for l in layers]
    return dump(document), {"schemaVersion": 2, "mediaType": MANIFEST, "layers": described}


def push_image(registry: Registry, tag: str, layers: list[dict], config: dict, names: list[str]) -> None:
    """Config and manifest of layers that are there."""
    data, manifest = image(layers, config, names)
    manifest["config"] = {"mediaType": CONFIG, **registry.upload_bytes(data)}
    registry.put_manifest(tag, dump(manifest))
