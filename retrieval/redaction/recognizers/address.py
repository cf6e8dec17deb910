"""Street addresses and post-office boxes, by the words that streets are called by."""

from __future__ import annotations

from typing import Final

from retrieval.redaction.recognizers.frame import B, E, Pattern, PatternsRecognizer

_KIND: Final = "ADDRESS"
_CAP: Final = r"[\p{Lu}][\p{L}'\u2019.\-]{0,24}"
_NUMBER: Final = r"\d{1,5}(?:[-/]\d{1,4})?[A-Za-z]?"
_COMMA: Final = r"(?:,? ?\n ?|, ?| )"
_CITY: Final = rf"{_CAP}(?: {_CAP}){{0,3}}"
_US_STATE: Final = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA"
    r"|RI|S[CD]|T[NX]|UT|V[AIT]|W[AIVY]|PR|AP|AE|AA"
    r"|Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida"
    r"|Georgia|Hawaii|Idaho|Illinois|Indiana|Iowa|Kansas"
    r"|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi"
    r"|Missouri|Montana|Nebraska|Nevada|New Hampshire"
    r"|New Jersey|New Mexico|New York|North Carolina|North Dakota|Ohio|Oklahoma|Oregon"
    r"|Pennsylvania|Rhode Island|South Carolina|South Dakota"
    r"|Tennessee|Texas|Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming)"
)
_UK_CODE: Final = r"[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}"
_EN_TYPE: Final = (
    r"(?:Street|Str|St|Avenue|Ave|Av|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct"
    r"|Place|Pl|Square|Sq|Terrace|Ter|Trail|Trl|Way"
    r"|Parkway|Pkwy|Circle|Cir|Highway|Hwy|Close|Crescent|Cres|Gardens|Grove|Mews|Row|Walk"
    r"|Hill|Plaza|Alley|Loop|Pike|Turnpike|Expressway"
    r"|Causeway|Quay|Wharf|Mount|Rise|Vale|View|Heights|Park|Green|Path|Point|Ridge|Run"
    r"|Crossing|Cove|Bypass|Broadway|Route|Parade|Esplanade)"
)
_UNIT: Final = (
    r"(?:,? ?\n?(?:(?:Apartment|Apt|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|Building|Bldg|Lot"
    r"|Appt|Box)\.?|#) ?#?[A-Za-z0-9\-]{1,6})"
)
_EN_TAIL: Final = (
    rf"{_UNIT}{{0,2}}(?:{_COMMA}{_CITY})?(?:{_COMMA}{_US_STATE}\b\.?(?:{_COMMA}?\d{{5}}(?:-"
    rf"\d{{4}})?)?)?(?:{_COMMA}{_UK_CODE}{E})?"
)
_EN: Final = (
    rf"{B}{_NUMBER},? (?:[NSEW]{{1,2}}\.? |North |South |East |West )?(?:(?:{_CAP}"
    rf"|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}?{_EN_TYPE}\b\.?(?: (?:[NSEW]{{1,2}}|North|South"
    rf"|East|West)\b)?{_EN_TAIL}"
)
_EN_LOWER: Final = (
    r"(?i)(?<![\w.])\d{1,5}[a-z]? (?:(?!of\b|the\b|on\b|in\b|and\b|to\b|at\b|from\b|down\b"
    r"|per\b|a\b|for\b|by\b|or\b|new\b|people\b|cars\b|miles\b|km\b|more\b|years?\b"
    r"|days?\b)[a-z'.]{2,20} ){1,2}"
    r"(?:street|avenue|road|lane|drive|boulevard|terrace|crescent|highway|parkway)\b"
)
# Wherever in the world: a number, a name, and on the next line which flat; then town and country.
_LINES: Final = rf"(?:(?:, ?\n?| ?\n ?,? ?){_CITY}){{0,3}}(?: \d{{3,6}}(?:-\d{{3,4}})?)?"
_UNITED: Final = (
    rf"{_NUMBER} (?:{_CAP} ){{1,4}}(?:{_NUMBER})?,?\s?(?:Apt|Apartment|Suite|Ste|Unit"
    rf"|Flat)\b\.? ?#?\d{{1,5}}{_LINES}"
)
_SUITE: Final = rf"\b(?:Apt|Apartment|Suite|Ste)\b\.? ?#?\d{{1,5}}{_LINES}"
_FLAT: Final = (
    r"(?:Flat|Apartment|Apt|Suite|Ste|Unit|Room|Floor)\.? ?#?(?:\d{1,5}[A-Za-z]?"
    rf"|[A-Z])(?![\w:]){_EN_TAIL}"
)
_STATE_ZIP: Final = rf"(?:{_CITY},? )?{_US_STATE},? \d{{5}}(?:-\d{{4}})?(?![\w\-.,]\d|\w)"
_ZIP4: Final = r"(?<![\w.\-])\d{5}-\d{4}(?![\w\-]|\.\d)"
_MILITARY: Final = (
    r"(?:PSC|Unit|CMR|USNS|USS)\.? ?[\w]{1,20},?(?: Box \d{1,5})?,? ?\n?(?:APO|FPO|DPO),?"
    r" (?:AA|AE|AP) \d{5}"
)
_BOX: Final = (
    r"(?i)\b(?:p\.? ?o\.? ?box|post(?:al)? office box|post box|postfach|postbus|boîte"
    r" postale|b\.p\.|bp(?= \d{1,5}[,\n] ?\d{5} )|case postale|apartado(?: de correos|"
    r" postal)?|apdo\.?|casella postale|c\.p\.(?= \d)|postboks|skrytka pocztowa)"
    r"[ :]{0,2}(?:#|n[°º.] ?|nr\.? )?\d{1,7}(?:[ \-]\d{1,4}){0,3}"
)
_DE_TYPE: Final = (
    r"(?:straße|strasse|str\.|weg|allee|platz|gasse|ring|damm|ufer|chaussee|steig|stieg"
    r"|stiege|hof|markt|graben|wall|promenade|pfad|brücke|berg|kamp|garten|zeile|park|feld"
    r"|tor)"
)
_DE_NO: Final = r"\d{1,4} ?[a-z]?(?: ?[\-\u2013/] ?\d{1,4} ?[a-z]?)?(?![\w.]\d|\w)"
_DE_TAIL: Final = (
    rf"(?:,? ?\n? ?(?:D-|A-|CH-)?\d{{4,5}} {_CAP}(?:[ \-](?:am|an der|im|ob der|bei"
    rf"|[\p{{Lu}}]){_CAP}?){{0,2}})?"
)
_DE: Final = (
    rf"{B}(?:{_CAP}[ \-]){{0,3}}[\p{{Lu}}][\p{{L}}.\-]{{1,30}}{_DE_TYPE} {_DE_NO}{_DE_TAIL}",
    (
        rf"{B}(?:{_CAP}[ \-]){{1,3}}(?:Straße|Strasse|Str\.|Weg|Allee|Platz|Gasse|Ring|Damm"
        rf"|Ufer|Chaussee|Markt|Berg) {_DE_NO}{_DE_TAIL}"
    ),
    (
        rf"{B}(?:Am|An der|An den|Im|In der|In den|Auf der|Auf dem|Unter den|Unter der|Zum|Zur"
        rf"|Hinter der|Vor dem|Bei der) (?:{_CAP} ){{0,2}}{_CAP} {_DE_NO}{_DE_TAIL}"
    ),
)
_PARTICLE: Final = (
    r"(?:(?:de la|de las|de los|de l'|de|du|des|del|della|delle|dei|degli|dell'|d'|la|le"
    r"|les|los|las|y|e|et|al|San|Santa|St|Ste)[ \u2019']?|l'|d')"
)
_WORD: Final = r"[\p{Lu}][\p{L}\d'\u2019.\-]{0,24}"
# Streets are called after dates too: rue du 8 mai 1945, via XX Settembre, calle 2 de Mayo.
_DAY: Final = r"\d{1,2}(?:er)? (?:de )?\p{L}{3,10}(?: (?:19|18)\d\d)?"
_NAMES: Final = (
    rf"(?:(?:{_PARTICLE} ?){{1,2}}{_DAY}|(?:{_PARTICLE} ?){{0,2}}{_WORD}(?: (?:{_PARTICLE}"
    rf" ?){{0,2}}{_WORD}){{0,4}})"
)
_FR: Final = (
    rf"(?i:{B}\d{{1,4}}(?: ?(?:bis|ter|quater|[a-d]))?,? (?:rue|avenue|av\.|boulevard|bd\.?"
    r"|bld|place|chemin|allée|allee|impasse|quai|cours|route|square|passage|faubourg|villa"
    r"|sentier|esplanade|résidence|lieu-dit|hameau|rond-point|voie|ruelle|montée))"
    rf" {_NAMES}"
    rf"(?:,? ?\n? ?(?:F-)?\d{{5}} {_CAP}(?:[ \-]{_CAP}){{0,3}}(?: \d{{1,2}}(?:er|e|ème))?)?"
)
_ES: Final = (
    r"(?i:(?<![\w.])(?:calle|c/|c\.|avenida|avda\.?|avd\.?|av\.|plaza|pza\.?|pl\.|paseo"
    r"|p\.º|camino|carretera|ctra\.?|ronda|travesía|glorieta|urbanización|urb\.|rúa|carrer"
    r"|rambla|pasaje|callejón|cañada|acceso|vial|rua|r\.|travessa|largo|praça|alameda"
    r"|estrada|rodovia|beco"
    r"|strada|bulevardul|[sș]oseaua|aleea|drumul|intrarea|calea"
    r"|rue|avenue|boulevard|chemin|route))"
    rf" ?{_NAMES},? ?(?:n[º°.]|núm\.?|#|No\.|nr\.)?"
    r" ?\d{1,4}[A-Za-z]?(?!\w)"
    rf"(?:,? \d{{1,2}}[ºª°] ?[A-Za-z]?{E})?(?:,? ?\n? ?\d{{5}} {_CAP}(?: (?:de |la |el"
    rf" )?{_CAP}){{0,3}})?"
)
_IT: Final = (
    r"(?i:(?<![\w.])(?:via|viale|v\.le|vicolo|piazza|p\.za|p\.zza|piazzale|p\.le|corso"
    r"|c\.so|largo|strada|lungomare|lungotevere|lungarno|contrada|borgo|salita|galleria"
    rf"|traversa|rione|località)) {_NAMES},? ?(?:n[.°º]? ?)?\d{{1,4}}(?:/?[A-Za-z])?(?!\w)"
    rf"(?:,? ?\n? ?(?:I-)?\d{{5}} {_CAP}(?: {_CAP}){{0,2}}(?: \([A-Z]{{2}}\))?)?"
)
_NL: Final = (
    rf"{B}(?:{_CAP} ){{0,3}}[\p{{Lu}}][\p{{L}}'\-]{{1,30}}(?:straat|laan|weg|plein|gracht"
    r"|kade|boulevard|lei|singel|dijk|steeg|hof|pad|dreef|markt|plantsoen|baan|burg|dam"
    r"|wal|haven|park)"
    r" \d{1,4}(?:[ \-]?[a-zA-Z]{1,2}(?!\p{L}))?(?:-\d{1,3})?(?!\w)"
    rf"(?:,? ?\n? ?\d{{4}} ?[A-Z]{{2}}(?:,? {_CAP}(?: {_CAP}){{0,2}})?)?"
)
_NL_CODE: Final = r"(?<![\w.])[1-9]\d{3} [A-Z]{2} (?=\p{Lu}\p{Ll})"
_NORTH_EAST: Final = (
    (
        rf"{B}[\p{{Lu}}][\p{{L}}'\-]{{1,30}}(?:gatan|gata|stigen|torget|gränd|bulevardi|vägen"
        r"|vagen|veien|vegen|gate|vej|gade"
        r"|allé|stræde|katu|tie|kuja|polku|utca|utcája|tér|krt\.|ulice|gasse) \d{1,4}"
        r" ?[A-Za-z]?(?!\w)"
    ),
    (
        r"(?<![\w.])(?:ul|al|pl|os|ulica|aleja|plac|rua|r|av|str|strada|bd|ulice|nám|út"
        rf"|ulitsa)\.? {_CAP}(?: {_CAP}){{0,3}},? ?(?:nr\.? ?|č\. ?|n\.º"
        r" ?)?\d{1,4}(?:[/\-]\d{1,4})?[A-Za-z]?(?!\w)"
    ),
    (
        rf"{B}[\p{{Lu}}][\p{{L}}\-]{{2,24}} (?:utca|út|tér|körút|ulica|cesta|gade|vej|street"
        r"|tänav|iela|gatvė|sokak|caddesi) \d{1,4}(?:[./]?[A-Za-z\d]{0,3})(?!\w)"
    ),
)
_LABELLED: Final = (
    r"(?i)\b(?:zip(?:[ \-]?code)?|postal code|post ?code|postcode|plz|postleitzahl|code"
    r" postal|código postal|codice postale|cap(?=[: ]{1,2}\d)|postnummer)[\"']?(?: (?:is"
    r"|ist|est|es|è))?[:= ]{0,3}[\"']?(?P<value>\d{3} \d{2}|\d{3,6}(?:-\d{3,4})?(?:"
    r" ?[A-Z]{2}\b)?|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)"
)
_CA: Final = r"(?<!\w)[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z] \d[ABCEGHJ-NPRSTV-Z]\d(?!\w)"
_UK: Final = (
    r"(?<!\w)(?:GIR 0AA|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d|[A-HK-Y]\d\d|\d[A-HJKPSTUW]"
    r"|[A-HK-Y]\d[ABEHMNPRV-Y]) ?\d[ABD-HJLNP-UW-Z]{2})(?!\w)"
)


