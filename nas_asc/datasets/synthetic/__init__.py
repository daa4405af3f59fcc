"""Synthetic acoustic scenes: made-up sources, places and devices, written as a data set folder."""

from nas_asc.datasets.synthetic.writer import synthetic_dataset, write_synthetic

__all__ = ["synthetic_dataset", "write_synthetic"]
