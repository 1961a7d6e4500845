"""The commands on machines unlike this one: each starts with no variable but those that it is given."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
FOREWARN = str(Path(sys.executable).with_name("forewarn"))
SETTINGS = ["model.family=logistic", "windows.lookback=2", "evaluation.bootstrap_samples=100"]


@dataclass(frozen=True)
class Machine:
    """What a machine is like.

    Attributes:
        home: Name of the empty home in which everything is written.
        variables: Its variables, beside HOME and PATH.
        umask: Rights that its new files lack.
        user: Number of the user.
    """

    home: str = "home"
    variables: Mapping[str, str] = field(default_factory=dict)
    umask: int = 0o022
    user: int | None = None


PLAIN = Machine(variables={"LANG": "C.UTF-8", "TERM": "xterm"})
UNUSUAL = Machine(
    home="Häuser 100% neu",
    variables={"LC_ALL": "POSIX", "TERM": "dumb", "TZ": "Pacific/Chatham"},
    umask=0o077,
)
MACHINES = {
    "ASCII, another zone, files for the owner alone, an umlaut in the path": UNUSUAL,
    "no variable at all and a user who is not root": Machine(variables={}, user=65534),
}


def run(machine: Machine, folder: Path, *command: str) -> str:
    """Run a command in the machine's home; what it printed."""
    home = folder / machine.home
    home.mkdir(exist_ok=True)
    if machine.user is not None:
        os.chown(home, machine.user, machine.user)
    done = subprocess.run(
        command,
        check=False,
        cwd=home,
        env={"HOME": str(home), "FOREWARN_HOME": str(home), "PATH": "/usr/bin:/bin", **machine.variables},
        umask=machine.umask,
        user=machine.user,
        group=machine.user,
        extra_groups=None if machine.user is None else [],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def retrain_and_score(machine: Machine, folder: Path) -> tuple[dict, str]:
    """Simulate, retrain as README says, and score; the figures of the training, and the scored rows."""
    home = folder / machine.home
    table, scores, result = (str(home / name) for name in ("readings.csv", "scores.csv", "result.json"))
    run(machine, folder, FOREWARN, "simulate", "--rows", "9000", "--seed", "5", "--out", table)
    settings = " ".join(f"--set {setting}" for setting in SETTINGS)
    arguments = f"ARGS=--json '{result}' {settings}"
    shown = run(machine, folder, "make", "-C", str(ROOT), "run", f"DATA={table}", arguments)
    assert "Decision" in shown
    run(machine, folder, FOREWARN, "score", "--data", table, "--out", scores, "--model", "models:/forewarn/1")
    outcome = json.loads(Path(result).read_text(encoding="utf-8"))
    assert Path(outcome["report"]).is_file()
    rows = pd.read_csv(scores, dtype=str, keep_default_na=False).drop(columns="scored_at")
    return outcome["metrics"], rows.to_csv(index=False)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, str]:
    return retrain_and_score(PLAIN, tmp_path_factory.mktemp("plain"))


@pytest.mark.parametrize("name", MACHINES)
def test_every_machine_comes_to_the_same_figures(name: str, plain: tuple[dict, str], tmp_path: Path) -> None:
    machine = MACHINES[name]
    if machine.user is not None:
        require_user(machine.user, tmp_path)
    metrics, rows = retrain_and_score(machine, tmp_path)
    assert metrics == plain[0]
    # not compared in the assertion: a difference of two long texts takes minutes to show
    is_same = rows == plain[1]
    assert is_same


def require_user(number: int, folder: Path) -> None:
    """Skip the test where nobody else may use this Python, or this process may not act for others."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    for path in (folder, *folder.parents):
        if path.owner() == "root" and path.stat().st_mode & 0o077 == 0:
            path.chmod(path.stat().st_mode | 0o055)
    try:
        subprocess.run(
            [sys.executable, "-c", "import flows"], check=True, user=number, cwd="/", capture_output=True
        )
    except (PermissionError, subprocess.CalledProcessError):
        pytest.skip(f"other users cannot run {sys.executable}; the image is tested with such a user")
