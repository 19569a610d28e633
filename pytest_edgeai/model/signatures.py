"""Which of a model's signatures is meant; a converter's process asks it as well."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pytest_edgeai.errors import ModelError

USUAL = "serving_default"
"""The signature that is meant where a model has it and none is named."""
_NAME_IT = (
    'name the one to test: edge_model(..., signature="{0}"), signature = "{0}" in an .edge.toml '
    "file, or --edge-signature={0}; for edgeai init --signature={0}"
)


@dataclass(frozen=True)
class SignatureTexts:
    """A signature's key, and its inputs and outputs as ``tensor_text`` describes them."""

    key: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}({', '.join(self.inputs)}) -> {', '.join(self.outputs) or 'nothing'}"


def tensor_text(name: str, dtype: str, shape: Iterable[int | None]) -> str:
    """``x: float32 [any, 28, 28]``; a size that may change is None or -1."""
    sizes = ", ".join("any" if size in (None, -1) else str(size) for size in shape)
    return f"{name}: {dtype} [{sizes}]"


def chosen_signature(named: str, signatures: Sequence[SignatureTexts], what: str) -> str:
    """The key of the signature that is meant; "" where a model has none and none is named.

    Args:
        named: the key that the model's source names, or "".
        what: the model, for messages.

    Raises:
        ModelError: there is no signature of that name; or several and none is named, none of them
            the usual one.
    """
    keys = [signature.key for signature in signatures]
    if named in keys:
        return named
    lines = "".join(f"\n- {signature}" for signature in signatures)
    if named:
        near = get_close_matches(named, keys, 1) or keys
        known = f"these:{lines}" if keys else "none at all"
        raise ModelError(
            f"{what} has no signature {named!r}; it has {known}",
            _NAME_IT.format(near[0]) if near else "leave the signature out",
        )
    if len(keys) < 2:
        return "".join(keys)
    if USUAL in keys:
        return USUAL
    raise ModelError(
        f"{what} has {len(keys)} signatures, and which one is meant is not said:{lines}",
        _NAME_IT.format(keys[0]),
    )
