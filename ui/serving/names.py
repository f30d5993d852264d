"""Under which names the server may be visited, and which pages may talk to it.

A page of another site can bind its own name to 127.0.0.1 and then counts to the browser as the same site as this
server (DNS rebinding). What gives it away is its name in the Host header, so only names that are known are answered:
those of loopback, and what the operator configured by Streamlit's own options.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import psutil
from streamlit import config

LOOPBACK = "localhost"
#: Addresses that mean "listen everywhere".
WILDCARDS = frozenset({"0.0.0.0", "::"})


def hostname_of(host: str) -> str:
    """The name in a Host header, in lower case, without port, brackets and final dot; `""` where it is malformed.

    Example:
        >>> hostname_of("LocalHost.:8501"), hostname_of("[::1]:8501"), hostname_of("a@b"), hostname_of("a:port")
        ('localhost', '::1', '', '')
    """
    if not host or any(sign in host for sign in "/\\?#@ \t\r\n,") or not host.isascii():
        return ""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no number
    except ValueError:
        return ""
    return (parts.hostname or "").rstrip(".")


def is_loopback(name: str) -> bool:
    """Whether a name can only mean the computer that it is looked up on.

    Example:
        >>> [is_loopback(name) for name in ("localhost", "127.0.0.1", "::1", "evil.example", "localhost.evil.example")]
        [True, True, True, False, False]
    """
    if name == LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def configured_names() -> frozenset[str]:
    """Names beside those of loopback that the operator gave the server; some may begin with `*.`, one may be `*`.

    They come from `server.allowedHosts`, from `browser.serverAddress`, from `server.corsAllowedOrigins` and from
    `server.address`. Who sets the last to every address of this machine has named its addresses and its own name.
    """
    names = {str(name).strip().lower().rstrip(".") for name in config.get_option("server.allowedHosts") or ()}
    names |= {_origin_name(str(origin)) for origin in config.get_option("server.corsAllowedOrigins") or ()}
    if config.is_manually_set("browser.serverAddress"):
        names.add(_origin_name(str(config.get_option("browser.serverAddress"))))
    if config.is_manually_set("server.address"):
        address = str(config.get_option("server.address") or "").lower()
        names |= own_names() if address in WILDCARDS else {address}
    return frozenset(names - {""})


def own_names() -> set[str]:
    """This machine's name and the addresses of its network cards, as the system has them: nothing is looked up."""
    name = socket.gethostname().lower()
    addresses = {entry.address.partition("%")[0] for card in psutil.net_if_addrs().values() for entry in card}
    return {name, f"{name.partition('.')[0]}.local", *filter(_is_address, addresses)}


def is_served(host: str | None) -> bool:
    """Whether a Host header is a name under which the server may be visited."""
    name = hostname_of(host or "")
    return bool(name) and (is_loopback(name) or _is_configured(name))


def may_speak(origin: str, host: str) -> bool:
    """Whether a page of an origin may talk to the server that it reached as `host`.

    The page's own server may; so may pages of the names that the operator configured, since a proxy in front of the
    server may hand on another Host header than the browser sent.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"}:  # "null" among them: a sandboxed page or a file
        return False
    name, listed = hostname_of(parts.netloc), config.get_option("server.corsAllowedOrigins") or ()
    if parts.netloc.lower() == host.lower() or origin.lower() in {str(one).strip().lower() for one in listed}:
        return True
    return not is_loopback(name) and _is_configured(name)  # another server on this computer is another site


def _is_configured(name: str) -> bool:
    if not name:
        return False
    return any(
        known in {"*", name} or (known.startswith("*.") and name.endswith(known[1:])) for known in configured_names()
    )


def _origin_name(text: str) -> str:
    return hostname_of(urlsplit(text).netloc if "://" in text else text.partition("/")[0])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
