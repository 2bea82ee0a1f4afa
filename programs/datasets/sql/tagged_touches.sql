-- Touches with their UTM parameters as one query string: columns where filled, else what the URL carries.
CREATE TEMP VIEW tagged AS
SELECT
    coalesce(nullif(owner, ''), partner, '') AS owner, person_id, occurred_at, touch_id,
    coalesce(channel, '') AS channel, coalesce(campaign, '') AS campaign, asset, segment, region,
    cost, currency,
    CASE
        WHEN coalesce(utm_source, utm_medium, utm_campaign, utm_content, utm_term) IS NOT NULL
        THEN concat_ws(
            '&', 'utm_source=' || url_encode(utm_source), 'utm_medium=' || url_encode(utm_medium),
            'utm_campaign=' || url_encode(utm_campaign), 'utm_content=' || url_encode(utm_content),
            'utm_term=' || url_encode(utm_term)
        )
        ELSE coalesce(
            array_to_string(
                list_sort(
                    list_filter(
                        string_split(split_part(split_part(landing_url, '#', 1), '?', 2), '&'),
                        lambda part: starts_with(lower(part), 'utm_')
                    )
                ),
                '&'
            ),
            ''
        )
    END AS tags
FROM touchpoints;
