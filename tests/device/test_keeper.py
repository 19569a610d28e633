"""The keeper of a machine, in this process: its files, what it tells, and the folder of its run."""

from __future__ import annotations

import ast
import errno
import hashlib
import os
import platform
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import execnet
import numpy as np
import pytest

from pytest_edgeai.device import keeper as keeper_module
from pytest_edgeai.device.keeper import (
    DISTRIBUTIONS,
    LOG_BYTES,
    Files,
    Keeper,
    busy_share,
    conditions,
    facts,
    first_line,
    python_facts,
)

SOURCE = Path(keeper_module.__file__).read_text()
NO_DIGESTS = [
    "../../etc/passwd",
    "/etc/passwd",
    "",
    ".",
    "0" * 63,
    "0" * 65,
    "A" * 64,
    "g" * 64,
    "\N{ARABIC-INDIC DIGIT ZERO}" * 64,
    "0" * 64 + "\n",
    "0" * 64 + "/..",
    "../" + "0" * 61,
]
KB, MB = 2**10, 2**20
HOUR_S = 3600


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def content(name: str, size: int = 100) -> bytes:
    return name.encode().ljust(size, b".")


def put(files: Files, whole: bytes) -> str:
    return files.put(digest(whole), whole, len(whole))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def stored(folder: Path, name: str, hours_ago: float, size: int = 100) -> str:
    """Put a file as an earlier run did, and give its digest."""
    whole = content(name, size)
    put(Files(folder, 10 * MB), whole)
    used(folder / digest(whole), hours_ago)
    return digest(whole)


def used(path: Path, hours_ago: float) -> None:
    when = time.time() - hours_ago * HOUR_S
    os.utime(path, (when, when))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "cache" / "files"


