"""``.tflite`` files that are ready to be tested."""

from __future__ import annotations

from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.proof import prove, proven_variant
from pytest_edgeai.model.source import ResolvedSource
from pytest_edgeai.model.tflite import Model, read_facts


def ready_variants(source: ResolvedSource) -> tuple[str, ...]:
    """What a source of ready files is: what a single file proves to be, else as they are named.

    Raises:
        ModelError: a single file that cannot be read.
    """
    if "" not in source.files:
        return tuple(source.files)
    return (proven_variant(read_facts(source.files[""], source.signature)),)


def ready_model(source: ResolvedSource, variant: str) -> Model:
    """The file of a variant, proven to be that.

    Raises:
        UsageError: there is no such file.
        ModelError: it cannot be read, or is something else.
    """
    path = source.files.get(variant) or source.files.get("")
    if path is None:
        raise UsageError(
            f"{source.name}: there is no {variant} file among {', '.join(source.files)}",
            f"add it: edge_model({variant.replace('-', '_')}='....tflite')",
        )
    facts = read_facts(path, source.signature)
    name = f"{path.name}:{source.signature}" if source.signature else path.name
    prove(facts, variant, name=name)
    return Model(path, name, variant, facts, source.name)
