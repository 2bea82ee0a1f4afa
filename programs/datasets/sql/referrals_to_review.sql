-- Referrals known at as_of that a heuristic of the fraud review can fire on, as they stood then. Labels stay behind.
-- Every condition here is at least as wide as the heuristic it stands for, which decides in Python; sets that only
-- screen are compared by hash, for a collision costs one row more. What a heuristic must know of rows left out stands
-- beside each row: counts of its referrer, and a mark (chr(31)) on traces that join more people than any cap.
WITH known AS NOT MATERIALIZED (
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
left_traces AS NOT MATERIALIZED (
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
    SELECT hash(place, referrer) AS gathering, any_value(place) AS place FROM known WHERE place IS NOT NULL
    GROUP BY gathering HAVING count(*) BETWEEN 2 AND $place_cap
),
quiet_places AS MATERIALIZED (
    SELECT place FROM known WHERE place IN (SELECT place FROM gatherings)
    GROUP BY place HAVING count(DISTINCT referrer) <= 2
),
-- Mailboxes of the referred by the rules of their providers.
aliases AS (SELECT unnest($alias_domains) AS domain, unnest($real_domains) AS real_domain),
spelled AS NOT MATERIALIZED (
    SELECT row_key, referrer, address, coalesce(real_domain, addresses.domain) AS domain,
        split_part(split_part(address, '@', 1), CASE WHEN list_contains($hyphen_tags, coalesce(real_domain, addresses.domain)) THEN '-' ELSE '+' END, 1) AS untagged
    FROM (
        SELECT row_key, referrer, lower(trim(referee_email)) AS address,
            rtrim(split_part(lower(trim(referee_email)), '@', 2), '.') AS domain
        FROM known WHERE referee_email <> ''
    ) AS addresses LEFT JOIN aliases ON addresses.domain = aliases.domain
),
mailboxes AS MATERIALIZED (
    SELECT row_key, hash(address) AS spelling, hash(domain) AS domain, hash(mailbox, domain) AS box,
        CASE WHEN right(mailbox, 1) BETWEEN '0' AND '9' THEN hash(referrer, rtrim(mailbox, '0123456789'), domain) END AS stem
    FROM (
        SELECT *, CASE WHEN list_contains($dots_ignored, domain) THEN replace(untagged, '.', '') ELSE untagged END AS mailbox
        FROM spelled
    )
),
throw_away AS (SELECT unnest($disposable_domains) AS domain),
thrown_away AS MATERIALIZED (
    SELECT hash(domain) AS domain FROM (SELECT DISTINCT domain FROM spelled)
    WHERE domain IN (SELECT domain FROM throw_away)
        OR regexp_replace(domain, '^[^.]+\.', '') IN (SELECT domain FROM throw_away)
        OR regexp_replace(domain, '^[^.]+\.[^.]+\.', '') IN (SELECT domain FROM throw_away)
),
respelled AS MATERIALIZED (SELECT box FROM mailboxes GROUP BY box HAVING min(spelling) <> max(spelling)),
numbered AS MATERIALIZED (
    SELECT stem FROM mailboxes WHERE stem IS NOT NULL GROUP BY stem HAVING count(*) >= $sequence
),
-- Bursts: enough of one referrer in a stretch of two windows, at either of two offsets; every window lies in one.
moments AS NOT MATERIALIZED (
    SELECT row_key, referrer, epoch_ms(referred_at) // (2000 * ($velocity_seconds + 1)) AS stretch,
        (epoch_ms(referred_at) + 1000 * ($velocity_seconds + 1)) // (2000 * ($velocity_seconds + 1)) AS other_stretch
    FROM known
    WHERE referrer IN (SELECT referrer FROM referrers WHERE referrals_of_referrer >= $velocity_minimum)
),
bursts AS (
    SELECT row_key FROM moments SEMI JOIN (
        SELECT referrer, stretch FROM moments GROUP BY ALL HAVING count(*) >= $velocity_minimum
    ) AS busy USING (referrer, stretch)
    UNION ALL
    SELECT row_key FROM moments SEMI JOIN (
        SELECT referrer, other_stretch FROM moments GROUP BY ALL HAVING count(*) >= $velocity_minimum
    ) AS busy USING (referrer, other_stretch)
),
-- A circle passes through people who both refer and were referred.
referred AS MATERIALIZED (
    SELECT DISTINCT referee FROM known WHERE referee IN (SELECT referrer FROM referrers)
),
suspects AS MATERIALIZED (
    SELECT DISTINCT row_key FROM (
        SELECT row_key FROM known
        WHERE referrer = referee
            -- One mailbox and one address begin with one character (cheap to see), an accent may come or go.
            OR ((ord(referrer_email) | 32) = (ord(referee_email) | 32) OR ord(referrer_email) > 127 OR ord(referee_email) > 127)
                AND replace(split_part(split_part(split_part(lower(trim(referrer_email)), '@', 1), '+', 1), '-', 1), '.', '')
                    = replace(split_part(split_part(split_part(lower(trim(referee_email)), '@', 1), '+', 1), '-', 1), '.', '')
            OR ((ord(referrer_address) | 32) = (ord(referee_address) | 32) OR ord(referrer_address) > 127 OR ord(referee_address) > 127)
                AND regexp_extract(referrer_address, '[0-9]+') = regexp_extract(referee_address, '[0-9]+')
                AND list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referrer_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1]))
                    = list_sort(list_transform(regexp_extract_all(strip_accents(replace(lower(referee_name), 'ß', 'ss')), '[a-z0-9]+'), lambda word: word[1]))
            OR referrer_cookie_id = cookie_id OR referrer_device_id = device_id OR referrer_payment_hash = payment_hash
            OR (was_won AND epoch(won_at) - epoch(clicked_at) BETWEEN 0 AND $too_fast_seconds)
            OR (was_won AND was_refunded AND refunded_at >= won_at + to_days($holding_days)
                AND refunded_at < won_at + to_days($holding_days + $grace_days))
            OR (was_won AND was_refunded
                AND referrer IN (SELECT referrer FROM referrers WHERE refunds_of_referrer >= $refund_minimum))
            OR regexp_matches(landing_url, $click_ids, 'i') OR regexp_matches(referer_url, $click_ids, 'i')
            OR len($banned_sources) > 0 AND (
                list_contains($banned_sources, lower(trim(source)))
                OR list_contains($banned_sources, regexp_extract(lower(referer_url), '^[a-z]+://(?:www\.)?([^/:?#]+)', 1))
            )
            OR (referee IN (SELECT referee FROM referred) AND referrer IN (SELECT referee FROM referred))
            OR hash('cookie', cookie_id) IN (SELECT trace FROM ties)
            OR hash('cookie', referrer_cookie_id) IN (SELECT trace FROM ties)
            OR hash('device', device_id) IN (SELECT trace FROM ties)
            OR hash('device', referrer_device_id) IN (SELECT trace FROM ties)
            OR hash('payment', payment_hash) IN (SELECT trace FROM ties)
            OR hash('payment', referrer_payment_hash) IN (SELECT trace FROM ties)
        UNION ALL
        SELECT row_key FROM mailboxes
        WHERE box IN (SELECT box FROM respelled) OR domain IN (SELECT domain FROM thrown_away)
            OR stem IN (SELECT stem FROM numbered)
        UNION ALL SELECT row_key FROM bursts
        UNION ALL
        SELECT row_key FROM known
        WHERE hash(place, referrer) IN (SELECT gathering FROM gatherings SEMI JOIN quiet_places USING (place))
        UNION ALL SELECT hash(referral_id) FROM accounts WHERE hash('payout', payout_hash) IN (SELECT trace FROM ties)
    )
),
chosen AS MATERIALIZED (SELECT * FROM known WHERE row_key IN (SELECT row_key FROM suspects)),
homes AS (
    SELECT hash(lower(trim(referee_address))) AS home, count(DISTINCT hash(lower(trim(referee_name)))) AS names_at_address
    FROM known
    WHERE hash(lower(trim(referee_address))) IN (SELECT hash(lower(trim(referee_address))) FROM chosen)
    GROUP BY home
)
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
        CASE WHEN hash(place, chosen.referrer) IN (SELECT gathering FROM gatherings SEMI JOIN quiet_places USING (place)) THEN ip END AS ip
    ),
    CASE WHEN hash('payout', payout_hash) IN (SELECT trace FROM hubs) THEN chr(31) || payout_hash ELSE payout_hash END AS payout_hash,
    referrals_of_referrer, orders_of_referrer, refunds_of_referrer, coalesce(names_at_address, 0) AS names_at_address
FROM chosen
LEFT JOIN accounts USING (referral_id)
LEFT JOIN homes ON hash(lower(trim(referee_address))) = home
JOIN referrers ON chosen.referrer = referrers.referrer
ORDER BY referral_id
