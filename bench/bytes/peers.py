"""The peers, each given the job as its own manual would have it done, from nothing to pushed.

The job: four files of the donor over the base's, the result to another repository of the same registry.
Nothing of an earlier run is there: every tool gets an empty root, and containers' cache of blobs an empty place.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from job import Job
from measure import Meter
from services import Skipped
from services import dockerd

FRESH = 'mkdir -p "$WORK/var" /var/lib/containers && mount --bind "$WORK/var" /var/lib/containers\n'


def needs(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            raise Skipped(f"{tool} is not installed")


def docker(job: Job, meter: Meter) -> None:
    """Debian's engine with BuildKit; its client beside it, since other clients leave BuildKit to a plug-in."""
    client = shutil.which("docker", path="/usr/bin") or "docker"
    lines = [f"FROM {job.base}"]
    for folder, names in job.by_folder().items():
        lines.append(f"COPY --from={job.donor} {' '.join(f'{job.source}/{n}' for n in names)} {job.into}/{folder}/")
    context = job.work / "context"
    context.mkdir()
    (context / "Dockerfile").write_text("\n".join(lines) + "\n")
    with dockerd(job.work / "d") as daemon:
        meter.daemons = [int(pid) for pid in daemon["pids"].strip("'").split()]
        env = {"DOCKER_HOST": daemon["host"], "DOCKER_BUILDKIT": "1"}
        meter.step(client, "build", "--progress", "plain", "-t", job.result, context, env=env)
        meter.step(client, "push", job.result, env=env)


def _insecure(job: Job) -> Path:
    path = job.work / "registries.conf"
    path.write_text(f'[[registry]]\nlocation = "{job.address}"\ninsecure = true\n')
    return path


def buildah(job: Job, meter: Meter) -> None:
    needs("buildah")
    roots = "--root $WORK/var/storage --runroot $WORK/run --storage-driver overlay"
    copies = "".join(
        f"buildah {roots} copy --from {job.donor} $c {' '.join(f'{job.source}/{n}' for n in names)} {job.into}/{folder}/\n"
        for folder, names in job.by_folder().items()
    )
    script = (
        f"{FRESH}c=$(buildah {roots} from {job.base})\n{copies}"
        f"buildah {roots} commit -q $c {job.result}\nbuildah {roots} push -q {job.result} docker://{job.result}\n"
        f"umount $WORK/var/storage/overlay 2> /dev/null || true\n"
    )
    env = {"WORK": str(job.work), "CONTAINERS_REGISTRIES_CONF": str(_insecure(job))}
    meter.step("unshare", "--mount", "bash", "-euc", script, env=env)


def umoci(job: Job, meter: Meter) -> None:
    """skopeo moves the images, umoci unpacks the one and inserts into the other."""
    needs("skopeo", "umoci")
    inserts = "".join(
        f"umoci insert --image $WORK/i:base $WORK/b/rootfs{job.source}/{name} {job.into}/{name}\n" for name in job.names()
    )
    script = (
        f"{FRESH}skopeo copy -q --src-tls-verify=false docker://{job.base} oci:$WORK/i:base\n"
        f"skopeo copy -q --src-tls-verify=false docker://{job.donor} oci:$WORK/i:donor\n"
        f"umoci unpack --image $WORK/i:donor $WORK/b\n{inserts}"
        f"skopeo copy -q --dest-tls-verify=false oci:$WORK/i:base docker://{job.result}\n"
    )
    meter.step("unshare", "--mount", "bash", "-euc", script, env={"WORK": str(job.work)})


def _layer(job: Job) -> str:
    """Shell words that make $WORK/layer.tar of the files below $WORK/files."""
    moved = "".join(
        f'mkdir -p "$(dirname $WORK/root{job.into}/{name})"; mv $WORK/files{job.source}/{name} $WORK/root{job.into}/{name}\n'
        for name in job.names()
    )
    return f"{moved}tar -C $WORK/root -cf $WORK/layer.tar .\n"


def crane(job: Job, meter: Meter) -> None:
    needs("crane", "tar")
    wanted = " ".join(f"{job.source}/{name}".lstrip("/") for name in job.names())
    script = (
        f"mkdir $WORK/files\ncrane export --insecure {job.donor} - | tar -x -C $WORK/files {wanted}\n{_layer(job)}"
        f"crane append --insecure -b {job.base} -f $WORK/layer.tar -t {job.result}\n"
    )
    meter.shell(script, env={"WORK": str(job.work), "HOME": str(job.work)})


def regctl(job: Job, meter: Meter) -> None:
    needs("regctl", "tar")
    gets = "".join(
        f'mkdir -p "$(dirname $WORK/files{job.source}/{name})"\n'
        f"regctl image get-file {job.donor} {job.source}/{name} $WORK/files{job.source}/{name}\n"
        for name in job.names()
    )
    script = (
        f"regctl registry set --tls disabled {job.address}\n{gets}{_layer(job)}"
        f"regctl image mod {job.base} --create {job.result} --layer-add tar=$WORK/layer.tar\n"
    )
    env = {"WORK": str(job.work), "HOME": str(job.work), "REGCTL_CONFIG": str(job.work / "regctl.json")}
    meter.shell(script, env=env)


PEERS = {"docker": docker, "buildah": buildah, "umoci": umoci, "crane": crane, "regctl": regctl}
# What stores whole images unpacked cannot take the larger pair in the disk that the benchmark may use.
STREAMING = ("crane", "regctl")
