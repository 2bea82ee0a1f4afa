"""Contracts of the referral commands: the funnel, the traces fraud leaves, and what was paid out."""

from programs.datasets.contracts.base import (
    CURRENCY,
    Contract,
    ContractColumn,
    RowRule,
    Type,
    dimension,
    identifier,
    instant,
    money,
    movement,
    personal,
    taken_back,
)

UNKNOWN = (
    "?", "0", "00000000-0000-0000-0000-000000000000", "anonymous", "blank", "default", "empty",
    "missing", "n.a.", "na", "nil", "no cookie", "none", "not available", "not set", "(not set)",
    "null", "other", "redacted", "test", "undefined", "unidentified", "unknown", "unspecified", "xxx",
)  # fmt: skip
"""What browsers and exports write for a trace that they do not know: many people, not one."""
NO_INSTRUMENT = (
    *UNKNOWN, "amazon pay", "amazonpay", "apple pay", "applepay", "bank transfer", "bank_transfer",
    "banktransfer", "card", "cash", "cash on delivery", "cod", "credit card", "credit_card",
    "creditcard", "debit card", "gift card", "gift_card", "giftcard", "google pay", "googlepay",
    "ideal", "invoice", "klarna", "paypal", "sepa", "sofort", "stripe", "visa", "mastercard", "voucher",
    "wallet", "wire",
)  # fmt: skip
"""Ways to pay in place of the instrument paid with."""


def known_trace(name: str, missing: tuple[str, ...] = UNKNOWN) -> tuple[str, str]:
    """A derived column: the trace as it was written, missing where a placeholder stands for it."""
    words = ", ".join(f"'{word}'" for word in missing)
    return name, f"CASE WHEN lower({name}) IN ({words}) THEN NULL ELSE {name} END"


REFERRALS = Contract(
    kind="referrals",
    version=2,
    title="Referrals",
    description="One row per invitation, with the time it reached each stage of the funnel, and one per "
    "refund, cancellation or adjustment of its order, where these are rows of their own.",
    columns=(
        identifier(
            "referral_id",
            "Identifier; the natural key of invitations. On any other row, the referral that it changes.",
            "id",
            "referral",
            required=True,
        ),
        movement(
            "What the row does to the order. Without it, revenue below zero is a refund.",
            ("referral", "sale"),
        ),
        ContractColumn(
            "referrer_id",
            Type.TEXT,
            "Who referred.",
            required=True,
            aliases=("advocate id", "referrer"),
            personal=True,
        ),
        identifier("partner_id", "The partner behind the referrer.", "partner"),
        instant(
            "invited_at",
            "When the invitation went out; of a refund in a row of its own, its day.",
            "invite date",
            "date",
            "created at",
            required=True,
        ),
        instant("clicked_at", "First click.", "click date"),
        instant("submitted_at", "Referral submitted or signed up.", "referred at", "signup date"),
        instant("qualified_at", "Accepted as qualified.", "qualified date"),
        instant("pipeline_at", "Opportunity opened.", "opportunity date"),
        instant("won_at", "First paid order or closed won.", "converted at", "conversion date"),
        instant("paid_at", "Reward paid.", "payout date"),
        instant(
            "refunded_at",
            "Order refunded or charged back; all of it unless an amount says less.",
            "refund date",
        ),
        money("pipeline_amount", "Amount of the opportunity.", "pipeline", dated_by=("pipeline_at",)),
        money("revenue", "Revenue won.", "order value", "amount", dated_by=("won_at",)),
        taken_back(
            "refunded_amount",
            "The refund of the revenue, in a column of its row instead of its own row.",
            "refund amount",
            "refunded",
            "amount refunded",
            dated_by=("won_at",),
        ),
        money("margin", "Gross margin won.", "gross margin", dated_by=("won_at",)),
        money(
            "reward",
            "Reward promised; below zero in a row of its own, taken back.",
            "incentive",
            "reward amount",
            dated_by=("won_at",),
        ),
        CURRENCY,
        dimension("source", "Where the referral came from.", "referral source"),
        dimension("channel", "How it was shared.", "share channel"),
        dimension("persona", "Segment of the referrer.", "segment"),
        dimension("partner_tier", "Tier of the partner.", "tier"),
        dimension("region", "Region or country.", "country"),
        personal("referrer_email", "E-mail of the referrer.", "advocate email"),
        personal("referrer_name", "Name of the referrer.", "advocate name"),
        personal("referrer_address", "Postal address of the referrer."),
        personal("referee_email", "E-mail of the referred.", "email", "friend email"),
        personal("referee_name", "Name of the referred.", "friend name"),
        personal("referee_address", "Postal address of the referred."),
        personal("referee_customer_id", "Customer id of the referred.", "customer id"),
        personal("cookie_id", "Cookie of the referred.", "cookie"),
        personal("device_id", "Device of the referred.", "device", "fingerprint"),
        personal("ip", "Address of the referred.", "ip address"),
        personal("user_agent", "Browser of the referred."),
        personal("payment_hash", "Keyed hash of the payment instrument.", "card hash"),
        personal("referrer_cookie_id", "Cookie of the referrer."),
        personal("referrer_device_id", "Device of the referrer."),
        personal("referrer_payment_hash", "Keyed hash of the referrer's payment instrument."),
        ContractColumn("landing_url", Type.TEXT, "Page landed on.", aliases=("landing page",)),
        ContractColumn(
            "referer_url", Type.TEXT, "Where the click came from.", aliases=("referer", "referrer url")
        ),
        ContractColumn(
            "fraud", Type.BOOLEAN, "Known label, where there is one.", aliases=("is fraud", "fraud flag")
        ),
    ),
    time="invited_at",
    key=("referral_id",),
    order=("invited_at", "referral_id"),
    rules=(
        RowRule("revenue", "negative for a sale; call it a refund", "movement = 'sale' AND revenue < 0"),
        RowRule(
            "refunded_amount",
            "refunded on a row that is no referral itself",
            "refunded_amount <> 0 "
            "AND (movement <> 'sale' OR movement IS NULL AND least(revenue, reward) < 0)",
        ),
        RowRule(
            "refunded_amount",
            "zero, though the row has a day of refund; leave it empty where all was refunded",
            "refunded_amount = 0 AND refunded_at IS NOT NULL",
        ),
    ),
    unkeyed="movement <> 'sale'",
    derived=(
        (
            "movement",
            "coalesce(movement, CASE WHEN revenue < 0 THEN 'refund' WHEN reward < 0 THEN 'adjustment' "
            "ELSE 'sale' END)",
        ),
        ("revenue", "CASE WHEN movement = 'refund' THEN -abs(revenue) ELSE revenue END"),
        *(known_trace(f"{side}{name}") for side in ("", "referrer_") for name in ("cookie_id", "device_id")),
        *(known_trace(f"{side}payment_hash", NO_INSTRUMENT) for side in ("", "referrer_")),
        known_trace("ip", (*UNKNOWN, "0.0.0.0", "127.0.0.1", "::", "::1")),  # noqa: S104 - no address is bound
        known_trace("user_agent"),
        *(known_trace(f"{side}_address") for side in ("referrer", "referee")),
    ),
)

