"""What forms and cards print in front of their fields, as patterns in several languages."""

from __future__ import annotations

from typing import Final

PERSON: Final = (
    r"(?:full |first |last |given |family |middle |maiden |legal |patient |customer |employee "
    r"|guest |passenger |client |member |student |applicant |card ?holder |account |contact |user "
    r"|emergency contact |mother'?s |father'?s |doctor'?s )*names?(?:\(s\))?|surname|forenames?"
    r"|card ?holder|account holder|patient|bill(?:ed)? to|ship(?:ped)? to|deliver(?:ed)? to"
    r"|attn\.?|attention|signature|signed(?: by)?|issued to|contact(?: person)?|next of kin"
    r"|emergency contact|passenger|applicant|employee|recipient|sender|beneficiary|payee"
    r"|prepared (?:by|for)|approved by|physician|attending(?: physician)?|doctor|insured|spouse"
    r"|(?:vor|nach|familien|geburts)name|inhaber|kontoinhaber|empf[aä]nger|unterschrift"
    r"|patient(?:in)?"
    r"|nom(?: de famille)?|pr[eé]noms?|titulaire|signature|nombres?|apellidos?|titular|firma"
    r"|cognome|nome|naam|voornaam|achternaam"
)
ADDRESS: Final = (
    r"(?:home |postal |mailing |billing |shipping |street |delivery |residential |permanent "
    r"|e-?mail )?address(?: line)? ?\d?|street|residence|anschrift|adresse|wohnort|wohnhaft"
    r"|stra[sß]+e|direcci[oó]n|domicilio|indirizzo|adres"
)
BIRTH: Final = (
    r"d\.?o\.?b\.?|date of birth|birth ?date|birthday|born|geburtsdatum|geb\.?(?: am)?"
    r"|date de naissance|n[eé]e?(?:\(e\))? le|fecha de nacimiento|data di nascita|geboortedatum"
)
EMAIL: Final = r"e-?mail(?: address)?|mail|correo(?: electr[oó]nico)?|courriel"
PHONE: Final = (
    r"(?:home |work |mobile |cell |office |day ?time |contact |emergency )?"
    r"(?:tele)?phone(?: (?:no|number))?|tel|mobile|cell|fax|call|telefon|handy|mobil|festnetz"
    r"|t[eé]l|t[eé]l[eé]phone|portable|tel[eé]fono|m[oó]vil|telefono|cellulare|telefoon"
)
USER: Final = r"user ?(?:name|id)|login|account id|benutzername|utilisateur|usuario"
HIDDEN: Final = (
    r"pass(?:word|code|phrase)|pin(?: code)?|secret|api ?key|access key|token|passwort|kennwort"
    r"|mot de passe|contrase[nñ]a|wi-?fi (?:password|key)"
)
CARD: Final = r"(?:credit |debit |bank )?card(?: (?:no|number|nr))?|kartennummer|num[eé]ro de carte"
IBAN: Final = r"iban"
ACCOUNT: Final = (
    r"(?:bank )?account(?: (?:no|number|nr))?|acct(?: no)?|a/c(?: no)?|kontonummer|konto|routing"
    r"(?: (?:no|number))?|sort code|n[uú]mero de cuenta|compte"
)
MEDICAL: Final = (
    r"mrn|medical record(?: (?:no|number))?|patient (?:id|no|number)|nhs(?: (?:no|number))?"
    r"|health (?:card|insurance|plan)(?: (?:no|number|id))?|insurance (?:id|no|number)"
    r"|policy(?: (?:no|number|id))?|member(?:ship)? (?:id|no|number)|versichertennummer"
    r"|rx ?(?:no|bin)"
)
NUMBER: Final = (
    r"(?:passport|licen[cs]e|driver'?s? licen[cs]e|dl|id(?:entity)?(?: card)?|national id"
    r"|identification|ssn|social security|tax(?: id)?|nino?|national insurance|personal|employee"
    r"|student|staff|badge|document|customer|client|personnel|tin|dni|nif|nie|bsn|pesel|nir)"
    r"(?: ?(?:card))?(?: ?(?:no|number|num|nr|id|#))?|card id"
    r"|steuer-?(?:id|nummer)|ausweis(?:nr|nummer)"
    r"|personalnummer|sozialversicherungsnummer|num[eé]ro de s[eé]curit[eé] sociale|codice fiscale"
    r"|matricule|plate(?: no)?|registration(?: (?:no|number))?|kennzeichen|vin"
)
