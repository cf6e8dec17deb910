"""Numbers and names that a label before them explains: "MRN: 123", "user name is bob77".

The same value alone would be any code. Labels in English, German, French, Spanish, Italian.
"""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.frame import B, Pattern, PatternsRecognizer
from retrieval.redaction.wordlist import words

# Between label and value.
_NO: Final = (
    r"(?:[ _\-]?(?:numbers?|num|nummer|no|nr|id|identifier|code|#|numéro|numero|número|n°"
    r"|nº)\b?\.?)?"
)
_IS: Final = (
    r"[\"'\])]{0,2}\s{0,3}(?:[:=#]|\bis\b|\bwas\b|\bist\b|\best\b|\bes\b|è|\blautet\b"
    r"|\bnow\b|->|=>)?\s{0,3}[:=#]?\s?[\"'(\[]?"
)
_MUST: Final = (
    r"[\"'\])]{0,2}\s{0,3}(?:[:=#]|\bis\b|\bwas\b|\bist\b|\best\b|\bes\b|è|\blautet\b|->"
    r"|=>)\s{0,3}[\"'(\[]?"
)
_CODE: Final = (
    r"(?P<value>(?=[A-Za-z0-9./\-]{0,20}\d)[A-Za-z0-9](?:[A-Za-z0-9]"
    r"|[./\-](?=[A-Za-z0-9])){3,24})"
)
_DIGITS: Final = r"(?P<value>\d(?:[ \-]?\d){4,19})"

