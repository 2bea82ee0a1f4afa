-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- One row a purchase: whose it is, its amount, its day and the day of the member's next one (days since 1970, local),
-- null where none followed.
SELECT
  CAST(member_id AS Nullable(String)) AS member_id,
  CAST(amount AS Nullable(Float64)) AS amount,
  CAST(dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(purchased_at AS Nullable(Date32))) AS Nullable(Int64)) AS purchase,
  CAST(dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(lead(toNullable(purchased_at)) OVER running AS Nullable(Date32))) AS Nullable(Int64)) AS next_purchase
FROM purchases
WHERE
  purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
WINDOW running AS (PARTITION BY member_id ORDER BY purchased_at, amount)
ORDER BY
  3,
  4,
  1,
  2
