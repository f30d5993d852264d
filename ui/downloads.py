"""Buttons that save a file, made when it is asked for, however often the page has run again since.

Streamlit's own button loses files on a page that runs again by itself: it sends the address of a made file through a
queue that each run clears, gives the button's callable another id with each run, and forgets a made file when two runs
of any session have ended (404). Here a button has one address for as long as its session lasts; the browser asks that
address, and the answer to it is the file, or one sentence why there is none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote
from weakref import WeakValueDictionary

import streamlit as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import ScanLensError
from ui.faults import log_fault
from ui.session import reading

Content = bytes | str

CHANGED = "This page has changed since. Reload it and save again."
FAILED = "This file could not be made. That is our fault; everything else is not affected."

_HTML = '<div class="download"><button type="button"></button><span role="status"></span></div>'
_CSS = """
.download { display: flex; flex-wrap: wrap; align-items: center; gap: 0.2rem 0.6rem; font: 0.875rem var(--st-font); }
button { font: inherit; color: var(--st-text-color); background: var(--st-background-color); cursor: pointer;
  border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius); padding: 0.25rem 0.75rem;
  min-height: 2.5rem; line-height: 1.6; white-space: nowrap; }
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 1px; }
button[aria-busy="true"] { opacity: 0.6; cursor: progress; }
span { font-size: 0.85rem; color: var(--st-text-color); }
span:empty { display: none; }
"""
_JS = """
const SILENT = "The server did not answer. Is ScanLens still running?"

async function save(button, said) {
  if (button.getAttribute("aria-busy") === "true") return
  button.setAttribute("aria-busy", "true")
  said.textContent = ""
  const { href, name } = button.file
  try {
    const answer = await fetch(new URL(href, document.baseURI), { cache: "no-store" })
    if (!answer.ok) {
      said.textContent = answer.headers.get("x-scanlens-says") ? await answer.text() : SILENT
      return
    }
    const link = document.createElement("a")
    link.href = URL.createObjectURL(await answer.blob())
    link.download = name
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60000)
  } catch {
    said.textContent = SILENT
  } finally {
    button.removeAttribute("aria-busy")
  }
}

export default function (component) {
  const { data, parentElement } = component
  const button = parentElement.querySelector("button"), said = parentElement.querySelector("span")
  button.textContent = data.label
  button.title = data.help
  button.file = data
  button.onclick = () => save(button, said)
}
"""
_COMPONENT = st.components.v2.component("scanlens_download", html=_HTML, css=_CSS, js=_JS)


@dataclass(eq=False)
class Offer:
    """A file that can be had under an address.

    Attributes:
        token: Its address; whoever knows it gets the file, as with the addresses of Streamlit's own files.
        label: On the button.
        make: Makes the content.
        name: With its ending.
        mime: Type of the content.
    """

    token: str
    label: str
    make: Callable[[], Content]
    name: str
    mime: str


#: What can be had now. The session holds the offers; those of one that has ended, or of a closed scan, are gone.
_OFFERS: WeakValueDictionary[str, Offer] = WeakValueDictionary()


def show_download(
    label: str,
    make: Callable[[], Content] | Content,
    name: str,
    mime: str,
    *,
    key: str,
    help: str = "",
) -> None:
    """A button that saves a file.

    Args:
        label: On the button.
        make: Makes the content when it is asked for, in another thread; or the content itself.
        name: Of the file, with its ending.
        mime: Type of the content.
        key: Of the button.
        help: For those who rest on it.
    """
    offers = reading().offers
    maker = make if callable(make) else lambda: make
    offer = offers.get(key)
    if offer is None:
        offer = offers[key] = Offer(secrets.token_urlsafe(24), label, maker, name, mime)
        _OFFERS[offer.token] = offer
    offer.label, offer.make, offer.name, offer.mime = label, maker, name, mime
    data = {"label": label, "href": f"download/{offer.token}", "name": name, "help": help}
    _COMPONENT(key=key, data=data, width="content")


def answer(request: Request) -> Response:
    """The file that is offered under an address, or one sentence. Runs in a thread of the server."""
    offer = _OFFERS.get(request.path_params["token"])
    if offer is None:
        return _said(404, CHANGED)
    name, mime = offer.name, offer.mime
    try:
        content = offer.make()
    except ScanLensError as error:
        return _said(409, str(error))
    except Exception as error:
        log_fault("Saving a file", error)
        return _said(500, FAILED)
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    return Response(content, 200, {"content-disposition": disposition, "cache-control": "no-store"}, mime)


def _said(status: int, sentence: str) -> Response:
    return PlainTextResponse(sentence, status, {"x-scanlens-says": "1", "cache-control": "no-store"})


def download_route() -> Route:
    """The addresses of all offers, behind whatever path the app is served under."""
    return Route("/{base:path}download/{token}", answer, methods=["GET"])
