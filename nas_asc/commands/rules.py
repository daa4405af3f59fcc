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
    rows = []
    for rule in RULES.values():
        words = [rule.title, f"source: {rule.source}", *(f"note: {note}" for note in rule.notes)]
        free = ["zeros"] if not rule.zeros_counted or rule.nonzero_sized else []
        free += [] if rule.biases else ["biases"]
        limits = "\n".join(_limits(rule)) or "-"
        cells = (rule.id, rule.batch_norm, ", ".join(free) or "-", rule.kb, limits)
        rows.append((*cells, "\n".join(words)))
    print_table(("rule", ">norm", "free", ">KB", "limits", "what it is, and its source"), rows)
    click.echo()
    print_text("norm: values counted per channel of a batch norm; free: what is not counted")


def _limits(rule: CountingRule) -> list[str]:
    """Return the limits, and what they are meant for."""
    counter = " by torchinfo" if rule.judged_macs == "macs_torchinfo" else ""
    limits = [
        *([f"{rule.max_bytes:,} B"] if rule.max_bytes else []),
        *([f"{rule.max_params:,} parameters"] if rule.max_params else []),
        *([f"{rule.max_macs:,} MACs{counter}"] if rule.max_macs else []),
    ]
    if set(rule.precisions) != set(BYTES_PER_VALUE):
        limits.append(f"{' or '.join(rule.precisions)} only")
    return [*limits, *([f"clips of {rule.clip_s:g} s"] if rule.clip_s else [])]
