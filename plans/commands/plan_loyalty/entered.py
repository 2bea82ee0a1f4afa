"""The assumptions that a run may enter on its usage line; each goes before the program's own setting."""

from __future__ import annotations

from decimal import Decimal

from plans.schemas.inputs import Count, Input, Text
from plans.schemas.spreads import MONEY, ShareLimit, Spread

ANY_AMOUNT = Decimal(10) ** 13

ASSUMPTIONS: tuple[Input, ...] = (
    Spread("lift", "Lift in the spend of members at the program's own earn rate: 4%, or low/likely/high 1%/4%/8%. A "
           "loaded test that holds members out takes its place", minimum=Decimal(-1), maximum=Decimal(5), row="lift"),
    Text("lift_test", "The test that measures the lift in money. Empty: a loaded test that holds members out"),
    Spread("half_lift", "Reward, as a share of spend, at which members show half of the greatest lift there can be: 2%, or "
           "low/likely/high 1%/2%/4%", minimum=Decimal("0.0001"), row="half lift value rate"),
    Spread("enrolment", "Share of members who will enrol: 50%, or low/likely/high", minimum=Decimal("0.0001"), row="enrolment"),
    Spread("margin", "Gross margin, share of revenue: 40%, or low/likely/high", minimum=Decimal(-1), row="margin rate"),
    Spread("launch_cost", "What the launch costs once, in the program's currency: 20000, or low/likely/high", unit=MONEY,
           maximum=ANY_AMOUNT, row="launch cost"),
    Spread("platform_cost", "What the platform costs a month, in the program's currency: 500, or low/likely/high",
           unit=MONEY, maximum=ANY_AMOUNT),
    Spread("discount_rate", "Discount rate a year: 10%, or low/likely/high", row="discount rate"),
    ShareLimit("tolerated_overrun", "The highest accepted chance that the proposed reward pool overruns the budget, such as 10%", row="tolerated overrun"),
    ShareLimit("tolerated_loss", "If the chance of a loss is higher than this, such as 25%, the program is tested before it is launched", row="tolerated loss"),
    Count("horizon", "Months over which the program has to pay for itself", minimum=6, maximum=120, row="horizon"),
)  # fmt: skip
