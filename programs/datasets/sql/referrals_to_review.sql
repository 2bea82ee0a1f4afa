-- Referrals known at as_of that a heuristic of the fraud review can fire on, as they stood then. Labels stay behind.
-- Every condition here is at least as wide as the heuristic it stands for, which decides in Python; sets that only
-- screen are compared by hash, for a collision costs one row more. What a heuristic must know of rows left out stands
-- beside each row: counts of its referrer, and a mark (chr(31)) on traces that join more people than any cap.
WITH known AS (
    SELECT *,
        hash(referral_id) AS row_key,
        hash('id', referrer_id) AS referrer,
        CASE WHEN referee_customer_id <> '' THEN hash('id', referee_customer_id)
            WHEN referee_email <> '' THEN hash('mail', lower(trim(referee_email))) ELSE hash('row', referral_id) END AS referee,
        coalesce(CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END, invited_at) AS referred_at,
        won_at < CAST($as_of AS TIMESTAMPTZ) AS was_won,
        refunded_at < CAST($as_of AS TIMESTAMPTZ) AS was_refunded,
        CASE WHEN ip <> '' AND user_agent <> '' THEN hash(ip, user_agent) END AS place
    FROM referrals
    WHERE invited_at < CAST($as_of AS TIMESTAMPTZ)
),
accounts AS MATERIALIZED (
    SELECT referral_id, min(account_hash) AS payout_hash
    FROM referral_payouts
    WHERE paid_at < CAST($as_of AS TIMESTAMPTZ) AND account_hash <> ''
    GROUP BY referral_id
),
referrers AS MATERIALIZED (
    SELECT referrer, count(*) AS referrals_of_referrer, count(*) FILTER (was_won) AS orders_of_referrer,
        count(*) FILTER (was_won AND was_refunded) AS refunds_of_referrer
    FROM known GROUP BY referrer
),
-- Traces and the people who left them: a trace of two people joins them, one of very many joins nobody.
left_traces AS (
    SELECT hash('cookie', cookie_id) AS trace, referee AS person FROM known WHERE cookie_id <> ''
    UNION ALL SELECT hash('cookie', referrer_cookie_id), referrer FROM known WHERE referrer_cookie_id <> ''
    UNION ALL SELECT hash('device', device_id), referee FROM known WHERE device_id <> ''
    UNION ALL SELECT hash('device', referrer_device_id), referrer FROM known WHERE referrer_device_id <> ''
    UNION ALL SELECT hash('payment', payment_hash), referee FROM known WHERE payment_hash <> ''
    UNION ALL SELECT hash('payment', referrer_payment_hash), referrer FROM known WHERE referrer_payment_hash <> ''
    UNION ALL SELECT hash('payout', payout_hash), referrer FROM accounts JOIN known USING (referral_id)
),
joining AS MATERIALIZED (
    SELECT trace, count(*) AS seen FROM left_traces GROUP BY trace HAVING min(person) <> max(person)
),
hubs AS MATERIALIZED (
    SELECT trace FROM left_traces
    WHERE trace IN (SELECT trace FROM joining WHERE seen > 2 * $trace_cap)
    GROUP BY trace HAVING count(DISTINCT person) > 2 * $trace_cap
),
ties AS MATERIALIZED (SELECT trace FROM joining WHERE trace NOT IN (SELECT trace FROM hubs)),
-- Referred people of one referrer at one network address with one browser, where hardly anybody else refers.
gatherings AS MATERIALIZED (
    SELECT place, referrer FROM known WHERE place IS NOT NULL
    GROUP BY place, referrer HAVING count(*) BETWEEN 2 AND $place_cap
),
quiet_places AS MATERIALIZED (
    SELECT place FROM known WHERE place IN (SELECT place FROM gatherings)
    GROUP BY place HAVING count(DISTINCT referrer) <= 2
),
-- Mailboxes by the rules of their providers.
spelled AS (
    SELECT row_key, referrer, side, address,
        coalesce(map_extract_value(map($alias_domains, $real_domains), rtrim(regexp_extract(address, '@([^@]*)$', 1), '.')),
            rtrim(regexp_extract(address, '@([^@]*)$', 1), '.')) AS domain,
        regexp_extract(address, '^(.*)@', 1) AS mailbox
    FROM (
        SELECT row_key, referrer, 'referee' AS side, lower(trim(referee_email)) AS address FROM known WHERE referee_email <> ''
        UNION ALL
        SELECT row_key, referrer, 'referrer', lower(trim(referrer_email)) FROM known WHERE referrer_email <> ''
    )
),
tagged AS (
    SELECT row_key, referrer, side, address, domain,
        CASE WHEN list_contains($hyphen_tags, domain) THEN split_part(mailbox, '-', 1) ELSE split_part(mailbox, '+', 1) END AS mailbox
    FROM spelled
),
mailboxes AS (
    SELECT row_key, referrer, side, address, domain, mailbox,
        hash(CASE WHEN list_contains($dots_ignored, domain) THEN replace(mailbox, '.', '') ELSE mailbox END, domain) AS box
    FROM tagged
),
respelled AS MATERIALIZED (
    SELECT box FROM mailboxes WHERE side = 'referee' GROUP BY box HAVING min(hash(address)) <> max(hash(address))
),
numbered AS MATERIALIZED (
    SELECT referrer, hash(regexp_replace(replace(mailbox, '.', ''), '[0-9]+$', ''), domain) AS stem
    FROM mailboxes WHERE side = 'referee' AND regexp_matches(mailbox, '[0-9]$')
    GROUP BY ALL HAVING count(*) >= $sequence
),
thrown_away AS (SELECT unnest($disposable_domains) AS domain),
by_mail AS (
    SELECT row_key FROM mailboxes WHERE side = 'referee' AND (
        box IN (SELECT box FROM respelled)
        OR domain IN (SELECT domain FROM thrown_away)
        OR regexp_replace(domain, '^[^.]+\.', '') IN (SELECT domain FROM thrown_away)
        OR regexp_replace(domain, '^[^.]+\.[^.]+\.', '') IN (SELECT domain FROM thrown_away)
    )
    UNION ALL
    SELECT row_key FROM mailboxes JOIN numbered
        ON mailboxes.referrer = numbered.referrer
        AND stem = hash(regexp_replace(replace(mailbox, '.', ''), '[0-9]+$', ''), domain)
    WHERE side = 'referee'
    UNION ALL
    SELECT row_key FROM (SELECT row_key, box FROM mailboxes WHERE side = 'referee')
    SEMI JOIN (SELECT row_key, box FROM mailboxes WHERE side = 'referrer') USING (row_key, box)
),
-- Names and places by initials and numbers; who shares an address counts with the namesakes there.
named AS (
    SELECT row_key,
        list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referrer_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1])) AS referrer_initials,
        list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referee_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1])) AS referee_initials,
        list_transform(regexp_extract_all(strip_accents(replace(lower(referrer_address), 'ß', 'ss')), '[a-z]+|[0-9]+'), lambda word: CASE WHEN word[1] BETWEEN 'a' AND 'z' THEN word[1] ELSE word END) AS referrer_home,
        list_transform(regexp_extract_all(strip_accents(replace(lower(referee_address), 'ß', 'ss')), '[a-z]+|[0-9]+'), lambda word: CASE WHEN word[1] BETWEEN 'a' AND 'z' THEN word[1] ELSE word END) AS referee_home
    FROM known
    WHERE referee_address <> ''
),
shared_homes AS MATERIALIZED (
    SELECT DISTINCT hash(referee_home) AS home FROM named
    WHERE referrer_home = referee_home AND referrer_initials = referee_initials
),
-- Bursts: enough of one referrer within the window before and after.
bursts AS (
    SELECT row_key FROM (
        SELECT row_key, count(*) OVER (
            PARTITION BY referrer ORDER BY referred_at
            RANGE BETWEEN to_seconds($velocity_seconds + 1) PRECEDING AND to_seconds($velocity_seconds + 1) FOLLOWING
        ) AS near
        FROM known
        WHERE referrer IN (SELECT referrer FROM referrers WHERE referrals_of_referrer >= $velocity_minimum)
    ) WHERE near >= $velocity_minimum
),
-- A circle passes through people who both refer and were referred.
referred AS MATERIALIZED (
    SELECT DISTINCT referee FROM known WHERE referee IN (SELECT referrer FROM referrers)
),
suspects AS MATERIALIZED (
    SELECT DISTINCT row_key FROM (
        SELECT row_key FROM known
        WHERE referrer = referee
            OR referrer_cookie_id = cookie_id OR referrer_device_id = device_id OR referrer_payment_hash = payment_hash
            OR (was_won AND epoch(won_at) - epoch(clicked_at) BETWEEN 0 AND $too_fast_seconds)
            OR (was_won AND was_refunded AND refunded_at >= won_at + to_days($holding_days)
                AND refunded_at < won_at + to_days($holding_days + $grace_days))
            OR (was_won AND was_refunded
                AND referrer IN (SELECT referrer FROM referrers WHERE refunds_of_referrer >= $refund_minimum))
            OR regexp_matches(coalesce(landing_url, '') || ' ' || coalesce(referer_url, ''), $click_ids, 'i')
            OR lower(trim(source)) IN (SELECT unnest($banned_sources))
            OR regexp_extract(lower(referer_url), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1) IN (SELECT unnest($banned_sources))
            OR (referee IN (SELECT referee FROM referred) AND referrer IN (SELECT referee FROM referred))
            OR hash('cookie', cookie_id) IN (SELECT trace FROM ties)
            OR hash('cookie', referrer_cookie_id) IN (SELECT trace FROM ties)
            OR hash('device', device_id) IN (SELECT trace FROM ties)
            OR hash('device', referrer_device_id) IN (SELECT trace FROM ties)
            OR hash('payment', payment_hash) IN (SELECT trace FROM ties)
            OR hash('payment', referrer_payment_hash) IN (SELECT trace FROM ties)
        UNION ALL SELECT row_key FROM by_mail
        UNION ALL SELECT row_key FROM named WHERE hash(referee_home) IN (SELECT home FROM shared_homes)
        UNION ALL SELECT row_key FROM bursts
        UNION ALL SELECT row_key FROM known JOIN gatherings USING (place, referrer) SEMI JOIN quiet_places USING (place)
        UNION ALL SELECT hash(referral_id) FROM accounts WHERE hash('payout', payout_hash) IN (SELECT trace FROM ties)
    )
),
chosen AS MATERIALIZED (SELECT * FROM known WHERE row_key IN (SELECT row_key FROM suspects))
SELECT
    chosen.* EXCLUDE (fraud, row_key, referrer, referee, referred_at, was_won, was_refunded, place) REPLACE (
        CASE WHEN clicked_at < CAST($as_of AS TIMESTAMPTZ) THEN clicked_at END AS clicked_at,
        CASE WHEN submitted_at < CAST($as_of AS TIMESTAMPTZ) THEN submitted_at END AS submitted_at,
        CASE WHEN won_at < CAST($as_of AS TIMESTAMPTZ) THEN won_at END AS won_at,
        CASE WHEN paid_at < CAST($as_of AS TIMESTAMPTZ) THEN paid_at END AS paid_at,
        CASE WHEN refunded_at < CAST($as_of AS TIMESTAMPTZ) THEN refunded_at END AS refunded_at,
        CASE WHEN hash('cookie', cookie_id) IN (SELECT trace FROM hubs) THEN chr(31) || cookie_id ELSE cookie_id END AS cookie_id,
        CASE WHEN hash('cookie', referrer_cookie_id) IN (SELECT trace FROM hubs) THEN chr(31) || referrer_cookie_id ELSE referrer_cookie_id END AS referrer_cookie_id,
        CASE WHEN hash('device', device_id) IN (SELECT trace FROM hubs) THEN chr(31) || device_id ELSE device_id END AS device_id,
        CASE WHEN hash('device', referrer_device_id) IN (SELECT trace FROM hubs) THEN chr(31) || referrer_device_id ELSE referrer_device_id END AS referrer_device_id,
        CASE WHEN hash('payment', payment_hash) IN (SELECT trace FROM hubs) THEN chr(31) || payment_hash ELSE payment_hash END AS payment_hash,
        CASE WHEN hash('payment', referrer_payment_hash) IN (SELECT trace FROM hubs) THEN chr(31) || referrer_payment_hash ELSE referrer_payment_hash END AS referrer_payment_hash,
        CASE WHEN gatherings.referrer IS NOT NULL AND chosen.place IN (SELECT place FROM quiet_places) THEN ip END AS ip
    ),
    CASE WHEN hash('payout', payout_hash) IN (SELECT trace FROM hubs) THEN chr(31) || payout_hash ELSE payout_hash END AS payout_hash,
    referrals_of_referrer, orders_of_referrer, refunds_of_referrer
FROM chosen
LEFT JOIN accounts USING (referral_id)
LEFT JOIN gatherings ON chosen.place = gatherings.place AND chosen.referrer = gatherings.referrer
JOIN referrers ON chosen.referrer = referrers.referrer
ORDER BY referral_id
