"""What makes a network smaller: fewer weights, fewer bits, and the stored form of both."""

from nas_asc.compression.stored import restore, store

__all__ = ["restore", "store"]
