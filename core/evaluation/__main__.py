"""`python -m core.evaluation`: run models over datasets from the shell, and hand results over.

Writes the same records as the app. A run that was stopped or killed goes on when the same command is given again.
Exits with 0, with 1 after an error, with 2 for a command that makes no sense, with 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import get_args

from core.datasets.dataset import Dataset
from core.datasets.digest import with_digest
from core.datasets.labels.mapping import (
    REST,
    LabelMap,
    label_map,
    labels_in,
    open_labels,
)
from core.datasets.labels.truth import left_out
from core.datasets.readers import open_dataset
from core.datasets.stress.levels import stressed
from core.datasets.tables.inputs import columns_words, input_map
from core.errors import Cancelled, ScanLensError
from core.evaluation.results.evaluation import Evaluation, Kind
from core.evaluation.results.headline import headline, in_words
from core.evaluation.runs.cluster import SCHEDULER_VARIABLE, cluster_asked
from core.evaluation.runs.plan import without_inputs
from core.evaluation.runs.run import evaluate
from core.evaluation.store.evaluations import Store
from core.evaluation.store.exchange import export, import_file
from core.models.card import ModelCard, load_card, load_cards

MODELS = Path(__file__).resolve().parents[2] / "models"
INTERRUPTED = 130


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.evaluation", description=__doc__)
    parser.add_argument("--database", help="address of the database of results; the app's own without it")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="score a split of a dataset")
    run.add_argument("--model", required=True, help="slug of a model, or the folder of one")
    run.add_argument("--dataset", required=True, type=Path, help="folder, zip, table or .npz")
    run.add_argument("--split", default="test", help="train, val, test, or all (default: test)")
    run.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="answer to a question")
    run.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="LABEL=MODEL_LABEL",
        help=f"what a label means for the model; nothing after = leaves it out, {REST}= all that are open",
    )
    run.add_argument(
        "--column", action="append", default=[], metavar="INPUT=COLUMN",
        help="which column of the table is an input of the model, a fact, or `mask`; nothing after = leaves it out",
    )  # fmt: skip
    run.add_argument(
        "--mask", action="append", default=[], metavar="VALUE=LABEL", help="what a value in the masks means"
    )
    run.add_argument("--stress", help="a stressed copy, e.g. blur-3")
    run.add_argument("--kind", choices=get_args(Kind), default="unknown", help="where the images come from")
    run.add_argument(
        "--scheduler", default="", metavar="ADDRESS",
        help="Dask scheduler whose workers score, e.g. tcp://host:8786, or local[4] for four of them here; "
        f"${SCHEDULER_VARIABLE} without it",
    )  # fmt: skip
    run.add_argument("--retry-failed", action="store_true", help="read again what could not be read before")
    commands.add_parser("list", help="all runs")
    out = commands.add_parser("export", help="finished runs as files")
    out.add_argument("runs", nargs="*", type=int, help="numbers of runs as list shows them; all without")
    out.add_argument("--to", type=Path, default=Path(), help="folder")
    out.add_argument("--form", choices=("parquet", "csv"), default="parquet")
    bring = commands.add_parser("import", help="files that were exported elsewhere")
    bring.add_argument("files", nargs="+", type=Path)
    return parser.parse_args(arguments)


class _Say:
    """Progress on stderr: one line that changes in a terminal, a line every few seconds elsewhere."""

    def __init__(self) -> None:
        self._last, self._terminal = 0.0, sys.stderr.isatty()

    def __call__(self, fraction: float, words: str) -> None:
        now = time.monotonic()
        if fraction < 1 and now - self._last < (0.2 if self._terminal else 5.0):
            return
        self._last = now
        line = f"{fraction:4.0%}  {words}"
        print(
            f"\r\x1b[K{line}" if self._terminal else line,
            end="" if self._terminal else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        if self._terminal:
            print(file=sys.stderr)


def _stopper() -> Callable[[], bool]:
    """Whether the user has asked to stop; asked twice, the process stops at once."""
    asked = threading.Event()

    def ask(number: int, _: FrameType | None) -> None:
        asked.set()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return asked.is_set


def _pairs(texts: Sequence[str], what: str, first: bool = False) -> dict[str, str]:
    """`KEY=VALUE` as a mapping; a label may hold `=`, so the last one parts, unless it is the first."""
    for text in texts:
        if "=" not in text:
            raise ScanLensError(f"{text!r} is not KEY=VALUE, as {what} is", "write it so")
    return {key: value for key, _, value in (text.partition("=") if first else text.rpartition("=") for text in texts)}


def _card(name: str) -> ModelCard:
    if Path(name).is_dir():
        return load_card(Path(name))
    cards, _ = load_cards(MODELS)
    if name not in cards:
        raise ScanLensError(
            f"{name!r} is neither the folder of a model nor one of {', '.join(cards)}", "choose one of them"
        )
    return cards[name]


def _dataset(options: argparse.Namespace, store: Store, say: _Say, stop: Callable[[], bool]) -> Dataset:
    opened = open_dataset(options.dataset, _pairs(options.option, "an option"), say, stop)
    if opened.questions:
        first = opened.questions[0]
        choices = ", ".join(repr(choice) for choice in first.choices)
        raise ScanLensError(
            f"A question about the dataset is open, “{first.sentence}”",
            f"add --option {first.option}=… with one of {choices}",
        )
    return with_digest(opened, say, stop, store.known(opened))


def _mapping(options: argparse.Namespace, dataset: Dataset, card: ModelCard, store: Store) -> dict[str, str]:
    """What each label and column means for the model; nothing is run while one of them is open."""
    maps = [each.maps.get(card.slug, {}) for each in store.datasets() if each.digest == dataset.digest]
    before = next(iter(maps), {})
    found: LabelMap = label_map(dataset, card, before, _pairs(options.map, "a label map"))
    if found.open:
        raise open_labels(found, card)
    columns, values = _pairs(options.column, "a column", first=True), _pairs(options.mask, "a value of the mask")
    return dict(found.mapping) | input_map(card, dataset, before, columns, values)


def _stressed(dataset: Dataset, text: str) -> Dataset:
    name, _, strength = text.rpartition("-")
    return stressed(dataset, name, int(strength) if strength.isdecimal() else 0)


def _run(options: argparse.Namespace, store: Store) -> int:
    from core.inference.bundle import open_bundle

    say, stop = _Say(), _stopper()
    split = "" if options.split == "all" else options.split
    try:
        card = _card(options.model)
        dataset = _dataset(options, store, say, stop)
        mapping = _mapping(options, dataset, card, store)
        store.remember(dataset, {card.slug: mapping})
        if options.stress:
            dataset = _stressed(dataset, options.stress)
        print(_map_words(mapping, card, dataset, split), file=sys.stderr)
        with cluster_asked(options.scheduler) as cluster:
            found = evaluate(
                card, None if cluster else open_bundle(card), dataset, split, mapping, store, say, stop,
                kind=options.kind, retry_failed=options.retry_failed, cluster=cluster,
            )  # fmt: skip
    except Cancelled:
        say.end()
        print("Stopped; what was scored is kept, the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    say.end()
    _tell(found)
    return 0


def _map_words(mapping: dict[str, str], card: ModelCard, dataset: Dataset, split: str) -> str:
    """What labels and columns mean, and what is left out, a line each."""
    labels = ", ".join(f"{label} → {target or 'left out'}" for label, target in labels_in(mapping).items())
    columns, cases = columns_words(card, mapping), dataset.split(split)
    parts = [
        f"Labels: {labels}" if labels else "", f"Columns: {columns}" if columns else "",
        left_out(dataset, mapping, card, cases), without_inputs(dataset, mapping, card, cases),
    ]  # fmt: skip
    return "\n".join(filter(None, parts))


def _tell(found: Evaluation) -> None:
    n_patients = len(set(found.scores.patients))
    print(f"{found.model_title} on {found.dataset_title}, {found.split or 'all cases'}")
    print(f"{len(found.cases):,} cases of {n_patients:,} patients; 95 % intervals over patients")
    for line in headline(found):
        print(f"  {in_words(line)}")
    if found.failed:
        name, reason = next(iter(found.failed.items()))
        print(f"{len(found.failed):,} cases could not be scored, the first is {name}: {reason}")


def _list(store: Store) -> int:
    for run in store.evaluations():
        done = f"{run.scored:,} of {run.cases:,}" + (f", {run.failed:,} failed" if run.failed else "")
        print(f"{run.id:>4}  {run.state:<8} {run.model}  {run.dataset}  {run.split or 'all'}  {run.kind}  {done}")
    return 0


def _export(options: argparse.Namespace, store: Store) -> int:
    runs = options.runs or [run.id for run in store.evaluations() if run.state == "done"]
    for path in export((store.load(run) for run in runs), options.to, options.form):
        print(path)
    return 0


def _import(options: argparse.Namespace, store: Store) -> int:
    for path in options.files:
        found = import_file(path)
        print(f"{store.insert(found):>4}  {found.model}  {found.dataset}  {found.split or 'all'}")
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; returns the exit status."""
    options = _arguments(arguments)
    try:
        store = Store(options.database)
        if options.command == "run":
            return _run(options, store)
        if options.command == "list":
            return _list(store)
        return _export(options, store) if options.command == "export" else _import(options, store)
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
