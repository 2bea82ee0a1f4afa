-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- One row an NPS answer: its day (days since 1970, local) and score.
SELECT
  CAST(dateDiff('day', CAST('1970-01-01' AS Nullable(Date32)), CAST(answered_at AS Nullable(Date32))) AS Nullable(Int64)) AS day,
  CAST(score AS Nullable(Int64)) AS score
FROM survey_responses
WHERE
  survey = 'nps'
  AND answered_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
ORDER BY
  1,
  2
