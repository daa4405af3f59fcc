"""`nas-asc rules`: the counting rules with their limits and sources."""

from dataclasses import asdict

import click

from nas_asc.commands.output import json_option, print_json, print_table
from nas_asc.rules import RULES


@click.command("rules")
@json_option
def command(as_json: bool) -> None:
    """List the counting rules: what counts, what a KB is, what is allowed."""
    if as_json:
        print_json([asdict(rule) for rule in RULES.values()])
        return
    print_table(
        (
            "rule",
            ">batch norm",
            "biases",
            "zeros",
            ">KB",
            ">max bytes",
            ">max params",
            ">max MACs",
            "judged",
            "what it is",
        ),
        [
            (
                rule.id,
                rule.batch_norm,
                "counted" if rule.biases else "free",
                "counted" if rule.zeros_counted else "free",
                rule.kb,
                _limit(rule.max_bytes),
                _limit(rule.max_params),
                _limit(rule.max_macs),
                rule.judged_macs,
                rule.title,
            )
            for rule in RULES.values()
        ],
    )


def _limit(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
