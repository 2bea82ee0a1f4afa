-- Per day of age (0 is the day of a member's first purchase): what all members spent on it, net, for the first
-- `days` days. A day that has not passed at as_of has no spend; who has passed it is in first_year_spend.
WITH orders AS (
    SELECT member_id, amount, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
aged AS (
    SELECT amount, date_diff('day', min(day) OVER (PARTITION BY member_id), day) AS age FROM orders
)
SELECT age, CAST(sum(amount) AS DECIMAL(18, 4)) AS spend
FROM aged WHERE age < $days
GROUP BY age
ORDER BY age
