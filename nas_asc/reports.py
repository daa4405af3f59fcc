"""What the technical reports say beside their networks: `[report]` of the study named after each.

Conventions: words are the report's facts, reworded; accuracies are shares, 0 to 1, macro unless a
row says otherwise.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas_asc.library import find


@dataclass(frozen=True)
class Report:
    """One technical report.

    Attributes:
        training: how each network was trained, in words, by model id.
        results: what it reached, by id of model or ensemble: rows of `of` (what was judged: all, a
            class or a device), `accuracy` and `log_loss`, and `system` if there are several.
        open_points: what does not agree or is not given: `where`, `printed`, `resolution`.
    """

    title: str
    authors: str
    challenge: str
    data: str
    split: str
    features: str
    training: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, tuple[Mapping[str, Any], ...]]
    open_points: tuple[Mapping[str, str], ...]


def load_report(name: str) -> Report:
    """Read what the report called `name` says.

    Raises:
        ConfigError: there is no study of that name.
    """
    path = find("studies", name, "report")
    table = dict(tomllib.loads(path.read_text(encoding="utf-8"))["report"])
    training = table.pop("training")
    return Report(
        training={
            model_id: training[words["like"]] if "like" in words else words
            for model_id, words in training.items()
        },
        results={of: tuple(found["rows"]) for of, found in table.pop("results").items()},
        open_points=tuple(table.pop("open_points")),
        **table,
    )
