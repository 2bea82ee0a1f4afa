-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Per cohort (period of first purchase) and age in periods: who bought, how often, for how much.
-- cohort_size is the denominator of retention; ages without a purchase have no row.
WITH orders AS (
  SELECT
    member_id,
    amount,
    dateTrunc({period:String}, purchased_at) AS period
  FROM purchases
), cohorts AS (
  SELECT
    member_id,
    MIN(period) AS cohort
  FROM orders
  GROUP BY
    member_id
), sizes AS (
  SELECT
    cohort,
    COUNT(*) AS cohort_size
  FROM cohorts
  GROUP BY
    cohort
)
SELECT
  CAST(cohort AS Nullable(Date32)) AS cohort,
  CAST(dateDiff({period:String}, cohort, period) AS Nullable(Int64)) AS age,
  CAST(any(cohort_size) AS Nullable(Int64)) AS cohort_size,
  CAST(COUNT(DISTINCT member_id) AS Nullable(Int64)) AS members,
  CAST(COUNT(*) AS Nullable(Int64)) AS orders,
  CAST(SUM(amount) AS Nullable(Decimal(18, 4))) AS revenue
FROM orders
JOIN cohorts
  USING (member_id)
JOIN sizes
  USING (cohort)
GROUP BY
  cohort,
  period
ORDER BY
  1,
  period
