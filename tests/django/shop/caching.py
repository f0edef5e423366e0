"""What a change of the shop's objects purges beside their own pages and lists."""

from .models import Product


def tags_of_product(product: Product) -> list[str]:
    """The categories that show it, from now on too."""
    return [f"category:{category.pk}" for category in product.categories.all()]
