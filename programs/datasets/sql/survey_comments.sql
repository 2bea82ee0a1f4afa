-- What respondents wrote, the newest first: survey, score and comment of answers that have one.
SELECT survey, score, trim(comment) AS comment
FROM survey_responses
WHERE trim(comment) <> '' AND answered_at < CAST($as_of AS TIMESTAMPTZ)
ORDER BY answered_at DESC, comment
LIMIT 100000
