"""The wheel, built and installed into an empty environment, as a project elsewhere would have it."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from tallystick import Client
from tallystick.testing import Server, find_binary

ROOT = pathlib.Path(__file__).parents[1]
BY_HAND = """
from tallystick.testing import Harness, Server

with Server() as server, server.client() as client:
    Harness(client).clock.advance(days=1)
"""


def run(*command: object, cwd: pathlib.Path, **environment: str) -> str:
    # Nothing of this run's own environment helps.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Built from a copy: a build leaves files beside its sources, and takes along what others left."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("build", "*.egg-info", ".*", "__pycache__"))
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", directory, source, cwd=directory)
    [built] = directory.glob("*.whl")
    return built


def test_the_wheel_has_the_package_and_nothing_else(wheel: pathlib.Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tallystick").rglob("*")
        if path.suffix in (".py", ".pyi", ".typed")
    }
    assert {name for name in names if ".dist-info/" not in name} == package
    assert "tallystick/py.typed" in names
    assert "tallystick/_generated/v1/credits_pb2.pyi" in names


def test_a_new_project_installs_it_and_charges_a_credit(
    wheel: pathlib.Path, tmp_path: pathlib.Path, tally: Client, tally_server: Server
) -> None:
    # With this environment's pip, since to install one takes longer than all the rest.
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv", cwd=tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    run(*pip, wheel, cwd=tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.S | re.M)
    # The client itself needs no pytest, nor does the daemon by hand.
    printed = run(python, "-c", examples[0], cwd=tmp_path, TALLY_SOCKET=tally_server.socket)
    assert printed == "left: 750000\n"
    run(python, "-c", BY_HAND, cwd=tmp_path, TALLY_BINARY=find_binary())
    run(*pip, "pytest", cwd=tmp_path)
    (tmp_path / "test_charge.py").write_text(next(text for text in examples if "def test_charge" in text))
    assert "1 passed" in run(python, "-m", "pytest", cwd=tmp_path, TALLY_BINARY=find_binary())