_MEDICAL: Final = (
    r"(?:national |nhs )?health id|medical record|med(?:ical)? rec|mrn|patient|chart"
    r"|hospital|case file|health record|encounter|admission|specimen|accession|krankenakte"
    r"|patientennummer|"
    r"patienten|fallnummer|aufnahmenummer|dossier (?:médical|patient)|numéro de dossier"
    r"|historia clínica|expediente|cartella clinica|nosologico|rx|prescription|claim"
)
_NATIONAL: Final = (
    r"national id(?:entity)?(?: card)?|identity card|id card|citizen id|personal"
    r" id(?:entification)?|national identification|personalausweis|ausweis|carte"
    r" d'identité|carte nationale d'identité|dni|cédula|cedula|carta d'identità|documento"
    r" d'identità|"
    r"dowód osobisty|občanský průkaz|tax(?:payer)? id(?:entification)?|social insurance"
    r"|social security|bar|court id|immigration|alien|green card|residence permit|voter"
)
_LABELS: Final = {
    "MEDICAL_RECORD": (
        _MEDICAL,
        _CODE,
        True,
    ),
    "HEALTH_INSURANCE": (
        (
            r"(?:health )?insurance|member(?:ship)?|subscriber|policy|medicaid|beneficiary|group"
            r"|versicherten|versicherungsnummer|policen|krankenkassen|assuré|mutuelle|póliza"
            r"|poliza|polizza|tessera sanitaria"
        ),
        _CODE,
        True,
    ),
    "MEDICAL_LICENSE": (
        (
            r"dea|npi|medical licen[cs]e|nursing licen[cs]e|physician|lanr|arztnummer|rpps"
            r"|colegiado"
        ),
        _CODE,
        False,
    ),
    "PASSPORT": (
        (
            r"passports?|reisepass|pass(?=[- ]?(?:nr|nummer))|passeport|pasaporte|passaporto"
            r"|paspoort|paszport|passaporte|visa(?= (?:no|number|#))|travel document"
        ),
        _CODE,
        False,
    ),
    "DRIVING_LICENCE": (
        (
            r"driver'?s?[ _]?licen[cs]e|driving licen[cs]e|licen[cs]e(?= (?:no|number|#))|dl"
            r"|führerschein|führerscheinnummer|permis de conduire|permiso de conducir|carnet de"
            r" conducir|patente(?: di guida)?|rijbewijs|prawo jazdy"
        ),
        _CODE,
        False,
    ),
    "NATIONAL_ID": (
        _NATIONAL,
        _CODE,
        False,
    ),
    "BANK_ACCOUNT": (
        (
            r"(?:bank |checking |savings |current )?(?:account|acct|a/c)|konto|kontonummer"
            r"|compte(?: bancaire)?|cuenta(?: bancaria)?|conto(?: corrente)?|rekening|sort code"
            r"|blz|bankleitzahl|routing"
        ),
        (
            r"(?P<value>\d\d[ \-]\d\d[ \-]\d\d(?!\d)"
            r"|(?=[A-Z0-9 \-]{0,20}\d{3})[A-Z0-9](?:[ \-]?[A-Z0-9]){4,19})"
        ),
        False,
    ),
    "PLATE": (
        (
            r"licen[cs]e plate|number plate|plate|registration plate|vehicle registration|car"
            r" registration|kennzeichen|kfz[- ]kennzeichen|nummernschild|plaque(?:"
            r" d'immatriculation)?|immatriculation|matrícula|targa|kenteken"
        ),
        r"(?P<value>(?=[A-ZÄÖÜ0-9 \-]{0,10}\d)[A-ZÄÖÜ0-9]{1,4}(?:[ \-][A-ZÄÖÜ0-9]{1,4}){0,3})",
        False,
    ),
    "EMPLOYEE_ID": (
        (
            r"employee|emp|staff|personnel|badge|student|matriculation|personalnummer"
            r"|mitarbeiternummer|matrikelnummer|matricule|empleado|matricola"
        ),
        _CODE,
        True,
    ),
}
# What stands in every text in which a label of the kind does.
_HINTS: Final = {
    "MEDICAL_RECORD": (
        "med",
        "mrn",
        "health id",
        "patient",
        "chart",
        "hospital",
        "case file",
        "health record",
        "encounter",
        "admission",
        "specimen",
        "accession",
        "krankenakte",
        "fallnummer",
        "aufnahmenummer",
        "dossier",
        "histori",
        "expediente",
        "cartella",
        "nosologico",
        "rx",
        "prescription",
        "claim",
    ),
    "HEALTH_INSURANCE": (
        "insurance",
        "member",
        "subscriber",
        "policy",
        "medicaid",
        "beneficiary",
        "group",
        "versich",
        "policen",
        "krankenkassen",
        "assuré",
        "mutuelle",
        "póliza",
        "poliza",
        "polizza",
        "tessera",
    ),
    "MEDICAL_LICENSE": (
        "dea",
        "npi",
        "licen",
        "physician",
        "lanr",
        "arztnummer",
        "rpps",
        "colegiado",
    ),
    "PASSPORT": ("pass", "pasaporte", "paspoort", "paszport", "visa", "travel document"),
    "DRIVING_LICENCE": (
        "licen",
        "dl",
        "führerschein",
        "permis",
        "carnet",
        "patente",
        "rijbewijs",
        "prawo",
    ),
    "NATIONAL_ID": (
        "national",
        "card",
        "citizen",
        "personal",
        "ausweis",
        "carte",
        "dni",
        "dula",
        "carta",
        "documento",
        "dow",
        "občan",
        "tax",
        "insurance",
        "security",
        "bar",
        "court",
        "immigration",
        "alien",
        "permit",
        "voter",
    ),
    "BANK_ACCOUNT": (
        "acc",
        "a/c",
        "konto",
        "compte",
        "cuenta",
        "conto",
        "rekening",
        "sort code",
        "blz",
        "bankleitzahl",
        "routing",
    ),
    "PLATE": (
        "plate",
        "registration",
        "kennzeichen",
        "nummernschild",
        "plaque",
        "immatriculation",
        "matrícula",
        "targa",
        "kenteken",
    ),
    "EMPLOYEE_ID": (
        "emp",
        "staff",
        "personnel",
        "badge",
        "student",
        "matri",
        "personalnummer",
        "mitarbeiternummer",
    ),
}
_PREFIXED: Final = {
    "MEDICAL_RECORD": "MRN|RX|PT|PAT|REF|CLM|DEA|ENC",
    "HEALTH_INSURANCE": "INS|HIN|POL|HIC|MEM|MBR|POLICY",
    "DRIVING_LICENCE": "DL|DRV|LIC",
    "NATIONAL_ID": "NID|ID|SSN|TIN|TAX|PASS|PASSPORT|VISA",
    "EMPLOYEE_ID": "EMP|STF|STU|USR|UID",
}
_RECORD_NUMBER: Final = r"(?i)(?<![a-z])mrn[ #:.]{1,3}(?P<value>[a-z]{0,3}-?\d{5,12})(?!\w)"
# Lines of a travel document's machine-readable zone (ICAO Doc 9303): 30, 36 or 44 characters.
_MACHINE_READABLE: Final = (
    r"(?<![A-Z0-9<])(?=[A-Z0-9<]{0,46}<<)[A-Z0-9][A-Z0-9<]{27,47}(?![A-Z0-9<])"
)
_USER_HINTS: Final = (
    "user",
    "login",
    "log-in",
    "log in",
    "screen",
    "nick",
    "handle",
    "benutzer",
    "nutzer",
    "utilisateur",
    "identifiant",
    "pseudo",
    "usuario",
    "utente",
    "gebruiker",
    "github",
    "twitter",
    "instagram",
    "telegram",
    "tiktok",
    "skype",
    "discord",
    "account",
)
_USER: Final = (
    r"(?i)(?:user[ _\-]?names?|user[ _]?id|login(?:[ _]?name)?|log[- ]in|screen ?name"
    r"|nick(?:name)?|handle|benutzername|nutzername|benutzer|nom d'utilisateur|identifiant"
    r"|pseudo|usuario|nombre de usuario|nome utente|gebruikersnaam|github|twitter"
    rf"|instagram|telegram|tiktok|skype|discord|account ?name){_MUST}"
    r"(?P<value>@?[A-Za-z0-9](?:[\w]|[.\-](?=\w)){2,38}(?:#\d{4})?)"
)
_USER_BARE: Final = (
    r"(?i)(?<![A-Za-z0-9])(?:user|uid|username|login|by user|for user|as"
    r" user)[ =:]{1,2}(?P<value>(?=[\w.\-]{0,38}[\d_.])[A-Za-z](?:\w|[.\-](?=\w)){2,38})"
)
# In configuration and SQL: db_user = "x", dbUser: 'x', CREATE USER 'x'@'host'.
_USER_FIELD: Final = (
    r"(?i)user[\"']?\s{0,2}(?:[:=]|=>|:=)\s{0,2}[\"'](?P<value>[\w.@\-]{2,64})[\"']"
    r"|(?:create|alter|drop|grant [a-z ,]{1,60} to) user (?:if (?:not )?exists"
    r" )?[\"'`]?(?P<value>[\w.\-]{2,64})|\bto [\"'`](?P<value>[\w.\-]{2,64})[\"'`]@"
)
_HANDLE: Final = r"(?<![\w@./])(?P<value>@[A-Za-z_](?:\w|[.\-](?=\w)){2,30})(?![\w@(])"
_PROFILE: Final = (
    r"(?i)(?<!\w)(?:twitter|x|instagram|facebook|github|linkedin|tiktok|t|medium|youtube"
    r"|threads)\.(?:com|me)/(?:in/|@|u/)?(?P<value>[A-Za-z0-9_.\-]{3,40})"
)
_HOME: Final = r"(?:/home/|/Users/|[A-Z]:\\Users\\)(?P<value>[A-Za-z][\w.\-]{1,31})"
_WORDS_AFTER: Final = frozenset(
    words(
        "name names is was the and not for with must cannot can field fields required invalid"
        " error found"
        " agent group groups interface experience experiences account accounts data input"
        " story stories type of"
    )
)
_MARKS: Final = frozenset(
    words(
        "property staticmethod classmethod abstractmethod dataclass override overload final"
        " cached_property contextmanager"
        " lru_cache cache wraps fixture param params return returns throws see since author"
        " version deprecated todo example"
        " type typedef class interface private public protected media import font-face"
        " keyframes supports page charset layer"
        " test before after beforeeach aftereach bean autowired entity table column id"
        " component service controller"
        " injectable input output here everyone channel all everybody task receiver register"
        " pytest mock patch"
    )
)


