"""Which recordings a study is about, and how they are read: its `[data]` table.

Conventions: seconds. Everything that decides which clips there are, what their labels are and how
they are split stands here, so that a search, its workers and a resumed run read the same.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Table(BaseModel):
    """A table of a study: its values cannot be changed, and it has no keys but its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class DataSource(Table):
    """The recordings of a study.

    Attributes:
        paths: folders and tables of recordings; none stands for the built-in synthetic scenes.
        audio: folder that the file names of a table are relative to; None for its own.
        label_level: how many folders below a path the class folders lie, from 1; None to find out.
        columns: what the columns of a table mean, such as "file=path,label=category"; None for
            their usual names.
        names: pattern of file names that hold the label, such as "{label}_{speaker}_{take}".
        group: what is one recording: "none", "folder", "column:NAME" or "name:FIELD"; None guesses.
        validation: clips that validate, as "FIELD:VALUE[,VALUE]" of a column or field of a name.
        test: clips that test, likewise.
        min_clips: classes with fewer clips are left out; None for none.
        subset: part of an official data set that is used: 5, 10, 25, 50 or 100 percent of the clips
            for training of TAU Urban Acoustic Scenes 2022 Mobile, as DCASE 2024 task 1 lists them,
            or "esc10" of ESC-50; None for all.
        skip_bad: whether clips that cannot be decoded, or have no one label, are left out.
        clip_s: length of a clip; None to fit the data's.
        align: where a shorter clip lies in its length: at the start, or in the center.
        window_s: length of the windows that every file is cut into; None for no windows.
        hop_s: from the start of one window to that of the next; None for `window_s`.
    """

    paths: tuple[str, ...] = Field(default=(), strict=False)
    audio: str | None = None
    label_level: int | None = Field(default=None, ge=1, le=100)
    columns: str | None = None
    names: str | None = None
    group: str | None = None
    validation: str | None = None
    test: str | None = None
    min_clips: int | None = Field(default=None, ge=1)
    subset: Literal[5, 10, 25, 50, 100, "esc10"] | None = None
    skip_bad: bool = False
    clip_s: float | None = Field(default=None, ge=0.01, le=3600)
    align: Literal["start", "center"] = "start"
    window_s: float | None = Field(default=None, ge=0.01, le=3600)
    hop_s: float | None = Field(default=None, ge=0.01, le=3600)

    @property
    def window_hop_s(self) -> float | None:
        """From one window to the next, as asked or the window; None without windows."""
        return None if self.window_s is None else self.hop_s or self.window_s

    @property
    def reading(self) -> "DataSource":
        """How the recordings are read, wherever they lie."""
        return self.model_copy(update={"paths": (), "audio": None})

    @property
    def absolute(self) -> "DataSource":
        """The same with paths that hold in any folder."""
        audio = None if self.audio is None else str(Path(self.audio).absolute())
        paths = tuple(str(Path(path).absolute()) for path in self.paths)
        return self.model_copy(update={"paths": paths, "audio": audio})

    @model_validator(mode="after")
    def _one_length(self) -> "DataSource":
        if self.window_s is not None and self.clip_s is not None:
            raise ValueError(
                "clip_s: expected nothing beside window_s, whose windows are the clips (--clip or "
                "--window), got both"
            )
        if self.hop_s is not None and self.hop_s > (self.window_s or 0.0):
            most = f"at most the {self.window_s:g} s of window_s" if self.window_s else "a window_s"
            raise ValueError(f"hop_s: expected {most} (--window), got {self.hop_s:g}")
        return self

    @classmethod
    def of(cls, *paths: Path | str, **settings: object) -> "DataSource":
        """Build the source of some paths."""
        return cls.model_validate({"paths": [str(path) for path in paths], **settings})

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as TOML holds them: what is None is absent."""
        return self.model_dump(mode="json", exclude_none=True)
