-- Per member: what was spent in the first `days` days from the first purchase, that day included,
-- and how many of those days had passed at as_of. Projecting the unfinished ones is the caller's model.
WITH firsts AS (
    SELECT member_id, CAST(min(purchased_at) AT TIME ZONE 'UTC' AS DATE) AS first_date
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ) GROUP BY member_id
),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today)
SELECT
    member_id,
    first_date,
    least(date_diff('day', first_date, any_value(today)), $days) AS observed_days,
    count(*) AS orders,
    CAST(sum(amount) AS DECIMAL(18, 4)) AS spend
FROM purchases JOIN firsts USING (member_id) CROSS JOIN today
WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
    AND date_diff('day', first_date, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE)) < $days
GROUP BY member_id, first_date
ORDER BY member_id
