"""What a pytest run holds: settings, devices, the converter and the records."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_edgeai.convert.converter import Converter
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.device.pool import Pool
    from pytest_edgeai.device.spec import DeviceSpec
    from pytest_edgeai.judge.baseline import Found
    from pytest_edgeai.model.dataset import Dataset
    from pytest_edgeai.model.preprocessing import Preprocessing
    from pytest_edgeai.model.profile import Profile
    from pytest_edgeai.model.source import ResolvedSource
    from pytest_edgeai.plugin.collection import Asked
    from pytest_edgeai.plugin.options import Settings
    from pytest_edgeai.plugin.subject import Subject

SECONDS_IF_CLEAR = 0.5
"""Of one measurement whose limit is far away: start, warm-up and runs; or six starts."""
FOLDER_FROM_CONTROLLER = "edgeai_folder"


class EdgeSession:
    """One per run, in ``config.stash``; makes what a test needs when it first needs it.

    Attributes:
        data: by fixture and number of inputs, what the fixture returned and the data set of it, for
            as long as the fixture lasts.
        stated_data: by fixture and preprocessing, what the options name.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self.settings = settings
        self._tally = {"converted": 0, "cached": 0}
        self._config = config
        self._devices: dict[str, Device | Pool] = {}
        self._predictions: dict[tuple[str, ...], Any] = {}
        self._profiles: dict[str, dict[str | int, Profile]] = {}
        self._in_both: dict[tuple[str, str], int] = {}
        self.stated_data: dict[tuple[str, Preprocessing | None], Dataset] = {}
        self.data: dict[tuple[str, int | None], tuple[object, Dataset]] = {}
        self.option_model_used = False
        self.broken_suites = 0

    @cached_property
    def folder(self) -> Path:
        """Files of this run; the workers of one xdist run share their controller's."""
        given = getattr(self._config, "workerinput", {}).get(FOLDER_FROM_CONTROLLER)
        return Path(given) if given else Path(tempfile.mkdtemp(prefix="edgeai-"))

    @cached_property
    def converter(self) -> Converter:
        """Made with the run's settings; imports nothing of TensorFlow."""
        from pytest_edgeai.convert.cache import ModelCache
        from pytest_edgeai.convert.converter import Converter
        from pytest_edgeai.plugin.progress import ProgressLine

        settings = self.settings
        keep = settings.use_cache and settings.cache_dir is not None
        return Converter(
            ModelCache(
                settings.cache_dir if keep and settings.cache_dir else self.folder / "cache"
            ),
            self.folder,
            int8_io=settings.int8_io,
            calibration_samples=settings.calibration_samples,
            limit_s=settings.convert_timeout,
            progress=ProgressLine(self._config),
        )

    def device(self, name: str) -> Device | Pool:
        """A device by its configured name.

        Raises:
            UsageError: no such device.
        """
        from pytest_edgeai.device.spec import device_specs

        if name not in self._devices:
            self._devices[name] = self._made(name, device_specs(name, self._config.rootpath))
        return self._devices[name]

    def _made(self, name: str, specs: tuple[DeviceSpec, ...]) -> Device | Pool:
        from dataclasses import replace

        from pytest_edgeai.device.device import Device
        from pytest_edgeai.device.pool import Pool
        from pytest_edgeai.plugin.progress import ProgressLine

        flags = {key: self._config.getoption(f"edge_{key}") for key in ("runtime", "threads")}
        progress, boards = ProgressLine(self._config), []
        for spec in specs:
            chosen = {
                key: flag if flag is not None else getattr(spec, key) or getattr(self.settings, key)
                for key, flag in flags.items()
            }
            boards.append(Device(replace(spec, **chosen), self.settings.call_timeout, progress))
        return boards[0] if len(boards) == 1 else Pool(name, boards, progress)

    def device_names(self) -> list[str]:
        """This machine, and the devices that are configured.

        Raises:
            UsageError: tables that cannot be read.
        """
        from pytest_edgeai.device.spec import LOCAL, device_tables

        return [LOCAL, *device_tables(self._config.rootpath)]

    def predictions(self, interpreter: Interpreter, data: Dataset) -> Any:
        """A model's answers on a data set; asked once per run for the same of both."""
        from pytest_edgeai.measure.predictions import predictions

        device = interpreter.device
        facts = interpreter.model.facts
        key = (facts.sha256, facts.signature, device.name, data.digest())
        if key not in self._predictions:
            with device.together(f"evaluation of {interpreter.model.name}"):
                self._predictions[key] = predictions(interpreter, data)
        return self._predictions[key]

    def profiles(self, data: Dataset) -> dict[str | int, Profile]:
        """What the values of each input of a data set are like."""
        from pytest_edgeai.model.profile import profiles

        key = data.digest()
        if key not in self._profiles:
            self._profiles[key] = profiles(data)
        return self._profiles[key]

    def samples_in_both(self, one: Dataset, other: Dataset) -> int:
        """How many samples of the second data set are in the first, too."""
        key = one.digest(), other.digest()
        if key not in self._in_both:
            known = set(one.fingerprints())
            self._in_both[key] = sum(sample in known for sample in other.fingerprints())
        return self._in_both[key]

    def source_predictions(self, source: ResolvedSource, data: Dataset) -> Any:
        """The answers of the source itself; asked once per run for the same of both."""
        answers = self.converter.source_predictions(source, data)
        return next(iter(answers.values())) if len(answers) == 1 else answers

    def find_baseline(self, interpreter: Interpreter) -> Found:
        """What an earlier run recorded of a model on its device."""
        from pytest_edgeai.judge.baseline import RECORDING
        from pytest_edgeai.report.baselines import Baselines

        if self.settings.save_baseline:
            return RECORDING
        return Baselines(self.settings.baseline).find(
            interpreter.device.name,
            fingerprint_of(interpreter),
            interpreter.model.name,
            interpreter.variant,
        )

    def save_baseline(self, subject: Subject) -> None:
        """Record what was measured of an interpreter.

        Raises:
            UsageError: the folder cannot be written.
        """
        from pytest_edgeai.errors import UsageError
        from pytest_edgeai.judge.baseline import Baseline, accuracy_baseline, latency_baseline
        from pytest_edgeai.report.baselines import Baselines

        own, facts = subject.interpreter, subject.interpreter.model.facts
        latency, accuracy = subject.own_latency, subject.known_accuracy
        baseline = Baseline(
            device=own.device.name,
            fingerprint=fingerprint_of(own),
            model=own.model.name,
            variant=own.variant,
            sha256=facts.sha256,
            size_bytes=facts.size_bytes,
            recorded=time.strftime("%Y-%m-%d", time.gmtime()),
            latency=latency_baseline(latency) if latency else None,
            accuracy=accuracy_baseline(accuracy) if accuracy else None,
        )
        try:
            path = Baselines(self.settings.baseline).save(baseline)
        except OSError as error:
            raise UsageError(
                f"the baseline cannot be written: {error}", "see --edge-baseline"
            ) from None
        subject.baseline_file = str(path)

    def conversions(self) -> dict[str, int]:
        """How many variants were converted, and how many were found in the cache."""
        own = self.converter.tally if "converter" in self.__dict__ else None
        return {
            "converted": self._tally["converted"] + (own.converted if own else 0),
            "cached": self._tally["cached"] + (own.cached if own else 0),
        }

    def count(self, tally: dict[str, int]) -> None:
        """Add the conversions of an xdist worker."""
        for key, number in tally.items():
            self._tally[key] += number

    def close(self) -> None:
        """Remove the files of this run, and leave the boards."""
        for device in self._devices.values():
            device.close()
        if "folder" in self.__dict__ and not hasattr(self._config, "workerinput"):
            shutil.rmtree(self.folder, ignore_errors=True)


