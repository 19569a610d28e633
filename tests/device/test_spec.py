"""Devices as configured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_edgeai.device.spec import DeviceSpec, device_specs
from pytest_edgeai.errors import UsageError

TABLE = "[tool.pytest-edgeai.devices.pi]\n"
EXAMPLE = """hint: add to pyproject.toml:
    [tool.pytest-edgeai.devices.pi]
    host = "pi@raspberrypi.local"  # an ssh destination; leave it out for this machine
    python = "/home/pi/edge/bin/python"  # a Python 3.9+ with numpy and a runtime
    threads = 4"""


@pytest.fixture
def pyproject(tmp_path: Path) -> Path:
    return tmp_path / "pyproject.toml"


def device_spec(name: str, root: Path) -> DeviceSpec:
    (spec,) = device_specs(name, root)
    return spec


def refusal(root: Path, name: str = "pi") -> str:
    with pytest.raises(UsageError) as caught:
        device_spec(name, root)
    return str(caught.value)


def test_a_table(pyproject: Path) -> None:
    pyproject.write_text(
        TABLE + 'python = "/venv/bin/python -X utf8"\nruntime = "litert"\nthreads=4'
    )
    spec = device_spec("pi", pyproject.parent)
    assert spec == DeviceSpec("pi", "/venv/bin/python -X utf8", "litert", 4)
    assert spec.command == ["/venv/bin/python", "-X", "utf8"]


def test_local_needs_no_table(tmp_path: Path) -> None:
    spec = device_spec("local", tmp_path)
    assert (spec.name, spec.command, spec.threads) == ("local", [sys.executable], None)


@pytest.mark.parametrize("key", ['host = "board"', 'hosts = ["one", "two"]'])
def test_local_is_this_machine(pyproject: Path, key: str) -> None:
    pyproject.write_text(f"[tool.pytest-edgeai.devices.local]\n{key}")
    assert "device 'local' has a host" in refusal(pyproject.parent, "local")


def test_pi_without_a_table_is_this_machine_on_a_raspberry_pi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "pytest_edgeai.device.spec.first_line", lambda path: "Raspberry Pi 5 Model B Rev 1.0"
    )
    assert device_spec("pi", tmp_path) == DeviceSpec("pi")
    assert "no device is called 'jetson'" in refusal(tmp_path, "jetson")


def test_local_may_have_one(pyproject: Path) -> None:
    pyproject.write_text("[tool.pytest-edgeai.devices.local]\nthreads = 2")
    assert device_spec("local", pyproject.parent).threads == 2


def test_edgeai_toml_wins_table_by_table(pyproject: Path) -> None:
    pyproject.write_text(f"{TABLE}threads = 1\n[tool.pytest-edgeai.devices.jetson]\nthreads = 2")
    pyproject.with_name("edgeai.toml").write_text('[devices.pi]\nruntime = "litert"')
    assert device_spec("pi", pyproject.parent) == DeviceSpec("pi", "", "litert")
    assert device_spec("jetson", pyproject.parent).threads == 2


@pytest.mark.parametrize(
    ("python", "program"),
    [
        ("venv/bin/python", "{root}/venv/bin/python"),
        ("./venv/bin/python", "{root}/venv/bin/python"),
        ("'a venv/bin/python'", "{root}/a venv/bin/python"),
        ("~/venv/bin/python", "{home}/venv/bin/python"),
        ("/opt//venv/bin/python", "/opt/venv/bin/python"),
        ("python3.11", "python3.11"),
    ],
)
def test_relative_python(
    pyproject: Path, monkeypatch: pytest.MonkeyPatch, python: str, program: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    pyproject.write_text(f'{TABLE}python = "{python}"')
    command = device_spec("pi", pyproject.parent).command
    assert command == [program.format(root=pyproject.parent, home="/home/me")]


def test_arguments_keep_their_spaces(pyproject: Path) -> None:
    pyproject.write_text(TABLE + """python = 'sh -c "exec a/python \\"$@\\"" --'""")
    assert device_spec("pi", pyproject.parent).command == ["sh", "-c", 'exec a/python "$@"', "--"]


def test_unknown_device(pyproject: Path) -> None:
    pyproject.write_text("[tool.pytest-edgeai.devices.jetson]")
    assert refusal(pyproject.parent) == (
        f"no device is called 'pi' in {pyproject.parent}: pyproject.toml or edgeai.toml "
        f"(known: jetson, local)\n{EXAMPLE}"
    )


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("thread = 4", "device 'pi' has the unknown key 'thread'\nhint: did you mean 'threads'?"),
        ("Python = ''", "unknown key 'Python'\nhint: did you mean 'python'?"),
        ("qqq = 1", "unknown key 'qqq'\nhint: known: host, python, runtime, threads"),
        ("name = 'x'", "device 'pi' has the unknown key 'name'"),
        ("python = 3", "device 'pi': python must be a command line"),
        ("python = ' '", "device 'pi': python must be a command line"),
        ('python = "sh -c \'oops"', "device 'pi': python: No closing quotation: sh -c 'oops"),
        ("runtime = 'onnx'", "device 'pi': runtime must be one of auto, litert, tflite-runtime, "),
        ("runtime = ['litert']", "tensorflow, not ['litert']"),
        ("threads = true", "device 'pi': threads must be a whole number from 1, not True"),
        ("threads = 0", "threads must be a whole number from 1, not 0"),
        ("threads = 2.0", "threads must be a whole number from 1, not 2.0"),
        ("threads = '4'", "threads must be a whole number from 1, not '4'"),
    ],
)
def test_what_is_wrong_in_a_table(pyproject: Path, table: str, text: str) -> None:
    pyproject.write_text(TABLE + table)
    assert text in refusal(pyproject.parent)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[tool", "pyproject.toml: Expected"),
        ("tool = 3", "pyproject.toml: tool is not a table"),
        ("[tool]\npytest-edgeai = 3", "pyproject.toml: pytest-edgeai is not a table"),
        ("[tool.pytest-edgeai]\ndevices = []", "pyproject.toml: devices is not a table"),
        ("[tool.pytest-edgeai.devices]\npi = 3", "devices.pi is not a table\nhint: add to"),
    ],
)
def test_what_is_wrong_in_a_file(pyproject: Path, content: str, text: str) -> None:
    pyproject.write_text(content, encoding="utf-8")
    assert text in refusal(pyproject.parent)


def test_a_file_that_is_not_text(pyproject: Path) -> None:
    pyproject.with_name("edgeai.toml").write_bytes(b"x = '\xff'")
    assert "edgeai.toml: 'utf-8' codec can't decode byte 0xff" in refusal(pyproject.parent)


BOARD = "[tool.pytest-edgeai.devices.pi]\nhost = 'pi@board'\n"


def spec_of(pyproject: Path, table: str) -> DeviceSpec:
    pyproject.write_text(table)
    return device_spec("pi", pyproject.parent)


class TestBoards:
    def test_a_table_of_a_board(self, pyproject: Path) -> None:
        text = """env = { OMP_NUM_THREADS = "1" }
            cpu_affinity = [2, 3]
            cache_dir = "/mnt/usb/edge"
            cache_mb = 64
            reconnect_s = 5"""
        assert spec_of(pyproject, BOARD + text) == DeviceSpec(
            "pi",
            host="pi@board",
            env={"OMP_NUM_THREADS": "1"},
            cpu_affinity=(2, 3),
            cache_dir="/mnt/usb/edge",
            cache_mb=64,
            reconnect_s=5,
        )

    def test_messages_name_its_host(self, pyproject: Path) -> None:
        assert spec_of(pyproject, BOARD).where == "device 'pi' (pi@board)"
        assert spec_of(pyproject, TABLE + "threads = 1").where == "device 'pi'"

    @pytest.mark.parametrize(
        ("python", "command"),
        [
            ("", ["python3"]),
            ("python = 'venv/bin/python -X utf8'", ["venv/bin/python", "-X", "utf8"]),
            ("python = '/opt/venv/bin/python'", ["/opt/venv/bin/python"]),
        ],
    )
    def test_its_python_is_a_path_over_there(
        self, pyproject: Path, python: str, command: list[str]
    ) -> None:
        assert spec_of(pyproject, BOARD + python).command == command

    @pytest.mark.parametrize(
        ("ssh_config", "path"),
        [
            ("", ""),
            ("boards/ssh_config", "{root}/boards/ssh_config"),
            ("~/boards", "{root}/me/boards"),
            ("{root}/boards/ssh_config", "{root}/boards/ssh_config"),
        ],
    )
    def test_its_ssh_config_is_a_path_here(
        self, pyproject: Path, monkeypatch: pytest.MonkeyPatch, ssh_config: str, path: str
    ) -> None:
        root = pyproject.parent
        monkeypatch.setenv("HOME", str(root / "me"))
        for name in ("boards/ssh_config", "me/boards"):
            (root / name).parent.mkdir()
            (root / name).touch()
        spec = spec_of(pyproject, f"{BOARD}ssh_config = '{ssh_config.format(root=root)}'")
        assert spec.ssh_config == path.format(root=root)

    def test_an_ssh_config_that_is_not_there(self, pyproject: Path) -> None:
        pyproject.write_text(f"{BOARD}ssh_config = 'no/config'")
        path = pyproject.parent / "no" / "config"
        assert f"device 'pi': ssh_config: there is no file {path}" in refusal(pyproject.parent)

    @pytest.mark.parametrize(
        "host", ["board", "pi@192.0.2.7", "pi@fe80::1%eth0", "ssh://pi@board:2222", "a-b"]
    )
    def test_destinations(self, pyproject: Path, host: str) -> None:
        assert spec_of(pyproject, f"{TABLE}host = '{host}'").host == host

    @pytest.mark.parametrize(
        ("table", "text"),
        [
            ("host = '-oProxyCommand=true'", "host must be an ssh destination such as 'pi@rasp"),
            ("host = '-'", "device 'pi': host must be an ssh destination"),
            ("host = 'pi board'", "host must be an ssh destination"),
            ("host = ' board'", "not ' board'"),
            ('host = "board\\n"', "not 'board\\n'"),
            ('host = "board\\t-v"', "host must be an ssh destination"),
            ("host = 7", "ssh destination such as 'pi@raspberrypi.local', not 7"),
            ("host = ['board']", "not ['board']"),
            ("ssh_config = 3", "device 'pi': ssh_config must be a path, not 3"),
            ("python = ''", "device 'pi': python must be a command line, not empty"),
            ("env = 'A=1'", "env must be a table of names and texts, not 'A=1'"),
            ("env = { A = 1 }", "env must be a table of names and texts, not {'A': 1}"),
            ("env = { 'A B' = '1' }", "env must be a table of names and texts"),
            ("env = { 'A;B' = '1' }", "env must be a table of names and texts"),
            ("env = { 'A=B' = '1' }", "env must be a table of names and texts"),
            ("env = { '-u' = '1' }", "env must be a table of names and texts"),
            ("env = { '' = '1' }", "env must be a table of names and texts"),
            ("cpu_affinity = 3", "cpu_affinity must be a list of core numbers from 0, not 3"),
            ("cpu_affinity = '0'", "cpu_affinity must be a list of core numbers from 0, not '0'"),
            ("cpu_affinity = [0, -1]", "cpu_affinity must be a list of core numbers from 0"),
            ("cpu_affinity = [0.5]", "cpu_affinity must be a list of core numbers from 0"),
            ("cache_dir = ''", "cache_dir must be a folder on the board, not ''"),
            ("cache_dir = 3", "cache_dir must be a folder on the board, not 3"),
            ("cache_mb = 0", "cache_mb must be a whole number from 1, not 0"),
            ("cache_mb = 1.5", "cache_mb must be a whole number from 1, not 1.5"),
            ("cache_mb = true", "cache_mb must be a whole number from 1, not True"),
            ("cache_mb = '1 GB'", "cache_mb must be a whole number from 1, not '1 GB'"),
            ("reconnect_s = -1", "reconnect_s must be a number from 0, not -1"),
            ("reconnect_s = nan", "reconnect_s must be a number from 0, not nan"),
            ("reconnect_s = false", "reconnect_s must be a number from 0, not False"),
            ("reconnect_s = '60 s'", "reconnect_s must be a number from 0, not '60 s'"),
        ],
    )
    def test_what_is_wrong_in_a_table(self, pyproject: Path, table: str, text: str) -> None:
        pyproject.write_text((TABLE if table.startswith("host") else BOARD) + table)
        assert text in refusal(pyproject.parent)

    @pytest.mark.parametrize(
        ("table", "key", "value"),
        [
            ("cpu_affinity = []", "cpu_affinity", ()),
            ("cpu_affinity = [0]", "cpu_affinity", (0,)),
            ("env = {}", "env", {}),
            ("env = { A_1 = '' }", "env", {"A_1": ""}),
            ("cache_mb = 1", "cache_mb", 1),
            ("reconnect_s = 0", "reconnect_s", 0),
            ("reconnect_s = 0.5", "reconnect_s", 0.5),
        ],
    )
    def test_what_is_just_right(self, pyproject: Path, table: str, key: str, value: object) -> None:
        assert getattr(spec_of(pyproject, BOARD + table), key) == value

    def test_a_list_of_cores_is_a_tuple(self) -> None:
        spec = DeviceSpec(cpu_affinity=[1, 2])  # type: ignore[arg-type]
        assert spec.cpu_affinity == (1, 2)

    def test_an_empty_table(self, pyproject: Path) -> None:
        pyproject.write_text(TABLE)
        assert refusal(pyproject.parent) == (
            f"{pyproject.parent}: pyproject.toml or edgeai.toml: devices.pi is empty\n{EXAMPLE}"
        )


class TestPools:
    def test_each_host_is_a_board(self, pyproject: Path) -> None:
        (pyproject.parent / "ssh").touch()
        pyproject.write_text(TABLE + "hosts = ['pi@a', 'pi@b']\nthreads = 2\nssh_config = 'ssh'")
        first, second = device_specs("pi", pyproject.parent)
        assert (first.host, second.host) == ("pi@a", "pi@b")
        for spec in (first, second):
            assert (spec.name, spec.threads) == ("pi", 2)
            assert spec.ssh_config == str(pyproject.parent / "ssh")

    def test_of_one_board(self, pyproject: Path) -> None:
        assert spec_of(pyproject, TABLE + "hosts = ['a']") == DeviceSpec("pi", host="a")

    @pytest.mark.parametrize(
        ("table", "text"),
        [
            ("host = 'a'\nhosts = ['a', 'b']", "device 'pi' has both host and hosts"),
            ("hosts = []", "hosts must be a list of different ssh destinations, not []"),
            ("hosts = ['a', 'b', 'a']", "different ssh destinations, not ['a', 'b', 'a']"),
            ("hosts = 'a b'", "different ssh destinations, not 'a b'"),
            ("hosts = { a = 'b' }", "different ssh destinations, not {'a': 'b'}"),
            ("hosts = ['a', 3]", "host must be an ssh destination such as"),
            ("hosts = ['a', '-v']", "not '-v'"),
            ("hosts = ['a b']", "not 'a b'"),
        ],
    )
    def test_what_is_wrong_with_hosts(self, pyproject: Path, table: str, text: str) -> None:
        pyproject.write_text(TABLE + table)
        assert text in refusal(pyproject.parent)


class TestExtends:
    """Of devices ``pi``, ``base`` and ``root``, which has a host, two threads and a python."""

    ROOT = "[devices.root]\nhost = 'a'\nthreads = 2\npython = 'py'\nenv = { A = '1', B = '2' }"
    ROOTS = "[devices.root]\nhosts = ['a', 'b']\nthreads = 2"

    @pytest.fixture
    def edgeai(self, pyproject: Path) -> Path:
        return pyproject.with_name("edgeai.toml")

    def specs(self, edgeai: Path, *tables: str) -> list[DeviceSpec]:
        edgeai.write_text("\n".join(tables))
        return list(device_specs("pi", edgeai.parent))

    @pytest.mark.parametrize(
        ("own", "spec"),
        [
            ("", DeviceSpec("pi", "py", None, 2, host="a", env={"A": "1", "B": "2"})),
            (
                "threads = 4\nruntime = 'litert'",
                DeviceSpec("pi", "py", "litert", 4, host="a", env={"A": "1", "B": "2"}),
            ),
            ("env = { C = '3' }", DeviceSpec("pi", "py", None, 2, host="a", env={"C": "3"})),
            ("host = 'b'", DeviceSpec("pi", "py", None, 2, host="b", env={"A": "1", "B": "2"})),
        ],
    )
    def test_what_it_does_not_say_itself(self, edgeai: Path, own: str, spec: DeviceSpec) -> None:
        assert self.specs(edgeai, self.ROOT, "[devices.pi]\nextends = 'root'", own) == [spec]

    def test_the_other_one_is_as_it_was(self, edgeai: Path) -> None:
        self.specs(edgeai, self.ROOT, "[devices.pi]\nextends = 'root'\nthreads = 4")
        assert device_spec("root", edgeai.parent).threads == 2

    @pytest.mark.parametrize(
        ("base", "own", "hosts"),
        [
            (ROOTS, "", ["a", "b"]),
            (ROOTS, "host = 'c'", ["c"]),
            (ROOTS, "hosts = ['c', 'd', 'e']", ["c", "d", "e"]),
            (ROOT, "hosts = ['c', 'd']", ["c", "d"]),
        ],
    )
    def test_its_own_hosts_replace_the_others(
        self, edgeai: Path, base: str, own: str, hosts: list[str]
    ) -> None:
        specs = self.specs(edgeai, base, "[devices.pi]\nextends = 'root'", own)
        assert [spec.host for spec in specs] == hosts
        assert {spec.threads for spec in specs} == {2}

    def test_a_chain(self, edgeai: Path) -> None:
        base = "[devices.base]\nextends = 'root'\nthreads = 3\nruntime = 'litert'"
        (spec,) = self.specs(edgeai, self.ROOT, base, "[devices.pi]\nextends='base'\nthreads=4")
        assert (spec.host, spec.python, spec.runtime, spec.threads) == ("a", "py", "litert", 4)

    def test_a_table_of_the_other_file(self, edgeai: Path, pyproject: Path) -> None:
        pyproject.write_text(BOARD.replace("pi]", "root]"))
        (spec,) = self.specs(edgeai, "[devices.pi]\nextends = 'root'")
        assert (spec.name, spec.host) == ("pi", "pi@board")

    @pytest.mark.parametrize(
        ("tables", "circle"),
        [
            ({"pi": "pi"}, "'pi' extends 'pi'"),
            ({"pi": "base", "base": "pi"}, "'pi' extends 'base' extends 'pi'"),
            (
                {"pi": "base", "base": "root", "root": "base"},
                "'pi' extends 'base' extends 'root' extends 'base'",
            ),
        ],
    )
    def test_a_circle(self, edgeai: Path, tables: dict[str, str], circle: str) -> None:
        lines = [f"[devices.{name}]\nextends = '{base}'" for name, base in tables.items()]
        edgeai.write_text("\n".join(lines))
        assert f"devices extend each other in a circle: {circle}" in refusal(edgeai.parent)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "extends = 'rot'\n[devices.root]\nthreads = 1",
                "no device is called 'rot' in {root}: pyproject.toml or edgeai.toml "
                "(known: local, pi, root)\nhint: 'pi' extends it",
            ),
            ("extends = 3", "device 'pi': extends must be a device's name"),
            ("extends = ['root']", "device 'pi': extends must be a device's name"),
            ("extends = 'root'\n[devices.root]", "devices.root is empty"),
            ("extends = 'root'\n[devices]\nroot = 3", "devices.root is not a table"),
            (
                "extends = 'root'\n[devices.root]\nthread = 1",
                "device 'root' has the unknown key 'thread'\nhint: did you mean 'threads'?",
            ),
            (
                "extends = 'root'\n[devices.root]\nthreads = 0",
                "device 'pi': threads must be a whole number from 1, not 0",
            ),
            (
                "extends = 'root'\nhost = 'b'\nhosts = ['c']\n[devices.root]\nthreads = 1",
                "device 'pi' has both host and hosts",
            ),
        ],
    )
    def test_what_cannot_be_extended(self, edgeai: Path, text: str, message: str) -> None:
        edgeai.write_text(f"[devices.pi]\n{text}")
        assert message.format(root=edgeai.parent) in refusal(edgeai.parent)
