"""Events as Stripe sends them, full-size, in today's shape and in older ones.

Everything that a test may want to choose is a parameter (`facts`), so that a payload can be about a
real payment at the sandbox. Names, addresses and secrets are made up. E-mail addresses have no
dot behind the @: the tests look for real ones in every table, and a payer's may stand in a payload.
"""
