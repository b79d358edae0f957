"""What may be said of a URL or a host without asking the network: whether it is safe to trust, whose it is."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

#: The characters of RFC 3986. ``urlsplit`` drops line ends and tabs in silence; a URL that has any is refused instead.
_URL = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")

_PORTS = {"http": 80, "https": 443}


def is_loopback(host: str) -> bool:
    """Whether a host (a name, or an address with or without brackets) is this machine itself.

    ``localhost`` and names under it are (RFC 6761), and so are 127.0.0.0/8, ::1 and ::ffff:127.0.0.0/104.
    """
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def parts(url: str) -> SplitResult | None:
    """The parts of an absolute http or https URL without credentials; None where it is none."""
    if not _URL.fullmatch(url):
        return None
    try:
        split = urlsplit(url)
        if split.scheme not in _PORTS or not split.hostname or "@" in split.netloc or split.port == 0:
            return None
    except ValueError:  # a port that is no number, a broken IPv6 address
        return None
    return split


def is_server(url: str) -> bool:
    """Whether a URL, with credentials or without, can be that of a server."""
    try:
        split = urlsplit(url)
        return split.scheme in _PORTS and bool(split.hostname) and split.port != 0 and not re.search(r"\s", url)
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def is_secure(url: str) -> bool:
    """Whether what is sent to a URL stays between the two ends: https, or http on the loopback address."""
    split = parts(url)
    return split is not None and (split.scheme == "https" or is_loopback(split.hostname or ""))


def origin(url: str) -> tuple[str, str, int] | None:
    """Scheme, host in lower case and port of a URL; None where it is no http or https URL."""
    split = parts(url)
    if split is None:
        return None
    return split.scheme, (split.hostname or "").lower(), split.port or _PORTS[split.scheme]


def shown(url: str) -> str:
    """A URL for messages: without the credentials and the query that it may hold."""
    try:
        split = urlsplit(url)
    except ValueError:
        return "the URL"
    if not split.netloc:
        return url.split("?", 1)[0]
    return f"{split.scheme}://{split.netloc.rpartition('@')[2]}{split.path}"
