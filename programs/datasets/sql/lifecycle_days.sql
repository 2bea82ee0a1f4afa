-- Per member, the day (days since 1970, local) of the events that lifecycle rules start from; null where it
-- has not happened. Tier days are the first on which the spend of 365 days came within 20 % of, or reached,
-- the first threshold. Enrolment is that of the member list, a first redemption that of the ledger.
WITH orders AS (
    SELECT
        member_id,
        datediff('day', DATE '1970-01-01', CAST(purchased_at AT TIME ZONE 'UTC' AS DATE)) AS day,
        row_number() OVER (PARTITION BY member_id ORDER BY purchased_at, amount) AS nth,
        sum(amount) OVER (
            PARTITION BY member_id ORDER BY purchased_at RANGE BETWEEN INTERVAL 365 DAYS PRECEDING AND CURRENT ROW
        ) AS year_spend
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
bought AS (
    SELECT
        member_id,
        min(day) FILTER (nth = 1) AS first_purchase,
        min(day) FILTER (nth = 2) AS second_purchase,
        min(day) FILTER (nth = 4) AS fourth_purchase,
        min(day) FILTER (year_spend >= 0.8 * CAST($threshold AS DECIMAL(18, 4))) AS near_next_tier,
        min(day) FILTER (year_spend >= CAST($threshold AS DECIMAL(18, 4))) AS next_tier_reached
    FROM orders
    GROUP BY member_id
),
enrolled AS (
    SELECT member_id,
        datediff('day', DATE '1970-01-01', CAST(min(enrolled_at) AT TIME ZONE 'UTC' AS DATE)) AS enrolment
    FROM members WHERE enrolled_at < CAST($as_of AS TIMESTAMPTZ) GROUP BY member_id
),
redeemed AS (
    SELECT member_id,
        datediff('day', DATE '1970-01-01', CAST(min(posted_at) AT TIME ZONE 'UTC' AS DATE)) AS first_redemption
    FROM point_ledger WHERE entry = 'redeem' AND posted_at < CAST($as_of AS TIMESTAMPTZ) GROUP BY member_id
)
SELECT
    member_id, enrolment, first_purchase, second_purchase, fourth_purchase, near_next_tier, next_tier_reached,
    first_redemption
FROM bought FULL JOIN enrolled USING (member_id) LEFT JOIN redeemed USING (member_id)
ORDER BY member_id
