"""What every test shares: the folder of recorded data, when there is one."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("anywhere", deadline=None)  # a busy machine is no fault of the code's
settings.load_profile("anywhere")


@pytest.fixture(scope="session")
def data() -> Path:
    """Benchmarks and recordings of real models."""
    folder = Path(os.environ.get("DELEGATE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (folder / "benchmarks").is_dir():
        pytest.skip("no recorded data: set DELEGATE_DATA to a folder with benchmarks/ and recordings/")
    return folder


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    """Keep the verdict cache of the machine out of the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
