-- Per member and complete month of age (of 30.4375 days since the first purchase, 0 the first): spend, net, of the first
-- `months` months, of members who have lived through as many. Months without spend have no row.
WITH orders AS (
    SELECT member_id, amount, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today),
firsts AS (
    SELECT member_id, min(day) AS first_date FROM orders GROUP BY member_id
),
old_enough AS (
    SELECT member_id, first_date, row_number() OVER (ORDER BY member_id) - 1 AS member
    FROM firsts CROSS JOIN today WHERE date_diff('day', first_date, today) >= $months * 30.4375
)
SELECT
    member,
    CAST(floor(date_diff('day', first_date, day) / 30.4375) AS INTEGER) AS month,
    CAST(sum(amount) AS DECIMAL(18, 4)) AS spend
FROM orders JOIN old_enough USING (member_id)
WHERE date_diff('day', first_date, day) < $months * 30.4375
GROUP BY 1, 2
ORDER BY member, month
