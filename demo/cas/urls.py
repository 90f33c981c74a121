"""The application stands under /cas/, as in life; /ready answers as soon as requests are served."""
from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("ready", lambda request: HttpResponse("ready\n", content_type="text/plain")),
    path("cas/", include("cas_server.urls", namespace="cas_server")),
]
