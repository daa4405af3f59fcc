"""A value for any key of a stage, from its domain: a new block needs no line in a test."""

from nas_asc.spaces.schema import DOMAINS

TRIED = (6, 2, 0.25, 1, True, "2x2")


def value_of(key):
    domain = DOMAINS["stage"][key]
    return next(value for value in (*domain.words, *TRIED) if domain.accepts(value))
