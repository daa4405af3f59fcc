import pytest

from nas_asc.errors import ConfigError
from nas_asc.study import load_study, split_password, study_toml, with_options


@pytest.mark.parametrize(
    ("given", "address", "password"),
    [
        ("postgresql://ann@db.lab/nas", "postgresql://ann@db.lab/nas", None),
        ("postgresql+psycopg://ann:pw@db/nas", "postgresql://ann@db/nas", "pw"),
        ("postgresql://ann:p%40%2Fw%25@db:5433/nas", "postgresql://ann@db:5433/nas", "p@/w%"),
        ("postgresql://ann:a:b?c#d@db/nas", "postgresql://ann@db/nas", "a:b?c#d"),
        ("postgresql://ann:@db/nas", "postgresql://ann@db/nas", None),
        ("postgresql:///nas", "postgresql:///nas", None),
        ("postgresql://:pw@/nas?host=/tmp", "postgresql:///nas?host=/tmp", "pw"),
        ("postgresql://[::1]:5433/nas", "postgresql://[::1]:5433/nas", None),
        ("postgresql://a,b:1/nas?sslmode=require", "postgresql://a,b:1/nas?sslmode=require", None),
        ("postgresql://db/nas?password=p%26w&port=1", "postgresql://db/nas?port=1", "p&w"),
        ("postgresql://db/nas?pass%77ord=pw", "postgresql://db/nas", "pw"),
    ],
)
def test_a_url_is_parted_from_its_password(given, address, password):
    assert split_password(given) == (address, password)


@pytest.mark.parametrize(
    "given",
    [
        "secret",
        "ann:secret@db/nas",
        "mysql://ann:secret@db/nas",
        "sqlite:///secret.db",
        "postgresql://ann:secret@db",
        "postgresql://ann:secret@db/",
        "postgresql://ann:1/secret@db/nas",
        "postgresql://ann:1/secret@db",
        "postgresql://ann:se@secret@db/nas",
        "postgresql://ann:secret/2@db/nas",
        "postgresql://db:secret/nas",
        "postgresql://ann:secret\n@db/nas",
        "postgresql://db/nas?sslpassword=secret",
    ],
)
def test_what_is_no_such_url_is_refused_without_being_repeated(given):
    with pytest.raises(ValueError, match=r"^expected .*, got .*\Z") as caught:
        split_password(given)
    assert "secret" not in str(caught.value)


def test_a_study_holds_no_password():
    kept = with_options(load_study("quick"), {"storage": "postgresql+psycopg://ann@db/nas"})
    assert 'storage = "postgresql://ann@db/nas"' in study_toml(kept)
    words = "^storage: expected a URL without a password, got one with it - [^\n]*\\Z"
    with pytest.raises(ConfigError, match=words) as caught:
        with_options(load_study("quick"), {"storage": "postgresql://ann:secret@db/nas"})
    assert "secret" not in str(caught.value)


def test_a_study_in_the_run_folder_says_nothing_of_a_database():
    assert "storage" not in study_toml(load_study("quick"))
    assert "study_name" not in study_toml(load_study("quick"))
