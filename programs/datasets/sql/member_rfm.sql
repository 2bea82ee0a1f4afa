-- Per member up to as_of (exclusive): the summary that RFM and BG/NBD models start from.
-- frequency: days with a purchase after the first such day; recency_days: first to last purchase day;
-- tenure_days: first purchase day to as_of; inactive_days: last purchase day to as_of; days are local.
WITH orders AS (
    SELECT member_id, amount, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today)
SELECT
    member_id,
    min(day) AS first_date,
    max(day) AS last_date,
    count(*) AS orders,
    count(DISTINCT day) - 1 AS frequency,
    date_diff('day', min(day), max(day)) AS recency_days,
    date_diff('day', min(day), any_value(today)) AS tenure_days,
    date_diff('day', max(day), any_value(today)) AS inactive_days,
    CAST(sum(amount) AS DECIMAL(18, 4)) AS monetary
FROM orders CROSS JOIN today
GROUP BY member_id
ORDER BY member_id
