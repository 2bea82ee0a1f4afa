-- What a goal of a program starts from, over all orders up to as_of: spend, and how much of it came after first orders
-- and from members who came back; the upper quartile of order values, rounded up to two digits, and how often it was
-- reached; days between orders; over how many days; and what there was in the last 365 days. Days are local.
WITH orders AS (
    SELECT
        member_id, amount, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day,
        row_number() OVER running AS nth,
        count(*) OVER (PARTITION BY member_id) AS of_member,
        date_diff('day', CAST(purchased_at AT TIME ZONE 'UTC' AS DATE),
            CAST(lead(purchased_at) OVER running AT TIME ZONE 'UTC' AS DATE)) AS gap
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
    WINDOW running AS (PARTITION BY member_id ORDER BY purchased_at, amount)
),
recent AS (
    SELECT count(*) AS orders, CAST(coalesce(sum(amount), 0) AS DOUBLE) AS spend, count(DISTINCT member_id) AS members
    FROM orders
    WHERE day >= CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) - 365
),
upper AS (SELECT CAST(quantile_disc(amount, 0.75) AS DOUBLE) AS value FROM orders),
high AS (
    SELECT CASE WHEN value > 0
        THEN ceil(value / pow(10, floor(log10(value)) - 1)) * pow(10, floor(log10(value)) - 1) ELSE 0 END AS value
    FROM upper
)
SELECT
    count(DISTINCT member_id) AS members,
    count(*) AS orders,
    CAST(coalesce(sum(amount), 0) AS DOUBLE) AS spend,
    CAST(coalesce(sum(amount) FILTER (nth > 1), 0) AS DOUBLE) AS after_first,
    CAST(coalesce(sum(amount) FILTER (of_member > 1), 0) AS DOUBLE) AS of_returning,
    any_value(high.value) AS high_order,
    count(*) FILTER (amount >= high.value) AS high_orders,
    median(gap) AS days_between,
    date_diff('day', min(day), CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE)) AS days,
    any_value(recent.orders) AS recent_orders,
    any_value(recent.spend) AS recent_spend,
    any_value(recent.members) AS recent_members
FROM orders, high, recent
