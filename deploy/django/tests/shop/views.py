"""Pages for the tests."""

from django.contrib import messages
from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import DetailView, ListView

from vitrine_django import tag
from vitrine_django.views import TaggedMixin

from .models import Category, Product


class ProductPage(TaggedMixin, DetailView):
    model = Product

    def vitrine_things(self, context):
        return [*self.object.categories.all(), "banner"]


class ProductList(TaggedMixin, ListView):
    model = Product


class CategoryPage(TaggedMixin, ListView):
    template_name = "shop/product_list.html"
    vitrine_names_objects = True

    def get_queryset(self):
        return Product.objects.filter(categories=self.kwargs["pk"])

    def vitrine_things(self, context):
        return [Category.objects.get(pk=self.kwargs["pk"])]


def by_template(request: HttpRequest) -> HttpResponse:
    return render(request, "shop/by_template.html", {"products": Product.objects.all()})


def many(request: HttpRequest, count: int) -> HttpResponse:
    tag(request, "first", *(f"product:{number}" for number in range(count)))
    response = HttpResponse("many")
    response["Surrogate-Key"] = "by-hand"
    return response


def private(request: HttpRequest) -> HttpResponse:
    tag(request, "public")
    tag(request, "order:7", private=True)
    return HttpResponse(request.user.get_username() or "nobody")


def sign_in(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username="ann", password="secret")
    login(request, user)
    return HttpResponse("in")


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.info(request, "bye")
    return HttpResponse("out")


def failing(request: HttpRequest) -> HttpResponse:
    Product.objects.create(name="never")
    raise RuntimeError("on purpose")
