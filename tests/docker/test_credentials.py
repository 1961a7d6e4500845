import pytest
from compose import list_secrets
from credentials import keep_credentials

from schemas.errors import InputError

NAMES = list_secrets()


def test_secrets_are_made_once_and_only_their_owner_can_read_them(tmp_path):
    path = tmp_path / "secrets.env"
    first = keep_credentials(path, NAMES)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keep_credentials(path, NAMES) == first
    assert set(first) == set(NAMES)
    assert len(set(first.values())) == len(NAMES)
    assert all(len(secret) >= 32 for secret in first.values())
    assert first["PREFECT_API_AUTH_STRING"].startswith("forewarn:")


def test_a_secret_that_is_missing_is_made_beside_the_others(tmp_path):
    path = tmp_path / "secrets.env"
    first = keep_credentials(path, NAMES)
    kept = [line for line in path.read_text().splitlines() if not line.startswith("FOREWARN_SERVE_TOKEN")]
    path.write_text("\n".join(kept))
    second = keep_credentials(path, NAMES)
    assert {name for name in NAMES if second[name] != first[name]} == {"FOREWARN_SERVE_TOKEN"}


def test_a_file_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "secrets.env"
    keep_credentials(path, NAMES)
    path.chmod(0o640)
    with pytest.raises(InputError, match="chmod 600"):
        keep_credentials(path, NAMES)


def test_a_broken_line_is_named_by_its_number_alone(tmp_path):
    path = tmp_path / "secrets.env"
    path.write_text("hunter2\n")
    path.chmod(0o600)
    with pytest.raises(InputError, match="Line 1") as caught:
        keep_credentials(path, NAMES)
    assert "hunter2" not in str(caught.value)
