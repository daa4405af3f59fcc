"""What is shipped, by name, for test cases: a file with faults fails its own cases, not all."""

import tomllib

from nas_asc.shipped import shipped

# The networks and ensembles of the five reports (report_models.md).
REPORTS = {
    "srpol": ("srpol-c3multi", "srpol-c10separable", "srpol-3", "srpol-4"),
    "deepsound": ("deepsound-160", "deepsound-128", "deepsound-64", "deepsound-32"),
    "netease": ("netease-student", "netease-teacher"),
    "ntu": ("ntu-vggnet", "ntu-inceptionnet"),
    "imt": ("imt-a", "imt-b", "imt-c", "imt-d"),
}
NETWORKS = tuple(name for names in REPORTS.values() for name in names)
ENSEMBLES = ("srpol-1", "ntu-ensemble")
# The spaces that hold them; `asc` is made of these.
FAMILIES = ("mbconv", "separable", "vgg", "inception", "dwsep", "wave_vgg", "wave_resnet")


def _tables(kind):
    """Give the tables `[kind.ID]` of all spaces with their ids, whether or not they are valid."""
    for path in shipped("search_spaces").values():
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8")).get(kind)
        except ValueError:
            continue
        for name, table in tables.items() if isinstance(tables, dict) else ():
            yield name, table if isinstance(table, dict) else {}


def _reports(kind):
    """Give the report that each table names, or that it is `like` one of, by id."""
    tables = dict(_tables(kind))
    return {
        name: table.get("report") or tables.get(str(table.get("like")), {}).get("report")
        for name, table in tables.items()
    }


# The ids in all files, and the report of each.
MODEL_IDS = [name for name, _ in _tables("models")]
MODELS = _reports("models")
EVERYTHING = {**MODELS, **_reports("ensembles")}
