-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per period and event: members who did it and how often. A row without a count counts once.
SELECT
  CAST(dateTrunc({period:String}, occurred_at) AS Nullable(Date32)) AS period,
  CAST(event AS Nullable(String)) AS event,
  CAST(COUNT(DISTINCT member_id) AS Nullable(Int64)) AS members,
  CAST(SUM(COALESCE("count", 1)) AS Nullable(Int64)) AS events
FROM usage_events
WHERE
  occurred_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  1,
  2
ORDER BY
  1,
  2
