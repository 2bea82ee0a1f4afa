"""How people prove who they are beyond a password: second factors, checked by django-allauth.

https://docs.allauth.org/en/latest/mfa/. Who has to show one, and where, is said by the engine.
"""
