"""For class-based views: the page bears the names of what the view shows."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import HttpRequest

from .tagging import tag


class TaggedMixin:
    """Stands before `DetailView`, `ListView` and their like.

    A page of one object is named by that object, a list by its model: whatever changes among the objects, the list may
    change. A view that shows more names it in `vitrine_things`. A list that depends on its own objects alone, such as a category's,
    says `vitrine_names_objects = True`, and names what else it depends on.
    """

    request: HttpRequest
    #: A list is named by each of its objects in place of the model.
    vitrine_names_objects = False

    def vitrine_things(self, context: dict[str, Any]) -> list[Any]:
        """What else the page shows: objects, models, texts. `context` is what the template is given."""
        return []

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The template's context, once the page was named."""
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        shown = context.get("object")
        if isinstance(shown, Model):
            tag(self.request, shown)
        listed = context.get("object_list")
        if listed is not None:
            by_model = isinstance(listed, QuerySet) and not self.vitrine_names_objects
            tag(self.request, listed.model if by_model else listed)
        tag(self.request, *self.vitrine_things(context))
        return context