def _code_check(value: str) -> float:
    digits = sum(map(str.isdigit, value))
    if value.isdigit() and len(value) == 4 and value[:2] in {"19", "20"}:  # noqa: PLR2004 - a year
        return 0.0
    return 0.75 if digits >= 4 else 0.3  # noqa: PLR2004 - "group A1" is none


def _user_check(value: str) -> float:
    return 0.0 if value.casefold() in _WORDS_AFTER else 0.7


def _handle_check(value: str) -> float:
    """An at sign also begins decorators, annotations, tags of comments and style sheets' rules."""
    return 0.0 if value[1:].casefold() in _MARKS or "." in value else 0.45


def labelled() -> PatternsRecognizer:
    """Codes behind a label or a prefix that names them."""
    patterns = [
        Pattern(
            kind,
            rf"(?i){B}(?:{labels}){_NO}{_MUST if strict else _IS}(?-i:{value})",
            0.75,
            _code_check,
            where="hot",
            hints=_HINTS[kind],
        )
        for kind, (labels, value, strict) in _LABELS.items()
    ]
    patterns += [
        Pattern(
            kind,
            (rf"{B}(?:{labels})[ _\-]?(?:number|nummer|no\.?|nr\.?|id|#)\s?{_CODE}"),
            0.7,
            _code_check,
            ignore_case=True,
            where="hot",
            hints=_HINTS[kind],
        )
        for kind, (labels, _, strict) in _LABELS.items()
        if strict
    ]
    patterns += [
        Pattern(
            kind,
            (
                rf"(?<![\w\-])(?:{prefixes})-(?=[A-Z0-9\-]{{0,16}}\d{{2}})[A-Z0-9](?:[A-Z0-9]"
                r"|-(?=[A-Z0-9])){3,20}(?![\w\-])"
            ),
            0.6,
            where="hot",
            hints=tuple(f"{prefix.lower()}-" for prefix in prefixes.split("|")),
        )
        for kind, prefixes in _PREFIXED.items()
    ]
    patterns += [
        Pattern("MEDICAL_RECORD", _RECORD_NUMBER, 0.7, where="hot", hints=("mrn",)),
        Pattern("PASSPORT", _MACHINE_READABLE, 0.9, hints=("<<",)),
    ]
    return PatternsRecognizer("LabelledRecognizer", tuple(patterns), needs="")


def usernames() -> PatternsRecognizer:
    """User names by label, @handles, addresses of profiles, home folders."""
    return PatternsRecognizer(
        "UsernameRecognizer",
        (
            Pattern("USERNAME", _USER, 0.7, _user_check, hints=_USER_HINTS),
            Pattern("USERNAME", _USER_BARE, 0.6, _user_check, hints=("user", "uid", "login")),
            Pattern("USERNAME", _USER_FIELD, 0.6, _user_check, hints=("user", "to '")),
            Pattern("USERNAME", _HANDLE, 0.45, _handle_check, hints=("@",)),
            Pattern("USERNAME", _PROFILE, 0.6, _user_check, hints=(".com/", ".me/")),
            Pattern("USERNAME", _HOME, 0.6, hints=("home/", "users")),
        ),
        needs="",
    )
