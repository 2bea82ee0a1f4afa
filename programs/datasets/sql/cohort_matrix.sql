-- Per cohort (period of first purchase) and age in periods: who bought, how often, for how much.
-- cohort_size is the denominator of retention; ages without a purchase have no row.
WITH orders AS (
    SELECT member_id, amount, date_trunc($period, purchased_at AT TIME ZONE 'UTC') AS period FROM purchases
),
cohorts AS (
    SELECT member_id, min(period) AS cohort FROM orders GROUP BY member_id
),
sizes AS (
    SELECT cohort, count(*) AS cohort_size FROM cohorts GROUP BY cohort
)
SELECT
    CAST(cohort AS DATE) AS cohort,
    date_diff($period, cohort, period) AS age,
    any_value(cohort_size) AS cohort_size,
    count(DISTINCT member_id) AS members,
    count(*) AS orders,
    CAST(sum(amount) AS DECIMAL(18, 4)) AS revenue
FROM orders JOIN cohorts USING (member_id) JOIN sizes USING (cohort)
GROUP BY cohort, period
ORDER BY cohort, period
