"""What this machine has: memory in all and still free, within the limits that a container sets."""

from __future__ import annotations

from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_CGROUP_USED = (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"))


def total_memory_bytes() -> int | None:
    """Return the memory that this process may use; None where the system does not say."""
    known = [value for value in (_meminfo("MemTotal"), _container_limit()) if value is not None]
    return min(known, default=None)


def free_memory_bytes() -> int | None:
    """Return the memory that nobody uses now; None where the system does not say."""
    limit, used = _container_limit(), _first_number(_CGROUP_USED)
    rest = limit - used if limit is not None and used is not None else None
    known = [value for value in (_meminfo("MemAvailable"), rest) if value is not None]
    return max(0, min(known)) if known else None


def _meminfo(name: str) -> int | None:
    try:
        lines = _MEMINFO.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _container_limit() -> int | None:
    limit = _first_number(_CGROUP_LIMITS)
    total = _meminfo("MemTotal")
    return limit if limit is not None and (total is None or limit < total) else None


def _first_number(paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        try:
            return int(path.read_text("ascii"))
        except (OSError, ValueError):  # not there, or `max`
            continue
    return None
