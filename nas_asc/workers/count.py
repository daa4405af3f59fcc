"""How many workers a machine bears."""

import os
from pathlib import Path

# What a worker needs: torch, a network, and a share of the features.
_WORKER_BYTES = 1_200_000_000


def fitting_workers() -> int:
    """Give the number of processors that this process may use, fewer where memory is short."""
    by_memory = int(available_bytes() // _WORKER_BYTES)
    return max(1, min(processors(), by_memory))


def processors() -> int:
    """Count the processors that this process may use, a container's share included."""
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="utf-8").split()
        return max(1, min(count, round(int(quota) / int(period))))
    except (OSError, ValueError):
        return count


def available_bytes() -> float:
    """Give the memory that is free or can be freed, a container's limit included."""
    amounts = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                amounts.append(int(line.split()[1]) * 1024)
    except OSError:
        pass
    try:
        cgroup = Path("/sys/fs/cgroup")
        limit = int((cgroup / "memory.max").read_text(encoding="utf-8"))
        amounts.append(limit - int((cgroup / "memory.current").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        pass
    return min(amounts, default=float("inf"))
