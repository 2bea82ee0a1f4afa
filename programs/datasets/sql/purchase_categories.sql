-- What was bought up to as_of by category, in small letters; null where none is recorded.
SELECT lower(category) AS category, count(*) AS orders, CAST(sum(amount) AS DOUBLE) AS spend
FROM purchases
WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY lower(category)
ORDER BY category
