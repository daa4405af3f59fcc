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
from sqlalchemy import Table, insert, inspect, select, update
from sqlalchemy.engine import Connection, Engine

_OF_STUDY = models.StudyUserAttributeModel
_OF_TRIAL = models.TrialUserAttributeModel


def insert_facts(storage: RDBStorage, study_id: int, facts: Mapping[str, Any]) -> None:
    """Write new attributes of a study."""
    with storage.engine.begin() as connection:
        _insert_attributes(connection, _OF_STUDY, {"study_id": study_id}, facts)


def insert_trial(storage: RDBStorage, study_id: int, trial: FrozenTrial) -> int:
    """Write a new trial, without values, and give its id in the database."""
    row = {
        "number": trial.number,
        "study_id": study_id,
        "state": trial.state,
        "datetime_start": None if trial.datetime_start is None else _now(),
    }
    with storage.engine.begin() as connection:
        result = connection.execute(insert(_table(models.TrialModel)), row)
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
        if params:
            connection.execute(insert(_table(models.TrialParamModel)), params)
        _insert_attributes(connection, _OF_TRIAL, {"trial_id": trial_id}, trial.user_attrs)
    return trial_id


def start_trial(storage: RDBStorage, trial_id: int) -> None:
    """Write that a waiting trial has started."""
    table = _table(models.TrialModel)
    with storage.engine.begin() as connection:
        connection.execute(
            update(table).where(table.c.trial_id == trial_id),
            {"state": TrialState.RUNNING, "datetime_start": _now()},
        )


def finish_trial(
    storage: RDBStorage,
    trial_id: int,
    state: TrialState,
    values: Sequence[float],
    user_attrs: Mapping[str, Any],
) -> None:
    """Write how a trial ended: its state, finite values if it is complete, and attributes."""
    table = _table(models.TrialModel)
    with storage.engine.begin() as connection:
        _insert_attributes(connection, _OF_TRIAL, {"trial_id": trial_id}, user_attrs)
        if values:
            connection.execute(
                insert(_table(models.TrialValueModel)),
                [
                    {
                        "trial_id": trial_id,
                        "objective": objective,
                        "value": value,
                        "value_type": models.TrialValueModel.TrialValueType.FINITE,
                    }
                    for objective, value in enumerate(values)
                ],
            )
        connection.execute(
            update(table).where(table.c.trial_id == trial_id),
            {"state": state, "datetime_complete": _now()},
        )


# A trial's id in the database, number, state and attributes; not its parameters.
StoredTrial = tuple[int, int, TrialState, dict[str, Any]]


def read_study(engine: Engine, name: str) -> tuple[list[StoredTrial], dict[str, Any]]:
    """Read the trials of a study, in order, and its attributes; changes none.

    There are none where the tables are still to be made.
    """
    studies, attributes = _table(models.StudyModel), _table(_OF_STUDY)
    with engine.connect() as connection:
        if not inspect(connection).has_table(studies.name):
            return [], {}
        study_id = connection.execute(
            select(studies.c.study_id).where(studies.c.study_name == name)
        ).scalar()
        if study_id is None:
            return [], {}
        pairs = connection.execute(
            select(attributes.c.key, attributes.c.value_json).where(
                attributes.c.study_id == study_id
            )
        )
        facts = {key: json.loads(value) for key, value in pairs}
        return _trials(connection, study_id), facts


def _trials(connection: Connection, study_id: int) -> list[StoredTrial]:
    trials, attributes = _table(models.TrialModel), _table(_OF_TRIAL)
    rows = connection.execute(
        select(trials.c.trial_id, trials.c.number, trials.c.state)
        .where(trials.c.study_id == study_id)
        .order_by(trials.c.number)
    ).all()
    found: dict[int, dict[str, Any]] = {trial_id: {} for trial_id, _, _ in rows}
    pairs = select(attributes.c.trial_id, attributes.c.key, attributes.c.value_json)
    for trial_id, key, value in connection.execute(pairs):
        if trial_id in found:
            found[trial_id][key] = json.loads(value)
    return [(trial_id, number, state, found[trial_id]) for trial_id, number, state in rows]


def _insert_attributes(
    connection: Connection, model: Any, owner: Mapping[str, int], attributes: Mapping[str, Any]
) -> None:
    """Write new attributes of a study or a trial, whose column and id `owner` gives."""
    rows = [
        {**owner, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()
    ]
    if rows:
        connection.execute(insert(_table(model)), rows)


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table


def _now() -> datetime:
    """Return the time as optuna stores it: UTC without saying so."""
    return datetime.now(UTC).replace(tzinfo=None)
