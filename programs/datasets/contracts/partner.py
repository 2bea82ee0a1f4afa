"""Contracts of partner co-marketing: touches, opportunities, contacts and targets of both partners."""

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

TOUCHPOINTS = Contract(
    kind="touchpoints",
    version=1,
    title="Touchpoints",
    description="Every marketing touch of a person, with its UTM parameters as they were.",
    columns=(
        identifier("touch_id", "Identifier; the natural key.", "id", "event id", "session id"),
        ContractColumn(
            "person_id",
            Type.TEXT,
            "Who was touched.",
            required=True,
            aliases=("contact id", "visitor id", "lead id", "user id", "user", "visitor", "cookie id"),
            personal=True,
        ),
        instant("occurred_at", "When.", "date", "time", "timestamp", "touch date", required=True),
        dimension("channel", "Channel, where the source names one.", "marketing channel"),
        dimension("partner", "Whose touch.", "partner id"),
        dimension("campaign", "Campaign.", "campaign name"),
        dimension("asset", "Asset: page, webinar, paper, ….", "content", "asset name"),
        dimension("segment", "Audience segment.", "persona"),
        dimension("region", "Region or country.", "country"),
        dimension("utm_source", "UTM source.", "source"),
        dimension("utm_medium", "UTM medium.", "medium"),
        dimension("utm_campaign", "UTM campaign."),
        dimension("utm_content", "UTM content."),
        dimension("utm_term", "UTM term.", "term", "keyword"),
        ContractColumn("landing_url", Type.TEXT, "Page landed on.", aliases=("landing page", "url")),
        money("cost", "Cost of the touch.", "spend"),
        CURRENCY,
    ),
    time="occurred_at",
    key=("touch_id",),
    order=("person_id", "occurred_at"),
)

OPPORTUNITIES = Contract(
    kind="opportunities",
    version=2,
    title="Opportunities",
    description="Pipeline and deals, the latest row of each; and one row per credit note, cancellation or "
    "adjustment of a deal, where these are rows of their own.",
    columns=(
        identifier(
            "opportunity_id",
            "Identifier; the natural key of deals. On any other row, the deal that it changes, or its own.",
            "deal id",
            "id",
            "record id",
            required=True,
        ),
        movement(
            "What the row does to a deal. Without it, an amount below zero is a credit note.",
            ("deal", "sale"),
            ("opportunity", "sale"),
        ),
        ContractColumn(
            "person_id",
            Type.TEXT,
            "Primary contact, as in the touchpoints; several as “51;77”.",
            aliases=("contact id", "lead id", "primary contact", "contact ids", "associated contact ids"),
            personal=True,
            several=True,
        ),
        identifier("account_id", "The account.", "company id", "account"),
        dimension("account_name", "Name of the account.", "company", "account name", "associated company"),
        dimension("partner", "Whose record.", "partner id"),
        dimension("sourced_by", "Who claims to have sourced it.", "source partner", "lead source"),
        dimension("campaign", "Campaign.", "campaign name"),
        dimension("segment", "Segment.", "persona"),
        dimension("region", "Region or country.", "country"),
        ContractColumn(
            "stage",
            Type.TEXT,
            "Stage in the partner's words.",
            required=True,
            aliases=("stage name", "deal stage"),
        ),
        instant(
            "created_at", "When opened.", "created date", "create date", "open date", "date", required=True
        ),
        instant("updated_at", "The time for which the row is valid.", "last modified", "stage date"),
        instant("closed_at", "When won or lost.", "close date", past=False),
        ContractColumn("won", Type.BOOLEAN, "Closed won.", aliases=("is won",)),
        money("amount", "Amount; below zero, a credit note.", "value", "deal size", "pipeline"),
        taken_back(
            "refunded_amount",
            "The credit note of the deal, in a column of its row instead of its own row.",
            "refund amount",
            "credited amount",
            "credit note amount",
            "amount refunded",
        ),
        CURRENCY,
    ),
    time="created_at",
    key=("opportunity_id",),
    latest_by="updated_at",
    order=("created_at", "opportunity_id"),
    rules=(
        RowRule("amount", "negative for a deal; call it a refund", "movement = 'sale' AND amount < 0"),
        RowRule(
            "refunded_amount",
            "credited on a row that is no deal itself",
            "refunded_amount <> 0 AND (movement <> 'sale' OR movement IS NULL AND amount < 0)",
        ),
    ),
    unkeyed="movement <> 'sale'",
    derived=(
        ("movement", "coalesce(movement, CASE WHEN amount < 0 THEN 'refund' ELSE 'sale' END)"),
        ("amount", "CASE WHEN movement = 'refund' THEN -abs(amount) ELSE amount END"),
    ),
)

CONTACTS = Contract(
    kind="contacts",
    version=1,
    title="Contacts",
    description="People as a partner knows them, for matching; keyed hashes in place of e-mail are enough.",
    columns=(
        ContractColumn(
            "contact_id",
            Type.TEXT,
            "Identifier; the natural key.",
            required=True,
            aliases=("id", "person id", "lead id", "rec id"),
            personal=True,
        ),
        dimension("partner", "Whose record.", "partner id"),
        personal("email", "E-mail.", "email address"),
        personal("email_hash", "Keyed hash of the normalised e-mail.", "hashed email"),
        personal("given_name", "First name.", "first name"),
        personal("family_name", "Last name.", "surname", "last name"),
        dimension("company", "Company.", "account", "organisation", "organization"),
        personal("phone", "Telephone.", "telephone", "phone number"),
        personal("address", "Street address.", "street", "address 1"),
        dimension("city", "City.", "suburb", "town"),
        dimension("postcode", "Postal code.", "zip", "postal code"),
        dimension("region", "Region or country.", "country", "state"),
        ContractColumn(
            "birth_date", Type.DATE, "Date of birth.", aliases=("date of birth", "dob"), personal=True
        ),
        instant("updated_at", "The time for which the row is valid.", "last modified"),
    ),
    key=("contact_id",),
    latest_by="updated_at",
    order=("contact_id",),
)

TARGETS = Contract(
    kind="targets",
    version=1,
    title="Targets",
    description="What was agreed: a value of a metric for a part of the campaign and a period.",
    columns=(
        ContractColumn("metric", Type.TEXT, "Which metric.", required=True, aliases=("kpi",)),
        dimension("dimension", "What the target is split by: partner, channel, asset, …."),
        dimension("member", "The part: a partner, a channel, …; empty for the whole.", "part", "name"),
        ContractColumn(
            "starts_on", Type.DATE, "First day.", required=True, aliases=("start", "from", "period")
        ),
        ContractColumn("ends_on", Type.DATE, "Last day.", required=True, aliases=("end", "to", "until")),
        ContractColumn("target", Type.DECIMAL, "The value agreed.", required=True, aliases=("value", "goal")),
        CURRENCY,
    ),
    key=("metric", "dimension", "member", "starts_on", "ends_on"),
    order=("starts_on", "metric", "dimension", "member"),
)

CONTRACTS = (TOUCHPOINTS, OPPORTUNITIES, CONTACTS, TARGETS)