def addresses() -> PatternsRecognizer:
    """Addresses of English, German, French, Spanish, Italian and Dutch make, and some others."""
    return PatternsRecognizer(
        "AddressRecognizer",
        (
            Pattern(_KIND, _EN, 0.7, where="digits"),
            Pattern(_KIND, _EN_LOWER, 0.45, where="digits"),
            Pattern(_KIND, _UNITED, 0.65, where="digits"),
            Pattern(_KIND, _SUITE, 0.45, where="hot"),
            Pattern(_KIND, _FLAT, 0.25, where="hot"),
            Pattern(_KIND, _STATE_ZIP, 0.6, where="hot"),
            Pattern(_KIND, _ZIP4, 0.4, where="digits"),
            Pattern(_KIND, _MILITARY, 0.8, where="hot", hints=("apo", "fpo", "dpo")),
            Pattern(
                _KIND,
                _BOX,
                0.8,
                where="hot",
                hints=(
                    "box",
                    "postfach",
                    "postbus",
                    "postale",
                    "bp",
                    "b.p",
                    "apartado",
                    "apdo",
                    "c.p.",
                    "boks",
                    "skrytka",
                ),
            ),
            *(Pattern(_KIND, expression, 0.65, where="hot") for expression in _DE),
            Pattern(_KIND, _FR, 0.7, where="digits"),
            Pattern(_KIND, _ES, 0.65, where="hot"),
            Pattern(_KIND, _IT, 0.65, where="hot"),
            Pattern(_KIND, _NL, 0.65, where="hot"),
            Pattern(_KIND, _NL_CODE, 0.5, where="digits"),
            *(Pattern(_KIND, expression, 0.6, where="hot") for expression in _NORTH_EAST),
            Pattern(
                _KIND,
                _LABELLED,
                0.6,
                where="hot",
                hints=("zip", "post", "plz", "cap", "código postal"),
            ),
            Pattern(_KIND, _CA, 0.4, where="codes"),
            Pattern("UK_POSTCODE", _UK, 0.35, where="codes"),
        ),
        words={
            _KIND: (
                "address",
                "adresse",
                "lives",
                "wohnt",
                "wohnhaft",
                "anschrift",
                "dirección",
                "indirizzo",
                "zip",
                "postcode",
            ),
            "UK_POSTCODE": (
                "postcode",
                "post code",
                "postal",
                "address",
                "zip",
                "live",
                "lives",
                "street",
                "road",
                "flat",
                "london",
            ),
        },
    )
