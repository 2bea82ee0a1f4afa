-- Per member with a purchase before `end`: first purchase, and orders, revenue of [start, end) and of [previous, start).
SELECT
    member_id,
    strftime(min(purchased_at AT TIME ZONE $time_zone), '%Y-%m') AS cohort,
    min(purchased_at) >= bounds.low AS is_new,
    min(purchased_at) >= bounds.previous AND min(purchased_at) < bounds.low AS was_new,
    count(*) FILTER (purchased_at >= bounds.low) AS orders,
    count(*) FILTER (purchased_at >= bounds.previous AND purchased_at < bounds.low) AS orders_before,
    CAST(coalesce(sum(amount) FILTER (purchased_at >= bounds.low), 0) AS DOUBLE) AS revenue,
    CAST(coalesce(sum(amount) FILTER (purchased_at >= bounds.previous AND purchased_at < bounds.low), 0) AS DOUBLE)
        AS revenue_before
FROM purchases, (
    SELECT CAST($previous AS TIMESTAMPTZ) AS previous, CAST($start AS TIMESTAMPTZ) AS low,
        CAST($end AS TIMESTAMPTZ) AS high
) AS bounds
WHERE purchased_at < bounds.high
GROUP BY member_id, bounds.low, bounds.previous
ORDER BY member_id
