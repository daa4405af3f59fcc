"""What the technical reports say beside their networks: `[report]` of the study named after each.

Conventions: words are the report's facts, reworded; accuracies are shares, 0 to 1, macro unless a
row says otherwise. Numbers with a point are Decimals: they keep the digits that are printed.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nas_asc.shipped import shipped

Rows = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Report:
    """One technical report; models and ensembles go by their id.

    Attributes:
        own: `data`, `split` or `features` of a network where they are not those of the report.
        training: how each network was trained, in words.
        results: what it reached: rows of `of` (what was judged: all, a class or a device),
            `accuracy` and `log_loss`, `system` if there are several, and `source` where the
            figures are not those of the report's tables.
        baseline: `name` and such `rows` of what the report compares itself with; empty if nothing.
        confusion: matrices of shares, a column per true class: `of` (id), `system`, `classes`,
            `rows` (one per predicted class).
        layers: the rows of the report's layer table, as `report_rows` reads them.
        open_points: what does not agree or is not given: `where`, `printed`, `resolution`, and `of`
            (ids) where it concerns some networks only.
    """

    title: str
    authors: str
    challenge: str
    data: str
    split: str
    features: str
    own: Mapping[str, Mapping[str, str]]
    training: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, Rows]
    baseline: Mapping[str, Any]
    confusion: Rows
    layers: Mapping[str, Mapping[str, Any]]
    open_points: Rows

    def said(self, model_id: str) -> dict[str, str]:
        """Return the data, their split and the features of a model or ensemble, as far as said."""
        general = {"data": self.data, "split": self.split, "features": self.features}
        said = {**general, **self.own.get(model_id, {})}
        return {name: text for name, text in said.items() if text}

    def open_points_of(self, model_id: str) -> list[Mapping[str, Any]]:
        """Return the open points of a model or ensemble first, then those of the whole report."""
        special = [point for point in self.open_points if model_id in point.get("of", ())]
        return special + [point for point in self.open_points if "of" not in point]


def load_report(name: str) -> Report:
    """Read what the report called `name` says; nothing where none is shipped."""
    path = shipped("studies").get(name)
    tables = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal) if path else {}
    if "report" not in tables:
        return Report("", "", "", "", "", "", {}, {}, {}, {}, (), {}, ())
    table = dict(tables["report"])
    return Report(
        own=table.pop("own", {}),
        training=_resolved(table.pop("training")),
        results={of: tuple(found["rows"]) for of, found in table.pop("results").items()},
        baseline=table.pop("baseline", {}),
        confusion=tuple(table.pop("confusion", ())),
        layers=_resolved(table.pop("layers")),
        open_points=tuple(table.pop("open_points")),
        **table,
    )


def _resolved(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return tables; one that is `like` another has the other's keys too."""
    found = {of: {**tables.get(own.get("like", ""), {}), **own} for of, own in tables.items()}
    return {of: {k: v for k, v in own.items() if k != "like"} for of, own in found.items()}
