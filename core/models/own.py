"""The user's own models at home: renamed, deleted, and exported with their cards."""

from __future__ import annotations

import io
import os
import re
import shutil
import zipfile
from pathlib import Path

from core.bounded import dump_yaml, read_regular, read_text
from core.errors import ScanLensError
from core.home import home
from core.models.card import ModelCard, load_card, split_front_matter

CARD = "README.md"
#: Characters of a name, as it stands in lists.
MOST_TITLE = 60
#: Bytes of one file of a bundle, as where it is opened.
MOST_BYTES = 1 << 30


class CannotChangeModel(ScanLensError):
    """A model that cannot be renamed, deleted or exported."""


def own_models_folder() -> Path:
    """Where the user's own models lie: `models` in the user data folder. It need not exist."""
    return home() / "models"


def is_own(card: ModelCard) -> bool:
    """Whether a model lies in the user's own folder, and not by a link that leads elsewhere."""
    return card.folder.parent == own_models_folder() and not card.folder.is_symlink()


def rename_model(card: ModelCard, title: str) -> ModelCard:
    """Give one of the user's own models another name; its folder, by which links find it, stays.

    Args:
        card: The model.
        title: For people; line breaks become spaces, and 60 characters are kept.

    Returns:
        The new card.

    Raises:
        CannotChangeModel: There is no name, the model came with the product, or the card cannot be written.
    """
    _check_own(card, "renamed")
    cleaned = " ".join(title.split())[:MOST_TITLE]
    if not cleaned:
        raise CannotChangeModel("There is no name", "type one")
    path = card.folder / CARD
    partial = card.folder / f"{CARD}.partial"
    try:
        matter, text = split_front_matter(read_text(path))
        matter["scanlens"] = {**matter["scanlens"], "title": cleaned}
        text = re.sub(r"\A# .*$", lambda _: f"# {cleaned}", text, count=1, flags=re.MULTILINE)
        partial.write_text(f"---\n{dump_yaml(matter)}---\n\n{text}", encoding="utf-8")
        os.replace(partial, path)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CannotChangeModel(
            f"The card of {card.title} cannot be written", "free space in the user's folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return load_card(card.folder)


def delete_model(card: ModelCard) -> None:
    """Delete one of the user's own models with everything that lies beside its card, its scores among them.

    Raises:
        CannotChangeModel: The model came with the product, or its folder cannot be written.
    """
    _check_own(card, "deleted")
    try:
        shutil.rmtree(card.folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise CannotChangeModel(f"{card.title} cannot be deleted", "close what has its files open") from error


def export_model(card: ModelCard) -> bytes:
    """A zip of a model's folder, which another ScanLens takes as it is: card, weights, compiled model, scores.

    The same folder gives the same bytes.

    Raises:
        CannotChangeModel: A file is missing or is no regular one.
    """
    packed = io.BytesIO()
    try:
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in (CARD, *_files(card), *_scores(card)):
                content = read_regular(card.folder / name, MOST_BYTES)
                archive.writestr(zipfile.ZipInfo(f"{card.slug}/{name}"), content, zipfile.ZIP_DEFLATED)
    except (OSError, ValueError) as error:
        raise CannotChangeModel(f"A file of {card.title} is missing or cannot be read", "restore its folder") from error
    return packed.getvalue()


def _files(card: ModelCard) -> list[str]:
    """The files that the card names.

    Raises:
        ValueError: One is not a plain name: a card from elsewhere may say anything.
    """
    if not all(re.fullmatch(r"\w[\w.-]*", name) and name != CARD for name in card.sha256):
        raise ValueError("a file outside of the folder")
    return sorted(card.sha256)


def _scores(card: ModelCard) -> list[str]:
    folder = card.folder / "evaluations"
    return sorted(f"evaluations/{path.name}" for path in folder.glob("*.parquet"))


def _check_own(card: ModelCard, what: str) -> None:
    if not is_own(card):
        raise CannotChangeModel(f"{card.title} came with ScanLens and cannot be {what}", "choose a model of your own")
