"""The metrics an alert threshold of monitor-loyalty may name: name → (title, definition)."""

KPIS = {
    "retention": (
        "Repeat rate, 90 days",
        "Members who bought again within 90 days / members observed for 90 days",
    ),
    "active_rate": ("Active members", "Members with a purchase in the window / members"),
    "revenue": ("Revenue", "Purchases of the window"),
    "redemption_rate": (
        "Redemption rate of the window",
        "Points redeemed / points issued, both in the window",
    ),
    "csat": ("Satisfied members", "CSAT answers of 4 or 5 / CSAT answers, in the window"),
    "churn_risk": ("Churn risk of repeat buyers", "1 − mean P(alive), BG/NBD"),
    "liability": ("Point liability", "Outstanding points × cost per point × redemption rate of outstanding"),
    "breakage": ("Breakage of issued points", "1 − ultimate redemption rate, chain ladder"),
}
LIABILITY_SPIKE = "liability-spike"
