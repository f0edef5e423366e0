"""The tests' URLs."""

from django.contrib import admin
from django.urls import path

from . import views

urlpatterns = [
    path("admin/", admin.site.urls),
    path("products/", views.ProductList.as_view()),
    path("products/<int:pk>/", views.ProductPage.as_view()),
    path("categories/<int:pk>/", views.CategoryPage.as_view()),
    path("by-template/", views.by_template),
    path("many/<int:count>/", views.many),
    path("private/", views.private),
    path("in/", views.sign_in),
    path("out/", views.sign_out),
    path("failing/", views.failing),
]
