"""The one file that keeps a machine: what it is, in what state, who uses it, and a cache of files.

For this machine it is imported. To a board it is sent as source, and runs there in a process of its
own, which needs nothing but Python 3.9+: it can tell what the others miss. A request is
``(operation, arguments)``, its answer ``("ok", value)`` or ``("error", text)``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

VCGENCMD_S = 5.0
IN_USE_S = 3600.0
"""What was used so lately is not removed to make room."""
LOG_BYTES = 8192
NEEDED_S = 300.0
"""The same as ``IN_USE_S`` where the disk is full."""
DISTRIBUTIONS = ("numpy", "ai-edge-litert", "tflite-runtime", "tensorflow")


def first_line(path: str | Path, key: str = "") -> str | None:
    """What follows ``key`` in the first line of a file that starts with it; None without one."""
    try:
        with Path(path).open(errors="replace") as file:
            for line in file:
                if line.startswith(key):
                    return line[len(key) :].strip(" \t\r\n:\0") or None
    except OSError:
        pass
    return None


def facts() -> dict[str, Any]:
    """What stays the same while the machine runs; None where the system does not tell."""
    memory = (first_line("/proc/meminfo", "MemTotal:") or "").split()
    return {
        "model": first_line("/proc/device-tree/model"),
        "cpu": first_line("/proc/device-tree/model")
        or first_line("/proc/cpuinfo", "model name")
        or platform.processor(),
        "memory_mb": int(memory[0]) // 1024 if memory else None,
        "kernel": platform.release(),
        "system": platform.system(),
        "os": (first_line("/etc/os-release", "PRETTY_NAME=") or "").strip('"') or None,
    }


def python_facts() -> dict[str, Any]:
    """This Python, and what it has of the packages that a model needs; None for each it has not."""
    from importlib import metadata

    def version(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "managed": sys.prefix == sys.base_prefix
        and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists(),
        "packages": {name: version(name) for name in DISTRIBUTIONS},
        "time": time.time(),
    }


def conditions() -> dict[str, Any]:
    """What may change from one measurement to the next; None where the system does not tell.

    ``throttled`` are the flags of ``vcgencmd get_throttled``, ``throttle_count`` how often x86
    cores were, ``undervoltage`` the alarm of a board's supply.
    """
    frequency = numbers("devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")
    governor = sorted(sysfs("devices/system/cpu/cpu*/cpufreq/scaling_governor"))
    temperatures = numbers("class/thermal/thermal_zone*/temp") or numbers(
        "class/hwmon/*/temp*_input"
    )
    counts = numbers("devices/system/cpu/cpu*/thermal_throttle/core_throttle_count")
    alarms = numbers("class/hwmon/*/in*_lcrit_alarm")
    memory = (first_line("/proc/meminfo", "MemAvailable:") or "").split()
    return {
        "load_1min": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "governor": first_line(governor[0]) if governor else None,
        "frequency_mhz": max(frequency) / 1e3 if frequency else None,
        "temperature_c": max(temperatures) / 1e3 if temperatures else None,
        "throttled": throttled_flags(),
        "throttle_count": int(sum(counts)) if counts else None,
        "undervoltage": any(alarms) if alarms else None,
        "memory_available_mb": int(memory[0]) // 1024 if memory else None,
    }


def sysfs(pattern: str) -> list[str]:
    """Files of sysfs; HOST_SYS says where it is mounted, as in a container."""
    return [str(path) for path in Path(os.environ.get("HOST_SYS", "/sys")).glob(pattern)]


def numbers(pattern: str) -> list[float]:
    """What files of sysfs hold, where it is a number."""
    texts = [first_line(path) or "" for path in sysfs(pattern)]
    return [float(text) for text in texts if text.lstrip("-").isdigit()]


def throttled_flags() -> int | None:
    """The flags of a Raspberry Pi's firmware; None on other machines."""
    command = shutil.which("vcgencmd")
    if command is None:
        return None
    try:
        done = subprocess.run(
            [command, "get_throttled"], capture_output=True, timeout=VCGENCMD_S, check=True
        )
        return int(done.stdout.decode().strip().partition("=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def busy_share(seconds: float) -> float | None:
    """Share of the machine that is busy for so long; None where the system does not tell."""
    before, begin = busy_s(), time.monotonic()
    time.sleep(seconds)
    after = busy_s()
    if before is None or after is None:
        return None
    return (after - before) / ((time.monotonic() - begin) * (os.cpu_count() or 1))


def busy_s() -> float | None:
    """CPU seconds that the whole machine has used; those that a host has stolen, too."""
    counts = (first_line("/proc/stat", "cpu ") or "").split()
    if not counts:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, counts[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


class Locks:
    """Locked files in a folder; the kernel frees them when their holder ends, however it ends."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.held: dict[str, IO[str]] = {}

    def try_lock(self, name: str, alone: bool, what: str) -> str:
        """Lock a file, for ``what``; "" where it is locked now, else who holds it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = (self.folder / name).open("a+")
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read()
            file.close()
            return holder or "another process"
        file.truncate(0)
        file.write(what)
        file.flush()
        self.held[name] = file
        return ""

    def unlock(self, name: str) -> None:
        """Free what ``try_lock`` has locked."""
        file = self.held.pop(name, None)
        if file is not None:
            file.close()

    def is_held(self, name: str) -> bool:
        """Whether ``try_lock`` has locked it."""
        return name in self.held


class Files:
    """Files by the SHA-256 of their content; the least recently used are removed for others."""

    def __init__(self, folder: str | Path, most_bytes: int) -> None:
        self.folder = Path(folder)
        self.most_bytes = most_bytes
        self.checked: set[str] = set()
        self.begun: dict[str, Any] = {}

    def find(self, digest: str) -> str:
        """The path of a file that is here, else ""; what is damaged is not."""
        return str(self.path(digest)) if self.has(digest) else ""

    def path(self, digest: str) -> Path:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"not a SHA-256: {digest!r}")
        return self.folder / digest

    def has(self, digest: str) -> bool:
        path = self.path(digest)
        if not path.is_file():
            return False
        if digest not in self.checked:
            if digest_of(path) != digest:
                path.unlink(missing_ok=True)
                return False
            self.checked.add(digest)
        os.utime(path)
        return True

    def put(self, digest: str, part: bytes, size: int) -> str:
        """Add a part of a file of this size, in order; "" until it is whole, then its path."""
        unfinished = self.unfinished(digest)
        if digest not in self.begun:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.make_room(size)
            unfinished.unlink(missing_ok=True)
            self.begun[digest] = hashlib.sha256()
        try:
            with unfinished.open("ab") as file:
                file.write(part)
                written = file.tell()
            self.begun[digest].update(part)
            if written < size:
                return ""
            if self.begun[digest].hexdigest() != digest:
                raise ValueError(f"{digest} arrived damaged")
            if self.path(digest).is_dir():
                shutil.rmtree(self.path(digest))
            unfinished.replace(self.path(digest))
        except BaseException:
            self.begun.pop(digest, None)
            unfinished.unlink(missing_ok=True)
            raise
        self.begun.pop(digest)
        self.checked.add(digest)
        return str(self.path(digest))

    def touch(self) -> None:
        """Tell other keepers that the files of this run are in use."""
        for digest in self.checked:
            with contextlib.suppress(FileNotFoundError):
                os.utime(self.path(digest))

    def abandon(self) -> None:
        """Remove what did not become whole."""
        for digest in self.begun:
            self.unfinished(digest).unlink(missing_ok=True)

    def unfinished(self, digest: str) -> Path:
        return self.path(digest).with_suffix(f".{os.getpid()}")

    def listed(self) -> Iterator[tuple[float, int, Path]]:
        """When each whole file was used last, its size and its path."""
        for path in self.folder.iterdir():
            try:
                status = path.stat()
            except FileNotFoundError:  # another keeper was quicker
                continue
            if not path.suffix and path.is_file():
                yield status.st_mtime, status.st_size, path

    def make_room(self, size: int) -> None:
        """Remove the least recently used, until ``size`` more bytes keep within the bound."""
        found = sorted(self.listed())
        used = sum(entry[1] for entry in found)
        full = size > shutil.disk_usage(self.folder).free
        for changed, bytes_, path in found:
            lately = time.time() - changed < (NEEDED_S if full else IN_USE_S)
            if lately or path.name in self.checked:
                continue
            if used + size <= self.most_bytes and not full:
                return
            path.unlink(missing_ok=True)
            used -= bytes_
            full = size > shutil.disk_usage(self.folder).free
        if full:
            free = shutil.disk_usage(self.folder).free
            free_mb, size_mb = free / 2**20, size / 2**20
            text = (
                f"{self.folder} has {free_mb:.1f} MB left, and {size_mb:.1f} MB are to be written"
            )
            raise OSError(errno.ENOSPC, text)


def is_alive(pid: str) -> bool:
    """Whether a process of this number runs."""
    return Path("/proc", pid).exists()


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


class Keeper:
    """What a board is asked for beside its models; all its files are in one folder.

    ``files``: the cache. ``locks``: who uses the board. ``run-<pid>``: what the processes of this
    run print; removed at its end, or by the next keeper.
    """

    def __init__(self, folder: str, most_bytes: int) -> None:
        self.folder = Path.home() / Path(folder).expanduser()
        self.run = self.folder / f"run-{os.getpid()}"
        self.run.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chdir(self.run)  # no module of the home folder is taken for one of Python's own
        self.files = Files(self.folder / "files", most_bytes)
        self.find, self.put = self.files.find, self.files.put
        locks = Locks(self.folder / "locks")
        self.try_lock, self.unlock = locks.try_lock, locks.unlock
        self.conditions, self.busy_share = conditions, busy_share
        self.remove_old_runs()

    def alive(self) -> None:
        """Hear that somebody is there."""
        self.files.touch()

    def remove_old_runs(self) -> None:
        """Remove what keepers left that were killed."""
        for path in self.folder.glob("run-*"):
            if not is_alive(path.name[len("run-") :]):
                shutil.rmtree(path, ignore_errors=True)
        for path in self.folder.glob("files/*.*"):
            if not is_alive(path.suffix[1:]):
                path.unlink(missing_ok=True)

    def facts(self) -> dict[str, Any]:
        """What this board is, its Python and its folder."""
        free_mb = shutil.disk_usage(self.folder).free // 2**20
        places = {"home": str(Path.home()), "cache": str(self.folder), "cache_free_mb": free_mb}
        return {**facts(), **python_facts(), **places}

    def log(self, name: str) -> str:
        """Where a process is to print to."""
        return str(self.run / name)

    def take_log(self, name: str) -> str:
        """The end of what a process printed; the file is removed."""
        path = self.run / name
        try:
            text = path.read_bytes()[-LOG_BYTES:].decode(errors="replace")
            path.unlink()
        except OSError:
            return ""
        return text

    def end(self) -> None:
        """Remove what is of this run alone."""
        self.files.abandon()
        os.chdir("/")
        shutil.rmtree(self.run, ignore_errors=True)


def serve(channel: Any) -> None:
    """Answer requests until the channel closes, or nobody has spoken for a while.

    The client may have vanished without a word. The first message is what to begin with: the
    keeper's arguments, and how many seconds of silence are too long.
    """
    keeper = None
    try:
        folder_and_bound, silent_s = channel.receive()
        while True:
            operation, arguments = channel.receive(timeout=silent_s)
            try:
                if keeper is None:
                    keeper = Keeper(*folder_and_bound)
                value = getattr(keeper, operation)(*arguments)
                channel.send(("ok", value))
            except OSError as error:
                channel.send(("error", f"its files: {error}"))
            except Exception as error:
                channel.send(("error", f"{type(error).__name__}: {error}"))
    except (EOFError, OSError):  # closed, or silent for too long
        pass
    finally:
        if keeper is not None:
            keeper.end()
        os._exit(0)  # the processes that hold models end with their pipes


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined]  # noqa: F821  (execnet provides it)
