"""Published networks and ensembles, printed against counted; found by id, file or run."""

from nas_asc.reports.ensemble import (
    ENSEMBLE,
    Candidate,
    Ensemble,
    EnsembleReference,
    Member,
    count_ensemble,
    count_members,
    ensemble_json,
    read_candidate,
    read_ensembles,
    read_saved_ensemble,
    stored_model,
)
from nas_asc.reports.lookup import (
    ensemble_with,
    ensembles_of,
    find_in_space,
    report_ensembles,
    report_model,
    report_models,
    resolve,
)
from nas_asc.reports.report import Report, load_report
from nas_asc.reports.verification import (
    COUNTED,
    ReportRow,
    Verification,
    headline,
    input_words,
    layers_source,
    report_rows,
    verify,
)

__all__ = [
    "COUNTED", "ENSEMBLE", "Candidate", "Ensemble", "EnsembleReference", "Member", "Report",
    "ReportRow", "Verification", "count_ensemble", "count_members", "ensemble_json",
    "ensemble_with", "ensembles_of", "find_in_space", "headline", "input_words",
    "layers_source", "load_report", "read_candidate", "read_ensembles", "read_saved_ensemble",
    "report_ensembles", "report_model", "report_models", "report_rows", "resolve",
    "stored_model", "verify",
]  # fmt: skip
