"""What runs in the converter's own process, the only one that imports TensorFlow.

A job is plain data with a ``task``: ``convert`` a source into a ``.tflite`` file, ``export`` what a
builder returns as a SavedModel, or ``predict`` with the source itself. Every Keras model
goes to the converter as an exported SavedModel: its inputs and outputs have names then, and it
converts faster.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.export import export_model
from pytest_edgeai.convert.exported_digest import exported_digest
from pytest_edgeai.convert.feed import joined_answers
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.keras_file import Refusal, load_keras, one_line
from pytest_edgeai.convert.order import in_order
from pytest_edgeai.convert.saved_signature import HERE, load_signature
from pytest_edgeai.convert.tensorflow_lite import converted

WHERE_ARE_YOU = signal.SIGUSR1
_LAST_ACT = threading.Lock()


def main(job: dict[str, Any]) -> None:
    """Do the job and write its result as JSON; exceptions become ``error`` and ``hint``."""
    faulthandler.enable(all_threads=False)
    faulthandler.register(WHERE_ARE_YOU, all_threads=False)
    result_path = Path(job["result"])
    _end_with_parent(result_path.parent)
    try:
        result = TASKS[job["task"]](job)
    except Refusal as refusal:
        if refusal.__cause__:
            _log(refusal.__cause__)
        result = {"error": str(refusal), "hint": refusal.hint}
    except MemoryError:
        result = {"error": "out of memory", "hint": "convert on a machine with more memory"}
    except (Exception, SystemExit) as error:
        _log(error)
        result = {"error": one_line(error), "hint": "the converter log tells where"}
    with _LAST_ACT:
        unfinished = result_path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(result))
        unfinished.replace(result_path)
        sys.stdout.flush()
        os._exit(0)  # TensorFlow's own teardown can take seconds


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Convert the source by the recipe; times are without TensorFlow's import."""
    with _saved_model(job["source"]) as (facts, loader):
        import tensorflow as tf

        start = time.perf_counter_ns()
        signature = load_signature(job["source"]["signature"])
        content, samples = converted(signature, job, facts)
        content = in_order(content, signature.input_order, facts.outputs)
        Path(job["output"]).write_bytes(content)
        elapsed_ns = time.perf_counter_ns() - start
    versions = {"tensorflow": tf.__version__, "loader": loader}
    known = {"layers": facts.layers, "keras_3": facts.keras_3}
    return {"elapsed_ns": elapsed_ns, "calibration_samples": samples, **known, **versions}


def export(job: dict[str, Any]) -> dict[str, Any]:
    """Call a builder and export the model that it returns."""
    sys.path[:0] = job["source"]["folders"]
    model = _build(job["source"]["target"])
    export_model(model, job["output"])
    return {"digest": exported_digest(Path(job["output"]))}


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Answers of the source itself, one ``.npy`` per output."""
    import numpy as np

    with _saved_model(job["source"]) as (facts, _):
        signature = load_signature(job["source"]["signature"])
        feed = signature.feed(job["inputs"], "evaluation_data")
        outputs = joined_answers(lambda size: list(map(signature.run, feed.batches(size))), feed)
    paths = {}
    for place, name in enumerate(facts.outputs or sorted(outputs)):
        paths[name] = str(Path(job["output"], f"output-{place}.npy"))
        np.save(paths[name], outputs[name])
    return {"outputs": paths}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "convert": convert,
    "export": export,
    "predict": predict,
}


@contextlib.contextmanager
def _saved_model(source: dict[str, Any]) -> Iterator[tuple[KerasFacts, str]]:
    """The source as a SavedModel in the working directory, its facts, and what loaded it.

    TensorFlow takes characters such as brackets in a longer path for a pattern.
    """
    if source["kind"] == "saved_model":
        os.chdir(source["path"])
        yield KerasFacts.read(Path(HERE)), "SavedModel"
        return
    model, loader = load_keras(Path(source["path"]), source["safe_mode"])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        export_model(model, HERE)
        yield KerasFacts.read(Path(HERE)), loader


def _build(target: str) -> Any:
    name, _, function = target.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        raise Refusal(
            str(error),
            "the module is looked up beside the test, in the root folder, and among the installed",
        ) from error
    if not hasattr(module, function):
        raise Refusal(f"there is no {function!r} in {module.__file__ or name}")
    model = getattr(module, function)()
    if not (hasattr(model, "get_weights") and hasattr(model, "export")):
        raise Refusal(f"it returned a {type(model).__name__}, not a Keras model")
    return model


def _log(error: BaseException) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def _end_with_parent(folder: Path) -> None:
    """End this process, its children and its folder when the one that started it is gone.

    Its end of our stdin closes then. Nothing else reads from there.
    """
    parent = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        os.read(parent, 1)
        with _LAST_ACT:
            for _ in range(10):  # others may be writing there still
                shutil.rmtree(folder, ignore_errors=True)
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
