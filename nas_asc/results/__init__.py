"""What a search found: Pareto front as value, table, picture and page; drawings of networks."""

from nas_asc.results.figures.network import network_png, network_svg
from nas_asc.results.figures.network_rows import Diagram, diagram
from nas_asc.results.formatting import seed_captions, shorten, size_caption, vote_caption
from nas_asc.results.front_files import front_csv, write_front
from nas_asc.results.front_table import front_text
from nas_asc.results.pareto import Point
from nas_asc.results.summary import Summary, data_frame

__all__ = [
    "Diagram",
    "Point",
    "Summary",
    "data_frame",
    "diagram",
    "front_csv",
    "front_text",
    "network_png",
    "network_svg",
    "seed_captions",
    "shorten",
    "size_caption",
    "vote_caption",
    "write_front",
]
