-- Of members observed for `days` days since their first purchase those who came last, all within `width` days, and those
-- of them who bought again on a later day within `days` days.
WITH days AS (
    SELECT DISTINCT member_id, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
members AS (
    SELECT first_days[1] AS first_day, coalesce(first_days[2] - first_days[1] <= $days, false) AS repeated
    FROM (SELECT min(day, 2) AS first_days FROM days GROUP BY member_id)
    WHERE CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) - first_days[1] >= $days
)
SELECT
    count(*) AS members, count(*) FILTER (repeated) AS repeat_members,
    min(first_day) AS first_from, max(first_day) AS first_to
FROM members
WHERE first_day > (SELECT max(first_day) FROM members) - CAST($width AS INTEGER)
