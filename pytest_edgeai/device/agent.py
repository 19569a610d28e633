"""The one file that runs on a device: it holds an interpreter and times it.

It is sent as source and needs nothing but Python 3.9+, numpy and a TensorFlow Lite runtime.
One request is ``(operation, arguments, limit_s)``; its answer is ``("ok", value, elapsed_ns)`` or
``("error", type, text)``. Only builtins cross the wire: ``pack`` and ``unpack`` carry the arrays.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import os
import platform
import signal
import sys
import time
import warnings
from typing import Any

import numpy as np

RUNTIMES = {
    "litert": ("ai_edge_litert.interpreter", "ai-edge-litert"),
    "tflite-runtime": ("tflite_runtime.interpreter", "tflite-runtime"),
    "tensorflow": ("tensorflow.lite.python.interpreter", "tensorflow"),
}

LARGE = 4096
"""Bytes from which an array goes by a file."""
WINDOWS: dict[str, Any] = {}
"""What ``window`` has mapped, by path."""
FOREIGN = ("x86_64", "GenuineIntel", "AuthenticAMD")

# One RELU operator, float32 [1] -> [1]: the smallest model that proves a runtime by running.
RELU_MODEL = base64.b64decode(
    "GAAAAFRGTDMAAA4AGAAUABAADAAIAAQADgAAABQAAAAgAAAAJAAAANgAAAADAAAAAQAAAAgAAAAEAAQABAAAAAAAAAAA"
    "AAAAAQAAABAAAAAMABQAEAAMAAgABAAMAAAAEAAAADwAAABAAAAARAAAAAEAAAAQAAAAAAAKAAwAAAAIAAQACgAAAAgA"
    "AAAMAAAAAQAAAAEAAAABAAAAAAAAAAEAAAABAAAAAQAAAAAAAAACAAAAMAAAAAQAAADk////CAAAAAwAAAABAAAAeQAA"
    "AAEAAAABAAAADAAMAAgAAAAAAAQADAAAAAgAAAAMAAAAAQAAAHgAAAABAAAAAQAAAAEAAAAQAAAADAAMAAsAAAAAAAQA"
    "DAAAABMAAAAAAAAT"
)


def pack(value: Any, store: Any = None) -> Any:
    """Turn arrays, dtypes and nested containers into builtins.

    Args:
        store: puts a large array where both sides find it, and returns what travels instead, as a
            "file" or a "window" of ``unpack``; None where all travels.
    """
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OSU":
            texts = [v if isinstance(v, bytes) else str(v).encode() for v in value.ravel().tolist()]
            return ("strings", list(value.shape), texts)
        if store is not None and value.nbytes >= LARGE:
            return store(value)
        return ("array", value.dtype.str, list(value.shape), value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, type):
        return ("dtype", np.dtype(value).str)
    if isinstance(value, dict):
        return {key: pack(item, store) for key, item in value.items()}
    if isinstance(value, tuple):
        return ("tuple", [pack(item, store) for item in value])
    if isinstance(value, list):
        return [pack(item, store) for item in value]
    return value


def unpack(value: Any) -> Any:
    """The inverse of ``pack``; the arrays own their memory, except for those in a window.

    A window is memory of the other side, and holds an array until the answer to this request.
    """
    if isinstance(value, dict):
        return {key: unpack(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, tuple):
        return value
    kind, content = value[0], value[1:]
    if kind == "array":
        return np.frombuffer(content[2], dtype=content[0]).reshape(content[1]).copy()
    if kind == "file":
        return np.fromfile(content[2], dtype=content[0]).reshape(content[1])
    if kind == "window":
        dtype, shape, path, begin = content
        end = begin + int(np.prod(shape)) * np.dtype(dtype).itemsize
        return window(path, end)[begin:end].view(dtype).reshape(shape)
    if kind == "strings":
        array = np.empty(len(content[1]), dtype=object)
        array[:] = content[1]
        return array.reshape(content[0])
    if kind == "dtype":
        return np.dtype(content[0]).type
    return tuple(unpack(item) for item in content[0])


def window(path: str, end: int) -> Any:
    """The bytes of a file, mapped until ``end`` at least; a file that has grown is mapped anew."""
    if len(WINDOWS.get(path, b"")) < end:
        WINDOWS[path] = np.asarray(np.memmap(path, np.uint8, "r"))
    return WINDOWS[path]


def quantised(values: Any, dtype: str, scale: float, zero_point: int) -> Any:
    """``round(real / scale) + zero_point``, saturating."""
    limits = np.iinfo(np.dtype(dtype))
    steps = np.round(values.astype(np.float64) / scale) + zero_point
    return np.clip(steps, limits.min, limits.max).astype(dtype)


def real(values, scale, zero_point):
    """A tensor's values as real ones; a scale of 0 means that they are."""
    values = np.asarray(values).astype(np.float64)
    return (values - zero_point) * scale if scale else values


