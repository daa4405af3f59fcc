"""`architecture.json`: an architecture with its classes, clip length and counting rule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nas_asc.architectures import Architecture
from nas_asc.errors import ConfigError, short_repr
from nas_asc.spaces.schema import MODEL_DOMAINS
from nas_asc.spaces.space_file import check_architecture

ARCHITECTURE = "architecture.json"
# In the name of a folder that is being written, between the name it will have and one of its own.
UNFINISHED = ".part"


@dataclass(frozen=True)
class StoredArchitecture:
    """What such a file holds.

    Attributes:
        classes: number of classes.
        class_names: in the order of the logits; none where the file has their number alone.
        clip_s: clip length in seconds.
        rule: id of the counting rule that it was made for.
    """

    architecture: Architecture
    classes: int
    class_names: tuple[str, ...]
    clip_s: float
    rule: str


def architecture_json(
    architecture: Architecture, class_names: Sequence[str], clip_s: float, rule: str
) -> dict[str, object]:
    """Return what is written into such a file."""
    described = {"classes": list(class_names), "clip_s": clip_s, "rule": rule}
    return {**architecture.to_dict(), **described}


def read_architecture(path: Path) -> StoredArchitecture:
    """Read such a file; it may give a number of classes and leave out the rule, which is `plain`.

    Raises:
        ConfigError: there is none, or it is not valid; the message has every fault.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        classes, clip_s, rule = data["classes"], data["clip_s"], data.get("rule", "plain")
    except OSError as error:
        raise ConfigError(f"{path}: expected an architecture, {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ConfigError(
            f"{path}: expected JSON with an architecture, classes and clip_s, as in models/TRIAL"
        ) from None
    faults = []
    try:
        architecture = Architecture.from_dict(data)
        check_architecture(architecture)
    except ConfigError as error:
        faults += str(error).splitlines()
    names: tuple[str, ...] = ()
    if isinstance(classes, list):
        if all(isinstance(name, str) for name in classes) and len({*classes}) == len(classes):
            names, classes = tuple(classes), len(classes)
        else:
            faults.append(
                f"classes: expected different names or their number, got {short_repr(classes)}"
            )
            classes = 2  # said once
    for key, value in (("classes", classes), ("clip_s", clip_s), ("rule", rule)):
        if not MODEL_DOMAINS[key].accepts(value):
            faults.append(f"{key}: {MODEL_DOMAINS[key].error_message(value)}")
    if faults:
        raise ConfigError("\n".join(f"{path}: {fault}" for fault in faults))
    return StoredArchitecture(architecture, classes, names, float(clip_s), rule)
