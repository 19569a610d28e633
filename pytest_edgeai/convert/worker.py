"""What runs in the converter's own process, the only one that imports TensorFlow.

A job is plain data with a ``task``: ``export`` a Keras file as a SavedModel, ``build`` does so with
what a builder returns, ``convert`` a SavedModel into a ``.tflite`` file, ``predict`` with it, or
``warm_up`` for what comes. Every Keras model goes to the converter as an exported SavedModel: its
inputs and outputs have names then, and it converts faster.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import json
import os
import queue
import shutil
import signal
import sys
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
_NOT_ENDING = threading.Lock()


def main(folder: str) -> None:
    """Do the jobs whose numbers are said on stdin, until it is closed."""
    faulthandler.enable(all_threads=False)
    faulthandler.register(WHERE_ARE_YOU, all_threads=False)
    home, jobs = Path.cwd(), _jobs(Path(folder))
    while True:
        os.chdir(home)
        _do(json.loads(Path(folder, f"job-{jobs.get()}.json").read_text()))


def _do(job: dict[str, Any]) -> None:
    """Do a job and write its result as JSON; exceptions become ``error`` and ``hint``."""
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
    sys.stdout.flush()
    result_path = Path(job["result"])
    with _NOT_ENDING:
        unfinished = result_path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(result))
        unfinished.replace(result_path)


def warm_up(job: dict[str, Any]) -> dict[str, Any]:
    """Import TensorFlow."""
    _tensorflow()
    return {}


def export(job: dict[str, Any]) -> dict[str, Any]:
    """Load a Keras file and export it as a SavedModel."""
    with _without_collecting():
        model, loader = load_keras(Path(job["path"]), job["safe_mode"])
        os.chdir(job["output"])
        export_model(model, HERE)
    return {"loader": loader}


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Convert a SavedModel by the recipe; times are without TensorFlow's import."""
    tf = _tensorflow()
    start = time.perf_counter_ns()
    facts = _enter(job["source"])
    signature = load_signature(job["source"]["signature"])
    content, samples = converted(signature, job, facts)
    content = in_order(content, signature.input_order, facts.outputs)
    Path(job["output"]).write_bytes(content)
    elapsed_ns = time.perf_counter_ns() - start
    known = {"layers": facts.layers, "keras_3": facts.keras_3, "tensorflow": tf.__version__}
    return {"elapsed_ns": elapsed_ns, "calibration_samples": samples, **known}


def build(job: dict[str, Any]) -> dict[str, Any]:
    """Call a builder and export the model that it returns."""
    sys.path[:0] = job["source"]["folders"]
    model = _build(job["source"]["target"])
    export_model(model, job["output"])
    return {"digest": exported_digest(Path(job["output"]))}


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Answers of a SavedModel, one ``.npy`` per output."""
    import numpy as np

    _tensorflow()
    facts = _enter(job["source"])
    signature = load_signature(job["source"]["signature"])
    feed = signature.feed(job["inputs"], "evaluation_data")
    outputs = joined_answers(lambda size: list(map(signature.run, feed.batches(size))), feed)
    paths = {}
    for place, name in enumerate(facts.outputs or sorted(outputs)):
        paths[name] = str(Path(job["output"], f"output-{place}.npy"))
        np.save(paths[name], outputs[name])
    return {"outputs": paths}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "warm_up": warm_up,
    "build": build,
    "export": export,
    "convert": convert,
    "predict": predict,
}


def _tensorflow() -> Any:
    known = "tensorflow" in sys.modules
    with _without_collecting():
        module = importlib.import_module("tensorflow")
    if not known:
        gc.freeze()  # the converter collects in each conversion
    return module


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Imports and graphs are millions of objects that stay: a fifth of the time went into looking
    for garbage among them.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _enter(source: dict[str, Any]) -> KerasFacts:
    """Make the folder of a SavedModel the working directory; its facts.

    TensorFlow takes characters such as brackets in a longer path for a pattern.
    """
    os.chdir(source["path"])
    return KerasFacts.read(Path(HERE))


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


def _jobs(folder: Path) -> queue.SimpleQueue[int]:
    """The numbers of the jobs, as they are said on stdin, from which nothing else reads.

    Ends this process, its children and its folder when the one that started it is gone: its end
    closes then.
    """
    parent = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
    jobs: queue.SimpleQueue[int] = queue.SimpleQueue()

    def listen() -> None:
        with open(parent) as lines:  # noqa: PTH123
            for line in lines:
                jobs.put(int(line))
        with _NOT_ENDING:
            for _ in range(10):  # others may be writing there still
                shutil.rmtree(folder, ignore_errors=True)
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=listen, daemon=True).start()
    return jobs
