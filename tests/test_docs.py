"""The documentation names every command, option, key and default, and its examples work."""

import re
import tomllib
from inspect import signature
from pathlib import Path
from random import Random

import click
import pytest
import torch

from nas_asc.assembly import STAGE_DEFAULTS
from nas_asc.blocks import BLOCKS
from nas_asc.cli import COMMANDS, cli
from nas_asc.frontend import FrontEnd
from nas_asc.head import head
from nas_asc.library import load_space
from nas_asc.network import build
from nas_asc.pruning_counts import pruning_of
from nas_asc.rules import RULES

DOCS = Path(__file__).parent.parent / "docs"
SPACES = (DOCS / "search_spaces.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(
        r"^## `nas-asc (\w+)`\n(.*?)(?=^## |\Z)",
        (DOCS / "commands.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
)


def commands():
    """Give every command with the names of those that stand below it."""
    for name in COMMANDS:
        command = cli.get_command(None, name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((name, command.commands[below]) for below in command.commands)


def test_every_command_has_a_section():
    assert set(SECTIONS) == set(COMMANDS)


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_is_in_the_section_of_its_command(name, command):
    options = [o for p in command.params if isinstance(p, click.Option) for o in p.opts]
    missing = [o for o in options if o.startswith("--") and f"`{o}`" not in SECTIONS[name]]
    assert missing == []


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_subcommand_is_in_the_section(name, command):
    assert name == command.name or f"`{name} {command.name} " in SECTIONS[name]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_named(rule):
    assert f"`{rule}`" in (DOCS / "rules.md").read_text(encoding="utf-8")


def defaults():
    """Give every default of the language: (block or section, key, value)."""
    for key, value in STAGE_DEFAULTS.items():
        yield "stage", key, value
    functions = {**BLOCKS, "head": head}
    for where, function in functions.items():
        for key, parameter in signature(function).parameters.items():
            if parameter.default is not parameter.empty:
                yield where, key, parameter.default
    for key, value in FrontEnd.__dataclass_fields__.items():
        if key in ("n_fft", "center", "window_function", "mean_spectrum", "second_window"):
            yield "frontend", key, value.default
    yield (
        "compression",
        "prune_classifier",
        pruning_of({"pruning": "magnitude", "sparsity": 0.5}).classifier,
    )


# Not defaults of the language: a space has to say these where they are in use.
SAID = {"activation", "pooling", "dense_activation", "block", "width"}
TABLE = re.search(r"## What may be left out\n(.*?)\n## ", SPACES, re.DOTALL)[1]


def documented():
    """Give the default that the page names for a (block or section, key) or a key."""
    for keys, text in re.findall(r"^\| (`.*`) \| (.*) \|$", TABLE, re.MULTILINE):
        usual, *exceptions = text.replace("`", "").split("; ")
        for key in re.findall(r"`(\w+)`", keys):
            yield key, usual.split(":")[0]
            for exception in exceptions:
                _, where, value = exception.split(" ")
                yield (where, key), value


NAMED = dict(documented())


@pytest.mark.parametrize(("where", "key", "value"), [d for d in defaults() if d[1] not in SAID])
def test_every_default_is_named_as_it_is(where, key, value):
    branch = value == -1  # of an inception block: as wide as the others
    assert NAMED.get((where, key), NAMED[key]) == ("width" if branch else str(value).lower())


def test_the_example_builds(tmp_path):
    text = re.search(r"```toml\n(.*?)```", SPACES, re.DOTALL)[1]
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    space = load_space(str(path))
    rng = Random(0)
    model = space.models[next(iter(tomllib.loads(text)["models"]))]

    for architecture in (model.architecture, *(space.random(rng) for _ in range(5))):
        network = build(architecture, model.classes, model.clip_s).eval()
        with torch.no_grad():
            assert network(*network.example_inputs()).shape == (1, model.classes)
