"""Addresses of machines and devices."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from retrieval.redaction.recognizers.digits import luhn
from retrieval.redaction.recognizers.frame import Pattern, PatternsRecognizer

_FOUR: Final = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
# Not within a longer dotted number: 1.2.3.4.5 is a version.
_V4: Final = rf"(?<![\w.])(?<!==)(?:{_FOUR}\.){{3}}{_FOUR}(?:/\d{{1,2}})?(?![\w]|\.\d)"
_V6: Final = (
    r"(?<![\w:.])(?=[0-9a-fA-F:.]{2,45}(?:%\w{1,15})?(?![\w:]))(?=[0-9a-fA-F]*:[0-9a-fA-F]*:)"
    r"[0-9a-fA-F:]{2,39}(?:(?:\d{1,3}\.){3}\d{1,3})?(?:%\w{1,15})?(?:/\d{1,3})?"
)
_MAC: Final = (
    r"(?<![\w:\-.])(?:[0-9a-fA-F]{2}([:\-])(?:[0-9a-fA-F]{2}\1){4}[0-9a-fA-F]{2}(?:\1"
    r"[0-9a-fA-F]{2}\1[0-9a-fA-F]{2})?"
    r"|(?:[0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4})(?![\w:\-])"
)
_UUID: Final = (
    r"(?<![\w\-])[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
    r"[0-9a-fA-F]{12}(?![\w\-])"
)
_IMEI: Final = r"(?<![\w.,])\d{2}[ \-]?\d{6}[ \-]?\d{6}[ \-]?\d(?![\w])"
# Vehicle identification numbers: seventeen characters without I, O and Q; ninth a check digit in
# North America (49 CFR 565.15).
_VIN: Final = (
    r"(?<![\w])(?=[A-HJ-NPR-Z0-9]{0,16}\d)(?=[A-HJ-NPR-Z0-9]{0,16}[A-Z])"
    r"[A-HJ-NPR-Z0-9]{17}(?![\w])"
)
_VIN_VALUES: Final = dict(
    zip(
        "ABCDEFGHJKLMNPRSTUVWXYZ",
        (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
        strict=True,
    )
)
_VIN_WEIGHTS: Final = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_DEGREES: Final = (
    r"(?:\.\d{1,6})?\u00b0 ?(?:\d{1,2}['\u2032] ?(?:\d{1,2}(?:\.\d{1,4})?[\"\u2033] ?)?)?"
)
_COORDINATES: Final = (
    r"(?<![\w.])[-+]?\d{1,2}\.\d{4,8}\u00b0? ?[NS]?, ?[-+]?\d{1,3}\.\d{4,8}\u00b0?(?: ?[EW])?(?!\w)"
    rf"|(?<![\w.])\d{{1,2}}{_DEGREES}[NS],? ?\d{{1,3}}{_DEGREES}[EWO]"
)


def _v4(value: str) -> float:
    """Anything but the address that means none; a word such as "version" speaks against it."""
    return 0.0 if value.startswith("0.0.0.0") else 0.6  # noqa: S104 - compared, not bound


# "::" and "1::" are code more often than addresses.
_SHORTEST: Final = 5


def _v6(value: str) -> float:
    bare = re.split(r"[%/]", value, maxsplit=1)[0]
    try:
        address = ipaddress.IPv6Address(bare)
    except ValueError:
        return 0.0
    return 0.9 if len(address.compressed) > _SHORTEST and not address.is_unspecified else 0.0


def _mac(value: str) -> float:
    digits = set(re.sub(r"[^0-9a-f]", "", value.lower()))
    return 0.8 if len(digits) > 1 else 0.0


def _imei(value: str) -> float:
    digits = re.sub(r"\D", "", value)
    return 0.45 if luhn(digits) and digits[0] != "0" else 0.0


def _vin(value: str) -> float:
    total = (
        sum(int(_VIN_VALUES.get(c, c)) * w for c, w in zip(value, _VIN_WEIGHTS, strict=True)) % 11
    )
    return 0.8 if value[8] == ("X" if total == 10 else str(total)) else 0.15  # noqa: PLR2004


def network() -> PatternsRecognizer:
    """IP and hardware addresses, random identifiers, devices and vehicles, coordinates."""
    return PatternsRecognizer(
        "NetworkRecognizer",
        (
            Pattern("IP_ADDRESS", _V4, 0.6, _v4, where="digits"),
            Pattern("IP_ADDRESS", _V6, 0.9, _v6, where="hot"),
            Pattern("MAC_ADDRESS", _MAC, 0.8, _mac, where="hot"),
            Pattern("UUID", _UUID, 0.5, where="codes"),
            Pattern("IMEI", _IMEI, 0.45, _imei, where="digits"),
            Pattern("VIN", _VIN, 0.8, _vin, where="codes"),
            Pattern("COORDINATES", _COORDINATES, 0.6, where="hot"),
        ),
        words={
            "IP_ADDRESS": ("ip", "ipv4", "ipv6", "address", "host", "server", "adresse"),
            "MAC_ADDRESS": ("mac",),
            "IMEI": ("imei", "handset", "device"),
            "VIN": ("vin", "vehicle", "chassis", "fahrgestellnummer", "fin"),
            "UUID": ("device", "user", "session", "patient", "account"),
        },
        needs="",
        deniable=True,
    )
