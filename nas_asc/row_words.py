"""How the rows of a drawing are put into words."""

from collections.abc import Mapping, Sequence

from nas_asc.architecture import Architecture
from nas_asc.graph import Layer

_ARROW = "\N{RIGHTWARDS ARROW}"
_KINDS: Mapping[str, str] = {"avg": "average", "max": "maximum", "avg+max": "average + maximum"}


def describe(row: Sequence[Layer], sources: Sequence[Layer]) -> tuple[str, str]:
    """Give what a row does, and the normalisation and activation that go with it.

    Args:
        row: its layers, in order.
        sources: layers outside that feed it.
    """
    if ".se." in row[0].name:
        reduce = next(layer for layer in row if layer.op == "conv")
        channels = row[-1].shape[0]
        return f"squeeze-excite {channels}{_ARROW}{reduce.shape[0]}{_ARROW}{channels}", ""
    main = next((layer for layer in row if layer.op in ("conv", "linear")), row[0])
    before = row.index(main)
    words = [_word(layer) for layer in row if layer is not main]
    lead = "".join(word + ", " for word in words[:before])
    channels = (row[before - 1] if before else sources[0]).shape[0] if sources else 0
    return lead + _branch(main) + _operation(main, channels), ", ".join(words[before:])


def describe_stage(architecture: Architecture, name: str) -> str:
    """Say what stands behind the name of a block: its kind, or what the front end gives."""
    section = architecture.sections.get(name.split(".")[0], {})
    if name == "input":
        frontend = architecture.frontend
        if frontend.kind == "waveform":
            return f"waveform, {frontend.sample_rate_hz} Hz"
        second = f" and {frontend.second_window}" if frontend.second_window else ""
        return (
            f"log-mel, window {frontend.window}{second}, hop {frontend.hop}, "
            f"{frontend.sample_rate_hz} Hz"
        )
    return str(section.get("block", "conv" if name == "stem" else ""))


def _branch(layer: Layer) -> str:
    """Name the part of a block that a layer is in, such as a shortcut."""
    parts = [part for part in layer.name.split(".")[1:-1] if not part.isdecimal()]
    shortcut = layer.name.endswith(".shortcut")
    return f"{parts[0].replace('_', ' ')}: " if parts else "shortcut: " if shortcut else ""


def _operation(layer: Layer, channels: int) -> str:
    values = layer.attributes
    if layer.op == "conv":
        kernel, stride, _, groups = values
        depthwise = groups == channels == layer.shape[0] and (channels > 1 or "depth" in layer.name)
        steps = "" if set(stride) == {1} else f" /{_extent(stride)}"  # type: ignore[call-overload]  # tuples of ints
        change = f" {channels}" if depthwise else f" {channels}{_ARROW}{layer.shape[0]}"
        return f"{'depthwise' if depthwise else 'conv'} {_extent(kernel)}{steps}{change}"
    if layer.op == "linear":
        return f"linear {channels}{_ARROW}{layer.shape[0]}"
    if layer.op == "pool":
        kind, kernel, stride, _ = values
        steps = "" if kernel == stride else f" /{_extent(stride)}"
        return f"{kind} pool {_extent(kernel)}{steps}"
    if layer.op == "global_pool":
        return f"global {_KINDS[str(values[0])]}"
    if layer.op == "input":
        return "input" if layer.index == 0 else "second input: mean spectrum"
    return _word(layer)


def _word(layer: Layer) -> str:
    if layer.op == "norm":
        return "norm per mel bin" if layer.attributes[0] == 1 else "norm"
    if layer.op == "act":
        return str(layer.attributes[0])
    if layer.op == "dropout":
        rate, kind = layer.attributes
        return f"dropout {rate}" if kind == "plain" else f"{kind} dropout {rate}"
    return {"concat": "concatenate"}.get(layer.op, layer.op)


def _extent(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
