"""Measuring the latency of all interpreters of a test, in turns."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.measure.latency import Timing, described, measure_latency, wait_until_calm

if TYPE_CHECKING:
    from pytest_edgeai.plugin.subject import Subject


def time_subjects(subjects: list[Subject], max_seconds: float) -> None:
    """Take the samples that the budgets of these subjects are judged on.

    What comes out void is measured once more, after waiting until its device is calm.
    """
    with ExitStack() as opened:
        asked = [
            (subject, threads, interpreter)
            for subject in subjects
            for threads in subject.timed_threads
            if (interpreter := _interpreter(subject, threads, opened)) is not None
        ]
        wanted = [subject.timing(threads, own) for subject, threads, own in asked]
        for (subject, threads, _), found in zip(
            asked, measure_latency(wanted, max_seconds), strict=True
        ):
            subject.measured[threads] = found
        void = [
            (subject, threads, own, why)
            for subject, threads, own in asked
            if (why := subject.void_reason(threads))
        ]
        if void:
            wait_until_calm(void[0][2], max_seconds)
            again = [Timing(own, subject.undecided(threads)) for subject, threads, own, _ in void]
            for (subject, threads, _, why), found in zip(
                void, measure_latency(again, max_seconds), strict=True
            ):
                subject.measured[threads] = found
                if not isinstance(found, EdgeAIError):
                    found.conditions["first_void"] = why
        for subject in subjects:
            subject.measured = {
                threads: found if isinstance(found, EdgeAIError) else described(found)
                for threads, found in subject.measured.items()
            }


def _interpreter(subject: Subject, threads: int, opened: ExitStack) -> Interpreter | None:
    """Of a subject, with so many threads; what keeps it from being opened is what was measured."""
    try:
        return with_threads(subject.interpreter, threads, opened)
    except EdgeAIError as error:
        subject.measured[threads] = error
        return None


def with_threads(own: Interpreter, threads: int | None, opened: ExitStack) -> Interpreter:
    """An interpreter, or another of the same model with other threads and the same inputs."""
    own.fill_inputs()
    if threads in (None, own.threads):
        return own
    other = opened.enter_context(Interpreter(own.device, own.model, threads))
    other.take_inputs(own)
    return other
