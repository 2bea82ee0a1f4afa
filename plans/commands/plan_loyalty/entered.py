"""The assumptions that a run may enter on its usage line; each goes before the program's own setting."""

from __future__ import annotations

from decimal import Decimal

from plans.schemas.inputs import Count, Input, Text
from plans.schemas.spreads import MONEY, ShareLimit, Spread

ANY_AMOUNT = Decimal(10) ** 13

ASSUMPTIONS: tuple[Input, ...] = (
    Spread("lift", "Lift in the spend of members at the program's own earn rate: 4%, or low/likely/high 1%/4%/8%; a "
           "holdout that is loaded goes before it", minimum=Decimal(-1), maximum=Decimal(5), row="lift"),
    Text("lift_test", "The test whose outcome in money is the lift; if empty, a loaded test that holds members out"),
    Spread("half_lift", "Reward, as a share of spend, at which members show half of the greatest lift there can be: 2%, or "
           "low/likely/high 1%/2%/4%", minimum=Decimal("0.0001"), row="half lift value rate"),
    Spread("enrolment", "Share of members who will enrol: 50%, or low/likely/high", minimum=Decimal("0.0001"), row="enrolment"),
    Spread("margin", "Gross margin, share of revenue: 40%, or low/likely/high", minimum=Decimal(-1), row="margin rate"),
    Spread("launch_cost", "What the launch costs once, in the program's currency: 20000, or low/likely/high", unit=MONEY,
           maximum=ANY_AMOUNT, row="launch cost"),
    Spread("platform_cost", "What the platform costs a month, in the program's currency: 500, or low/likely/high",
           unit=MONEY, maximum=ANY_AMOUNT),
    Spread("discount_rate", "Discount rate a year: 10%, or low/likely/high", row="discount rate"),
    ShareLimit("tolerated_overrun", "The reward pool proposed overruns the budget with at most this chance: 10%", row="tolerated overrun"),
    ShareLimit("tolerated_loss", "With a higher chance of a loss the program is tested before it is launched: 25%", row="tolerated loss"),
    Count("horizon", "Months over which the program has to pay for itself", minimum=6, maximum=120, row="horizon"),
)  # fmt: skip
