"""The address of a database that keeps the trials of studies, apart from its password.

Conventions: a study holds the address alone, since it is written to disk and shown. A message never
repeats a URL that cannot be read: nobody knows which part of it is the password.
"""

import re
from urllib.parse import unquote

_FORM = "postgresql://USER@HOST:PORT/DATABASE"
_SCHEMES = ("postgresql", "postgresql+psycopg")
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^:/,?#@\[\]]*)(:\d*)?"
# What follows USER:PASSWORD@. Stricter than libpq, which takes what stands before an unescaped "/"
# of a password for a host and a port.
_PLACE = re.compile(rf"(?P<place>{_HOST}(,{_HOST})*/[^/?#@]+)(\?(?P<settings>.*))?")


def split_password(text: str) -> tuple[str, str | None]:
    """Return a URL without its password, always written in the same way, and the password or None.

    Two URLs of one database differ in nothing else then.

    Raises:
        ValueError: it is no URL of a PostgreSQL database; in the words of all faults.
    """
    scheme, mark, rest = text.partition("://")
    if scheme not in _SCHEMES:
        found = scheme if mark and re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) else ""
        raise ValueError(f"expected {_FORM}, got {f'{found}://...' if found else 'no such URL'}")
    if owner := re.match("([^@/]*)@", rest):
        rest = rest[owner.end() :]
    match = _PLACE.fullmatch(rest) if text.isprintable() else None
    if match is None:
        raise ValueError(
            f"expected {_FORM}, got a URL that is none - write / and @ in names and passwords as "
            "%2F and %40"
        )
    user, _, password = owner[1].partition(":") if owner else ("", "", "")
    settings = []
    for setting in (match["settings"] or "").split("&"):
        key, _, value = setting.partition("=")
        if unquote(key) == "sslpassword":
            raise ValueError("expected a URL without sslpassword, got one - use a key without it")
        if unquote(key) == "password":
            password = value
        elif setting:
            settings.append(setting)
    address = f"postgresql://{user}@" if user else "postgresql://"
    address += match["place"] + (f"?{'&'.join(settings)}" if settings else "")
    return address, unquote(password) or None


def check_address(text: str) -> str:
    """Return a URL as it is always written, if it has no password.

    Raises:
        ValueError: it has one, or is no URL of a PostgreSQL database; in the words of all faults.
    """
    address, password = split_password(text)
    if password is not None:
        raise ValueError(
            "expected a URL without a password, got one with it - a study is written to disk: "
            "give the password in --storage, PGPASSWORD or ~/.pgpass"
        )
    return address
