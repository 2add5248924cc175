"""What a process has used, from /proc (proc(5)), and what it may use."""

from __future__ import annotations

import os
import resource
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def cpu_seconds_with_children(pid: int) -> float:
    """As `cpu_seconds`, of it and of those that it has started and that still run."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return cpu_seconds(pid) + sum(map(cpu_seconds, map(int, children)))


def machine_seconds() -> float:
    """What all processors have worked so far, for whomever: everything but idle and iowait."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]
    return sum(int(field) for field in (*fields[:3], *fields[5:])) / _TICKS


def resident_kib(pid: int) -> int:
    """Memory that is in RAM, in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise LookupError(f"process {pid} tells no VmRSS")


def allow_files(count: int) -> None:
    """Lets this process, and those that it starts, have so many open. Raises OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise OSError(f"{count} open files are needed, and the system allows {hard} (ulimit -Hn).")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
