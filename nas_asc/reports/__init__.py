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
    TrainedModel,
    ensemble_with,
    ensembles_of,
    find_in_space,
    find_model,
    find_trained,
    report_ensembles,
    report_model,
    report_models,
    resolve,
    space_of,
    weights_digest,
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
    "ReportRow", "TrainedModel", "Verification", "count_ensemble", "count_members", "ensemble_json",
    "ensemble_with", "ensembles_of", "find_in_space", "find_model", "find_trained", "headline",
    "input_words", "layers_source", "load_report", "read_candidate", "read_ensembles",
    "read_saved_ensemble", "report_ensembles", "report_model", "report_models", "report_rows",
    "resolve", "space_of", "stored_model", "verify", "weights_digest",
]  # fmt: skip
