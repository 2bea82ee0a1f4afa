-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per member and complete month of age (of 30.4375 days since the first purchase, 0 the first): spend, net, of the first
-- `months` months, of members who have lived through as many. Months without spend have no row.
WITH orders AS (
  SELECT
    member_id,
    amount,
    CAST(purchased_at AS Nullable(Date32)) AS day
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
), today AS (
  SELECT
    CAST(CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) AS Nullable(Date32)) AS today
), firsts AS (
  SELECT
    member_id,
    MIN(day) AS first_date
  FROM orders
  GROUP BY
    member_id
), old_enough AS (
  SELECT
    member_id,
    first_date,
    ROW_NUMBER() OVER (ORDER BY member_id) - 1 AS member
  FROM firsts
  CROSS JOIN today
  WHERE
    dateDiff('day', first_date, today) >= {months:Int64} * CAST('30.4375' AS Decimal(6, 4))
)
SELECT
  CAST(member AS Nullable(Int64)) AS member,
  CAST(FLOOR(
    toFloat64(dateDiff('day', first_date, day)) / toFloat64(CAST('30.4375' AS Decimal(6, 4)))
  ) AS Nullable(Int32)) AS month,
  CAST(SUM(amount) AS Nullable(Decimal(18, 4))) AS spend
FROM orders
JOIN old_enough
  USING (member_id)
WHERE
  dateDiff('day', first_date, day) < {months:Int64} * CAST('30.4375' AS Decimal(6, 4))
GROUP BY
  1,
  2
ORDER BY
  1,
  2
