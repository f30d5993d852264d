"""`python -m core.samples`: fetch the samples of the catalogue, list them, or remove them.

Exits with 0, with 1 after an error, with 2 for a command that makes no sense, with 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from core.errors import ScanLensError
from core.formatting import size_text
from core.samples.catalogue import CASES, CatalogueCase, cases_for
from core.samples.fetch import fetch
from core.samples.store import fetched, is_fetched, remove_all, samples_folder

INTERRUPTED = 130


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m core.samples", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, words in (("fetch", "fetch what is not here"), ("list", "say what there is"), ("remove", "delete")):
        command = commands.add_parser(name, help=words)
        command.add_argument("--model", metavar="SLUG", help="only the cases of one model")
        if name == "fetch":
            command.add_argument("--dry-run", action="store_true", help="say what would be fetched from where")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = _arguments(arguments)
    cases = CASES if given.model is None else cases_for(given.model)
    if not cases:
        print(f"The catalogue has no case for {given.model}.", file=sys.stderr)
        return 2
    try:
        if given.command == "fetch":
            _fetch(cases, dry=given.dry_run)
        elif given.command == "remove":
            here = fetched(cases)
            remove_all(here)
            print(f"{len(here)} removed.")
        else:
            for case in cases:
                print(f"{case.key:18} {'here' if is_fetched(case) else size_text(case.size):>8}  {case.title}")
    except ScanLensError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _fetch(cases: Sequence[CatalogueCase], *, dry: bool) -> None:
    wanted = [case for case in cases if not is_fetched(case)]
    size, hosts = sum(case.size for case in wanted), dict.fromkeys(host for case in wanted for host in case.hosts)
    if not wanted:
        print(f"All {len(cases)} cases are in {samples_folder()}.")
        return
    print(f"{len(wanted)} cases, {size_text(size)} from {', '.join(hosts)} into {samples_folder()}")
    if dry:
        return
    for number, case in enumerate(wanted, 1):
        fetch([case])
        print(f"{number} of {len(wanted)}: {case.title}. {case.origin}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
