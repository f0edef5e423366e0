"""The pages."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.generic import DetailView, ListView

from . import basket
from .models import Category, Order, Product

if settings.WEBHOOK_URL:
    from vitrine_django.views import TaggedMixin
else:
    # The shop without a cache in front of it.
    class TaggedMixin:  # type: ignore[no-redef]
        """Names nothing."""


RECENTLY_VIEWED = "recently_viewed"
_RECENTLY_VIEWED_MAX = 5


class ProductList(TaggedMixin, ListView):
    """All products, by pages."""

    model = Product
    paginate_by = 20
    template_name = "shop/product_list.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(categories=list(Category.objects.all()), **kwargs)

    def vitrine_things(self, context: dict[str, Any]) -> list[Any]:
        return [Category]


class CategoryPage(TaggedMixin, ListView):
    """The products of a category. It depends on these alone: not on every product there is."""

    paginate_by = 20
    template_name = "shop/product_list.html"
    vitrine_names_objects = True

    def get_queryset(self) -> QuerySet[Product]:
        self.category = get_object_or_404(Category, pk=self.kwargs["pk"])
        return self.category.products.all()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(category=self.category, **kwargs)

    def vitrine_things(self, context: dict[str, Any]) -> list[Any]:
        return [self.category]


class ProductPage(TaggedMixin, DetailView):
    """One product. It counts its views, and remembers in a cookie that it was seen."""

    model = Product
    template_name = "shop/product.html"

    def vitrine_things(self, context: dict[str, Any]) -> list[Any]:
        return list(self.object.categories.all())

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        # Without a signal, and so without a purge: that a page was seen changes no page.
        Product.objects.filter(pk=self.object.pk).update(views=F("views") + 1)
        seen = [self.object.pk, *(pk for pk in _recently_viewed(request) if pk != self.object.pk)]
        response.set_cookie(RECENTLY_VIEWED, json.dumps(seen[:_RECENTLY_VIEWED_MAX]), max_age=604800, httponly=True)
        return response


def _recently_viewed(request: HttpRequest) -> list[int]:
    try:
        return [int(pk) for pk in json.loads(request.COOKIES.get(RECENTLY_VIEWED, "[]"))]
    except (ValueError, TypeError):
        return []


def recently_viewed(request: HttpRequest) -> HttpResponse:
    """A fragment: each visitor's own, and never cached."""
    products = Product.objects.in_bulk(_recently_viewed(request))
    return render(request, "shop/recently_viewed.html", {"products": products.values()})


@require_POST
def add_to_basket(request: HttpRequest, pk: int) -> HttpResponse:
    """Puts one into the basket, and goes back to the page with the form."""
    product = get_object_or_404(Product, pk=pk)
    held = basket.read(request)
    held[pk] = held.get(pk, 0) + 1
    messages.success(request, f"In your basket: {product.name}")
    response = redirect(request.META.get("HTTP_REFERER") or product)
    basket.write(response, held)
    return response


@require_POST
def watch_price(request: HttpRequest, pk: int) -> HttpResponse:
    """Says something to a visitor who has no basket, and goes back to the page with the form."""
    product = get_object_or_404(Product, pk=pk)
    messages.info(request, f"You will hear of {product.name}")
    return redirect(request.META.get("HTTP_REFERER") or product)


def basket_page(request: HttpRequest) -> HttpResponse:
    """What is in the basket."""
    held = basket.read(request)
    products = Product.objects.in_bulk(held)
    lines = [(products[pk], quantity) for pk, quantity in held.items() if pk in products]
    return render(request, "shop/basket.html", {"lines": lines})


@require_POST
@transaction.atomic
def place_order(request: HttpRequest) -> HttpResponse:
    """Buys what is in the basket. The stock changes, and with it every page that shows it."""
    for pk, quantity in basket.read(request).items():
        product = get_object_or_404(Product, pk=pk)
        product.stock = max(product.stock - quantity, 0)
        product.save(update_fields=["stock"])
        Order.objects.create(product=product, quantity=quantity)
    messages.success(request, "Thank you for your order")
    response = redirect("basket")
    basket.write(response, {})
    return response


@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """A signed-in visitor's own page."""
    return render(request, "shop/profile.html", {"heading": _("Welcome,")})
