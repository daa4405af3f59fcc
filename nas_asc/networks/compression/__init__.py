"""What makes a network smaller: fewer weights, fewer bits, and the stored form of both."""

from nas_asc.networks.compression.stored import restore, store

__all__ = ["restore", "store"]
