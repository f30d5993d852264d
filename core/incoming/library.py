"""The user's own models where they lie: found again by their file, put in their place, taken in from a zip."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import InvalidCard, ScanLensError, UnsafeModel
from core.home import home
from core.incoming.archive import read_archive
from core.incoming.card_draft import SOURCE
from core.inference.bundle import ONNX_FILE, open_bundle, verified_bytes
from core.keras_process.model.file_check import check_model_file
from core.models.card import ModelCard, load_card, load_cards, split_front_matter
from core.models.own import CannotChangeModel, is_own, own_models_folder

SHIPPED = Path(__file__).resolve().parents[2] / "models"
MOST_BUNDLE = 3 << 29
#: Files of a bundle, in a folder or not, and stored scores beside them; nothing else is taken in.
_FILE = re.compile(r"(?:^|/)(README\.md|model\.onnx|model\.keras|similarity\.npz|conformal\.\w+)$")
_SCORES = re.compile(r"(?:^|/)(evaluations/[\w.-]+\.parquet)$")


def own_cards() -> dict[str, ModelCard]:
    """Cards of the user's models by slug."""
    return load_cards(own_models_folder())[0]


def same_file(sha256: str) -> ModelCard | None:
    """The model that was made from this very file before, or that holds it; None where there is none.

    Args:
        sha256: Of the file that is brought.
    """
    wanted = sha256.lower()
    cards = {**load_cards(SHIPPED)[0], **own_cards()}
    for card in cards.values() if wanted else ():
        source = (card.front_matter.get("scanlens") or {}).get(SOURCE)
        before = str(source.get("sha256", "")).lower() if isinstance(source, dict) else ""
        if wanted == before or wanted in {str(value).lower() for value in card.sha256.values()}:
            return card
    return None


def free_slug(title: str) -> str:
    """A folder's name for a title that neither a shipped model nor one of the user's has."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "model"
    for number in range(1, 1000):
        slug = base if number == 1 else f"{base}-{number}"
        if not (SHIPPED / slug).exists() and not (own_models_folder() / slug).exists():
            return slug
    raise ScanLensError(f"There are a thousand models named {title}", "choose another name")


@contextmanager
def staged(slug: str) -> Iterator[Path]:
    """A folder in which a bundle is made, outside of where models are looked for; it is gone in the end."""
    folder = home() / f"making-{slug}-{os.getpid()}" / slug
    try:
        shutil.rmtree(folder.parent, ignore_errors=True)
        folder.mkdir(parents=True)
        yield folder
    except OSError as error:
        raise ScanLensError("The user data folder cannot be written to", "free space there") from error
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def publish(made: Path, slug: str) -> Path:
    """Move a finished bundle to where models are looked for, in place of an older one of that name."""
    folder = own_models_folder() / slug
    folder.parent.mkdir(parents=True, exist_ok=True)
    older = made.parent / "older"
    if folder.exists():
        folder.rename(older)
    try:
        made.rename(folder)
    except OSError:
        if older.exists():
            older.rename(folder)
        raise
    return folder


def import_zip(content: bytes, replacing: ModelCard | None = None) -> ModelCard:
    """Take in a model that was exported here or elsewhere. Its compiled file runs as one from elsewhere.

    Args:
        content: The zip.
        replacing: One of the user's models whose place it takes; None for a place of its own.

    Raises:
        UnsafeModel: The zip, or a file in it, asks for more than it may.
        InvalidCard: Its card or a file of it is not as it should be.
    """
    members = {}
    for name, data in read_archive(content, MOST_BUNDLE).items():
        kept = _SCORES.search(name) or _FILE.search(name)
        if kept is not None:
            members[kept.group(1)] = data
    if "README.md" not in members or ONNX_FILE not in members:
        raise UnsafeModel("a model with its card and its compiled file", "a zip without them", "export it again")
    if "model.keras" in members:
        check_model_file(members["model.keras"])
    slug = replacing.slug if replacing is not None else free_slug(_title(members["README.md"]))
    if replacing is not None and not is_own(replacing):
        raise CannotChangeModel(f"{replacing.title} came with ScanLens and stays", "choose a model of your own")
    with staged(slug) as made:
        for name, data in members.items():
            (made / name).parent.mkdir(exist_ok=True)
            (made / name).write_bytes(data)
        card = load_card(made)
        for name in members:
            if name != "README.md" and "/" not in name:
                verified_bytes(card, name)
        open_bundle(card)
        return load_card(publish(made, slug))


def _title(card: bytes) -> str:
    try:
        matter, _ = split_front_matter(card[: 2 << 20].decode("utf-8-sig").replace("\r\n", "\n"))
        return str(matter["scanlens"]["title"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidCard("a complete model card in README.md", "another file", "export the model again") from error
