"""Loading a Keras file with the Keras that wrote it; runs in the converter's process."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

_UNKNOWN = re.compile(
    r"(?:Could not locate \w+|Unknown \w+(?: \w+)?:?|object of type) ['`](\w+)['`]"
)


class Refusal(Exception):  # noqa: N818  (it names what happened, not a fault)
    """A job that cannot be done, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def load_keras(path: Path, safe_mode: bool) -> tuple[Any, str]:
    """Load a Keras file with the Keras that wrote it: tf-keras for versions before 3.

    Where tf-keras is missing or refuses, Keras 3 is tried, which reads many of these files.
    """
    config, version = _read_header(path)
    if safe_mode and "Lambda" in _class_names(config):
        raise Refusal(
            "it has a Lambda layer: code stored in the file, which would run on loading",
            "if you trust the file: edge_model(path, safe_mode=False), or return "
            "ModelSource(path, safe_mode=False) from your edge_model fixture",
        )
    written_by_keras_3 = version.partition(".")[0].isdigit() and int(version.partition(".")[0]) >= 3
    if not written_by_keras_3:
        os.environ["TF_USE_LEGACY_KERAS"] = "1"  # read when TensorFlow is first imported
    refusals = []
    for module in ("keras",) if written_by_keras_3 else ("tf_keras", "keras"):
        try:
            keras = importlib.import_module(module)
            with _with_usual_suffix(path) as usual:
                model = keras.models.load_model(usual, compile=False, safe_mode=safe_mode)
        except Exception as error:
            refusals.append(f"{module}: {one_line(error)}")
        else:
            loader = f"{module.replace('_', '-')} {keras.__version__}"
            print(f"{path.name}, written by Keras {version}, loaded by {loader}", file=sys.stderr)
            return model, loader
    layers = _with_lambdas(config)
    if layers:
        raise _refusal_of_lambdas(path, layers)
    raise Refusal(
        f"written by Keras {version}, it does not load: {'; '.join(refusals)}",
        _loading_hint(path, refusals),
    )


def _refusal_of_lambdas(path: Path, layers: Sequence[str]) -> Refusal:
    """Keras writes the bytecode of a lambda that is no Lambda layer, and never reads it."""
    return Refusal(
        f"a lambda is the activation, or another argument, of layer {', '.join(layers)}: Keras "
        "writes it into the file and does not read it back, whatever safe_mode is",
        "put a named function in its place and give one that takes the weights from the file, "
        'edge_model("module:load"), with def load(): model = build(); '
        f"model.load_weights({str(path)!r}); return model",
    )


def _loading_hint(path: Path, refusals: Sequence[str]) -> str:
    if "No module named 'tf_keras'" in refusals[0]:
        return "pip install 'pytest-edgeai[tensorflow]' brings tf-keras, which reads such files"
    module = refusals[0].partition(":")[0]
    names = [name for refusal in refusals for name in _UNKNOWN.findall(refusal)]
    known = ", ".join(f'"{name}": {name}' for name in dict.fromkeys(names) if name != "function")
    if not names:
        return 'build the model in code: edge_model("module:function")'
    return (
        'give a function that loads it with its custom objects, edge_model("module:load"), with '
        f"def load(): return {module}.models.load_model({str(path)!r}, "
        f"custom_objects={{{known or '...'}}}, compile=False)"
    )


@contextlib.contextmanager
def _with_usual_suffix(path: Path) -> Iterator[Path]:
    """The file under a suffix that Keras takes for its format; Keras goes by small letters."""
    usual = ".keras" if zipfile.is_zipfile(path) else ".h5"
    if path.suffix == usual:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder, f"model{usual}")
        link.symlink_to(path.absolute())
        yield link


def _read_header(path: Path) -> tuple[Any, str]:
    """A Keras file's own configuration and the version of the Keras that wrote it."""
    with path.open("rb") as file:
        magic = file.read(8)
    try:
        if magic.startswith(b"PK"):
            with zipfile.ZipFile(path) as archive:
                metadata = json.loads(archive.read("metadata.json"))
                return json.loads(archive.read("config.json")), str(metadata["keras_version"])
        if magic == b"\x89HDF\r\n\x1a\n":
            return _read_hdf5_header(path)
    except (KeyError, ValueError, OSError, zipfile.BadZipFile) as error:
        raise Refusal(
            f"the file is damaged: {one_line(error)}", "copy or save the model again"
        ) from error
    if magic.startswith(b"version "):
        raise Refusal("the file is a git-lfs pointer, not the model itself", "git lfs pull")
    found = f"begins with {magic!r}" if magic else "is empty"
    raise Refusal(f"the file {found}: it is no Keras model", "save it with model.save()")


def _read_hdf5_header(path: Path) -> tuple[Any, str]:
    import h5py

    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
        version = file.attrs.get("keras_version", "1 (it does not say)")
    if config is None:
        raise Refusal(
            "the file holds weights only",
            'save the whole model, or build it in code: edge_model("package.module:function")',
        )
    decoded = config.decode() if isinstance(config, bytes) else config
    return json.loads(decoded), version.decode() if isinstance(version, bytes) else str(version)


def _class_names(config: Any) -> set[str]:
    """Every ``class_name`` in a Keras configuration."""
    if isinstance(config, list):
        return set().union(*map(_class_names, config)) if config else set()
    if not isinstance(config, dict):
        return set()
    own = {str(config["class_name"])} if "class_name" in config else set()
    return own.union(*map(_class_names, config.values()))


def _with_lambdas(config: Any, layer: str = "") -> list[str]:
    """The layers that have a lambda among their arguments, by name."""
    if isinstance(config, list):
        return [name for part in config for name in _with_lambdas(part, layer)]
    if not isinstance(config, dict) or config.get("class_name") == "Lambda":
        return []
    code = config.get("value")
    if isinstance(code, list) and len(code) == 3 and isinstance(code[0], str):
        return [layer]
    layer = str(config.get("name") or layer)
    return list(dict.fromkeys(_with_lambdas(list(config.values()), layer)))


def one_line(error: BaseException) -> str:
    """An error for a message: of Keras's page-long ones what they end with."""
    text = " ".join(str(error).rpartition("Exception encountered: ")[2].split())
    return f"{type(error).__name__}: {text[:300]}{'...' if len(text) > 300 else ''}"