def compared(stored, scale, zero_point, base):
    """What ``Agent.compare`` sums up of one tensor in one run."""
    own = real(stored, scale, zero_point)
    if own.shape != base.shape:
        raise ValueError("a tensor is {} in one and {} in the other".format(own.shape, base.shape))
    outside = 0
    if scale:
        limits = np.iinfo(stored.dtype)
        low, high = ((end - zero_point) * scale for end in (limits.min, limits.max))
        outside = ((base < low - scale) | (base > high + scale)).sum()
    return np.array([base.size, (base**2).sum(), ((own - base) ** 2).sum(), outside])


def covering(interpreter, indices):
    """For each tensor, its place, or that of the last other one in the same memory.

    tflite-runtime 2.14 adds in place, whatever it is told to preserve.
    """
    views = [interpreter.tensor(index)() for index in indices]
    # A scalar comes as a number, and an empty tensor shares nothing.
    where = [v.ctypes.data if np.ndim(v) and v.size else -p - 1 for p, v in enumerate(views)]
    last = {address: place for place, address in enumerate(where)}
    found = [last[address] for address in where]
    return [place if indices[to] == indices[place] else to for place, to in enumerate(found)]


def cores():
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def facts():
    """What this process is and may use."""
    return {
        "machine": platform.machine(),
        "cores": cores(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "emulated": is_emulated(),
    }


def used():
    """CPU seconds: of the whole machine, and of this process with all its threads."""
    try:
        with open("/proc/stat") as file:
            words = file.readline().split()
    except OSError:
        return None, time.process_time()
    user, nice, system, _, _, irq, softirq, steal = map(int, words[1:9])
    ticks = user + nice + system + irq + softirq + steal
    return ticks / os.sysconf("SC_CLK_TCK"), time.process_time()


def of_others(before, after):
    """CPU seconds that were not this process's; the kernel counts in steps of 0.01, so that a
    short time may come out below 0."""
    if before[0] is None or after[0] is None:
        return None
    return (after[0] - before[0]) - (after[1] - before[1])


def resident():
    """Bytes of this process that are resident, and the most that ever were since the last reset.

    Where the system tells only that peak, it stands for both.
    """
    try:
        with open("/proc/self/status") as file:
            told = dict(line.split(":", 1) for line in file)
        return [int(told[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM")]
    except (OSError, KeyError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return [peak * (1 if sys.platform == "darwin" else 1024)] * 2


def reset_peak():
    """Let the peak of resident memory begin at what is resident, where the system can (proc(5))."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass


def all_cores():
    """How many cores the machine has, whoever may use them."""
    return os.cpu_count() or 1


def is_emulated():
    """Whether another processor plays this one: the kernel's or /proc/cpuinfo's is its host's."""
    if not platform.machine().startswith(("aarch64", "arm", "riscv")):
        return False
    for path in ("/proc/sys/kernel/arch", "/proc/cpuinfo"):
        try:
            with open(path) as file:
                text = file.read()
        except OSError:
            continue
        if any(sign in text for sign in FOREIGN):
            return True
    return False


def prove(interpreter_class):
    """Run the tiny model and look at its answer."""
    tiny = interpreter_class(model_content=RELU_MODEL)
    tiny.allocate_tensors()
    tiny.set_tensor(tiny.get_input_details()[0]["index"], np.array([3.0], np.float32))
    tiny.invoke()
    answer = tiny.get_tensor(tiny.get_output_details()[0]["index"])[0]
    if answer != 3.0:
        raise RuntimeError(f"relu(3) came out as {answer!r}")


def taken_by_delegates(nodes):
    """Which operators the delegates run, by index.

    A runtime keeps the operators that a delegate took, and adds a DELEGATE with the tensors at the
    border of its part of the graph: what lies between its outputs and its inputs is that part. An
    operator that makes nothing, such as the assignment of a variable, is not seen among them.
    """
    makers = {
        int(tensor): op for op in nodes if op["op_name"] != "DELEGATE" for tensor in op["outputs"]
    }
    taken = set()
    for delegate in nodes:
        if delegate["op_name"] == "DELEGATE":
            seen = set(map(int, delegate["inputs"]))
            ahead = list(map(int, delegate["outputs"]))
            while ahead:
                tensor = ahead.pop()
                if tensor in makers and tensor not in seen:
                    taken.add(makers[tensor]["index"])
                    ahead += map(int, makers[tensor]["inputs"])
                seen.add(tensor)
    return taken


class SignatureGraph:
    """The calls of an interpreter, on the graph of a signature that is not the main one.

    The runtimes' own interpreters have them for the main graph alone. Their signature runners call
    the same wrapper with a graph's number, but cannot leave out resizing, allocating and reading.
    """

    def __init__(self, interpreter, key):
        self.interpreter, self.wrapper = interpreter, interpreter._interpreter
        self.runner = interpreter.get_signature_runner(key)
        self.graph = self.runner._subgraph_index
        self.get_signature_list = interpreter.get_signature_list
        self.get_signature_runner = interpreter.get_signature_runner

    def allocate_tensors(self):
        self.wrapper.AllocateTensors(self.graph)

    def get_input_details(self):
        return list(self.runner.get_input_details().values())

    def get_output_details(self):
        return list(self.runner.get_output_details().values())

    def get_tensor_details(self):
        found = []
        for number in range(self.wrapper.NumTensors(self.graph)):
            with contextlib.suppress(ValueError):  # a temporary tensor; interpreters do the same
                found.append(self.interpreter._get_tensor_details(number, self.graph))
        return found

    def set_tensor(self, tensor_index, value):
        self.wrapper.SetTensor(tensor_index, value, self.graph)

    def get_tensor(self, tensor_index, subgraph_index=None):
        graph = self.graph if subgraph_index is None else subgraph_index
        return self.wrapper.GetTensor(tensor_index, graph)

    def resize_tensor_input(self, input_index, tensor_size, strict=False):
        size = np.array(tensor_size, dtype=np.int32)
        self.wrapper.ResizeInputTensor(input_index, size, strict, self.graph)

    def tensor(self, tensor_index):
        return lambda: self.wrapper.tensor(self.wrapper, tensor_index, self.graph)

    def invoke(self):
        self.wrapper.Invoke(self.graph)


class Agent:
    """One runtime and, after ``load``, one interpreter."""

    def __init__(self):
        self.interpreter_class = None
        self.interpreter = None
        self.loaded = ()
        self.told = ""
        self.fed = {}
        self.begin, self.used_at_begin = time.perf_counter(), used()

    def hello(self, runtime, affinity=(), proving=False):
        """Import the runtime.

        ``affinity`` are the cores to stay on; none for all of them. ``proving`` also runs a tiny
        model: an import alone proves nothing. A process that shall show what the first model costs
        must not have run one.
        """
        from importlib import metadata

        if affinity:
            os.sched_setaffinity(0, affinity)
        module, distribution = RUNTIMES[runtime]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.interpreter_class = importlib.import_module(module).Interpreter
                if proving:
                    prove(self.interpreter_class)
        except ModuleNotFoundError:
            raise
        except Exception as error:
            if runtime == "tflite-runtime" and int(np.__version__.split(".")[0]) >= 2:
                text = f"it was built for NumPy 1, and NumPy {np.__version__} is installed"
                raise RuntimeError(text) from error
            raise
        try:
            version = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            version = getattr(sys.modules[module.partition(".")[0]], "__version__", "unknown")
        return {"runtime": distribution, "runtime_version": version, **facts()}

    def load(self, path, signature, threads):
        """Load a model; ``signature`` is the one to run where that is not the main graph, or ""."""
        self.loaded, self.told = (path, signature, threads), ""
        self.interpreter = self.opened(path, signature, num_threads=threads)

    def opened(self, path, signature, **options):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            interpreter = self.interpreter_class(model_path=path, **options)
        return SignatureGraph(interpreter, signature) if signature else interpreter

    def unload(self):
        """Free the model."""
        self.interpreter = None
        gc.collect()

    def call(self, method, *args, **kwargs):
        """Any call of ``tf.lite.Interpreter`` that takes and returns plain values and arrays."""
        if method == "set_tensor":
            self.interpreter.set_tensor(*args)
            self.fed[args[0]] = args[1]
            return None
        if method == "resize_tensor_input":
            self.fed.pop(args[0], None)
        return getattr(self.interpreter, method)(*args, **kwargs)

    def inputs(self):
        """What was last fed, by tensor index."""
        return self.fed

    def feed(self, inputs):
        """Take the inputs of a model that is still to be loaded, by tensor index."""
        self.fed = {index: np.array(array) for index, array in inputs.items()}

    def sees(self, path):
        """Whether this process can open a file."""
        return os.access(path, os.R_OK)

    # A runner that is kept makes every other call of its interpreter fail.

    def signature(self, key):
        runner = self.interpreter.get_signature_runner(key)
        return runner.get_input_details(), runner.get_output_details()

    def run_signature(self, key, inputs):
        """Outputs by name, and the time of the call alone; the runner resizes the inputs."""
        self.fed = {}
        runner = self.interpreter.get_signature_runner(key)
        start = time.perf_counter_ns()
        outputs = runner(**inputs)
        elapsed_ns = time.perf_counter_ns() - start
        return {name: np.asarray(value) for name, value in outputs.items()}, elapsed_ns

    def predict(self, inputs, rules, outputs, reset, limit_s, first=0):
        """Run once per leading entry of ``inputs`` ({tensor index: array}); times are summed.

        ``rules`` say how to quantise those that hold real values, see ``quantised``. Begins with
        entry ``first``, and stops early when ``limit_s`` have passed: the answers tell how far it
        came.
        """
        answers, elapsed_ns, begin = [[] for _ in outputs], 0, time.monotonic()
        interpreter, clock = self.interpreter, time.perf_counter_ns
        try:
            for number in range(first, len(next(iter(inputs.values())))):
                if answers[0] and time.monotonic() - begin > limit_s:
                    break
                arm(limit_s)
                tensors = {index: array[number, ...] for index, array in inputs.items()}
                for index in rules.keys() & tensors.keys():
                    tensors[index] = quantised(tensors[index], *rules[index])
                if reset:
                    self.reset(reset)
                    interpreter = self.interpreter
                start = clock()
                for index, tensor in tensors.items():
                    interpreter.set_tensor(index, tensor)
                interpreter.invoke()
                elapsed_ns += clock() - start
                for answer, index in zip(answers, outputs):
                    answer.append(interpreter.get_tensor(index))
                self.fed = tensors
        finally:  # a window's content is gone when the answer is
            self.fed = {index: np.array(tensor) for index, tensor in self.fed.items()}
        return [np.stack(a) if len({x.shape for x in a}) == 1 else a for a in answers], elapsed_ns

    def reset(self, how):
        """Forget what the model kept: its ``variables``, or, by a ``reload``, its resources too.

        The inputs keep their shapes and what they were last fed with.
        """
        if how == "variables":
            self.interpreter.reset_all_variables()
            return
        shapes = {d["index"]: list(d["shape"]) for d in self.interpreter.get_input_details()}
        self.load(*self.loaded)
        for details in self.interpreter.get_input_details():
            if list(details["shape"]) != shapes[details["index"]]:
                self.interpreter.resize_tensor_input(details["index"], shapes[details["index"]])
        self.interpreter.allocate_tensors()
        for index, array in self.fed.items():
            self.interpreter.set_tensor(index, array)

    def compare(self, own, base, pairs, limit_s):
        """Sums over all runs of two models, for each pair of tensors with the same values.

        ``own`` and ``base`` are a path and a signature as for ``load``, inputs and rules as for
        ``predict``. A pair names a tensor
        of each: (index, scale, zero point, then the same of ``base``); a scale of 0 says that it
        holds real values. Returns float64, shape (pairs, 6): how many values there are; the sum of
        the squares of ``base``; of the squared differences; how many of ``base`` are so far
        outside of the range of ``own`` that they saturate; the sum of the squares of ``base`` less
        its mean over the runs, element by element (with one run, of ``base``); and the place of
        the pair that overwrote this one, else its own.
        """
        sums, totals = np.zeros((len(pairs), 4)), [0.0] * len(pairs)
        runs = len(next(iter(own[2].values())))
        for number in range(runs):
            sides = [self.after_run(*model, number, limit_s) for model in (own, base)]
            for place, (a, scale, zero, b, base_scale, base_zero) in enumerate(pairs):
                wanted = real(sides[1].get_tensor(b), base_scale, base_zero)
                sums[place] += compared(sides[0].get_tensor(a), scale, zero, wanted)
                totals[place] += wanted
        means = [(total**2).sum() / runs if runs > 1 else 0.0 for total in totals]
        covers = [covering(side, [pair[at] for pair in pairs]) for side, at in zip(sides, (0, 3))]
        return np.column_stack([sums, sums[:, 1] - means, np.max(covers, axis=0)])

    def after_run(self, path, signature, inputs, rules, number, limit_s):
        """An interpreter after one run of a model, with the values of all its tensors.

        A delegate would keep those between its operators to itself. Each run has an interpreter of
        its own, so that none finds what another one left in a stateful model.
        """
        arm(limit_s)
        resolver = sys.modules[self.interpreter_class.__module__].OpResolverType
        interpreter = self.opened(
            path,
            signature,
            experimental_op_resolver_type=resolver.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        shapes = {d["index"]: tuple(d["shape"]) for d in interpreter.get_input_details()}
        for index, array in inputs.items():
            if shapes[index] != array.shape[1:]:
                interpreter.resize_tensor_input(index, array.shape[1:])
        interpreter.allocate_tensors()
        for index, array in inputs.items():
            value = array[number, ...]
            value = quantised(value, *rules[index]) if index in rules else value
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return interpreter

    def run(self):
        """Run the model once on the inputs last fed."""
        for index, array in self.fed.items():
            self.interpreter.set_tensor(index, array)
        self.interpreter.invoke()

    def start_up(self, model, shapes, limit_s):
        """Load a model, allocate its tensors and run it once; each may take ``limit_s``.

        ``model`` is what ``load`` takes; ``shapes`` are those of the inputs to resize, by tensor
        index. Returns the nanoseconds of
        the three steps; and the CPU seconds that others have used since this process began (None
        where the system does not tell), of how many there were: the steps alone would be too short
        for the kernel's clock of them.
        """
        clock = time.perf_counter_ns
        gc.disable()
        arm(limit_s)
        begin = clock()
        self.load(*model)
        loaded = clock()
        arm(limit_s)
        for index, shape in shapes.items():
            self.interpreter.resize_tensor_input(index, shape)
        self.interpreter.allocate_tensors()
        allocated = clock()
        arm(limit_s)
        self.run()
        steps_ns = [loaded - begin, allocated - loaded, clock() - allocated]
        lived_s = time.perf_counter() - self.begin
        return steps_ns, of_others(self.used_at_begin, used()), lived_s * all_cores()

    def memory(self, model, shapes, limit_s, runs):
        """Load a model and run it so often.

        Returns bytes: resident before, the peak until then, and the peak after.
        """
        gc.collect()
        reset_peak()
        before, peak_before = resident()
        self.start_up(model, shapes, limit_s)
        for _ in range(runs - 1):
            arm(limit_s)
            self.run()
        return before, peak_before, resident()[1]

    def time_runs(self, min_runs, min_s, max_runs, max_s, limit_s, rewarm_s):
        """Time set_tensor + invoke in a loop with the inputs last fed.

        Ends at ``max_runs`` or ``max_s``, else as soon as both minima are reached; no single run
        may take longer than ``limit_s``. For ``rewarm_s`` before it, runs are not timed: something
        else may have run meanwhile. Returns the times in nanoseconds; and the CPU seconds that
        others used (None where the system does not tell), of how many there were.
        """
        set_tensor, invoke = self.interpreter.set_tensor, self.interpreter.invoke
        clock, inputs, samples = time.perf_counter_ns, list(self.fed.items()), []
        gc_was_enabled = gc.isenabled()
        gc.disable()
        try:
            begin = clock()
            while (clock() - begin) / 1e9 < rewarm_s:
                arm(limit_s)
                for index, array in inputs:
                    set_tensor(index, array)
                invoke()
            used_before = used()
            begin = clock()
            while len(samples) < max_runs:
                arm(limit_s)
                start = clock()
                for index, array in inputs:
                    set_tensor(index, array)
                invoke()
                end = clock()
                samples.append(end - start)
                ran_s = (end - begin) / 1e9
                if ran_s >= max_s or (ran_s >= min_s and len(samples) >= min_runs):
                    break
            used_after = used()
        finally:
            if gc_was_enabled:
                gc.enable()
        return np.array(samples, np.int64), of_others(used_before, used_after), ran_s * all_cores()

    def delegated(self):
        """Share of the operators that a delegate (XNNPACK) runs, and how many of each other kind.

        None where the runtime does not tell.
        """
        details = getattr(self.interpreter, "_get_ops_details", None)
        if details is None:
            return None
        try:
            nodes = details()
        except (RuntimeError, ValueError, KeyError):
            return None
        others = [op for op in nodes if op["op_name"] != "DELEGATE"]
        taken, left = taken_by_delegates(nodes), {}
        for op in others:
            if op["index"] not in taken:
                left[op["op_name"]] = left.get(op["op_name"], 0) + 1
        return len(taken) / max(len(others), 1), left

    def news(self, error):
        """An error's text without what was told before: a runtime collects its refusals."""
        text = str(error)
        if isinstance(error, RuntimeError) and text.startswith(self.told):
            self.told, text = text, text[len(self.told) :]
        return text


def arm(limit_s):
    """Let the kernel end this process when a native call does not return in time.

    The default action of SIGALRM needs no Python, so it also works while the GIL is held.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, limit_s)


def redirect_output(path):
    """Let what native code prints go to stderr, and that to a file, if one is named."""
    if path:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 2)
        os.close(file)
    os.dup2(2, 1)


def serve(channel):
    """Answer requests until the channel closes."""
    redirect_output(channel.receive())
    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
    agent = Agent()
    channel.send("ready")
    while True:
        try:
            operation, arguments, limit_s = channel.receive()
        except EOFError:
            return
        arm(limit_s)
        try:
            args, kwargs = unpack(arguments)
            start = time.perf_counter_ns()
            value = getattr(agent, operation)(*args, **kwargs)
            elapsed_ns = time.perf_counter_ns() - start
            answer = ("ok", pack(value), elapsed_ns)
        except Exception as error:
            answer = ("error", type(error).__name__, agent.news(error))
        arm(0)
        channel.send(answer)


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined]  # noqa: F821  (execnet provides it)
