"""Points and trials as rows, for spreadsheets and for pandas.

Conventions: each choice of a network is a column, named by its dotted path; what a network does not
have is missing in its row.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def choice_columns(choices: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the paths of all choices in one order that keeps that of each network if it can."""
    merged: list[str] = []
    for each in choices:
        place = 0
        for path in each:
            if path in merged:
                place = merged.index(path) + 1
            else:
                merged.insert(place, path)
                place += 1
    return merged


def data_frame(
    rows: Sequence[Mapping[str, object]],
    choices: Sequence[Mapping[str, object]],
    columns: Sequence[str],
) -> "pd.DataFrame":
    """Build a DataFrame with the columns named, then one per choice.

    Whole numbers stay whole where some are missing: such columns have pandas' nullable types.

    Args:
        rows: values by column.
        choices: of each row, by dotted path.
        columns: their order; needed where there are no rows.
    """
    import pandas as pd

    # Without pandas' guess, which makes 12.0 of 12 where others have no such choice.
    values = {name: pd.array([row.get(name) for row in rows]) for name in columns}
    for path in choice_columns(choices):
        values[path] = pd.array([each.get(path) for each in choices])
    return pd.DataFrame(values)
