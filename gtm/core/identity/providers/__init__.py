"""Sign-in at a provider of the company (OpenID Connect), configured from the environment.

Discovery, state, PKCE and the exchange of the code are django-allauth's; the token is checked here, and so is
whose account it opens. https://openid.net/specs/openid-connect-core-1_0.html
"""
