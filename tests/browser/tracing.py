"""What processes do to the network and to the disk, as strace saw it, and marks in what they left behind."""

from __future__ import annotations

import gzip
import io
import ipaddress
import re
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_CALLS = (
    "connect,bind,sendto,sendmsg,sendmmsg,open,openat,openat2,creat,mkdir,mkdirat,rename,renameat,renameat2,link,linkat,"
    "symlink,symlinkat,mknod,mknodat,truncate,write,pwrite64,writev"
)
#: Domain names, multicast names, names over TLS.
_NAMES = {53, 5353, 5355, 853}
#: Services of the system that look up names for others.
_RESOLVERS = ("resolve", "avahi", "mdns", "dnsmasq")
_HARMLESS = re.compile(r"/dev/(null|tty|pts/|shm/|fd/|std)|/proc/|/sys/|pipe:|socket:|anon_inode:|/memfd:")
_ADDRESS = re.compile(r"sa_family=(AF_\w+)(.*?)\}")
_PATH = re.compile(r"(?:AT_FDCWD<(?P<here>[^>]*)>|\d+<(?P<folder>[^>]*)>)?(?:, )?\"(?P<path>(?:[^\"\\]|\\.)*)\"")
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE|O_TRUNC|O_APPEND")


def strace(log: Path) -> list[str]:
    """The command under which a program and its children are watched."""
    return ["strace", "-f", "-qq", "-y", "--seccomp-bpf", "-s", "512", "-e", f"trace={_CALLS}", "-o", str(log)]


@dataclass(frozen=True)
class Seen:
    """What a trace holds against a program.

    Attributes:
        network: Calls that reach for another machine or look up a name.
        files: Paths outside the allowed folders that were made or opened for writing.
        marked: Writes of a mark to anything but a socket or a pipe.
        calls: How many calls were seen.
    """

    network: tuple[str, ...]
    files: tuple[str, ...]
    marked: tuple[str, ...]
    calls: int


def judge(log: Path, own: Sequence[Path], marks: Iterable[str] = ()) -> Seen:
    """Go through a trace.

    Args:
        log: That `strace` wrote.
        own: Folders in which the program may make files.
        marks: What may be written to no file.
    """
    network, files, marked, calls = [], [], [], 0
    wanted = [re.compile(re.escape(mark)) for mark in marks]
    for line in log.read_text(errors="replace").splitlines():
        _, _, call = line.partition(" ")
        name, _, rest = call.strip().partition("(")
        calls += bool(rest)
        if name in {"connect", "bind", "sendto", "sendmsg", "sendmmsg"}:
            network += [line[:300] for found in _ADDRESS.findall(rest) if _leaves(*found)]
        elif name in {"write", "pwrite64", "writev"}:
            target = rest.partition("<")[2].partition(">")[0]
            if not _HARMLESS.search(target) and any(mark.search(rest) for mark in wanted):
                marked.append(line[:300])
        elif rest and not re.search(r"= -1 E", rest) and (not name.startswith("open") or _WRITING.search(rest)):
            files += [path for path in _paths(name, rest) if not _is_own(path, own)]
    return Seen(tuple(network), tuple(dict.fromkeys(files)), tuple(marked), calls)


def _leaves(family: str, rest: str) -> bool:
    if family == "AF_UNIX":
        return any(name in rest for name in _RESOLVERS)
    if family not in {"AF_INET", "AF_INET6"}:
        return family not in {"AF_NETLINK", "AF_UNSPEC"}
    port = int((re.search(r"port=htons\((\d+)\)", rest) or [0, 0])[1])
    address = re.search(r"inet_(?:addr|pton)\((?:AF_INET6?, )?\"([^\"]+)\"", rest)
    return port in _NAMES or address is None or not ipaddress.ip_address(address[1]).is_loopback


def _paths(name: str, rest: str) -> list[str]:
    asked = rest.split(" = ", maxsplit=1)[0]
    found = [str(Path(one["here"] or one["folder"] or "/", one["path"])) for one in _PATH.finditer(asked)]
    return found[:1] if name.startswith(("open", "creat", "mk", "truncate")) else found[-1:]


def _is_own(path: str, own: Sequence[Path]) -> bool:
    return bool(_HARMLESS.search(path)) or any(Path(path).is_relative_to(folder) for folder in own)


def marks_in(data: bytes, marks: Sequence[str]) -> set[str]:
    """Marks in a file's bytes, and in what it holds compressed: members of a zip, gzip, streams of PDF and PNG."""
    found = {mark for mark in marks for form in _forms(mark) if form in data}
    for piece in _unpacked(data):
        found |= marks_in(piece, marks)
    return found


def _forms(mark: str) -> list[bytes]:
    return [mark.encode(), mark.encode("utf-16-le"), mark.encode("utf-16-be"), mark.encode().hex().encode()]


def _unpacked(data: bytes) -> Iterable[bytes]:
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode()
                yield archive.read(member)
    elif data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data)
    elif data.startswith(b"%PDF"):
        yield from filter(None, map(_inflated, re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)))
        yield _text_of_pdf(data)
    elif data.startswith(b"\x89PNG"):
        for chunk in re.finditer(rb"(zTXt|iTXt|iCCP)(.*?)IDAT", data, re.DOTALL):
            yield from filter(None, (_inflated(chunk[2][at:]) for at in range(min(120, len(chunk[2])))))
    elif data.startswith(b"PAR1"):
        import pandas as pd

        yield pd.read_parquet(io.BytesIO(data)).to_csv().encode()


def _text_of_pdf(data: bytes) -> bytes:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    return "\n".join([str(reader.metadata), *(page.extract_text() for page in reader.pages)]).encode()


def _inflated(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data)
    except zlib.error:
        return b""
