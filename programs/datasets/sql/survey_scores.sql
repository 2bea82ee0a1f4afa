-- Sufficient statistics of NPS (promoters 9-10, detractors 0-6) and CSAT (satisfied 4-5) per period.
SELECT
    survey,
    CAST(date_trunc($period, answered_at AT TIME ZONE 'UTC') AS DATE) AS period,
    count(*) AS responses,
    count(*) FILTER (survey = 'nps' AND score >= 9) AS promoters,
    count(*) FILTER (survey = 'nps' AND score <= 6) AS detractors,
    count(*) FILTER (survey = 'csat' AND score >= 4) AS satisfied,
    CAST(sum(score) AS BIGINT) AS score_sum,
    CAST(sum(score * score) AS BIGINT) AS score_squares
FROM survey_responses
WHERE answered_at < CAST($as_of AS TIMESTAMPTZ)
GROUP BY 1, 2
ORDER BY survey, period
