-- Members with a purchase from start until middle, and those of them with one from middle until as_of.
WITH active AS (
    SELECT
        bool_or(purchased_at < CAST($middle AS TIMESTAMPTZ)) AS earlier,
        bool_or(purchased_at >= CAST($middle AS TIMESTAMPTZ)) AS later
    FROM purchases
    WHERE purchased_at >= CAST($start AS TIMESTAMPTZ) AND purchased_at < CAST($as_of AS TIMESTAMPTZ)
    GROUP BY member_id
)
SELECT count(*) FILTER (earlier) AS members, count(*) FILTER (earlier AND later) AS retained FROM active