class TestFiles:
    def test_a_file_comes_in_parts(self, folder: Path) -> None:
        files, whole = Files(folder, MB), content("model")
        name = digest(whole)
        assert files.put(name, whole[:40], 100) == ""
        assert files.find(name) == ""
        assert files.put(name, whole[40:99], 100) == ""
        path = files.put(name, whole[99:], 100)
        assert path == str(folder / name)
        assert Path(path).read_bytes() == whole
        assert files.find(name) == path
        assert names(folder) == {name}

    def test_nobody_else_may_read_them(self, folder: Path) -> None:
        put(Files(folder, MB), content("model"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_an_empty_file(self, folder: Path) -> None:
        assert Path(put(Files(folder, MB), b"")).read_bytes() == b""

    def test_parts_of_two_files_do_not_mix(self, folder: Path) -> None:
        files, first, second = Files(folder, MB), content("first"), content("second")
        for part in (slice(50), slice(50, 100)):
            for whole in (first, second):
                files.put(digest(whole), whole[part], 100)
        for whole in (first, second):
            assert Path(files.find(digest(whole))).read_bytes() == whole

    def test_only_what_is_there_is_found(self, folder: Path) -> None:
        assert Files(folder, MB).find(digest(b"no folder")) == ""
        name = stored(folder, "model", hours_ago=0)
        assert Files(folder, MB).find(name)
        assert Files(folder, MB).find(digest(b"other")) == ""

    @pytest.mark.parametrize(
        "damaged",
        [b"", content("model")[:-1], content("medol")],
        ids=["empty", "cut off", "changed"],
    )
    def test_a_damaged_file_is_not_found_and_removed(self, folder: Path, damaged: bytes) -> None:
        name = stored(folder, "model", hours_ago=0)
        (folder / name).write_bytes(damaged)
        files = Files(folder, MB)
        assert files.find(name) == ""
        assert names(folder) == set()
        put(files, content("model"))
        assert files.find(name)

    def test_a_file_is_read_once_in_a_run(self, folder: Path) -> None:
        name = stored(folder, "model", hours_ago=0)
        files = Files(folder, MB)
        assert files.find(name)
        (folder / name).write_bytes(b"so that a second look would tell")
        assert files.find(name)

    @pytest.mark.parametrize("name", NO_DIGESTS)
    def test_what_is_no_digest_is_no_path(self, folder: Path, name: str) -> None:
        files = Files(folder, MB)
        with pytest.raises(ValueError, match="not a SHA-256"):
            files.find(name)
        with pytest.raises(ValueError, match="not a SHA-256"):
            files.put(name, b"", 0)
        assert not folder.exists()

    @pytest.mark.parametrize(
        "parts",
        [
            [content("medol")],
            [content("model")[:50], bytes(50)],
            [content("model")[:50], content("model")[50:] + b"."],
        ],
        ids=["changed", "a changed part", "too long"],
    )
    def test_what_arrives_damaged_is_refused(self, folder: Path, parts: list[bytes]) -> None:
        files, whole = Files(folder, MB), content("model")
        for part in parts[:-1]:
            assert files.put(digest(whole), part, 100) == ""
        with pytest.raises(ValueError, match=f"{digest(whole)} arrived damaged"):
            files.put(digest(whole), parts[-1], 100)
        assert names(folder) == set()
        assert files.find(digest(whole)) == ""
        assert Path(put(files, whole)).read_bytes() == whole


class TestRoom:
    """The bound is of 300 bytes, where files have 100."""

    @pytest.mark.parametrize(
        ("size", "left"),
        [
            (100, ["b", "c"]),
            (101, ["c"]),
            (200, ["c"]),
            (300, []),
            (1000, []),
        ],
    )
    def test_the_least_recently_used_make_room(
        self, folder: Path, size: int, left: list[str]
    ) -> None:
        for name, hours_ago in (("b", 4), ("c", 3), ("a", 5)):
            stored(folder, name, hours_ago)
        put(Files(folder, 300), content("new", size))
        wanted = [*(content(name) for name in left), content("new", size)]
        assert names(folder) == {digest(whole) for whole in wanted}

    def test_what_has_room_removes_nothing(self, folder: Path) -> None:
        for name in ("a", "b"):
            stored(folder, name, hours_ago=99)
        put(Files(folder, 300), content("new"))
        assert len(names(folder)) == 3

    def test_what_is_found_is_used(self, folder: Path) -> None:
        oldest = stored(folder, "a", hours_ago=9)
        stored(folder, "b", hours_ago=8)
        Files(folder, 200).find(oldest)
        put(Files(folder, 200), content("new"))
        assert names(folder) == {oldest, digest(content("new"))}

    def test_what_was_used_lately_is_kept(self, folder: Path) -> None:
        """Another run may have it open."""
        lately = {stored(folder, name, hours_ago=0.9) for name in ("a", "b", "c")}
        stored(folder, "d", hours_ago=1.1)
        put(Files(folder, 300), content("new"))
        assert names(folder) == {*lately, digest(content("new"))}

    @pytest.mark.parametrize("how", ["found", "put"])
    def test_what_this_run_has_used_is_kept(self, folder: Path, how: str) -> None:
        stored(folder, "other", hours_ago=8)
        files = Files(folder, 200)
        if how == "put":
            put(files, content("mine"))
        else:
            stored(folder, "mine", hours_ago=0)
            files.find(digest(content("mine")))
        mine = digest(content("mine"))
        used(folder / mine, hours_ago=9)
        put(files, content("new", 150))
        assert names(folder) == {mine, digest(content("new", 150))}

    def test_what_a_long_run_uses_is_kept_by_others(self, folder: Path) -> None:
        """As long as it says now and then that it lives."""
        mine = stored(folder, "mine", hours_ago=9)
        long_run = Files(folder, 200)
        long_run.find(mine)
        used(folder / mine, hours_ago=9)
        long_run.touch()
        put(Files(folder, 100), content("new"))
        assert names(folder) == {mine, digest(content("new"))}

    def test_what_did_not_become_whole_is_removed_at_the_end(self, folder: Path) -> None:
        files, whole = Files(folder, MB), content("cut off")
        files.put(digest(whole), whole[:50], 100)
        assert len(names(folder)) == 1
        files.abandon()
        assert names(folder) == set()


class TestAFullDisk:
    def test_it_says_what_is_left_and_what_is_wanted(self, small_disk: Path) -> None:
        (small_disk / "full").write_bytes(bytes(512 * KB))
        files = Files(small_disk / "files", 10 * MB)
        said = rf"{small_disk}/files has 0\.5 MB left, and 2\.0 MB are to be written"
        with pytest.raises(OSError, match=said) as caught:
            put(files, bytes(2 * MB))
        assert caught.value.errno == errno.ENOSPC
        assert names(small_disk / "files") == set()
        put(files, bytes(100 * KB))

    def test_there_what_was_used_lately_makes_room(self, small_disk: Path) -> None:
        for name, hours_ago in (("a", 0.2), ("b", 0.1)):
            stored(small_disk / "files", name, hours_ago, 400 * KB)
        put(Files(small_disk / "files", 10 * MB), content("new", 400 * KB))
        left = {digest(content(name, 400 * KB)) for name in ("b", "new")}
        assert names(small_disk / "files") == left

    def test_even_there_what_this_run_has_used_is_kept(self, small_disk: Path) -> None:
        files = Files(small_disk / "files", 10 * MB)
        mine = [content(name, 400 * KB) for name in ("a", "b")]
        for whole in mine:
            put(files, whole)
        with pytest.raises(OSError, match=r"0\.2 MB left, and 0\.4 MB are"):
            put(files, content("new", 400 * KB))
        assert names(small_disk / "files") == {digest(whole) for whole in mine}

    def test_it_fills_up_between_two_parts(self, small_disk: Path) -> None:
        files, whole = Files(small_disk / "files", 10 * MB), content("new", 600 * KB)
        files.put(digest(whole), whole[: 100 * KB], len(whole))
        (small_disk / "full").write_bytes(bytes(800 * KB))
        with pytest.raises(OSError, match="No space left on device"):
            files.put(digest(whole), whole[100 * KB :], len(whole))
        assert names(small_disk / "files") == set()
        (small_disk / "full").unlink()
        assert Path(put(files, whole)).read_bytes() == whole


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("Raspberry Pi 4 Model B\0", "", "Raspberry Pi 4 Model B"),
        ("MemTotal:   123 kB\nMemFree: 7 kB\n", "MemFree:", "7 kB"),
        ("processor\t: 0\nmodel name\t: A: B\n", "model name", "A: B"),
        ("NAME=x\n", "PRETTY_NAME=", None),
        ("\n", "", None),
        ("", "", None),
    ],
)
def test_what_a_file_says(tmp_path: Path, text: str, key: str, found: str | None) -> None:
    (tmp_path / "file").write_text(text)
    assert first_line(tmp_path / "file", key) == found


