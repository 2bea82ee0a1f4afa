-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Life table of silence. A member lapses in the tenure period (0, 1, …) of the last purchase when nothing
-- followed for `inactive_days` before as_of, and is censored there otherwise.
-- at_risk counts members who reached the period; the discrete hazard is lapsed / at_risk.
WITH spans AS (
  SELECT
    dateDiff({period:String}, dateTrunc({period:String}, MIN(purchased_at)), dateTrunc({period:String}, MAX(purchased_at))) AS tenure,
    MAX(purchased_at) < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) - toIntervalDay({inactive_days:Int64}) AS lapsed
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
  GROUP BY
    member_id
), ends AS (
  SELECT
    tenure,
    COUNT(*) FILTER(WHERE
      lapsed) AS lapsed,
    COUNT(*) FILTER(WHERE
      NOT lapsed) AS censored
  FROM spans
  GROUP BY
    tenure
)
SELECT
  CAST(tenure AS Nullable(Int64)) AS tenure,
  CAST(SUM(lapsed + censored) OVER (ORDER BY tenure DESC) AS Nullable(Int64)) AS at_risk,
  CAST(lapsed AS Nullable(Int64)) AS lapsed,
  CAST(censored AS Nullable(Int64)) AS censored
FROM ends
ORDER BY
  1
