"""What a SavedModel does not tell of the Keras model that it was exported from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = "keras_facts.json"


@dataclass(frozen=True)
class KerasFacts:
    """Written beside ``saved_model.pb``.

    Attributes:
        outputs: names in the model's order; none where there is one output, or a structure.
        layers: names of all layers, the nested ones too.
        policy: the mixed precision that the model was exported without; "" where it has none.
        keras_3: whether Keras 3 exported it, which opens the scope of a layer twice.
    """

    outputs: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    policy: str = ""
    keras_3: bool = False

    def write(self, folder: Path) -> None:
        """Write them into the folder of a SavedModel."""
        (folder / FILE).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> KerasFacts:
        """The facts in a folder; empty ones for a SavedModel that somebody else exported."""
        try:
            content = json.loads((folder / FILE).read_text())
        except FileNotFoundError:
            return cls()
        outputs, layers = (tuple(content[key]) for key in ("outputs", "layers"))
        return cls(outputs, layers, content["policy"], content["keras_3"])
