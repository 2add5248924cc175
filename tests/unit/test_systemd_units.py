"""The units in `deploy/systemd`, as far as systemd can judge them without running them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from parley import runner

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
NONE_SUCH = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
MOST_EXPOSED = 20
"""Of 100, which is a service without any restriction."""

every = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)


def run(*arguments: str) -> str:
    """What systemd-analyze says; it must be content."""
    assert ANALYZE is not None
    command = [ANALYZE, *arguments, "--no-pager"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stderr


def settings(unit: Path) -> dict[str, list[str]]:
    """All values of each name."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text("utf-8"), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@NONE_SUCH
@every
def test_systemd_takes_it(unit: Path, tmp_path: Path) -> None:
    """Without a word of warning, where the command it runs is installed."""
    text = unit.read_text("utf-8")
    assert "/opt/parley/bin/parley " in text
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(text.replace("/opt/parley/bin/parley ", f"{sys.executable} "), "utf-8")
    assert run("verify", str(copy)) == ""


@NONE_SUCH
@every
def test_it_may_do_little(unit: Path) -> None:
    """As systemd counts what a service could do to the machine."""
    run("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(unit))


@every
def test_its_times_fit(unit: Path) -> None:
    """The process ends by itself before systemd would end it; a frozen one is ended in 10 s."""
    found = settings(unit)
    assert found["Type"] == ["notify"]
    assert float(found["TimeoutStopSec"][0]) > runner.STOP_SECONDS
    assert found["WatchdogSec"] == ["9"]


def test_they_are_alike() -> None:
    """One may do no more than the others."""
    own = {"Description", "After", "ExecStart", "EnvironmentFile"}
    own |= {"StateDirectory", "StateDirectoryMode"}
    first, *others = (
        {name: value for name, value in settings(unit).items() if name not in own} for unit in UNITS
    )
    assert others == [first] * 2
