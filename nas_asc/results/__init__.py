"""What a search found: Pareto front as value, table, picture and page; drawings of networks."""

from nas_asc.results.evaluation import (
    CALIBRATION_BINS,
    FEWEST_GROUPS,
    RESAMPLES,
    Evaluation,
    Interval,
    Part,
)
from nas_asc.results.evaluation_files import (
    evaluation_csv,
    evaluation_header,
    evaluation_notes,
    evaluation_table,
    submission,
    write_evaluation,
    write_file,
)
from nas_asc.results.figures.network import network_picture
from nas_asc.results.figures.network_rows import Diagram, diagram
from nas_asc.results.finals import Finals, Retraining
from nas_asc.results.formatting import (
    columns,
    header,
    notes,
    sections,
    seed_captions,
    shorten,
    size_caption,
    vote_caption,
)
from nas_asc.results.front_files import front_csv, write_front
from nas_asc.results.pareto import POINT_COLUMNS, SMALLEST_SIZE_BYTES, Point, guessing_error
from nas_asc.results.summary import Summary, data_frame

__all__ = [
    "CALIBRATION_BINS", "FEWEST_GROUPS", "POINT_COLUMNS", "RESAMPLES", "SMALLEST_SIZE_BYTES",
    "Diagram", "Evaluation", "Finals", "Interval", "Part", "Point", "Retraining", "Summary",
    "columns", "data_frame", "diagram", "evaluation_csv", "evaluation_header", "evaluation_notes",
    "evaluation_table", "front_csv", "guessing_error", "header", "network_picture", "notes",
    "sections", "seed_captions", "shorten", "size_caption", "submission", "vote_caption",
    "write_evaluation", "write_file", "write_front",
]  # fmt: skip
