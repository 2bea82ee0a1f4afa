-- Members whose first purchase lies at least `days` days before as_of, and those of them who bought again
-- on a later day within `days` days of it. The first two days of a member are all it takes.
WITH days AS (
    SELECT DISTINCT member_id, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today),
members AS (
    SELECT today - first_days[1] >= $days AS observed, coalesce(first_days[2] - first_days[1] <= $days, false) AS repeated
    FROM (SELECT min(day, 2) AS first_days FROM days GROUP BY member_id), today
)
SELECT
    count(*) FILTER (observed) AS members,
    count(*) FILTER (observed AND repeated) AS repeat_members,
    count(*) FILTER (NOT observed) AS too_young
FROM members
