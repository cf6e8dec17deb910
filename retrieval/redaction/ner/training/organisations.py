"""Organisations: invented companies, institutions, and some that everybody names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.training import names, places

if TYPE_CHECKING:
    from random import Random

_KNOWN: Final = (
    "Google|Microsoft|Apple|Amazon|Facebook|Meta|Netflix|Twitter|IBM|Intel|Oracle|SAP|Siemens|Bosch"
    "|BMW|Volkswagen|Daimler|Ford|General Motors|Toyota|Honda|Nissan|Hyundai|Samsung|Sony|Nintendo"
    "|Nokia|Ericsson|Philips|Shell|BP|Exxon|Total|Boeing|Airbus|Lufthansa|Ryanair|British Airways"
    "|Delta Air Lines|Goldman Sachs|JPMorgan|Citibank|HSBC|Barclays|Deutsche Bank|BNP Paribas|ING"
    "|Visa|Mastercard|PayPal|Walmart|Target|Costco|Tesco|Aldi|Lidl|Ikea|H&M|Zara|Nike|Adidas|Puma"
    "|Coca-Cola|Pepsi|Nestle|Unilever|Starbucks|McDonald's|Burger King|Pfizer|Novartis|Roche|Bayer"
    "|AstraZeneca|Moderna|NASA|FBI|CIA|NSA|FDA|EPA|IRS|NHS|BBC|CNN|NBC|ABC|CBS|NPR|PBS|Reuters"
    "|The New York Times|The Guardian|Der Spiegel|Le Monde|El País|the United Nations|UN|U.N.|NATO"
    "|UNESCO|UNICEF|WHO|World Bank|IMF|OPEC|the European Union|European Commission|Red Cross"
    "|Greenpeace|Amnesty International|FIFA|UEFA|NBA|NFL|MLB|Manchester United|Real Madrid|Arsenal"
    "|Chelsea|Lakers|Yankees|Harvard|MIT|Stanford|Oxford|Cambridge|Yale|Congress|Parliament|Senate"
    "|the Supreme Court|the Pentagon|Republican Party|Labour Party|Democrats|Sony Music|Motown"
    "|Universal Pictures|Warner Bros.|Disney|Pixar|Spotify|Uber|Airbnb|Tesla|SpaceX|OpenAI|GitHub"
    "|YouTube|Instagram|TikTok|Snapchat|WhatsApp|Skype|Zoom|Slack|Dropbox|eBay|Yahoo|AOL|Reddit"
).split("|")  # fmt: skip
_LEGAL: Final = (
    "Inc",
    "Inc.",
    "LLC",
    "Ltd",
    "Ltd.",
    "PLC",
    "Group",
    "Corp.",
    "Corporation",
    "Co.",
    "GmbH",
    "AG",
    "KG",
    "S.A.",
    "SARL",
    "S.p.A.",
    "S.L.",
    "B.V.",
    "AB",
    "Oy",
    "A/S",
    "AS",
    "and Sons",
    "& Co",
    "& Partners",
    "Holdings",
    "Limited",
    "Pty Ltd",
    "e.V.",
)
_TRADE: Final = (
    "Consulting Insurance Bank Partners Solutions Systems Technologies Labs Research Analytics Media "
    "Studios Foods Logistics Transport Energy Pharma Bioscience Health Healthcare Medical Dental "
    "Financial Capital Ventures Holdings Realty Motors Airlines Software Networks Digital Data Cloud "
    "Security Reports Services Industries International Associates Works Design Records Pictures "
    "Entertainment Books Press Publishing Brewery Bakery Hotels Travel Club Sciences Robotics"
).split()
_PARTS: Final = (
    "open data net info med health bio geo eco agri cloud smart red blue green bright clear fast sky "
    "sun star moon nova alpha omni uni inter trans meta hyper nano micro mega poly syn co pro ex in "
    "inno cred fin tech soft ware code byte pixel logi lex legi lend trade cost price fair true pure "
    "next first civic urban metro land home farm food fresh quick spark flow wave link hub lab base "
    "point path way gate port bridge mark scope sense mind brain think wise guide coach track map"
).split()
_TAILS: Final = (
    "ly",
    "ify",
    "io",
    "ia",
    "era",
    "ent",
    "ex",
    "on",
    "us",
    "ence",
    "ada",
    "ara",
    "ix",
    "ium",
    "is",
    "os",
    "ra",
    "sis",
    "net",
    "soft",
    "ware",
    "graph",
    "metrics",
    "vio",
)
_WORDS: Final = (
    "Credit Consumer Standard Compliance Can Round Stones Environmental Economic Wolf River Summit "
    "Pioneer Liberty Heritage Apex Vertex Quantum Atlas Titan Phoenix Falcon Eagle Lion Oak Cedar "
    "Maple Pine Silver Golden Iron Stone Crystal Harbor Ocean Lake Valley Mountain Northern Southern "
    "Western Eastern Central National Global United American European Pacific Atlantic Royal Imperial "
    "Premier Prime First Capital Metro City Urban Civic Public Modern Future New Old Great Little "
    "Karma Lending Betterment Adaptive Round Locust Advocate Source Legal Open Power Data Food Farm"
).split()
_INSTITUTION: Final = (
    "University of {p}", "{p} University", "{p} General Hospital", "{p} Hospital",
    "St. {f}'s Hospital", "{p} High School", "{l} Elementary School", "{p} City Council", "Bank of {p}",
    "{p} Police Department", "{p} Symphony Orchestra", "Museum of {p}", "{p} Institute of Technology",
    "Ministry of Finance", "Department of {w}", "Ministry of {w}", "{p} Chamber of Commerce",
    "{l} Foundation", "{l} Institute", "Church of {p}", "{p} Medical Center", "{l} Clinic", "FC {p}",
    "{p} United", "{p} FC", "{p} Public Library", "{w} {w} Association", "National {w} Agency",
    "Institute for {w} Studies", "American {w} Society", "Federal {w} Commission", "{l} College",
)  # fmt: skip


def organisation(random: Random, of: str) -> str:
    """The name of a company, institution, club or agency."""
    form = random.random()
    last = names.last_name(random, of)
    if form < 0.14:
        return random.choice(_KNOWN)
    if form < 0.22:
        return f"{last} {random.choice(_LEGAL)}"
    if form < 0.27:
        return f"{last}-{names.last_name(random, of)}"
    if form < 0.33:
        return f"{last}, {names.last_name(random, of)} and {names.last_name(random, of)}"
    if form < 0.56:
        return _invented(random)
    if form < 0.70:
        legal = f" {random.choice(_LEGAL)}" if random.random() < 0.3 else ""
        return f"{_invented(random)} {random.choice(_TRADE)}{legal}"
    if form < 0.82:
        middle = random.choice(("", "", " and", " &"))
        return f"{random.choice(_WORDS)}{middle} {random.choice((*_WORDS, *_TRADE))}"
    if form < 0.86:
        return f"{last} {random.choice(_TRADE)}"
    if form < 0.89:
        return "".join(random.choice("ABCDEFGHIKLMNOPRSTUVW") for _ in range(random.randint(3, 5)))
    return random.choice(_INSTITUTION).format(
        p=random.choice(places.large_cities()),
        f=names.first_name(random, of),
        l=last,
        w=random.choice((*_TRADE, *_WORDS)),
    )


def _invented(random: Random) -> str:
    """A start-up's name: two parts or a part and a tail, in one of the usual cases."""
    first = random.choice(_PARTS)
    second = random.choice((*_PARTS, *_TAILS))
    form = random.random()
    if form < 0.7:
        return (first + second).capitalize()
    if form < 0.85:
        return first.capitalize() + second.capitalize()
    return (
        f"{random.randint(2, 99)} {first.capitalize()} {second.capitalize()}"
        if form < 0.88
        else (first.capitalize() + " " + second.capitalize())
    )
