-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Points per period by kind of movement, and the balance outstanding at its end.
WITH moves AS (
  SELECT
    dateTrunc({period:String}, posted_at) AS period,
    entry,
    points
  FROM point_ledger
  WHERE
    posted_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
), flows AS (
  SELECT
    period,
    COALESCE(SUM(points) FILTER(WHERE
      entry = 'issue'), 0) AS issued,
    COALESCE(SUM(points) FILTER(WHERE
      entry = 'redeem'), 0) AS redeemed,
    COALESCE(SUM(points) FILTER(WHERE
      entry = 'expire'), 0) AS expired,
    COALESCE(SUM(points) FILTER(WHERE
      entry = 'reverse'), 0) AS reversed,
    COALESCE(SUM(points) FILTER(WHERE
      entry = 'adjust'), 0) AS adjusted
  FROM moves
  GROUP BY
    period
)
SELECT
  CAST(period AS Nullable(Date32)) AS period,
  CAST(issued AS Nullable(Decimal(18, 4))) AS issued,
  CAST(redeemed AS Nullable(Decimal(18, 4))) AS redeemed,
  CAST(expired AS Nullable(Decimal(18, 4))) AS expired,
  CAST(reversed AS Nullable(Decimal(18, 4))) AS reversed,
  CAST(adjusted AS Nullable(Decimal(18, 4))) AS adjusted,
  CAST(SUM(issued - redeemed - expired - reversed + adjusted) OVER (ORDER BY period) AS Nullable(Decimal(18, 4))) AS outstanding
FROM flows
ORDER BY
  1
