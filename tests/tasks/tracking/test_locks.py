import subprocess
import sys
import time
from pathlib import Path

import pytest

from schemas.errors import BusyError
from tasks.tracking.locks import find_lock, hold_file, lock_retraining

HOLD = "import sys, time; from pathlib import Path; from tasks.tracking.locks import hold_file\n"
HOLD += "with hold_file(Path(sys.argv[1]), 0, 'This'):\n    print('held', flush=True); time.sleep(60)"


def hold_elsewhere(path: Path) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    process.stdout.close()
    return process


def test_a_second_one_is_told_who_is_at_it(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path / "lock")
    try:
        with (
            pytest.raises(BusyError, match=f"This is limited to one command.*process {process.pid} on"),
            hold_file(tmp_path / "lock", 0, "This"),
        ):
            pass
    finally:
        process.kill()
        process.wait()


def test_a_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path / "lock")
    process.kill()
    process.wait()
    with hold_file(tmp_path / "lock", 0, "This"):
        pass


def test_a_patient_one_waits_until_the_other_has_ended(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path / "lock")
    process.terminate()
    begin = time.monotonic()
    with hold_file(tmp_path / "lock", 30, "This"):
        assert time.monotonic() - begin < 30
    process.wait()


def test_two_models_are_retrained_side_by_side(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    with lock_retraining(uri, "one"), lock_retraining(uri, "two"):
        pass


def test_retraining_and_moving_aliases_do_not_wait_for_each_other(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert find_lock(uri, "forewarn") != find_lock(uri, "forewarn", "retraining")
