-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Points issued per vintage: the exposure of the triangle. An adjustment upwards is an issue of its own.
SELECT
  CAST(dateTrunc({period:String}, posted_at) AS Nullable(Date32)) AS vintage,
  CAST(SUM(points) AS Nullable(Decimal(18, 4))) AS issued,
  CAST(COUNT(DISTINCT member_id) AS Nullable(Int64)) AS members
FROM point_ledger
WHERE
  (
    entry = 'issue' OR entry = 'adjust' AND points > 0
  )
  AND posted_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  vintage
ORDER BY
  1
