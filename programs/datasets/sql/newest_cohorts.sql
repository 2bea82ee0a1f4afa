-- Of members observed for `days` days since their first purchase those who came last, all within `width` days, and those
-- of them who bought again on a later day within `days` days.
WITH bought AS (
    SELECT member_id, CAST(purchased_at AT TIME ZONE 'UTC' AS DATE) AS day
    FROM purchases WHERE purchased_at < CAST($as_of AS TIMESTAMPTZ)
),
today AS (SELECT CAST(CAST($as_of AS TIMESTAMPTZ) AT TIME ZONE 'UTC' AS DATE) AS today),
firsts AS (SELECT member_id, min(day) AS first_day FROM bought GROUP BY member_id),
observed AS (
    SELECT member_id, first_day FROM firsts CROSS JOIN today WHERE date_diff('day', first_day, today) >= $days
),
latest AS (SELECT max(first_day) AS last_day FROM observed),
members AS (
    SELECT
        first_day,
        bool_or(day > first_day AND date_diff('day', first_day, day) <= $days) AS repeated
    FROM bought JOIN observed USING (member_id) CROSS JOIN latest
    WHERE date_diff('day', first_day, last_day) < $width
    GROUP BY member_id, first_day
)
SELECT
    count(*) AS members, count(*) FILTER (repeated) AS repeat_members,
    min(first_day) AS first_from, max(first_day) AS first_to
FROM members
