-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per member up to as_of (exclusive): the summary that RFM and BG/NBD models start from.
-- frequency: days with a purchase after the first such day; recency_days: first to last purchase day;
-- tenure_days: first purchase day to as_of; inactive_days: last purchase day to as_of; days are local.
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
)
SELECT
  CAST(member_id AS Nullable(String)) AS member_id,
  CAST(MIN(day) AS Nullable(Date32)) AS first_date,
  CAST(MAX(day) AS Nullable(Date32)) AS last_date,
  CAST(COUNT(*) AS Nullable(Int64)) AS orders,
  CAST(COUNT(DISTINCT day) - 1 AS Nullable(Int64)) AS frequency,
  CAST(dateDiff('day', MIN(day), MAX(day)) AS Nullable(Int64)) AS recency_days,
  CAST(dateDiff('day', MIN(day), any(today)) AS Nullable(Int64)) AS tenure_days,
  CAST(dateDiff('day', MAX(day), any(today)) AS Nullable(Int64)) AS inactive_days,
  CAST(SUM(amount) AS Nullable(Decimal(18, 4))) AS monetary
FROM orders
CROSS JOIN today
GROUP BY
  member_id
ORDER BY
  1
