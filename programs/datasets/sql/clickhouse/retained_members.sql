-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Members with a purchase from start until middle, and those of them with one from middle until as_of.
WITH active AS (
  SELECT
    max(purchased_at < CAST({middle:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))) AS earlier,
    max(purchased_at >= CAST({middle:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))) AS later
  FROM purchases
  WHERE
    purchased_at >= CAST({start:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
    AND purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
  GROUP BY
    member_id
)
SELECT
  CAST(COUNT(*) FILTER(WHERE
    earlier) AS Nullable(Int64)) AS members,
  CAST(COUNT(*) FILTER(WHERE
    earlier AND later) AS Nullable(Int64)) AS retained
FROM active
