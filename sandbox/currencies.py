"""Currencies as Stripe takes them (docs.stripe.com/currencies), and the sandbox's own rates.

The rates are made up but fixed, in millionths of a US dollar for one major unit, so that every
conversion can be worked out by hand. Amounts stay integers.
"""

from dataclasses import dataclass
from fractions import Fraction

from sandbox.errors import ApiError, refused

ZERO_DECIMAL = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
     "xof", "xpf")
)  # fmt: skip
THREE_DECIMAL = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))
WHOLE_MAJOR_UNITS = frozenset(("isk", "ugx"))
"""Zero-decimal by ISO, sent with two decimals that must be 0."""

MINIMUM: dict[str, int] = {
    "usd": 50, "aed": 200, "aud": 50, "bgn": 100, "brl": 50, "cad": 50, "chf": 50, "czk": 1500,
    "dkk": 250, "eur": 50, "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000,
    "myr": 200, "nok": 300, "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000,
}  # fmt: skip
"""Smallest charge in minor units; any other currency needs the worth of 0.50 US dollars."""

MAXIMUM = 99_999_999
MAXIMUM_IDR = 999_999_999_999

RATES: dict[str, int] = {
    "usd": 1_000_000, "aed": 272_294, "afn": 14_000, "all": 10_700, "amd": 2_570, "ang": 558_659,
    "aoa": 1_190, "ars": 1_100, "aud": 660_000, "awg": 555_556, "azn": 588_235, "bam": 555_000,
    "bbd": 500_000, "bdt": 9_100, "bgn": 552_000, "bhd": 2_652_520, "bif": 350, "bmd": 1_000_000,
    "bnd": 745_000, "bob": 144_718, "brl": 200_000, "bsd": 1_000_000, "bwp": 73_000,
    "byn": 305_000, "bzd": 496_000, "cad": 740_000, "cdf": 360, "chf": 1_130_000, "clp": 1_060,
    "cny": 138_000, "cop": 250, "crc": 1_950, "cve": 9_800, "czk": 43_000, "djf": 5_620,
    "dkk": 145_000, "dop": 17_000, "dzd": 7_400, "egp": 20_800, "etb": 17_500, "eur": 1_080_000,
    "fjd": 445_000, "fkp": 1_270_000, "gbp": 1_270_000, "gel": 370_000, "gip": 1_270_000,
    "gmd": 14_800, "gnf": 116, "gtq": 128_500, "gyd": 4_780, "hkd": 128_000, "hnl": 40_500,
    "htg": 7_500, "huf": 2_750, "idr": 63, "ils": 270_000, "inr": 12_000, "isk": 7_200,
    "jmd": 6_400, "jod": 1_410_437, "jpy": 6_700, "kes": 7_700, "kgs": 11_300, "khr": 245,
    "kmf": 2_190, "krw": 740, "kwd": 3_250_000, "kyd": 1_200_000, "kzt": 2_200, "lak": 47,
    "lbp": 11, "lkr": 3_300, "lrd": 5_200, "lsl": 54_000, "mad": 100_000, "mdl": 56_000,
    "mga": 220, "mkd": 17_500, "mmk": 476, "mnt": 294, "mop": 124_000, "mur": 21_700,
    "mvr": 64_900, "mwk": 577, "mxn": 58_000, "myr": 212_000, "mzn": 15_650, "nad": 54_000,
    "ngn": 670, "nio": 27_200, "nok": 94_000, "npr": 7_500, "nzd": 610_000, "omr": 2_600_780,
    "pab": 1_000_000, "pen": 265_000, "pgk": 258_000, "php": 17_500, "pkr": 3_590, "pln": 252_000,
    "pyg": 132, "qar": 274_725, "ron": 217_000, "rsd": 9_200, "rub": 11_000, "rwf": 763,
    "sar": 266_667, "sbd": 118_000, "scr": 73_500, "sek": 95_000, "sgd": 745_000,
    "shp": 1_270_000, "sle": 44_000, "sos": 1_750, "srd": 31_000, "std": 44, "szl": 54_000,
    "thb": 28_500, "tjs": 92_000, "tnd": 321_000, "top": 424_000, "try": 31_000, "ttd": 147_500,
    "twd": 31_000, "tzs": 385, "uah": 24_500, "ugx": 267, "uyu": 25_500, "uzs": 79, "vnd": 39,
    "vuv": 8_400, "wst": 365_000, "xaf": 1_650, "xcd": 370_370, "xcg": 558_659, "xof": 1_650,
    "xpf": 9_050, "yer": 4_000, "zar": 54_000, "zmw": 39_000,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchange:
    """A converted amount in minor units; ``rate`` is None where nothing was converted."""

    amount: int
    currency: str
    rate: float | None


def exponent(currency: str) -> int:
    """Decimals of the minor unit in which Stripe takes amounts."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def round_half_up(value: Fraction) -> int:
    """Rounds to an integer, halves away from zero."""
    doubled = abs(value) * 2 + 1
    rounded = doubled.numerator // (doubled.denominator * 2)
    return rounded if value >= 0 else -rounded


def exchange(amount: int, currency: str, to: str) -> Exchange:
    """Converts minor units at the fixed rates, rounded half up; the rate is of major units."""
    if currency == to:
        return Exchange(amount, currency, None)
    rate = Fraction(RATES[currency], RATES[to])
    scale = Fraction(10) ** (exponent(to) - exponent(currency))
    return Exchange(round_half_up(amount * rate * scale), to, round(float(rate), 6))


def minimum(currency: str) -> int:
    """Smallest charge in minor units."""
    if currency in MINIMUM:
        return MINIMUM[currency]
    least = exchange(50, "usd", currency).amount
    step = 100 if currency in WHOLE_MAJOR_UNITS else 10 if currency in THREE_DECIMAL else 1
    return -(-least // step) * step


def display(amount: int, currency: str) -> str:
    """An amount as Stripe's messages write it: ``$0.50`` for US dollars, else ``0.50 eur``."""
    digits = exponent(currency)
    whole, rest = divmod(amount, 10**digits)
    text = f"{whole:,}.{rest:0{digits}d}" if digits else f"{whole:,}"
    symbol = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency)
    return f"{symbol}{text}" if symbol else f"{text} {currency}"


