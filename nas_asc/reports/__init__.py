"""Published networks and ensembles, printed against counted; found by id, file or run."""

from nas_asc.reports.description import headline, input_words
from nas_asc.reports.ensemble import Ensemble, count_ensemble, count_members
from nas_asc.reports.ensemble_file import (
    ENSEMBLE,
    ensemble_json,
    read_ensembles,
    read_saved_ensemble,
)
from nas_asc.reports.lookup import (
    Target,
    ensemble_with,
    ensembles_of,
    find_in_space,
    report_ensembles,
    report_model,
    report_models,
    resolve,
)
from nas_asc.reports.report import Report, report_of
from nas_asc.reports.verification import (
    COUNTED,
    Counted,
    MemberCost,
    ReportRow,
    Verification,
    layers_source,
    member_costs,
    report_rows,
    verify,
)

__all__ = [
    "COUNTED",
    "ENSEMBLE",
    "Counted",
    "Ensemble",
    "MemberCost",
    "Report",
    "ReportRow",
    "Target",
    "Verification",
    "count_ensemble",
    "count_members",
    "ensemble_json",
    "ensemble_with",
    "ensembles_of",
    "find_in_space",
    "headline",
    "input_words",
    "layers_source",
    "member_costs",
    "read_ensembles",
    "read_saved_ensemble",
    "report_ensembles",
    "report_model",
    "report_models",
    "report_of",
    "report_rows",
    "resolve",
    "verify",
]
