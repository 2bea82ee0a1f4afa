-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Members whose first purchase lies at least `days` days before as_of, and those of them who bought again
-- on a later day within `days` days of it.
WITH bought AS (
  SELECT
    member_id,
    CAST(purchased_at AS Nullable(Date32)) AS day
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
), firsts AS (
  SELECT
    member_id,
    MIN(day) AS first_day
  FROM bought
  GROUP BY
    member_id
), today AS (
  SELECT
    CAST(CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) AS Nullable(Date32)) AS today
), members AS (
  SELECT
    dateDiff('day', first_day, today) >= {days:Int64} AS observed,
    max(day > first_day AND dateDiff('day', first_day, day) <= {days:Int64}) AS repeated
  FROM bought
  JOIN firsts
    USING (member_id)
  CROSS JOIN today
  GROUP BY
    member_id,
    first_day,
    today
)
SELECT
  CAST(COUNT(*) FILTER(WHERE
    observed) AS Nullable(Int64)) AS members,
  CAST(COUNT(*) FILTER(WHERE
    observed AND repeated) AS Nullable(Int64)) AS repeat_members,
  CAST(COUNT(*) FILTER(WHERE
    NOT observed) AS Nullable(Int64)) AS too_young
FROM members
