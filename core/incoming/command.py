"""`python -m core.models`: look into model files from the shell, and add, list and delete one's own models.

Exits with 0, with 1 after an error, with 2 for a command that makes no sense, with 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from core.errors import Cancelled, ScanLensError
from core.incoming.add import add
from core.incoming.contract import Contract, Proposal
from core.incoming.huggingface import PREFIX, download
from core.incoming.inspect import inspect
from core.incoming.library import own_cards, same_file
from core.incoming.propose import propose
from core.incoming.report import Report
from core.models.card import InputSpec, ModelCard, load_card
from core.models.own import delete_model, export_model, rename_model

INTERRUPTED = 130


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.models", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    see = commands.add_parser("look", help="say what is in a model file, without opening it")
    see.add_argument("file", help=f"a file, or {PREFIX}owner/name")
    bring = commands.add_parser("add", help="compile a model and keep it")
    bring.add_argument("file", help=f".keras, .h5, .onnx, a zip, or {PREFIX}owner/name")
    bring.add_argument("--title", help="name of the model; made from the file's without it")
    bring.add_argument("--labels", help="names of the classes in the order of the outputs, with commas between")
    bring.add_argument("--task", choices=("binary", "multiclass", "multilabel", "ordinal", "segmentation"))
    bring.add_argument("--range", metavar="LOW,HIGH", help="values of black and white that go in, e.g. --range=-1,1")
    bring.add_argument("--reading", choices=("", "bgr", "caffe", "torch"), help="what is put in front of the model")
    bring.add_argument("--resize", choices=("stretch", "letterbox", "crop"))
    bring.add_argument("--size", metavar="ROWS,COLUMNS", help="where the model takes any")
    bring.add_argument("--modality", help="DICOM codes with commas between, e.g. CR,DX")
    bring.add_argument("--body-part", help="e.g. chest")
    bring.add_argument("--population", help="whom it was trained on")
    bring.add_argument("--license")
    bring.add_argument("--threshold", type=float)
    bring.add_argument("--layer", help="layer to draw heatmaps from")
    bring.add_argument("--replace", metavar="SLUG", help="the model of yours whose place it takes")
    bring.add_argument("--again", action="store_true", help="even if this very file was added before")
    commands.add_parser("list", help="your own models")
    for name, what in (("delete", "delete one of them"), ("export", "write one as zip"), ("rename", "give one a name")):
        command = commands.add_parser(name, help=what)
        command.add_argument("slug")
        if name == "rename":
            command.add_argument("title")
        if name == "export":
            command.add_argument("--to", type=Path, default=Path(), help="folder")
    return parser.parse_args(arguments)


def _describe(report: Report) -> str:
    layers = ", ".join(f"{count} {kind}" for kind, count in list(report.layers.items())[:10]) or "none"
    lines = [
        f"{report.name}: {report.format_words}{f', {report.producer}' if report.producer else ''}",
        f"  sha256   {report.sha256}",
        f"  layers   {layers}",
        f"  weights  {report.weights:,} ({report.weights_bytes / 1e6:,.1f} MB)",
        *(f"  input    {value.name} {_sizes(value.shape)} {value.dtype}" for value in report.inputs),
        *(f"  output   {value.name} {_sizes(value.shape)} {report.ending}" for value in report.outputs),
        *(f"  inside   {sentence}" for sentence in report.preprocessing),
        *([f"  backbone {report.backbone}"] if report.backbone else []),
        *(f"  unusual  {sentence}" for sentence in report.suspicious),
    ]
    return "\n".join(lines)


def _sizes(shape: tuple[int | None, ...]) -> str:
    return " × ".join("any" if size is None else str(size) for size in shape)


def _agreed(options: argparse.Namespace, proposal: Proposal) -> Contract:
    """The proposal with what was said on the command line."""
    contract = proposal.contract
    spec = contract.inputs[0]
    changes: dict[str, object] = {}
    if options.range:
        changes["value_range"] = _two(options.range, "--range")
    if options.size:
        rows, columns = _two(options.size, "--size")
        changes["size"] = (int(rows), int(columns))
    if options.resize:
        changes["resize"] = options.resize
    if options.modality:
        changes["modality"] = tuple(part.strip().upper() for part in options.modality.split(","))
    if options.body_part:
        changes["body_part"] = (options.body_part.strip().lower(),)
    inputs: tuple[InputSpec, ...] = (dataclasses.replace(spec, **changes), *contract.inputs[1:])  # type: ignore[arg-type]
    said = {
        "title": options.title, "task": options.task, "population": options.population, "license": options.license,
        "threshold": options.threshold, "explain_layer": options.layer, "reading": options.reading,
        "labels": tuple(part.strip() for part in options.labels.split(",")) if options.labels else None,
    }  # fmt: skip
    if options.range and options.reading is None:
        said["reading"] = ""
    return dataclasses.replace(
        contract, inputs=inputs, **{key: value for key, value in said.items() if value is not None}
    )


def _two(text: str, what: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise ScanLensError(f"two numbers for {what}", repr(text), f"write {what}=0,255") from error
    return low, high


class _Say:
    """Progress on stderr, a line when the words change."""

    def __init__(self) -> None:
        self._words = ""

    def __call__(self, fraction: float, words: str) -> None:
        if words != self._words:
            self._words = words
            print(f"{fraction:4.0%}  {words}", file=sys.stderr, flush=True)


def _add(options: argparse.Namespace, path: Path) -> int:
    start, say = time.monotonic(), _Say()
    say(0.0, "Looking into the file")
    report = inspect(path)
    if report.refused:
        raise ScanLensError(*_parts(report.refused))
    before = same_file(report.sha256)
    if before is not None and not options.again and not options.replace:
        print(f"This very file is the model {before.title} ({before.slug}) already; --again adds it once more.")
        return 0
    proposal = propose(report)
    contract = _agreed(options, proposal)
    replacing = _own(options.replace) if options.replace else None
    for field, sentence in proposal.known.items():
        print(f"{field}: {sentence}")
    folder = add(path, contract, say, report=report, replacing=replacing)
    card = load_card(folder)
    spec = card.inputs[0]
    print(f"{card.title} is at home in {folder} after {time.monotonic() - start:.0f} s.")
    low, high = spec.value_range
    print(f"It is given {spec.kind}s of {_sizes(spec.shape)}, black {low:g}, white {high:g}.")
    print(f"Heatmaps are drawn from {card.explain_layer or 'no layer: it has none with places'}.")
    unsaid = [name for name in proposal.open if not _is_said(name, options)]
    if unsaid:
        print(f"Nobody said yet: {', '.join(unsaid)}. Correct the card in README.md, or add again with these options.")
    return 0


def _is_said(name: str, options: argparse.Namespace) -> bool:
    return getattr(options, {"value_range": "range"}.get(name, name), None) is not None


def _parts(refused: str) -> tuple[str, str]:
    wrong, _, action = refused.rpartition(": ")
    return (wrong, action.rstrip(".")) if wrong else (refused.rstrip("."), "choose another file")


def _own(slug: str) -> ModelCard:
    cards = own_cards()
    if slug not in cards:
        raise ScanLensError(f"one of your models ({', '.join(cards) or 'there are none'})", repr(slug), "choose one")
    return cards[slug]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command says; returns the exit status."""
    options = _arguments(arguments)
    try:
        if options.command in {"look", "add"}:
            with tempfile.TemporaryDirectory(prefix="scanlens-") as folder:
                given = options.file
                path = download(given, Path(folder), _Say()) if given.startswith(PREFIX) else Path(given)
                if options.command == "add":
                    return _add(options, path)
                report = inspect(path)
                print(_describe(report))
                print(f"  refused  {report.refused}" if report.refused else "  may be added")
                return 1 if report.refused else 0
        if options.command == "list":
            for slug, card in own_cards().items():
                print(f"{slug:<28} {card.task:<12} {card.title}")
            return 0
        card = _own(options.slug)
        if options.command == "rename":
            print(rename_model(card, options.title).title)
        elif options.command == "delete":
            delete_model(card)
        else:
            target = options.to / f"{card.slug}.zip"
            target.write_bytes(export_model(card))
            print(target)
    except Cancelled:
        return INTERRUPTED
    except (ScanLensError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0
