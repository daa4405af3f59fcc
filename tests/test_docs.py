"""The documentation names every command, option, key and default, and its examples work."""

import re
import tomllib
from inspect import signature
from pathlib import Path
from random import Random

import click
import pytest
import torch

from nas_asc.architectures.architecture import STAGE_DEFAULTS
from nas_asc.architectures.blocks import BLOCKS
from nas_asc.architectures.frontend import FrontEnd
from nas_asc.architectures.head import head
from nas_asc.cli import cli
from nas_asc.commands import COMMANDS
from nas_asc.complexity.counting import count
from nas_asc.complexity.pruning import pruning_of
from nas_asc.complexity.rules import RULES, counting_rule
from nas_asc.errors import ConfigError
from nas_asc.networks.network import build
from nas_asc.spaces.space_file import load_space
from nas_asc.study.recipe import Recipe
from nas_asc.training.orders import ORDERS
from nas_asc.training.parts import LOSSES, OPTIMIZERS, parts_of
from nas_asc.training.schedules import SCHEDULES

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


def _is_shown(parameter):
    return isinstance(parameter, click.Option) and not parameter.hidden


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_option_is_in_the_section_of_its_command(name, command):
    options = [
        o for p in command.params if isinstance(p, click.Option) and not p.hidden for o in p.opts
    ]
    missing = [o for o in options if o.startswith("--") and f"`{o}`" not in SECTIONS[name]]
    assert missing == []


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_subcommand_is_in_the_section(name, command):
    assert name == command.name or f"`{name} {command.name} " in SECTIONS[name]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_named(rule):
    assert f"`{rule}`" in (DOCS / "rules.md").read_text(encoding="utf-8")


def defaults():
    """Give the defaults of the language and of the blocks named: (block or section, key, value)."""
    for key, value in STAGE_DEFAULTS.items():
        yield "stage", key, value
    named = {name: block.add for name, block in BLOCKS.items() if f"`{name}`" in SPACES}
    functions = {**named, "head": head}
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
        pruning_of({"pruning": "magnitude", "sparsity": 0.5}).prune_classifier,
    )


# Not defaults of the language: a space has to say these where they are in use.
SAID = {"activation", "pooling", "dense_activation", "block", "width", "units"}
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
    branch = key.startswith("width_")  # of an inception block: as wide as the others
    assert NAMED.get((where, key), NAMED[key]) == ("width" if branch else str(value).lower())


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Write the worked example of the page with some of it replaced, and give its path."""
    monkeypatch.chdir(tmp_path)

    def write(*changes):
        text = re.search(r"```toml\n(.*?)```", SPACES, re.DOTALL)[1]
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        Path("mine.toml").write_text(text, encoding="utf-8")
        return "mine.toml"

    return write


def test_the_model_of_the_example_has_as_many_parameters_as_the_page_says(example):
    model = load_space(example()).models["mine"]
    counted = count(model.architecture, model.classes, model.clip_s, counting_rule(model.rule))
    # stem: 3 x 5 kernels from 1 to 8 channels, 8 scales and 8 shifts of the norm    120 + 16 = 136
    # stage1: 3 x 3 on each of 8 channels, 1 x 1 from 8 to 16, norm of 16        72 + 128 + 32 = 232
    # head: linear from 16 to 10 with a bias                                         160 + 10 = 170
    assert counted.counted_params == 538
    assert "`nas-asc count mine.toml:mine` counts as many: 538 parameters." in SPACES
    assert model.printed == {"params": 538}


def test_the_faults_of_the_page_are_those_of_the_example(example):
    path = example(("width = [12, 16]", 'width = [12, "x"]'), ('rule = "plain"', 'rule = "plane"'))
    with pytest.raises(ConfigError) as error:
        load_space(path)
    assert re.findall(r"^error: (mine\.toml:.*)$", SPACES, re.M) == str(error.value).splitlines()


def test_the_example_builds(example):
    space = load_space(example())
    rng = Random(0)
    model = space.models["mine"]

    for architecture in (model.architecture, *(space.random(rng) for _ in range(5))):
        network = build(architecture, model.classes, model.clip_s).eval()
        with torch.no_grad():
            assert network(*network.example_inputs()).shape == (1, model.classes)


def test_the_recipe_of_the_documentation_is_one_and_names_every_part():
    text = (DOCS / "recipe.md").read_text(encoding="utf-8")
    table = tomllib.loads(re.search("```toml\n(.*?)```", text, re.DOTALL)[1])["recipe"]
    assert parts_of(Recipe.model_validate(table)).order.func.__name__ == "buffer"
    parts = [*OPTIMIZERS, *SCHEDULES, *LOSSES, *ORDERS]
    assert [name for name in parts if f"`{name}`" not in text] == []
    off = [name for name, field in Recipe.model_fields.items() if field.default is None]
    assert [name for name in off if f"`{name}`" not in text] == []
