-- One row a purchase: whose it is, its amount, its day and the day of the member's next one (days since 1970, local),
-- null where none followed.
SELECT
    member_id,
    CAST(amount AS DOUBLE) AS amount,
    datediff('day', DATE '1970-01-01', CAST(purchased_at AT TIME ZONE 'UTC' AS DATE)) AS purchase,
    datediff('day', DATE '1970-01-01', CAST(lead(purchased_at) OVER running AT TIME ZONE 'UTC' AS DATE))
        AS next_purchase
FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
WINDOW running AS (PARTITION BY member_id ORDER BY purchased_at, amount)
ORDER BY purchase, next_purchase, member_id, amount
