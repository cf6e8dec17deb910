"""Keys, tokens and passwords: by a provider's prefix, by what stands before, by randomness."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from retrieval.redaction.recognizers.frame import Pattern, PatternsRecognizer, Recognizer
from retrieval.redaction.wordlist import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.redaction.recognizers.frame import Span

_L: Final = r"(?<![A-Za-z0-9])"
_R: Final = r"(?![A-Za-z0-9])"
_T: Final = r"[A-Za-z0-9_\-]"
# Prefixes as the providers document them (and as secret scanners list them: gitleaks, GitHub).
_PREFIXED: Final = (
    rf"sk-(?:ant-|proj-|svcacct-|or-v1-|live-|test-)?{_T}{{16,200}}",  # OpenAI, Anthropic, others
    rf"(?:sk|pk|rk|whsec)_(?:live|test|prod)?_?{_T}{{8,200}}",  # Stripe and its like
    rf"gh[pousr]_{_T}{{16,255}}|github_pat_{_T}{{20,255}}",
    rf"glpat-{_T}{{16,64}}|gl(?:ptt|dt|rt|cbt|soat|ft)-{_T}{{16,64}}",
    r"(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA|AGPA|ANPA)[A-Z0-9]{12,20}",
    rf"AIza{_T}{{30,45}}|ya29\.{_T}{{16,400}}|GOCSPX-{_T}{{20,40}}",
    rf"xox[abeoprs]-{_T}{{8,200}}|xapp-{_T}{{16,200}}",
    rf"SG\.{_T}{{16,32}}\.{_T}{{16,64}}|key-[0-9a-f]{{32}}|(?:AC|SK)[0-9a-f]{{32}}",
    (
        rf"npm_{_T}{{30,50}}|pypi-{_T}{{30,250}}|dckr_pat_{_T}{{20,40}}|hf_{_T}{{20,60}}"
        rf"|r8_{_T}{{30,50}}|gsk_{_T}{{30,80}}"
    ),
    rf"shp(?:at|ca|pa|ss)_{_T}{{20,64}}|sq0(?:atp|csp)-{_T}{{20,64}}|EAA{_T}{{50,250}}",
    (
        rf"do[opr]_v1_{_T}{{40,80}}|lin_api_{_T}{{30,60}}|figd_{_T}{{30,60}}|ntn_{_T}{{30,60}}"
        rf"|secret_{_T}{{30,60}}"
    ),
    (
        rf"pat[A-Za-z0-9]{{14}}\.{_T}{{40,80}}|dop_v1_[0-9a-f]{{40,80}}|hv[sbr]\.{_T}{{20,200}}"
        rf"|dp\.pt\.{_T}{{30,60}}"
    ),
    rf"AGE-SECRET-KEY-1[0-9A-Z]{{50,64}}|rzp_(?:live|test)_{_T}{{10,30}}|PMAK-{_T}{{40,80}}",
    r"\d{8,10}:AA[A-Za-z0-9_\-]{30,40}",  # Telegram bots
    r"https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_\-]{16,100}",
    r"https://(?:\w{1,20}\.)?discord(?:app)?\.com/api/webhooks/\d{10,25}/[A-Za-z0-9_\-]{20,100}",
)
_JWT: Final = (
    rf"{_L}eyJ[A-Za-z0-9_\-]{{6,4000}}(?:\.[A-Za-z0-9_\-=]{{2,4000}}){{1,4}}"
    rf"|{_L}eyJ[A-Za-z0-9_\-]{{4,4000}}\.\.\."
)
_BEARER: Final = (
    r"(?i)\b(?:bearer|basic|token|apikey|digest"
    r"|negotiate)[ :]{1,2}(?P<value>[A-Za-z0-9._~+/\-]{16,2000}={0,2})"
)
# What a variable, a field or a sentence calls a secret.
_NAMES_OF_SECRETS: Final = (
    r"(?:(?:api|access|secret|private|auth|signing|encryption|client|service|account"
    r"|storage|consumer|master|app|license|shared|deploy|ssh)"
    r"[_\- ]?(?:key|token|secret|id_token)|(?:secret|token|apikey|credential|passphrase)s?"
    r"|api[_\- ]?schlüssel|clé[_\- ]?api|clave[_\- ]?api|chiave[_\- ]?api)"
)
_NAMES_OF_PASSWORDS: Final = (
    r"(?:(?:passwords?|passwd|passwort|kennwort|passphrase|passcode|pwd|pword|psw|mot de"
    r" passe|mdp|contraseñas?|contrasena|clave secreta|parola d'ordine|wachtwoord|senha"
    r"|lösenord|adgangskode|hasło|salasana)"
    r"|(?<![a-z0-9])pin(?:[_\- ]?(?:code|number))?|(?<![a-z0-9])otp|one[- ]time (?:code"
    r"|password)|(?<![a-z0-9])(?:cvv2?|cvc2?)|security code|kartenprüfnummer"
    r"|(?<![a-z0-9])pass|(?:db|admin|root|user|smtp|ftp|mail|ssh|my)_?pass)"
)
_IS: Final = (
    r"[\"'\]]{0,2}\s{0,3}(?:(?:for|of|to|für|pour|para|per) (?:[\w.@\-]{1,40}\s{1,2}){1,3})?"
    r"(?::=|=>|==|[:=]|\bis\b|\bwas\b|\bare\b|\bset to\b|\breset to\b|\bchanged to\b|\blautet\b"
    r"|\bist\b|\best\b|\bes\b|è|\bé\b)"
    r"\s{0,4}(?:now |set to |reset to |also |: ?)?[\"'`]?"
)
_NAMED: Final = (
    rf"(?i){_NAMES_OF_SECRETS}{_IS}(?P<value>[^\s\"'`,;<>\u2588]{{6,4000}}"
    r"[^\s\"'`,;<>.)\]}\u2588])"
)
_PASSWORD: Final = (
    rf"(?i){_NAMES_OF_PASSWORDS}{_IS}(?P<value>[^\s\"'`<>\u2588]{{3,200}}[^\s\"'`<>,;.)\u2588])"
)
_EXPLICIT_PASSWORD: Final = (
    rf"(?i){_NAMES_OF_PASSWORDS}[\"'\]]{{0,2}}[ \t]{{0,3}}(?::=|=>|[:=](?!=))[ \t]{{0,4}}"
    r"(?P<value>[^\s\"'`<>,;()\u2588]{4,200})"
)
# Four words or more to the end of the line.
_PASSPHRASE: Final = (
    rf"(?i){_NAMES_OF_PASSWORDS}[\"'\]]{{0,2}}[ \t]{{0,3}}[:=][ \t]{{0,4}}[\"'`]?"
    r"(?P<value>[a-z]{3,12}(?:[ \-][a-z]{3,12}){3,7})(?=[\"'`.;]?[ \t]{0,4}(?:\r?\n|$))"
)
_QUOTED_PASSWORD: Final = (
    rf"(?i){_NAMES_OF_PASSWORDS}[\"'\]]{{0,2}}\s{{0,3}}(?::=|=>"
    r"|[:=])\s{0,4}(?:\"(?P<value>[^\"\n\u2588]{3,200})\""
    r"|'(?P<value>[^'\n\u2588]{3,200})')"
)
_SQL: Final = (
    r"(?i)\b(?:identified (?:with [\w]{1,40} )?(?:by|as)|password)"
    r" (?P<quote>['\"])(?P<value>[^'\"\n\u2588]{3,200})(?P=quote)"
)
_FLAG: Final = (
    r"(?i)(?<!\S)(?:--?(?:password|passwd|pass|pwd|token|secret"
    r"|api-key)[= ])[\"']?(?P<value>[^\s\"'\u2588]{4,200})"
)
_CONNECTION: Final = (
    r"(?i)\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"'<>\u2588]{0,64}:(?P<value>"
    r"[^\s/@\"'<>\u2588]{1,200})@[^\s\"'<>\u2588]{1,300}"
)
_ADO: Final = (
    r"(?i)\b(?:(?:server|data source|host|user id|uid|username|accountname|endpoint"
    r"|database|initial catalog|defaultendpointsprotocol)=[^;\n\u2588]{1,200};){1,8}"
    r"[^\n\u2588]{0,200}?(?:password|pwd|accountkey"
    r"|sharedaccesskey)=[^;\n\s\"'\u2588]{1,200};?"
)
_BEARERS: Final = ("bearer", "basic", "token", "apikey", "digest", "negotiate")
_KEYS: Final = ("key", "token", "secret", "credential", "passphrase", "schlüssel", "api", "clave")
_PASSWORDS: Final = (
    "pass",
    "pwd",
    "kennwort",
    "pword",
    "psw",
    "mdp",
    "contrase",
    "clave secreta",
    "parola",
    "wachtwoord",
    "senha",
    "lösenord",
    "adgangskode",
    "hasło",
    "salasana",
    "pin",
    "otp",
    "one-time",
    "one time",
    "cvv",
    "cvc",
    "security code",
    "kartenprüfnummer",
)
_HEX: Final = rf"{_L}(?:[0-9a-f]{{64}}|[0-9a-f]{{40}}|[0-9a-f]{{32}}|[0-9A-F]{{32,128}}){_R}"
_ORDINARY: Final = frozenset(
    words(
        "true false none null yes required optional incorrect wrong invalid expired changed"
        " reset the a an not"
        " stored hashed encrypted protected missing empty correct weak strong valid needed"
        " case very being also"
        " only set sent shown given always never string str int bool self value values field"
        " fields function"
        " wrong. falsch korrekt erforderlich requis incorrecto incorrecta required. here"
        " there your my this that"
    )
)
# What code assigns: settings.password, get_password(, db_password.
_VARIABLE: Final = re.compile(r"[a-z]+(?:[_.][a-z]+)+(?:\(.{0,80})?|[a-z]+\(.{0,80}")
_RANDOM_BITS: Final = 3.0
_LONG: Final = 12
# Base64 of noise has nearly six.
_BASE64_BITS: Final = 4.5
_RANDOM: Final = 0.7


def _secret(value: str) -> float:
    """Named a key or token, and it looks like one: long and mixed, not a word or a call."""
    if value.casefold() in _ORDINARY or value.endswith("(") or "(" in value[:40]:
        return 0.0
    digits = sum(map(str.isdigit, value))
    letters = sum(map(str.isalpha, value))
    if digits and letters and entropy(value) >= 2.5:  # noqa: PLR2004 - as of eight mixed characters
        return 0.85
    if len(value) >= _LONG and entropy(value) >= _RANDOM_BITS and (value.lower() != value):
        return 0.7
    return 0.45 if digits >= 6 else 0.0  # noqa: PLR2004 - a code in figures


def _random(value: str) -> bool:
    return _secret(value) >= _RANDOM


def _password(value: str) -> float:
    """Named a password: any word that does not go on the sentence."""
    bare = value.casefold().strip(".,")
    if bare in _ORDINARY or _VARIABLE.fullmatch(bare):
        return 0.0
    plain = value.isalpha() and value.islower()
    return 0.35 if plain else 0.8


def _explicit(value: str) -> bool:
    """Behind a colon any word counts that is no word of documentation, no name of a variable."""
    bare = value.casefold().strip(".,")
    named = "_" in bare or "." in bare or bare.startswith(("pass", "pwd"))
    return any(map(str.isalnum, bare)) and bare not in _ORDINARY and not (named and bare.isascii())


def entropy(value: str) -> float:
    """Bits a character of ``value`` by its own frequencies (Shannon)."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def secrets() -> PatternsRecognizer:
    """API keys by prefix and name, JWTs, passwords, connection strings."""
    named = "|".join(_PREFIXED)
    return PatternsRecognizer(
        "SecretRecognizer",
        (
            Pattern("API_KEY", rf"{_L}(?:{named}){_R}", 0.95),
            Pattern("JWT", _JWT, 0.95, hints=("eyj",)),
            Pattern("API_KEY", _BEARER, 0.8, _random, hints=_BEARERS),
            Pattern("API_KEY", _NAMED, 0.85, _secret, hints=_KEYS),
            Pattern("PASSWORD", _PASSWORD, 0.8, _password, hints=_PASSWORDS),
            Pattern("PASSWORD", _EXPLICIT_PASSWORD, 0.5, _explicit, hints=_PASSWORDS),
            Pattern("PASSWORD", _PASSPHRASE, 0.45, hints=_PASSWORDS),
            Pattern("PASSWORD", _QUOTED_PASSWORD, 0.85, hints=_PASSWORDS),
            Pattern("PASSWORD", _SQL, 0.9, hints=("identified", "password '", 'password "')),
            Pattern(
                "PASSWORD", _FLAG, 0.8, hints=("-pass", "-pwd", "-token", "-secret", "-api-key")
            ),
            Pattern("PASSWORD", _CONNECTION, 0.95, hints=("://",)),
            Pattern("PASSWORD", _ADO, 0.9, hints=("password=", "pwd=", "key=")),
            Pattern("API_KEY", _HEX, 0.2, where="codes"),
        ),
        words={
            "API_KEY": (
                "key",
                "token",
                "secret",
                "api",
                "credential",
                "apikey",
                "webhook",
                "schlüssel",
            )
        },
        needs="",
    )


