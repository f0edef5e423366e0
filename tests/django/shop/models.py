"""Products in categories, and orders."""

from django.db import models
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import get_language


class Named(models.Model):
    """Has a name in each of the shop's languages."""

    name_en = models.CharField(max_length=80)
    name_de = models.CharField(max_length=80)
    name_bn = models.CharField(max_length=80)

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        """In the language of the page."""
        return str(getattr(self, f"name_{get_language() or 'en'}", self.name_en))

    @property
    def slug(self) -> str:
        """Of the English name, so that one URL serves all languages."""
        return slugify(self.name_en)

    def __str__(self) -> str:
        return self.name


class Category(Named):
    """A shelf."""

    class Meta:
        verbose_name_plural = "categories"

    def get_absolute_url(self) -> str:
        return reverse("category", args=[self.slug, self.pk])


class Product(Named):
    """Something that can be bought."""

    price_cents = models.PositiveIntegerField()
    stock = models.PositiveIntegerField(default=100)
    views = models.PositiveIntegerField(default=0)
    categories = models.ManyToManyField(Category, related_name="products")

    class Meta:
        ordering = ["pk"]

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.slug, self.pk])

    @property
    def price(self) -> str:
        """As it is printed."""
        return f"{self.price_cents // 100}.{self.price_cents % 100:02}"


class Order(models.Model):
    """What somebody has bought."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    placed_at = models.DateTimeField(auto_now_add=True)
