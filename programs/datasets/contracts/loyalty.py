"""Contracts of the loyalty commands: who the members are, what they buy, earn, use and say."""

from programs.datasets.contracts.base import (
    CURRENCY,
    MOVEMENT_WORDS,
    MOVEMENTS,
    Contract,
    ContractColumn,
    RowRule,
    Type,
    dimension,
    identifier,
    instant,
    member,
    money,
)

PURCHASES = Contract(
    kind="purchases",
    version=2,
    title="Purchases",
    description="One row per order, and one per refund, cancellation or adjustment of an order. Sum order "
    "lines before loading: one order id means one sale.",
    columns=(
        member(),
        instant(
            "purchased_at",
            "When the order was placed; a date alone means the start of that day.",
            "date",
            "order date",
            "purchase date",
            "ordered at",
            "transaction date",
            "timestamp",
            "invoice date",
            "created at",
            "created",
            required=True,
        ),
        money(
            "amount",
            "What the member paid; zero for free orders. A negative amount without a movement is a refund.",
            "dollar value",
            "total",
            "order total",
            "revenue",
            "order value",
            "sales",
            "order total amount",
            "price",
            "unit price",
            required=True,
        ),
        CURRENCY,
        identifier(
            "order_id",
            "Identifier of the order; the natural key of sales. On any other row, the order that it changes.",
            "order",
            "order number",
            "invoice no",
            "transaction id",
        ),
        ContractColumn(
            "movement",
            Type.CATEGORY,
            "Sale, refund, cancellation or adjustment. Without it, a negative amount is a refund.",
            allowed=MOVEMENTS,
            aliases=("kind", "movement kind", "movement type", "transaction kind", "transaction type"),
            words=MOVEMENT_WORDS,
        ),
        money(
            "refunded_amount",
            "The refund of the order, in a column of its row instead of its own row.",
        ),
        ContractColumn(
            "quantity",
            Type.INTEGER,
            "Units bought.",
            aliases=("number of cds", "items", "units", "qty"),
            unit="units",
        ),
        money("margin", "Gross margin of the order.", "gross margin"),
        dimension("category", "Product category.", "product category"),
        dimension("channel", "Where it was bought: web, app, store, …", "sales channel"),
        dimension("region", "Region or country.", "country", "market"),
    ),
    time="purchased_at",
    key=("order_id",),
    order=("purchased_at", "member_id"),
    rules=(
        RowRule("amount", "negative for a sale; call it a refund", "movement = 'sale' AND amount < 0"),
        RowRule(
            "refunded_amount",
            "refunded, but the row is not a sale",
            "refunded_amount <> 0 AND (movement <> 'sale' OR movement IS NULL AND amount < 0)",
        ),
    ),
    unkeyed="movement <> 'sale'",
    derived=(
        ("movement", "coalesce(movement, CASE WHEN amount < 0 THEN 'refund' ELSE 'sale' END)"),
        ("amount", "CASE WHEN movement = 'refund' THEN -abs(amount) ELSE amount END"),
    ),
)

MEMBERS = Contract(
    kind="members",
    version=1,
    title="Members",
    description="One row per member of the program; the latest row of a member counts.",
    columns=(
        member(),
        instant(
            "enrolled_at",
            "When the member joined.",
            "joined",
            "join date",
            "signup date",
            "enrolled",
            "enrollment date",
            "created at",
            required=True,
        ),
        instant(
            "updated_at",
            ("The time for which the row is valid; it decides between two rows of one member."),
            "as of",
        ),
        dimension("tier", "Tier held now.", "current tier", "level"),
        dimension("previous_tier", "Tier held at the start of the window.", "prior tier"),
        ContractColumn(
            "status",
            Type.CATEGORY,
            "Whether the membership is open.",
            allowed=("active", "paused", "closed"),
            aliases=("state", "member status"),
        ),
        instant("left_at", "When the member left.", "closed at", "cancelled at", "churned at"),
        dimension("persona", "Segment of the member.", "segment"),
        dimension("channel", "Where the member joined.", "signup channel", "source"),
        dimension("region", "Region or country.", "country", "market"),
        ContractColumn(
            "birth_date", Type.DATE, "For birthday rewards.", aliases=("birthday", "dob"), personal=True
        ),
        instant("renews_at", "When the membership or contract renews.", "renewal date", past=False),
    ),
    time="enrolled_at",
    key=("member_id",),
    latest_by="updated_at",
    order=("enrolled_at", "member_id"),
)

