-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per period: members who bought, first-time buyers, orders, paid orders (amount above zero), revenue net in the
-- period of the sale; gross, the same before refunds; refunded, what was taken back in the period, whenever it was
-- sold: gross - refunded is net revenue in the period of the refund.
WITH orders AS (
  SELECT
    member_id,
    amount,
    dateTrunc({period:String}, purchased_at) AS period,
    dateTrunc({period:String}, MIN(purchased_at) OVER (PARTITION BY member_id)) AS joined
  FROM purchases
), bought AS (
  SELECT
    period,
    COUNT(DISTINCT member_id) AS members,
    COUNT(DISTINCT member_id) FILTER(WHERE
      period = joined) AS new_members,
    COUNT(*) AS orders,
    COUNT(*) FILTER(WHERE
      amount > 0) AS paid_orders,
    SUM(amount) AS revenue
  FROM orders
  GROUP BY
    period
), taken AS (
  SELECT
    period,
    SUM(by_sale) AS lowered,
    SUM(by_move) AS refunded
  FROM (
    SELECT
      dateTrunc({period:String}, purchased_at) AS period,
      lowered AS by_sale,
      0 AS by_move
    FROM order_changes
    UNION ALL
    SELECT
      dateTrunc({period:String}, moved_at),
      0,
      refunded
    FROM order_changes
  )
  GROUP BY
    period
)
SELECT
  CAST(period AS Nullable(Date32)) AS period,
  CAST(COALESCE(members, 0) AS Nullable(Int64)) AS members,
  CAST(COALESCE(new_members, 0) AS Nullable(Int64)) AS new_members,
  CAST(COALESCE(orders, 0) AS Nullable(Int64)) AS orders,
  CAST(COALESCE(paid_orders, 0) AS Nullable(Int64)) AS paid_orders,
  CAST(COALESCE(revenue, 0) AS Nullable(Decimal(18, 4))) AS revenue,
  CAST(COALESCE(revenue, 0) + COALESCE(lowered, 0) AS Nullable(Decimal(18, 4))) AS gross,
  CAST(COALESCE(refunded, 0) AS Nullable(Decimal(18, 4))) AS refunded
FROM bought
FULL JOIN taken
  USING (period)
ORDER BY
  1
