-- What was agreed.
SELECT metric, coalesce(dimension, '') AS dimension, coalesce(member, '') AS member, starts_on, ends_on, target, currency
FROM targets
ORDER BY metric, dimension, member, starts_on