POINT_LEDGER = Contract(
    kind="point_ledger",
    version=1,
    title="Point ledger",
    description="Every movement of points. Points are positive; the entry says which way they move.",
    columns=(
        identifier("entry_id", "Identifier of the ledger entry; the natural key.", "transaction id", "id"),
        member(),
        instant(
            "posted_at",
            "When the points moved.",
            "date",
            "entry date",
            "transaction date",
            "timestamp",
            required=True,
        ),
        ContractColumn(
            "entry",
            Type.CATEGORY,
            "issue (earned), redeem, expire, reverse (an issue taken back), adjust (signed correction).",
            required=True,
            allowed=("issue", "redeem", "expire", "reverse", "adjust"),
            aliases=("type", "entry type", "movement", "transaction type"),
        ),
        ContractColumn(
            "points",
            Type.DECIMAL,
            "Points moved; positive except for an adjust.",
            required=True,
            aliases=("amount", "point amount", "points change"),
            unit="points",
        ),
        instant("issued_at", "When the points that move were issued: the vintage.", "vintage", "earned at"),
        instant("expires_at", "When issued points lapse.", "expiry date", past=False),
        identifier("reward", "What was redeemed for.", "reward name", "redemption type"),
        money("cost", "What the redemption cost the program.", "reward cost", "unit cost"),
        CURRENCY,
        identifier("order_id", "The order that earned or used the points.", "order"),
    ),
    time="posted_at",
    key=("entry_id",),
    order=("posted_at", "member_id"),
    rules=(RowRule("points", "negative, which only an adjust may be", "points < 0 AND entry <> 'adjust'"),),
)

USAGE_EVENTS = Contract(
    kind="usage_events",
    version=1,
    title="Usage events",
    description="What members do in the product or the program, one event or daily count per row.",
    columns=(
        identifier("event_id", "Identifier of the event; the natural key."),
        member(),
        instant("occurred_at", "When it happened.", "date", "timestamp", "event time", required=True),
        ContractColumn(
            "event", Type.TEXT, "What happened.", required=True, aliases=("event name", "action", "type")
        ),
        ContractColumn("count", Type.INTEGER, "How often; 1 unless given.", unit="events", minimum=0),
        dimension("feature", "Part of the product.", "module"),
        dimension("channel", "Where: app, web, e-mail, …", "platform"),
        dimension("region", "Region or country.", "country"),
    ),
    time="occurred_at",
    key=("event_id",),
    order=("occurred_at", "member_id"),
)

SURVEY_RESPONSES = Contract(
    kind="survey_responses",
    version=1,
    title="Survey responses",
    description="Answers to NPS (0 to 10) and CSAT (1 to 5) questions, by members, customers or partners.",
    columns=(
        identifier("response_id", "Identifier of the response; the natural key.", "id"),
        member(required=False),
        identifier("partner_id", "The partner who answered, for partner NPS.", "partner"),
        instant(
            "answered_at",
            "When.",
            "date",
            "submitted at",
            "responded at",
            "response date",
            "timestamp",
            required=True,
        ),
        ContractColumn(
            "survey",
            Type.CATEGORY,
            "Which scale the score is on.",
            required=True,
            allowed=("nps", "csat"),
            aliases=("type", "survey type", "question"),
        ),
        ContractColumn(
            "score",
            Type.INTEGER,
            "NPS 0 to 10, CSAT 1 to 5.",
            required=True,
            aliases=("rating", "answer", "value"),
            minimum=0,
            maximum=10,
        ),
        ContractColumn(
            "comment", Type.TEXT, "Words of the respondent.", aliases=("verbatim",), personal=True
        ),
        dimension("tier", "Tier at the time."),
        dimension("channel", "Where asked."),
        dimension("region", "Region or country.", "country"),
    ),
    time="answered_at",
    key=("response_id",),
    order=("answered_at",),
    rules=(RowRule("score", "outside 1 to 5 for csat", "survey = 'csat' AND score NOT BETWEEN 1 AND 5"),),
)

EXPERIMENTS = Contract(
    kind="experiments",
    version=1,
    title="Experiment outcomes",
    description="One row per experiment, unit and metric; a unit without outcome has value 0.",
    columns=(
        ContractColumn(
            "experiment", Type.TEXT, "Name of the test.", required=True, aliases=("test", "campaign")
        ),
        ContractColumn(
            "unit_id",
            Type.TEXT,
            "Who or what was assigned.",
            required=True,
            aliases=("member id", "customer id", "user id", "unit"),
            personal=True,
        ),
        ContractColumn("variant", Type.TEXT, "Arm.", required=True, aliases=("arm", "group", "treatment")),
        instant("assigned_at", "When assigned.", "assignment date", "date", "exposed at", required=True),
        ContractColumn("metric", Type.TEXT, "Which outcome.", required=True, aliases=("kpi", "outcome name")),
        ContractColumn(
            "value", Type.DECIMAL, "The outcome.", required=True, aliases=("outcome", "metric value")
        ),
        ContractColumn(
            "pre_value", Type.DECIMAL, "The same before assignment, for CUPED.", aliases=("pre", "x")
        ),
        dimension("tier", "Tier at assignment."),
        dimension("region", "Region or country.", "country"),
        dimension("channel", "Channel."),
    ),
    time="assigned_at",
    key=("experiment", "unit_id", "metric"),
    order=("assigned_at", "experiment", "unit_id", "metric"),
)

CONTRACTS = (PURCHASES, MEMBERS, POINT_LEDGER, USAGE_EVENTS, SURVEY_RESPONSES, EXPERIMENTS)
