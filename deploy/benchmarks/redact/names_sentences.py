"""Made-up sentences with a person's name in six languages; no sentence of the training templates.

Common names of each country, written down for this benchmark, in sentences of letters, notes,
minutes, chats and forms. The recipe of the name model does not read this file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class NamedSentence:
    """A text and where the one name in it stands."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Words:
    first: tuple[str, ...]
    last: tuple[str, ...]
    sentences: tuple[str, ...]


def _listed(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ENGLISH: Final = _Words(
    _listed(
        "Oliver Harry Thomas Rebecca Hannah Grace Megan Callum Ryan Chloe Gareth Siobhan "
        "Deborah Walter Travis Courtney Lindsey Marcus Tyrone Latoya Priya Wei Brandon Kyle "
        "Heather Alan"
    ),
    _listed(
        "Hughes Fletcher Whitaker Pemberton Osborne Gallagher Doyle Kaur Patel Bancroft "
        "Holloway Prescott Ramsey Stanton Vaughan Yates Kowalczyk Nakamura Delgado Abernathy "
        "Crowley Finch"
    ),
    (
        "Nobody had seen {} since the fire drill.",
        "If {} objects, we will have to start over.",
        "The cello part was played by {}, who had never rehearsed it.",
        "Voicemail from {}, two minutes long",
        "Please make sure that {} gets a copy of the minutes.",
        "It rained so hard that {} missed the ferry.",
        "Allergies reported by {}: nuts, penicillin.",
        "Runner-up: {}",
        "My flatmate {} keeps borrowing my charger.",
        "Thanks to {}, the archive is complete again.",
    ),
)
_GERMAN: Final = _Words(
    _listed(
        "Lukas Leon Felix Hannelore Sabine Ulrike Wolfgang Matthias Torsten Greta Charlotte "
        "Friedrich Anke Birgit Holger Katharina Johanna Emil Rolf Dieter Ingrid Silke Jonas "
        "Niklas Heinrich"
    ),
    _listed(
        "Schreiber Lindemann Krüger Hoffmann Vogel Brandt Seidel Kirchner Baumann Engelhardt "
        "Dietrich Winkler Ziegler Sommer Arnold Pohl Horn Busch Köhler Walther Steinbach "
        "Reuter Thiele"
    ),
    (
        "Seit dem Probealarm hat niemand {} gesehen.",
        "Falls {} widerspricht, beginnen wir von vorn.",
        "Das Cello spielte {}, ohne je geprobt zu haben.",
        "Sprachnachricht von {}, zwei Minuten lang",
        "Bitte sorgen Sie dafür, dass {} eine Kopie bekommt.",
        "Es regnete so stark, dass {} die Fähre verpasste.",
        "Allergien von {}: Nüsse, Penicillin.",
        "Zweiter Platz: {}",
        "Mein Mitbewohner {} leiht sich ständig mein Ladegerät.",
        "Dank {} ist das Archiv wieder vollständig.",
    ),
)
_FRENCH: Final = _Words(
    _listed(
        "Antoine Mathieu Guillaume Camille Manon Céline Aurélie Thierry Laurent Didier "
        "Françoise Monique Yvette Bastien Romain Clément Élodie Margaux Sandrine Hervé "
        "Benoît Agathe Lucie"
    ),
    _listed(
        "Lefebvre Mercier Gauthier Chevalier Rousseau Fontaine Perrot Marchand Duval Besson "
        "Picard Renaud Leclerc Barbier Colin Guillot Meunier Aubert Carpentier Delorme "
        "Vasseur Blanchard"
    ),
    (
        "Personne n'a vu {} depuis l'exercice d'incendie.",
        "Si {} s'y oppose, il faudra recommencer.",
        "Le violoncelle était joué par {}, sans aucune répétition.",
        "Message vocal de {}, deux minutes",
        "Veillez à ce que {} reçoive une copie du procès-verbal.",
        "Il pleuvait si fort que {} a raté le ferry.",
        "Allergies signalées par {} : noix, pénicilline.",
        "Deuxième place : {}",
        "Mon colocataire {} emprunte toujours mon chargeur.",
        "Grâce à {}, les archives sont de nouveau complètes.",
    ),
)
_SPANISH: Final = _Words(
    _listed(
        "Alejandro Javier Sergio Rocío Belén Nuria Marisol Ignacio Gonzalo Esteban Fernanda "
        "Ximena Guadalupe Rodrigo Emilio Paloma Inmaculada Montserrat Raúl Óscar Inés "
        "Beatriz Hugo Elena"
    ),
    _listed(
        "Cabrera Fuentes Valdivia Montoya Ibáñez Zamora Carrasco Salinas Ponce Villanueva "
        "Escobar Pizarro Orellana Guzmán Quintero Báez Herrero Pascual Lozano Cano Rivas "
        "Arroyo Muñoz"
    ),
    (
        "Nadie ha visto a {} desde el simulacro de incendio.",
        "Si {} se opone, habrá que empezar de nuevo.",
        "El violonchelo lo tocaba {}, sin haber ensayado nunca.",
        "Mensaje de voz de {}, dos minutos",
        "Asegúrese de que {} reciba una copia del acta.",
        "Llovía tanto que {} perdió el ferry.",
        "Alergias comunicadas por {}: nueces, penicilina.",
        "Segundo puesto: {}",
        "Mi compañero de piso {} siempre me quita el cargador.",
        "Gracias a {}, el archivo vuelve a estar completo.",
    ),
)
_ITALIAN: Final = _Words(
    _listed(
        "Alessandro Lorenzo Matteo Giulia Chiara Francesca Valentina Stefano Massimo Claudio "
        "Ornella Loredana Paola Simone Davide Federica Ilaria Silvia Antonella Vincenzo "
        "Salvatore Elisa"
    ),
    _listed(
        "Colombo Ricci Marchetti Galli Fontana Caruso Rinaldi Moretti Barbieri Santoro "
        "Mariani Ferrara Bianco Leone Longo Gentile Martinelli Vitale Serra Conti Villa "
        "Fabbri Pellegrini"
    ),
    (
        "Nessuno ha visto {} dopo l'esercitazione antincendio.",
        "Se {} si oppone, dovremo ricominciare.",
        "Il violoncello era suonato da {}, senza alcuna prova.",
        "Messaggio vocale di {}, due minuti",
        "Assicuratevi che {} riceva una copia del verbale.",
        "Pioveva così forte che {} ha perso il traghetto.",
        "Allergie segnalate da {}: noci, penicillina.",
        "Secondo posto: {}",
        "Il mio coinquilino {} prende sempre il mio caricatore.",
        "Grazie a {} l'archivio è di nuovo completo.",
    ),
)
_DUTCH: Final = _Words(
    _listed(
        "Daan Sem Lotte Fleur Maaike Joost Wouter Sander Femke Anouk Marloes Hendrik Pieter "
        "Willem Cornelis Saskia Mirjam Esther Bram Thijs Roos Niels Jeroen Marieke Ellen "
        "Gijs Ruben"
    ),
    _listed(
        "Bakker Visser Smit Mulder Bos Vos Hendriks Dekker Brouwer Kuipers Veenstra Postma "
        "Hoekstra Schouten Verhoeven Willems Jacobs Scholten Kramer Blom Timmermans Groen "
        "Koster"
    ),
    (
        "Niemand heeft {} gezien sinds de brandoefening.",
        "Als {} bezwaar maakt, moeten we opnieuw beginnen.",
        "De cello werd bespeeld door {}, zonder ooit te repeteren.",
        "Spraakbericht van {}, twee minuten lang",
        "Zorg ervoor dat {} een kopie van de notulen krijgt.",
        "Het regende zo hard dat {} de veerboot miste.",
        "Allergieën gemeld door {}: noten, penicilline.",
        "Tweede plaats: {}",
        "Mijn huisgenoot {} leent altijd mijn oplader.",
        "Dankzij {} is het archief weer volledig.",
    ),
)
LANGUAGES: Final = {
    "en": _ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "es": _SPANISH,
    "it": _ITALIAN,
    "nl": _DUTCH,
}


def sentences(language: str, count: int, *, seed: int = 4) -> Iterator[NamedSentence]:
    """``count`` sentences of a language, the same for the same seed.

    Half of the names are full, a quarter each first or last names alone.
    """
    words = LANGUAGES[language]
    rng = Random(f"{seed}:{language}")  # noqa: S311 - made-up data, not a secret
    for number in range(count):
        first, last = rng.choice(words.first), rng.choice(words.last)
        name = (f"{first} {last}", f"{first} {last}", first, last)[rng.randrange(4)]
        before, _, after = words.sentences[number % len(words.sentences)].partition("{}")
        yield NamedSentence(before + name + after, len(before), len(before) + len(name))
