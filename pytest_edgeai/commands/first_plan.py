"""What ``edgeai init`` can say of a model before anything was measured."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_edgeai.device.spec import LOCAL
from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.model.preprocessing import Color, Preprocessing, Scaling
from pytest_edgeai.model.source import ModelSource, ResolvedSource, resolve


@dataclass(frozen=True)
class Plan:
    """What is to be measured, and where the suite goes.

    Attributes:
        model: the source or the ``.tflite`` file.
        signature: which one is meant, where that is said.
        is_converted: whether it is a source.
        folder: where the suite goes; paths in it count from there.
        variants: what the model is tested as.
        has_labels: whether the evaluation data can tell an accuracy.
        preprocessing: how folders of images are read.
        device: where it is measured; None for this machine.
        margin: share of a measured value that its limit leaves.
    """

    model: Path
    signature: str | None
    is_converted: bool
    folder: Path
    variants: tuple[str, ...]
    calibration_data: Path | None
    evaluation_data: Path | None
    has_labels: bool
    preprocessing: Preprocessing | None
    device: str | None
    margin: float

    @property
    def files(self) -> dict[Path, None]:
        """The model and the data, each once."""
        found = (self.model, self.calibration_data, self.evaluation_data)
        return dict.fromkeys(path for path in found if path is not None)

    @property
    def not_tested(self) -> list[str]:
        """What there is no data for, and how to add it."""
        found = []
        if self.is_converted and self.calibration_data is None:
            found.append("int8 is not tested: it needs --calibration-data with typical inputs")
        if self.evaluation_data is None:
            found.append("accuracy is not tested: it needs --evaluation-data with labels")
        elif not self.has_labels:
            found.append(f"accuracy is not tested: {self.evaluation_data.name} has no labels")
        return found


def make_plan(
    model: ModelSource,
    data: dict[str, Path],
    scaling: Scaling | None,
    folder: Path,
    device: str | None,
    margin: float,
) -> Plan:
    """Look at the model and the data.

    Args:
        data: ``calibration_data`` and ``evaluation_data``, as far as there are any.
        scaling: of the pixels, for folders of images.

    Raises:
        EdgeAIError: the model or the data cannot be read.
    """
    from pytest_edgeai.plugin.data import read_data

    source = _source(model)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is no folder")
    if not folder.parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent}", "make it first")
    how = _preprocessing(source, scaling, [path for path in data.values() if path.is_dir()])
    read = {key: read_data(path, None, how, key) for key, path in data.items()}
    assert source.path is not None
    return Plan(
        model=source.path.absolute(),
        signature=model.signature,
        is_converted=source.kind != "tflite",
        folder=folder,
        variants=_variants(source, "calibration_data" in data),
        calibration_data=data.get("calibration_data"),
        evaluation_data=data.get("evaluation_data"),
        has_labels="evaluation_data" in read and read["evaluation_data"].labels is not None,
        preprocessing=how,
        device=None if device == LOCAL else device,
        margin=margin,
    )


def _source(model: ModelSource) -> ResolvedSource:
    try:
        source = resolve(model, [Path.cwd()])
    except UsageError as error:
        raise UsageError(error.message.removeprefix("edge_model: "), error.hint) from None
    if source.path is None:
        raise UsageError(
            f"{model.location} is no file", "save the model first: model.save('model.keras')"
        )
    return source


def _variants(source: ResolvedSource, is_calibrated: bool) -> tuple[str, ...]:
    from pytest_edgeai.model.ready import ready_variants

    if source.kind == "tflite":
        return ready_variants(source)
    return ("converted", "dynamic", "int8") if is_calibrated else ("converted", "dynamic")


def _preprocessing(
    source: ResolvedSource, scaling: Scaling | None, folders: Sequence[Path]
) -> Preprocessing | None:
    """How folders of images are read, as far as the model tells."""
    if not folders:
        return None
    if scaling is None:
        raise UsageError(
            f"{folders[0]} is a folder of images, and what their pixels are scaled to is not said",
            "add --scaling=0..1, --scaling=-1..1 or --scaling=0..255, as in training",
        )
    shape = _input_shape(source)
    if len(shape) != 4 or shape[3] not in (1, 3) or min(shape[1:]) < 1:
        raise UsageError(
            f"{source.name} takes inputs of shape {list(shape)}, which are no images of one size",
            "give an .npz with x and y instead",
        )
    color: Color = "gray" if shape[3] == 1 else "rgb"
    return Preprocessing(size=(shape[1], shape[2]), scaling=scaling, color=color)


def _input_shape(source: ResolvedSource) -> tuple[int, ...]:
    from pytest_edgeai.convert.cache import ModelCache
    from pytest_edgeai.convert.converter import Converter
    from pytest_edgeai.model.tflite import read_facts

    if source.kind == "tflite":
        return read_facts(source.files[""], source.signature).inputs[0].shape_signature
    with tempfile.TemporaryDirectory() as name:
        converter = Converter(ModelCache(Path(name) / "cache"), Path(name))
        found = converter.convert(source, ["converted"], None)["converted"]
        if isinstance(found, EdgeAIError):
            raise found
        return found.model.facts.inputs[0].shape_signature
