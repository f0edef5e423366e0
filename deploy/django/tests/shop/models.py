"""A shop's models, as small as they can be."""

from django.db import models


class Category(models.Model):
    name = models.CharField(max_length=50)


class Product(models.Model):
    name = models.CharField(max_length=50)
    price = models.IntegerField(default=0)
    categories = models.ManyToManyField(Category, related_name="products", blank=True)
    related = models.ManyToManyField("self", blank=True)

    def get_absolute_url(self) -> str:
        return f"/products/{self.pk}/"


class Gift(Product):
    """Inherits its table, and its registration."""

    ribbon = models.CharField(max_length=20, default="red")


class Note(models.Model):
    """A model that nobody has registered."""

    text = models.CharField(max_length=50)
