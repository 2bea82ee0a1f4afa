-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Of members observed for `days` days since their first purchase those who came last, all within `width` days, and those
-- of them who bought again on a later day within `days` days.
WITH bought AS (
  SELECT
    member_id,
    CAST(purchased_at AS Nullable(Date32)) AS day
  FROM purchases
  WHERE
    purchased_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
), today AS (
  SELECT
    CAST(CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC'))) AS Nullable(Date32)) AS today
), firsts AS (
  SELECT
    member_id,
    MIN(day) AS first_day
  FROM bought
  GROUP BY
    member_id
), observed AS (
  SELECT
    member_id,
    first_day
  FROM firsts
  CROSS JOIN today
  WHERE
    dateDiff('day', first_day, today) >= {days:Int64}
), latest AS (
  SELECT
    MAX(first_day) AS last_day
  FROM observed
), members AS (
  SELECT
    first_day,
    max(day > first_day AND dateDiff('day', first_day, day) <= {days:Int64}) AS repeated
  FROM bought
  JOIN observed
    USING (member_id)
  CROSS JOIN latest
  WHERE
    dateDiff('day', first_day, last_day) < {width:Int64}
  GROUP BY
    member_id,
    first_day
)
SELECT
  CAST(COUNT(*) AS Nullable(Int64)) AS members,
  CAST(COUNT(*) FILTER(WHERE
    repeated) AS Nullable(Int64)) AS repeat_members,
  CAST(MIN(first_day) AS Nullable(Date32)) AS first_from,
  CAST(MAX(first_day) AS Nullable(Date32)) AS first_to
FROM members
