-- Per member with a purchase before as_of: spend in the `days` days before as_of, zero where there is none.
SELECT
    member_id,
    count(*) FILTER (purchased_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($days)) AS orders,
    CAST(coalesce(sum(amount) FILTER (
        purchased_at >= CAST($as_of AS TIMESTAMPTZ) - to_days($days)
    ), 0) AS DECIMAL(18, 4)) AS spend
FROM purchases
WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY member_id
ORDER BY member_id
