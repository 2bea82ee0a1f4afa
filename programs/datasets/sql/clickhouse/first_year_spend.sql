-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per member: what was spent in the first `days` days from the first purchase, that day included,
-- and how many of those days had passed at as_of. Projecting the unfinished ones is the caller's model.
WITH firsts AS (
  SELECT
    member_id,
    CAST(MIN(purchased_at) AS Nullable(Date32)) AS first_date
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
  GROUP BY
    member_id
), today AS (
  SELECT
    CAST(CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) AS Nullable(Date32)) AS today
)
SELECT
  CAST(member_id AS Nullable(String)) AS member_id,
  CAST(first_date AS Nullable(Date32)) AS first_date,
  CAST(LEAST(dateDiff('day', first_date, any(today)), {days:Int64}) AS Nullable(Int64)) AS observed_days,
  CAST(COUNT(*) AS Nullable(Int64)) AS orders,
  CAST(SUM(amount) AS Nullable(Decimal(18, 4))) AS spend
FROM purchases
JOIN firsts
  USING (member_id)
CROSS JOIN today
WHERE
  purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
  AND dateDiff('day', first_date, CAST(purchased_at AS Nullable(Date32))) < {days:Int64}
GROUP BY
  member_id,
  first_date
ORDER BY
  1
