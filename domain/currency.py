"""Currencies that the gateway presents, their ISO 4217 exponents, and the gateway's exceptions.

Amounts inside Tollgate are ISO 4217 minor units. Stripe counts a few currencies differently
(docs.stripe.com/currencies, "Special cases" and "Zero-decimal currencies"): `to_gateway` and
`from_gateway` are the only places that know it. HUF and TWD are whole only in payouts, which
Tollgate does not make; charges have their two decimals.
"""

# ANG and STD stand in ISO's list of withdrawn codes; Stripe goes on presenting both, and not STN.
_TWO_DECIMALS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BWP BYN BZD CAD
    CDF CHF CNY COP CRC CVE CZK DKK DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL
    HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
    SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD
    XCG YER ZAR ZMW
"""
_ZERO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD JOD KWD OMR TND"

EXPONENTS: dict[str, int] = (
    dict.fromkeys(_TWO_DECIMALS.split(), 2)
    | dict.fromkeys(_ZERO_DECIMALS.split(), 0)
    | dict.fromkeys(_THREE_DECIMALS.split(), 3)
)
"""Decimal places of each currency's minor unit (ISO 4217, tables A.1 and A.3)."""

_GATEWAY_TIMES_100 = frozenset({"ISK", "UGX"})
_GATEWAY_BY_100 = frozenset({"MGA"})
_GATEWAY_ENDS_IN_ZERO = frozenset(_THREE_DECIMALS.split())

_GATEWAY_MINIMUMS = {
    "AED": 200, "AUD": 50, "BGN": 100, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200,
    "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip
_GATEWAY_MAXIMUM = 99_999_999
_GATEWAY_MAXIMUMS = {"IDR": 999_999_999_999}


class UnsupportedAmount(ValueError):
    """The gateway cannot express or take the amount; `rule` names why."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit. Raises KeyError outside the table."""
    return EXPONENTS[currency]


def to_gateway(amount: int, currency: str) -> int:
    """Minor units as the gateway counts them. Raises UnsupportedAmount where it has no such sum."""
    if currency in _GATEWAY_TIMES_100:
        return amount * 100
    if currency in _GATEWAY_BY_100:
        if amount % 100:
            raise UnsupportedAmount("AMOUNT_NOT_WHOLE", f"{currency} is taken in whole units only.")
        return amount // 100
    if currency in _GATEWAY_ENDS_IN_ZERO and amount % 10:
        raise UnsupportedAmount("AMOUNT_NOT_ROUND", f"{currency} amounts must end in 0.")
    return amount


def floor_to_gateway(amount: int, currency: str) -> int:
    """The largest sum up to `amount` minor units that the gateway can express."""
    if currency in _GATEWAY_BY_100:
        return amount - amount % 100
    if currency in _GATEWAY_ENDS_IN_ZERO:
        return amount - amount % 10
    return amount


def from_gateway(amount: int, currency: str) -> int:
    """The gateway's count back in ISO 4217 minor units.

    A rest below a unit can only come from the gateway's own reckoning, of a fee or a conversion. It
    is rounded, a half away from zero: what leaves an account is as much as what had come in.
    """
    if amount < 0:
        return -from_gateway(-amount, currency)
    if currency in _GATEWAY_TIMES_100:
        return (amount + 50) // 100
    if currency in _GATEWAY_BY_100:
        return amount * 100
    return amount


def check_gateway_amount(amount: int, currency: str) -> None:
    """Raises UnsupportedAmount unless the gateway can charge this many minor units. Where it names
    no minimum of a currency, what is worth too little is left for it to refuse."""
    to_gateway(amount, currency)
    minimum, maximum = _GATEWAY_MINIMUMS.get(currency, 1), _maximum(currency)
    if amount < minimum:
        raise UnsupportedAmount(
            "AMOUNT_TOO_SMALL", f"The gateway takes at least {minimum} {currency} minor units."
        )
    if amount > maximum:
        raise UnsupportedAmount(
            "AMOUNT_TOO_LARGE", f"The gateway takes at most {maximum} {currency} minor units."
        )


def _maximum(currency: str) -> int:
    counted = _GATEWAY_MAXIMUMS.get(currency, _GATEWAY_MAXIMUM)
    if currency in _GATEWAY_TIMES_100:
        return counted // 100
    return floor_to_gateway(from_gateway(counted, currency), currency)
