"""The command line of ssh as a real shell and a real ssh read it, and what its failures mean."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_edgeai.device.gateway import python_args
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.device.ssh import FAILURES, explained, keeper_command, ssh_command

PI = DeviceSpec("pi", "/opt/edge/bin/python", host="pi@board")
CONFIGURED = DeviceSpec("pi", host="board", ssh_config="/etc/my boards")
NASTY = [
    "a b",
    " ",
    "",
    "it's",
    'say "so"',
    "$(touch made)",
    "`touch made`",
    "'$(touch made)'",
    "a; touch made",
    "a && touch made",
    "> made",
    "$HOME ${HOME}",
    "*",
    "~/python",
    "a\\nb\\",
    "a\nb",
    "# no more",
    "!!",
    "{a,b}",
    "größe 線",
    "-x",
    "a=b",
]
ECHO = 'printf "%s\\0" "$VALUE" "$@"'
"""Prints its environment's VALUE and its arguments, as they have come."""


def remote(spec: DeviceSpec) -> str:
    return keeper_command(spec)[-1]


def run_in_shell(shell: str, text: str, cwd: Path, given: str = "") -> str:
    """As a server does with what ssh sends."""
    command = [shell, "-c", text]
    done = subprocess.run(command, cwd=cwd, input=given, capture_output=True, text=True, check=True)
    return done.stdout


def test_nobody_is_asked_for_anything() -> None:
    assert ssh_command(PI) == [
        "ssh",
        "-C",
        "-T",
        "-oBatchMode=yes",
        "-oConnectTimeout=10",
        "-oServerAliveInterval=5",
        "-oServerAliveCountMax=4",
        "--",
        "pi@board",
    ]


def test_a_config_file_of_its_own() -> None:
    assert ssh_command(CONFIGURED)[-4:] == ["-F", "/etc/my boards", "--", "board"]


def test_ssh_takes_it_so(tmp_path: Path) -> None:
    if shutil.which("ssh") is None:
        pytest.skip("there is no ssh")
    config = tmp_path / "ssh config"
    config.write_text("Host board\n    HostName 192.0.2.7\n    Port 2222\n")
    spec = DeviceSpec("pi", host="me@board", ssh_config=str(config))
    ssh, *words = ssh_command(spec)
    done = subprocess.run([ssh, "-G", *words], capture_output=True, text=True, check=True)
    assert {
        "user me",
        "hostname 192.0.2.7",
        "port 2222",
        "batchmode yes",
        "connecttimeout 10",
        "serveraliveinterval 5",
        "serveralivecountmax 4",
        "compression yes",
        "requesttty false",
    } <= set(done.stdout.splitlines())


@pytest.mark.parametrize("env", [{}, {"A": "1", "B": "two words"}])
def test_the_shell_there_is_given_one_argument(env: dict[str, str]) -> None:
    spec = DeviceSpec("pi", "/opt/edge/bin/python -X utf8", host="board", env=env)
    *ssh, argument = keeper_command(spec)
    assert ssh == ssh_command(spec)
    prefix = ["env", "A=1", "B=two words"] if env else []
    assert shlex.split(argument) == [
        *prefix,
        *python_args(["/opt/edge/bin/python", "-X", "utf8"]),
    ]


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("word", NASTY)
def test_the_shell_there_expands_nothing(shell: str, word: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    python = shlex.join(["sh", "-c", ECHO, "--", word])
    spec = DeviceSpec("pi", python, host="board", env={"VALUE": word})
    said = run_in_shell(shell, remote(spec), tmp_path)
    assert said.split("\0") == [word, word, *python_args([]), ""]
    assert not list(tmp_path.iterdir())


def test_python_there_waits_for_what_it_is_sent(tmp_path: Path) -> None:
    program = tmp_path / "a 'python' $(x)"
    program.symlink_to(sys.executable)
    spec = DeviceSpec("pi", shlex.quote(str(program)), host="board", env={"VALUE": "a b"})
    given = repr("import os;print(os.environ['VALUE'], '' in sys.path)") + "\n"
    assert run_in_shell("sh", remote(spec), tmp_path, given) == "a b False\n"


CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key for board has changed and you have requested strict checking.
Host key verification failed.
"""
SAID = [
    (CHANGED, "its host key is not the known one", "ssh-keygen -R board, then ssh pi@board once"),
    (
        "No ED25519 host key is known for board and you have requested strict checking.\r\n"
        "Host key verification failed.\r\n",
        "its host key is not known",
        "ssh pi@board once by hand, and accept the key",
    ),
    (
        "pi@board: Permission denied (publickey,password).\r\n",
        "it refuses this user or key",
        "ssh-copy-id pi@board; a key with a passphrase has to be in ssh-agent",
    ),
    (
        "ssh: Could not resolve hostname board: Name or service not known\r\n",
        "nobody knows this host name",
        "check the host's name, or give the board's address",
    ),
    (
        "ssh: connect to host board port 22: Connection refused\r\n",
        "the host is there, but no ssh server listens",
        "on the board: sudo systemctl enable --now ssh",
    ),
    (
        "ssh: connect to host board port 22: Connection timed out\r\n",
        "it does not answer within 10 s",
        "Try: ping board",
    ),
    (
        "ssh: connect to host board port 22: No route to host\r\n",
        "it cannot be reached",
        "is the board on, and in this network?",
    ),
    (
        "ssh: connect to host board port 22: Network is unreachable\r\n",
        "it cannot be reached",
        "is this machine in the board's network?",
    ),
    (
        "Can't open user config file /no/such: No such file or directory\r\n",
        "ssh_config cannot be read",
        "check `ssh_config`",
    ),
]


@pytest.mark.parametrize(("stderr", "means", "hint"), SAID)
def test_what_ssh_says(stderr: str, means: str, hint: str) -> None:
    told = explained(PI, 255, f"a banner\r\n{stderr}")
    assert told[0] == means
    assert hint in told[1]


def test_each_failure_is_tried() -> None:
    tried = [next(row.said for row in FAILURES if row.said in stderr) for stderr, *_ in SAID]
    assert tried == [row.said for row in FAILURES]


def test_hints_can_be_copied_to_a_shell() -> None:
    hint = explained(CONFIGURED, 255, "Permission denied (publickey).")[1]
    assert hint.startswith("ssh-copy-id -F '/etc/my boards' board; ")


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (127, "there is no /opt/edge/bin/python on it"),
        (126, "/opt/edge/bin/python cannot be run on it"),
    ],
)
def test_what_the_shell_there_says(status: int, means: str) -> None:
    """In words of its own: only the exit status is the same everywhere."""
    stderr = "sh: 1: /opt/edge/bin/python: Permission denied\n"
    assert explained(PI, status, stderr) == (means, "check `python` of this device")


@pytest.mark.parametrize(
    ("stderr", "means"),
    [
        ("a banner\nkex_exchange_identification: read\n\n", "kex_exchange_identification: read"),
        ("", "ssh ended with exit status 255"),
        (" \n", "ssh ended with exit status 255"),
    ],
)
def test_what_is_not_known(stderr: str, means: str) -> None:
    hint = "see what `ssh pi@board /opt/edge/bin/python --version` says"
    assert explained(PI, 255, stderr) == (means, hint)


def test_the_same_by_hand_has_the_config_file() -> None:
    hint = explained(CONFIGURED, 255, "")[1]
    assert hint == "see what `ssh -F '/etc/my boards' board python3 --version` says"
