"""The image, built once and then run as docker/compose.yaml runs it: as its user, on a read-only root."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

# the build takes several minutes
pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

_HERE = Path(__file__).parent
_BASE = "localhost/forewarn-base"
# size on disk; it was 2.16e9 in November 2026
_BYTES_AT_MOST = 2.3e9


@dataclass(frozen=True)
class Image:
    """A mounted image, its configuration, and a folder for its volume."""

    root: Path
    settings: dict
    volume: Path

    def make_command(self, *words: str) -> list[str]:
        """Make the command that runs another one in the image."""
        isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child", str(_HERE / "run_in_image.sh")]
        settings = [self.settings["User"], self.settings["WorkingDir"]]
        return [*isolated, str(self.root), str(self.volume), *settings, *words]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the image, without any other variables."""
        return dict(line.split("=", 1) for line in self.settings["Env"])

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the image until it ends."""
        return subprocess.run(
            self.make_command(*words),
            check=False,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Build base and image in a separate storage, mount the image, and remove everything at the end."""
    missing = [tool for tool in ("buildah", "debootstrap", "unshare") if shutil.which(tool) is None]
    if os.geteuid() != 0 or missing:
        pytest.skip(f"building the image needs root, buildah and debootstrap; missing: {missing or 'root'}")
    folder = Path(tempfile.mkdtemp(prefix="forewarn-image-"))
    try:
        yield build_image(folder)
    finally:
        # overlays, and the storage's folder, which is a bind mount of itself
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in reversed([path for path in mounted if path.startswith(f"{folder}/")]):
            subprocess.run(["umount", place], check=True)
        shutil.rmtree(folder)


def build_image(folder: Path) -> Image:
    """Build base and image with the project's commands, and mount a container of the image."""
    storage = folder / "storage.conf"
    # names no driver, so that overlays are used where the disk allows them, and copies elsewhere
    storage.write_text(f'[storage]\ngraphroot = "{folder}/store"\nrunroot = "{folder}/run"\n')
    (folder / "tmp").mkdir()
    environment = os.environ | {
        "BUILDER": "buildah",
        "BUILDAH_ISOLATION": "chroot",
        "CONTAINERS_STORAGE_CONF": str(storage),
        "PYTHON_IMAGE": _BASE,
        "TMPDIR": str(folder / "tmp"),
    }

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            words, check=False, env=environment, cwd=_HERE.parents[1], capture_output=True, text=True
        )
        assert done.returncode == 0, f"{words}: {(done.stdout + done.stderr)[-4000:]}"
        return done.stdout.strip()

    run(_HERE / "make_base_image.sh", _BASE)
    run("make", "image")
    container = run("buildah", "from", "--pull-never", f"forewarn:{version('forewarn')}")
    settings = json.loads(run("buildah", "inspect", container))["Docker"]["config"]
    root = Path(run("buildah", "mount", container))
    volume = folder / "volume"
    volume.mkdir()
    # a volume takes over the owner of the folder that it is mounted on
    owner = (root / "srv/forewarn").stat()
    os.chown(volume, owner.st_uid, owner.st_gid)
    return Image(root, settings, volume)


@contextlib.contextmanager
def serving(image: Image, model: str) -> Iterator[str]:
    """Serve a version from the image on a free port, and yield the address."""
    place = image.volume / "serving.json"
    words = ["forewarn", "serve", "--model", model, "--port", "0", "--json", "/srv/forewarn/serving.json"]
    with (image.volume / "log").open("w+") as log:
        service = subprocess.Popen(
            image.make_command(*words),
            env=image.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            while not place.exists():
                assert service.poll() is None, (image.volume / "log").read_text()
                time.sleep(0.2)
            yield json.loads(place.read_text())["url"]
        finally:
            service.kill()
            service.wait()


def test_the_user_of_the_image_is_a_number_on_a_root_that_is_read_only(image: Image) -> None:
    assert image.settings["User"] == "10001:10001"
    assert image.run("id").stdout == "uid=10001 gid=10001 groups=10001\n"
    assert image.run("getent", "passwd", "10001").returncode != 0
    assert image.run("grep", "CapBnd", "/proc/self/status").stdout.split()[1] == "0" * 16
    # the second of these folders belongs to the user
    for place in ("/app", "/srv/prefect"):
        assert "Read-only file system" in image.run("touch", f"{place}/file").stderr
    for place in ("/tmp", "/srv/forewarn"):  # noqa: S108 - paths in the image
        assert image.run("touch", f"{place}/file").returncode == 0


def test_the_image_holds_no_secret_of_its_build_and_no_more_than_is_said(image: Image) -> None:
    assert not list(image.root.glob("run/secrets/*"))
    usage = subprocess.run(["du", "-s", "--block-size=1", image.root], check=True, capture_output=True)
    assert int(usage.stdout.split()[0]) < _BYTES_AT_MOST


def test_the_doctor_finds_nothing_wrong_in_the_image(image: Image) -> None:
    done = image.run("forewarn", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_network_trained_in_the_image_is_served_by_the_image(image: Image) -> None:
    table = "/srv/forewarn/readings.csv"
    settings = ["--set", "model.family=lstm_autoencoder", "--set", "training.epochs=2"]
    for words in (["simulate", "--rows", "9000", "--out", table], ["retrain", "--data", table, *settings]):
        done = image.run("forewarn", *words)
        assert done.returncode == 0, done.stdout + done.stderr

    with serving(image, "models:/forewarn/1") as address:
        assert image.run("python", "docker/answer.py", f"{address}/ready").returncode == 0
        example = httpx.get(f"{address}/example").json()
        scored = httpx.post(f"{address}/score", json=example).json()
    assert scored["version"] == "1"
    assert scored["rows"][-1]["score"] is not None
