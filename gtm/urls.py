"""Routes: the admin at ``/``, REST at ``/api/v1/``, probes beside them."""

from pkgutil import resolve_name

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.routers import SimpleRouter

from gtm.core.admin.own_password import SetForgotten, SetOwnPassword, own_password
from gtm.core.admin.own_zone import page as own_zone
from gtm.core.admin.saved_views import page as saved_views
from gtm.core.api import problem
from gtm.core.api.tokens import TokenView, TokenViewSet
from gtm.probes import healthz, metrics, readyz
from gtm.witnessing import add_checkpoint
from plans.mcp.web import endpoint as mcp
from programs.outreach.staged_pages import landing_page

admin.autodiscover()
admin.site.index_title = "Home"
search_page = resolve_name("gtm.search:page")  # it reads the pages of the admin, which are known from here on

token_routes = SimpleRouter()
token_routes.register("tokens", TokenViewSet, basename="token")
api_v1 = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    path("token/", TokenView.as_view(), name="token"),
    *token_routes.urls,
    path("", include("plans.api.urls")),
    path("", include("programs.api.urls")),
]

handler400 = "gtm.error_pages.bad_request"
handler403 = "gtm.error_pages.permission_denied"
handler404 = "gtm.error_pages.page_not_found"
handler500 = "gtm.error_pages.server_error"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include(api_v1)),
    path("mcp/", mcp, name="mcp"),
    path("witness/add-checkpoint", add_checkpoint, name="witness"),
    path("join/<slug:program>/", landing_page, name="staged_landing_page"),
    re_path(r"^api/", problem.not_found),  # before the admin, which would send a program to the login page
    path("search/", admin.site.admin_view(search_page), name="search"),  # the admin's keeps what it found
    path("password_change/", own_password, name="own_password"),  # the admin's leaves no record
    path("own_account/time-zone/", admin.site.admin_view(own_zone), name="own_zone"),
    path("own_account/views/", admin.site.admin_view(saved_views), name="saved_views"),
    path("own_password/<uidb64>/<token>/", SetOwnPassword.as_view(), name="own_password_set"),
    path("own_password/forgotten/<uidb64>/<token>/", SetForgotten.as_view(), name="forgotten_password_set"),
    path("", include("gtm.core.identity.urls")),  # the login page among them, before the admin's
    path("", admin.site.urls),
]
