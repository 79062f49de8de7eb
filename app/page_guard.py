"""Who may talk to the page: a guard before all that Streamlit answers, so that no other web site can drive it.

A browser lets any site send requests to this machine. What gives them away is the Host header (a site whose own name was made to
point here: DNS rebinding), the Origin header, and Sec-Fetch-Site where a browser sends no Origin, as for pictures.
"""

import re
import sys
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

from app.errors import WrongValue

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>\d{1,5}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#@]+)", re.IGNORECASE)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_TOLD = 50  # refusals that are told of, each once, so that a flood fills no log
# No page may show this one in a frame (a click on what lies over it would be a click here), nor read what it sends.
_HEADERS = {
    b"content-security-policy": b"frame-ancestors 'none'; object-src 'none'; base-uri 'self'; form-action 'self'",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
}


def host_name(text: str) -> str | None:
    """A host's name or address as it is compared: small letters, no dot at the end, addresses in one spelling; None for no host."""
    name = text.lower().removesuffix(".")
    try:
        address = ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return name if re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", name) else None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def is_local(address: str) -> bool:
    """Whether only programs of this machine reach what listens there."""
    name = host_name(address)
    if name == "localhost":
        return True
    try:
        return ip_address(name or "").is_loopback
    except ValueError:
        return False


def allowed_hosts(address: str, names: Collection[str]) -> tuple[str, ...]:
    """The names under which the page may be asked for: this machine's own, the address it listens on, and those that were given.

    Raises WrongValue for what is no host's name.
    """
    hosts = [*LOCAL_HOSTS]
    if host_name(address) not in ("0.0.0.0", "::"):  # these are no names; see `Guard` for what is reached through them
        hosts.append(host_name(address) or address)
    for name in names:
        host = host_name(name)
        if host is None:
            raise WrongValue(f"A host is a name or an address alone, such as vret.example.com or 192.168.1.5, got {name!r}.")
        hosts.append(host)
    return tuple(dict.fromkeys(hosts))


class Guard:
    """Answers requests of other web sites, and under other names than the page's, with 403 and hands on the rest.

    hosts: names as `allowed_hosts` makes them. Besides, the very address to which a connection was made is allowed: no name was
    looked up for it, so none can have been made to point here. Programs that are no browsers and send no Origin are let through.
    """

    def __init__(self, app: "ASGIApp", hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)
        self._told: set[str] = set()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._app(_plainly_named(scope), receive, _with_headers(send) if scope["type"] == "http" else send)
            return
        self._tell(refusal)
        if scope["type"] == "websocket":
            await receive()  # the request to connect; closing before it is accepted answers it with 403
            await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
        else:
            await _refuse(_with_headers(send), refusal)

    def _refusal(self, scope: "Scope") -> str | None:
        """Why a request is not for this page, in a line; None where it is."""
        headers = _Headers(scope)
        host = _AUTHORITY.fullmatch(headers.only("host") or "")
        name = None if host is None else host_name(host["name"])
        if host is None or name is None:
            return "a request without a proper Host header"
        reached = host_name(scope["server"][0]) if scope.get("server") else None
        if name not in self._hosts and name != reached:
            return f"this page is not served under the name {name}; if it should be: vret ui --allow-host {name}"
        if headers.count("origin"):
            origin = headers.only("origin") or ""
            if not _is_same_origin(origin, name, host["port"]):
                shown = origin if origin.isascii() and origin.isprintable() else "?"
                return f"a request from another site ({shown[:100]}); a proxy in front of the page must pass on the Host header"
        elif headers.only("sec-fetch-site") in ("cross-site", "same-site") and not _is_opening(scope, headers):
            return "a request from another site"
        return None

    def _tell(self, refusal: str) -> None:
        if refusal in self._told or len(self._told) >= _TOLD:
            return
        self._told.add(refusal)
        print(f"vret: refused: {refusal}", file=sys.stderr, flush=True)


class _Headers:
    def __init__(self, scope: "Scope") -> None:
        self._all: list[tuple[bytes, bytes]] = scope["headers"]

    def count(self, name: str) -> int:
        return sum(key.lower() == name.encode() for key, _ in self._all)

    def only(self, name: str) -> str | None:
        """The value of a header; None where it is missing or comes more than once."""
        values = [value for key, value in self._all if key.lower() == name.encode()]
        return values[0].decode("latin-1").strip() if len(values) == 1 else None


def _is_same_origin(origin: str, name: str, port: str | None) -> bool:
    """Whether an Origin names the host and port that were asked for. The scheme may differ: a proxy may speak https for us."""
    parts = _ORIGIN.fullmatch(origin)
    authority = None if parts is None else _AUTHORITY.fullmatch(parts["authority"])
    if parts is None or authority is None:  # "null" among others: a sandboxed frame, a file
        return False
    default = _DEFAULT_PORTS[parts["scheme"].lower()]
    return host_name(authority["name"]) == name and int(authority["port"] or default) == int(port or default)


def _plainly_named(scope: "Scope") -> "Scope":
    """The request with its host in the one spelling that is compared, so that Streamlit, too, finds Host and Origin to be equal."""
    headers = []
    for key, value in scope["headers"]:
        if key.lower() in (b"host", b"origin"):
            scheme, slashes, authority = value.decode("latin-1").strip().rpartition("://")
            parts = _AUTHORITY.fullmatch(authority)
            name = host_name(parts["name"]) if parts is not None else None
            if parts is not None and name is not None:
                port = f":{parts['port']}" if parts["port"] else ""
                value = f"{scheme}{slashes}{f'[{name}]' if ':' in name else name}{port}".encode("latin-1")
        headers.append((key, value))
    return {**scope, "headers": headers}


def _is_opening(scope: "Scope", headers: _Headers) -> bool:
    """Whether somebody follows a link to the page, which shows it in a tab of its own."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.only("sec-fetch-mode") == "navigate"
        and headers.only("sec-fetch-dest") == "document"
    )


def _with_headers(send: "Send") -> "Send":
    async def guarded(message: "Message") -> None:
        if message["type"] == "http.response.start":
            kept = [
                (key, value)
                for key, value in message.get("headers", ())
                if key.lower() not in _HEADERS and not key.lower().startswith(b"access-control-")
            ]
            message = {**message, "headers": [*kept, *_HEADERS.items()]}
        await send(message)

    return guarded


async def _refuse(send: "Send", refusal: str) -> None:
    body = f"vret: refused: {refusal}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # what else was sent is not read
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.FORBIDDEN.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})
