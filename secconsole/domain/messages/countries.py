"""Countries and territories with phone numbers, by name and dialling code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from secconsole.domain.text import normal

# The letters are from ISO 3166, the names from tzdata (iso3166.tab, public domain) with some common alternatives.
_NAMES = """
AC Ascension Island; AD Andorra; AE United Arab Emirates (UAE); AF Afghanistan; AG Antigua & Barbuda; AI Anguilla;
AL Albania; AM Armenia; AO Angola; AR Argentina; AS American Samoa; AT Austria; AU Australia; AW Aruba; AX Åland
Islands; AZ Azerbaijan; BA Bosnia & Herzegovina; BB Barbados; BD Bangladesh; BE Belgium; BF Burkina Faso; BG
Bulgaria; BH Bahrain; BI Burundi; BJ Benin; BL St Barthelemy; BM Bermuda; BN Brunei; BO Bolivia; BQ Caribbean NL; BR
Brazil; BS Bahamas; BT Bhutan; BW Botswana; BY Belarus; BZ Belize; CA Canada; CC Cocos (Keeling) Islands; CD Congo
(Democratic Republic); CF Central African Rep.; CG Congo (Republic); CH Switzerland; CI Côte d'Ivoire (Ivory Coast);
CK Cook Islands; CL Chile; CM Cameroon; CN China; CO Colombia; CR Costa Rica; CU Cuba; CV Cape Verde; CW Curaçao; CX
Christmas Island; CY Cyprus; CZ Czech Republic (Czechia); DE Germany; DJ Djibouti; DK Denmark; DM Dominica; DO
Dominican Republic; DZ Algeria; EC Ecuador; EE Estonia; EG Egypt; EH Western Sahara; ER Eritrea; ES Spain; ET
Ethiopia; FI Finland; FJ Fiji; FK Falkland Islands; FM Micronesia; FO Faroe Islands; FR France; GA Gabon; GB United
Kingdom (UK, Britain); GD Grenada; GE Georgia; GF French Guiana; GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland; GM
Gambia; GN Guinea; GP Guadeloupe; GQ Equatorial Guinea; GR Greece; GT Guatemala; GU Guam; GW Guinea-Bissau; GY
Guyana; HK Hong Kong; HN Honduras; HR Croatia; HT Haiti; HU Hungary; ID Indonesia; IE Ireland; IL Israel; IM Isle of
Man; IN India; IO British Indian Ocean Territory; IQ Iraq; IR Iran; IS Iceland; IT Italy; JE Jersey; JM Jamaica; JO
Jordan; JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI Kiribati; KM Comoros; KN St Kitts & Nevis; KP Korea
(North); KR Korea (South); KW Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Laos; LB Lebanon; LC St Lucia; LI
Liechtenstein; LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia; LY Libya; MA Morocco;
MC Monaco; MD Moldova; ME Montenegro; MF St Martin (French); MG Madagascar; MH Marshall Islands; MK North Macedonia;
ML Mali; MM Myanmar (Burma); MN Mongolia; MO Macau; MP Northern Mariana Islands; MQ Martinique; MR Mauritania; MS
Montserrat; MT Malta; MU Mauritius; MV Maldives; MW Malawi; MX Mexico; MY Malaysia; MZ Mozambique; NA Namibia; NC
New Caledonia; NE Niger; NF Norfolk Island; NG Nigeria; NI Nicaragua; NL Netherlands (Holland); NO Norway; NP Nepal;
NR Nauru; NU Niue; NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea; PH
Philippines; PK Pakistan; PL Poland; PM St Pierre & Miquelon; PR Puerto Rico; PS Palestine; PT Portugal; PW Palau;
PY Paraguay; QA Qatar; RE Réunion; RO Romania; RS Serbia; RU Russia; RW Rwanda; SA Saudi Arabia; SB Solomon Islands;
SC Seychelles; SD Sudan; SE Sweden; SG Singapore; SH St Helena; SI Slovenia; SJ Svalbard & Jan Mayen; SK Slovakia;
SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia; SR Suriname; SS South Sudan; ST Sao Tome & Principe; SV El
Salvador; SX St Maarten (Dutch); SY Syria; SZ Eswatini (Swaziland); TA Tristan da Cunha; TC Turks & Caicos Islands;
TD Chad; TG Togo; TH Thailand; TJ Tajikistan; TK Tokelau; TL East Timor; TM Turkmenistan; TN Tunisia; TO Tonga; TR
Turkey; TT Trinidad & Tobago; TV Tuvalu; TW Taiwan; TZ Tanzania; UA Ukraine; UG Uganda; US United States (USA); UY
Uruguay; UZ Uzbekistan; VA Vatican City; VC St Vincent; VE Venezuela; VG Virgin Islands (UK); VI Virgin Islands
(US); VN Vietnam; VU Vanuatu; WF Wallis & Futuna; WS Samoa; XK Kosovo; YE Yemen; YT Mayotte; ZA South Africa; ZM
Zambia; ZW Zimbabwe
"""


@dataclass(frozen=True, slots=True)
class Country:
    """Country with its ISO 3166 `code` such as `CZ` and its `dialling` code such as `+420`."""

    code: str
    name: str
    dialling: str

    def distance(self, typed: str) -> int | None:
        """Return how well the typed text matches, or None if it does not.

        0 is an exact match of the letters, a word or the dialling code, 1 the beginning of a word, 2 a part of the
        name.
        """
        text = _folded(typed.strip())
        digits = text.lstrip("+0")
        if digits.isdigit():
            own = self.dialling[1:]
            return 0 if own == digits else 1 if own.startswith(digits) else None
        name = _folded(self.name)
        if text == self.code.casefold() or re.search(rf"\b{re.escape(text)}\b", name):
            return 0
        if re.search(rf"\b{re.escape(text)}", name):
            return 1
        return 2 if text in name else None


def with_country(country: Country, typed: str, among: Sequence[Country]) -> str:
    """Return a typed number with its dialling code replaced by that of a country."""
    typed = typed.strip()
    before = next((other.dialling for other in among if typed.startswith(other.dialling)), "")
    rest = typed.removeprefix(before).lstrip("+ ")
    return f"{country.dialling} {rest}"


def _folded(text: str) -> str:
    """Return the text without case and accents, which people leave out when they search."""
    return "".join(c for c in normal("NFKD", text.casefold()) if not unicodedata.combining(c))


def countries() -> tuple[Country, ...]:
    """Return all countries sorted by name."""
    import phonenumbers  # imported late: most commands never see a number

    pairs = (pair.split(" ", 1) for pair in _NAMES.replace("\n", " ").strip().split("; "))
    made = (Country(code, name, f"+{phonenumbers.country_code_for_region(code)}") for code, name in pairs)
    return tuple(sorted(made, key=lambda country: country.name.casefold()))


def found(among: Sequence[Country], typed: str) -> list[Country]:
    """Return the countries that match the typed text, best matches first.

    Equal matches keep their order. Without a text all countries match.
    """
    if not typed.strip():
        return list(among)
    near = [(country.distance(typed), country) for country in among]
    fitting = [(distance, country) for distance, country in near if distance is not None]
    return [country for _, country in sorted(fitting, key=lambda pair: pair[0])]
