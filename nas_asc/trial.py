"""One architecture through the whole pipeline: features, training, compression, evaluation.

Conventions: one torch thread, so that the result does not depend on how many workers there are.
Training data trains, validation data judges; the test split is not touched here.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from nas_asc.architecture import Architecture
from nas_asc.complexity import Complexity, count
from nas_asc.compression import restore, store
from nas_asc.datasets import Dataset, load_dataset
from nas_asc.evaluation import evaluate
from nas_asc.execution import execution_for
from nas_asc.features import leave_out_faulty, load_inputs
from nas_asc.frontend import FrontEnd, front_end
from nas_asc.fvcore import reference_count
from nas_asc.job import Job, JobResult, Report
from nas_asc.library import load_space
from nas_asc.model_files import SavedModel, save_model
from nas_asc.network import Network, build
from nas_asc.recipe import read_recipe
from nas_asc.standardise import standardised, standards_of
from nas_asc.training import EpochReport, train


def run_job(job: Job, report: Report) -> JobResult:
    """Take a job's architecture through the pipeline and save the model into the run folder.

    Raises:
        NasAscError: a clip cannot be decoded, or the training cannot go on.
        AssertionError: the closed form, the module, fvcore and the stored bytes do not agree.
    """
    began = perf_counter()
    torch.set_num_threads(1)
    context = job.context
    architecture = Architecture.from_dict(job.architecture)
    dataset = _dataset(str(context["data"]), context["clip_s"], bool(context["skip_bad"]))
    classes = dataset.classes
    complexity = count(architecture, len(classes), dataset.clip_s, str(context["rule"]))
    torch.manual_seed(job.seed)
    network = build(architecture, len(classes), dataset.clip_s)
    check_count(network, complexity)

    frontend = front_end(architecture.sections["frontend"])
    peak = frontend.normalisation == "peak"  # the one normalisation that is part of the features
    twin = replace(frontend, normalisation="peak" if peak else "none")  # all share its tensors
    inputs, labels = _tensors(dataset, twin, str(context["space"]), architecture.family)
    training, validation = (list(dataset.indices(split)) for split in ("train", "validation"))
    second_plane = frontend.second_window > 0
    standards: tuple[Tensor, ...] = ()
    if frontend.normalisation == "standard":
        standards = standards_of(inputs[0][training], second_plane)
        inputs = (standardised(inputs[0], *standards), *inputs[1:])
    to_judge = tuple(each[validation] for each in inputs)

    course: list[dict[str, object]] = []

    def forward(entry: EpochReport) -> bool:
        course.append(vars(entry))
        return report(course[-1])

    train(
        network,
        tuple(each[training] for each in inputs),
        labels[training],
        read_recipe(context["recipe"]),  # type: ignore[arg-type]
        epochs=job.epochs,
        seed=job.seed,
        n_classes=len(classes),
        pruning=complexity.pruning,
        validation=(to_judge, labels[validation]),
        judged_epochs=job.judged_epochs,
        report=forward,
        execution=execution_for(complexity),
        second_plane=second_plane,
    )
    stopped = len(course) if len(course) < job.epochs else None

    arrays = store(network, precision=complexity.precision, pruning=complexity.pruning)
    stored_bytes = sum(array.nbytes for array in arrays.values())
    assert stored_bytes == complexity.stored_bytes, (stored_bytes, complexity.stored_bytes)
    restore(network, arrays)
    devices = [clip.device for clip in dataset.clips]
    metrics = evaluate(
        network,
        to_judge,
        labels[validation],
        classes,
        devices=[devices[i] for i in validation],
        training_devices=[devices[i] for i in training],
    ).to_dict()
    if stopped is None:
        model = SavedModel(
            architecture,
            classes,
            dataset.clip_s,
            complexity.rule.id,
            arrays,
            metrics,
            tuple(standard.numpy() for standard in standards),
        )
        save_model(Path(str(context["run"])) / "models" / str(job.number), model)
    return JobResult(metrics, complexity.to_dict(), course, perf_counter() - began, stopped)


def check_count(network: Network, complexity: Complexity) -> None:
    """Hold the closed form against the module's own parameters and fvcore's count.

    Raises:
        AssertionError: they differ; a fault of this program, not of its user.
    """
    params = sum(p.numel() for p in network.parameters())
    assert params == complexity.params, ("parameters", params, complexity.params)
    reference = reference_count(network)
    assert reference.macs == complexity.macs, ("MACs", reference.macs, complexity.macs)
    total = complexity.macs_fvcore_total
    assert reference.total == total, ("fvcore total", reference.total, total)


@lru_cache(maxsize=2)
def _dataset(root: str, clip_s: float | None, skip_bad: bool) -> Dataset:
    dataset = load_dataset(Path(root), clip_s, skip_bad)
    return leave_out_faulty(dataset) if skip_bad else dataset


@lru_cache(maxsize=4)
def _tensors(
    dataset: Dataset, frontend: FrontEnd, space: str, family: str | None
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Give inputs, float16 (clip, ...) each, and labels, int64 (clip,), of all clips, mapped."""
    inputs = load_inputs(dataset, frontend, siblings=siblings(space, frontend, family))
    labels = torch.tensor([clip.label for clip in dataset.clips])
    return tuple(torch.from_numpy(each) for each in inputs), labels


def siblings(space: str, frontend: FrontEnd, family: str | None = None) -> list[FrontEnd]:
    """Give the front ends of a space that can share a spectrogram pass with `frontend`."""
    prefix = "" if family is None else f"{family}."
    for parameter in load_space(space).parameters():
        if parameter.path == f"{prefix}frontend.n_mels":
            return [replace(frontend, n_mels=int(n)) for n in parameter.options]
    return []


def context_of(dataset: Dataset, skip_bad: bool, **values: object) -> Mapping[str, object]:
    """Give what all jobs on a data set share."""
    return {"data": str(dataset.root), "clip_s": dataset.clip_s, "skip_bad": skip_bad, **values}
