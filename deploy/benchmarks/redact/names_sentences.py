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
        "The lease was signed by {} in front of two witnesses.",
        "Could you forward this to {} before lunch?",
        "After the crash, {} walked to the nearest farm and asked for help.",
        "I ran into {} at the bakery, and we talked for an hour.",
        "Minutes taken by {}",
        "Our records show that {} returned the keys late.",
        "Nurse on duty: {}",
        "it was {} who broke the window, not me",
        "Payment received from {} for the March rent.",
        "“That is not what I said,” {} insisted during the hearing.",
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
        "Der Mietvertrag wurde von {} vor zwei Zeugen unterschrieben.",
        "Kannst du das bitte vor dem Mittagessen an {} weiterleiten?",
        "Nach dem Unfall ging {} zum nächsten Hof und bat um Hilfe.",
        "Beim Bäcker habe ich {} getroffen, wir haben lange geredet.",
        "Protokoll: {}",
        "Laut unseren Unterlagen hat {} die Schlüssel zu spät abgegeben.",
        "Zuständige Pflegekraft: {}",
        "Zahlung von {} für die Märzmiete erhalten.",
        "Gestern wurde {} aus dem Krankenhaus entlassen.",
        "Das Paket für {} liegt beim Nachbarn.",
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
        "Le bail a été signé par {} devant deux témoins.",
        "Peux-tu transmettre ceci à {} avant le déjeuner ?",
        "Après l'accident, {} a marché jusqu'à la ferme voisine.",
        "J'ai croisé {} à la boulangerie, nous avons parlé une heure.",
        "Compte rendu rédigé par {}",
        "Selon nos dossiers, {} a rendu les clés en retard.",
        "Infirmière de garde : {}",
        "Paiement reçu de {} pour le loyer de mars.",
        "Hier, {} est sorti de l'hôpital.",
        "Le colis pour {} est chez le voisin.",
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
        "El contrato de alquiler lo firmó {} ante dos testigos.",
        "¿Puedes enviar esto a {} antes de comer?",
        "Tras el accidente, {} caminó hasta la granja más cercana.",
        "Me encontré con {} en la panadería y hablamos una hora.",
        "Acta redactada por {}",
        "Según nuestros registros, {} devolvió las llaves tarde.",
        "Enfermera de guardia: {}",
        "Pago recibido de {} por el alquiler de marzo.",
        "Ayer {} salió del hospital.",
        "El paquete para {} está en casa del vecino.",
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
        "Il contratto d'affitto è stato firmato da {} davanti a due testimoni.",
        "Puoi inoltrare questo a {} prima di pranzo?",
        "Dopo l'incidente {} ha camminato fino alla fattoria vicina.",
        "Ho incontrato {} al forno e abbiamo parlato un'ora.",
        "Verbale redatto da {}",
        "Secondo i nostri registri {} ha restituito le chiavi in ritardo.",
        "Infermiera di turno: {}",
        "Pagamento ricevuto da {} per l'affitto di marzo.",
        "Ieri {} è uscito dall'ospedale.",
        "Il pacco per {} è dal vicino.",
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
        "Het huurcontract is door {} voor twee getuigen ondertekend.",
        "Kun je dit voor de lunch naar {} doorsturen?",
        "Na het ongeluk liep {} naar de dichtstbijzijnde boerderij.",
        "Ik kwam {} bij de bakker tegen en we praatten een uur.",
        "Verslag gemaakt door {}",
        "Volgens onze gegevens heeft {} de sleutels te laat ingeleverd.",
        "Dienstdoende verpleegkundige: {}",
        "Betaling ontvangen van {} voor de huur van maart.",
        "Gisteren is {} uit het ziekenhuis ontslagen.",
        "Het pakket voor {} ligt bij de buurman.",
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
