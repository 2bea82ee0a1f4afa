-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per member with a purchase before as_of: spend in the `days` days before as_of, zero where there is none.
SELECT
  CAST(member_id AS Nullable(String)) AS member_id,
  CAST(COUNT(*) FILTER(WHERE
    purchased_at >= CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) - toIntervalDay({days:Int64})) AS Nullable(Int64)) AS orders,
  CAST(COALESCE(
    SUM(amount) FILTER(WHERE
      purchased_at >= CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) - toIntervalDay({days:Int64})),
    0
  ) AS Nullable(Decimal(18, 4))) AS spend
FROM purchases
WHERE
  purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  member_id
ORDER BY
  1
