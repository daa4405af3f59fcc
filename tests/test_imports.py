"""The table of docs/architecture.md holds: order of imports, and what works without torch."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nas_asc"
HEAVY = ("torch", "optuna", "sqlalchemy", "matplotlib", "plotly")
# Third-party packages that one module keeps to itself.
KEPT = {"fvcore": "fvcore", "torchaudio": "torchaudio_native"}


def table():
    """Read the table: each line's module or package, and whether it works without torch."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    lines = re.search(r"```\n(.*?)```", text, re.DOTALL)[1].splitlines()
    return {
        line.split()[0].removesuffix("/"): line[21:29] == "no torch"
        for line in lines
        if line.strip()
    }


def files():
    """Give every source file with the line of the table that it belongs to."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        if str(relative) != "__init__.py":
            found[path] = relative.parts[0].removesuffix(".py")
    return found


def imported(path):
    """Give the dotted names that a file imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            if node.module == "nas_asc":
                yield from (f"nas_asc.{alias.name}" for alias in node.names)


def test_every_module_has_its_line():
    assert set(files().values()) == set(table())


@pytest.mark.parametrize("line", table())
def test_a_module_imports_only_from_lines_above(line):
    order = list(table())
    allowed = {line, *order[: order.index(line)]}
    down = {
        f"{path.relative_to(ROOT)}: {name}"
        for path, own in files().items()
        if own == line
        for name in imported(path)
        if name.startswith("nas_asc.") and name.split(".")[1] not in allowed
    }
    assert not down


@pytest.mark.parametrize(("package", "keeper"), KEPT.items())
def test_a_package_is_imported_in_one_place(package, keeper):
    importers = {
        line
        for path, line in files().items()
        if any(name.split(".")[0] == package for name in imported(path))
    }
    assert importers <= {keeper}


def test_nothing_is_pickled():
    """Nothing that is read from disk may run code."""
    banned = {"pickle", "dill", "joblib", "shelve", "cloudpickle"}
    found = {path.name for path in files() if banned & set(imported(path))}
    assert not found


def test_the_marks_are_true():
    """Import every marked module in its turn, in one process."""
    script = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"{name} imports torch")
"""
    marked = table()
    without_torch = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path, line in files().items()
        if marked.get(line)
    ]
    done = subprocess.run(
        [sys.executable, "-c", script, *without_torch], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_package_itself_is_light():
    script = f"import sys, nas_asc; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "[]"


def test_every_public_name_is_there():
    import nas_asc

    assert all(getattr(nas_asc, name) is not None for name in nas_asc.__all__)


def test_a_name_that_is_not_public_is_refused():
    import nas_asc

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        nas_asc.nothing  # noqa: B018  # the access is what is tested
