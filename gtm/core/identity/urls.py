"""The pages of allauth that this site has, by the names that allauth knows them by. Nobody signs up."""

from django.urls import path

from gtm.core.identity import confirming, pages, passkeys, recovery, sessions
from gtm.core.identity.providers import pages as providers

urlpatterns = [
    path("login/", pages.LoginPage.as_view(), name="account_login"),
    path("login/second-factor/", pages.ShowFactor.as_view(), name="mfa_authenticate"),
    path("login/at/<slug:name>/", providers.ToProvider.as_view(), name="provider_login"),
    path(
        "login/at/<slug:provider_id>/callback/",
        providers.FromProvider.as_view(),
        name="openid_connect_callback",
    ),
    path("logout/", providers.SignOut.as_view(), name="account_logout"),
    path("own_account/provider/", providers.ProveAnew.as_view(), name="provider_prove"),
    path("own_account/sessions/", sessions.Sessions.as_view(), name="usersessions_list"),
    path("own_account/password/", pages.ConfirmByPassword.as_view(), name="account_reauthenticate"),
    path("own_account/factors/", pages.Factors.as_view(), name="mfa_index"),
    path("own_account/factors/confirm/", pages.ConfirmByFactor.as_view(), name="mfa_reauthenticate"),
    path("own_account/factors/link/", confirming.AskForLink.as_view(), name="mfa_ask_to_confirm"),
    path("own_account/factors/link/<token>/", confirming.ConfirmFactor.as_view(), name="mfa_confirm"),
    path("own_account/factors/app/add/", pages.AddApp.as_view(), name="mfa_activate_totp"),
    path("own_account/factors/app/remove/", pages.RemoveApp.as_view(), name="mfa_deactivate_totp"),
    path("login/forgotten/", recovery.Forgotten.as_view(), name="forgotten_password"),
    path("login/passkey/", passkeys.LoginByPasskey.as_view(), name="mfa_login_webauthn"),
    path(
        "own_account/factors/passkey/",
        passkeys.ConfirmByPasskey.as_view(),
        name="mfa_reauthenticate_webauthn",
    ),
    path("own_account/factors/passkey/add/", passkeys.AddPasskey.as_view(), name="mfa_add_webauthn"),
    path(
        "own_account/factors/passkey/<int:pk>/", passkeys.RemovePasskey.as_view(), name="mfa_remove_webauthn"
    ),
    path("own_account/factors/codes/", pages.RecoveryCodes.as_view(), name="mfa_view_recovery_codes"),
    path("own_account/factors/codes/new/", pages.NewCodes.as_view(), name="mfa_generate_recovery_codes"),
]
