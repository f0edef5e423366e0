"""Where everything is."""

from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path, re_path

from . import views

urlpatterns = [
    path("", views.ProductList.as_view(), name="home"),
    path("catalogue/", views.ProductList.as_view(), name="products"),
    re_path(r"^catalogue/(?P<slug>[\w-]+)_(?P<pk>\d+)/$", views.ProductPage.as_view(slug_url_kwarg="unused"), name="product"),
    re_path(r"^category/(?P<slug>[\w-]+)_(?P<pk>\d+)/$", views.CategoryPage.as_view(), name="category"),
    path("basket/", views.basket_page, name="basket"),
    path("basket/add/<int:pk>/", views.add_to_basket, name="add-to-basket"),
    path("watch/<int:pk>/", views.watch_price, name="watch-price"),
    path("checkout/", views.place_order, name="place-order"),
    path("fragments/recently-viewed/", views.recently_viewed, name="recently-viewed"),
    path("accounts/login/", auth.LoginView.as_view(), name="login"),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("accounts/profile/", views.profile, name="profile"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
]