class PrivateKeyRecognizer(Recognizer):
    """Blocks of PEM and of OpenPGP whole, from BEGIN to END; one that has no end to its last line.

    Blocks are longer than windows, so the whole text is searched, by patterns that never go back.
    """

    whole = True

    def __init__(self) -> None:
        """Compile the patterns."""
        super().__init__("PRIVATE_KEY")
        name = r"[A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?"
        body = r"(?:[A-Za-z0-9+/=]++|\\[nr]|\s|[\-\"',+]|[A-Za-z\-]{1,30}: [^\n]{0,200}\n)"
        self._patterns = (
            Pattern(
                "PRIVATE_KEY",
                rf"-----BEGIN {name}-----(?:(?:(?!-----){body}){{0,20000}}+-----END {name}-----"
                r"|(?:\s{0,4}+(?:\\n)?[A-Za-z0-9+/=]{16,}+){0,2000}+)",
                1.0,
            ),
            # The rest of a block whose beginning is missing.
            Pattern(
                "PRIVATE_KEY",
                (
                    r"(?:[A-Za-z0-9+/=]{16,120}+(?:\r?\n"
                    rf"|\\n)){{1,200}}+(?:[A-Za-z0-9+/=]{{1,120}}+(?:\r?\n|\\n))?"
                    rf"-----END {name}-----"
                ),
                1.0,
            ),
            # Five lines of base64 of one length, wherever they come from.
            Pattern(
                "PRIVATE_KEY",
                (
                    r"(?m)^(?:[ \t]{0,8}+[A-Za-z0-9+/]{60,76}+(?:\r?\n"
                    r"|\\n)){4,}+[ \t]{0,8}+[A-Za-z0-9+/=]{0,76}+"
                ),
                0.75,
                lambda value: entropy(value) > _BASE64_BITS,
            ),
            Pattern(
                "PRIVATE_KEY",
                r"PuTTY-User-Key-File-\d:(?>[^\u2588]{0,8000}?Private-MAC: [0-9a-f]{40,64})",
                1.0,
            ),
        )

    def spans(self, text: str) -> Iterator[Span]:
        """Blocks and parts of blocks."""
        if "-----" in text or "PuTTY" in text or "\n" in text:
            for pattern in self._patterns:
                yield from pattern.spans(text)
