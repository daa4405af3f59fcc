"""Warnings of the package as lines on stderr."""

import logging

from nas_asc.commands.log_lines import shown_log

_log = logging.getLogger("nas_asc.study")


def test_a_warning_is_a_remark_after_what_comes_first(capsys):
    lines = []
    with shown_log(lambda: lines.append(capsys.readouterr().err)):
        _log.info("nobody asked")
        _log.warning("%d workers", 3)
    assert lines == [""]
    assert capsys.readouterr().err == "3 workers\n"


def test_a_warning_is_shown_once_and_only_while_it_is_asked_for(capsys):
    for _ in range(2):
        with shown_log(lambda: None):
            _log.warning("once")
    before = list(logging.getLogger("nas_asc").handlers)
    assert capsys.readouterr().err == "once\nonce\n"
    assert not [handler for handler in before if "log_lines" in type(handler).__module__]
