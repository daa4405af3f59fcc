"""Search spaces: TOML to choices to an architecture, and how much of one fits."""

from nas_asc.spaces.feasibility import (
    Feasibility,
    check_that_something_fits,
    excess,
    feasibility,
    repaired,
    shown_measures,
    smallest,
)
from nas_asc.spaces.mutations import mutations, one_choice_mutations
from nas_asc.spaces.schema import ENSEMBLE_KEYS, MEMBER_KEYS, PRINTED_KEYS, table_faults, words
from nas_asc.spaces.space import Parameter, ReportModel, SearchSpace
from nas_asc.spaces.space_file import (
    ARCHITECTURE,
    StoredArchitecture,
    architecture_json,
    load_space,
    read_architecture,
)

__all__ = [
    "ARCHITECTURE", "ENSEMBLE_KEYS", "MEMBER_KEYS", "PRINTED_KEYS", "Feasibility", "Parameter",
    "ReportModel", "SearchSpace", "StoredArchitecture", "architecture_json",
    "check_that_something_fits", "excess", "feasibility", "load_space", "mutations",
    "one_choice_mutations", "read_architecture", "repaired", "shown_measures", "smallest",
    "table_faults", "words",
]  # fmt: skip
