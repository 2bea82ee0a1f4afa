"""Lists come in pages; the caller may ask for larger ones, up to a limit."""

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    page_size_query_param = "page_size"
    max_page_size = 500
