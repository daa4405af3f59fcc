"""Whether choices by dotted path are exactly those of an architecture of a space."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import product

from nas_asc.architecture import Value
from nas_asc.errors import did_you_mean, meant, misspelt, shown
from nas_asc.section import Parameter, Section
from nas_asc.vocabulary import DOMAINS, SELECTORS, sort_of

_Options = Mapping[str, tuple[Value, ...]]


def choice_faults(
    families: Mapping[str, Sequence[Section]], choices: Mapping[str, object]
) -> dict[str, str]:
    """Say why these are not exactly the active choices of an architecture, by dotted path.

    What only follows from another fault is not among them. A path that the space fixes may be
    given its value.

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
    known, dealt_with = dict.fromkeys(paths), set[str]()
    sections, prefix = families.get("", ()), ""
    if "" not in families:
        family = Parameter("family", tuple(families))
        paths.insert(0, family.path)
        dealt_with.add(family.path)
        if named := family.option(choices.get("family")):
            sections, prefix = families[str(named[0])], f"{named[0]}."
        else:
            faults["family"] = family.refusal(choices)
            dealt_with.update(paths)
    for section in sections:
        found, own = _section_faults(section, f"{prefix}{section.name}.", choices)
        faults |= found
        dealt_with |= own
        known |= dict.fromkeys(f"{prefix}{section.name}.{key}" for key in section.values)
    unknown = [path for path in choices if path not in {*known, *dealt_with}]
    misplaced = _misplaced(unknown, {_section_of(path) for path in known})
    missing = [path for path in faults if path not in choices]
    places = {_section_of(path): 0 for path in missing}
    hinted = {path for path in missing if _section_of(path) in misspelt(misplaced, places)}
    for path in choices:
        if path in unknown and _section_of(path) not in misplaced:
            words = meant(path, missing) or meant(path, paths)
            hinted.update(words)
            faults[path] = f"expected a choice of the space{did_you_mean(words)}"
        elif path not in unknown and path not in dealt_with:
            faults[path] = "expected a choice that is in use"
    for place in misplaced:
        words = meant(place, places) or meant(place, map(_section_of, known))
        faults[place] = f"expected a section of the space{did_you_mean(words)}"
    return {path: fault for path, fault in faults.items() if path not in hinted.difference(choices)}


def _section_of(path: str) -> str:
    return path.rpartition(".")[0]


def _misplaced(unknown: Sequence[str], sections: Collection[str]) -> list[str]:
    """Give the sections that the space does not have, of several choices each."""
    places = Counter(map(_section_of, unknown))
    return [place for place, n in places.items() if n > 1 and place and place not in sections]


def _section_faults(
    section: Section, prefix: str, choices: Mapping[str, object]
) -> tuple[dict[str, str], set[str]]:
    """Give the faults of the choices in a section, and the paths that are dealt with.

    A selector without a valid choice might be any of its options: what holds for each is a fault.
    """
    parameters = {k: Parameter(prefix + k, p.options) for k, p in section.parameters.items()}
    faults, contradicted = _contradictions(section, prefix, choices)
    found = {key: p.option(choices.get(p.path)) for key, p in parameters.items()}
    walks = _walks(section, found)
    always, ever = set.intersection(*walks), set.union(*walks)
    if contradicted:  # what else would be in use is not known
        always, ever = set(), set(DOMAINS[section.kind]) - (contradicted - section.values.keys())
    faults |= {
        p.path: p.refusal(choices)
        for key, p in parameters.items()
        if not found[key] and (key in always or (key in ever and p.path in choices))
    }
    dealt_with = {prefix + key for key in ever}
    idle = [
        prefix + key
        for key in section.values
        if prefix + key in choices and prefix + key not in dealt_with
    ]
    if idle and found.get("depth") == (0,):
        path = parameters["depth"].path
        faults[path] = (
            f"expected no other choices of the stage with {path} = 0, which drops it, "
            f"got {', '.join(idle)}"
        )
        dealt_with.update(idle)
    return faults, dealt_with


def _contradictions(
    section: Section, prefix: str, choices: Mapping[str, object]
) -> tuple[dict[str, str], set[str]]:
    """Name the choices that are not what the section fixes, and the selectors among their keys.

    Such a selector may also be one that the section does not have.
    """
    faults: dict[str, str] = {}
    for key, value in section.values.items():
        path = prefix + key
        if key in section.parameters or path not in choices:
            continue
        if not Parameter(path, (value,)).option(choices[path]):  # type: ignore[arg-type]  # no list
            given, fixed = shown(choices[path]), shown(value)
            faults[path] = (
                f"expected {fixed}, at which the space fixes it, got {given} - "
                f"make {given} an option there, or give {fixed}"
            )
    absent = {prefix + key for key in SELECTORS[section.kind] if key not in section.values}
    told = absent.intersection(choices) | faults.keys()
    return faults, {key for key in SELECTORS[section.kind] if prefix + key in told}


def _walks(section: Section, found: _Options) -> list[set[str]]:
    """Give the keys in use for each sort that a selector without a valid choice might be."""
    unsure = [key for key, _ in section.selectors if key in found and not found[key]]
    options = {key: p.options for key, p in section.parameters.items()}
    sorts = ({sort_of(key, option): option for option in options[key]}.values() for key in unsure)
    walks = []
    for guess in product(*sorts):
        assumed = {**found, **{k: (v,) for k, v in zip(unsure, guess, strict=True)}}

        def choose(p: Parameter, assumed: _Options = assumed) -> Value:
            return (assumed[p.path.removeprefix(f"{section.name}.")] or p.options)[0]

        walks.append(set(section.draw(choose)[0]))
    return walks
