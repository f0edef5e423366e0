"""Where the shop is edited."""

from django.contrib import admin

from .models import Category, Order, Product


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Products."""

    list_display = ("name_en", "price_cents", "stock", "views")
    filter_horizontal = ("categories",)


admin.site.register(Category)
admin.site.register(Order)