def known(currency: str, param: str = "currency") -> str:
    """The currency in lower case; raises ApiError where Stripe does not support it."""
    code = currency.lower()
    if code not in RATES:
        names = ", ".join(RATES)
        raise refused(
            f"Invalid currency: {code[:20]}. Stripe currently supports these currencies: {names}",
            param,
        )
    return code


def check_amount(amount: int, currency: str, param: str = "amount") -> None:
    """Raises ApiError where Stripe refuses the amount in this currency."""
    check_positive(amount, param)
    if amount < minimum(currency):
        raise _too("small", "at least", minimum(currency), currency, param)
    most = MAXIMUM_IDR if currency == "idr" else MAXIMUM
    if amount > most:
        raise _too("large", "no more than", most, currency, param)
    check_granularity(amount, currency, param)


def check_positive(amount: int, param: str) -> None:
    """Raises ApiError below 1."""
    if amount < 1:
        raise refused(
            "This value must be greater than or equal to 1.", param, "parameter_invalid_integer"
        )


def check_granularity(amount: int, currency: str, param: str) -> None:
    """Raises ApiError where the last digits must be 0 and are not."""
    if currency in WHOLE_MAJOR_UNITS and amount % 100:
        raise refused(
            f"Invalid amount: {currency.upper()} amounts must be evenly divisible by 100.", param
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise refused(
            f"Invalid amount: {currency.upper()} is a three-decimal currency; its amounts must end "
            "in 0.",
            param,
        )


def _too(word: str, limit: str, bound: int, currency: str, param: str) -> ApiError:
    amount = display(bound, currency)
    named = amount if amount.endswith(currency) else f"{amount} {currency}"
    return refused(f"Amount must be {limit} {named}", param, f"amount_too_{word}")
