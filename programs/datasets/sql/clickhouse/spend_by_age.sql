-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per day of age (0 is the day of a member's first purchase): what all members spent on it, net, for the first
-- `days` days. A day that has not passed at as_of has no spend; who has passed it is in first_year_spend.
WITH orders AS (
  SELECT
    member_id,
    amount,
    CAST(purchased_at AS Nullable(Date32)) AS day
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
), aged AS (
  SELECT
    amount,
    dateDiff('day', MIN(day) OVER (PARTITION BY member_id), day) AS age
  FROM orders
)
SELECT
  CAST(age AS Nullable(Int64)) AS age,
  CAST(SUM(amount) AS Nullable(Decimal(18, 4))) AS spend
FROM aged
WHERE
  age < {days:Int64}
GROUP BY
  age
ORDER BY
  1
