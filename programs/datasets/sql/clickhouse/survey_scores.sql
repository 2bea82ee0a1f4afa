-- Made by make clickhouse-sql from the file of this name one folder up: change that one.
-- Sufficient statistics of NPS (promoters 9-10, detractors 0-6) and CSAT (satisfied 4-5) per period.
SELECT
  CAST(survey AS Nullable(String)) AS survey,
  CAST(dateTrunc({period:String}, answered_at) AS Nullable(Date32)) AS period,
  CAST(COUNT(*) AS Nullable(Int64)) AS responses,
  CAST(COUNT(*) FILTER(WHERE
    survey = 'nps' AND score >= 9) AS Nullable(Int64)) AS promoters,
  CAST(COUNT(*) FILTER(WHERE
    survey = 'nps' AND score <= 6) AS Nullable(Int64)) AS detractors,
  CAST(COUNT(*) FILTER(WHERE
    survey = 'csat' AND score >= 4) AS Nullable(Int64)) AS satisfied,
  CAST(SUM(score) AS Nullable(Int64)) AS score_sum,
  CAST(SUM(score * score) AS Nullable(Int64)) AS score_squares
FROM survey_responses
WHERE
  answered_at < CAST({as_of:DateTime64(6, 'UTC')} AS Nullable(DateTime64(6, 'UTC')))
GROUP BY
  1,
  2
ORDER BY
  1,
  2