REFERRAL_PAYOUTS = Contract(
    kind="referral_payouts",
    version=2,
    title="Referral payouts",
    description="Money paid, held or taken back for referrals: one row per payout, and one per claw-back or "
    "adjustment where these are rows of their own.",
    columns=(
        identifier(
            "payout_id",
            "Identifier; the natural key of payouts. On other rows, the payout that it changes, or its own.",
            "id",
            required=True,
        ),
        ContractColumn(
            "movement",
            Type.CATEGORY,
            "Payout, clawback or adjustment. Without it, an amount below zero is a clawback.",
            allowed=("payout", "clawback", "adjustment"),
            aliases=("movement kind", "movement type"),
            words=(
                ("reward", "payout"),
                ("commission", "payout"),
                ("payment", "payout"),
                ("sale", "payout"),
                ("claw_back", "clawback"),
                ("reversal", "clawback"),
                ("refund", "clawback"),
                ("chargeback", "clawback"),
                ("adjust", "adjustment"),
                ("correction", "adjustment"),
                ("bonus", "adjustment"),
            ),  # fmt: skip
        ),
        identifier("referral_id", "The referral paid for.", "referral", required=True),
        ContractColumn(
            "beneficiary_id",
            Type.TEXT,
            "Who was paid.",
            required=True,
            aliases=("referrer id", "payee"),
            personal=True,
        ),
        instant("paid_at", "When.", "date", "payout date", required=True),
        money("amount", "How much; below zero, taken back.", "payout", "reward", required=True),
        taken_back(
            "clawed_back_amount",
            "The claw-back of the payout, in a column of its row instead of its own row.",
            "clawback",
            "clawback amount",
            "claw back amount",
            "clawed back",
            "reversed amount",
        ),
        CURRENCY,
        ContractColumn(
            "status",
            Type.CATEGORY,
            "What became of it; reversed, the payout is none.",
            allowed=("paid", "held", "released", "reversed"),
            aliases=("payout status",),
        ),
        personal("account_hash", "Keyed hash of the account paid to.", "payout hash", "payout account hash"),
    ),
    time="paid_at",
    key=("payout_id",),
    order=("paid_at", "payout_id"),
    rules=(
        RowRule("amount", "negative for a payout; call it a clawback", "movement = 'payout' AND amount < 0"),
        RowRule(
            "clawed_back_amount",
            "clawed back on a row that is no payout itself",
            "clawed_back_amount <> 0 AND (movement <> 'payout' OR movement IS NULL AND amount < 0)",
        ),
    ),
    unkeyed="movement <> 'payout'",
    derived=(
        ("movement", "coalesce(movement, CASE WHEN amount < 0 THEN 'clawback' ELSE 'payout' END)"),
        ("amount", "CASE WHEN movement = 'clawback' THEN -abs(amount) ELSE amount END"),
        known_trace("account_hash", NO_INSTRUMENT),
    ),
)

PARTNER_ACTIVITY = Contract(
    kind="partner_activity",
    version=1,
    title="Partner activity",
    description="What partners do: logins, asset downloads, trainings, posts, mentions.",
    columns=(
        identifier("activity_id", "Identifier; the natural key.", "id"),
        identifier("partner_id", "Which partner.", "partner", required=True),
        instant("occurred_at", "When.", "date", "timestamp", required=True),
        ContractColumn("activity", Type.TEXT, "What.", required=True, aliases=("event", "type", "action")),
        ContractColumn("count", Type.INTEGER, "How often; 1 unless given.", unit="events", minimum=0),
        dimension("partner_tier", "Tier of the partner.", "tier"),
        dimension("region", "Region or country.", "country"),
    ),
    time="occurred_at",
    key=("activity_id",),
    order=("occurred_at", "partner_id"),
)

CONTRACTS = (REFERRALS, REFERRAL_PAYOUTS, PARTNER_ACTIVITY)