def test_what_no_file_says(tmp_path: Path) -> None:
    assert first_line(tmp_path / "none") is None
    assert first_line(tmp_path) is None


def test_facts_of_this_machine() -> None:
    told = facts()
    assert set(told) == {"model", "cpu", "memory_mb", "kernel", "system", "os"}
    assert (told["kernel"], told["system"]) == (platform.release(), platform.system())
    assert isinstance(told["memory_mb"], int)
    assert told["memory_mb"] > 0
    assert '"' not in (told["os"] or "")


def test_facts_of_this_python() -> None:
    told, now = python_facts(), time.time()
    assert (told["python"], told["machine"]) == (platform.python_version(), platform.machine())
    assert told["bits"] == np.dtype(np.intp).itemsize * 8
    assert 0 <= now - told["time"] < 60
    assert set(told["packages"]) == set(DISTRIBUTIONS)
    assert told["packages"]["numpy"] == np.__version__


def test_a_package_that_is_missing_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("numpy")
    assert python_facts()["packages"] == dict.fromkeys(DISTRIBUTIONS)


def test_all_that_is_told_can_be_sent() -> None:
    for told in (facts(), python_facts(), conditions(), busy_share(0)):
        assert execnet.loads(execnet.dumps(told)) == told


class TestConditions:
    """Of a fake sysfs."""

    @pytest.fixture(autouse=True)
    def programs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Where programs are looked for first; none of a board's is there."""
        folder = tmp_path / "bin"
        folder.mkdir()
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
        monkeypatch.setenv("HOST_SYS", str(tmp_path / "sys"))
        return folder

    def told(self, tmp_path: Path, files: dict[str, str]) -> dict[str, Any]:
        for name, text in files.items():
            path = tmp_path / "sys" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return conditions()

    def test_a_system_that_does_not_tell(self, tmp_path: Path) -> None:
        told = self.told(tmp_path, {})
        load, memory = told.pop("load_1min"), told.pop("memory_available_mb")
        assert load >= 0
        assert 0 < memory <= facts()["memory_mb"]
        assert told == dict.fromkeys(
            [
                "governor",
                "frequency_mhz",
                "temperature_c",
                "throttled",
                "throttle_count",
                "undervoltage",
            ]
        )

    @pytest.mark.parametrize(
        ("files", "key", "value"),
        [
            ({"class/thermal/thermal_zone0/temp": "51234"}, "temperature_c", 51.234),
            ({"class/thermal/thermal_zone0/temp": "-5000"}, "temperature_c", -5),
            ({"class/thermal/thermal_zone0/temp": "none"}, "temperature_c", None),
            (
                {
                    "class/thermal/thermal_zone0/temp": "41000",
                    "class/thermal/thermal_zone1/temp": "52000",
                },
                "temperature_c",
                52,
            ),
            ({"class/hwmon/hwmon1/temp2_input": "43000"}, "temperature_c", 43),
            (
                {
                    "class/thermal/thermal_zone0/temp": "41000",
                    "class/hwmon/hwmon1/temp2_input": "99000",  # a disk's, perhaps
                },
                "temperature_c",
                41,
            ),
            (
                {
                    "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "600000",
                    "devices/system/cpu/cpu3/cpufreq/scaling_cur_freq": "1800000",
                },
                "frequency_mhz",
                1800,
            ),
            (
                {
                    "devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave",
                    "devices/system/cpu/cpu0/cpufreq/scaling_governor": "performance",
                },
                "governor",
                "performance",
            ),
            (
                {
                    "devices/system/cpu/cpu0/thermal_throttle/core_throttle_count": "3",
                    "devices/system/cpu/cpu1/thermal_throttle/core_throttle_count": "4",
                },
                "throttle_count",
                7,
            ),
            ({"class/hwmon/hwmon2/in0_lcrit_alarm": "0"}, "undervoltage", False),
            (
                {
                    "class/hwmon/hwmon2/in0_lcrit_alarm": "0",
                    "class/hwmon/hwmon3/in1_lcrit_alarm": "1",
                },
                "undervoltage",
                True,
            ),
        ],
    )
    def test_what_a_file_of_it_tells(
        self, tmp_path: Path, files: dict[str, str], key: str, value: object
    ) -> None:
        assert self.told(tmp_path, files)[key] == value

    @pytest.mark.parametrize(
        ("script", "flags"),
        [
            ('test "$1" = get_throttled && echo throttled=0x50005', 0x50005),
            ("echo throttled=0x0", 0),
            ("echo throttled=", None),
            ("echo VCHI initialization failed", None),
            ("printf '\\377'", None),
            ("echo throttled=0x0; exit 1", None),
            ("exec sleep 60", None),
        ],
    )
    def test_flags_of_a_firmware(
        self, programs: Path, monkeypatch: pytest.MonkeyPatch, script: str, flags: int | None
    ) -> None:
        (programs / "vcgencmd").write_text(f"#!/bin/sh\n{script}\n")
        (programs / "vcgencmd").chmod(0o755)
        if "sleep" in script:
            monkeypatch.setattr(keeper_module, "VCGENCMD_S", 0.3)
        assert conditions()["throttled"] == flags

    def test_a_firmware_that_cannot_be_asked(self, programs: Path) -> None:
        (programs / "vcgencmd").write_text("#!/no/such/shell\n")
        (programs / "vcgencmd").chmod(0o755)
        assert conditions()["throttled"] is None


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_work_of_another_process_is_counted() -> None:
    """By as much as it says itself; others only add to it."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            before, begin = cpu_s(busy.pid), time.monotonic()
            share = busy_share(0.6)
            used_s, seconds = cpu_s(busy.pid) - before, time.monotonic() - begin
        finally:
            busy.kill()
    cores = os.cpu_count() or 1
    assert used_s > 0
    assert share is not None
    assert share * cores * seconds > 0.8 * used_s
    assert share < 1.2


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keeper's folder; the working directory is restored after the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


ANOTHER = f"""
import os, signal, sys
from pytest_edgeai.device.keeper import Keeper
keeper = Keeper(sys.argv[1], 2**20)
open(keeper.log("model.log"), "w").write("what it printed")
keeper.put({digest(content("half"))!r}, b"half", 100)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def another(kept: Path) -> Iterator[subprocess.Popen[str]]:
    """Another keeper of the same folder, in the middle of a file."""
    command = [sys.executable, "-c", ANOTHER, str(kept)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


class TestKeeper:
    def test_it_works_in_the_folder_of_its_run(self, kept: Path) -> None:
        keeper = Keeper(str(kept), MB)
        run = kept / f"run-{os.getpid()}"
        assert Path.cwd() == run
        assert stat.S_IMODE(run.stat().st_mode) == 0o700
        (run / "left.txt").write_text("by a process of this run")
        keeper.end()
        assert not run.exists()
        assert Path.cwd() == Path("/")

    def test_its_files_outlive_the_run(self, kept: Path) -> None:
        first, whole = Keeper(str(kept), MB), content("model")
        path = first.put(digest(whole), whole, len(whole))
        first.end()
        assert Keeper(str(kept), MB).find(digest(whole)) == path

    def test_home_is_the_one_there(self, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(kept))
        Keeper("~/edge", MB)
        assert Path.cwd().parent == kept / "edge"

    def test_it_tells_of_its_folder(self, kept: Path) -> None:
        told = Keeper(str(kept), MB).facts()
        assert set(told) == {*facts(), *python_facts(), "cache", "cache_free_mb", "home"}
        assert told["cache"] == str(kept)
        assert told["cache_free_mb"] > 0

    def test_what_a_killed_keeper_left_is_removed(
        self, kept: Path, another: subprocess.Popen[str]
    ) -> None:
        assert len(names(kept / "files")) == 1
        another.kill()
        another.wait()
        Keeper(str(kept), MB)
        assert names(kept) == {"files", f"run-{os.getpid()}"}
        assert names(kept / "files") == set()

    def test_what_a_living_keeper_uses_is_not(
        self, kept: Path, another: subprocess.Popen[str]
    ) -> None:
        Keeper(str(kept), MB).end()
        assert names(kept / "files") == {f"{digest(content('half'))}.{another.pid}"}
        assert names(kept / f"run-{another.pid}") == {"model.log"}

    def test_whole_files_are_not_taken_for_leftovers(self, kept: Path) -> None:
        name = stored(kept / "files", "model", hours_ago=0)
        Keeper(str(kept), MB)
        assert names(kept / "files") == {name}


class TestLog:
    @pytest.mark.parametrize(
        ("printed", "text"),
        [
            (b"", ""),
            (b"one\ntwo\n", "one\ntwo\n"),
            (b"gr\xc3\xb6\xc3\x9fe \xff", "größe \N{REPLACEMENT CHARACTER}"),
            (b"a" * LOG_BYTES + b"b" * LOG_BYTES, "b" * LOG_BYTES),
            (b"\xc3\xb6" * LOG_BYTES + b"b", None),
        ],
        ids=["nothing", "lines", "no text", "long", "cut within a letter"],
    )
    def test_the_end_of_what_a_process_printed(
        self, kept: Path, printed: bytes, text: str | None
    ) -> None:
        keeper = Keeper(str(kept), MB)
        Path(keeper.log("model.log")).write_bytes(printed)
        taken = keeper.take_log("model.log")
        assert taken == text if text is not None else taken.endswith("öb")

    def test_it_is_taken_once(self, kept: Path) -> None:
        keeper = Keeper(str(kept), MB)
        path = Path(keeper.log("model.log"))
        path.write_text("what it printed")
        assert keeper.take_log("model.log") == "what it printed"
        assert not path.exists()
        assert keeper.take_log("model.log") == ""

    def test_of_a_process_that_was_not_started(self, kept: Path) -> None:
        assert Keeper(str(kept), MB).take_log("model.log") == ""


def test_it_reads_as_python_3_9() -> None:
    ast.parse(SOURCE, feature_version=(3, 9))


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(SOURCE)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import: nothing is beside it on a board"
            imported.add(str(node.module).partition(".")[0])
    assert {"os", "fcntl", "hashlib"} <= imported
    assert imported <= set(sys.stdlib_module_names)
