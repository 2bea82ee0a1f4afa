-- Per period: members who bought, first-time buyers, orders, paid orders (amount above zero), revenue net in the
-- period of the sale; gross, the same before refunds; refunded, what was taken back in the period, whenever it was
-- sold: gross - refunded is net revenue in the period of the refund.
WITH orders AS (
    SELECT
        member_id, amount,
        date_trunc($period, purchased_at AT TIME ZONE 'UTC') AS period,
        date_trunc($period, min(purchased_at) OVER (PARTITION BY member_id) AT TIME ZONE 'UTC') AS joined
    FROM purchases
),
bought AS (
    SELECT
        period, count(DISTINCT member_id) AS members,
        count(DISTINCT member_id) FILTER (period = joined) AS new_members,
        count(*) AS orders, count(*) FILTER (amount > 0) AS paid_orders, sum(amount) AS revenue
    FROM orders GROUP BY period
),
taken AS (
    SELECT period, sum(by_sale) AS lowered, sum(by_move) AS refunded
    FROM (
        SELECT date_trunc($period, purchased_at AT TIME ZONE 'UTC') AS period, lowered AS by_sale, 0 AS by_move
        FROM order_changes
        UNION ALL
        SELECT date_trunc($period, moved_at AT TIME ZONE 'UTC'), 0, refunded FROM order_changes
    ) GROUP BY period
)
SELECT
    CAST(period AS DATE) AS period,
    coalesce(members, 0) AS members,
    coalesce(new_members, 0) AS new_members,
    coalesce(orders, 0) AS orders,
    coalesce(paid_orders, 0) AS paid_orders,
    CAST(coalesce(revenue, 0) AS DECIMAL(18, 4)) AS revenue,
    CAST(coalesce(revenue, 0) + coalesce(lowered, 0) AS DECIMAL(18, 4)) AS gross,
    CAST(coalesce(refunded, 0) AS DECIMAL(18, 4)) AS refunded
FROM bought FULL JOIN taken USING (period)
ORDER BY period
