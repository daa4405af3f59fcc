"""Whole trials in an optuna database: written in one transaction each, read in two queries.

Optuna's own way looks each parameter up before it writes it: 25 ms and more for a trial of 37
parameters against 1 ms here, and the end of a trial takes it two transactions, between which a kill
may fall. Tables and columns are optuna's, whose schema it checks when it opens a file; a test holds
what is written here against what optuna would have written.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from optuna.distributions import distribution_to_json
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import Table, delete, insert, inspect, select, update
from sqlalchemy.engine import Connection, Engine

_TABLES = models.BaseModel.metadata.tables
_STUDIES, _STUDY_ATTRIBUTES = _TABLES["studies"], _TABLES["study_user_attributes"]
_TRIALS, _TRIAL_ATTRIBUTES = _TABLES["trials"], _TABLES["trial_user_attributes"]
_FINITE = models.TrialValueModel.TrialValueType.FINITE

# A trial's id in the database, number, state and attributes; not its parameters.
StoredTrial = tuple[int, int, TrialState, dict[str, Any]]


def insert_facts(storage: RDBStorage, study_id: int, facts: Mapping[str, Any]) -> None:
    """Write new attributes of a study."""
    with storage.engine.begin() as connection:
        _insert(connection, _STUDY_ATTRIBUTES, _attributes("study_id", study_id, facts))


def insert_trial(storage: RDBStorage, study_id: int, trial: FrozenTrial) -> int:
    """Write a new trial, without values, and return its id in the database."""
    row = {
        "number": trial.number,
        "study_id": study_id,
        "state": trial.state,
        "datetime_start": None if trial.datetime_start is None else _now(),
    }
    with storage.engine.begin() as connection:
        result = connection.execute(insert(_TRIALS), row)
        assert result.inserted_primary_key is not None
        trial_id = int(result.inserted_primary_key[0])
        params = [
            {
                "trial_id": trial_id,
                "param_name": name,
                "param_value": trial.distributions[name].to_internal_repr(value),
                "distribution_json": distribution_to_json(trial.distributions[name]),
            }
            for name, value in trial.params.items()
        ]
        _insert(connection, _TABLES["trial_params"], params)
        attributes = _attributes("trial_id", trial_id, trial.user_attrs)
        _insert(connection, _TRIAL_ATTRIBUTES, attributes)
    return trial_id


def start_trial(storage: RDBStorage, trial_id: int, user_attrs: Mapping[str, Any]) -> None:
    """Write that a trial has started, and attributes in place of those of before."""
    with storage.engine.begin() as connection:
        _replace_attributes(connection, trial_id, user_attrs)
        started = {"state": TrialState.RUNNING, "datetime_start": _now()}
        connection.execute(update(_TRIALS).where(_TRIALS.c.trial_id == trial_id), started)


def finish_trial(
    storage: RDBStorage,
    trial_id: int,
    state: TrialState,
    values: Sequence[float],
    user_attrs: Mapping[str, Any],
) -> None:
    """Write how a trial ended: its state, finite values if it is complete, and attributes."""
    rows = [
        {"trial_id": trial_id, "objective": number, "value": value, "value_type": _FINITE}
        for number, value in enumerate(values)
    ]
    with storage.engine.begin() as connection:
        _replace_attributes(connection, trial_id, user_attrs)
        _insert(connection, _TABLES["trial_values"], rows)
        ended = {"state": state, "datetime_complete": _now()}
        connection.execute(update(_TRIALS).where(_TRIALS.c.trial_id == trial_id), ended)


def _replace_attributes(
    connection: Connection, trial_id: int, user_attrs: Mapping[str, Any]
) -> None:
    owned = _TRIAL_ATTRIBUTES.c
    before = (owned.trial_id == trial_id) & owned.key.in_(user_attrs)
    connection.execute(delete(_TRIAL_ATTRIBUTES).where(before))
    _insert(connection, _TRIAL_ATTRIBUTES, _attributes("trial_id", trial_id, user_attrs))


def read_study(engine: Engine, name: str) -> tuple[list[StoredTrial], dict[str, Any]]:
    """Read the trials of a study, in order, and its attributes; none where there is no study."""
    trials, owned, attributes = _TRIALS.c, _TRIAL_ATTRIBUTES.c, _STUDY_ATTRIBUTES.c
    with engine.connect() as connection:
        if not inspect(connection).has_table(_STUDIES.name):
            return [], {}
        of_name = select(_STUDIES.c.study_id).where(_STUDIES.c.study_name == name)
        study_id = connection.execute(of_name).scalar()
        of_study = attributes.study_id == study_id
        pairs = connection.execute(select(attributes.key, attributes.value_json).where(of_study))
        facts = {key: json.loads(value) for key, value in pairs}
        rows = connection.execute(
            select(trials.trial_id, trials.number, trials.state)
            .where(trials.study_id == study_id)
            .order_by(trials.number)
        ).all()
        found: dict[int, dict[str, Any]] = {trial_id: {} for trial_id, _, _ in rows}
        triples = select(owned.trial_id, owned.key, owned.value_json)
        for trial_id, key, value in connection.execute(triples):
            if trial_id in found:
                found[trial_id][key] = json.loads(value)
    return [(trial_id, number, state, found[trial_id]) for trial_id, number, state in rows], facts


def _attributes(
    column: str, owner: int, attributes: Mapping[str, Any]
) -> list[dict[str, int | str]]:
    """Return the rows of attributes of the study or trial that has an id in a column."""
    return [
        {column: owner, "key": key, "value_json": json.dumps(value)}
        for key, value in attributes.items()
    ]


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:  # without any, one of defaults would be written
        connection.execute(insert(table), rows)


def _now() -> datetime:
    """Return the time as optuna stores it: UTC without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)
