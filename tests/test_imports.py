"""The rooms of docs/architecture.md hold: order of imports, faces, and what needs no torch."""

import ast
import importlib
import re
import statistics
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nas_asc"
HEAVY = ("torch", "optuna", "sqlalchemy", "psycopg", "matplotlib", "plotly", "pandas", "sklearn")
# Files beside the rooms: what every room may use, and the roof, which may use every room.
GROUND = {"errors", "units", "toml_file", "files", "shipped"}
ROOF = {"__init__", "cli"}
WITHOUT_TORCH = 8  # so many rooms from the top of the list know no torch
# Third-party packages that one file, or one folder, keeps to itself.
KEPT = {
    "fvcore": "nas_asc.networks.reference_count",
    "torchaudio": "nas_asc.features.native_libraries",
    "optuna": "nas_asc.search",
    "sqlalchemy": "nas_asc.search.storage",
    "psycopg": "nas_asc.search.storage.postgresql_database",
    "matplotlib": "nas_asc.results.figures",
    "plotly": "nas_asc.results.page",
    "jinja2": "nas_asc.results.page",
    "adjustText": "nas_asc.results.figures",
    "click": "nas_asc.commands",
}


def rooms():
    """Return the rooms in the order of the document's table."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return re.findall(r"^\| \d+ \| `(\w+)` \|", text, re.MULTILINE)


ROOMS = rooms()


def modules():
    """Return every source file by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }


MODULES = modules()


def shown(path):
    """Return what a file lists in `__all__`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


FACES = {module: shown(path) for module, path in MODULES.items() if path.name == "__init__.py"}


def imported(path):
    """Yield what a file imports, at its top or inside functions: module, and name or None."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                is_file = whole in MODULES and alias.name not in FACES.get(node.module, ())
                yield (whole, None) if is_file else (node.module, alias.name)


def room_of(module):
    """Return the room, or the file beside the rooms, that a dotted name belongs to."""
    return module.split(".")[1] if module.count(".") else "__init__"


def test_the_package_fits_on_one_screen():
    files = {path.stem for path in PACKAGE.glob("*.py")}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(ROOMS)
    assert files == {*GROUND, *ROOF}
    assert len({*files, *folders, "py.typed"}) <= 20


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_above_and_through_their_faces(room):
    above = ROOMS[: ROOMS.index(room)]
    wrong = []
    for module, path in MODULES.items():
        if room_of(module) != room:
            continue
        for source, name in imported(path):
            if not source.startswith("nas_asc") or room_of(source) in (room, *GROUND):
                continue
            other = room_of(source)
            through_face = source == f"nas_asc.{other}" and name is not None
            if other not in above or not through_face:
                wrong.append(f"{module}: {source}.{name}")
    assert not wrong


@pytest.mark.parametrize("room", ROOMS[:-1])
def test_a_face_states_all_that_it_shows(room):
    face = importlib.import_module(f"nas_asc.{room}")
    used = {
        name
        for module, path in MODULES.items()
        if room_of(module) != room
        for source, name in imported(path)
        if source == f"nas_asc.{room}"
    }
    assert used <= set(face.__all__)
    assert all(hasattr(face, name) for name in face.__all__)


def test_what_stands_beside_the_rooms_needs_none():
    wrong = {
        f"{module}: {source}"
        for module, path in MODULES.items()
        if room_of(module) in GROUND
        for source, _ in imported(path)
        if source.startswith("nas_asc.") and room_of(source) not in GROUND
    }
    assert not wrong


def test_no_files_import_each_other_in_a_circle():
    """Faces are left out: a file asks the files of its own room, and faces of rooms above."""
    edges = {
        module: {source for source, _ in imported(path) if source in MODULES}
        for module, path in MODULES.items()
    }
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        pytest.fail(str(error.args[1]))


@pytest.mark.parametrize(("package", "keeper"), KEPT.items())
def test_a_package_is_imported_in_one_place(package, keeper):
    importers = {
        module
        for module, path in MODULES.items()
        if any(source.split(".")[0] == package for source, _ in imported(path))
    }
    assert all(f"{module}.".startswith(f"{keeper}.") for module in importers - {"nas_asc.cli"})


def test_nothing_is_pickled():
    """Nothing that is read from disk may run code."""
    banned = {"pickle", "dill", "joblib", "shelve", "cloudpickle"}
    assert not {m for m, path in MODULES.items() if banned & {s for s, _ in imported(path)}}


def test_files_hold_a_whole_idea():
    lines = {
        module: len(path.read_text(encoding="utf-8").splitlines())
        for module, path in MODULES.items()
        if path.name != "__init__.py"
    }
    short = {"nas_asc.commands.data"}  # a verb has a file of its own
    assert not {m: n for m, n in lines.items() if n > 500 or (n < 40 and m not in short)}
    assert statistics.median(lines.values()) > 140


def test_the_first_rooms_need_no_torch():
    """Import every file of them in its turn, in one process."""
    script = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
    if "torch" in sys.modules:
        sys.exit(f"{name} imports torch")
"""
    first = {*ROOMS[:WITHOUT_TORCH], *GROUND, "commands", "cli"}
    names = [module for module in MODULES if room_of(module) in first]
    done = subprocess.run([sys.executable, "-c", script, *names], capture_output=True, text=True)
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
