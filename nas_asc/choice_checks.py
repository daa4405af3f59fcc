"""Whether choices by dotted path are exactly those of an architecture of a space."""

from collections.abc import Mapping, Sequence
from itertools import product

from nas_asc.architecture import Value
from nas_asc.errors import nearest
from nas_asc.section import Parameter, Section
from nas_asc.vocabulary import sort_of

_Options = Mapping[str, tuple[Value, ...]]


def choice_faults(
    families: Mapping[str, Sequence[Section]], choices: Mapping[str, object]
) -> dict[str, str]:
    """Say why these are not exactly the active choices of an architecture, by dotted path.

    What only follows from another fault is not among them.

    Args:
        families: the sections of each family of a space by its name; of the only one by "".
        choices: by dotted path.
    """
    faults: dict[str, str] = {}
    paths = [
        f"{name}.{p.path}" if name else p.path
        for name, sections in families.items()
        for section in sections
        for p in section.parameters.values()
    ]
    sections, prefix, used = families.get("", ()), "", set[str]()
    if "" not in families:
        family = Parameter("family", tuple(families))
        paths.insert(0, family.path)
        used.add(family.path)
        if named := family.option(choices.get("family")):
            sections, prefix = families[str(named[0])], f"{named[0]}."
        else:
            faults["family"] = family.refusal(choices)
            used.update(paths)
    for section in sections:
        own = {k: Parameter(prefix + p.path, p.options) for k, p in section.parameters.items()}
        found, asked = _section_faults(section, own, choices)
        faults |= found
        used |= asked
    for path in choices:
        if path not in paths:
            faults[path] = f"expected a choice of the space{nearest(path, paths)}"
        elif path not in used:
            faults[path] = "expected a choice that is in use"
    return faults


def _section_faults(
    section: Section, parameters: Mapping[str, Parameter], choices: Mapping[str, object]
) -> tuple[dict[str, str], set[str]]:
    """Give the faults of the choices in a section, and the paths that are dealt with.

    A selector without a valid choice might be any of its options: what holds for each is a fault.
    """
    found = {key: p.option(choices.get(p.path)) for key, p in parameters.items()}
    unsure = [key for key, _ in section.selectors if key in found and not found[key]]
    walks: list[set[str]] = []
    sorts = ({sort_of(key, v): v for v in parameters[key].options}.values() for key in unsure)
    for guess in product(*sorts):
        assumed = {**found, **{k: (v,) for k, v in zip(unsure, guess, strict=True)}}
        asked: set[str] = set()

        def choose(p: Parameter, asked: set[str] = asked, assumed: _Options = assumed) -> Value:
            key = p.path.removeprefix(f"{section.name}.")
            asked.add(key)
            return (assumed[key] or p.options)[0]

        section.draw(choose)
        walks.append(asked)
    always, ever = set.intersection(*walks), set.union(*walks)
    faults = {
        p.path: p.refusal(choices)
        for key, p in parameters.items()
        if not found[key] and (key in always or (key in ever and p.path in choices))
    }
    used = {parameters[key].path for key in ever}
    idle = [p.path for p in parameters.values() if p.path in choices and p.path not in used]
    if idle and found.get("depth") == (0,):
        path = parameters["depth"].path
        faults[path] = (
            f"expected no other choices of the stage with {path} = 0, which drops it, "
            f"got {', '.join(idle)}"
        )
        used.update(idle)
    return faults, used
