-- Per member, the day (days since 1970, local) of the events that lifecycle rules start from; null where it
-- has not happened. Tier days are the first on which the spend of 365 days came within 20 % of, or reached,
-- the first threshold.
WITH orders AS (
    SELECT
        member_id,
        datediff('day', DATE '1970-01-01', CAST(purchased_at AT TIME ZONE 'UTC' AS DATE)) AS day,
        row_number() OVER (PARTITION BY member_id ORDER BY purchased_at, amount) AS nth,
        sum(amount) OVER (
            PARTITION BY member_id ORDER BY purchased_at RANGE BETWEEN INTERVAL 365 DAYS PRECEDING AND CURRENT ROW
        ) AS year_spend
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
)
SELECT
    member_id,
    min(day) FILTER (nth = 1) AS first_purchase,
    min(day) FILTER (nth = 2) AS second_purchase,
    min(day) FILTER (nth = 4) AS fourth_purchase,
    min(day) FILTER (year_spend >= 0.8 * CAST($threshold AS DECIMAL(18, 4))) AS near_next_tier,
    min(day) FILTER (year_spend >= CAST($threshold AS DECIMAL(18, 4))) AS next_tier_reached
FROM orders
GROUP BY member_id
ORDER BY member_id