def fingerprint_of(interpreter: Interpreter) -> dict[str, Any]:
    """What has to be the same where latency is compared."""
    from pytest_edgeai.judge.baseline import FINGERPRINT

    facts = {**vars(interpreter.device.facts), "threads": interpreter.threads}
    return {key: facts[key] for key in FINGERPRINT}


SESSION = pytest.StashKey[EdgeSession]()


def edge_session(config: pytest.Config) -> EdgeSession:
    """The run's session."""
    return config.stash[SESSION]


def header_lines(session: EdgeSession, devices: Iterable[str]) -> list[str]:
    """One line per device: what answers there, or why nothing does."""
    from pytest_edgeai.errors import EdgeAIError

    lines = []
    for name in devices:
        try:
            device = session.device(name)
            facts = device.facts
        except EdgeAIError as error:
            lines.append(f"edgeai: {error.message.splitlines()[0]}")
            continue
        threads = device.spec.threads or 1
        boards = getattr(device, "boards", ())
        several = f" ({len(boards)} boards)" if boards else ""
        lines.append(
            f"edgeai: device {name}{several}: {facts.runtime} {facts.runtime_version}, "
            f"{threads} thread{'s' if threads > 1 else ''}, Python {facts.python}, "
            f"{facts.cpu} ({facts.machine}, {facts.cores} cores)"
        )
    return lines


def time_estimate(asked: Iterable[Asked], settings: Settings) -> list[str]:
    """How long the measurements of these tests will take, in a line; none without any."""
    from pytest_edgeai import units

    latencies, starts, own_s = 0, 0, 0.0
    for test in asked:
        runs_s = [sum(b.own_seconds(device) for b in test.budgets) for device in settings.device]
        own_s += len(test.variants) * max(runs_s)
        timed = [
            {budget.threads for budget in test.budgets if budget.needs_latency(device)}
            for device in settings.device
        ]
        started = [
            {(b.marker, b.threads) for b in test.budgets if b.needs_starts(device)}
            for device in settings.device
        ]
        # With several devices there is a test for each; which one, only its fixture knows.
        latencies += len(test.variants) * max(map(len, timed))
        starts += len(test.variants) * max(map(len, started))
    parts = [units.count(latencies, "latency measurement")] if latencies else []
    parts += [units.count(starts, "memory or start-up measurement")] if starts else []
    parts += [f"sustained runs of {units.seconds(own_s)}"] if own_s else []
    if not latencies + starts:
        return [f"edgeai: {parts[0]}"] if parts else []
    most = (latencies + starts) * settings.max_seconds
    least = min((latencies + starts) * SECONDS_IF_CLEAR, most)
    what = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
    return [
        f"edgeai: {what}: {units.seconds(least + own_s)} if all is clear, "
        f"{units.seconds(most + own_s)} if nothing is, more if void"
    ]
