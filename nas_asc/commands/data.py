"""`nas-asc data`: look into a data set folder, or write the synthetic scenes."""

from pathlib import Path

import click

from nas_asc.commands.console import json_option, print_json, print_table, remark


@click.group("data")
def command() -> None:
    """Look into a data set folder, or write the synthetic scenes."""


@command.command("check")
@click.argument("folder", type=click.Path(path_type=Path))
@json_option
def check_folder(folder: Path, as_json: bool) -> int:
    """Check what a data set folder holds, and what is wrong with it."""
    from nas_asc.datasets import check

    findings = check(folder)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        print_table(("", "what", "found"), [(f.level, f.subject, f.text) for f in findings])
    return 2 if any(finding.level == "error" for finding in findings) else 0


@command.command("synth")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=None, help="Another draw of the scenes.")
def write_scenes(folder: Path, seed: int | None) -> None:
    """Write the built-in synthetic scenes as a data set folder."""
    from nas_asc.datasets import write_synthetic

    write_synthetic(folder, **({} if seed is None else {"seed": seed}))
    remark(f"wrote synthetic scenes to {folder}; use them with --data {folder}")
