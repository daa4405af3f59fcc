"""`nas-asc rules`: the counting rules with their limits and sources."""

from dataclasses import asdict

import click

from nas_asc.commands.console import json_option, print_json, print_table, print_text
from nas_asc.complexity import BYTES_PER_VALUE, RULES, CountingRule


@click.command("rules")
@json_option
def command(as_json: bool) -> None:
    """List the counting rules: what counts, what a KB is, what is allowed."""
    if as_json:
        print_json([asdict(rule) for rule in RULES.values()])
        return
    print_table(
        ("rule", ">norm", "free", ">KB", "limits", "what it is, and its source"),
        [
            (
                rule.id,
                rule.batch_norm,
                ", ".join(_free(rule)) or "-",
                rule.kb,
                "\n".join(_limits(rule)) or "-",
                "\n".join(
                    [rule.title, f"source: {rule.source}", *(f"note: {n}" for n in rule.notes)]
                ),
            )
            for rule in RULES.values()
        ],
    )
    click.echo()
    print_text("norm: values counted per channel of a batch norm; free: what is not counted")


def _free(rule: CountingRule) -> list[str]:
    zeros_free = not rule.zeros_counted or rule.nonzero_sized
    return [*(["zeros"] if zeros_free else []), *([] if rule.biases else ["biases"])]


def _limits(rule: CountingRule) -> list[str]:
    """Return the limits, and what they are meant for."""
    counter = " by torchinfo" if rule.judged_macs == "macs_torchinfo" else ""
    limits = [
        f"{limit:,} {unit}"
        for limit, unit in (
            (rule.max_bytes, "B"),
            (rule.max_params, "parameters"),
            (rule.max_macs, f"MACs{counter}"),
        )
        if limit is not None
    ]
    if set(rule.precisions) != set(BYTES_PER_VALUE):
        limits.append(f"{' or '.join(rule.precisions)} only")
    return [*limits, *([f"clips of {rule.clip_s:g} s"] if rule.clip_s else [])]
