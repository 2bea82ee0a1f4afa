-- Per period: members who bought, first-time buyers, orders, paid orders (amount above zero), revenue.
WITH orders AS (
    SELECT
        member_id, amount,
        date_trunc($period, purchased_at AT TIME ZONE 'UTC') AS period,
        date_trunc($period, min(purchased_at) OVER (PARTITION BY member_id) AT TIME ZONE 'UTC') AS joined
    FROM purchases
)
SELECT
    CAST(period AS DATE) AS period,
    count(DISTINCT member_id) AS members,
    count(DISTINCT member_id) FILTER (period = joined) AS new_members,
    count(*) AS orders,
    count(*) FILTER (amount > 0) AS paid_orders,
    CAST(sum(amount) AS DECIMAL(18, 4)) AS revenue
FROM orders
GROUP BY period
ORDER BY period
