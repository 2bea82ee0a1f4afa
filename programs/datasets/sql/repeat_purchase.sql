-- Members whose first purchase lies at least `days` days before as_of, and those of them who bought again
-- on a later day within `days` days of it.
WITH bought AS (
    SELECT member_id, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
firsts AS (SELECT member_id, min(day) AS first_day FROM bought GROUP BY member_id),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today),
members AS (
    SELECT
        date_diff('day', first_day, today) >= $days AS observed,
        bool_or(day > first_day AND date_diff('day', first_day, day) <= $days) AS repeated
    FROM bought JOIN firsts USING (member_id) CROSS JOIN today
    GROUP BY member_id, first_day, today
)
SELECT
    count(*) FILTER (observed) AS members,
    count(*) FILTER (observed AND repeated) AS repeat_members,
    count(*) FILTER (NOT observed) AS too_young
FROM members
